//! Three processes on one database server that are killed, frozen and cut off while events come in.
//!
//! What is asked of the outside goes to a server in this process, which writes down what it is asked.
//! `RUN_SLOW_TESTS=1` kills 500 times; `NODE_KILLS=<n>` so many.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use store_postgres::cluster::{self, Cluster};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    crash::free_port,
    support::service::{PATIENCE, flowright},
};

/// After this time of silence a node may be given up.
const LEASE: Duration = Duration::from_secs(5);
/// Long after the lease of a node and the second that the others have to find out: how long it takes
/// is said, and depends on what else the machine does.
pub(crate) const TAKEOVER_MAX: Duration = Duration::from_secs(30);
const N_NODES: usize = 3;
/// Events of a key come one after the other: no more than so many runs are under way at a time.
const N_KEYS: usize = 8;

/// One question: key and number of the event, and which of the two it is.
type Effect = (u64, u64, u64);

/// What a test has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Events that were acknowledged, in their order per key.
    acknowledged: Vec<(u64, u64)>,
    /// What the outside was asked, in order, repeats included.
    effects: Vec<Effect>,
    /// How the runs ended, by event.
    runs: Vec<((u64, u64), String)>,
}

/// Everything that is wrong with it.
fn faults(seen: &Seen) -> Vec<String> {
    let mut faults = Vec::new();
    let mut ends: BTreeMap<(u64, u64), Vec<&str>> = BTreeMap::new();
    for (event, end) in &seen.runs {
        ends.entry(*event).or_default().push(end);
    }
    for event in &seen.acknowledged {
        match ends.get(event).map(Vec::as_slice) {
            Some(["Succeeded"]) => {}
            found => faults.push(format!("the event {event:?} was acknowledged, found {found:?}")),
        }
    }
    let mut first: BTreeMap<Effect, usize> = BTreeMap::new();
    for (at, effect) in seen.effects.iter().enumerate() {
        first.entry(*effect).or_insert(at);
    }
    for (key, n) in &seen.acknowledged {
        for step in 1..=2 {
            if !first.contains_key(&(*key, *n, step)) {
                faults.push(format!("the event {:?} has not asked its question {step}", (key, n)));
            }
        }
    }
    let mut order: Vec<(usize, Effect)> = first.iter().map(|(it, at)| (*at, *it)).collect();
    order.sort_unstable();
    let mut latest: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for (_, (key, n, step)) in order {
        let before = latest.insert(key, (n, step));
        if before.is_some_and(|before| (n, step) <= before) {
            faults.push(format!("{:?} came after {before:?}", (key, n, step)));
        }
    }
    faults
}

#[test]
fn what_is_wrong_is_found() {
    let good = Seen {
        acknowledged: vec![(1, 0), (1, 1), (2, 0)],
        effects: [(1, 0, 1), (1, 0, 1), (2, 0, 1), (1, 0, 2), (1, 1, 1), (1, 1, 2), (2, 0, 2)]
            .into(),
        runs: [(1, 0), (1, 1), (2, 0)].map(|it| (it, "Succeeded".to_owned())).into(),
    };
    assert_eq!(faults(&good), Vec::<String>::new());
    // A repeat that comes late is no fault: who was frozen says what it had decided to say.
    let mut late = good.clone();
    late.effects.push((1, 0, 2));
    assert_eq!(faults(&late), Vec::<String>::new());
    let bad = |what: &str, change: fn(&mut Seen)| {
        let mut seen = good.clone();
        change(&mut seen);
        assert!(!faults(&seen).is_empty(), "{what}");
    };
    bad("an event is lost", |it| drop(it.runs.remove(1)));
    bad("an event has two runs", |it| it.runs.push(it.runs[0].clone()));
    bad("a run has failed", |it| it.runs[0].1 = "Failed".to_owned());
    bad("a question was not asked", |it| it.effects.truncate(6));
    bad("the order is not kept", |it| it.effects.swap(3, 4));
}

/// Takes in what flows ask, one line of a list for each question.
struct Outside {
    url: String,
    effects: Arc<Mutex<Vec<Effect>>>,
}

impl Outside {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let effects = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&effects);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&all)));
            }
        });
        Self { url, effects }
    }
}

/// Answers the questions of one connection, which are small and come one after the other.
async fn answer(mut stream: TcpStream, effects: Arc<Mutex<Vec<Effect>>>) {
    let mut text = String::new();
    let mut bytes = vec![0; 4_096];
    loop {
        let Ok(length @ 1..) = stream.read(&mut bytes).await else { return };
        text.push_str(&String::from_utf8_lossy(&bytes[..length]));
        let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
        let Ok(body) = serde_json::from_str::<Value>(body) else { continue };
        let number = |name: &str| body[name].as_u64().unwrap();
        effects.lock().unwrap().push((number("key"), number("n"), number("step")));
        text.clear();
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}";
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A service in a process of its own, with one trigger.
pub(crate) struct Node {
    child: Child,
    /// The address of the trigger there.
    pub(crate) url: String,
}

impl Node {
    fn start(folder: &Path, database: &str) -> Self {
        Self::spawn(Command::new(flowright()), folder, database).unwrap()
    }

    /// Starts a service with a command that runs `flowright`; gives what it has said if it ends
    /// before it listens.
    pub(crate) fn spawn(
        mut command: Command,
        folder: &Path,
        database: &str,
    ) -> Result<Self, String> {
        let mut child = command
            .env("FLOWRIGHT_DATABASE", database)
            .args(["serve", "--listen", &format!("127.0.0.1:{}", free_port()), "--project"])
            .arg(folder)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut said = String::new();
        let url = lines.by_ref().find_map(|line| {
            said.push_str(&line);
            said.push('\n');
            let at = line.find("http://").filter(|_| line.contains("/hooks/"))?;
            line.get(at..).map(str::to_owned)
        });
        let Some(url) = url else {
            child.wait().unwrap();
            return Err(said);
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, url })
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const FLOW: &str = "
flow: Ordered
triggers:
  - name: Go
    request: {}
    dedupe: '@{triggerBody()?[''key'']}/@{triggerBody()?[''n'']}'
    concurrency: { runs: 1, key: '@string(triggerBody()?[''key''])' }
actions:
  - name: First
    http:
      method: POST
      uri: URL
      body: { key: $.trigger.body.key, n: $.trigger.body.n, step: 1 }
  - { name: Pause, wait: PT0.05S }
  - name: Second
    http:
      method: POST
      uri: URL
      body: { key: $.trigger.body.key, n: $.trigger.body.n, step: 2 }
";

/// The database itself notes who writes to what is not his, and when shards changed hands. A node's row
/// is changed by every transaction of it, so the transaction says whose it is. Any node may put in the
/// first event of a run, and nobody else's.
const AUDIT: &str = "
CREATE SCHEMA audit;
CREATE TABLE audit.stale (writer bigint, owner bigint, run bigint, number integer);
CREATE TABLE audit.taken (at timestamptz, giver bigint, heard timestamptz);
CREATE FUNCTION audit.event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    writer bigint := (SELECT node FROM flowright.node WHERE xmin = pg_current_xact_id()::xid);
    holder bigint := (SELECT shard.node FROM flowright.run JOIN flowright.shard USING (shard)
        WHERE position = NEW.run);
BEGIN
    IF writer IS DISTINCT FROM holder THEN
        INSERT INTO audit.stale VALUES (writer, holder, NEW.run, NEW.number);
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION audit.shard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit.taken SELECT clock_timestamp(), node, heard FROM flowright.node
        WHERE node = OLD.node AND gone = 'lost';
    RETURN NULL;
END
$$;
CREATE TRIGGER audit AFTER INSERT ON flowright.event
    FOR EACH ROW WHEN (NEW.number > 1) EXECUTE FUNCTION audit.event();
CREATE TRIGGER audit AFTER UPDATE ON flowright.shard
    FOR EACH ROW WHEN (OLD.node <> NEW.node) EXECUTE FUNCTION audit.shard()";

/// A write of a node that has nothing, as no node would do it.
const STALE: &str = "BEGIN;
INSERT INTO flowright.node (name, address, lease, gone)
    VALUES ('stale', '', 1, 'lost');
INSERT INTO flowright.event SELECT run, 1000000, text, sum, blob FROM flowright.event LIMIT 1;
COMMIT";

pub(crate) struct World<'a> {
    cluster: &'a Cluster,
    database: String,
    /// The database as each node knows it.
    databases: [String; N_NODES],
    folder: tempfile::TempDir,
    outside: Outside,
    pub(crate) nodes: Vec<Node>,
    /// Where events may be sent.
    urls: Arc<Mutex<Vec<String>>>,
    enough: Arc<AtomicBool>,
    senders: Vec<JoinHandle<Vec<(u64, u64)>>>,
}

impl<'a> World<'a> {
    async fn start(cluster: &'a Cluster) -> Self {
        let database = cluster.database();
        Self::reached_by(cluster, [&database, &database, &database].map(Clone::clone)).await
    }

    /// All nodes are there, each by an address of its own for the one database, and events come in.
    pub(crate) async fn reached_by(cluster: &'a Cluster, databases: [String; N_NODES]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let outside = Outside::start().await;
        let flow = folder.path().join("flows/ordered");
        fs::create_dir_all(&flow).unwrap();
        fs::write(flow.join("flow.yaml"), FLOW.replace("URL", &outside.url)).unwrap();
        let settings = "http: { allowHosts: [127.0.0.1] }\n";
        fs::write(folder.path().join("flowright.yaml"), settings).unwrap();
        let database = databases[0].clone();
        let nodes: Vec<Node> = databases.iter().map(|it| Node::start(folder.path(), it)).collect();
        let urls = Arc::new(Mutex::new(nodes.iter().map(|it| it.url.clone()).collect()));
        let enough = Arc::new(AtomicBool::new(false));
        let senders = Vec::new();
        let mut world =
            Self { cluster, database, databases, folder, outside, nodes, urls, enough, senders };
        world.balanced();
        world.ask(AUDIT);
        for key in 0..u64::try_from(N_KEYS).unwrap() {
            let (urls, enough) = (Arc::clone(&world.urls), Arc::clone(&world.enough));
            world.senders.push(tokio::spawn(send(key, urls, enough)));
        }
        world
    }

    pub(crate) fn ask(&self, sql: &str) -> String {
        tokio::task::block_in_place(|| self.cluster.ask(&self.database, sql))
    }

    /// Shards by node, of nodes that are there.
    fn shares(&self) -> Vec<usize> {
        let sql = "SELECT count(shard) FROM flowright.node LEFT JOIN flowright.shard USING (node)
            WHERE gone IS NULL GROUP BY node";
        self.ask(sql).lines().map(|it| it.parse().unwrap()).collect()
    }

    /// Returns when all nodes have their share.
    pub(crate) fn balanced(&self) {
        self.wait("all have their share", || {
            let shares = self.shares();
            shares.len() == N_NODES && shares.iter().all(|it| (20..=22).contains(it))
        });
    }

    /// Returns after how long it was so.
    fn wait(&self, what: &str, holds: impl Fn() -> bool) -> Duration {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "{what}: {:?}", self.shares());
            tokio::task::block_in_place(|| std::thread::sleep(Duration::from_millis(20)));
        }
        begun.elapsed()
    }

    /// After how long others have everything that a node had which is gone, frozen or cut off: by the
    /// clock of the database, since that node was last heard of.
    pub(crate) fn taken_over(&self) -> Duration {
        self.wait("the others have everything", || {
            let shares = self.shares();
            shares.len() == N_NODES - 1 && shares.iter().sum::<usize>() == 64
        });
        let sql = "SELECT (1000 * extract(epoch FROM max(at - heard)))::bigint FROM audit.taken
            WHERE giver = (SELECT max(giver) FROM audit.taken)";
        let took = Duration::from_millis(self.ask(sql).parse().unwrap());
        say(&format!("takeover {took:?} after a node was last heard of"));
        took
    }

    /// How often a node was given up for lost.
    pub(crate) fn losses(&self) -> usize {
        self.ask("SELECT count(*) FROM flowright.node WHERE gone = 'lost'").parse().unwrap()
    }

    /// Another process in the place of one.
    fn replace(&mut self, n: usize) {
        let node = Node::start(self.folder.path(), &self.databases[n]);
        self.urls.lock().unwrap()[n].clone_from(&node.url);
        self.nodes[n] = node;
    }

    /// Ends the sending, waits until all runs have ended, and tells what is wrong. Whenever a node was
    /// lost, what it was asking may be asked again.
    pub(crate) async fn end(self, losses: usize) -> Seen {
        self.enough.store(true, Ordering::SeqCst);
        let mut seen = Seen::default();
        let world = self;
        let mut senders = world.senders;
        for sender in senders.drain(..) {
            seen.acknowledged.extend(sender.await.unwrap());
        }
        let ask =
            |sql: &str| tokio::task::block_in_place(|| world.cluster.ask(&world.database, sql));
        let begun = Instant::now();
        while ask("SELECT count(*) FROM flowright.run WHERE status IS NULL") != "0" {
            assert!(begun.elapsed() < PATIENCE, "runs are open");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        seen.effects.clone_from(&world.outside.effects.lock().unwrap());
        let sql = "SELECT run.status, split_part(event.text, chr(10), 1)::json->'outputs'->'body'->>'key',
                split_part(event.text, chr(10), 1)::json->'outputs'->'body'->>'n'
            FROM flowright.run JOIN flowright.event ON event.run = run.position AND number = 1";
        for line in ask(sql).lines() {
            let mut parts = line.split('|');
            let status = parts.next().unwrap().to_owned();
            let mut number = || parts.next().unwrap().parse().unwrap();
            seen.runs.push(((number(), number()), status));
        }
        let distinct: BTreeSet<&Effect> = seen.effects.iter().collect();
        let (questions, events) = (seen.effects.len(), seen.acknowledged.len());
        let repeats = questions - distinct.len();
        say(&format!("{events} events acknowledged, {questions} questions, {repeats} repeats"));
        let found = faults(&seen);
        assert!(found.is_empty(), "{found:#?}");
        assert!(repeats <= losses * N_KEYS, "{repeats} repeats, {losses} nodes lost");
        assert_eq!(ask("SELECT * FROM audit.stale"), "", "writer, owner, run, event");
        assert!(seen.acknowledged.len() > 20, "{} events", seen.acknowledged.len());
        // They are discarded some time after they were taken in.
        let begun = Instant::now();
        while ask("SELECT count(*) FROM flowright.mail") != "0" {
            assert!(begun.elapsed() < PATIENCE, "notes are left");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        ask(STALE);
        assert_eq!(ask("SELECT count(*) FROM audit.stale"), "1", "it would have been noticed");
        seen
    }
}

/// Sends the events of one key, each until it is acknowledged, to one node after the other.
async fn send(key: u64, urls: Arc<Mutex<Vec<String>>>, enough: Arc<AtomicBool>) -> Vec<(u64, u64)> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3));
    let client = client.build().unwrap();
    let mut acknowledged = Vec::new();
    let mut at = usize::try_from(key).unwrap();
    let begun = Instant::now();
    for n in 0.. {
        if enough.load(Ordering::SeqCst) {
            break;
        }
        let body = json!({ "key": key, "n": n }).to_string();
        loop {
            at += 1;
            let url = urls.lock().unwrap()[at % N_NODES].clone();
            let request = client.post(&url).header("content-type", "application/json");
            match request.body(body.clone()).send().await.map(|it| it.status().as_u16()) {
                Ok(202) => break,
                // It is away, or not sure; the event is known again.
                Ok(503) | Err(_) => {}
                Ok(other) => panic!("{other}"),
            }
            assert!(begun.elapsed() < PATIENCE * 60, "nobody takes the event");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        acknowledged.push((key, n));
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    acknowledged
}

/// For whoever runs this with `--nocapture`.
pub(crate) fn say(text: &str) {
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// Whether there is time for everything.
pub(crate) fn is_slow() -> bool {
    env::var_os("RUN_SLOW_TESTS").is_some()
}

/// How often processes are killed.
fn kills() -> usize {
    let usual = if is_slow() { 500 } else { 3 };
    env::var("NODE_KILLS").map_or(usual, |it| it.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_are_killed_lose_nothing() {
    let Some(cluster) = cluster::shared() else { return };
    let mut world = World::start(cluster).await;
    let mut takeovers = Vec::new();
    for kill in 0..kills() {
        let n = kill * 7 % N_NODES;
        tokio::time::sleep(Duration::from_millis(200 + u64::try_from(kill).unwrap() * 37 % 300))
            .await;
        world.nodes[n].kill();
        if kill % 3 == 0 {
            takeovers.push(world.taken_over());
        }
        world.replace(n);
    }
    world.end(kills()).await;
    takeovers.sort_unstable();
    let (middle, longest) = (takeovers[takeovers.len() / 2], takeovers[takeovers.len() - 1]);
    say(&format!("{} kills; takeover: median {middle:?}, longest {longest:?}", kills()));
    assert!(longest < TAKEOVER_MAX, "{longest:?}");
    if is_slow() {
        // Whatever else the machine does at times.
        assert!(middle < LEASE + Duration::from_secs(1), "{middle:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_was_frozen_writes_nothing_and_comes_back() {
    let Some(cluster) = cluster::shared() else { return };
    let world = World::start(cluster).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.nodes[1].signal("-STOP");
    let took = world.taken_over();
    // The others go on for a while.
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.nodes[1].signal("-CONT");
    assert!(took < TAKEOVER_MAX, "{took:?}");
    world.balanced();
    assert_eq!(world.losses(), 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.end(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_outlive_their_server() {
    let Some(cluster) = Cluster::start() else { return };
    let world = World::start(&cluster).await;
    let rounds: u32 = if is_slow() { 20 } else { 2 };
    for round in 0..rounds {
        tokio::time::sleep(Duration::from_millis(800 + u64::from(round) * 130)).await;
        tokio::task::block_in_place(|| cluster.crash());
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::task::block_in_place(|| cluster.resume());
        let n_effects = world.outside.effects.lock().unwrap().len();
        let took = world
            .wait("runs go on", || n_effects + 5 < world.outside.effects.lock().unwrap().len());
        println!("runs go on {took:?} after the server");
        let most = if is_slow() { 5 } else { 10 };
        assert!(took < Duration::from_secs(most), "{took:?}");
    }
    world.balanced();
    let losses = world.losses();
    world.end(losses).await;
}
