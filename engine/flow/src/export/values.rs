//! Values, conditions and policies as a document of either dialect has them.

use base::{Diagnostic, Duration, Span, code};
use expr::{Dialect, Key, Placed, Tree, condition::Condition, literal_in};
use serde_json::{Map, Value, json};

use crate::{
    Schema,
    actions::{http::HttpInputs, variables::Change},
    policy::RetryPolicy,
    triggers::recurrence::{Every, Recurrence},
};

/// Writes values for one dialect and collects what it has no words for.
pub(super) struct Values {
    dialect: Dialect,
    pub(super) unwritten: Vec<Diagnostic>,
}

/// An object in the making.
#[derive(Default)]
pub(super) struct Entries(pub(super) Map<String, Value>);

impl Entries {
    pub(super) fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    pub(super) fn put_some(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// Puts a list or an object that is not empty.
    pub(super) fn put_filled(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        let is_empty = value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(Map::is_empty);
        if !is_empty {
            self.put(key, value);
        }
    }

    /// Puts parameters, unless there are none.
    pub(super) fn put_parameters(&mut self, key: &str, parameters: Value) {
        if parameters != json!({}) {
            self.put(key, parameters);
        }
    }

    pub(super) fn value(self) -> Value {
        Value::Object(self.0)
    }
}

impl Values {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, unwritten: Vec::new() }
    }

    /// Says what cannot be written, and what to do about it.
    pub(super) fn refuse(&mut self, span: Span, message: impl Into<String>, hint: &str) {
        let found = Diagnostic::new(code::UNKNOWN_TYPE, span, message);
        self.unwritten.push(if hint.is_empty() { found } else { found.hint(hint) });
    }

    pub(super) fn template(&mut self, placed: &Placed) -> String {
        placed.template.written_in(self.dialect).unwrap_or_else(|message| {
            let is_expression = placed.template.source().starts_with('@');
            let hint = if is_expression { "" } else { "write it as an expression: `@…`" };
            self.refuse(placed.span, message, hint);
            placed.template.source().to_owned()
        })
    }

    pub(super) fn tree(&mut self, tree: &Tree) -> Value {
        match tree {
            Tree::Value(value) => self.constant(value),
            Tree::Template(placed) => self.template(placed).into(),
            Tree::Array(items) => items.iter().map(|it| self.tree(it)).collect(),
            Tree::Object(entries) => {
                let entries = entries.iter().map(|(key, tree)| (self::key(key), self.tree(tree)));
                Value::Object(entries.collect())
            }
        }
    }

    /// A value in which nothing is computed; its texts must not look as if they were.
    pub(super) fn constant(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => literal_in(text, self.dialect).into(),
            Value::Array(items) => items.iter().map(|it| self.constant(it)).collect(),
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| {
                    (self::key(&Key::Plain(key.clone())), self.constant(value))
                });
                Value::Object(entries.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    pub(super) fn optional(&mut self, tree: Option<&Tree>) -> Option<Value> {
        tree.map(|it| self.tree(it))
    }

    pub(super) fn condition(&mut self, condition: &Condition) -> Value {
        let (operator, operands) = match condition {
            Condition::Template(placed) => match placed.template.source() {
                "true" if placed.template.literal().is_none() => return true.into(),
                "false" if placed.template.literal().is_none() => return false.into(),
                _ => return self.template(placed).into(),
            },
            Condition::And(all) => ("and", all.iter().map(|it| self.condition(it)).collect()),
            Condition::Or(any) => ("or", any.iter().map(|it| self.condition(it)).collect()),
            Condition::Not(inner) => ("not", self.condition(inner)),
            Condition::Compare { operator, operands } => {
                (operator.name(), operands.iter().map(|it| self.tree(it)).collect())
            }
        };
        let operands: Value = operands;
        json!({ operator: operands })
    }

    pub(super) fn http(&mut self, request: &HttpInputs) -> Entries {
        let mut inputs = Entries::default();
        for (key, part) in request.parts() {
            inputs.put_some(key, self.optional(part));
        }
        inputs
    }

    pub(super) fn change(&mut self, change: &Change) -> Value {
        let mut entries = Entries::default();
        entries.put("name", change.name.as_str());
        entries.put_some("value", self.optional(change.value.as_ref()));
        entries.value()
    }
}

/// In keys only `@` is special, in either dialect.
fn key(key: &Key) -> String {
    match key {
        Key::Plain(text) if text.contains('@') => literal_in(text, Dialect::Wdl),
        Key::Plain(text) => text.clone(),
        Key::Computed(placed) => placed.template.source().to_owned(),
    }
}

/// A schema as it was written.
pub(super) fn schema(schema: Option<&Schema>) -> Option<Value> {
    schema.map(|it| it.source().clone())
}

/// A policy, as both formats have it.
pub(super) fn retry(policy: &RetryPolicy) -> Value {
    let mut entries = Entries::default();
    match policy {
        RetryPolicy::None => entries.put("type", "none"),
        RetryPolicy::Fixed { count, interval } => {
            entries.put("type", "fixed");
            entries.put("count", *count);
            entries.put("interval", duration(*interval));
        }
        RetryPolicy::Exponential { count, interval, minimum, maximum } => {
            entries.put("type", "exponential");
            entries.put("count", *count);
            entries.put("interval", duration(*interval));
            entries.put_some("minimumInterval", minimum.map(duration));
            entries.put_some("maximumInterval", maximum.map(duration));
        }
    }
    entries.value()
}

/// A length of time in its largest units: `PT1H30M`.
pub(super) fn duration(length: Duration) -> String {
    let seconds = Duration::seconds(1).ticks();
    let (whole, fraction) = (length.ticks() / seconds, length.ticks() % seconds);
    if fraction != 0 || whole <= 0 {
        return length.to_string();
    }
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    let part = |count: i64, unit: &str| match count {
        0 => String::new(),
        count => format!("{count}{unit}"),
    };
    let time = part(hours, "H") + &part(minutes, "M") + &part(whole % 60, "S");
    let time = if time.is_empty() { time } else { format!("T{time}") };
    format!("P{}{time}", part(days, "D"))
}

/// Frequency, interval and refinement, as both formats have them.
pub(super) fn every(every: &Every) -> Entries {
    let mut entries = Entries::default();
    entries.put("frequency", every.frequency.name());
    entries.put("interval", every.interval);
    entries.put_some("startTime", every.start_time.as_deref());
    entries.put_some("timeZone", every.time_zone.as_deref());
    let mut schedule = Entries::default();
    schedule.put_filled("hours", every.hours.clone());
    schedule.put_filled("minutes", every.minutes.clone());
    schedule.put_filled("weekDays", every.week_days.clone());
    schedule.put_filled("monthDays", every.month_days.clone());
    entries.put_filled("schedule", schedule.value());
    entries
}

/// The length of time that a sliding window waits, if it does.
pub(super) fn delay(every: &Every) -> Option<String> {
    every.delay.as_deref().map(|it| Duration::parse_iso(it).map_or(it.to_owned(), duration))
}

/// Whether a recurrence is a sliding window.
pub(super) fn is_sliding(recurrence: &Recurrence) -> bool {
    matches!(recurrence, Recurrence::Every(every) if every.sliding)
}
