//! Deliveries to subscribers: in order for each resource, retried with back-off, kept for inspection.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use crate::clock::{Clock, seven_digits};
use crate::faults::{Chaos, Dice};

const KEPT_ANSWER_BYTES: usize = 4 * 1024;
const DELIVERIES_MAX: usize = 20_000;
const MISHAPS_MAX: usize = 1_000;
/// How long a delivery that is to be overtaken waits for the one that does it.
const OVERTAKEN_WITHIN: Duration = Duration::from_secs(3);

/// How often and how patiently a notification is delivered.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Deliveries of one notification before it is a dead letter; Partner Center makes ten.
    pub attempts_max: u32,
    /// The pause after the first failure; it doubles with each.
    pub back_off: Duration,
    /// The longest pause.
    pub back_off_max: Duration,
    /// How long one delivery may take.
    pub timeout: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts_max: 10,
            back_off: Duration::from_millis(500),
            back_off_max: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
        }
    }
}

/// One notification and everything that happened to it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its event, such as `referral-updated`.
    pub event: String,
    /// The referral or validation it is about.
    pub resource_id: String,
    /// Where it went.
    pub url: String,
    /// The headers sent, the signature among them.
    pub headers: Vec<(String, String)>,
    /// The exact bytes that were signed and sent.
    pub body: Vec<u8>,
    /// Each attempt in order.
    pub attempts: Vec<Attempt>,
    /// Whether it arrived.
    pub state: DeliveryState,
    /// The delivery this one repeats.
    pub replay_of: Option<usize>,
}

/// What goes wrong with the next deliveries whose event matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mishap {
    /// The event must begin with this; empty matches every event.
    pub event_prefix: String,
    /// What happens.
    pub kind: MishapKind,
    /// How many deliveries suffer it.
    pub count: u32,
}

/// What a mishap does to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MishapKind {
    /// It is made twice, byte for byte.
    Duplicate,
    /// It is made after the one that follows it.
    Reorder,
    /// It is never made, and listed as a dead letter.
    Lose,
}

impl Mishap {
    pub(crate) fn from_json(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or("a mishap must be an object")?;
        let known = ["event", "kind", "count"];
        if let Some(name) = fields.keys().find(|it| !known.contains(&it.as_str())) {
            return Err(format!("unknown field `{name}`"));
        }
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let kind = match text("kind") {
            Some("duplicate") => MishapKind::Duplicate,
            Some("reorder") => MishapKind::Reorder,
            Some("lose") => MishapKind::Lose,
            _ => return Err("`kind` is duplicate, reorder or lose".to_owned()),
        };
        let count = match fields.get("count") {
            None => 1,
            Some(it) => it.as_u64().ok_or("`count` must be a number")?,
        };
        let event_prefix = text("event").unwrap_or_default().to_owned();
        Ok(Self { event_prefix, kind, count: u32::try_from(count).unwrap_or(u32::MAX) })
    }
}

/// One attempt at a delivery.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When it ended, by the emulator's clock.
    pub at: Timestamp,
    /// The receiver's answer; none when there was no answer.
    pub status: Option<u16>,
    /// The beginning of the answer's body.
    pub answer: String,
    /// Why there was no answer, or why it broke off.
    pub error: Option<String>,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Queued, or between attempts.
    Waiting,
    /// Answered with a status of the 200s.
    Delivered,
    /// Given up after the last attempt.
    DeadLetter,
}

impl Delivery {
    /// A delivery of JSON that is still to be made.
    pub(crate) fn new(event: &str, resource_id: &str, url: &str, body: &Value) -> Self {
        Self {
            event: event.to_owned(),
            resource_id: resource_id.to_owned(),
            url: url.to_owned(),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
            attempts: Vec::new(),
            state: DeliveryState::Waiting,
            replay_of: None,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let attempts = self.attempts.iter().map(|it| {
            json!({
                "at": seven_digits(it.at, "Z"), "status": it.status, "answer": it.answer,
                "error": it.error,
            })
        });
        json!({
            "event": self.event, "resourceId": self.resource_id, "url": self.url,
            "headers": self.headers, "body": String::from_utf8_lossy(&self.body),
            "attempts": attempts.collect::<Vec<_>>(),
            "state": format!("{:?}", self.state), "replayOf": self.replay_of,
        })
    }
}

/// Delivers what is queued, in the background.
pub(crate) struct Courier {
    client: reqwest::Client,
    retry: Retry,
    clock: Clock,
    runtime: Handle,
    stop: watch::Receiver<bool>,
    waiting: watch::Sender<usize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    deliveries: Vec<Delivery>,
    /// For each resource, the end of its last delivery, which the next one waits for.
    tails: BTreeMap<String, oneshot::Receiver<()>>,
    mishaps: VecDeque<Mishap>,
    dice: Option<Dice>,
    /// Deliveries that wait until the next one has been made.
    held: Vec<oneshot::Sender<()>>,
}

impl State {
    /// What happens to a delivery of this event: as scripted, else by chance.
    fn mishap(&mut self, event: &str) -> Option<MishapKind> {
        let found = self.mishaps.iter().position(|it| event.starts_with(&it.event_prefix));
        if let Some((at, mishap)) = found.and_then(|at| Some((at, self.mishaps.get_mut(at)?))) {
            let kind = mishap.kind;
            mishap.count = mishap.count.saturating_sub(1);
            if mishap.count == 0 {
                self.mishaps.remove(at);
            }
            return Some(kind);
        }
        let side = self.dice.as_mut()?.strike(2)?;
        Some(if side == 0 { MishapKind::Duplicate } else { MishapKind::Reorder })
    }
}

impl Courier {
    pub(crate) fn new(
        retry: Retry,
        clock: Clock,
        stop: watch::Receiver<bool>,
    ) -> io::Result<Arc<Self>> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(retry.timeout)
            .build()
            .map_err(io::Error::other)?;
        Ok(Arc::new(Self {
            client,
            retry,
            clock,
            runtime: Handle::current(),
            stop,
            waiting: watch::channel(0).0,
            state: Mutex::default(),
        }))
    }

    /// Sends the same bytes with the same headers again.
    pub(crate) fn redeliver(self: &Arc<Self>, index: usize) -> bool {
        let Some(mut again) = self.lock().deliveries.get(index).cloned() else { return false };
        again.attempts.clear();
        again.state = DeliveryState::Waiting;
        again.replay_of = Some(index);
        self.add(again, false);
        true
    }

    /// Scripts what goes wrong with the next deliveries; false when there is no room for more.
    pub(crate) fn mishap(&self, mishap: Mishap) -> bool {
        let mut state = self.lock();
        let fits = state.mishaps.len() < MISHAPS_MAX && mishap.count > 0;
        if fits {
            state.mishaps.push_back(mishap);
        }
        fits
    }

    /// Lets chance strike from now on; without chaos it strikes no more.
    pub(crate) fn chance(&self, chaos: Option<&Chaos>) {
        self.lock().dice = chaos.map(Dice::new);
    }

    pub(crate) fn all(&self) -> Vec<Delivery> {
        self.lock().deliveries.clone()
    }

    pub(crate) fn get(&self, index: usize) -> Option<Delivery> {
        self.lock().deliveries.get(index).cloned()
    }

    /// Returns when no delivery is waiting any more.
    pub(crate) async fn settled(&self) {
        let mut waiting = self.waiting.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        drop(waiting.wait_for(|it| *it == 0).await);
    }

    /// Queues a delivery, with whatever goes wrong with it; returns its index.
    pub(crate) fn queue(self: &Arc<Self>, mut delivery: Delivery) -> usize {
        let mishap = self.lock().mishap(&delivery.event);
        match mishap {
            None => self.add(delivery, false),
            Some(MishapKind::Reorder) => self.add(delivery, true),
            Some(MishapKind::Duplicate) => {
                let mut again = delivery.clone();
                let index = self.add(delivery, false);
                again.replay_of = Some(index);
                self.add(again, false);
                index
            }
            Some(MishapKind::Lose) => {
                delivery.state = DeliveryState::DeadLetter;
                let mut state = self.lock();
                let index = state.deliveries.len();
                if index < DELIVERIES_MAX {
                    state.deliveries.push(delivery);
                }
                index
            }
        }
    }

    /// Has a delivery made: after the one before it for its resource, or after the next one of all.
    fn add(self: &Arc<Self>, delivery: Delivery, overtaken: bool) -> usize {
        let mut state = self.lock();
        let index = state.deliveries.len();
        if index >= DELIVERIES_MAX {
            return index;
        }
        let (done, end) = oneshot::channel();
        let resource = delivery.resource_id.clone();
        state.deliveries.push(delivery);
        let (before, overtakes) = if overtaken {
            let (passed, passing) = oneshot::channel();
            state.held.push(passed);
            (Some(passing), Vec::new())
        } else {
            (state.tails.insert(resource, end), std::mem::take(&mut state.held))
        };
        self.waiting.send_modify(|it| *it += 1);
        let courier = Arc::clone(self);
        self.runtime.spawn(async move {
            // The end of another is told by dropping its sender, which reads as an error.
            match before {
                Some(before) if overtaken => {
                    drop(tokio::time::timeout(OVERTAKEN_WITHIN, before).await);
                }
                Some(before) => drop(before.await),
                None => {}
            }
            courier.deliver(index).await;
            courier.waiting.send_modify(|it| *it -= 1);
            drop((done, overtakes));
        });
        index
    }

    async fn deliver(&self, index: usize) {
        let Some(delivery) = self.get(index) else { return };
        let mut pause = self.retry.back_off;
        for attempt in 1..=self.retry.attempts_max {
            let mut stop = self.stop.clone();
            let sent = tokio::select! {
                sent = self.attempt(&delivery) => sent,
                _ = stop.wait_for(|it| *it) => return,
            };
            let arrived = sent.status.is_some_and(|status| (200..300).contains(&status));
            let last = attempt == self.retry.attempts_max;
            if let Some(kept) = self.lock().deliveries.get_mut(index) {
                kept.attempts.push(sent);
                if arrived {
                    kept.state = DeliveryState::Delivered;
                } else if last {
                    kept.state = DeliveryState::DeadLetter;
                }
            }
            if arrived || last {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|it| *it) => return,
            }
            pause = (pause * 2).min(self.retry.back_off_max);
        }
    }

    async fn attempt(&self, delivery: &Delivery) -> Attempt {
        let mut request = self.client.post(&delivery.url).body(delivery.body.clone());
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        let (mut status, mut body, mut broken) = (None, Vec::new(), None);
        match request.send().await {
            Err(error) => broken = Some(error.to_string()),
            Ok(mut answer) => {
                status = Some(answer.status().as_u16());
                while body.len() < KEPT_ANSWER_BYTES {
                    match answer.chunk().await {
                        Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                        Ok(None) => break,
                        Err(error) => {
                            broken = Some(error.to_string());
                            break;
                        }
                    }
                }
            }
        }
        body.truncate(KEPT_ANSWER_BYTES);
        let answer = String::from_utf8_lossy(&body).into_owned();
        Attempt { at: self.clock.now(), status, answer, error: broken }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
