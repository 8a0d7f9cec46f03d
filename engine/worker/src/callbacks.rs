//! Calls of services that runs wait for: genuine or not, taken in here or left for another process.

use base::RunId;
use flow::ActionKind;
use journal::{Path, RunRow, StoreError};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::engine::{Engine, Message};

/// A call of a service that a run waits for.
#[derive(Clone, Debug)]
pub struct CallBack {
    /// Which run.
    pub run: RunId,
    /// Which action waits.
    pub path: Path,
    /// What stands in the address as proof.
    pub signature: String,
    /// `{statusCode, headers, queries, body}`: the outputs of the action.
    pub outputs: Value,
}

/// Why a call back was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum CallBackError {
    /// No action of any run was given this address.
    #[error("this address was not given to anybody")]
    Unknown,
    /// The action has ended: it was called before, has timed out, or its run was ended.
    #[error("nobody waits here any more")]
    NotAwaited,
    /// People answer here, with one of the options of an approval.
    #[error("this is an approval, which takes one of its options as an answer")]
    Approval,
    /// The engine is stopping, or the run cannot go on; the call may be repeated.
    #[error("the engine is stopping")]
    Stopping,
    /// The store failed.
    #[error("the run cannot be read")]
    Store(#[source] StoreError),
}

impl Engine {
    /// Takes in the call of a service that a run waits for. When this returns, it is durable.
    ///
    /// # Errors
    /// If the address was not made for that action, nobody waits there any more, or the store failed.
    pub async fn call_back(&self, call: CallBack) -> Result<(), CallBackError> {
        let CallBack { run, path, signature, outputs } = call;
        let row = self.genuine_call(&run, &path, &signature).await?;
        if row.status.is_some() {
            return Err(CallBackError::NotAwaited);
        }
        let plan = self.0.plan(&row.flow, &row.sha).await.map_err(CallBackError::Store)?;
        let kind = plan.locate(&path).map(|(id, _)| &plan.flow.action(id).kind);
        if matches!(kind, Some(ActionKind::Approval(_))) {
            return Err(CallBackError::Approval);
        }
        self.take_call(&run, path, outputs).await
    }

    /// Takes in a call that is genuine.
    pub(crate) async fn take_call(
        &self,
        run: &RunId,
        path: Path,
        outputs: Value,
    ) -> Result<(), CallBackError> {
        if !self.0.tenures.has(run) {
            return self.call_elsewhere(run, path, outputs).await;
        }
        let (done, told) = oneshot::channel();
        self.0.deliver(run, Message::Call { path, outputs, done });
        match told.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(CallBackError::NotAwaited),
            // The run has ended in the meantime, or it cannot go on at present.
            Err(_) => match self.load(run).await.map_err(CallBackError::Store)?.0.status {
                Some(_) => Err(CallBackError::NotAwaited),
                None => Err(CallBackError::Stopping),
            },
        }
    }

    /// Leaves the call for whoever works on the run.
    async fn call_elsewhere(
        &self,
        run: &RunId,
        path: Path,
        outputs: Value,
    ) -> Result<(), CallBackError> {
        let shared = self.0.store.shared().ok_or(CallBackError::Stopping)?;
        let (_, plan, state) = self.show(run).await.map_err(CallBackError::Store)?;
        if !state.awaits_call(&plan, &path) {
            return Err(CallBackError::NotAwaited);
        }
        let kind = journal::EventKind::Called { outputs };
        let post = journal::Post::event(run, path, kind);
        shared.post(vec![post]).await.map_err(CallBackError::Store)
    }

    /// The run that an address was made for.
    pub(crate) async fn genuine_call(
        &self,
        run: &RunId,
        path: &Path,
        signature: &str,
    ) -> Result<RunRow, CallBackError> {
        let found = self.0.store.load(run).await.map_err(CallBackError::Store)?;
        let (row, events) = found.ok_or(CallBackError::Unknown)?;
        let callback = events.iter().find_map(|event| match &event.kind {
            journal::EventKind::Started { callback, .. } => callback.as_ref(),
            _ => None,
        });
        let genuine = callback.is_some_and(|it| interp::callback::is_genuine(it, path, signature));
        if genuine { Ok(row) } else { Err(CallBackError::Unknown) }
    }
}
