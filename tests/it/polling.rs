//! Flows that poll services over the network, in a process that dies: nothing comes twice or never.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use emulators::Running;
use http_client::{Client, Egress};
use journal::{EventKind, Page, RunFilter, Store};
use serde_json::{Value, json};
use store_sqlite::SqliteStore;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use worker::{Clock, Deployed, Engine, Flows, Live, Project};

use crate::{
    crash::{Moment, Mortal, Process, free_port, until},
    support::{
        clock::LeapingClock,
        service::{NoSecrets, PATIENCE, client, connections, one_way, project, world},
    },
};

/// A list of numbers that is read from where the last reader stopped: 202 if there is no more.
struct Feed {
    length: Arc<Mutex<usize>>,
    url: String,
}

impl Feed {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/feed", listener.local_addr().unwrap());
        let length = Arc::new(Mutex::new(0));
        let shared = Arc::clone(&length);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 4_096];
                // Whoever asked may have died over it.
                let n = stream.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..n]).into_owned();
                let Some(path) = head.split(' ').nth(1) else { continue };
                let read = path.split_once("after=").map_or(0, |(_, it)| it.parse().unwrap());
                let length = *shared.lock().unwrap();
                let items: Vec<usize> = (read..length).collect();
                let (status, body) = match items.as_slice() {
                    [] => ("202 Accepted", String::new()),
                    items => ("200 OK", json!(items).to_string()),
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\n\
                     location: /feed?after={length}\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                drop(stream.write_all(answer.as_bytes()).await);
            }
        });
        Self { length, url }
    }

    fn grow(&self, by: usize) {
        *self.length.lock().unwrap() += by;
    }
}

/// What the flows are given to follow, and what is found of it in the store.
struct Story {
    world: Running,
    project: Project,
    client: Client,
    feed: Feed,
    clock: Arc<LeapingClock>,
    folder: tempfile::TempDir,
    store: Arc<Mortal>,
    engine: Engine,
}

impl Story {
    async fn begin(client: Client, death: Option<(usize, Moment)>) -> Self {
        let world = world().await;
        let project = project(one_way().path(), &connections(&world));
        let feed = Feed::start().await;
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(LeapingClock::default());
        let file = folder.path().join("flowright.db");
        let flows = flows(&project, &feed);
        let (store, engine) =
            process(&file, &Parts { project: &project, flows, client: &client, clock: &clock })
                .await;
        store.arm(death);
        Self { world, project, client, feed, clock, folder, store, engine }
    }

    /// Lets the services do something, and time pass until everybody has looked.
    async fn pass(&mut self, round: usize) {
        let referral = json!({ "name": format!("referral {round}"), "type": "Shared" });
        self.world.partner_center.create_referral(referral);
        let account = json!({ "name": format!("account {round}") });
        self.world.dataverse.put_row("accounts", account).unwrap();
        self.feed.grow(2);
        let leap = Duration::from_mins(10);
        self.world.dataverse.advance(leap);
        self.clock.leap(leap);
        self.rest().await;
    }

    /// Until nothing is due and no run is open; a process that has died is followed by another.
    async fn rest(&mut self) {
        let begun = Instant::now();
        let mut calm = 0;
        while calm < 3 {
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.store.triggers().await);
            if self.store.is_dead() {
                self.engine.stop();
                let file = self.folder.path().join("flowright.db");
                let flows = flows(&self.project, &self.feed);
                let parts = Parts {
                    project: &self.project,
                    flows,
                    client: &self.client,
                    clock: &self.clock,
                };
                (self.store, self.engine) = process(&file, &parts).await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            let triggers = self.store.triggers().await.unwrap();
            let now = self.clock.now();
            let open =
                self.store.runs(&crate::support::open_only(), Page::Newest, 1).await.unwrap();
            let is_quiet = triggers.len() == 3
                && triggers.iter().all(|it| it.due.is_some_and(|due| now < due))
                && open.is_empty();
            calm = if is_quiet && !self.store.is_dead() { calm + 1 } else { 0 };
        }
        for trigger in self.store.triggers().await.unwrap() {
            assert_eq!(trigger.state.get("error"), None, "{trigger:?}");
        }
    }

    /// What the runs of each flow were started for, sorted.
    async fn found(&self) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in self.store.runs(&RunFilter::default(), Page::Newest, 1_000).await.unwrap() {
            let (_, events) = self.store.load(&row.run).await.unwrap().unwrap();
            let EventKind::Started { outputs, .. } = &events[0].kind else { panic!("{row:?}") };
            let body = &outputs["body"];
            let name = body.get("name").unwrap_or(body);
            found.entry(row.flow).or_default().push(expr_text(name));
        }
        for it in found.values_mut() {
            it.sort();
        }
        found
    }
}

fn expr_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a process is started with.
struct Parts<'a> {
    project: &'a Project,
    flows: Flows,
    client: &'a Client,
    clock: &'a Arc<LeapingClock>,
}

async fn process(file: &std::path::Path, parts: &Parts<'_>) -> (Arc<Mortal>, Engine) {
    let opened = SqliteStore::open(file, store_sqlite::Options::default()).unwrap();
    let store = Mortal::new(Arc::new(opened));
    let egress = Egress::public().allow("127.0.0.1");
    let live = Live::new(parts.client.clone(), parts.project.connections(&NoSecrets), egress);
    let options = worker::Options {
        store: Arc::clone(&store) as Arc<dyn Store>,
        performer: Arc::new(live),
        clock: Arc::clone(parts.clock) as Arc<dyn Clock>,
        flows: parts.flows.clone(),
        addresses: None,
        active_max: 100,
    };
    (store, Engine::start(options).await.unwrap())
}

fn flows(project: &Project, feed: &Feed) -> Flows {
    let feed = format!(
        "http: {{ method: GET, uri: '{}' }}, recurrence: {{ frequency: Minute, interval: 1 }}, \
         splitOn: '@triggerBody()'",
        feed.url
    );
    let one = |name: &str, trigger: &str| {
        let text = format!(
            "flow: {name}\n\
             connections: {{ crm: dynamics-365, partners: partner-center-referrals }}\n\
             triggers: [{{ name: T, {trigger} }}]\nactions: [{{ name: A, compose: one }}]\n"
        );
        let file = format!("flows/{name}/flow.yaml");
        let package = flow::package::read(&base::Source::new(&file, &text), &[]);
        assert!(!package.has_errors(), "{:?}", package.diagnostics);
        let given = serde_json::Map::new();
        let flow = Deployed::new(name, vec![(file, text)], package, &project.catalog, &given);
        (name.to_owned(), Arc::new(flow))
    };
    BTreeMap::from([
        one("feed", &feed),
        one("rows", "on: crm.RowsModified, with: { entityName: accounts }"),
        one("referrals", "on: partners.ReferralsChanged"),
    ])
}

async fn tell(client: Client, death: Option<(usize, Moment)>) -> bool {
    let mut story = Story::begin(client, death).await;
    let first = Arc::clone(&story.store);
    // What was there before the flows is not theirs.
    story.rest().await;
    for round in 0..3 {
        story.pass(round).await;
    }
    let rounds = |what: &str| (0..3).map(|round| format!("{what} {round}")).collect::<Vec<_>>();
    let expected = BTreeMap::from([
        ("feed".to_owned(), (0..6).map(|n| n.to_string()).collect()),
        ("referrals".to_owned(), rounds("referral")),
        ("rows".to_owned(), rounds("account")),
    ]);
    assert_eq!(story.found().await, expected, "{death:?}");
    story.engine.stop();
    story.world.stop();
    first.is_dead()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_are_polled_by_a_process_that_dies() {
    let client = client();
    assert!(!tell(client.clone(), None).await);
    for moment in [Moment::Before, Moment::After] {
        let mut write = 1;
        while tell(client.clone(), Some((write, moment))).await {
            write += 3;
        }
        assert!(10 < write, "it died {write} times only");
    }
}

const TICK: &str = "
flow: Tick
triggers:
  - { name: T, recurrence: { frequency: Second, interval: 1, slidingWindow: true } }
actions:
  - { name: A, compose: one }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_misses_no_window_and_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let feed = Feed::start().await;
    let poll = format!(
        "flow: Feed\ntriggers:\n  - name: T\n    http: {{ method: GET, uri: '{}' }}\n    \
         recurrence: {{ frequency: Second, interval: 1 }}\n    splitOn: '@triggerBody()'\n\
         actions:\n  - {{ name: A, compose: one }}\n",
        feed.url
    );
    for (name, text) in [("tick", TICK), ("feed", &poll)] {
        let flow = folder.path().join("flows").join(name);
        std::fs::create_dir_all(&flow).unwrap();
        std::fs::write(flow.join("flow.yaml"), text).unwrap();
    }
    let settings = "http: { allowHosts: [127.0.0.1] }\n";
    std::fs::write(folder.path().join("flowright.yaml"), settings).unwrap();
    for _ in 0..3 {
        let port = free_port();
        let mut process = Process::start(folder.path(), port);
        feed.grow(3);
        until("both have fired again", async || {
            let url = format!("http://127.0.0.1:{port}/api/v1/triggers");
            let text = reqwest::get(url).await.unwrap().text().await.unwrap();
            let shown: Value = serde_json::from_str(&text).unwrap();
            let shown = shown["value"].as_array().unwrap();
            assert!(shown.iter().all(|it| it["error"].is_null()), "{shown:?}");
            // What was grown has been read when the feed was asked a second later.
            shown.len() == 2 && shown.iter().all(|it| it["firedTime"].is_string())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(1_400)).await;
        process.kill();
    }
    let file = folder.path().join(".flowright/flowright.db");
    let store = SqliteStore::open(&file, store_sqlite::Options::default()).unwrap();
    let (mut windows, mut items) = (Vec::new(), Vec::new());
    for row in store.runs(&RunFilter::default(), Page::Newest, 1_000).await.unwrap() {
        let (_, events) = store.load(&row.run).await.unwrap().unwrap();
        let EventKind::Started { outputs, .. } = &events[0].kind else { panic!("{row:?}") };
        match row.flow.as_str() {
            "tick" => {
                windows.push((text(outputs, "windowStartTime"), text(outputs, "windowEndTime")));
            }
            _ => items.push(outputs["body"].as_u64().unwrap()),
        }
    }
    windows.sort();
    items.sort_unstable();
    assert_eq!(items, (0..9).collect::<Vec<_>>());
    assert!(4 < windows.len(), "{windows:?}");
    assert!(windows.is_sorted_by(|one, next| one.1 == next.0), "{windows:?}");
}

fn text(outputs: &Value, name: &str) -> String {
    outputs[name].as_str().unwrap().to_owned()
}
