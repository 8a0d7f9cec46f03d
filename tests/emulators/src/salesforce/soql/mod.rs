//! SOQL as far as integrations use it: what a query says, once its names are known to be right.

mod dates;
mod evaluate;
mod lexer;
mod parser;
mod select;

use super::refusal::Refusal;
use super::schema::{Field, Kind, Object};
pub(super) use evaluate::{run, run_where};
pub(super) use parser::parse;
pub(super) use select::{read_fields, render};

/// A query that was read.
pub(super) struct Query {
    pub(super) from: &'static Object,
    pub(super) select: Select,
    filter: Option<Condition>,
    order: Vec<Order>,
    limit: Option<usize>,
    offset: usize,
}

pub(super) enum Select {
    /// `COUNT()`: only how many there are.
    Count,
    Fields(Vec<Path>),
}

/// A field, perhaps of a record that lookups lead to.
#[derive(Clone)]
pub(super) struct Path {
    lookups: Vec<&'static Field>,
    field: &'static Field,
    part: Part,
}

/// What of a field's value is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// The day of an instant.
    Day,
    /// One number of a time.
    Number(TimeNumber),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeNumber {
    Year,
    Month,
    DayOfMonth,
    Hour,
}

enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test(Path, Test),
}

enum Test {
    Compare(Operator, Scalar),
    Like(Vec<Piece>),
    In { values: Vec<Scalar>, negated: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value to compare with; a time is the span it covers, in milliseconds, both ends included.
enum Scalar {
    Null,
    Text(String),
    Number(f64),
    Flag(bool),
    Span(i64, i64),
}

/// A part of a pattern of `LIKE`.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    One,
    Many,
    Exactly(char),
}

struct Order {
    path: Path,
    descending: bool,
    nulls_last: bool,
}

impl Path {
    /// Finds `Name` or `Account.Owner.Name`, at most five lookups deep.
    fn find(from: &'static Object, name: &str) -> Result<Self, Refusal> {
        let mut lookups = Vec::new();
        let mut object = from;
        let mut parts = name.split('.').peekable();
        // A query may say the object's own name first.
        if name.contains('.') {
            parts.next_if(|it| it.eq_ignore_ascii_case(from.name));
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                let field = object.field(part).ok_or_else(|| no_column(object, part))?;
                return Ok(Self { lookups, field, part: Part::Whole });
            }
            let lookup = object.relationship(part).ok_or_else(|| {
                let text = format!(
                    "Didn't understand relationship '{part}' in field path. If you are attempting to \
                     use a custom relationship, be sure to append the '__r' after the custom \
                     relationship name."
                );
                Refusal::new(400, "INVALID_FIELD", &text)
            })?;
            let Kind::Reference(to, _) = lookup.kind else { break };
            lookups.push(lookup);
            let target = to.first().and_then(|it| Object::named(it));
            object = target.ok_or_else(|| no_column(object, part))?;
            if lookups.len() > 5 {
                break;
            }
        }
        Err(Refusal::new(400, "INVALID_FIELD", "the field path has too many relationships"))
    }

    /// The same path, of which only what a function gives is meant; none when it does not fit.
    fn of_function(mut self, name: &str) -> Option<Self> {
        let instant = self.field.kind == Kind::DateTime;
        self.part = match name.to_ascii_uppercase().as_str() {
            "DAY_ONLY" if instant => Part::Day,
            "HOUR_IN_DAY" if instant => Part::Number(TimeNumber::Hour),
            "CALENDAR_YEAR" => Part::Number(TimeNumber::Year),
            "CALENDAR_MONTH" => Part::Number(TimeNumber::Month),
            "DAY_IN_MONTH" => Part::Number(TimeNumber::DayOfMonth),
            _ => return None,
        };
        (instant || self.field.kind == Kind::Date).then_some(self)
    }

    /// The field as it is compared.
    fn compared(&self) -> Field {
        let kind = match self.part {
            Part::Whole => self.field.kind,
            Part::Day => Kind::Date,
            Part::Number(_) => Kind::Whole,
        };
        self.field.holding(kind)
    }

    fn name(&self) -> &'static str {
        self.field.name
    }
}

fn no_column(object: &Object, name: &str) -> Refusal {
    let text = format!(
        "No such column '{name}' on entity '{}'. If you are attempting to use a custom field, be sure \
         to append the '__c' after the custom field name.",
        object.name
    );
    Refusal::new(400, "INVALID_FIELD", &text)
}
