//! Triggers that fire by themselves: when, how often, and what is left of it when the process dies.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use base::{Outcome, Source, Timestamp};
use connector::Connection;
use interp::{
    Plan,
    effect::{Ask, Request},
};
use journal::{Event, EventKind, MemoryStore, Page, RunFilter, Store, TriggerState};
use serde_json::{Value, json};
use worker::{Clock, Deployed, Engine, Flows, Performer};

use crate::{
    crash::{Moment, Mortal},
    engine::flows,
    support::service::PATIENCE,
};

/// A clock that goes when it is told to.
pub(crate) struct ManualClock(AtomicI64);

impl ManualClock {
    pub(crate) fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(at(text).ticks())))
    }

    pub(crate) fn go(&self, seconds: i64) {
        self.0.fetch_add(base::Duration::seconds(seconds).ticks(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ticks(self.0.load(Ordering::SeqCst))
    }

    fn pause(&self, _until: Timestamp) -> Duration {
        Duration::from_millis(1)
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A service that is asked, with the answers that it will give; the last one for ever.
#[derive(Default)]
struct Desk {
    asked: Mutex<Vec<Value>>,
    answers: Mutex<VecDeque<Value>>,
    connection: Option<Arc<Connection>>,
}

impl Desk {
    fn with(answers: &[Value]) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.to_vec().into()), ..Self::default() })
    }

    fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Performer for Desk {
    async fn perform(&self, _plan: &Plan, ask: &Ask, now: Timestamp) -> Outcome {
        let asked = match &ask.request {
            Request::Http { inputs } => match &ask.follow {
                Some(follow) => json!(follow),
                None => inputs["uri"].clone(),
            },
            Request::Operation { inputs, .. } => Value::clone(inputs),
            other => panic!("{other:?}"),
        };
        self.asked.lock().unwrap().push(asked);
        let mut answers = self.answers.lock().unwrap();
        let answer = match answers.len() {
            0 => json!({ "statusCode": 202, "headers": {}, "body": null }),
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        };
        Outcome::of_response(answer, now)
    }

    fn connection(&self, _plan: &Plan, name: &str) -> Result<Arc<Connection>, base::Failure> {
        let none = || base::Failure::new("ConnectionNotFound", format!("no `{name}`"));
        self.connection.clone().ok_or_else(none)
    }
}

fn answer(status: u16, headers: &Value, body: &Value) -> Value {
    json!({ "statusCode": status, "headers": headers, "body": body })
}

/// An engine on a clock, with one flow.
struct World {
    clock: Arc<ManualClock>,
    desk: Arc<Desk>,
    store: Arc<dyn Store>,
    engine: Engine,
}

impl World {
    async fn new(trigger: &str, now: &str, desk: &Arc<Desk>) -> Self {
        let clock = ManualClock::at(now);
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        Self::on(store, clock, desk, flow(trigger)).await
    }

    async fn on(
        store: Arc<dyn Store>,
        clock: Arc<ManualClock>,
        desk: &Arc<Desk>,
        flows: Flows,
    ) -> Self {
        let options = worker::Options {
            store: Arc::clone(&store),
            performer: Arc::clone(desk) as Arc<dyn Performer>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            flows,
            addresses: None,
            active_max: 100,
        };
        let engine = Engine::start(options).await.unwrap();
        Self { clock, desk: Arc::clone(desk), store, engine }
    }

    /// Lets time pass and everything happen that is due by then.
    async fn go(&self, seconds: i64) {
        self.clock.go(seconds);
        self.rest().await;
    }

    /// Until no trigger is due and no run is open but those that wait.
    async fn rest(&self) {
        let patience = tokio::time::Instant::now() + PATIENCE;
        let mut before = None;
        loop {
            assert!(tokio::time::Instant::now() < patience, "{:?}", self.triggers().await);
            tokio::time::sleep(Duration::from_millis(5)).await;
            let triggers = self.triggers().await;
            let now = self.clock.now();
            let is_due = |it: &TriggerState| it.due.is_some_and(|due| due <= now);
            let quiet = !triggers.is_empty() && !triggers.iter().any(is_due);
            let state = (triggers, self.runs().await, self.desk.asked().len());
            if quiet && before.as_ref() == Some(&state) {
                return;
            }
            before = Some(state);
        }
    }

    async fn runs(&self) -> usize {
        self.store.runs(&RunFilter::default(), Page::Newest, 100_000).await.unwrap().len()
    }

    async fn triggers(&self) -> Vec<TriggerState> {
        self.store.triggers().await.unwrap()
    }

    async fn state(&self) -> TriggerState {
        self.triggers().await.remove(0)
    }

    /// What each run was started with, oldest first.
    async fn fired(&self) -> Vec<Value> {
        fired(&*self.store).await
    }
}

async fn fired(store: &dyn Store) -> Vec<Value> {
    let rows = store.runs(&RunFilter::default(), Page::Newest, 100_000).await.unwrap();
    let mut all = Vec::new();
    for row in rows.iter().rev() {
        let (_, events) = store.load(&row.run).await.unwrap().unwrap();
        let Some(Event { kind: EventKind::Started { outputs, .. }, .. }) = events.first() else {
            panic!("{events:?}")
        };
        all.push(Value::clone(outputs));
    }
    all
}

fn flow(trigger: &str) -> Flows {
    flows(&[("sample", &text(trigger, "compose: one"))])
}

fn text(trigger: &str, action: &str) -> String {
    let keys: Vec<String> = trigger.lines().map(|it| format!("    {}", it.trim())).collect();
    let keys = keys.join("\n");
    format!(
        "flow: Sample\nconnections: {{ crm: dynamics-365 }}\ntriggers:\n  - name: T\n{keys}\n\
         actions:\n  - name: A\n    {action}\n"
    )
}

/// The times of firings of recurrences.
fn times(fired: &[Value]) -> Vec<String> {
    let time = |it: &Value| it["scheduledTime"].as_str().unwrap().replace(":00.0000000Z", "Z");
    fired.iter().map(time).collect()
}

const NOON: &str = "2026-05-04T12:00:00Z";

#[tokio::test]
async fn a_recurrence_fires_at_once_and_then_every_interval() {
    let world =
        World::new("recurrence: { frequency: Hour, interval: 2 }", NOON, &Desk::with(&[])).await;
    world.rest().await;
    world.go(7_199).await;
    assert_eq!(times(&world.fired().await), ["2026-05-04T12:00Z"]);
    world.go(1).await;
    world.go(7_200).await;
    let expected = ["2026-05-04T12:00Z", "2026-05-04T14:00Z", "2026-05-04T16:00Z"];
    assert_eq!(times(&world.fired().await), expected);
    assert_eq!(world.state().await.due, Some(at("2026-05-04T18:00:00Z")));
}

#[tokio::test]
async fn what_was_missed_is_fired_once() {
    let desk = Desk::with(&[]);
    let trigger = "recurrence: { cron: '30 * * * *' }";
    let store = MemoryStore::new();
    let clock = ManualClock::at(NOON);
    let world = World::on(Arc::new(store.reopen()), Arc::clone(&clock), &desk, flow(trigger)).await;
    world.rest().await;
    world.engine.stop();
    clock.go(86_400 * 3);
    let world = World::on(Arc::new(store.reopen()), clock, &desk, flow(trigger)).await;
    world.rest().await;
    assert_eq!(times(&world.fired().await), ["2026-05-04T12:30Z"]);
    world.go(3_600).await;
    assert_eq!(times(&world.fired().await), ["2026-05-04T12:30Z", "2026-05-07T12:30Z"]);
}

#[tokio::test]
async fn a_flow_that_is_off_is_silent() {
    let world =
        World::new("recurrence: { frequency: Hour, interval: 2 }", NOON, &Desk::with(&[])).await;
    world.rest().await;
    world.engine.switch("sample", false).await.unwrap();
    world.clock.go(7_200 * 3);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(times(&world.fired().await), ["2026-05-04T12:00Z"]);
    world.engine.switch("sample", true).await.unwrap();
    world.rest().await;
    world.go(7_200).await;
    let expected = ["2026-05-04T12:00Z", "2026-05-04T14:00Z", "2026-05-04T20:00Z"];
    assert_eq!(times(&world.fired().await), expected, "what was missed is made up for once");
}

#[tokio::test]
async fn every_window_that_was_missed_is_made_up_for() {
    let trigger = "recurrence: { frequency: Minute, interval: 1, slidingWindow: true, \
        delay: PT30S, startTime: '2026-05-04T10:00:00Z' }";
    let world = World::new(trigger, NOON, &Desk::with(&[])).await;
    world.rest().await;
    let windows = world.fired().await;
    // The last minute is over, but not its delay.
    assert_eq!(windows.len(), 119);
    for (n, window) in (0..).zip(&windows) {
        let begin = at("2026-05-04T10:00:00Z").after(base::Duration::seconds(60 * n));
        assert_eq!(window["windowStartTime"], begin.to_string());
        assert_eq!(window["windowEndTime"], begin.after(base::Duration::seconds(60)).to_string());
    }
    world.go(29).await;
    assert_eq!(world.fired().await.len(), 119);
    world.go(1).await;
    assert_eq!(world.fired().await.len(), 120);
}

#[tokio::test]
async fn windows_that_were_missed_come_some_at_a_time() {
    let trigger = "recurrence: { frequency: Second, interval: 1, slidingWindow: true, \
        startTime: '2026-04-04T12:00:00Z' }";
    let world = World::new(trigger, NOON, &Desk::with(&[])).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.engine.stop();
    let n = world.fired().await.len();
    assert!((1..1_000).contains(&n), "{n}");
}

#[tokio::test]
async fn conditions_and_keys_go_with_every_firing() {
    let trigger = "recurrence: { frequency: Minute, interval: 1 }\n\
        conditions: \"@equals(int(formatDateTime(triggerOutputs()['scheduledTime'], 'mm')), 2)\"\n\
        dedupe: always the same";
    let world = World::new(trigger, NOON, &Desk::with(&[])).await;
    world.rest().await;
    for _ in 0..125 {
        world.clock.go(60);
        world.rest().await;
    }
    assert_eq!(times(&world.fired().await), ["2026-05-04T12:02Z"]);
}

#[tokio::test]
async fn a_single_instance_lets_firings_pass_while_it_is_open() {
    let trigger =
        "recurrence: { frequency: Minute, interval: 1 }\noperationOptions: [SingleInstance]";
    let clock = ManualClock::at(NOON);
    let flows = flows(&[("sample", &text(trigger, "wait: PT5M"))]);
    let world = World::on(Arc::new(MemoryStore::new()), clock, &Desk::with(&[]), flows).await;
    world.rest().await;
    world.go(60).await;
    world.go(60).await;
    assert_eq!(times(&world.fired().await), ["2026-05-04T12:00Z"]);
    assert_eq!(world.state().await.state["error"]["code"], "TriggerSkipped");
}

#[tokio::test]
async fn a_changed_schedule_takes_effect_and_a_trigger_that_is_gone_rests() {
    let hourly = "recurrence: { frequency: Hour, interval: 1 }";
    let world = World::new(hourly, NOON, &Desk::with(&[])).await;
    world.rest().await;
    // What has not changed goes on as before.
    world.clock.go(1_800);
    let mut same = flow(hourly);
    same.extend(flows(&[("other", &text("manual: {}", "compose: two"))]));
    world.engine.deploy(same).await.unwrap();
    world.rest().await;
    assert_eq!(world.state().await.due, Some(at("2026-05-04T13:00:00Z")));
    // What has changed is counted from now on, and does not fire at once again.
    world.engine.deploy(flow("recurrence: { frequency: Minute, interval: 10 }")).await.unwrap();
    world.rest_until(at("2026-05-04T12:40:00Z")).await;
    world.go(600).await;
    assert_eq!(times(&world.fired().await), ["2026-05-04T12:00Z", "2026-05-04T12:40Z"]);
    world.engine.deploy(flows(&[("other", &text("manual: {}", "compose: two"))])).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    world.clock.go(86_400);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.fired().await.len(), 2);
    // When it comes back it goes on where it was.
    let back = flow("recurrence: { frequency: Minute, interval: 10 }");
    world.engine.deploy(back).await.unwrap();
    world.rest().await;
    assert_eq!(world.fired().await.len(), 3);
}

impl World {
    async fn rest_until(&self, due: Timestamp) {
        let wanted = async {
            while self.state().await.due != Some(due) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wanted).await.expect("it is not due then");
    }
}

const POLL: &str = "http: { method: GET, uri: 'https://news.example/feed' }\n\
    recurrence: { frequency: Minute, interval: 5 }";

#[tokio::test]
async fn a_url_fires_when_it_says_200_and_leads_on() {
    let news = "https://news.example/feed";
    let answers = [
        answer(202, &json!({ "Location": "/feed?state=1", "Retry-After": "60" }), &Value::Null),
        answer(200, &json!({ "location": "feed?state=2", "Retry-After": "0" }), &json!({ "n": 1 })),
        answer(200, &json!({}), &json!({ "n": 2 })),
        answer(204, &json!({}), &Value::Null),
    ];
    let world = World::new(POLL, NOON, &Desk::with(&answers)).await;
    world.rest().await;
    assert_eq!(world.state().await.due, Some(at("2026-05-04T12:01:00Z")));
    world.go(59).await;
    assert_eq!(world.desk.asked(), [json!(news)]);
    // The flow's own address may hold secrets: only its digest is kept.
    assert!(!world.state().await.state.to_string().contains("/feed\""));
    // At once again, but not at the very same time.
    world.go(1).await;
    assert_eq!(world.state().await.due, Some(at("2026-05-04T12:01:01Z")));
    world.go(1).await;
    // By the schedule again, which begins at noon.
    assert_eq!(world.state().await.due, Some(at("2026-05-04T12:05:00Z")));
    world.go(600).await;
    let asked = world.desk.asked();
    let first = [news, "https://news.example/feed?state=1", "https://news.example/feed?state=2"];
    assert_eq!(asked[..3], first.map(|it| json!(it)));
    assert_eq!(asked[3..], [json!(news)]);
    let bodies: Vec<_> = world.fired().await.iter().map(|it| it["body"]["n"].clone()).collect();
    assert_eq!(bodies, [json!(1), json!(2)]);
    assert_eq!(world.fired().await[0]["statusCode"], 200);
}

#[tokio::test]
async fn trouble_of_a_poll_is_kept_in_sight_until_it_is_over() {
    let answers = [
        answer(503, &json!({}), &Value::Null),
        answer(503, &json!({}), &Value::Null),
        answer(404, &json!({}), &Value::Null),
        answer(429, &json!({ "Retry-After": "1000" }), &Value::Null),
        answer(200, &json!({}), &json!([{ "id": 1 }, { "id": 2 }])),
        answer(202, &json!({}), &Value::Null),
    ];
    let trigger = format!(
        "{POLL}\nsplitOn: \"@triggerBody()\"\n\
         retryPolicy: {{ type: fixed, count: 1, interval: PT10S }}"
    );
    let world = World::new(&trigger, NOON, &Desk::with(&answers)).await;
    world.rest().await;
    let code = async || world.state().await.state["error"]["code"].clone();
    assert_eq!(
        (world.state().await.due, code().await),
        (Some(at("2026-05-04T12:00:10Z")), "ServiceUnavailable".into())
    );
    world.go(10).await;
    assert_eq!(world.state().await.due, Some(at("2026-05-04T12:05:00Z")));
    world.go(290).await;
    assert_eq!(
        (world.state().await.due, code().await),
        (Some(at("2026-05-04T12:10:00Z")), "NotFound".into())
    );
    world.go(300).await;
    assert_eq!(world.state().await.due, Some(at("2026-05-04T12:26:40Z")));
    world.go(1_000).await;
    assert_eq!(code().await, Value::Null);
    let bodies: Vec<_> = world.fired().await.iter().map(|it| it["body"]["id"].clone()).collect();
    assert_eq!(bodies, [json!(1), json!(2)]);
}

#[tokio::test]
async fn what_cannot_be_evaluated_loses_nothing() {
    let feed = answer(200, &json!({ "Location": "/next" }), &json!({ "n": 1 }));
    let desk = Desk::with(&[feed]);
    let broken = format!("{POLL}\nconditions: \"@equals(int('x'), 1)\"");
    let world = World::new(&broken, NOON, &desk).await;
    world.rest().await;
    world.go(300).await;
    assert_eq!(world.state().await.state["error"]["code"], "InvalidTemplate");
    assert_eq!(
        desk.asked(),
        [json!("https://news.example/feed"), json!("https://news.example/feed")]
    );
    world.engine.deploy(flow(POLL)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    world.go(300).await;
    assert_eq!(world.fired().await.len(), 1);
    assert_eq!(world.state().await.state["location"], "https://news.example/next");
}

const NEWS: &str = r#"
connector: news
version: 1.0.0
title: News
http: { baseUrl: "https://news.example" }
operations:
  List:
    title: List what is new
    effect: read
    request: GET /items
    routes: ["GET /datasets/{dataset}/items/new"]
    params: { since: { type: string } }
triggers:
  Added:
    title: When something is new
    kind: poll
    poll:
      every: PT2M
      everyMin: PT1M
      operation: List
      with: { since: "@state('since')" }
      items: "@body()?['value']"
      cursor: { since: { next: "@last(body()?['value'])?['at']", initial: "@utcNow()" } }
      overlap: PT30S
      dedupe: { key: "@{item()?['id']}", keep: P1D }
"#;

fn news(answers: &[Value]) -> Arc<Desk> {
    let (connector, found) = connector::read(&Source::new("connector.yaml", NEWS));
    assert!(found.is_empty(), "{found:?}");
    let (connection, problems) = Connection::new("crm", Arc::new(connector), BTreeMap::new());
    assert!(problems.is_empty(), "{problems:?}");
    let answers = Mutex::new(answers.to_vec().into());
    Arc::new(Desk { answers, connection: Some(Arc::new(connection)), ..Desk::default() })
}

fn items(ids: &[(u32, &str)]) -> Value {
    let items = ids.iter().map(|(id, at)| json!({ "id": id, "at": format!("2026-05-04T{at}Z") }));
    answer(200, &json!({}), &json!({ "value": items.collect::<Vec<_>>() }))
}

#[tokio::test]
async fn a_connector_is_asked_from_where_the_last_poll_got_to() {
    let desk = news(&[
        items(&[(1, "12:00:40"), (2, "12:01:50")]),
        // The second one again, as it is within the overlap.
        items(&[(2, "12:01:50"), (3, "12:02:10")]),
        answer(500, &json!({}), &Value::Null),
        items(&[]),
    ]);
    let often = "on: crm.Added\nrecurrence: { frequency: Second, interval: 10 }\nretryPolicy: none";
    let world = World::new(often, NOON, &desk).await;
    world.rest().await;
    // The connector's least pause counts.
    assert_eq!(world.state().await.due, Some(at("2026-05-04T12:01:00Z")));
    for _ in 0..4 {
        world.go(60).await;
    }
    let since: Vec<_> = desk.asked().iter().map(|it| it["since"].clone()).collect();
    let expected = ["12:00:00", "12:01:20", "12:01:40", "12:01:40", "12:01:40"];
    assert_eq!(since, expected.map(|it| json!(format!("2026-05-04T{it}.0000000Z"))));
    let ids = async || -> Vec<Value> {
        world.fired().await.iter().map(|it| it["body"]["id"].clone()).collect()
    };
    assert_eq!(ids().await, [json!(1), json!(2), json!(3)]);
    assert_eq!(world.state().await.state.get("error"), None);
    // Without a recurrence as often as the connector says; what was seen stays seen.
    world.engine.deploy(flow("on: crm.Added")).await.unwrap();
    let wanted = async || desk.asked().len();
    let before = wanted().await;
    while wanted().await == before {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    world.rest_until(at("2026-05-04T12:06:00Z")).await;
    assert_eq!(desk.asked().last().unwrap()["since"], "2026-05-04T12:01:40.0000000Z");
}

#[tokio::test]
async fn a_long_backlog_is_read_piece_by_piece() {
    let many =
        |from: u32, to: u32, at: &str| items(&(from..to).map(|id| (id, at)).collect::<Vec<_>>());
    let desk = news(&[
        many(0, 5_000, "12:00:10"),
        answer(500, &json!({}), &Value::Null),
        many(4_000, 9_000, "12:00:20"),
        items(&[]),
    ]);
    let world = World::new("on: crm.Added\nretryPolicy: none", NOON, &desk).await;
    world.rest().await;
    // More waits: as soon as the connector lets it be asked.
    assert_eq!(world.state().await.due, Some(at("2026-05-04T12:01:00Z")));
    world.go(60).await;
    world.go(120).await;
    world.go(120).await;
    assert_eq!(world.state().await.state.get("full"), None);
    // It looks back only when it has got to the end.
    let since: Vec<_> = desk.asked().iter().map(|it| it["since"].clone()).collect();
    let start = "2026-05-04T12:00:00.0000000Z";
    let reached = "2026-05-04T12:00:10Z";
    assert_eq!(since, [start, reached, reached, start].map(|it| json!(it)));
    assert_eq!(world.fired().await.len(), 9_000);
}

#[tokio::test]
async fn a_list_that_a_flow_splits_comes_one_by_one() {
    let desk = news(&[items(&[(1, "12:00:40"), (2, "12:01:50")])]);
    let trigger = "on: crm.Added\nsplitOn: \"@triggerOutputs()?['body/value']\"\n\
        conditions: \"@greater(length(triggerBody()?['value']), 0)\"";
    let world = World::new(trigger, NOON, &desk).await;
    world.rest().await;
    world.go(120).await;
    let ids: Vec<Value> = world.fired().await.iter().map(|it| it["body"]["id"].clone()).collect();
    assert_eq!(ids, [json!(1), json!(2)]);
}

#[tokio::test]
async fn an_imported_flow_polls_by_method_and_path() {
    let trigger = json!({
        "type": "ApiConnection",
        "recurrence": { "frequency": "Minute", "interval": 3 },
        "splitOn": "@triggerBody()?['value']",
        "inputs": {
            "host": { "connection": { "name": "@parameters('$connections')['crm']['connectionId']" } },
            "method": "get",
            "path": "/datasets/@{encodeURIComponent('default')}/items/@{toLower('NEW')}",
        },
    });
    let definition = json!({ "triggers": { "T": trigger }, "actions": {} }).to_string();
    let file = "flows/sample/flow.json".to_owned();
    let package = flow::package::read(&Source::new(&file, &definition), &[]);
    assert!(!package.has_errors(), "{:?}", package.diagnostics);
    let (files, catalog) = (vec![(file, definition)], connector::Catalog::new(Vec::new()));
    let imported = Deployed::new("sample", files, package, &catalog, &serde_json::Map::new());
    let flows = Flows::from([("sample".to_owned(), Arc::new(imported))]);
    let desk = news(&[items(&[(1, "12:00:40"), (2, "12:01:50")])]);
    let world = World::on(Arc::new(MemoryStore::new()), ManualClock::at(NOON), &desk, flows).await;
    world.rest().await;
    assert_eq!(world.state().await.state.get("error"), None);
    let ids: Vec<Value> = world.fired().await.iter().map(|it| it["body"]["id"].clone()).collect();
    assert_eq!(ids, [json!(1), json!(2)]);
    assert_eq!(desk.asked()[0]["since"], "2026-05-04T12:00:00.0000000Z");
}

#[tokio::test]
async fn what_cannot_be_asked_is_told() {
    let check = async |trigger: &str, desk: &Arc<Desk>, code: &str| {
        let world = World::new(trigger, NOON, desk).await;
        world.rest().await;
        let state = world.state().await;
        assert_eq!(state.state["error"]["code"], code, "{state:?}");
        assert_eq!(desk.asked(), Vec::<Value>::new());
        state.due
    };
    let soon = Some(at("2026-05-04T12:01:00Z"));
    assert_eq!(check("on: crm.Added", &Desk::with(&[]), "ConnectionNotFound").await, soon);
    assert_eq!(check("on: crm.Removed", &news(&[]), "TriggerNotFound").await, soon);
    let wrong = "http: { method: GET, uri: \"@{parameters('none')}\" }";
    assert_eq!(check(wrong, &Desk::with(&[]), "InvalidTemplate").await, soon);
}

/// A process that dies at every write in turn fires what one that does not die fires.
#[tokio::test]
async fn no_death_doubles_or_loses_a_firing() {
    let cases = [
        "recurrence: { frequency: Minute, interval: 1, startTime: '2026-05-04T12:01:00Z' }",
        "recurrence: { frequency: Minute, interval: 1, slidingWindow: true, startTime: '2026-05-04T12:00:00Z' }",
        "http: { method: GET, uri: 'https://news.example/' }\nrecurrence: { frequency: Minute, interval: 1, startTime: '2026-05-04T12:01:00Z' }",
    ];
    for trigger in cases {
        for moment in [Moment::Before, Moment::After] {
            for write in 1..14 {
                dies(trigger, Some((write, moment))).await;
            }
        }
    }
}

async fn dies(trigger: &str, death: Option<(usize, Moment)>) {
    let memory = MemoryStore::new();
    let clock = ManualClock::at(NOON);
    let desk = Arc::new(Counter);
    let mut engine = None;
    let mut mortal: Option<Arc<Mortal>> = None;
    let begin = async |death| {
        let mortal = Mortal::new(Arc::new(memory.reopen()));
        mortal.arm(death);
        let options = worker::Options {
            store: Arc::clone(&mortal) as Arc<dyn Store>,
            performer: Arc::clone(&desk) as Arc<dyn Performer>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            flows: flow(trigger),
            addresses: None,
            active_max: 100,
        };
        (Engine::start(options).await.unwrap(), mortal)
    };
    let patience = tokio::time::Instant::now() + PATIENCE;
    for minute in 0..=4 {
        loop {
            if mortal.as_ref().is_none_or(|it| it.is_dead()) {
                let fate = if mortal.is_none() { death } else { None };
                let (next, store) = begin(fate).await;
                if let Some(engine) = engine.replace(next) {
                    Engine::stop(&engine);
                }
                mortal = Some(store);
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
            let now = clock.now();
            let triggers = memory.triggers().await.unwrap();
            let open = memory.runs(&crate::support::open_only(), Page::Newest, 1).await.unwrap();
            let quiet = triggers.iter().all(|it| it.due.is_some_and(|due| now < due));
            let is_dead = mortal.as_ref().is_some_and(|it| it.is_dead());
            if quiet && !triggers.is_empty() && open.is_empty() && !is_dead {
                break;
            }
            assert!(tokio::time::Instant::now() < patience, "{trigger} {death:?} {triggers:?}");
        }
        if minute < 4 {
            clock.go(60);
        }
    }
    let firings = fired(&memory).await;
    assert_eq!(firings.len(), 4, "{trigger} {death:?}: {firings:?}");
    let mut seen: Vec<String> = firings.iter().map(Value::to_string).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4, "{trigger} {death:?}: {firings:?}");
}

/// Answers with the minute of the clock.
struct Counter;

#[async_trait]
impl Performer for Counter {
    async fn perform(&self, _plan: &Plan, _ask: &Ask, now: Timestamp) -> Outcome {
        Outcome::of_response(answer(200, &json!({}), &json!(now.to_string())), now)
    }
}
