//! The jobs.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{
    floor::syncs_per_second,
    http::Connection,
    process::Process,
    root,
    stub::{Stub, Totals},
};

const WARM_UP: Duration = Duration::from_secs(2);
/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_mins(1);
/// Times a job is repeated; the median is told.
const REPEATS: usize = 3;

/// What all jobs share.
pub(crate) struct Bench {
    program: PathBuf,
    pub(super) stub: Stub,
    database: Option<String>,
    seconds: u64,
    referral: String,
    folder: tempfile::TempDir,
    projects: AtomicUsize,
}

/// Durations of many requests.
#[derive(Default)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(super) fn at(&mut self, share: f64) -> f64 {
        self.0.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a share of a count is a count"
        )]
        let index = (self.0.len() as f64 * share) as usize;
        self.0.get(index).or(self.0.last()).map_or(0.0, |it| it.as_secs_f64() * 1e3)
    }
}

pub(super) fn say(line: &str) {
    // Whoever reads the figures may have gone away.
    drop(writeln!(std::io::stdout(), "{line}"));
}

impl Bench {
    pub(crate) fn new(
        program: PathBuf,
        stub: Stub,
        database: Option<String>,
        seconds: u64,
    ) -> anyhow::Result<Self> {
        let referral = fs::read_to_string(root().join("tests/bench/referral.json"))?;
        // Below the target folder, which lies on a disk; a temporary folder may not.
        let parent = program.parent().context("the program lies nowhere")?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(parent)?;
        let referral = referral.trim().to_owned();
        let projects = AtomicUsize::new(0);
        Ok(Self { program, stub, database, seconds, referral, folder, projects })
    }

    /// A fresh copy of the project.
    pub(super) fn project(&self) -> anyhow::Result<PathBuf> {
        let number = self.projects.fetch_add(1, Ordering::SeqCst);
        let project = self.folder.path().join(number.to_string());
        copy(&root().join("tests/bench"), &project, &self.stub.address)?;
        Ok(project)
    }

    pub(super) fn serve(&self) -> anyhow::Result<Process> {
        self.serve_at(&self.project()?)
    }

    /// A service on a project that may have been served before.
    pub(super) fn serve_at(&self, project: &Path) -> anyhow::Result<Process> {
        Process::serve(&self.program, project, self.database.as_deref())
    }

    /// W1: a request, a condition, a mapping, an answer; beside a handler that only answers.
    pub(crate) fn webhook_to_response(&self) -> anyhow::Result<()> {
        say("W1 webhook to response, the run recorded");
        for connections in [1, 16, 64] {
            let process = self.serve()?;
            let ours =
                self.requests(&process, process.hook("webhook-to-response")?, connections)?;
            drop(process);
            let floor = Process::floor()?;
            let bare = self.requests(&floor, "/", connections)?;
            say(&format!(
                "  {connections:>2} connections: {:>6.0} req/s  p50 {:.2} ms  p99 {:.2} ms  \
                 CPU {:.3} ms/req  | bare axum {:.0} req/s, {:.0} %",
                ours.rate,
                ours.p50,
                ours.p99,
                ours.cpu,
                bare.rate,
                100.0 * ours.rate / bare.rate
            ));
        }
        Ok(())
    }

    fn requests(
        &self,
        process: &Process,
        path: &str,
        connections: usize,
    ) -> anyhow::Result<Figures> {
        let ids = AtomicUsize::new(0);
        let (counting, over) = (AtomicBool::new(false), AtomicBool::new(false));
        let times = Mutex::new(Times::default());
        let mut measured = (Duration::ZERO, Duration::ZERO);
        thread::scope(|scope| -> anyhow::Result<()> {
            let client = || -> anyhow::Result<()> {
                let mut connection = Connection::open(&process.address)?;
                let mut mine = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let id = ids.fetch_add(1, Ordering::Relaxed);
                    let body = self.body(&format!("w1-{id}"));
                    let begun = Instant::now();
                    let answer = connection.post(path, body.as_bytes())?;
                    ensure!(answer.status == 200, "status {}", answer.status);
                    if counting.load(Ordering::Relaxed) {
                        mine.push(begun.elapsed());
                    }
                }
                times.lock().unwrap_or_else(PoisonError::into_inner).0.extend(mine);
                Ok(())
            };
            let clients: Vec<_> = (0..connections).map(|_| scope.spawn(client)).collect();
            thread::sleep(WARM_UP);
            let (cpu, begun) = (process.cpu()?, Instant::now());
            counting.store(true, Ordering::Relaxed);
            thread::sleep(Duration::from_secs(self.seconds));
            over.store(true, Ordering::Relaxed);
            measured = (begun.elapsed(), process.cpu()?.saturating_sub(cpu));
            for client in clients {
                client.join().map_err(|_| anyhow::anyhow!("a client has died"))??;
            }
            Ok(())
        })?;
        let mut times = times.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Figures::of(&mut times, measured))
    }

    pub(super) fn body(&self, id: &str) -> String {
        self.referral.replace("__RUN__", id)
    }

    /// W2: runs that are durable before they are answered, and call a service twice.
    pub(crate) fn durable_runs(&self) -> anyhow::Result<()> {
        self.stub.set_delay(Duration::ZERO);
        let mut file = fs::File::create(self.folder.path().join("sync"))?;
        let syncs = syncs_per_second(&mut file)?;
        say(&format!("W2 durable runs, every action in the history (disk: {syncs:.0} syncs/s)"));
        for (in_flight, count) in [(1, 200), (16, 1_000), (64, 1_000), (1_000, 1_000)] {
            let mut all = Vec::new();
            for _ in 0..REPEATS {
                all.push(self.runs(in_flight, count)?);
            }
            all.sort_by(|a, b| a.figures.rate.total_cmp(&b.figures.rate));
            let it = &all[all.len() / 2];
            let label = if in_flight == count {
                "burst".to_owned()
            } else {
                format!("{in_flight} in flight")
            };
            say(&format!(
                "  {label:>12}: {:>5.0} runs/s  end to end p50 {:.1} ms  p99 {:.1} ms  \
                 accepted p50 {:.1} ms  p99 {:.1} ms  CPU {:.2} ms/run  peak {:.0} MB  \
                 lost {}  repeated {}",
                it.figures.rate,
                it.figures.p50,
                it.figures.p99,
                it.accepted.0,
                it.accepted.1,
                it.figures.cpu,
                it.peak,
                count - it.totals.finished,
                it.totals.repeated
            ));
        }
        Ok(())
    }

    fn runs(&self, in_flight: usize, count: usize) -> anyhow::Result<Runs> {
        let process = self.serve()?;
        let hook = process.hook("durable-run")?;
        self.one_run(&process, hook, "warm")?;
        let prefix = format!("w2-{in_flight}-{}-", self.projects.load(Ordering::SeqCst));
        let next = AtomicUsize::new(0);
        let (ends, accepted) = (Mutex::new(Times::default()), Mutex::new(Times::default()));
        let (cpu, begun) = (process.cpu()?, Instant::now());
        thread::scope(|scope| -> anyhow::Result<()> {
            let client = || -> anyhow::Result<()> {
                let mut connection = Connection::open(&process.address)?;
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && number < count
                {
                    let id = format!("{prefix}{number}");
                    let end = self.stub.expect(&id);
                    let begun = Instant::now();
                    let answer = connection.post(hook, self.body(&id).as_bytes())?;
                    ensure!(answer.status == 202, "status {}", answer.status);
                    let taken = begun.elapsed();
                    end.recv_timeout(PATIENCE).context("a run does not end")?;
                    ends.lock().unwrap_or_else(PoisonError::into_inner).0.push(begun.elapsed());
                    accepted.lock().unwrap_or_else(PoisonError::into_inner).0.push(taken);
                }
                Ok(())
            };
            let clients: Vec<_> = (0..in_flight).map(|_| scope.spawn(client)).collect();
            for client in clients {
                client.join().map_err(|_| anyhow::anyhow!("a client has died"))??;
            }
            Ok(())
        })?;
        wait_until_idle(&process)?;
        let measured = (begun.elapsed(), process.cpu()?.saturating_sub(cpu));
        let mut ends = ends.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut accepted = accepted.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Runs {
            figures: Figures::of(&mut ends, measured),
            accepted: (accepted.at(0.5), accepted.at(0.99)),
            peak: process.memory()?.1,
            totals: self.stub.totals(&prefix),
        })
    }

    fn one_run(&self, process: &Process, hook: &str, id: &str) -> anyhow::Result<()> {
        let end = self.stub.expect(id);
        let answer = Connection::open(&process.address)?.post(hook, self.body(id).as_bytes())?;
        ensure!(answer.status == 202, "status {}", answer.status);
        end.recv_timeout(PATIENCE).context("a run does not end")
    }

    /// W3: 10,000 items, once in one action and once with an action for each.
    pub(crate) fn loops(&self) -> anyhow::Result<()> {
        say("W3 a line for each of 10,000 items");
        let items: Vec<Value> = (0..10_000)
            .map(|n| serde_json::json!({ "id": n, "sku": "NW-1", "name": "seat", "qty": 2, "price": 9.5 }))
            .collect();
        let body = serde_json::json!({ "items": items }).to_string();
        let process = self.serve()?;
        for flow in ["select", "loop-of-one-action"] {
            let mut times = Times::default();
            let warm = Instant::now() + WARM_UP;
            while times.0.len() < REPEATS {
                let begun = Instant::now();
                let mut connection = Connection::open(&process.address)?;
                let answer = connection.post(process.hook(flow)?, body.as_bytes())?;
                ensure!(answer.status == 200, "status {}", answer.status);
                let sums: Value = serde_json::from_slice(&answer.body)?;
                let sum = sums.get("sum").and_then(Value::as_f64).unwrap_or_default();
                let is_right =
                    (sum - 228_000.0).abs() < 0.01 && sums.get("count") == Some(&10_000.into());
                ensure!(is_right, "{sums}");
                if warm < begun {
                    times.0.push(begun.elapsed());
                }
            }
            say(&format!(
                "  {flow:>18}: {:.1} ms, peak {:.0} MB",
                times.at(0.5),
                process.memory()?.1
            ));
        }
        Ok(())
    }

    /// W4: from the start of the process to the first answer, and what it takes when nothing happens.
    pub(crate) fn start(&self) -> anyhow::Result<()> {
        let mut times = Times::default();
        let mut idle = (0.0, 0.0);
        for _ in 0..REPEATS {
            let begun = Instant::now();
            let process = self.serve()?;
            let body = self.body("w4");
            let hook = process.hook("webhook-to-response")?;
            let answer = Connection::open(&process.address)?.post(hook, body.as_bytes())?;
            ensure!(answer.status == 200, "status {}", answer.status);
            times.0.push(begun.elapsed());
            thread::sleep(Duration::from_secs(2));
            let cpu = process.cpu()?;
            thread::sleep(Duration::from_secs(3));
            let spent = process.cpu()?.saturating_sub(cpu);
            idle = (process.memory()?.0, spent.as_secs_f64() / 3.0 * 100.0);
        }
        let size = fs::metadata(&self.program)?.len() / (1 << 20);
        say(&format!(
            "W4 start to first answer {:.0} ms  idle {:.0} MB, {:.1} % CPU  program {size} MB",
            times.at(0.5),
            idle.0,
            idle.1
        ));
        Ok(())
    }

    /// W5: killed while 200 runs wait for a slow service.
    pub(crate) fn crash(&self) -> anyhow::Result<()> {
        const COUNT: usize = 200;
        self.stub.set_delay(Duration::from_secs(1));
        let project = self.project()?;
        let mut process = self.serve_at(&project)?;
        let hook = process.hook("durable-run")?.to_owned();
        let mut connection = Connection::open(&process.address)?;
        let ends: Vec<_> = (0..COUNT)
            .map(|n| {
                let id = format!("w5-{n}");
                let end = self.stub.expect(&id);
                let answer = connection.post(&hook, self.body(&id).as_bytes())?;
                ensure!(answer.status == 202, "status {}", answer.status);
                Ok(end)
            })
            .collect::<anyhow::Result<_>>()?;
        let begun = Instant::now();
        while self.stub.totals("w5-").finished < 80 {
            ensure!(begun.elapsed() < PATIENCE, "the runs do not end");
            thread::sleep(Duration::from_millis(1));
        }
        process.kill();
        let killed = Instant::now();
        let _process = self.serve_at(&project)?;
        let mut lost = 0;
        for end in ends {
            lost += usize::from(end.recv_timeout(PATIENCE).is_err());
        }
        let repeated = self.stub.totals("w5-").repeated;
        self.stub.set_delay(Duration::ZERO);
        say(&format!(
            "W5 killed with 80 of {COUNT} runs done: lost {lost}, calls repeated {repeated}, the last \
             run ended {:.1} s after the kill",
            killed.elapsed().as_secs_f64()
        ));
        Ok(())
    }
}

/// Rate in a second, milliseconds.
struct Figures {
    rate: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
}

impl Figures {
    fn of(times: &mut Times, (elapsed, cpu): (Duration, Duration)) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let count = times.0.len() as f64;
        Self {
            rate: count / elapsed.as_secs_f64(),
            p50: times.at(0.5),
            p99: times.at(0.99),
            cpu: cpu.as_secs_f64() * 1e3 / count,
        }
    }
}

struct Runs {
    figures: Figures,
    accepted: (f64, f64),
    peak: f64,
    totals: Totals,
}

/// Until no run is open: their ends are part of the work.
fn wait_until_idle(process: &Process) -> anyhow::Result<()> {
    let mut connection = Connection::open(&process.address)?;
    let begun = Instant::now();
    loop {
        let answer = connection.get("/api/v1/runs?status=Running&limit=1")?;
        let open: Value = serde_json::from_slice(&answer.body)?;
        if open["value"].as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        ensure!(begun.elapsed() < PATIENCE, "runs stay open");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Copies a folder; the address of the stub takes the place of the one that stands for it.
fn copy(from: &Path, to: &Path, stub: &str) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            copy(&path, &to.join(name), stub)?;
        } else {
            let text = fs::read_to_string(&path)?;
            fs::write(to.join(name), text.replace("127.0.0.1:1\"", &format!("{stub}\"")))?;
        }
    }
    Ok(())
}
