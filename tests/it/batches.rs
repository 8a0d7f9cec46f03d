//! Batch triggers: messages are kept until there are enough, over restarts, and each once.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use base::Timestamp;
use journal::{EventKind, MemoryStore, RunFilter, Store};
use serde_json::{Value, json};
use worker::{Engine, Incoming, Mocks};

use crate::{
    engine::flows,
    support::{service::PATIENCE, troubled::Troubled},
    triggers::ManualClock,
};

const SENDER: &str = "
flow: Sender
triggers: [{ name: Go, manual: { inputs: { n: { type: integer } } } }]
actions:
  - name: Send
    sendToBatch: receiver
    batch: orders
    partition: \"@{if(greater(triggerBody()?['n'], 9), 'large', 'small')}\"
    messageId: \"@{triggerBody()?['n']}\"
    with: { number: \"@triggerBody()?['n']\" }
";

const RECEIVER: &str = "
flow: Receiver
triggers:
  - name: Batch
    batch: { orders: { messageCount: 3, recurrence: { frequency: Minute, interval: 10 } } }
actions:
  - { name: Count, compose: \"@length(triggerBody()?['items'])\" }
";

struct World {
    engine: Engine,
    clock: Arc<ManualClock>,
    store: MemoryStore,
}

impl World {
    async fn on(store: MemoryStore, clock: Arc<ManualClock>) -> Self {
        let engine = Engine::start(worker::Options {
            store: Arc::new(store.reopen()),
            performer: Arc::new(Mocks::new(&json!({})).unwrap()),
            clock: Arc::clone(&clock) as Arc<dyn worker::Clock>,
            flows: flows(&[("sender", SENDER), ("receiver", RECEIVER)]),
            active_max: 100,
            addresses: None,
        });
        let engine = engine.await.unwrap();
        Self { engine, clock, store }
    }

    /// The same store in another process.
    async fn restart(self) -> Self {
        self.engine.stop();
        Self::on(self.store.reopen(), self.clock).await
    }

    async fn send(&self, n: u32) {
        let outputs = json!({ "headers": {}, "body": { "n": n } });
        let (flow, trigger) = ("sender".to_owned(), "Go".to_owned());
        let receipt = self
            .engine
            .fire(Incoming { flow, trigger, outputs: outputs.into(), by: None })
            .await
            .unwrap();
        let [journal::Admitted::New(run)] = receipt.runs.as_slice() else { panic!("{receipt:?}") };
        let row = tokio::time::timeout(PATIENCE, self.engine.wait(run)).await.unwrap().unwrap();
        assert_eq!(row.status, Some(base::Status::Succeeded), "{row:?}");
    }

    /// What the runs of the receiver were started with, once there are so many.
    async fn released(&self, count: usize) -> Vec<Value> {
        let begun = tokio::time::Instant::now();
        loop {
            let filter = RunFilter { flow: Some("receiver".to_owned()), ..RunFilter::default() };
            let rows = self.engine.runs(&filter, 100).await.unwrap();
            if rows.len() == count {
                let mut all = Vec::new();
                for row in rows.iter().rev() {
                    let (_, events) = self.engine.load(&row.run).await.unwrap();
                    let EventKind::Started { outputs, .. } = &events[0].kind else { panic!() };
                    all.push(outputs["body"].clone());
                }
                return all;
            }
            assert!(begun.elapsed() < PATIENCE, "{} runs, not {count}", rows.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn numbers(release: &Value) -> Vec<i64> {
    let items = release["items"].as_array().unwrap().iter();
    items.map(|it| it["content"]["number"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn messages_are_released_by_count_and_by_time_over_restarts() {
    let clock = ManualClock::at("2026-01-05T10:00:00Z");
    let mut world = World::on(MemoryStore::new(), clock).await;
    world.send(1).await;
    world.send(10).await;
    world = world.restart().await;
    world.send(2).await;
    world.send(3).await;
    let released = world.released(1).await;
    assert_eq!(
        (released[0]["batchName"].as_str(), numbers(&released[0])),
        (Some("orders"), vec![1, 2, 3])
    );
    assert_eq!(released[0]["partitionName"], "small");
    assert_eq!(released[0]["items"][0]["messageId"], "1");

    world.send(4).await;
    world = world.restart().await;
    world.clock.go(599);
    assert_eq!(world.released(1).await.len(), 1);
    world.clock.go(2);
    let released = world.released(3).await;
    let mut rest: Vec<_> = released[1..].iter().map(numbers).collect();
    rest.sort();
    assert_eq!(rest, [vec![4], vec![10]]);
    // Nothing waits, so the next interval releases nothing.
    world.clock.go(1_200);
    world.send(5).await;
    assert_eq!(world.released(3).await.len(), 3);
    assert!(Timestamp::default() < world.engine.now());
}

#[tokio::test]
async fn what_falls_due_while_its_trigger_is_gone_is_released_when_it_is_back() {
    let other = RECEIVER.split("    batch:").next().unwrap().to_owned()
        + "    manual: {}\nactions:\n  - { name: Count, compose: 0 }\n";
    for gone in [vec![("sender", SENDER)], vec![("sender", SENDER), ("receiver", other.as_str())]] {
        let clock = ManualClock::at("2026-01-05T10:00:00Z");
        let world = World::on(MemoryStore::new(), clock).await;
        world.send(1).await;
        world.engine.deploy(flows(&gone)).await.unwrap();
        world.clock.go(601);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(world.released(0).await.len(), 0);
        let back = flows(&[("sender", SENDER), ("receiver", RECEIVER)]);
        world.engine.deploy(back).await.unwrap();
        world.clock.go(61);
        assert_eq!(numbers(&world.released(1).await[0]), [1]);
    }
}

#[tokio::test]
async fn a_message_for_nobody_is_a_failure_of_its_sender() {
    let store = MemoryStore::new();
    let texts = [
        ("sender", SENDER.to_owned()),
        ("other", SENDER.replace("sendToBatch: receiver", "sendToBatch: nowhere")),
        ("third", SENDER.replace("batch: orders", "batch: invoices")),
        ("receiver", RECEIVER.to_owned()),
    ];
    let texts: Vec<(&str, &str)> =
        texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let engine = Engine::start(worker::Options {
        store: Arc::new(store) as Arc<dyn Store>,
        performer: Arc::new(Mocks::new(&json!({})).unwrap()),
        clock: ManualClock::at("2026-01-05T10:00:00Z"),
        flows: flows(&texts),
        active_max: 100,
        addresses: None,
    });
    let engine = engine.await.unwrap();
    for (flow, code) in [("other", "WorkflowNotFound"), ("third", "BatchNotFound")] {
        let outputs = json!({ "headers": {}, "body": { "n": 1 } });
        let incoming = Incoming {
            flow: flow.to_owned(),
            trigger: "Go".to_owned(),
            outputs: outputs.into(),
            by: None,
        };
        let receipt = engine.fire(incoming).await.unwrap();
        let [journal::Admitted::New(run)] = receipt.runs.as_slice() else { panic!("{receipt:?}") };
        let row = tokio::time::timeout(PATIENCE, engine.wait(run)).await.unwrap().unwrap();
        assert_eq!(row.status, Some(base::Status::Failed), "{row:?}");
        let (_, plan, state) = engine.show(run).await.unwrap();
        let nodes = interp::view::tree(&plan, &state);
        assert_eq!(nodes[0].failure.as_ref().map(|it| it.code.as_str()), Some(code));
    }
}

#[tokio::test]
async fn a_batch_that_cannot_be_stored_is_not_tried_without_a_pause() {
    let clock = ManualClock::at("2026-01-05T10:00:00Z");
    let store = Troubled::new();
    let engine = Engine::start(worker::Options {
        store: Arc::clone(&store) as _,
        performer: Arc::new(Mocks::new(&json!({})).unwrap()),
        clock: Arc::clone(&clock) as Arc<dyn worker::Clock>,
        flows: flows(&[("sender", SENDER), ("receiver", RECEIVER)]),
        active_max: 100,
        addresses: None,
    });
    let world = World { engine: engine.await.unwrap(), clock, store: MemoryStore::new() };
    world.send(1).await;
    store.failing.store(true, Ordering::SeqCst);
    let before = store.advances.load(Ordering::SeqCst);
    world.clock.go(601);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let tried = store.advances.load(Ordering::SeqCst) - before;
    assert_eq!(tried, 1, "the clock stands still, so it is not due again");
    store.failing.store(false, Ordering::SeqCst);
    world.clock.go(2);
    assert_eq!(numbers(&world.released(1).await[0]), [1]);
    world.engine.stop();
}
