//! Flows that are turned off: they take no new events until they are turned on again.
//!
//! Whether a flow is off stands in the store, as the state of a trigger without a name, so it holds for
//! every process that serves the flow and for those that come later.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use base::Failure;
use journal::{StoreError, TriggerState};
use serde_json::{Value, json};

use crate::engine::{Engine, Inner};

/// How often it is looked whether another process has turned a flow on or off.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why a flow was not turned on or off.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// There is no such flow.
    #[error("there is no flow `{0}`")]
    UnknownFlow(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Whether a flow is turned off.
    pub fn is_off(&self, flow: &str) -> bool {
        self.0.is_off(flow)
    }

    /// Turns a flow on or off. Runs that have begun go on.
    ///
    /// # Errors
    /// If there is no such flow or nothing could be stored.
    pub async fn switch(&self, flow: &str, on: bool) -> Result<(), SwitchError> {
        if !self.flows().contains_key(flow) {
            return Err(SwitchError::UnknownFlow(flow.to_owned()));
        }
        let state = TriggerState {
            flow: flow.to_owned(),
            trigger: String::new(),
            state: json!({ "off": !on }),
            due: None,
        };
        let stored = self.0.store.advance(Vec::new(), vec![state]).await;
        if matches!(stored, Err(StoreError::Fenced)) {
            self.0.fenced();
        }
        stored?;
        look(&self.0).await?;
        Ok(())
    }
}

impl Inner {
    pub(crate) fn is_off(&self, flow: &str) -> bool {
        self.off.read().unwrap_or_else(PoisonError::into_inner).contains(flow)
    }
}

/// What a call of such a flow ends with, in the cloud's words.
pub(crate) fn is_off(flow: &str) -> Failure {
    Failure::new("WorkflowTriggerIsNotEnabled", format!("the flow `{flow}` is turned off"))
}

/// Reads which flows are off; whoever follows the flows is told if that has changed.
pub(crate) async fn look(inner: &Inner) -> Result<(), StoreError> {
    let is_off = |it: &TriggerState| {
        it.trigger.is_empty() && it.state.get("off") == Some(&Value::Bool(true))
    };
    let states = inner.store.triggers().await?;
    let off: BTreeSet<String> = states.into_iter().filter(is_off).map(|it| it.flow).collect();
    let mut known = inner.off.write().unwrap_or_else(PoisonError::into_inner);
    if *known != off {
        *known = off;
        drop(known);
        inner.deployed.send_modify(|count| *count += 1);
    }
    Ok(())
}

/// Follows what other processes turn on and off, until the engine stops.
pub(crate) async fn follow(inner: Arc<Inner>) {
    if inner.store.shared().is_none() {
        return;
    }
    let mut stop = inner.stop.subscribe();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = look(&inner).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "It could not be read which flows are turned off.");
        }
    }
}
