//! Disks in trouble under the real program: what it has acknowledged is there afterwards.
//!
//! `fiu-run` lets calls of the system fail, at random: without it (Debian's `fiu-utils`) that test says
//! so and shows nothing. A small disk is a file system in memory that only the program sees.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use journal::{Page, RunFilter, Store as _};
use store_sqlite::SqliteStore;
use tokio::task::JoinHandle;

use crate::{
    cluster::{Node, is_slow, say},
    crash::until,
    support::service::{PATIENCE, flowright},
};

const FLOW: &str = "
flow: Kept
triggers: [{ name: Go, request: {} }]
actions:
  - { name: Nap, wait: PT0.05S }
  - { name: Same, compose: \"@triggerBody()\" }
";
const N_SENDERS: u64 = 16;

/// What callers were told.
#[derive(Debug, Default)]
struct Told {
    /// Runs that were acknowledged.
    taken: Vec<String>,
    /// How often each other status was answered.
    refused: BTreeMap<u16, usize>,
    /// How often there was no answer.
    unanswered: usize,
}

/// Sends events as fast as they are answered, until it is ended.
struct Flood {
    told: Arc<Mutex<Told>>,
    enough: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
}

impl Flood {
    fn start(url: &str, seed: u64) -> Self {
        let (told, enough) = (Arc::default(), Arc::default());
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE / 2).build().unwrap();
        let senders = (0..N_SENDERS).map(|lane| {
            let (client, url) = (client.clone(), url.to_owned());
            let (told, enough) = (Arc::clone(&told), Arc::clone(&enough));
            tokio::spawn(send(client, url, (seed * N_SENDERS + lane, told, enough)))
        });
        let senders = senders.collect();
        Self { told, enough, senders }
    }

    fn taken(&self) -> usize {
        self.told.lock().unwrap().taken.len()
    }

    fn refused(&self) -> usize {
        self.told.lock().unwrap().refused.values().sum()
    }

    async fn end(self) -> Told {
        self.enough.store(true, Ordering::SeqCst);
        for sender in self.senders {
            sender.await.unwrap();
        }
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

async fn send(
    client: reqwest::Client,
    url: String,
    (mut seed, told, enough): (u64, Arc<Mutex<Told>>, Arc<AtomicBool>),
) {
    seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while !enough.load(Ordering::SeqCst) {
        // No two bodies are equal, so that none is kept once for several.
        let mut body = String::new();
        while body.len() < 4_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            write!(body, "{seed:016x}").unwrap();
        }
        let answer = client.post(&url).body(body).send().await;
        let mut told = told.lock().unwrap();
        match answer {
            Ok(answer) if answer.status() == 202 => {
                let run = answer.headers()["x-flowright-run-id"].to_str().unwrap();
                told.taken.push(run.to_owned());
            }
            Ok(answer) => *told.refused.entry(answer.status().as_u16()).or_default() += 1,
            Err(_) => told.unanswered += 1,
        }
    }
}

/// A project with one flow.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let flow = folder.path().join("flows/kept");
    fs::create_dir_all(&flow).unwrap();
    fs::write(flow.join("flow.yaml"), FLOW).unwrap();
    fs::write(folder.path().join("flowright.yaml"), "").unwrap();
    folder
}

/// The start of an address.
fn origin(node: &Node) -> &str {
    node.url.split("/hooks/").next().unwrap()
}

async fn status(node: &Node, path: &str) -> u16 {
    let url = format!("{}{path}", origin(node));
    reqwest::get(url).await.unwrap().status().as_u16()
}

/// Returns when no run is open any more.
async fn quiet(node: &Node) {
    let url = format!("{}/api/v1/runs?status=Running&limit=1", origin(node));
    until("all runs have ended", async || {
        let text = reqwest::get(&url).await.unwrap().text().await.unwrap();
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        found["value"].as_array().unwrap_or_else(|| panic!("{text}")).is_empty()
    })
    .await;
}

/// How each run in a file has ended. Opening it looks through all of it.
async fn ends(database: &Path) -> BTreeMap<String, String> {
    let store = SqliteStore::open(database, store_sqlite::Options::default()).unwrap();
    let rows = store.runs(&RunFilter::default(), Page::Newest, 1_000_000).await.unwrap();
    let end = |status: Option<base::Status>| status.map_or("open", base::Status::name).to_owned();
    rows.into_iter().map(|row| (row.run.to_string(), end(row.status))).collect()
}

/// What is wrong with runs that were acknowledged.
fn faults(taken: &[String], ends: &BTreeMap<String, String>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for run in taken {
        match ends.get(run).map(String::as_str) {
            Some("Succeeded") if seen.insert(run) => {}
            Some("Succeeded") => faults.push(format!("{run} was given twice")),
            found => faults.push(format!("{run} was acknowledged, found {found:?}")),
        }
    }
    faults
}

#[test]
fn what_is_wrong_is_found() {
    let run = |name: &str, end: &str| (name.to_owned(), end.to_owned());
    let ends = BTreeMap::from([run("a", "Succeeded"), run("b", "open"), run("c", "Failed")]);
    for (taken, count) in [("", 0), ("a", 0), ("b", 1), ("c", 1), ("d", 1), ("a a", 1), ("b d", 2)]
    {
        let taken: Vec<String> = taken.split_whitespace().map(str::to_owned).collect();
        assert_eq!(faults(&taken, &ends).len(), count, "{taken:?}");
    }
}

/// What fails, one now and then. Sockets are written to in other ways.
const TROUBLES: [&[&str]; 3] = [
    &["posix/io/sync/fsync", "posix/io/sync/fdatasync"],
    &["posix/io/rw/pwrite"],
    &["posix/io/sync/fsync", "posix/io/sync/fdatasync", "posix/io/rw/pwrite"],
];

/// The program, some of whose calls fail as on a disk that is broken.
fn failing(names: &[&str]) -> Command {
    let mut command = Command::new("fiu-run");
    command.args(["-x", "-f", ""]);
    for name in names {
        // 5 is EIO.
        let trouble = format!("enable_random name={name},probability=0.002,failinfo=5");
        command.args(["-c", &trouble]);
    }
    command.arg(flowright());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn syncs_and_writes_that_fail_lose_nothing() {
    if Command::new("fiu-run").arg("-h").output().is_err() {
        return say("`fiu-run` is not installed: no sync fails in the tests");
    }
    let folder = project();
    let database = folder.path().join(".flowright/flowright.db");
    let place = database.to_str().unwrap();
    let rounds = if is_slow() { 30 } else { 3 };
    let (mut taken, mut n_stopped, mut n_refused) = (Vec::new(), 0, 0);
    for round in 0..rounds {
        let troubles = TROUBLES[round % TROUBLES.len()];
        let started = Node::spawn(failing(troubles), folder.path(), place);
        let Ok(mut node) = started else {
            // It may fail while the file is opened: then it says so and ends.
            let said = started.err().unwrap();
            assert!(said.contains("error"), "{said}");
            n_refused += 1;
            continue;
        };
        let flood = Flood::start(&node.url, u64::try_from(round).unwrap());
        let begun = Instant::now();
        while flood.refused() == 0 && begun.elapsed() < Duration::from_secs(15) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let told = flood.end().await;
        assert!(told.refused.keys().all(|it| *it == 503), "{troubles:?}: {told:?}");
        if !told.refused.is_empty() {
            n_stopped += 1;
            // Nothing is written any more, and whoever looks is told.
            let flood = Flood::start(&node.url, 1_000);
            tokio::time::sleep(Duration::from_millis(200)).await;
            let later = flood.end().await;
            assert_eq!((later.taken.len(), later.unanswered), (0, 0), "{troubles:?}: {later:?}");
            assert_eq!(status(&node, "/health/live").await, 200);
            assert_eq!(status(&node, "/health/ready").await, 503, "{troubles:?}");
        }
        node.kill();
        taken.extend(told.taken);
    }
    assert!(n_stopped > 0, "no sync and no write has failed");
    let mut node = Node::spawn(Command::new(flowright()), folder.path(), place).unwrap();
    quiet(&node).await;
    node.kill();
    let found = faults(&taken, &ends(&database).await);
    assert!(found.is_empty(), "{found:#?}");
    let n_taken = taken.len();
    say(&format!(
        "{n_taken} events acknowledged, {n_stopped} times nothing was written any more, {n_refused} \
         times it did not start, 0 lost"
    ));
}

/// A small disk in memory, seen by nobody but the programs that run on it. It is gone when its keeper
/// is, whose input ends with this process.
struct SmallDisk {
    keeper: Child,
    folder: tempfile::TempDir,
    /// What leads into the keeper's surroundings.
    way: &'static [&'static str],
}

/// Makes room for so much, says so, and stays until its input ends.
const KEEPER: &str =
    r#"mount -t tmpfs -o "size=$1,mode=700" none "$0" && echo ready && exec cat >/dev/null"#;

impl SmallDisk {
    /// None where nobody may mount anything.
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        // As any user, or as root where users may not have surroundings of their own.
        for (flags, way) in [("-Urm", &["-U", "-m"][..]), ("-m", &["-m"])] {
            let keeper = Command::new("unshare")
                .args([flags, "sh", "-c", KEEPER])
                .arg(folder.path())
                .arg(size)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut keeper) = keeper else { continue };
            let mut line = String::new();
            let mut said = BufReader::new(keeper.stdout.take().unwrap());
            said.read_line(&mut line).unwrap();
            if line == "ready\n" {
                return Some(Self { keeper, folder, way });
            }
            said.read_to_string(&mut line).unwrap();
            keeper.wait().unwrap();
        }
        None
    }

    /// A program that sees the disk.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--preserve-credentials").args(self.way);
        command.args(["-t", &self.keeper.id().to_string(), "--"]).arg(program);
        command
    }

    fn enlarge(&self, size: &str) {
        let mut mount = self.command(Path::new("mount"));
        mount.args(["-o", &format!("remount,size={size}")]).arg(self.folder.path());
        assert!(mount.status().unwrap().success());
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where everybody sees a file.
    fn outside(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(self.file(name).strip_prefix("/").unwrap())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.keeper.kill());
        drop(self.keeper.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_refuses_until_there_is_room() {
    let Some(disk) = SmallDisk::mount("16m") else {
        return say("nothing can be mounted here: no disk is full in the tests");
    };
    let folder = project();
    let place = disk.file("flowright.db");
    let command = disk.command(flowright());
    let mut node = Node::spawn(command, folder.path(), place.to_str().unwrap()).unwrap();
    let flood = Flood::start(&node.url, 1);
    until("the disk is full", async || flood.refused() > 0).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let n_before = flood.taken();
    disk.enlarge("256m");
    // Nobody does anything else about it.
    until("events are taken again", async || n_before + 50 < flood.taken()).await;
    let told = flood.end().await;
    quiet(&node).await;
    assert_eq!(status(&node, "/health/ready").await, 200);
    node.kill();
    assert!(told.refused.keys().all(|it| matches!(it, 503 | 507)), "{:?}", told.refused);
    assert_eq!(told.unanswered, 0);
    // Whoever follows a link of the system comes to the disk, but a database's own look for links would
    // end elsewhere: so it is looked at in another place.
    let copy = tempfile::tempdir().unwrap();
    for name in ["flowright.db", "flowright.db-wal", "flowright.db-mark"] {
        fs::copy(disk.outside(name), copy.path().join(name)).unwrap();
    }
    let found = faults(&told.taken, &ends(&copy.path().join("flowright.db")).await);
    assert!(found.is_empty(), "{found:#?}");
    let n_refused: usize = told.refused.values().sum();
    say(&format!(
        "{n_before} events acknowledged until the disk was full, {n_refused} refused, {} in all, 0 \
         lost",
        told.taken.len()
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_files_are_refused_and_left_alone() {
    let folder = project();
    let file = |suffix: &str| folder.path().join(format!(".flowright/flowright.db{suffix}"));
    let database = file("");
    let place = database.to_str().unwrap();
    let start = || Node::spawn(Command::new(flowright()), folder.path(), place);
    let mut node = start().unwrap();
    let flood = Flood::start(&node.url, 1);
    until("some are taken", async || 50 < flood.taken()).await;
    let told = flood.end().await;
    node.kill();
    let parts = ["", "-wal", "-mark"].map(|it| (file(it), fs::read(file(it)).unwrap()));
    let whole = &parts[0].1;
    let log = &parts[1].1;
    let garbage = b"this is no database, whatever it is called".repeat(100);
    // Somewhere in the middle of the log.
    let mut flipped = log.clone();
    flipped[log.len() / 2] ^= 4;
    let damages = [
        ("", whole[..whole.len() / 2].to_vec(), "damaged"),
        ("", garbage, "damaged"),
        ("", Vec::new(), "there is a write-ahead log beside it"),
        ("-wal", log[..log.len() / 2].to_vec(), "has lost its last"),
        ("-wal", Vec::new(), "has lost its last"),
        ("-wal", flipped, "has lost its last"),
    ];
    for (suffix, bytes, expected) in damages {
        fs::write(file(suffix), &bytes).unwrap();
        let Err(said) = start() else { panic!("it started: {expected}") };
        assert!(said.contains(expected), "{expected}: {said}");
        assert_eq!(fs::read(file(suffix)).unwrap(), bytes, "{expected}");
        for (path, bytes) in &parts {
            fs::write(path, bytes).unwrap();
        }
    }
    let mut node = start().unwrap();
    quiet(&node).await;
    node.kill();
    let found = faults(&told.taken, &ends(&database).await);
    assert!(found.is_empty(), "{found:#?}");
}
