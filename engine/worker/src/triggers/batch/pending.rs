//! The messages of one batch trigger that have not been released.

use std::collections::{BTreeMap, VecDeque};

use base::{Failure, Timestamp, digest::sha256_hex, limits};
use flow::{
    Schedule,
    triggers::batch::{Batch, BatchConfiguration},
};
use serde_json::{Map, Value, json};

/// Senders that are remembered, so that one which asks again after a crash is not kept twice.
const SENDERS_MAX: usize = 1_000;

/// A batch and the part of it that is released together.
type Partition = (String, String);

/// A message as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    of: Partition,
    /// By what a sender is known that asks again.
    sender: String,
    item: Value,
    bytes: usize,
}

impl Message {
    /// From the inputs of the sending action.
    pub(crate) fn read(batch: &Batch, key: &str, inputs: &Value) -> Result<Self, Failure> {
        let text = |name: &str| inputs.get(name).filter(|it| !it.is_null()).map(expr::to_text);
        let name = text("batchName").unwrap_or_default();
        let Some(known) = batch.batches.iter().find(|it| it.name.eq_ignore_ascii_case(&name))
        else {
            let known: Vec<&str> = batch.batches.iter().map(|it| it.name.as_str()).collect();
            let message =
                format!("the trigger has no batch `{name}`; it has: {}", known.join(", "));
            return Err(Failure::new("BatchNotFound", message));
        };
        let sender = sha256_hex(key.as_bytes()).get(..16).unwrap_or_default().to_owned();
        let id = text("messageId").unwrap_or_else(|| sender.clone());
        let item = json!({ "messageId": id, "content": inputs.get("content") });
        let bytes = item.to_string().len();
        if limits::BATCH_BYTES_MAX < bytes {
            let message = format!("a batch has at most {} bytes", limits::BATCH_BYTES_MAX);
            return Err(Failure::new("BatchMessageTooLarge", message));
        }
        let partition = text("partitionName").unwrap_or_default();
        Ok(Self { of: (known.name.clone(), partition), sender, item, bytes })
    }
}

/// What a batch gives to one run.
#[derive(Debug)]
pub(crate) struct Release {
    of: Partition,
    items: Vec<Value>,
}

impl Release {
    /// `triggerOutputs()` of the run.
    pub(crate) fn outputs(&self) -> Value {
        let (batch, partition) = &self.of;
        let partition = if partition.is_empty() { "DEFAULT" } else { partition };
        json!({ "body": { "batchName": batch, "partitionName": partition, "items": self.items } })
    }
}

/// Messages in the order in which they came, each with its length.
#[derive(Clone, Debug, Default)]
struct Items {
    queue: VecDeque<(Value, usize)>,
    bytes: usize,
}

impl Items {
    fn push(&mut self, item: Value, bytes: usize) {
        self.queue.push_back((item, bytes));
        self.bytes += bytes;
    }

    fn take(&mut self, count: usize) -> Vec<Value> {
        let taken = self.queue.drain(..count.min(self.queue.len()));
        let mut items = Vec::with_capacity(count);
        for (item, bytes) in taken {
            self.bytes -= bytes;
            items.push(item);
        }
        items
    }

    /// How many messages are enough, if there are as many.
    fn ready(&self, declared: Option<&BatchConfiguration>) -> Option<usize> {
        let count = declared.and_then(|it| it.message_count).unwrap_or(limits::BATCH_MESSAGES_MAX);
        let size = declared.and_then(|it| it.batch_size).unwrap_or(limits::BATCH_BYTES_MAX);
        if self.queue.len() < count && self.bytes < size {
            return None;
        }
        let mut total = 0;
        let enough = self.queue.iter().take(count).position(|(_, bytes)| {
            total += bytes;
            size <= total
        });
        Some(enough.map_or(count, |index| index + 1))
    }
}

/// The messages of one trigger.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    since: Timestamp,
    partitions: BTreeMap<Partition, Items>,
    senders: VecDeque<String>,
    /// When a schedule releases what there is.
    pub(crate) due: Option<Timestamp>,
}

impl Pending {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { since: now, partitions: BTreeMap::new(), senders: VecDeque::new(), due: None }
    }

    /// What the store kept; `None` if it is the state of another kind of trigger.
    pub(crate) fn read(kept: &Value, due: Option<Timestamp>) -> Option<Self> {
        let partitions = kept.get("partitions")?.as_array()?.iter().filter_map(|it| {
            let text = |name: &str| Some(it.get(name)?.as_str()?.to_owned());
            let mut items = Items::default();
            for item in it.get("items")?.as_array()? {
                items.push(item.clone(), item.to_string().len());
            }
            Some(((text("batch")?, text("partition")?), items))
        });
        let since = kept.get("since").and_then(Value::as_str).and_then(Timestamp::parse);
        let senders = kept.get("senders").and_then(Value::as_array).into_iter().flatten();
        let senders = senders.filter_map(Value::as_str).map(str::to_owned);
        Some(Self {
            since: since.unwrap_or_default(),
            partitions: partitions.collect(),
            senders: senders.collect(),
            due,
        })
    }

    /// For the store.
    pub(crate) fn to_value(&self) -> Value {
        let partitions = self.partitions.iter().map(|((batch, partition), items)| {
            let items: Vec<&Value> = items.queue.iter().map(|(item, _)| item).collect();
            json!({ "batch": batch, "partition": partition, "items": items })
        });
        let mut kept = Map::new();
        kept.insert("since".to_owned(), self.since.to_string().into());
        kept.insert("partitions".to_owned(), partitions.collect());
        kept.insert("senders".to_owned(), self.senders.iter().cloned().collect());
        Value::Object(kept)
    }

    /// Keeps a message, unless its sender has asked before.
    pub(crate) fn add(&mut self, message: Message) {
        if self.senders.contains(&message.sender) {
            return;
        }
        if self.senders.len() == SENDERS_MAX {
            self.senders.pop_front();
        }
        self.senders.push_back(message.sender);
        self.partitions.entry(message.of).or_default().push(message.item, message.bytes);
    }

    /// Takes out what is to be released now.
    pub(crate) fn releases(&mut self, batch: &Batch, now: Timestamp) -> Vec<Release> {
        let is_time = self.due.is_some_and(|due| due <= now);
        let mut releases = Vec::new();
        for (of, items) in &mut self.partitions {
            // A batch that is not declared any more is released with what is there.
            let declared = batch.batches.iter().find(|it| it.name == of.0);
            while let Some(count) = items.ready(declared) {
                releases.push(Release { of: of.clone(), items: items.take(count) });
            }
            let timed = declared.is_none_or(|it| it.recurrence.is_some());
            if is_time && timed && !items.queue.is_empty() {
                let all = items.queue.len();
                releases.push(Release { of: of.clone(), items: items.take(all) });
            }
        }
        self.partitions.retain(|_, items| !items.queue.is_empty());
        releases
    }

    /// Keeps what could not be released, as the oldest of its batch.
    pub(crate) fn put_back(&mut self, release: Release) {
        let items = self.partitions.entry(release.of).or_default();
        for item in release.items.into_iter().rev() {
            let bytes = item.to_string().len();
            items.queue.push_front((item, bytes));
            items.bytes += bytes;
        }
    }

    /// When the next schedule of a batch with messages is due.
    pub(crate) fn schedule(&mut self, batch: &Batch, now: Timestamp) {
        let waiting = self.partitions.keys();
        let declared =
            waiting.filter_map(|(name, _)| batch.batches.iter().find(|it| it.name == *name));
        let schedules = declared.filter_map(|it| Schedule::new(it.recurrence.as_ref()?).ok());
        self.due = schedules.filter_map(|it| it.next(self.since, now)).min();
    }
}
