//! A long event made ready for the store while its run takes the first step.

use base::value;
use journal::{
    Admission, EventKind,
    body::{Body, Packed},
    codec,
};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes of an event from which a thread of its own is worth it.
const BYTES_MIN: usize = 32 << 10;

/// What is being made ready.
pub(crate) struct Early(Option<JoinHandle<Option<Packed>>>);

impl Early {
    /// Begins, if there is one event and it is long.
    pub(crate) fn of(admissions: &[Admission]) -> Self {
        let long = match admissions {
            [only] => Some(only).filter(|it| is_long(it)),
            _ => None,
        };
        Self(long.map(|admission| {
            let started = admission.started.clone();
            // What cannot be written is refused by the store, which says why.
            spawn_blocking(move || {
                let text = codec::encode(&started).ok().filter(|it| Body::is_long(it))?;
                Packed::new(&text).ok()
            })
        }))
    }

    /// Leaves the event beside the admission that it is the first of.
    pub(crate) async fn put(self, admissions: &mut [Admission]) {
        if let (Some(task), [only]) = (self.0, admissions) {
            only.packed = task.await.ok().flatten();
        }
    }
}

fn is_long(admission: &Admission) -> bool {
    match &admission.started.kind {
        EventKind::Started { outputs, .. } => value::outweighs(outputs, BYTES_MIN),
        _ => false,
    }
}
