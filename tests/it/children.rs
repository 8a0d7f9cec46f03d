//! Calls of other flows end in the engine as they do in one process alone.

use std::sync::Arc;

use journal::{Admitted, MemoryStore, RunFilter};
use worker::{Engine, Incoming, SystemClock};

use crate::support::{Case, service::PATIENCE, trace};

#[tokio::test]
async fn called_flows_end_as_in_their_cases() {
    let cases: Vec<Case> =
        Case::all().into_iter().filter(|it| it.name.starts_with("children/")).collect();
    assert!(2 <= cases.len());
    for case in cases {
        let mut flows = case.children.clone();
        flows.insert(case.name.clone(), Arc::clone(&case.flow));
        let engine = Engine::start(worker::Options {
            store: Arc::new(MemoryStore::new()),
            performer: Arc::new(case.mocks.clone()),
            clock: Arc::new(SystemClock::default()),
            flows,
            active_max: 10,
            addresses: None,
        })
        .await
        .unwrap();
        let incoming = Incoming {
            flow: case.name.clone(),
            trigger: case.trigger.clone(),
            outputs: case.outputs.clone().into(),
            by: None,
        };
        let receipt = engine.fire(incoming).await.unwrap();
        let [Admitted::New(run)] = receipt.runs.as_slice() else { panic!("{receipt:?}") };
        tokio::time::timeout(PATIENCE, engine.wait(run)).await.unwrap().unwrap();
        let (_, plan, state) = engine.show(run).await.unwrap();
        let actual = trace::end_of(&plan, &state);
        let alone = case.started(&case.firings().unwrap()[0], 1);
        // What blocks the thread is not for a test that is asynchronous itself.
        let expected = std::thread::scope(|scope| {
            let alone = scope.spawn(|| trace::end_of(&plan, &case.drive(vec![alone]).run));
            alone.join().unwrap()
        });
        assert_eq!(actual, expected, "{}", case.name);
        let open = RunFilter { open: true, ..RunFilter::default() };
        let quiet = async {
            while !engine.runs(&open, 1).await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, quiet).await.expect("a called flow does not end");
        engine.stop();
    }
}
