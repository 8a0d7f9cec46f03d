//! A schedule.

use base::{Diagnostic, Duration, Severity, Timestamp, code};
use expr::{Dialect, Zone};
use serde_json::{Value, json};
use yaml::Node;

use super::{TriggerKind, unsupported::UnsupportedTrigger};
use crate::{fields::Fields, reader::Reader, schedule, shape};

/// A schedule, in the words of the cloud or as cron.
#[derive(Clone, Debug)]
pub enum Recurrence {
    /// Frequency and interval.
    Every(Every),
    /// A cron expression with its time zone.
    Cron {
        /// Five or six fields.
        expression: String,
        /// Windows or IANA name.
        time_zone: Option<String>,
    },
}

/// Frequency, interval and refinement.
#[derive(Clone, Debug)]
pub struct Every {
    /// The unit.
    pub frequency: Frequency,
    /// How many units.
    pub interval: u32,
    /// First firing, ISO 8601.
    pub start_time: Option<String>,
    /// Windows or IANA name.
    pub time_zone: Option<String>,
    /// Hours of the day.
    pub hours: Vec<u8>,
    /// Minutes of the hour.
    pub minutes: Vec<u8>,
    /// Days of the week by English name.
    pub week_days: Vec<String>,
    /// Days of the month; negative counts from the end.
    pub month_days: Vec<i8>,
    /// Missed windows are made up for (`SlidingWindow`).
    pub sliding: bool,
    /// ISO 8601 delay of a sliding window.
    pub delay: Option<String>,
}

/// Units of recurrences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    /// Seconds.
    Second,
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Months.
    Month,
    /// Years.
    Year,
}

pub(crate) const FREQUENCIES: &[(&str, Frequency)] = &[
    ("Second", Frequency::Second),
    ("Minute", Frequency::Minute),
    ("Hour", Frequency::Hour),
    ("Day", Frequency::Day),
    ("Week", Frequency::Week),
    ("Month", Frequency::Month),
    ("Year", Frequency::Year),
];

pub(crate) const WEEK_DAYS: &[(&str, &str)] = &[
    ("Monday", "Monday"),
    ("Tuesday", "Tuesday"),
    ("Wednesday", "Wednesday"),
    ("Thursday", "Thursday"),
    ("Friday", "Friday"),
    ("Saturday", "Saturday"),
    ("Sunday", "Sunday"),
];

/// A trigger that is only a schedule.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> TriggerKind {
    let type_name = "Recurrence".to_owned();
    Recurrence::read(reader, node)
        .map_or(TriggerKind::Unsupported(UnsupportedTrigger { type_name }), TriggerKind::Recurrence)
}

impl Recurrence {
    /// Reads `{frequency, interval, startTime, timeZone, schedule}` or `{cron, timeZone}`.
    pub(crate) fn read(reader: &mut Reader, node: &Node) -> Option<Self> {
        let by_cron = reader.dialect == Dialect::Wdl || node.get("cron").is_some();
        let shape = if by_cron { &shape::CRON } else { &shape::EVERY };
        let mut fields = Fields::new(reader, node, "`recurrence`").of(shape);
        let time_zone = fields.given("timeZone").and_then(|it| read_zone(reader, it));
        if let Some(cron) = by_cron.then(|| fields.node("cron")).flatten() {
            let expression = reader.text(cron, "`cron`");
            fields.finish(reader);
            let expression = expression?;
            if let Err(message) = schedule::check_cron(&expression) {
                let found = Diagnostic::new(code::INVALID_CRON, cron.span, message);
                reader.sink.push(found.hint("such as `0 8 * * 1-5`"));
            }
            return Some(Self::Cron { expression, time_zone });
        }
        let every = Every::read(reader, &mut fields, time_zone);
        fields.finish(reader);
        every.map(Self::Every)
    }

    /// The same as data: whether a trigger's schedule has changed is told by comparing this.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Cron { expression, time_zone } => {
                json!({ "cron": expression, "timeZone": time_zone })
            }
            Self::Every(it) => json!({
                "frequency": it.frequency.name(),
                "interval": it.interval,
                "startTime": it.start_time,
                "timeZone": it.time_zone,
                "hours": it.hours,
                "minutes": it.minutes,
                "weekDays": it.week_days,
                "monthDays": it.month_days,
                "slidingWindow": it.sliding,
                "delay": it.delay,
            }),
        }
    }
}

impl Frequency {
    /// The word of definitions.
    pub fn name(self) -> &'static str {
        FREQUENCIES.iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }
}

impl Every {
    fn read(
        reader: &mut Reader,
        fields: &mut Fields<'_>,
        time_zone: Option<String>,
    ) -> Option<Self> {
        let frequency = fields.required(reader, "frequency");
        let frequency = frequency.and_then(|it| reader.choice(it, "`frequency`", FREQUENCIES));
        let interval = fields.required(reader, "interval");
        let interval = interval.and_then(|it| reader.whole(it, "`interval`", (1, INTERVAL_MAX)));
        let start_time = fields.given("startTime").and_then(|it| read_start(reader, it));
        let sliding = fields.flag(reader, "slidingWindow");
        let delay = fields.given("delay");
        let delay = delay.and_then(|it| reader.duration(it, "`delay`"));
        let mut every = Self {
            frequency: frequency.unwrap_or(Frequency::Day),
            interval: interval.and_then(|it| u32::try_from(it).ok()).unwrap_or(1),
            start_time,
            time_zone,
            hours: Vec::new(),
            minutes: Vec::new(),
            week_days: Vec::new(),
            month_days: Vec::new(),
            sliding,
            delay: delay.map(|it: Duration| it.to_string()),
        };
        if let Some(node) = fields.given("schedule") {
            every.read_schedule(reader, node);
        }
        frequency.and(interval)?;
        Some(every)
    }

    fn read_schedule(&mut self, reader: &mut Reader, node: &Node) {
        let mut fields = Fields::new(reader, node, "`schedule`").of(&shape::SCHEDULE);
        for (key, most, list) in
            [("hours", 23, &mut self.hours), ("minutes", 59, &mut self.minutes)]
        {
            for item in items(&mut fields, key) {
                let whole = reader.whole(item, &format!("an item of `{key}`"), (0, most));
                list.extend(whole.and_then(|it| u8::try_from(it).ok()));
            }
        }
        for item in items(&mut fields, "weekDays") {
            let day = reader.choice(item, "an item of `weekDays`", WEEK_DAYS);
            self.week_days.extend(day.map(str::to_owned));
        }
        for item in items(&mut fields, "monthDays") {
            let day = item.as_i64().and_then(|it| i8::try_from(it).ok());
            let day = day.filter(|it| *it != 0 && (-31..=31).contains(it));
            if day.is_none() {
                let message = "an item of `monthDays` is a day from 1 to 31, or from -31 to -1";
                reader.report(code::LIMIT_EXCEEDED, item.span, message);
            }
            self.month_days.extend(day);
        }
        fields.finish(reader);
    }
}

/// Units between two firings, as the cloud bounds seconds, its longest interval.
pub(crate) const INTERVAL_MAX: usize = 9_999_999;

/// One item or a list of them.
fn items<'a>(fields: &mut Fields<'a>, key: &'static str) -> &'a [Node] {
    let node = fields.given(key);
    node.map_or(&[], |it| it.as_seq().unwrap_or(std::slice::from_ref(it)))
}

/// A first firing; without a zone it is read in the time zone of the recurrence.
fn read_start(reader: &mut Reader, node: &Node) -> Option<String> {
    let text = reader.setting(node).or_else(|| reader.text(node, "`startTime`"))?;
    let is_time = |text: &str| {
        Timestamp::parse(text).is_some() || Timestamp::parse(&format!("{text}Z")).is_some()
    };
    // A date stands for its first moment, as in the cloud.
    let midnight = format!("{text}T00:00:00");
    if !text.contains('T') && is_time(&midnight) {
        return Some(midnight);
    }
    if reader.is_deployed(node) {
        reader.known_later(code::INVALID_TIME, node, "`startTime`");
    } else if !is_time(&text) {
        let message = format!("`startTime` is not an ISO 8601 time: `{text}`");
        let found = Diagnostic::new(code::INVALID_TIME, node.span, message);
        reader.sink.push(found.hint("write `2026-01-31T08:00:00` or `2026-01-31T08:00:00Z`"));
    }
    Some(text)
}

/// A time zone. The cloud saves flows with names that it does not know, so there it is a warning.
fn read_zone(reader: &mut Reader, node: &Node) -> Option<String> {
    let name = reader.setting(node).or_else(|| reader.text(node, "`timeZone`"))?;
    if Zone::find(&name).is_none() {
        let message = format!("there is no time zone `{name}`");
        let mut found = Diagnostic::new(code::INVALID_TIME, node.span, message);
        if reader.dialect == Dialect::Wdl {
            found.severity = Severity::Warning;
        }
        reader.sink.push(found.hint("write `W. Europe Standard Time` or `Europe/Berlin`"));
    }
    Some(name)
}
