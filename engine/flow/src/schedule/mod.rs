//! When a schedule fires: pure arithmetic on the clocks of its time zone.

mod calendar;
mod cron;
mod every;

use base::{Duration, Timestamp};
use expr::Zone;

use self::calendar::Calendar;
use crate::triggers::recurrence::{Every, Recurrence};

const SECOND: i64 = Duration::seconds(1).ticks();
const DAY_SECONDS: i64 = 86_400;

/// A recurrence with its time zone, ready to be asked.
#[derive(Clone, Debug)]
pub struct Schedule {
    zone: Zone,
    /// The first firing, if the recurrence names one.
    start: Option<Timestamp>,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Every(Every),
    Cron(Calendar),
}

/// What is wrong with a cron expression.
pub(crate) fn check_cron(expression: &str) -> Result<(), String> {
    cron::parse(expression).map(drop)
}

impl Schedule {
    /// The schedule of a recurrence.
    ///
    /// # Errors
    /// If its time zone, its start or its cron expression cannot be understood.
    pub fn new(recurrence: &Recurrence) -> Result<Self, String> {
        let (Recurrence::Every(Every { time_zone, .. }) | Recurrence::Cron { time_zone, .. }) =
            recurrence;
        let name = time_zone.as_deref().unwrap_or("UTC");
        let zone = Zone::find(name).ok_or_else(|| format!("there is no time zone `{name}`"))?;
        let (start, rule) = match recurrence {
            Recurrence::Cron { expression, .. } => (None, Rule::Cron(cron::parse(expression)?)),
            Recurrence::Every(every) => {
                let start = every.start_time.as_deref().map(|it| start_of(&zone, it));
                (start.transpose()?, Rule::Every(every.clone()))
            }
        };
        Ok(Self { zone, start, rule })
    }

    /// The first firing of a trigger that is deployed now: at once unless there is a start or a
    /// cron expression to wait for. What a start in the past would have fired is left out.
    pub fn first(&self, now: Timestamp) -> Option<Timestamp> {
        match (&self.rule, self.start) {
            (Rule::Every(_), None) => Some(now),
            (Rule::Every(_) | Rule::Cron(_), _) => self.next(now, before(now)),
        }
    }

    /// The first firing after an instant, not before the start. Without a start intervals are
    /// counted from `deployed`. `None` if there is none, such as on a 31 February.
    pub fn next(&self, deployed: Timestamp, after: Timestamp) -> Option<Timestamp> {
        match &self.rule {
            Rule::Cron(calendar) => calendar.next(&self.zone, after),
            Rule::Every(rule) => {
                let start = self.start.unwrap_or(deployed);
                every::next(rule, &self.zone, start, after.max(before(start)))
            }
        }
    }

    /// Where the first window of a sliding window begins.
    pub fn first_window(&self, now: Timestamp) -> Option<Timestamp> {
        let start = self.start.unwrap_or(now);
        self.next(start, before(start))
    }
}

/// The instant before, so that `after` it lets this one through.
fn before(at: Timestamp) -> Timestamp {
    Timestamp::from_ticks(at.ticks().saturating_sub(1))
}

/// A start with an offset is an instant; one without is what clocks of the time zone show.
fn start_of(zone: &Zone, text: &str) -> Result<Timestamp, String> {
    let local = || Timestamp::parse(&format!("{text}Z")).map(|it| zone.instant(it));
    let start = Timestamp::parse(text).or_else(local);
    start.ok_or_else(|| format!("`startTime` is not an ISO 8601 time: `{text}`"))
}
