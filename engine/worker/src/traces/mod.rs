//! Follows runs: a span of every run and of every action goes to a collector of OpenTelemetry.
//!
//! Spans are made when a run has ended, from its journal: none is lost with a process, and none is
//! made twice. Their ids follow from run and path, so that what is sent in an outgoing `traceparent`
//! is right before the span exists. Inputs and outputs are never part of a span.

mod settings;
mod span;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base::{HttpRequest, RunId};
use http_client::{Client, Egress};
use interp::{Plan, Run};
use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

pub use self::settings::TraceSettings;
pub(crate) use self::span::Context;
use crate::{admit::Origin, metrics::Metrics};

/// Spans that may wait to be sent; further ones are dropped and counted.
const WAITING_MAX: usize = 20_000;
/// Spans of one request.
const TOGETHER_MAX: usize = 512;
/// How long spans wait for others.
const GATHER: Duration = Duration::from_millis(500);
/// Pauses before a collector in trouble is asked again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// The trace that a run belongs to: that of whoever sent its event, or one of its own. What the run
/// asks services carries it.
pub fn trace_id(run: &RunId, trigger_outputs: &Value) -> String {
    Context::of(run, trigger_outputs).into_trace()
}

/// Where spans go. Cheap to clone.
#[derive(Clone)]
pub struct Traces(Arc<Shared>);

struct Shared {
    spans: mpsc::UnboundedSender<Message>,
    waiting: AtomicUsize,
    metrics: OnceLock<Arc<Metrics>>,
}

enum Message {
    Spans(Vec<Value>),
    Flush(oneshot::Sender<()>),
}

impl Traces {
    /// Sends spans as the settings say, from a task of its own.
    pub fn start(settings: TraceSettings, client: Client) -> Self {
        // What waits is bounded by its number of spans.
        let (spans, messages) = mpsc::unbounded_channel();
        let shared =
            Arc::new(Shared { spans, waiting: AtomicUsize::new(0), metrics: OnceLock::new() });
        tokio::spawn(send_all(Sender { settings, client }, Arc::downgrade(&shared), messages));
        Self(shared)
    }

    /// Returns when all spans so far are sent or given up, or after some seconds.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.0.spans.send(Message::Flush(done)).is_ok()
            && timeout(Duration::from_secs(5), flushed).await.is_err()
        {
            tracing::warn!("The collector of traces did not take the last spans in time.");
        }
    }

    pub(crate) fn observe(&self, metrics: &Arc<Metrics>) {
        self.0.metrics.get_or_init(|| Arc::clone(metrics));
    }

    /// A run has ended.
    pub(crate) fn ended(&self, origin: &Origin, plan: &Plan, run: &Run) {
        let context = Context::of(&origin.run, run.trigger_outputs());
        if !context.is_sampled {
            return;
        }
        let spans = span::of_run(&context, origin, plan, run);
        let count = spans.len();
        let before = self.0.waiting.fetch_add(count, Ordering::Relaxed);
        if WAITING_MAX < before + count || self.0.spans.send(Message::Spans(spans)).is_err() {
            self.0.waiting.fetch_sub(count, Ordering::Relaxed);
            self.0.count("dropped", count);
        }
    }
}

impl Shared {
    fn count(&self, result: &'static str, spans: usize) {
        if let Some(metrics) = self.metrics.get() {
            metrics.spans(result, spans);
        }
    }
}

struct Sender {
    settings: TraceSettings,
    client: Client,
}

/// The task: gathers spans and sends them. Ends when nobody makes any more.
async fn send_all(
    sender: Sender,
    shared: std::sync::Weak<Shared>,
    mut messages: mpsc::UnboundedReceiver<Message>,
) {
    let mut gathered = Vec::new();
    let mut flushed = Vec::new();
    while let Some(first) = messages.recv().await {
        let mut next = Some(first);
        let until = tokio::time::Instant::now() + GATHER;
        while let Some(message) = next {
            match message {
                Message::Spans(spans) => gathered.extend(spans),
                Message::Flush(done) => flushed.push(done),
            }
            if !flushed.is_empty() || TOGETHER_MAX <= gathered.len() {
                break;
            }
            next = tokio::time::timeout_at(until, messages.recv()).await.ok().flatten();
        }
        while !gathered.is_empty() {
            let rest = gathered.split_off(gathered.len().min(TOGETHER_MAX));
            let together = std::mem::replace(&mut gathered, rest);
            let count = together.len();
            let is_sent = sender.send(&together).await;
            if let Some(shared) = shared.upgrade() {
                shared.waiting.fetch_sub(count, Ordering::Relaxed);
                shared.count(if is_sent { "sent" } else { "failed" }, count);
            }
        }
        for done in flushed.drain(..) {
            if done.send(()).is_err() {
                tracing::debug!("Whoever waited for the last spans has given up.");
            }
        }
    }
}

impl Sender {
    /// Whether the collector has taken them.
    async fn send(&self, spans: &[Value]) -> bool {
        let body = span::request(&self.settings.resource, spans).to_string();
        let mut request = HttpRequest {
            method: "POST".to_owned(),
            url: self.settings.url.clone(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Some(body.into_bytes()),
        };
        for (name, value) in &self.settings.headers {
            request.set_header(name, value.expose().clone());
        }
        let egress = Egress::public().allow(&self.settings.url);
        let mut pauses = PAUSES.iter();
        loop {
            let (reason, may_pass) = match self.client.send(&request, &egress).await {
                Ok(response) if response.status < 300 => return true,
                Ok(response) => {
                    let may_pass = matches!(response.status, 429 | 502 | 503 | 504);
                    (format!("it answers with status {}", response.status), may_pass)
                }
                Err(failure) => (failure.message, true),
            };
            let Some(pause) = pauses.next().filter(|_| may_pass) else {
                tracing::warn!(reason, "The collector of traces has not taken some spans.");
                return false;
            };
            sleep(*pause).await;
        }
    }
}
