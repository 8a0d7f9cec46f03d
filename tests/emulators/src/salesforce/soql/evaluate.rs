//! Which records a query finds, and in which order.

use std::cmp::Ordering;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::super::schema::Kind;
use super::super::state::{Row, State};
use super::super::values;
use super::{Condition, Operator, Part, Path, Piece, Query, Scalar, Test, TimeNumber};

/// The records a query finds, in order; the deleted ones on request.
pub(in super::super) fn run<'a>(query: &Query, state: &'a State, deleted: bool) -> Vec<&'a Row> {
    chosen(query, state, state.all(query.from, deleted))
}

/// The records a query finds among those that pass another test, in order.
pub(in super::super) fn run_where<'a>(
    query: &Query,
    state: &'a State,
    test: impl Fn(&&'a Row) -> bool,
) -> Vec<&'a Row> {
    chosen(query, state, state.all(query.from, false).filter(test))
}

fn chosen<'a>(
    query: &Query,
    state: &'a State,
    rows: impl Iterator<Item = &'a Row>,
) -> Vec<&'a Row> {
    let mut found: Vec<&Row> =
        rows.filter(|row| query.filter.as_ref().is_none_or(|it| it.holds(state, row))).collect();
    for order in query.order.iter().rev() {
        found.sort_by(|a, b| {
            let (a, b) = (order.path.read(state, a), order.path.read(state, b));
            match (a.is_null(), b.is_null()) {
                (true, true) => Ordering::Equal,
                (true, false) if order.nulls_last => Ordering::Greater,
                (true, false) => Ordering::Less,
                (false, true) if order.nulls_last => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) if order.descending => compare(&a, &b).reverse(),
                (false, false) => compare(&a, &b),
            }
        });
    }
    found.into_iter().skip(query.offset).take(query.limit.unwrap_or(usize::MAX)).collect()
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        _ => Ordering::Equal,
    }
}

impl Path {
    /// The value of a record, through its lookups; null where one leads nowhere.
    pub(super) fn read(&self, state: &State, row: &Row) -> Value {
        let mut at = row;
        for lookup in &self.lookups {
            let id = at.get(lookup.name).and_then(Value::as_str);
            match id.and_then(|id| state.behind(id)) {
                Some((_, behind)) => at = behind,
                None => return Value::Null,
            }
        }
        at.get(self.field.name).cloned().unwrap_or_default()
    }
}

impl Condition {
    fn holds(&self, state: &State, row: &Row) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|it| it.holds(state, row)),
            Self::Any(terms) => terms.iter().any(|it| it.holds(state, row)),
            Self::Not(inner) => !inner.holds(state, row),
            Self::Test(path, test) => {
                let value = path.read(state, row);
                let timely = matches!(path.field.kind, Kind::Date | Kind::DateTime);
                test.holds(&if timely { in_time(&value, path.part) } else { value })
            }
        }
    }
}

/// A time, or a part of it, as the number it is compared by; null stays null.
fn in_time(value: &Value, part: Part) -> Value {
    let text = value.as_str().unwrap_or_default();
    let day = || format!("{}T00:00:00Z", text.parse::<Date>().ok()?).parse().ok();
    let at = if text.contains('T') { values::instant(text) } else { day() };
    let Some(at) = at else { return Value::Null };
    let zoned = at.to_zoned(TimeZone::UTC);
    match part {
        Part::Whole => at.as_millisecond().into(),
        Part::Day => {
            let day = zoned.start_of_day().map(|it| it.timestamp().as_millisecond());
            day.map(Value::from).unwrap_or_default()
        }
        Part::Number(TimeNumber::Year) => zoned.year().into(),
        Part::Number(TimeNumber::Month) => zoned.month().into(),
        Part::Number(TimeNumber::DayOfMonth) => zoned.day().into(),
        Part::Number(TimeNumber::Hour) => zoned.hour().into(),
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Like(pieces) => value.as_str().is_some_and(|text| {
                let signs: Vec<char> = text.to_lowercase().chars().collect();
                fits(pieces, &signs)
            }),
            Self::In { values, negated } => values.iter().any(|it| it.equals(value)) != *negated,
            Self::Compare(Operator::Equal, scalar) => scalar.equals(value),
            Self::Compare(Operator::Unequal, scalar) => !scalar.equals(value),
            Self::Compare(operator, scalar) => match scalar.order(value) {
                None => false,
                Some(order) => match operator {
                    Operator::Less => order.is_lt(),
                    Operator::LessOrEqual => order.is_le(),
                    Operator::Greater => order.is_gt(),
                    Operator::GreaterOrEqual => order.is_ge(),
                    Operator::Equal | Operator::Unequal => false,
                },
            },
        }
    }
}

impl Scalar {
    fn equals(&self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            _ => self.order(value) == Some(Ordering::Equal),
        }
    }

    /// Where a value stands from this one; none when there is no order between them.
    fn order(&self, value: &Value) -> Option<Ordering> {
        match (self, value) {
            (Self::Text(text), Value::String(value)) => {
                Some(value.to_lowercase().cmp(&text.to_lowercase()))
            }
            (Self::Number(number), Value::Number(value)) => value.as_f64()?.partial_cmp(number),
            (Self::Flag(flag), Value::Bool(value)) => Some(value.cmp(flag)),
            (Self::Span(from, to), Value::Number(value)) => {
                let at = value.as_i64()?;
                Some(if at < *from {
                    Ordering::Less
                } else if at > *to {
                    Ordering::Greater
                } else {
                    Ordering::Equal
                })
            }
            _ => None,
        }
    }
}

/// Whether a text fits a pattern; time and memory grow with the product of both lengths.
fn fits(pieces: &[Piece], signs: &[char]) -> bool {
    // For each number of signs, whether the pieces so far can stand for that many of them.
    let mut can = vec![false; signs.len() + 1];
    can[0] = true;
    for piece in pieces {
        let mut next = vec![false; signs.len() + 1];
        match piece {
            Piece::Many => {
                let first = can.iter().position(|it| *it).unwrap_or(can.len());
                next.iter_mut().skip(first).for_each(|it| *it = true);
            }
            Piece::One => next.iter_mut().skip(1).zip(&can).for_each(|(next, can)| *next = *can),
            Piece::Exactly(wanted) => {
                let wanted: Vec<char> = wanted.to_lowercase().collect();
                for (at, reached) in can.iter().enumerate().filter(|(_, it)| **it) {
                    let end = at + wanted.len();
                    if *reached && signs.get(at..end) == Some(&wanted[..]) {
                        next[end] = true;
                    }
                }
            }
        }
        can = next;
    }
    can.last().copied().unwrap_or_default()
}
