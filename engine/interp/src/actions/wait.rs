//! Wait: lets time pass.

use std::sync::Arc;

use base::{Duration, Failure, Timestamp};
use expr::{Template, WithItem};
use flow::actions::wait::Wait;
use serde_json::{Value, json};

use crate::{
    exec::{Ended, Exec},
    run::{Key, State},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &Wait) -> Option<Ended> {
    let (inputs, due) = match due(exec, key, action) {
        Ok(found) => found,
        Err(ended) => return Some(ended),
    };
    if due <= exec.now {
        return Some(Ended::succeeded(Some(inputs), Value::Null));
    }
    exec.open(key, State::Waiting, Some(Arc::new(inputs)));
    exec.set_alarm(key, due);
    None
}

fn due(exec: &Exec<'_>, key: &Key, action: &Wait) -> Result<(Value, Timestamp), Ended> {
    match action {
        Wait::Interval { count, unit } => {
            let (count, unit) = (exec.eval(key, count)?, exec.eval(key, unit)?);
            let inputs = json!({ "interval": { "count": count, "unit": unit } });
            let pause = whole(&count).zip(unit.as_str().and_then(seconds));
            let pause = pause.and_then(|(count, seconds)| count.checked_mul(seconds));
            let Some(pause) = pause.filter(|pause| 0 <= *pause) else {
                return Err(invalid(
                    "a number of Second, Minute, Hour, Day, Week or Month",
                    inputs,
                ));
            };
            Ok((inputs, exec.now.after(Duration::seconds(pause))))
        }
        Wait::Duration(tree) => {
            let value = exec.eval(key, tree)?;
            let inputs = json!({ "duration": value });
            match value.as_str().and_then(Duration::parse_iso) {
                Some(pause) => Ok((inputs, exec.now.after(pause))),
                None => Err(invalid("an ISO 8601 duration such as `PT5M`", inputs)),
            }
        }
        Wait::Until(tree) => {
            let value = exec.eval(key, tree)?;
            let inputs = json!({ "until": { "timestamp": value } });
            match instant(exec, key, &value) {
                Some(due) => Ok((inputs, due)),
                None => Err(invalid("an instant such as `2026-01-31T12:00:00Z`", inputs)),
            }
        }
    }
}

/// An instant, in every form in which the functions take one; in UTC if it names no zone.
fn instant(exec: &Exec<'_>, key: &Key, value: &Value) -> Option<Timestamp> {
    const IN_UTC: &str = "formatDateTime(item(), 'yyyy-MM-ddTHH:mm:ss.fffffffZ')";
    let given = value.as_str().and_then(Timestamp::parse);
    given.or_else(|| {
        let (template, _) = Template::parse_expression(IN_UTC);
        let text = template.eval(&WithItem::new(&exec.scope(key), value)).ok()?;
        Timestamp::parse(text.as_str()?)
    })
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

fn seconds(unit: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 6] = [
        ("second", 1),
        ("minute", 60),
        ("hour", 3_600),
        ("day", 86_400),
        ("week", 604_800),
        ("month", 2_592_000),
    ];
    UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, seconds)| *seconds)
}

fn invalid(expected: &str, inputs: Value) -> Ended {
    Ended::failed(Failure::new("BadRequest", format!("a wait needs {expected}"))).inputs(inputs)
}
