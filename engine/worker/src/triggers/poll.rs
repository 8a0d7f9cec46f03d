//! Asks whether there is something new: one poll of a URL or of a connector's trigger.

use std::sync::Arc;

use base::{
    Duration, Failure, Outcome, Timestamp,
    digest::sha256_hex,
    http,
    limits::{
        CURSOR_BYTES_MAX, POLL_ITEMS_MAX, POLL_ITEMS_USUAL, POLL_SECONDS_DEFAULT, POLL_SECONDS_MIN,
        POLL_URL_CHARS_MAX,
    },
};
use connector::{Call, Connection, Trigger};
use flow::{
    TriggerKind,
    triggers::{api_connection::ApiConnectionTrigger, http::HttpTrigger},
};
use interp::{
    effect::{Ask, Request},
    fire, next_pause,
};
use journal::{Path, codec};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet};
use url::Url;

use super::{
    progress::{Follow, Progress},
    task::{Halt, Task},
};
use crate::{deploy::Deployed, engine::Inner, meant, random};

/// No service puts a poll off for longer.
const PAUSE_MAX: Duration = Duration::seconds(86_400);

/// What a poll has found.
#[derive(Debug, Default)]
struct Polled {
    /// What runs see of each event, and the key by which it is known.
    events: Vec<(Value, Option<String>)>,
    /// What the next poll goes on from.
    cursor: Value,
    /// Where the next poll asks.
    follow: Option<Follow>,
    /// When the service is to be asked again, if not as usual.
    pause: Option<Duration>,
    /// Whether there may be more than was read.
    full: bool,
}

/// One question on behalf of a trigger.
struct Question<'a> {
    task: &'a Task,
    event: &'a fire::Event<'a>,
    progress: &'a Progress,
}

impl Question<'_> {
    /// Asks a URL: 200 is an event, any other success is none.
    async fn http(&self, trigger: &HttpTrigger) -> Result<Polled, Failure> {
        let inputs = fire::http_inputs(self.event, &trigger.request)?;
        let uri = inputs.get("uri").and_then(Value::as_str).unwrap_or_default().to_owned();
        // An address that another one has led to says nothing about this one.
        let asked = sha256_hex(uri.as_bytes());
        let known = self.progress.follow.as_ref().filter(|it| it.asked == asked);
        let known = known.map(|it| it.location.clone());
        let request = Request::Http { inputs: inputs.into() };
        let outcome = self.ask(request, known.clone()).await;
        if let Some(failure) = outcome.failure {
            return Err(failure);
        }
        let location = outcome.header("location").map(|it| resolve(&uri, known.as_deref(), it));
        let follow = location.transpose()?.map(|location| Follow { asked, location });
        let pause = self.pause(&outcome);
        let is_event = outcome.status_code() == Some(200);
        let events =
            outcome.outputs.filter(|_| is_event).map(|it| (it, None)).into_iter().collect();
        Ok(Polled { events, follow, pause, ..Polled::default() })
    }

    /// Asks the operation that a connector's trigger names.
    async fn connector(&self, on: &ApiConnectionTrigger) -> Result<Polled, Failure> {
        let connection = self.task.connection(on)?;
        let (trigger, wishes) = meant::wanted(self.event, on, &connection.connector)?;
        let poll = connector::poll::poll(trigger).ok_or_else(|| {
            let message = format!("the trigger `{}` is not polled", trigger.id);
            Failure::new("TriggerNotPolled", message)
        })?;
        let key = self.key();
        let call = Call {
            inputs: &wishes,
            idempotency_key: &key,
            now: self.event.now,
            seed: random::seed(),
            link: None,
            callback_url: None,
        };
        let cursor = match &self.progress.cursor {
            // Also after a failure the first poll starts from when the trigger began.
            Value::Null => {
                let call = Call { now: self.progress.since, ..call };
                connector::poll::start(&connection, trigger, &call)?
            }
            cursor => cursor.clone(),
        };
        // A backlog that is longer than what is read would be looked back into for ever.
        let ahead = without_overlap(trigger);
        let asking = if self.progress.full == 0 { trigger } else { &ahead };
        let inputs = connector::poll::inputs(&connection, asking, &call, &cursor)?;
        let wanted = POLL_ITEMS_USUAL.saturating_mul(1 << self.progress.full.min(16));
        let wanted = wanted.min(POLL_ITEMS_MAX);
        let request = Request::Operation {
            connection: on.connection.clone(),
            operation: poll.operation.clone(),
            inputs: inputs.into(),
            minimum_items: Some(wanted),
        };
        let follow = connector::poll::follow(trigger, &cursor);
        if follow.as_ref().is_some_and(|it| POLL_URL_CHARS_MAX < it.len()) {
            let message = format!(
                "the service names an address for the next poll that is longer than \
                 {POLL_URL_CHARS_MAX} characters"
            );
            return Err(Failure::new("InvalidLocation", message));
        }
        let outcome = self.ask(request, follow).await;
        let found = connector::poll::read(&connection, trigger, (&call, &cursor), &outcome)?;
        check_cursor(&found.state)?;
        let full = wanted <= found.events.len() && found.state != cursor;
        let events = found.events.into_iter().filter(|it| it.wanted);
        // A whole answer is split as the flow says.
        let splits = self.event.trigger.split_on.is_some() && !poll.whole;
        let seen = |outputs| if splits { batch_of_one(&outputs) } else { outputs };
        Ok(Polled {
            events: events.map(|it| (seen(it.outputs), it.dedupe_key)).collect(),
            cursor: found.state,
            follow: None,
            pause: self.pause(&outcome).or(full.then_some(poll.every_min)),
            full,
        })
    }

    async fn ask(&self, request: Request, follow: Option<String>) -> Outcome {
        let attempt = u32::try_from(self.progress.retries).unwrap_or(u32::MAX).saturating_add(1);
        let ask = Ask {
            callback_url: None,
            path: Path::run(),
            attempt,
            turn: attempt,
            since: self.event.now,
            idempotency_key: self.key(),
            intent: false,
            repeated: false,
            follow,
            request,
        };
        perform(&self.task.inner, &self.task.flow, self.event.trigger, ask).await
    }

    fn key(&self) -> String {
        format!("{}/{}/{}", self.task.flow.name, self.event.trigger.name, self.event.now)
    }

    fn pause(&self, outcome: &Outcome) -> Option<Duration> {
        outcome.header("retry-after").and_then(|it| http::retry_after(it, self.event.now))
    }
}

fn without_overlap(trigger: &Trigger) -> Trigger {
    let mut trigger = trigger.clone();
    if let connector::trigger::TriggerKind::Poll(poll) = &mut trigger.kind {
        poll.overlap = Duration::ZERO;
    }
    trigger
}

/// An item as a trigger sees it that expects a list and splits it, as those of the cloud do.
fn batch_of_one(outputs: &Value) -> Value {
    let item = outputs.get("body").cloned().unwrap_or_default();
    json!({ "body": { "value": [item] } })
}

/// The address of the next poll: what the service named, seen from where it was asked.
fn resolve(uri: &str, asked: Option<&str>, location: &str) -> Result<String, Failure> {
    let invalid = |reason: &str| {
        let message = format!("the service names an address for the next poll that {reason}");
        Failure::new("InvalidLocation", message)
    };
    let asked = Url::parse(asked.unwrap_or(uri)).and_then(|it| it.join(location));
    let next = asked.map_err(|_| invalid("is none"))?;
    if next.as_str().len() > POLL_URL_CHARS_MAX {
        return Err(invalid(&format!("is longer than {POLL_URL_CHARS_MAX} characters")));
    }
    Ok(next.into())
}

/// A cursor that cannot be stored would keep what it comes with from being stored.
fn check_cursor(cursor: &Value) -> Result<(), Failure> {
    let invalid = |reason: String| Failure::new("InvalidCursor", reason);
    let text = codec::encode_value(cursor)
        .map_err(|error| invalid(format!("the cursor of the poll cannot be kept: {error}")))?;
    if CURSOR_BYTES_MAX < text.len() {
        let message = format!("the cursor of the poll has more than {CURSOR_BYTES_MAX} bytes");
        return Err(invalid(message));
    }
    Ok(())
}

/// When a trigger is asked again after a service has said when it wants to be.
fn later(now: Timestamp, pause: Duration) -> Timestamp {
    now.after(pause.max(Duration::seconds(POLL_SECONDS_MIN)).min(PAUSE_MAX))
}

/// Asks a service; a fault of the engine while it asks is a failure like any other.
pub(super) async fn perform(
    inner: &Arc<Inner>,
    flow: &Deployed,
    trigger: &flow::Trigger,
    ask: Ask,
) -> Outcome {
    let (inner, plan) = (Arc::clone(inner), Arc::clone(&flow.plan));
    // Ends with whoever waits for the answer.
    let mut asking = JoinSet::new();
    asking.spawn(async move { inner.performer.perform(&plan, &ask, inner.now()).await });
    let answer = asking.join_next().await;
    if let Some(Ok(outcome)) = answer {
        return outcome;
    }
    let (flow, trigger) = (&flow.name, &trigger.display);
    tracing::error!(flow, trigger, ?answer, "Asking met a fault of the engine.");
    let message = "the engine met a fault of its own when it asked";
    Outcome::failed(Failure::new("InternalError", message))
}

impl Task {
    /// Asks; what was found and what the next poll goes on from become durable together.
    pub(super) async fn poll(
        &mut self,
        now: Timestamp,
        ended: &mut watch::Receiver<bool>,
    ) -> Result<(), Halt> {
        let polled = tokio::select! {
            polled = self.ask(now) => polled,
            // Nothing is stored yet, so whoever comes next asks the same again.
            _ = ended.wait_for(|ended| *ended) => return Err(Halt::Ended),
        };
        let mut progress = self.progress.clone();
        let usual = self.next_poll(now);
        let found = polled.and_then(|mut polled| {
            let mut all = Vec::new();
            let events = std::mem::take(&mut polled.events);
            let has_fired = !events.is_empty();
            for (outputs, key) in events {
                all.extend(self.firings(outputs, key, now)?);
            }
            Ok((all, has_fired, polled))
        });
        match found {
            Ok((firings, has_fired, Polled { cursor, follow, pause, full, .. })) => {
                (progress.cursor, progress.follow) = (cursor, follow);
                (progress.retries, progress.error) = (0, None);
                progress.full = if full { progress.full + 1 } else { 0 };
                if has_fired {
                    progress.fired = Some(now);
                } else {
                    self.count(Some(0));
                }
                let next = pause.map_or(usual, |pause| Some(later(now, pause)));
                self.save(firings, (progress, next)).await
            }
            Err(failure) => {
                let none = self.failed(&mut progress, &failure, now);
                // Less at a time, as it may have been too much.
                progress.full = progress.full.min(1);
                let policy = self.trigger().retry.as_ref();
                let retry = next_pause(policy, progress.retries, &failure);
                progress.retries = if retry.is_some() { progress.retries + 1 } else { 0 };
                let asked = retry.or(failure.retry_after).map(|pause| later(now, pause));
                let next = if retry.is_some() { asked } else { usual.max(asked) };
                self.save(none, (progress, next)).await
            }
        }
    }

    async fn ask(&self, now: Timestamp) -> Result<Polled, Failure> {
        let permit = self.polls.acquire().await;
        let event = self.flow.before_event(self.trigger(), now);
        let question = Question { task: self, event: &event, progress: &self.progress };
        let polled = match &self.trigger().kind {
            TriggerKind::Http(http) => question.http(http).await,
            TriggerKind::ApiConnection(on) => question.connector(on).await,
            TriggerKind::Recurrence(_)
            | TriggerKind::Request(_)
            | TriggerKind::Manual(_)
            | TriggerKind::HttpWebhook(_)
            | TriggerKind::Flow(_)
            | TriggerKind::Batch(_)
            | TriggerKind::Unsupported(_) => Ok(Polled::default()),
        };
        drop(permit);
        polled
    }

    /// The connection that a trigger asks through.
    fn connection(&self, on: &ApiConnectionTrigger) -> Result<Arc<Connection>, Failure> {
        self.inner.performer.connection(&self.flow.plan, &on.connection)
    }

    /// When the next poll is, if the service does not say otherwise.
    pub(super) fn next_poll(&self, now: Timestamp) -> Option<Timestamp> {
        let connection = if let TriggerKind::ApiConnection(on) = &self.trigger().kind {
            self.connection(on).ok().map(|it| (it, on))
        } else {
            None
        };
        let event = self.flow.before_event(self.trigger(), now);
        let declared = connection.as_ref().and_then(|(connection, on)| {
            let trigger = meant::declared(&event, on, &connection.connector).ok()?;
            connector::poll::poll(trigger)
        });
        let usual = declared.map_or(Duration::seconds(POLL_SECONDS_DEFAULT), |it| it.every);
        let next = match &self.schedule {
            None => Some(now.after(usual)),
            Some(_) => self.sound()?.next(self.progress.deployed, now),
        };
        let least = declared.map_or(Duration::ZERO, |it| it.every_min);
        next.map(|next| next.max(now.after(least)))
    }
}
