//! The process dies at every write, and at the worst moment for real: nothing is lost or done twice.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use base::Status;
use emulators::{Fault, FaultKind, Logged, Running};
use http_client::Client;
use journal::{Admission, Admitted, Append, Store, StoreError, TriggerState};
use serde_json::{Value, json};
use store_postgres::{PostgresStore, cluster};
use store_sqlite::SqliteStore;
use tokio::{sync::watch, task::JoinSet};
use worker::Project;

use crate::support::{
    service::{
        PATIENCE, Parts, REGISTER, SYNC, Service, action, client, connections, flowright, one_way,
        project, referral, world,
    },
    through::{Call, Through, Way},
};

/// Where in a write the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Nothing of the write is stored.
    Before,
    /// All of it is stored, and nobody hears of it.
    After,
}

/// Where the runs of a story are.
pub(crate) enum Place {
    Folder(tempfile::TempDir),
    /// The URL of a database.
    Server(String),
}

impl Place {
    fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Folder(folder) => {
                let file = folder.path().join("flowright.db");
                Arc::new(SqliteStore::open(&file, store_sqlite::Options::default()).unwrap())
            }
            Self::Server(url) => {
                let store = PostgresStore::connect(url, store_postgres::Options::default()).await;
                Arc::new(store.unwrap())
            }
        }
    }
}

/// A store in a process that dies at a certain write.
pub(crate) type Mortal = Way<Mortality>;

/// When the process dies, and whether it has.
pub(crate) struct Mortality {
    store: Arc<dyn Store>,
    fate: Mutex<Fate>,
    dead: watch::Sender<bool>,
    loads: AtomicUsize,
}

#[derive(Default)]
struct Fate {
    writes: usize,
    death: Option<(usize, Moment)>,
}

impl Mortal {
    async fn open(place: &Place) -> Arc<Self> {
        Self::new(place.open().await)
    }

    pub(crate) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        let (fate, loads) = (Mutex::default(), AtomicUsize::new(0));
        Arc::new(Self(Mortality { store, fate, dead: watch::Sender::new(false), loads }))
    }
}

impl Mortality {
    /// From now on: dies at this write, counted from 1.
    pub(crate) fn arm(&self, death: Option<(usize, Moment)>) {
        *self.fate.lock().unwrap() = Fate { writes: 0, death };
    }

    /// How many runs were read with their events.
    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    fn writes(&self) -> usize {
        self.fate.lock().unwrap().writes
    }

    pub(crate) fn is_dead(&self) -> bool {
        *self.dead.borrow()
    }

    pub(crate) async fn death(&self) {
        let mut dead = self.dead.subscribe();
        dead.wait_for(|dead| *dead).await.unwrap();
    }

    fn moment(&self) -> Option<Moment> {
        let mut fate = self.fate.lock().unwrap();
        fate.writes += 1;
        let writes = fate.writes;
        fate.death.filter(|(at, _)| *at == writes).map(|(_, moment)| moment)
    }

    async fn write<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        if self.is_dead() {
            return Err(StoreError::Fenced);
        }
        match self.moment() {
            None => write.await,
            Some(moment) => {
                if moment == Moment::After {
                    write.await?;
                }
                self.dead.send_replace(true);
                Err(StoreError::Fenced)
            }
        }
    }
}

#[async_trait]
impl Through for Mortality {
    fn store(&self) -> &dyn Store {
        &*self.store
    }

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        self.loads.fetch_add(usize::from(call == Call::Load), Ordering::SeqCst);
        Ok(())
    }

    async fn advance(
        &self,
        admissions: Vec<Admission>,
        states: Vec<TriggerState>,
    ) -> Result<Vec<Admitted>, StoreError> {
        self.write(self.store.advance(admissions, states)).await
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Vec<Admitted>, StoreError> {
        self.write(self.store.append(batch)).await
    }
}

/// How often each kind of request was made: `PATCH /…/opportunities({id})`.
type Calls = BTreeMap<String, usize>;

/// What a story has left behind.
struct Told {
    died: bool,
    calls: Calls,
}

/// A referral is created and changed, and the process dies once on the way.
struct Story {
    world: Running,
    project: Project,
    client: Client,
    place: Place,
    store: Arc<Mortal>,
    service: Service,
}

impl Story {
    async fn begin(client: Client, place: Place) -> Self {
        let world = world().await;
        let project = project(one_way().path(), &connections(&world));
        let store = Mortal::open(&place).await;
        let parts =
            Parts { store: store.clone(), client: client.clone(), port: 0, ..Parts::default() };
        let service = Service::start(world.clone(), &project, parts).await;
        service.register().await;
        Self { world, project, client, place, store, service }
    }

    async fn tell(death: Option<(usize, Moment)>, client: Client, place: Place) -> Told {
        let mut story = Self::begin(client, place).await;
        let before = calls(&story.world).values().sum::<usize>();
        story.store.arm(death);
        let first = Arc::clone(&story.store);
        let id = story.world.partner_center.create_referral(referral());
        story = story.rest().await;
        let details = json!({ "dealValue": 45_000, "notes": "grown" });
        assert!(story.world.partner_center.patch_referral(&id, json!({ "details": details })));
        story = story.rest().await;
        story.check(&id).await;
        let mut calls = calls(&story.world);
        // Those of the registration are the same every time.
        assert!(before < calls.values().sum());
        calls.retain(|name, _| !name.contains("/registration"));
        let died = first.is_dead();
        assert!(died || death.is_none_or(|(at, _)| first.writes() < at));
        story.service.stop().await;
        story.world.stop();
        Told { died, calls }
    }

    /// Until nothing is under way any more; a process that has died is followed by another.
    async fn rest(mut self) -> Self {
        loop {
            tokio::select! {
                biased;
                () = self.store.death() => {}
                _ = self.service.quiet() => return self,
            }
            let port = self.service.address.port();
            self.service.stop().await;
            self.store = Mortal::open(&self.place).await;
            let parts = Parts {
                store: self.store.clone(),
                client: self.client.clone(),
                port,
                ..Parts::default()
            };
            self.service = Service::start(self.world.clone(), &self.project, parts).await;
        }
    }

    async fn check(&self, id: &str) {
        let rows = self.service.quiet_and_good().await;
        let events = self.world.partner_center.deliveries().len();
        assert_eq!(rows.len(), events, "one run for each event");
        let opportunities = self.world.dataverse.rows("opportunities");
        assert_eq!(opportunities.len(), 1, "{opportunities:#?}");
        assert_eq!(self.world.dataverse.rows("accounts").len(), 1);
        let opportunity = &opportunities[0];
        assert_eq!(opportunity["estimatedvalue"].as_f64(), Some(45_000.0));
        assert_eq!(opportunity["description"], "grown");
        assert_eq!(opportunity["name"], "✔ Northwind warehouse analytics");
        assert_eq!(opportunity["flowright_referralidentifier"], id);
        let referral = self.world.partner_center.referral(id).unwrap();
        assert_eq!(referral["externalReferenceId"], opportunity["opportunityid"]);
    }
}

fn calls(world: &Running) -> Calls {
    let all = [world.partner_center.requests(), world.dataverse.requests()].concat();
    let mut calls = Calls::new();
    for request in all.iter().filter(|it| is_call(it)) {
        *calls.entry(kind(request)).or_default() += 1;
    }
    calls
}

/// Tokens and certificates are asked for anew by every process.
fn is_call(request: &Logged) -> bool {
    !request.target.contains("/oauth2/") && !request.target.starts_with("/cert/")
}

/// A request without the identities in it.
fn kind(request: &Logged) -> String {
    let path = request.target.split('?').next().unwrap();
    let parts: Vec<&str> = path
        .split_inclusive(['/', '(', ')'])
        .flat_map(|part| match part.split_at_checked(36) {
            Some((id, rest)) if id.matches('-').count() == 4 => ["{id}", rest],
            _ => [part, ""],
        })
        .collect();
    format!("{} {}", request.method, parts.concat())
}

/// Whether no more was asked than the one question that was under way when the process died.
fn check_calls(usual: &Calls, calls: &Calls, at: &str) {
    let more: BTreeMap<&String, usize> = calls
        .iter()
        .map(|(name, count)| (name, count.saturating_sub(usual.get(name).copied().unwrap_or(0))))
        .filter(|(_, more)| 0 < *more)
        .collect();
    let fewer = usual.iter().find(|(name, count)| calls.get(*name).is_none_or(|it| it < count));
    assert_eq!(fewer, None, "{at}");
    let writes: usize =
        more.iter().filter(|(name, _)| !name.starts_with("GET ")).map(|(_, more)| more).sum();
    let reads: usize = more.values().sum::<usize>() - writes;
    // Writing to the referral once more is one more event, whose run reads twice.
    let to_referral = more.iter().any(|(name, _)| name.starts_with("PATCH /v1.0/engagements"));
    let fits = if to_referral { (writes, reads) == (1, 2) } else { writes + reads <= 1 };
    assert!(fits, "{at}: asked again: {more:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_write() {
    const TOGETHER: usize = 6;
    let client = client();
    let usual = Story::tell(None, client.clone(), Place::folder()).await.calls;
    // One makes the opportunity, one changes it.
    let of_opportunity = usual.get("PATCH /api/data/v9.2/opportunities({id})");
    assert_eq!(of_opportunity, Some(&2), "{usual:#?}");
    let mut deaths = 0;
    let mut at = 1;
    let mut lived = false;
    while !lived {
        let mut stories = JoinSet::new();
        for at in at..at + TOGETHER {
            for moment in [Moment::Before, Moment::After] {
                let client = client.clone();
                stories.spawn(async move {
                    let told = Story::tell(Some((at, moment)), client, Place::folder()).await;
                    (format!("{moment:?} write {at}"), told)
                });
            }
        }
        while let Some(story) = stories.join_next().await {
            let (name, told) = story.unwrap();
            check_calls(&usual, &told.calls, &name);
            deaths += usize::from(told.died);
            lived |= !told.died;
        }
        at += TOGETHER;
    }
    // Three runs, each with an event for every answer.
    assert!(30 <= deaths, "{deaths}");
}

/// The same in a database of a server, at some of the writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn some_writes_on_a_server() {
    let Some(cluster) = cluster::shared() else { return };
    let client = client();
    let place = || Place::Server(cluster.database());
    let usual = Story::tell(None, client.clone(), place()).await.calls;
    let mut stories = JoinSet::new();
    for at in [1, 2, 4, 7, 10, 13] {
        for moment in [Moment::Before, Moment::After] {
            let (client, place) = (client.clone(), place());
            stories.spawn(async move {
                let told = Story::tell(Some((at, moment)), client, place).await;
                (format!("{moment:?} write {at}"), told)
            });
        }
    }
    while let Some(story) = stories.join_next().await {
        let (name, told) = story.unwrap();
        check_calls(&usual, &told.calls, &name);
        assert!(told.died, "{name}");
    }
}

/// The server of the runs crashes while they are under way, and comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_outlives_its_database() {
    let Some(cluster) = cluster::Cluster::start() else { return };
    let story = Story::begin(client(), Place::Server(cluster.database())).await;
    let partner = &story.world.partner_center;
    for round in 0..3 {
        let slow = FaultKind::Delay(Duration::from_millis(400 + 150 * round));
        story.world.dataverse.fault(Fault::once("/api/data/v9.2/", slow));
        let id = partner.create_referral(referral());
        let asked = story.world.dataverse.requests().len();
        until("a run is under way", async || asked < story.world.dataverse.requests().len()).await;
        tokio::task::block_in_place(|| cluster.crash());
        // Nobody takes this delivery before the server is back.
        let value = 31_000 + round;
        let details = json!({ "dealValue": value });
        assert!(partner.patch_referral(&id, json!({ "details": details })));
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::task::block_in_place(|| cluster.resume());
        partner.settled().await;
        let rows = story.service.quiet_and_good().await;
        assert_eq!(rows.len(), partner.deliveries().len(), "one run for each event");
        let referral = partner.referral(&id).unwrap();
        let opportunities = story.world.dataverse.rows("opportunities");
        let mine = opportunities.iter().find(|it| it["flowright_referralidentifier"] == *id);
        let mine = mine.unwrap();
        assert_eq!(referral["externalReferenceId"], mine["opportunityid"]);
        assert_eq!(mine["estimatedvalue"].to_string(), format!("{value}.0"));
    }
    assert_eq!(story.world.dataverse.rows("opportunities").len(), 3);
    let deliveries = partner.deliveries();
    let mut answers = deliveries.iter().flat_map(|it| &it.attempts).map(|it| it.status);
    assert!(answers.any(|it| it == Some(503)), "while it is away, nothing is taken");
    assert!(!story.store.is_dead());
    story.service.stop().await;
    story.world.stop();
}

impl Story {
    /// A known referral is closed. Closing an opportunity twice is an error, so it is asked for once
    /// at most, and a run that does not know what became of it says so.
    async fn close(death: (usize, Moment), client: Client) -> bool {
        let mut story = Self::begin(client, Place::folder()).await;
        let id = story.world.partner_center.create_referral(referral());
        story.service.quiet_and_good().await;
        story.store.arm(Some(death));
        let first = Arc::clone(&story.store);
        let closed = json!({ "status": "Closed", "substatus": "Won" });
        assert!(story.world.partner_center.patch_referral(&id, closed));
        story = story.rest().await;
        let calls = calls(&story.world);
        let asked = calls.get("POST /api/data/v9.2/WinOpportunity").copied().unwrap_or(0);
        let state = story.world.dataverse.rows("opportunities")[0]["statecode"].clone();
        let rows = story.service.quiet().await;
        assert_eq!(rows.len(), 3, "{death:?}");
        if rows[2].status == Some(Status::Succeeded) {
            assert_eq!((asked, state), (1, json!(1)), "{death:?}");
        } else {
            assert!(first.is_dead() && asked <= 1, "{death:?}: asked {asked} times");
            let shown = story.service.shown(&rows[2]).await;
            let close = action(&shown, "Close the opportunity").unwrap();
            assert_eq!(close["error"]["code"], "UnknownOutcome", "{death:?} {close:#}");
        }
        story.service.stop().await;
        story.world.stop();
        first.is_dead()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_not_be_repeated_is_asked_for_once() {
    const WRITES: usize = 16;
    let client = client();
    let mut stories = JoinSet::new();
    for at in 1..=WRITES {
        for moment in [Moment::Before, Moment::After] {
            stories.spawn(Story::close((at, moment), client.clone()));
        }
    }
    let died = stories.join_all().await;
    let deaths = died.iter().filter(|it| **it).count();
    assert!((8..2 * WRITES).contains(&deaths), "{deaths}");
}

/// `flowright serve` on a copy of the project; killed when dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    pub(crate) fn start(project: &Path, port: u16) -> Self {
        Self::start_on(".flowright/flowright.db", project, port)
    }

    pub(crate) fn start_on(database: &str, project: &Path, port: u16) -> Self {
        Self::ready(Self::spawn(database, project, port, &[]))
    }

    fn spawn(database: &str, project: &Path, port: u16, more: &[&str]) -> Child {
        Command::new(flowright())
            .env("FLOWRIGHT_DATABASE", database)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--project"])
            .arg(project)
            .args(more)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn ready(mut child: Child) -> Self {
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = lines.by_ref().map(Result::unwrap).find(|it| it.starts_with("listening on "));
        assert!(ready.is_some(), "the service did not start");
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// As a power cut would: no handler runs.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs of the sync flow as the API lists them.
async fn runs(port: u16) -> Vec<Value> {
    let url = format!("http://127.0.0.1:{port}/api/v1/runs?limit=500&flow={SYNC}");
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["value"].as_array().unwrap().clone()
}

fn register(project: &Path, port: u16) {
    let endpoint = format!("http://127.0.0.1:{port}/hooks/{SYNC}");
    let out = Command::new(flowright())
        .args(["run", REGISTER, "--input", &format!("endpoint={endpoint}")])
        .current_dir(project)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// How often each request of a method was made, identities included.
fn exact(world: &Running, method: &str) -> Calls {
    let all = [world.partner_center.requests(), world.dataverse.requests()].concat();
    let mut calls = Calls::new();
    for request in all.iter().filter(|it| is_call(it) && it.method == method) {
        *calls.entry(request.target.clone()).or_default() += 1;
    }
    calls
}

/// A service in a process of its own, over emulators in this one.
struct Killable {
    folder: tempfile::TempDir,
    world: Running,
    port: u16,
    process: Process,
    database: String,
}

impl Killable {
    async fn start(database: &str) -> Self {
        let folder = one_way();
        let world = world().await;
        let environment = json!({ "connections": connections(&world) }).to_string();
        let environments = folder.path().join("flows/environments");
        fs::create_dir_all(&environments).unwrap();
        fs::write(environments.join("production.yaml"), environment).unwrap();
        let port = free_port();
        let process = Process::start_on(database, folder.path(), port);
        register(folder.path(), port);
        Self { folder, world, port, process, database: database.to_owned() }
    }
}

/// All runs, once as many as there were events have ended.
async fn all_ended(world: &Running, port: u16) -> Vec<Value> {
    let partner = &world.partner_center;
    until("all runs have ended", async || {
        partner.settled().await;
        let runs = runs(port).await;
        runs.len() == partner.deliveries().len() && runs.iter().all(|it| it["status"] != "Running")
    })
    .await;
    let all = runs(port).await;
    for run in &all {
        assert_eq!(run["status"], Status::Succeeded.name(), "{run:#}");
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9() {
    kill_9_with(".flowright/flowright.db").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_on_a_server() {
    if let Some(cluster) = cluster::shared() {
        let url = cluster.database();
        kill_9_with(&cluster.over_network(&url)).await;
        assert_eq!(
            cluster.ask(&url, "SELECT count(*) FROM flowright.run WHERE status IS NULL"),
            "0"
        );
        assert_ne!(cluster.ask(&url, "SELECT count(*) FROM flowright.run"), "0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_stopped_is_followed_at_once() {
    let Some(cluster) = cluster::shared() else { return };
    let Killable { folder, world, port, mut process, database } =
        Killable::start(&cluster.database()).await;
    let other = Process::ready(Process::spawn(&database, folder.path(), free_port(), &[]));
    let held = || {
        let sql = "SELECT count(*) FROM flowright.shard JOIN flowright.node USING (node)
            WHERE gone IS NULL GROUP BY node ORDER BY node";
        cluster.ask(&database, sql)
    };
    until("they share", async || held() == "32\n32").await;
    let first = process.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &first]).status().unwrap().success());
    assert!(process.child.wait().unwrap().success());
    let begun = Instant::now();
    until("the other one has everything", async || held() == "64").await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let mut process = Process::start_on(&database, folder.path(), port);
    world.partner_center.create_referral(referral());
    assert_eq!(all_ended(&world, port).await.len(), 2);
    process.kill();
    drop(other);
    world.stop();
}

async fn kill_9_with(database: &str) {
    let Killable { folder, world, port, mut process, database } = Killable::start(database).await;
    let partner = &world.partner_center;

    // The first run is held while it creates its opportunity.
    world.dataverse.fault(
        Fault::once("/api/data/v9.2/opportunities(", FaultKind::Delay(Duration::from_secs(30)))
            .for_method("PATCH"),
    );
    let first = partner.create_referral(referral());
    until("the currency was asked for", async || {
        world.dataverse.requests().iter().any(|it| it.target.contains("/transactioncurrencies"))
    })
    .await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    process.kill();
    assert_eq!(world.dataverse.rows("opportunities").len(), 0, "the call was under way");
    let accounts = world.dataverse.rows("accounts");
    assert_eq!(accounts.len(), 1);

    // While nobody listens, things go on happening.
    let second = partner.create_referral(referral());
    assert!(partner.patch_referral(&first, json!({ "details": { "dealValue": 31_000 } })));
    let refused = || {
        partner
            .deliveries()
            .iter()
            .all(|it| it.event != "referral-updated" || !it.attempts.is_empty())
    };
    until("a delivery was tried", async || refused()).await;

    let mut process = Process::start_on(&database, folder.path(), port);
    let all = all_ended(&world, port).await;
    // Created, changed, and the echo of our own write; twice but for the change.
    assert_eq!(all.len(), 5);
    let opportunities = world.dataverse.rows("opportunities");
    assert_eq!(opportunities.len(), 2);
    assert_eq!(world.dataverse.rows("accounts"), accounts, "the account was found, not made again");
    for (id, value) in [(&first, 31_000.0), (&second, 30_000.0)] {
        let mine = opportunities.iter().find(|it| it["flowright_referralidentifier"] == **id);
        let mine = mine.unwrap();
        assert_eq!(mine["estimatedvalue"].as_f64(), Some(value));
        assert_eq!(partner.referral(id).unwrap()["externalReferenceId"], mine["opportunityid"]);
        // Each run has read its referral once, also the one that was killed after it had.
        let mine = all.iter().filter(|it| it["key"] == **id).count();
        let read = format!("/v1.0/engagements/referrals/{id}");
        assert_eq!(exact(&world, "GET")[&read], mine, "{:#?}", exact(&world, "GET"));
    }
    assert!(exact(&world, "POST").keys().all(|it| it.ends_with("/registration")));
    process.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_while_a_retry_is_due() {
    let Killable { folder, world, port, mut process, database } =
        Killable::start(".flowright/flowright.db").await;
    let lose = Fault::once("/api/data/v9.2/opportunities(", FaultKind::LoseReply);
    world.dataverse.fault(lose.for_method("PATCH"));
    let id = world.partner_center.create_referral(referral());
    until("the opportunity is there", async || !world.dataverse.rows("opportunities").is_empty())
        .await;
    // Long enough for the pause to be stored; the flow's default is 7.5 seconds.
    tokio::time::sleep(Duration::from_secs(1)).await;
    process.kill();
    let begun = Instant::now();
    let mut process = Process::start_on(&database, folder.path(), port);
    let all = all_ended(&world, port).await;
    assert!(Duration::from_secs(4) < begun.elapsed(), "the pause was cut short");
    assert_eq!(all.len(), 2);
    let opportunities = world.dataverse.rows("opportunities");
    assert_eq!(opportunities.len(), 1);
    let referral = world.partner_center.referral(&id).unwrap();
    assert_eq!(referral["externalReferenceId"], opportunities[0]["opportunityid"]);
    let creations = exact(&world, "PATCH");
    let creations = creations.iter().filter(|(target, _)| target.contains("/opportunities("));
    assert_eq!(creations.map(|(_, count)| *count).collect::<Vec<_>>(), [2]);
    process.kill();
}
