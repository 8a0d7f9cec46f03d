//! Events on their way into the store: who is refused, what is stored together, and in what order.

use std::{sync::Arc, time::Instant};

use journal::{Admission, Admitted, StoreError, TriggerState};

use crate::{
    admit::{AdmitError, Answer, Fresh, LinedUp, Request},
    engine::Inner,
    patient,
};

/// Stores what is asked for; gives what each is answered, and its runs. What has no state of a trigger
/// is stored together: it cannot be refused because of what another process has.
pub(crate) async fn store(inner: &Inner, batch: &mut [Request]) -> Vec<(Answer, Vec<Fresh>)> {
    let together = |it: &Request| it.state.is_none() || inner.store.shared().is_none();
    let mut all = (Vec::new(), Vec::new());
    let mut fresh = Vec::new();
    let mut alone = Vec::new();
    for request in batch.iter_mut() {
        let LinedUp { admissions, begun, .. } = &mut request.lined_up;
        let new = admissions.iter().zip(std::mem::take(begun));
        fresh.push(new.map(|(new, begun)| Fresh::of(new, begun)).collect::<Vec<_>>());
        if together(request) {
            all.0.append(&mut request.lined_up.admissions);
            all.1.extend(request.state.clone());
        }
    }
    let mut merged = Ok(Vec::new().into_iter());
    if !(all.0.is_empty() && all.1.is_empty()) {
        merged = advance(inner, all.0, all.1).await.map(Vec::into_iter);
    }
    for (request, fresh) in batch.iter_mut().zip(fresh) {
        let answer = if together(request) {
            match &mut merged {
                Ok(rest) => Ok(rest.by_ref().take(fresh.len()).collect()),
                Err(error) => Err(AdmitError::Store(Arc::clone(error))),
            }
        } else {
            let admissions = std::mem::take(&mut request.lined_up.admissions);
            let states = request.state.clone().into_iter().collect();
            advance(inner, admissions, states).await.map_err(AdmitError::Store)
        };
        alone.push((answer, fresh));
    }
    alone
}

/// Stores admissions and states of triggers, all or none.
pub(crate) async fn advance(
    inner: &Inner,
    admissions: Vec<Admission>,
    states: Vec<TriggerState>,
) -> Result<Vec<Admitted>, Arc<StoreError>> {
    let began = Instant::now();
    let result = inner.store.advance(admissions, states).await;
    inner.metrics.wrote("admit", began.elapsed());
    result.map_err(|error| {
        if matches!(error, StoreError::Fenced) {
            inner.fenced();
        }
        Arc::new(error)
    })
}

/// Lets what other processes have admitted stand in line before what was admitted here just now: it
/// may have been acknowledged before this was asked for. The caller holds the order of admission.
pub(crate) async fn settle_order(inner: &Arc<Inner>) {
    if let Err(error) = patient::drain(inner).await {
        let error: &dyn std::error::Error = &error;
        tracing::error!(error, "What other nodes have left cannot be read.");
    }
}
