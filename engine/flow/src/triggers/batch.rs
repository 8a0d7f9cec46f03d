//! Messages of other flows, collected until there are enough.

use base::{Span, limits};
use yaml::Node;

use super::{TriggerKind, recurrence::Recurrence};
use crate::{fields::Fields, reader::Reader, shape};

/// A trigger that collects messages.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The batches by name.
    pub batches: Vec<BatchConfiguration>,
}

/// One batch and when it is released; whichever criterion is met first.
#[derive(Clone, Debug)]
pub struct BatchConfiguration {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// So many messages.
    pub message_count: Option<usize>,
    /// So many bytes of messages.
    pub batch_size: Option<usize>,
    /// So much time, if there are any messages.
    pub recurrence: Option<Recurrence>,
}

/// Reads `batch: {name: {messageCount, batchSize, recurrence}}`.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> TriggerKind {
    let mapping = reader.mapping(node, "`batch`");
    let batches = mapping.iter().map(|entry| {
        let mut fields = Fields::new(reader, &entry.value, &format!("batch `{}`", entry.key.text))
            .of(&shape::BATCH);
        fields.at = entry.key.span;
        let batch = take(reader, &mut fields, &entry.key);
        fields.finish(reader);
        batch
    });
    TriggerKind::Batch(Batch { batches: batches.collect() })
}

/// Takes the criteria, which the cloud writes the same.
pub(crate) fn take(
    reader: &mut Reader,
    fields: &mut Fields<'_>,
    key: &yaml::Key,
) -> BatchConfiguration {
    let whole = |fields: &mut Fields<'_>, reader: &mut Reader, name, most| {
        let node = fields.given(name)?;
        reader.whole(node, &format!("`{name}`"), (1, most))
    };
    let message_count = whole(fields, reader, "messageCount", limits::BATCH_MESSAGES_MAX);
    let batch_size = whole(fields, reader, "batchSize", limits::BATCH_BYTES_MAX);
    let recurrence = fields.given("recurrence").and_then(|it| Recurrence::read(reader, it));
    let (name, span) = (key.text.clone(), key.span);
    BatchConfiguration { name, span, message_count, batch_size, recurrence }
}
