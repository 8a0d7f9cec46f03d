//! What the engine counts and measures, in the text form of Prometheus.
//!
//! Labels are names of flows, triggers and connections that were deployed, and words of ours; nothing
//! that a caller or a service sends becomes one. Each engine has its own set.

use std::time::{Duration, Instant};

use base::{Status, Timestamp};
use flow::ActionKind;
use interp::{Plan, Run};
use prometheus::{
    Counter, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry,
    TextEncoder, core::Collector,
};

use crate::process;

/// From a pure run to one that waits for a person.
const RUN_SECONDS: &[f64] =
    &[0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3_600.0, 86_400.0];
/// From the next machine to the longest time-out.
const REQUEST_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];
/// From a disk without syncs to one in trouble.
const STORE_SECONDS: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
const LATE_SECONDS: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0];

/// One family of measurements, for the documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels.
    pub labels: Vec<String>,
    /// What it says.
    pub help: String,
}

/// The measurements of one engine.
pub struct Metrics {
    registry: Registry,
    families: Vec<Family>,
    began: Instant,
    of_runs: OfRuns,
    of_others: OfOthers,
    of_engine: OfEngine,
}

/// What becomes of runs.
struct OfRuns {
    admitted: IntCounterVec,
    ended: IntCounterVec,
    run_seconds: HistogramVec,
    runs: GaugeVec,
    actions: IntCounterVec,
    retries: IntCounterVec,
}

/// What is between the engine and others.
struct OfOthers {
    requests: HistogramVec,
    request_waits: HistogramVec,
    refused: IntCounterVec,
    triggers: IntCounterVec,
    subscriptions: Gauge,
    spans: IntCounterVec,
}

/// How the engine itself is.
struct OfEngine {
    timers: HistogramVec,
    writes: HistogramVec,
    commits: [Counter; 3],
    cpu: Counter,
    process: [Gauge; 4],
}

/// What is seen of an engine at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Snapshot {
    /// Runs in memory that are worked on.
    pub active: usize,
    /// Runs in memory that wait for others to leave it.
    pub queued: usize,
    /// Runs that wait for an earlier run of their key.
    pub in_turn: usize,
    pub open: usize,
    pub commits: journal::Commits,
    /// None if the store could not tell.
    pub subscriptions: Option<usize>,
}

/// Makes families and remembers them.
#[derive(Default)]
struct Maker {
    registry: Registry,
    families: Vec<Family>,
}

impl Maker {
    fn keep<C: Collector + Clone + 'static>(
        &mut self,
        kind: &'static str,
        made: prometheus::Result<C>,
    ) -> C {
        let made = made.expect("names of families and labels are ours and valid");
        for described in made.desc() {
            self.families.push(Family {
                name: described.fq_name.clone(),
                kind,
                labels: described.variable_labels.clone(),
                help: described.help.clone(),
            });
        }
        self.registry.register(Box::new(made.clone())).expect("every family has a name of its own");
        made
    }

    fn counter(&mut self, name: &str, labels: &[&str], help: &str) -> IntCounterVec {
        self.keep("counter", IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn gauges(&mut self, name: &str, labels: &[&str], help: &str) -> GaugeVec {
        self.keep("gauge", GaugeVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&mut self, name: &str, help: &str) -> Gauge {
        self.keep("gauge", Gauge::with_opts(Opts::new(name, help)))
    }

    /// A counter that somebody else counts.
    fn total(&mut self, name: &str, help: &str) -> Counter {
        self.keep("counter", Counter::with_opts(Opts::new(name, help)))
    }

    fn histogram(
        &mut self,
        (name, buckets): (&str, &[f64]),
        labels: &[&str],
        help: &str,
    ) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.keep("histogram", HistogramVec::new(options, labels))
    }
}

impl OfRuns {
    fn new(maker: &mut Maker) -> Self {
        Self {
            admitted: maker.counter(
            "flowright_runs_admitted_total",
            &["flow", "result"],
            "Events taken in, durably: `new` started a run, `duplicate` was known by its key.",
        ),
            ended: maker.counter(
            "flowright_runs_ended_total",
            &["flow", "status"],
            "Runs that have ended.",
        ),
            run_seconds: maker.histogram(
            ("flowright_run_seconds", RUN_SECONDS),
            &["flow"],
            "From a run's admission to its end, pauses included.",
        ),
            runs: maker.gauges(
            "flowright_runs",
            &["state"],
            "Runs of this process: `open` in all that are neither over nor asleep, `active` in memory, `queued` for memory, \
             `in_turn` behind an earlier run of their key.",
        ),
            actions: maker.counter(
            "flowright_actions_total",
            &["kind", "connection", "status"],
            "Actions of runs that have ended, every pass of a loop counted; `connection` as the flow calls it.",
        ),
            retries: maker.counter(
            "flowright_retries_total",
            &["flow", "kind"],
            "Attempts at asking besides the first, of runs that have ended.",
        ),
        }
    }
}

impl OfOthers {
    fn new(maker: &mut Maker) -> Self {
        Self {
            requests: maker.histogram(
            ("flowright_request_seconds", REQUEST_SECONDS),
            &["connection", "status"],
            "Requests to services: `status` is `2xx` and so on, or `none` if nothing was answered; \
             `connection` is empty for plain HTTP.",
        ),
            request_waits: maker.histogram(
            ("flowright_request_wait_seconds", REQUEST_SECONDS),
            &["connection"],
            "How long requests waited for the limits of their connection.",
        ),
            refused: maker.counter(
            "flowright_refused_total",
            &["reason"],
            "Requests that were refused: `turn` more runs of a key wait than may (429), `busy` too much waits \
             or is being read (503), `store` it failed (503), `stopping` (503), `slow` the body did not come in \
             time (408).",
        ),
            triggers: maker.counter(
            "flowright_triggers_total",
            &["flow", "trigger", "result"],
            "Triggers that fire by themselves: `fired`, looked and found `nothing`, `failed`.",
        ),
            subscriptions: maker.gauge(
            "flowright_subscriptions",
            "Subscriptions that services were asked for and that are kept.",
        ),
            spans: maker.counter(
            "flowright_spans_total",
            &["result"],
            "Spans of traces: `sent`, `dropped` because the collector was too slow, `failed` to be sent.",
        ),
        }
    }
}

impl OfEngine {
    fn new(maker: &mut Maker) -> Self {
        Self {
            timers: maker.histogram(
            ("flowright_timer_late_seconds", LATE_SECONDS),
            &["kind"],
            "How late timers fired: a `pause`, or the `deadline` of an action.",
        ),
            writes: maker.histogram(
            ("flowright_store_write_seconds", STORE_SECONDS),
            &["operation"],
            "Until a write was durable: `admit` or `append`; the wait for the commit before included.",
        ),
            commits: [
                maker.total("flowright_store_commits_total", "Transactions of the store."),
                maker.total(
                    "flowright_store_commit_requests_total",
                    "Writes that shared them: divided by the commits, how many one of them carries.",
                ),
                maker.total(
                    "flowright_store_commit_seconds_total",
                    "How long the commits took together, the syncs included.",
                ),
            ],
            cpu: maker.total("process_cpu_seconds_total", "CPU time of the process."),
            process: [
            maker.gauge("process_resident_memory_bytes", "Memory of the process."),
            maker.gauge("process_open_fds", "Open files and connections of the process."),
            maker.gauge("process_threads", "Threads of the process."),
            maker.gauge("flowright_uptime_seconds", "Since the engine has started."),
        ],
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut maker = Maker::default();
        let of_runs = OfRuns::new(&mut maker);
        let of_others = OfOthers::new(&mut maker);
        let of_engine = OfEngine::new(&mut maker);
        let Maker { registry, families } = maker;
        Self { registry, families, began: Instant::now(), of_runs, of_others, of_engine }
    }
}

impl Metrics {
    /// Every family, in the order of their names.
    pub fn families(&self) -> Vec<Family> {
        let mut families = self.families.clone();
        families.sort_by(|a, b| a.name.cmp(&b.name));
        families
    }

    /// An event was taken in.
    pub(crate) fn admitted(&self, flow: &str, is_new: bool) {
        let result = if is_new { "new" } else { "duplicate" };
        self.of_runs.admitted.with_label_values(&[flow, result]).inc();
    }

    /// A run has ended.
    pub(crate) fn ended(&self, flow: &str, status: Status) {
        self.of_runs.ended.with_label_values(&[flow, status.name()]).inc();
    }

    /// What a run that has ended consisted of.
    pub(crate) fn made_of(&self, flow: &str, plan: &Plan, run: &Run) {
        if let (Some(began), Some(end)) = (run.began(), run.end()) {
            let seconds = end.at.since(began).as_seconds();
            self.of_runs.run_seconds.with_label_values(&[flow]).observe(seconds);
        }
        for (id, action) in plan.flow.actions.iter().enumerate() {
            let (mut ends, mut retries) = ([0_u64; Status::ALL.len()], 0);
            for (_, record) in run.records(id) {
                let at = Status::ALL.iter().position(|it| *it == record.status);
                ends[at.unwrap_or_default()] += 1;
                retries += record.attempts.len().saturating_sub(1);
            }
            let (kind, connection) = (action.kind.key(), connection(&action.kind));
            for (status, count) in Status::ALL.iter().zip(ends).filter(|(_, count)| 0 < *count) {
                let labels = [kind, connection, status.name()];
                self.of_runs.actions.with_label_values(&labels).inc_by(count);
            }
            if 0 < retries {
                let retries = u64::try_from(retries).unwrap_or_default();
                self.of_runs.retries.with_label_values(&[flow, kind]).inc_by(retries);
            }
        }
    }

    /// A request was made through a connection, or plain HTTP.
    pub(crate) fn requested(&self, exchange: &http_client::Exchange<'_>) {
        let connection = exchange.connection.unwrap_or_default();
        let status = match exchange.status.map(|it| it / 100) {
            Some(1) => "1xx",
            Some(2) => "2xx",
            Some(3) => "3xx",
            Some(4) => "4xx",
            Some(_) => "5xx",
            None => "none",
        };
        let took = exchange.took.as_secs_f64();
        self.of_others.requests.with_label_values(&[connection, status]).observe(took);
        if let Some(waited) = exchange.waited {
            self.of_others
                .request_waits
                .with_label_values(&[connection])
                .observe(waited.as_secs_f64());
        }
    }

    /// Something was refused: one of the words of `flowright_refused_total`.
    pub fn refused(&self, reason: &'static str) {
        self.of_others.refused.with_label_values(&[reason]).inc();
    }

    /// A timer fires.
    pub(crate) fn fired(&self, is_deadline: bool, due: Timestamp, now: Timestamp) {
        let kind = if is_deadline { "deadline" } else { "pause" };
        let late = now.since(due).as_seconds().max(0.0);
        self.of_engine.timers.with_label_values(&[kind]).observe(late);
    }

    /// Something is durable.
    pub(crate) fn wrote(&self, operation: &'static str, took: Duration) {
        self.of_engine.writes.with_label_values(&[operation]).observe(took.as_secs_f64());
    }

    /// A trigger that fires by itself has looked: how many runs it has started, or that it failed.
    pub(crate) fn looked(&self, flow: &str, trigger: &str, fired: Option<usize>) {
        let result = match fired {
            Some(0) => "nothing",
            Some(_) => "fired",
            None => "failed",
        };
        self.of_others.triggers.with_label_values(&[flow, trigger, result]).inc();
    }

    /// What became of spans.
    pub(crate) fn spans(&self, result: &'static str, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.of_others.spans.with_label_values(&[result]).inc_by(count);
    }

    /// Everything as text.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts 2^53 runs at once")]
    pub(crate) fn text(&self, now: Snapshot) -> String {
        let Snapshot { active, queued, in_turn, open, commits, subscriptions } = now;
        let states = [("active", active), ("queued", queued), ("in_turn", in_turn), ("open", open)];
        for (state, count) in states {
            self.of_runs.runs.with_label_values(&[state]).set(count as f64);
        }
        let all = [commits.count as f64, commits.requests as f64, commits.took.as_secs_f64()];
        for (total, value) in self.of_engine.commits.iter().zip(all) {
            set(total, value);
        }
        if let Some(count) = subscriptions {
            self.of_others.subscriptions.set(count as f64);
        }
        let [memory, files, threads, uptime] = &self.of_engine.process;
        let found = process::look();
        memory.set(found.memory_bytes as f64);
        set(&self.of_engine.cpu, found.cpu.as_secs_f64());
        files.set(found.files as f64);
        threads.set(found.threads as f64);
        uptime.set(self.began.elapsed().as_secs_f64());
        // Only a family without samples cannot be written, and those are not gathered.
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

fn set(total: &Counter, value: f64) {
    total.reset();
    total.inc_by(value);
}

/// The connection that an action calls through, as the flow calls it.
pub(crate) fn connection(kind: &ActionKind) -> &str {
    match kind {
        ActionKind::ApiConnection(call) => &call.connection,
        _ => "",
    }
}
