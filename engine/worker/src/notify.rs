//! Tells people that runs have failed: by a request, a card in a channel or a mail, no more often than they like.

use std::{collections::VecDeque, time::Duration};

use base::{Failure, HttpRequest, RunId, Secret, Status, Timestamp, markup::escaped, quota::Rate};
use connector::Call;
use http_client::{
    Client, Egress, InvokeOptions,
    mail::{Mail, MailServer},
};
use serde_json::{Value, json};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{engine::Engine, live::Connections};

/// Failed runs that may wait to be told; whoever is too slow is told how many there were.
pub(crate) const WAITING_MAX: usize = 1_024;
/// Runs that one message names; the others are counted.
const NAMED_MAX: usize = 20;
/// How long the first waits for others: where one fails, more do.
const GATHER: Duration = Duration::from_secs(2);
/// How often somebody is told who has not said how often.
const USUAL: Rate = Rate { calls: 6, per: base::Duration::seconds(3600) };
/// Pauses before who could not be told is told again.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];
/// How long telling may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The operation that sends a mail, as Power Automate's connectors call it.
const SEND_MAIL: &str = "SendEmailV2";

/// A run that has failed, as far as everybody may know.
#[derive(Clone, Debug)]
pub(crate) struct FailedRun {
    pub run: RunId,
    pub flow: String,
    pub status: Status,
    pub code: String,
    pub message: String,
    pub at: Timestamp,
}

/// Who wants to be told.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How.
    pub way: Way,
    /// Of which flows, by name or with `*` at the end; of all if there are none.
    pub flows: Vec<String>,
    /// How often at most; what is more is told together.
    pub rate: Option<Rate>,
}

/// How somebody is told.
#[derive(Clone, Debug)]
pub enum Way {
    /// JSON is posted there.
    Webhook(Secret<String>),
    /// A card is posted to a workflow of a Teams channel.
    Teams(Secret<String>),
    /// A mail is sent through a connection.
    Email {
        /// What the environment calls it.
        connection: String,
        /// To whom, with `;` between them.
        to: String,
    },
    /// A mail is sent through a mail server.
    Smtp(Box<Smtp>),
}

/// A mail through a mail server.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// The server.
    pub server: MailServer,
    /// Who sends it.
    pub from: String,
    /// To whom, with `;` between them.
    pub to: String,
}

impl Way {
    const fn name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Teams(_) => "teams",
            Self::Email { .. } => "email",
            Self::Smtp(_) => "smtp",
        }
    }
}

/// What messages are sent with.
#[derive(Clone)]
pub struct Notifier {
    /// Sends them.
    pub client: Client,
    /// What mails are sent through.
    pub connections: Connections,
    /// Where the pages of the service are, without a slash at its end.
    pub origin: String,
}

impl Engine {
    /// Tells of runs that fail from now on, until the engine stops. What was not told when a process
    /// dies is not told any more: the list of runs has it.
    pub fn notify(&self, wish: Wish, notifier: Notifier) {
        let failed = self.0.failed.subscribe();
        let mut stop = self.0.stop.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                () = tell_all(wish, notifier, failed) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }
}

/// What is to be told next.
#[derive(Default)]
struct Heap {
    named: Vec<FailedRun>,
    count: u64,
}

impl Heap {
    fn add(&mut self, run: FailedRun) {
        self.count += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(run);
        }
    }
}

async fn tell_all(wish: Wish, notifier: Notifier, mut failed: broadcast::Receiver<FailedRun>) {
    let rate = wish.rate.unwrap_or(USUAL);
    let mut told: VecDeque<Instant> = VecDeque::new();
    let mut heap = Heap::default();
    loop {
        // Not before others had the time to come, and not more often than wanted.
        let ready = (heap.count > 0).then(|| ready_at(&rate, &mut told));
        let received = match ready {
            None => Some(failed.recv().await),
            Some(at) => tokio::select! {
                received = failed.recv() => Some(received),
                () = sleep_until(at) => None,
            },
        };
        match received {
            Some(Ok(run)) if is_wanted(&wish.flows, &run.flow) => {
                if heap.count == 0 {
                    sleep(GATHER).await;
                }
                heap.add(run);
            }
            Some(Ok(_)) => {}
            Some(Err(RecvError::Lagged(missed))) => heap.count += missed,
            Some(Err(RecvError::Closed)) => return,
            None => {
                told.push_back(Instant::now());
                tell(&wish.way, &notifier, &std::mem::take(&mut heap)).await;
            }
        }
    }
}

/// When the next message may be sent.
fn ready_at(rate: &Rate, told: &mut VecDeque<Instant>) -> Instant {
    let (now, period) = (Instant::now(), rate.per.to_std());
    while told.front().is_some_and(|it| period <= now.duration_since(*it)) {
        told.pop_front();
    }
    match told.front() {
        Some(first) if rate.calls <= told.len() => *first + period,
        Some(_) | None => now,
    }
}

fn is_wanted(flows: &[String], flow: &str) -> bool {
    let fits = |it: &String| match it.strip_suffix('*') {
        Some(start) => flow.starts_with(start),
        None => it == flow,
    };
    flows.is_empty() || flows.iter().any(fits)
}

async fn tell(way: &Way, notifier: &Notifier, heap: &Heap) {
    let mut pauses = PAUSES.iter();
    loop {
        let telling = notifier.send(way, heap);
        let result = timeout(PATIENCE, telling)
            .await
            .unwrap_or_else(|_| Err(Failure::new("Timeout", "it was not taken in time")));
        let Err(Failure { code, message, .. }) = result else { return };
        let Some(pause) = pauses.next() else {
            let (way, runs) = (way.name(), heap.count);
            tracing::error!(way, runs, code, message, "Nobody could be told of failed runs.");
            return;
        };
        sleep(*pause).await;
    }
}

impl Notifier {
    async fn send(&self, way: &Way, heap: &Heap) -> Result<(), Failure> {
        match way {
            Way::Webhook(url) => self.post(url, &self.event(heap)).await,
            Way::Teams(url) => self.post(url, &self.card(heap)).await,
            Way::Email { connection, to } => self.mail(connection, to, heap).await,
            Way::Smtp(smtp) => self.mail_through(smtp, heap).await,
        }
    }

    fn link(&self, run: &FailedRun) -> String {
        format!("{}/#/runs/{}", self.origin, run.run)
    }

    fn event(&self, heap: &Heap) -> Value {
        let runs = heap.named.iter().map(|it| {
            json!({
                "id": it.run.as_str(),
                "flow": it.flow,
                "status": it.status.name(),
                "code": it.code,
                "message": it.message,
                "endTime": it.at.to_string(),
                "url": self.link(it),
            })
        });
        json!({ "event": "runs.failed", "count": heap.count, "runs": runs.collect::<Vec<_>>() })
    }

    fn card(&self, heap: &Heap) -> Value {
        let text = |text: String, weight: &str| json!({ "type": "TextBlock", "text": text, "wrap": true, "weight": weight });
        let mut body = vec![text(title(heap), "Bolder")];
        body.extend(heap.named.iter().map(|it| {
            let (flow, code, message) = (&it.flow, &it.code, plain(&it.message));
            text(format!("{flow}: {code} {message} [{}]({})", it.run, self.link(it)), "Default")
        }));
        json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": body,
                },
            }],
        })
    }

    async fn post(&self, url: &Secret<String>, body: &Value) -> Result<(), Failure> {
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: url.expose().clone(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Some(body.to_string().into_bytes()),
        };
        // The operator has named it.
        let egress = Egress::public().allow(url.expose());
        let response = self.client.send(&request, &egress).await?;
        match response.status {
            200..=299 => Ok(()),
            status => Err(Failure::new("NotTaken", format!("it was answered with {status}"))),
        }
    }

    fn html(&self, heap: &Heap) -> String {
        let lines = heap.named.iter().map(|it| {
            let [flow, code, message] = [&it.flow, &it.code, &it.message].map(|it| escaped(it));
            let (link, run) = (escaped(&self.link(it)), &it.run);
            format!("<li>{flow}: {code} {message} <a href=\"{link}\">{run}</a></li>")
        });
        let lines: String = lines.collect();
        format!("<p>{}</p><ul>{lines}</ul>", escaped(&title(heap)))
    }

    async fn mail_through(&self, smtp: &Smtp, heap: &Heap) -> Result<(), Failure> {
        let (subject, id, html) = (title(heap), key(heap, "."), self.html(heap));
        let mail = Mail { from: &smtp.from, to: &smtp.to, subject: &subject, html, id: &id };
        smtp.server.send(&mail).await
    }

    async fn mail(&self, connection: &str, to: &str, heap: &Heap) -> Result<(), Failure> {
        let missing = |what: String| Failure::new("ConnectionNotFound", what);
        let entry = self.connections.0.get(connection);
        let entry = entry
            .ok_or_else(|| missing(format!("the environment has no connection `{connection}`")))?;
        let connection = entry.connection.as_ref().map_err(Clone::clone)?;
        let operation = connection.connector.operation(SEND_MAIL).ok_or_else(|| {
            missing(format!("`{}` has no operation `{SEND_MAIL}`", connection.connector.name))
        })?;
        let message = json!({ "To": to, "Subject": title(heap), "Body": self.html(heap) });
        let first = heap.named.first();
        let key = key(heap, "/");
        let call = Call {
            inputs: &json!({ "emailMessage": message }),
            idempotency_key: &key,
            now: first.map(|it| it.at).unwrap_or_default(),
            seed: heap.count,
            link: None,
            callback_url: None,
        };
        let options = InvokeOptions::default();
        let outcome = self.client.invoke(connection, operation, &call, options).await;
        outcome.failure.map_or(Ok(()), Err)
    }
}

/// By what a message that comes twice is recognised.
fn key(heap: &Heap, between: &str) -> String {
    let first = heap.named.first();
    first.map_or_else(String::new, |it| {
        ["notify", it.run.as_str(), &heap.count.to_string()].join(between)
    })
}

fn title(heap: &Heap) -> String {
    let first = heap.named.first().map(|it| it.flow.as_str()).unwrap_or_default();
    match heap.count {
        1 => format!("A run of {first} has failed"),
        count if heap.named.iter().all(|it| it.flow == first) => {
            format!("{count} runs of {first} have failed")
        }
        count => format!("{count} runs have failed"),
    }
}

/// Text in which nothing is a link or an emphasis.
fn plain(text: &str) -> String {
    text.chars().map(|it| if "[]()*_#`<>\\".contains(it) { ' ' } else { it }).collect()
}
