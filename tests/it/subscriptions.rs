//! Triggers that subscribe: what services are asked, what their deliveries start, and deaths between.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use emulators::{Fault, FaultKind, Running};
use http_client::Client;
use journal::{MemoryStore, Page, RunFilter, Store, TriggerState};
use serde_json::{Map, Value, json};
use store_sqlite::SqliteStore;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use worker::{Deployed, Flows, Project};

use crate::{
    crash::{Moment, Mortal, Process, free_port, until},
    support::service::{
        PATIENCE, Parts, Service, client, connections, one_way, project, referral, world,
    },
};

/// Rows of accounts, from when a flow wants them.
const ROWS: &str = "on: crm.SubscribeWebhookTrigger, with: { subscriptionRequest/message: 4, \
                    subscriptionRequest/entityname: account }";

fn flow(project: &Project, name: &str, trigger: &str) -> (String, Arc<Deployed>) {
    let text = format!(
        "flow: {name}\n\
         connections: {{ crm: dynamics-365, partner: partner-center-events }}\n\
         triggers: [{{ name: T, {trigger} }}]\nactions: [{{ name: A, compose: one }}]\n"
    );
    let file = format!("flows/{name}/flow.yaml");
    let package = flow::package::read(&base::Source::new(&file, &text), &[]);
    assert!(!package.has_errors(), "{:?}", package.diagnostics);
    let flow = Deployed::new(name, vec![(file, text)], package, &project.catalog, &Map::new());
    (name.to_owned(), Arc::new(flow))
}

/// How often each request about subscriptions was made.
fn asked(world: &Running) -> BTreeMap<String, usize> {
    let all = [world.partner_center.requests(), world.dataverse.requests()].concat();
    let mut asked = BTreeMap::new();
    for it in all {
        let about = ["callbackregistrations", "registration"];
        if let Some(about) = about.iter().find(|about| it.target.contains(*about)) {
            *asked.entry(format!("{} {about}", it.method)).or_default() += 1;
        }
    }
    asked
}

/// The present, again and again, until it is as it should be.
async fn becomes<T: PartialEq + std::fmt::Debug>(expected: T, mut present: impl AsyncFnMut() -> T) {
    let begun = Instant::now();
    loop {
        let now = present().await;
        if now == expected {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{now:?} does not become {expected:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn runs(store: &dyn Store) -> usize {
    store.runs(&RunFilter::default(), Page::Newest, 1_000).await.unwrap().len()
}

fn of_rows(posts: usize, deletes: usize) -> BTreeMap<String, usize> {
    let all = [("DELETE", deletes), ("POST", posts)].into_iter().filter(|(_, n)| 0 < *n);
    all.map(|(method, n)| (format!("{method} callbackregistrations"), n)).collect()
}

async fn send(url: &str, body: &[u8]) -> u16 {
    let request = reqwest::Client::new().post(url).header("content-type", "application/json");
    request.body(body.to_vec()).send().await.unwrap().status().as_u16()
}

async fn shown(origin: &str) -> Vec<Value> {
    let text = reqwest::get(format!("{origin}/api/v1/triggers")).await.unwrap().text().await;
    let shown: Value = serde_json::from_str(&text.unwrap()).unwrap();
    shown["value"].as_array().unwrap().clone()
}

/// A service over emulators, its flows and its store.
struct Stage {
    project: Project,
    store: Arc<dyn Store>,
    service: Service,
}

impl Stage {
    async fn new(flows: &[(&str, &str)]) -> Self {
        let world = world().await;
        let project = project(one_way().path(), &connections(&world));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let flows = all(&project, flows);
        let service = start(world, &project, (Arc::clone(&store), flows, 0)).await;
        Self { project, store, service }
    }

    /// As after a restart of the process.
    async fn restart(self, flows: &[(&str, &str)]) -> Self {
        let Self { project, store, service } = self;
        let (world, port) = (service.world.clone(), service.address.port());
        service.stop().await;
        let flows = all(&project, flows);
        let service = start(world, &project, (Arc::clone(&store), flows, port)).await;
        Self { project, store, service }
    }

    async fn deploy(&self, flows: &[(&str, &str)]) {
        self.service.engine.deploy(all(&self.project, flows)).await.unwrap();
    }

    async fn asked(&self, expected: BTreeMap<String, usize>) {
        becomes(expected, async || asked(&self.service.world)).await;
    }

    async fn runs(&self, expected: usize) {
        becomes(expected, async || runs(self.store.as_ref()).await).await;
    }

    async fn states(&self) -> Vec<TriggerState> {
        self.store.triggers().await.unwrap()
    }

    /// Until the only subscription is known to stand.
    async fn stands(&self) {
        becomes(true, async || {
            let states = self.states().await;
            states.len() == 1 && states[0].state["subscription"]["confirmed"] == true
        })
        .await;
    }
}

fn all(project: &Project, flows: &[(&str, &str)]) -> Flows {
    flows.iter().map(|(name, trigger)| flow(project, name, trigger)).collect()
}

async fn start(
    world: Running,
    project: &Project,
    (store, flows, port): (Arc<dyn Store>, Flows, u16),
) -> Service {
    start_with(client(), world, project, (store, flows, port)).await
}

#[tokio::test]
async fn a_row_starts_one_run_and_the_flow_keeps_one_registration() {
    let stage = Stage::new(&[("rows", ROWS)]).await;
    stage.asked(of_rows(1, 0)).await;
    stage.stands().await;
    let world = stage.service.world.clone();
    world.dataverse.put_row("accounts", json!({ "name": "one" })).unwrap();
    stage.runs(1).await;
    let delivery = world.dataverse.deliveries().remove(0);
    let signature = delivery.url.split_once("/hooks/rows/T?sig=").unwrap().1;
    assert_eq!(signature.len(), 64);
    // The address is nowhere but at the service.
    assert!(!format!("{:?}", stage.states().await).contains(signature));
    // The same again starts nothing, and a forgery is told so.
    assert_eq!(send(&delivery.url, &delivery.body).await, 202);
    assert_eq!(send(&delivery.url.replace("sig=", "sig=0"), &delivery.body).await, 401);
    assert_eq!(send(delivery.url.split('?').next().unwrap(), &delivery.body).await, 401);
    assert_eq!(send(&delivery.url.replace("/T?", "/U?"), &delivery.body).await, 404);
    assert_eq!(send(&delivery.url, b"{").await, 400);
    stage.runs(1).await;

    let stage = stage.restart(&[("rows", ROWS)]).await;
    world.dataverse.put_row("accounts", json!({ "name": "two" })).unwrap();
    stage.runs(2).await;
    stage.stands().await;
    // Other inputs are another subscription; another action is not.
    let other = ROWS.replace(": 4", ": 7");
    stage.deploy(&[("rows", &other)]).await;
    stage.asked(of_rows(2, 1)).await;
    stage.stands().await;
    let listed = shown(&format!("http://{}", stage.service.address)).await;
    assert!(listed[0]["subscribedTime"].is_string() && listed[0]["error"].is_null(), "{listed:?}");
    stage.deploy(&[("rows", &format!("{other}, conditions: '@equals(1, 1)'"))]).await;
    stage.deploy(&[]).await;
    stage.asked(of_rows(2, 2)).await;
    becomes(None, async || stage.states().await[0].state.get("subscription").cloned()).await;
    assert_eq!(shown(&format!("http://{}", stage.service.address)).await, [json!(null); 0]);
    assert_eq!(send(&delivery.url, &delivery.body).await, 404);
    stage.runs(2).await;
}

#[tokio::test]
async fn what_a_trigger_of_another_kind_has_asked_for_is_taken_back() {
    for other in [
        "request: {}",
        "recurrence: { frequency: Year, interval: 1, startTime: '2999-01-01T00:00:00Z' }",
    ] {
        let stage = Stage::new(&[("rows", ROWS)]).await;
        stage.stands().await;
        // Also if that happens while nobody looks.
        let stage = stage.restart(&[("rows", other)]).await;
        stage.asked(of_rows(1, 1)).await;
        let gone =
            async || stage.states().await.iter().all(|it| it.state.get("subscription").is_none());
        becomes(true, gone).await;
    }
}

#[tokio::test]
async fn a_service_in_trouble_is_asked_again() {
    let stage = Stage::new(&[]).await;
    let world = &stage.service.world.dataverse;
    for kind in [FaultKind::Status(503), FaultKind::LoseReply] {
        let fault = Fault::once("/api/data/v9.2/callbackregistrations", kind);
        world.fault(fault.for_method("POST"));
    }
    stage.deploy(&[("rows", ROWS)]).await;
    let origin = format!("http://{}", stage.service.address);
    until("the error is not shown", async || {
        let listed = shown(&origin).await;
        listed.first().is_some_and(|it| it["error"]["code"].is_string())
    })
    .await;
    stage.stands().await;
    assert!(shown(&origin).await[0]["error"].is_null());
    // Two subscriptions, of which one is not known of, deliver to the same address.
    stage.asked(of_rows(3, 0)).await;
    world.put_row("accounts", json!({ "name": "one" })).unwrap();
    becomes(2, async || world.deliveries().len()).await;
    stage.service.world.dataverse.put_row("accounts", json!({ "name": "two" })).unwrap();
    stage.runs(2).await;
}

const EVENTS: &str = "on: partner.ReferralEvents";

fn registration(world: &Running) -> Vec<String> {
    let all = world.partner_center.requests();
    let sent = all.iter().filter(|it| it.target.contains("registration") && it.method != "GET");
    sent.map(|it| it.method.clone()).collect()
}

#[tokio::test]
async fn flows_share_the_one_registration_of_a_partner() {
    let with = |events: &str| format!("{EVENTS}, with: {{ events: [{events}] }}");
    let (created, updated) = (with("referral-created"), with("referral-updated"));
    let stage = Stage::new(&[("created", &created), ("updated", &updated)]).await;
    stage.stands().await;
    let world = stage.service.world.clone();
    assert_eq!(registration(&world), ["POST"]);
    let id = world.partner_center.create_referral(referral());
    stage.runs(1).await;
    let details = json!({ "dealValue": 45_000 });
    world.partner_center.patch_referral(&id, json!({ "details": details }));
    stage.runs(2).await;
    world.partner_center.redeliver(0);
    world.partner_center.settled().await;
    for name in ["created", "updated"] {
        assert_eq!(stage.service.rows(name).await.len(), 1);
    }
    let sent = world.partner_center.deliveries().remove(0);
    assert!(sent.url.ends_with("/hooks/-/partner-center-events/ReferralEvents"), "{}", sent.url);
    // Without a signature of the service nobody is believed.
    assert_eq!(send(&sent.url, &sent.body).await, 401);
    let listed = shown(&format!("http://{}", stage.service.address)).await;
    let names: Vec<&Value> = listed.iter().map(|it| &it["flow"]).collect();
    assert_eq!(names, ["created", "updated"]);

    stage.deploy(&[("updated", &updated)]).await;
    becomes(vec!["POST", "PUT"], async || {
        registration(&world).iter().map(|it| if it == "PUT" { "PUT" } else { "POST" }).collect()
    })
    .await;
    world.partner_center.create_referral(referral());
    world.partner_center.settled().await;
    assert_eq!(world.partner_center.deliveries().len(), 3);
    stage.runs(2).await;
}

#[tokio::test]
async fn a_registration_of_somebody_else_is_replaced_only_if_the_flow_says_so() {
    let stage = Stage::new(&[]).await;
    let endpoint = "https://elsewhere.example/hook";
    let project = &stage.project;
    let flows = project.deploy(&crate::support::service::NoSecrets).unwrap();
    stage.service.engine.deploy(flows).await.unwrap();
    stage.service.run_register(endpoint, false).await;
    stage.deploy(&[("events", EVENTS)]).await;
    becomes(json!("ForeignSubscription"), async || {
        let states = stage.states().await;
        states.first().map_or(Value::Null, |it| it.state["error"]["code"].clone())
    })
    .await;
    stage.deploy(&[("events", &format!("{EVENTS}, with: {{ overwrite: true }}"))]).await;
    stage.stands().await;
    stage.service.world.partner_center.create_referral(referral());
    stage.runs(1).await;
}

async fn start_with(
    client: Client,
    world: Running,
    project: &Project,
    (store, flows, port): (Arc<dyn Store>, Flows, u16),
) -> Service {
    let flows = Some(flows);
    let parts = Parts { store, client, port, flows, ..Parts::default() };
    Service::start(world, project, parts).await
}

/// Whether the process died at that write.
async fn tell(client: &Client, death: Option<(usize, Moment)>) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flowright.db");
    let world = world().await;
    let project = project(one_way().path(), &connections(&world));
    let open = |file: &Path| {
        let store = SqliteStore::open(file, store_sqlite::Options::default()).unwrap();
        Mortal::new(Arc::new(store))
    };
    let first = open(&file);
    first.arm(death);
    let mut store = Arc::clone(&first);
    let port = free_port();
    let parts = |store: &Arc<Mortal>, flows| (Arc::clone(store) as Arc<dyn Store>, flows, port);
    let flows = || all(&project, &[("rows", ROWS)]);
    let mut service =
        start_with(client.clone(), world.clone(), &project, parts(&store, flows())).await;
    // Each of these goes on until it holds, whoever dies.
    for step in 0..3 {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "{death:?} {step}: {:?}", store.triggers().await);
            if store.is_dead() {
                service.stop().await;
                store = open(&file);
                let flows = if step == 2 { Flows::new() } else { flows() };
                service =
                    start_with(client.clone(), world.clone(), &project, parts(&store, flows)).await;
            }
            let states = store.triggers().await.unwrap();
            let subscription = states.first().and_then(|it| it.state.get("subscription"));
            let holds = match step {
                0 => subscription.is_some_and(|it| it["confirmed"] == true),
                1 => runs(store.as_ref()).await == 1,
                _ => subscription.is_none(),
            };
            if holds && !store.is_dead() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        match step {
            0 => drop(world.dataverse.put_row("accounts", json!({ "name": "one" })).unwrap()),
            1 => drop(service.engine.deploy(Flows::new()).await),
            _ => {}
        }
    }
    let asked = asked(&world);
    let (posts, deletes) =
        (asked["POST callbackregistrations"], asked["DELETE callbackregistrations"]);
    // A death between the service's agreement and its being known is the only way to two.
    assert!(posts <= 2 && 1 <= deletes && posts <= deletes + 1, "{death:?}: {asked:?}");
    assert_eq!(runs(store.as_ref()).await, 1, "{death:?}");
    service.stop().await;
    world.stop();
    first.is_dead()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_at_every_write_keeps_a_subscription() {
    let client = client();
    for moment in [Moment::Before, Moment::After] {
        let mut write = 1;
        while tell(&client, Some((write, moment))).await {
            write += 1;
        }
        assert!(5 < write, "it died {write} times only");
    }
}

/// A service that keeps what it is asked, and answers if it wants to.
struct Shop {
    origin: String,
    /// Heads in lower case, and bodies.
    seen: Arc<Mutex<Vec<(String, String)>>>,
    is_mute: Arc<AtomicBool>,
    /// Whether it has no subscription any more.
    forgets: Arc<AtomicBool>,
}

impl Shop {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let is_mute = Arc::new(AtomicBool::new(false));
        let forgets = Arc::new(AtomicBool::new(false));
        let (kept, mute) = (Arc::clone(&seen), Arc::clone(&is_mute));
        let forgotten = Arc::clone(&forgets);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = String::new();
                let mut bytes = [0; 8192];
                while !is_whole(&text) {
                    let n = stream.read(&mut bytes).await.unwrap_or(0);
                    if n == 0 {
                        break;
                    }
                    text.push_str(&String::from_utf8_lossy(&bytes[..n]));
                }
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                kept.lock().unwrap().push((head.to_lowercase(), body.to_owned()));
                if mute.load(Ordering::SeqCst) {
                    // Whoever asked waits until it dies.
                    tokio::spawn(async move {
                        drop(stream.read(&mut [0; 1]).await);
                    });
                    continue;
                }
                let is_gone = head.starts_with("GET") && forgotten.load(Ordering::SeqCst);
                let status = if is_gone { 404 } else { 201 };
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n\
                     content-length: 10\r\nconnection: close\r\n\r\n{{\"id\":\"7\"}}"
                );
                drop(stream.write_all(answer.as_bytes()).await);
            }
        });
        Self { origin, seen, is_mute, forgets }
    }

    fn seen(&self, method: &str) -> Vec<(String, String)> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|(head, _)| head.starts_with(method)).cloned().collect()
    }
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|it| it.strip_prefix("content-length: "));
    length.is_none_or(|it| it.parse::<usize>().unwrap() <= body.len())
}

fn key(head: &str) -> String {
    head.lines().find(|it| it.starts_with("idempotency-key:")).unwrap().to_owned()
}

fn write_project(folder: &Path, shop: &Shop) {
    std::fs::create_dir_all(folder.join("flows/order")).unwrap();
    std::fs::create_dir_all(folder.join("flows/other")).unwrap();
    let settings = format!("flows: [flows]\nhttp: {{ allowHosts: ['{}'] }}\n", shop.origin);
    std::fs::write(folder.join("flowright.yaml"), settings).unwrap();
    let flow = format!(
        "flow: Order
triggers:
  - name: Paid
    httpWebhook:
      subscribe: {{ method: POST, uri: {0}/hooks, body: {{ url: \"@listCallbackUrl()\" }} }}
      unsubscribe: {{ method: DELETE, uri: {0}/hooks, body: {{ url: \"@listCallbackUrl()\" }} }}
actions:
  - {{ name: Said, compose: \"@triggerBody()?['state']\" }}
",
        shop.origin
    );
    std::fs::write(folder.join("flows/order/flow.yaml"), flow).unwrap();
    let other = "flow: Other\ntriggers: [{ name: T, request: }]\nactions: []\n";
    std::fs::write(folder.join("flows/other/flow.yaml"), other).unwrap();
}

#[tokio::test]
async fn a_program_that_is_killed_subscribes_once_as_far_as_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open().await;
    write_project(folder.path(), &shop);
    shop.is_mute.store(true, Ordering::SeqCst);
    let port = free_port();
    let mut process = Process::start(folder.path(), port);
    until("nobody subscribes", async || shop.seen("post").len() == 1).await;
    process.kill();
    shop.is_mute.store(false, Ordering::SeqCst);
    let mut process = Process::start(folder.path(), port);
    let origin = format!("http://127.0.0.1:{port}");
    let stands = async || shown(&origin).await.iter().any(|it| it["subscribedTime"].is_string());
    until("nobody subscribes again", stands).await;
    process.kill();
    let _process = Process::start(folder.path(), port);
    until("the subscription is not known", stands).await;

    let posts = shop.seen("post");
    assert_eq!(posts.len(), 2, "{posts:?}");
    // The service can know that it was asked the same.
    assert_eq!(key(&posts[0].0), key(&posts[1].0));
    assert_eq!(posts[0].1, posts[1].1);
    let body: Value = serde_json::from_str(&posts[0].1).unwrap();
    let url = body["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{origin}/hooks/order/Paid?sig=")), "{url}");
    assert_eq!(send(&url.replace("sig=", "sig=0"), b"{}").await, 401);
    assert_eq!(send(url, br#"{"state":"paid"}"#).await, 202);
    let runs = async || {
        let text = reqwest::get(format!("{origin}/api/v1/runs")).await.unwrap().text().await;
        let runs: Value = serde_json::from_str(&text.unwrap()).unwrap();
        runs["value"].as_array().unwrap().clone()
    };
    until("no run ends", async || {
        runs().await.first().is_some_and(|it| it["status"] == "Succeeded")
    })
    .await;
    assert_eq!(runs().await.len(), 1);
    assert!(shop.seen("delete").is_empty());
    std::fs::remove_dir_all(folder.path().join("flows/order")).unwrap();
    until("the shop is not told", async || shop.seen("delete").len() == 1).await;
    assert_eq!(shop.seen("delete")[0].1, posts[0].1);
    assert_eq!(send(url, b"{}").await, 404);
}

/// A connector to the shop: `Orders` is looked after, `Offers` runs out.
const DESK: &str = r#"
connector: desk
version: 1.0.0
title: Desk
connection:
  params: { shop: { type: uri, required: true, description: Address of the shop. } }
  auth: { type: none }
http: { baseUrl: "@connection('shop')" }
operations:
  Show: { title: Show, effect: read, request: "GET /hooks/{id}", params: { id: { type: string, required: true } } }
  Make: { title: Make, effect: create, request: POST /hooks, body: { type: object } }
  Change: { title: Change, effect: update, request: "PUT /hooks/{id}", params: { id: { type: string, required: true } } }
  End: { title: End, effect: delete, request: "DELETE /hooks/{id}", params: { id: { type: string, required: true } } }
triggers:
  Orders:
    title: When there is an order
    kind: webhook
    routes: ['POST /{desk}/orders/subscribe']
    params: { kinds: { type: array, items: { type: string } } }
    subscription:
      read: { operation: Show, with: { id: "@subscription('id')" } }
      create: { operation: Make, with: { body/url: "@callbackUrl()" }, id: "@body()?['id']" }
      delete: { operation: End, with: { id: "@subscription('id')" } }
      reconcileEvery: PT1S
    receive:
      status: 200
      verify: { scheme: urlSecret }
      filter: "@contains(input('kinds'), triggerBody()?['kind'])"
  Offers:
    title: When there is an offer
    kind: webhook
    subscription:
      create: { operation: Make, with: { body/url: "@callbackUrl()" }, id: "@body()?['id']" }
      update: { operation: Change, with: { id: "@subscription('id')" } }
      renewEvery: PT1S
    receive: { verify: { scheme: none } }
"#;

/// A project whose flows use the desk.
fn write_desk(folder: &Path, shop: &Shop, triggers: &[(&str, &str)]) {
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("flowright.yaml", "flows: [flows]\nconnectors: [connectors]\nenvironment: test\n");
    write("connectors/desk/connector.yaml", DESK);
    let environment = format!(
        "connections: {{ desk: {{ connector: desk, params: {{ shop: '{}' }} }} }}",
        shop.origin
    );
    write("environments/test.yaml", &environment);
    for (name, trigger) in triggers {
        let text = format!(
            "flow: {name}\nconnections: {{ desk: desk }}\n\
             triggers: [{{ name: T, {trigger} }}]\nactions: []\n"
        );
        write(&format!("flows/{name}/flow.yaml"), &text);
    }
}

#[tokio::test]
async fn subscriptions_that_are_forgotten_or_run_out_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open().await;
    let triggers =
        [("orders", "on: desk.Orders, with: { kinds: [big] }"), ("offers", "on: desk.Offers")];
    write_desk(folder.path(), &shop, &triggers);
    let port = free_port();
    let _process = Process::start(folder.path(), port);
    until("nobody looks", async || !shop.seen("get").is_empty() && !shop.seen("put").is_empty())
        .await;
    assert!(shop.seen("get")[0].0.starts_with("get /hooks/7 "), "{:?}", shop.seen("get"));
    let posts = shop.seen("post");
    assert_eq!(posts.len(), 2, "{posts:?}");
    shop.forgets.store(true, Ordering::SeqCst);
    until("it is not made again", async || 2 < shop.seen("post").len()).await;
    let body: Value = serde_json::from_str(&shop.seen("post")[2].1).unwrap();
    let url = body["url"].as_str().unwrap();
    assert!(url.contains("/hooks/orders/T?sig="), "{url}");
    for (kind, runs) in [("small", 0), ("big", 1)] {
        assert_eq!(send(url, json!({ "kind": kind }).to_string().as_bytes()).await, 200);
        let text = reqwest::get(format!("http://127.0.0.1:{port}/api/v1/runs")).await.unwrap();
        let found: Value = serde_json::from_str(&text.text().await.unwrap()).unwrap();
        assert_eq!(found["value"].as_array().unwrap().len(), runs, "{kind}");
    }
}

#[tokio::test]
async fn a_flow_that_is_off_has_no_subscription() {
    let stage = Stage::new(&[("rows", ROWS)]).await;
    stage.stands().await;
    let engine = &stage.service.engine;
    engine.switch("rows", false).await.unwrap();
    stage.asked(of_rows(1, 1)).await;
    let world = &stage.service.world.dataverse;
    world.put_row("accounts", json!({ "name": "unseen" })).unwrap();
    engine.switch("rows", true).await.unwrap();
    stage.asked(of_rows(2, 1)).await;
    becomes(true, async || {
        stage.states().await.iter().any(|it| it.state["subscription"]["confirmed"] == true)
    })
    .await;
    world.put_row("accounts", json!({ "name": "seen" })).unwrap();
    stage.runs(1).await;
}

/// What a definition says that knows no ids: method and path, and a body with the address in it.
const BY_PATH: &str = "on: { connection: desk, operation: 'post /@{toLower(''EU'')}/orders/subscribe', \
                       webhook: true }, with: { body: { callback_url: '@{listCallbackUrl()}', Kinds: [big] } }";

#[tokio::test]
async fn a_trigger_that_names_method_and_path_subscribes() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open().await;
    let lost = "on: { connection: desk, operation: post /lost, webhook: true }";
    write_desk(folder.path(), &shop, &[("orders", BY_PATH), ("lost", lost)]);
    let port = free_port();
    let _process = Process::start(folder.path(), port);
    let origin = format!("http://127.0.0.1:{port}");
    until("nobody subscribes", async || shop.seen("post").len() == 1).await;
    let body: Value = serde_json::from_str(&shop.seen("post")[0].1).unwrap();
    let url = body["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("{origin}/hooks/orders/T?sig=")), "{url}");
    for (kind, runs) in [("small", 0), ("big", 1)] {
        assert_eq!(send(&url, json!({ "kind": kind }).to_string().as_bytes()).await, 200);
        let text = reqwest::get(format!("{origin}/api/v1/runs")).await.unwrap();
        let found: Value = serde_json::from_str(&text.text().await.unwrap()).unwrap();
        assert_eq!(found["value"].as_array().unwrap().len(), runs, "{kind}");
    }
    let error = async || {
        let all = shown(&origin).await;
        let lost = all.into_iter().find(|it| it["flow"] == "lost");
        lost.map_or(Value::Null, |it| it["error"]["message"].clone())
    };
    until("the other shows no error", async || error().await.is_string()).await;
    assert_eq!(
        error().await,
        "`desk` has no trigger that is reached by `POST /lost`; it has only `Offers` (`POST /hooks`), \
         `Orders` (`POST /{desk}/orders/subscribe`, `POST /hooks`); give one of them this path under \
         `routes`"
    );
    std::fs::remove_dir_all(folder.path().join("flows/orders")).unwrap();
    until("the shop is not told", async || shop.seen("delete").len() == 1).await;
    assert!(shop.seen("delete")[0].0.starts_with("delete /hooks/7 "), "{:?}", shop.seen("delete"));
}
