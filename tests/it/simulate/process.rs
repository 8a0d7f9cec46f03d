//! The real engine in virtual time, process after process over one store.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use base::{ErrorClass, Failure, Outcome, RunId, Secret, Source, Timestamp};
use connector::Catalog;
use interp::{Plan, effect::Ask};
use journal::{
    Admission, Append, Event, EventKind, MemoryStore, Page, Path, RunFilter, Store as _, StoreError,
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use worker::{
    Addresses, CallBack, CallBackError, Clock, Deployed, Engine, Flows, Options, Performer,
};

use super::{
    make::Made,
    random::{Random, hash},
    shadow::Shadow,
    store::{self, Death, Faulty, Life, Loss},
};
use crate::support::through::Way;

/// When every simulation begins.
pub(crate) const START: &str = "2026-01-01T00:00:00Z";
/// Virtual time that any run may take; waits, retries and downtimes add up to much less.
const PATIENCE: Duration = Duration::from_hours(36);

/// How a simulation goes wrong, if it does.
#[derive(Debug)]
pub(crate) struct World {
    /// One life after the other; the last one has no death.
    pub(crate) lives: Vec<Life>,
    /// How far the clock jumps between lives, in seconds.
    pub(crate) jumps: Vec<i64>,
    /// What is lost, to see that it is found out.
    pub(crate) loss: Loss,
    /// Whether services answer in another way when they are asked once more.
    pub(crate) fickle: bool,
    /// Whether somebody stops the runs.
    pub(crate) cancels: bool,
    /// Whether somebody has the runs pause for a while, again and again.
    pub(crate) pauses: bool,
    /// What decides about everything that has no influence on the end.
    pub(crate) chance: Random,
}

impl World {
    /// Nothing goes wrong.
    pub(crate) fn calm(seed: u64) -> Self {
        Self {
            lives: vec![Life::default()],
            jumps: Vec::new(),
            loss: Loss::Nothing,
            fickle: false,
            cancels: false,
            pauses: false,
            chance: Random::new(seed, "calm"),
        }
    }

    /// Everything goes wrong that may.
    pub(crate) fn wild(seed: u64, racy: bool) -> Self {
        let mut chance = Random::new(seed, "wild");
        let lives = store::lives(&mut chance);
        let jumps = lives.iter().map(|_| *chance.pick(&[0, 0, 0, 70, 4_000, -30, -3_000]));
        let jumps: Vec<i64> = jumps.collect();
        let cancels = racy && chance.chance(20);
        let pauses = chance.chance(50);
        // What waits goes on during a pause, what bounds it does not: a jump would tell them apart.
        let jumps: Vec<i64> = if pauses { Vec::new() } else { jumps };
        Self { lives, jumps, cancels, pauses, chance, ..Self::calm(seed) }
    }
}

/// Flows, ready to run.
pub(crate) fn deployed(made: &Made) -> Flows {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../connectors/dynamics-365/connector.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let (connector, _) = connector::read(&Source::new("connector.yaml", &text));
    let catalog = Catalog::new(vec![connector]);
    let one = |(name, text): &(String, String)| {
        let file = format!("flows/{name}/flow.yaml");
        let package = flow::package::read(&Source::new(&file, text), &[]);
        let errors = package.diagnostics.iter().flat_map(|(_, found)| found);
        let errors: Vec<_> = errors.filter(|it| it.severity == base::Severity::Error).collect();
        assert!(errors.is_empty(), "{text}\n{errors:#?}");
        let flow = Deployed::new(name, vec![(file, text.clone())], package, &catalog, &Map::new());
        (name.clone(), Arc::new(flow))
    };
    made.flows.iter().map(one).collect()
}

/// What starts the runs of a seed.
pub(crate) fn admissions(seed: u64, made: &Made, flows: &Flows) -> Vec<Admission> {
    let mut random = Random::new(seed, "admissions");
    let name = &made.flows[0].0;
    let count = 1 + random.below(2);
    let one = |index: u64| {
        let body = json!({
            "n": random.below(4),
            "text": *random.pick(&["some", "12", "{\"n\": 1}"]),
            "list": [1, 2, 3],
            "rows": [{ "a": 1 }, { "a": "x", "b": null }],
        });
        let run = format!("run-{index}");
        let kind = EventKind::Started {
            trigger: "Go".to_owned(),
            outputs: json!({ "headers": {}, "body": body }).into(),
            parameters: Map::new().into(),
            seed,
            callback: Some(journal::Callback {
                url: format!("https://flows.example/callbacks/{run}"),
                key: "a key".to_owned(),
            }),
            again: None,
            run: run.clone(),
            by: None,
        };
        let at = Timestamp::parse(START).unwrap();
        Admission {
            run: RunId::new(run),
            flow: name.clone(),
            sha: flows[name].sha.clone(),
            trigger: "Go".to_owned(),
            dedupe: None,
            key: None,
            parent: None,
            started: Event { at, path: Path::run(), kind },
            packed: None,
            then: Vec::new(),
        }
    };
    (0..count).map(one).collect()
}

/// The answer of the world; depends on what is asked, not on when or how often.
pub(crate) fn answer(seed: u64, flow: &str, ask: &Ask, now: Timestamp) -> Outcome {
    let followed = ask.follow.is_some();
    let text = format!("{flow}/{}/{}/{followed}", ask.path, ask.attempt);
    let mut random = Random::new(hash(seed, &text), "answer");
    let n = random.below(5);
    let response = |status: u16, headers: Value| {
        let body = json!({ "n": n, "path": ask.path.as_str(), "value": [n] });
        Outcome::of_response(json!({ "statusCode": status, "headers": headers, "body": body }), now)
    };
    let seconds = (1 + random.below(9)).to_string();
    match random.below(100) {
        _ if 7 < ask.attempt => response(200, json!({})),
        0..8 => response(404, json!({})),
        8..18 => response(429, json!({ "Retry-After": seconds })),
        18..28 => response(503, json!({})),
        28..34 => Outcome::failed(Failure::of_class(
            ErrorClass::Transient,
            "ReplyLost",
            "the service has gone away before it answered",
        )),
        34..40 => Outcome::failed(Failure::of_class(
            ErrorClass::Transient,
            "ConnectionFailed",
            "nobody is there",
        )),
        40..50 => response(202, json!({ "Location": "/later", "Retry-After": seconds })),
        _ => response(200, json!({})),
    }
}

/// With what a service calls back.
pub(crate) fn call(seed: u64, flow: &str, ask: &Ask) -> Value {
    let n = hash(seed, &format!("{flow}/{}/call", ask.path)) % 5;
    let status = if n == 0 { 404 } else { 200 };
    json!({ "statusCode": status, "headers": {}, "body": { "n": n } })
}

/// Services that answer as the seed says, after a while.
struct Services {
    seed: u64,
    fickle: bool,
    shadow: Arc<Shadow>,
    chance: Mutex<Random>,
    /// The engine that is alive, for those that call back.
    engine: Arc<Mutex<Option<Engine>>>,
}

impl Services {
    /// Calls back in a while, until it is heard.
    fn call_back(&self, flow: &str, ask: &Ask, url: &str) {
        let call = CallBack {
            run: RunId::new(ask.idempotency_key.split_once(':').unwrap().0),
            path: ask.path.clone(),
            signature: url.split_once("?sig=").unwrap().1.to_owned(),
            outputs: call(self.seed, flow, ask),
        };
        let pause = Duration::from_millis(self.chance.lock().unwrap().below(9_000));
        let (engine, shadow) = (Arc::clone(&self.engine), Arc::clone(&self.shadow));
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            loop {
                let alive = engine.lock().unwrap().clone();
                let heard = match alive {
                    Some(engine) => engine.call_back(call.clone()).await,
                    None => Err(CallBackError::Stopping),
                };
                match heard {
                    Ok(()) | Err(CallBackError::NotAwaited) => return,
                    Err(error @ (CallBackError::Unknown | CallBackError::Approval)) => {
                        return shadow.complain(format!("its own address: {error}: {call:?}"));
                    }
                    Err(CallBackError::Store(_) | CallBackError::Stopping) => {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        });
    }
}

#[async_trait]
impl Performer for Services {
    async fn perform(&self, plan: &Plan, ask: &Ask, now: Timestamp) -> Outcome {
        self.shadow.asked(ask);
        let pause = self.chance.lock().unwrap().below(3_000);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let seed = if self.fickle { self.chance.lock().unwrap().next() } else { self.seed };
        let outcome = answer(seed, &plan.flow.name, ask, now);
        if let Some(url) = ask.callback_url.as_ref().filter(|_| outcome.failure.is_none()) {
            self.call_back(&plan.flow.name, ask, url);
        }
        outcome
    }
}

/// The clock of one process: it may be set back between processes, and never goes back in one.
struct VirtualClock {
    began: Instant,
    jump: i64,
    latest: AtomicI64,
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let start = Timestamp::parse(START).unwrap().ticks();
        let passed = i64::try_from(self.began.elapsed().as_nanos() / 100).unwrap();
        let now = start + passed + self.jump * 10_000_000;
        Timestamp::from_ticks(now.max(self.latest.fetch_max(now, Ordering::Relaxed)))
    }
}

/// What a simulation came to.
pub(crate) struct Simulated {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) shadow: Arc<Shadow>,
}

/// Runs everything of a seed to its end.
pub(crate) fn simulate(seed: u64, made: &Made, flows: &Flows, world: World) -> Simulated {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(live(seed, made, flows, world))
}

async fn live(seed: u64, made: &Made, flows: &Flows, mut world: World) -> Simulated {
    let shadow = Shadow::new(flows.clone());
    let admissions = admissions(seed, made, flows);
    let mut store = Arc::new(admitted(flows, &admissions, &shadow).await);
    let began = Instant::now();
    let mut jump = 0;
    let alive = Arc::new(Mutex::new(None));
    let lives = std::mem::take(&mut world.lives);
    for (index, life) in lives.into_iter().enumerate() {
        jump += world.jumps.get(index).copied().unwrap_or(0);
        let clock = Arc::new(VirtualClock { began, jump, latest: AtomicI64::new(0) });
        let performer = Arc::new(Services {
            seed,
            fickle: world.fickle,
            shadow: Arc::clone(&shadow),
            chance: Mutex::new(Random::new(world.chance.next(), "services")),
            engine: Arc::clone(&alive),
        });
        let active_max = 1 + world.chance.index(4);
        let (faulty, engine) = loop {
            // A new process: what an earlier one still writes is refused.
            store = Arc::new(store.reopen());
            let faulty = Arc::new(Way(Faulty::new(
                Arc::clone(&store),
                &shadow,
                world.loss,
                life.clone(),
                Random::new(world.chance.next(), "store"),
            )));
            let options = Options {
                store: Arc::clone(&faulty) as Arc<dyn journal::Store>,
                performer: Arc::clone(&performer) as Arc<dyn Performer>,
                clock: Arc::clone(&clock) as Arc<dyn Clock>,
                flows: flows.clone(),
                active_max,
                addresses: Some(Addresses::new(
                    "https://flows.example",
                    Secret::new("the key of the world".to_owned()),
                )),
            };
            match Engine::start(options).await {
                Ok(engine) => break (faulty, engine),
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        };
        *alive.lock().unwrap() = Some(engine.clone());
        meddle(&engine, &admissions, &mut world);
        let death = tokio::select! {
            biased;
            death = faulty.over() => Some(death),
            () = all_ended(&store) => None,
            () = tokio::time::sleep(PATIENCE) => {
                shadow.complain(format!("runs do not end: {}", open(&store).await));
                None
            }
        };
        match death {
            Some(Death::Before | Death::After) => engine.stop(),
            // It finds out at its next write.
            Some(Death::Replaced) => {}
            None => {
                engine.stop();
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(world.chance.below(2_000))).await;
    }
    refuse_more(&store, &shadow, world.loss).await;
    Simulated { store, shadow }
}

/// A store with the runs that begin.
async fn admitted(flows: &Flows, admissions: &[Admission], shadow: &Shadow) -> MemoryStore {
    let store = MemoryStore::new();
    for flow in flows.values() {
        store.put_flow(flow.version()).await.unwrap();
    }
    for admission in admissions {
        shadow.begun(&admission.run, &admission.flow, None, &admission.started);
    }
    store.admit(admissions.to_vec()).await.unwrap();
    store
}

/// Returns when no run is open any more.
async fn all_ended(store: &MemoryStore) {
    while !store.runs(&crate::support::open_only(), Page::Newest, 1).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Open runs with the number of their timers and how far they are.
async fn open(store: &MemoryStore) -> String {
    let timers = store::timers(store).await;
    let mut lines = Vec::new();
    for row in store.runs(&crate::support::open_only(), Page::Newest, 100).await.unwrap() {
        let count = timers.get(&row.run).copied().unwrap_or(0);
        let (_, events) = store.load(&row.run).await.unwrap().unwrap();
        let last = events.last().map(|it| format!("{} {:?}", it.path, it.kind));
        lines.push(format!("{} ({}): {count} timers, {last:?}", row.run, row.flow));
    }
    lines.join("; ")
}

/// What operators do meanwhile.
fn meddle(engine: &Engine, admissions: &[Admission], world: &mut World) {
    if world.cancels {
        stop_later(engine, admissions, world.chance.below(60));
    }
    if world.pauses {
        for admission in admissions {
            let chance = Random::new(world.chance.next(), "pauses");
            pause_now_and_then(engine, &admission.run, chance);
        }
    }
}

/// Somebody stops one of the runs.
fn stop_later(engine: &Engine, admissions: &[Admission], seconds: u64) {
    let engine = engine.clone();
    let run = admissions[0].run.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        engine.cancel(&run, "enough");
    });
}

/// Somebody has a run pause some times, and resumes it. The time of what may take some is shorter than
/// the pauses together, which must not matter.
fn pause_now_and_then(engine: &Engine, run: &RunId, mut chance: Random) {
    let (engine, run) = (engine.clone(), run.clone());
    tokio::spawn(async move {
        // An earlier process may have died during a pause.
        engine.resume(&run, "again");
        for _ in 0..chance.below(6) {
            tokio::time::sleep(Duration::from_millis(chance.below(15_000))).await;
            engine.pause(&run, "a while");
            tokio::time::sleep(Duration::from_millis(chance.below(60_000))).await;
            engine.resume(&run, "enough");
        }
        // What was said while the store failed was not heard.
        while !engine.is_stopped() {
            tokio::time::sleep(Duration::from_mins(1)).await;
            engine.resume(&run, "at last");
        }
    });
}

/// Whatever has ended takes nothing in any more.
async fn refuse_more(store: &MemoryStore, shadow: &Shadow, loss: Loss) {
    let rows = store.runs(&RunFilter::default(), Page::Newest, usize::MAX).await.unwrap();
    for row in rows.into_iter().filter(|row| row.status.is_some()) {
        let event = Event { at: row.created, path: Path::new([], "Init"), kind: EventKind::Woken };
        let append = Append { events: vec![event], ..Append::new(row.run.clone()) };
        if loss == Loss::AfterEnd {
            shadow.appended(&append, &[]);
        }
        let refused = store.append(vec![append]).await;
        if !matches!(refused, Err(StoreError::IllegalEvent { .. })) {
            shadow.complain(format!("{} has ended and takes in an event: {refused:?}", row.run));
        }
    }
}
