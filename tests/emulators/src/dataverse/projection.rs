//! What of a record an answer shows: `$select`, `$expand`, annotations.

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::entities::Place;
use super::query::{Found, Order, filtered};
use super::tables::{Collection, Column, Holds, Table};
use super::write::undeclared;
use super::{Refusal, Row, State, bad_request};
use crate::filter::{self, Expr};

/// The part of a record a caller wants to see.
#[derive(Clone, Default)]
pub(super) struct Projection {
    /// Columns by the names they are read by; empty means all.
    select: Vec<String>,
    expand: Vec<Expansion>,
    annotate: bool,
}

/// A lookup to be shown as the record it leads to, or a collection as its records.
#[derive(Clone)]
struct Expansion {
    navigation: String,
    through: Through,
    table: &'static Table,
    options: Options,
}

#[derive(Clone, Copy)]
enum Through {
    Lookup(&'static Column),
    Collection(&'static Collection),
}

/// What stands in the parentheses of an expansion.
#[derive(Clone, Default)]
struct Options {
    select: Vec<String>,
    filter: Option<Expr>,
    order: Vec<Order>,
    top: Option<usize>,
}

impl Projection {
    /// Takes `$select` and `$expand`; false when the option is another one.
    pub(super) fn take(&mut self, table: &Table, name: &str, value: &str) -> Result<bool, Refusal> {
        match name {
            "$select" => self.select = names(table, value)?,
            "$expand" => self.expand = expansions(table, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether a request wants annotations.
    pub(super) fn annotated(&mut self, place: &Place<'_>) {
        let mut preferences = place.request.preferences();
        self.annotate = preferences.any(|it| it.starts_with("odata.include-annotations"));
    }

    /// The projection of a request about one record, which takes no other options.
    pub(super) fn of(place: &Place<'_>) -> Result<Self, Refusal> {
        let mut projection = Self::default();
        projection.annotated(place);
        for (name, value) in place.request.parameters() {
            if !projection.take(place.table, &name, &value)? && name.starts_with('$') {
                return Err(bad_request(&format!("the option `{name}` is not supported here")));
            }
        }
        Ok(projection)
    }

    /// Whether the version of the record alone decides what is shown.
    pub(super) fn is_plain(&self) -> bool {
        self.expand.is_empty() && !self.annotate
    }

    pub(super) fn expands(&self) -> bool {
        !self.expand.is_empty()
    }

    /// The columns as a context names them.
    pub(super) fn in_context(&self) -> String {
        if self.select.is_empty() { String::new() } else { format!("({})", self.select.join(",")) }
    }

    /// The chosen columns of a record, always with its `ETag` and its key.
    pub(super) fn show(&self, table: &Table, state: &State, row: &Row) -> Map<String, Value> {
        let mut shown = columns(&self.select, self.annotate, (table, row), state);
        for expansion in &self.expand {
            expansion.add(state, (table, row), self.annotate, &mut shown);
        }
        shown
    }
}

fn columns(
    select: &[String],
    annotate: bool,
    (table, row): (&Table, &Row),
    state: &State,
) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("@odata.etag".to_owned(), json!(row.etag()));
    for column in table.columns {
        let name = column.read_name();
        if !select.is_empty() && !select.contains(&name) && column.name != table.id {
            continue;
        }
        let value = row.values.get(&name).cloned().unwrap_or_default();
        if annotate {
            for (annotation, text) in annotations(column, &value, (row, state)) {
                shown.insert(format!("{name}@{annotation}"), json!(text));
            }
        }
        shown.insert(name, value);
    }
    shown
}

/// What a person would read in a column, and where a lookup leads.
fn annotations(
    column: &Column,
    value: &Value,
    (row, state): (&Row, &State),
) -> Vec<(&'static str, String)> {
    const FORMATTED: &str = "OData.Community.Display.V1.FormattedValue";
    let text = match (column.holds, value) {
        (_, Value::Null) => None,
        (Holds::Lookup(targets), Value::String(id)) => {
            let found = targets.iter().find_map(|(navigation, set)| {
                let table = Table::named(set)?;
                Some((navigation, table, state.row(table, id)?))
            });
            let Some((navigation, table, target)) = found else { return Vec::new() };
            let name = target.values.get(table.name).and_then(Value::as_str).unwrap_or_default();
            return vec![
                ("Microsoft.Dynamics.CRM.associatednavigationproperty", (*navigation).to_owned()),
                ("Microsoft.Dynamics.CRM.lookuplogicalname", table.logical.to_owned()),
                (FORMATTED, name.to_owned()),
            ];
        }
        (Holds::Choice(labels), _) => {
            let label = labels.iter().find(|(it, _)| value.as_i64() == Some(*it));
            label.map(|(_, it)| (*it).to_owned())
        }
        (Holds::Flag, _) => value.as_bool().map(|it| if it { "Yes" } else { "No" }.to_owned()),
        (Holds::Money, _) => value.as_f64().map(|it| money(it, &symbol(row, state))),
        (Holds::Whole(..), _) => value.as_f64().map(|it| grouped(it, 0)),
        (Holds::Decimal, _) => value.as_f64().map(|it| grouped(it, 2)),
        (Holds::Date, Value::String(text)) => {
            text.parse::<Date>().ok().map(|it| it.strftime("%-m/%-d/%Y").to_string())
        }
        (Holds::Instant, Value::String(text)) => {
            let at = text.parse::<jiff::Timestamp>().ok();
            at.map(|it| it.strftime("%-m/%-d/%Y %-I:%M %p").to_string())
        }
        (Holds::Id | Holds::Text(_) | Holds::Lookup(_) | Holds::Date | Holds::Instant, _) => None,
    };
    text.map(|it| (FORMATTED, it)).into_iter().collect()
}

/// The sign of the currency a record is in.
fn symbol(row: &Row, state: &State) -> String {
    let id = row.values.get("_transactioncurrencyid_value").and_then(Value::as_str);
    let currency = id.and_then(|id| state.row(Table::named("transactioncurrencies")?, id));
    let symbol = currency.and_then(|it| it.values.get("currencysymbol")?.as_str());
    symbol.unwrap_or("$").to_owned()
}

fn money(value: f64, symbol: &str) -> String {
    let shown = format!("{symbol}{}", grouped(value.abs(), 2));
    if value < 0.0 { format!("({shown})") } else { shown }
}

/// A number with commas between thousands.
fn grouped(value: f64, digits: usize) -> String {
    let plain = format!("{:.digits$}", value.abs());
    let (whole, rest) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut out = String::from(if value < 0.0 { "-" } else { "" });
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if digits > 0 {
        out.extend([".", rest]);
    }
    out
}

/// Reads `customerid_account($select=name),ownerid`.
fn expansions(table: &Table, text: &str) -> Result<Vec<Expansion>, Refusal> {
    split(text, ',').into_iter().map(|part| Expansion::read(table, part.trim())).collect()
}

/// Splits at the separators outside parentheses.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for sign in text.chars() {
        match sign {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if sign == separator && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(sign);
        }
    }
    parts
}

impl Expansion {
    fn read(table: &Table, part: &str) -> Result<Self, Refusal> {
        let (name, options) = match part.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').unwrap_or(rest)),
            None => (part, ""),
        };
        let lookup = table.navigate(name).map(|(it, to)| (Through::Lookup(it), to));
        let collection = || table.collection(name).map(|(it, to)| (Through::Collection(it), to));
        let (through, table) = lookup
            .or_else(collection)
            .ok_or_else(|| bad_request(&format!("could not find a navigation named '{name}'")))?;
        let options = Options::read(table, options, matches!(through, Through::Collection(_)))?;
        Ok(Self { navigation: name.to_owned(), through, table, options })
    }

    /// Adds what the navigation leads to; null when a lookup leads to nothing, or to another table.
    fn add(
        &self,
        state: &State,
        (table, row): (&Table, &Row),
        annotate: bool,
        shown: &mut Map<String, Value>,
    ) {
        let show = |target: &Row| {
            Value::Object(columns(&self.options.select, annotate, (self.table, target), state))
        };
        let value = match self.through {
            Through::Lookup(column) => {
                let id = row.values.get(&column.read_name()).and_then(Value::as_str);
                id.and_then(|id| state.row(self.table, id)).map(show).unwrap_or_default()
            }
            Through::Collection(collection) => {
                let own = row.values.get(table.id).and_then(Value::as_str).unwrap_or_default();
                let Options { filter, order, top, .. } = &self.options;
                let within = Some((collection, own));
                let ids =
                    filtered(state, self.table, &Found { filter: filter.as_ref(), order, within });
                let rows = ids.iter().take(top.unwrap_or(usize::MAX));
                rows.filter_map(|id| state.row(self.table, id)).map(show).collect()
            }
        };
        shown.insert(self.navigation.clone(), value);
    }
}

impl Options {
    fn read(table: &'static Table, text: &str, collection: bool) -> Result<Self, Refusal> {
        let mut options = Self::default();
        for option in split(text, ';').iter().map(|it| it.trim()).filter(|it| !it.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match name {
                "$select" => options.select = names(table, value)?,
                "$filter" if collection => {
                    let read = filter::parse(value, table).map_err(|it| bad_request(&it))?;
                    options.filter = Some(read);
                }
                "$orderby" if collection => {
                    let known = |it: &str| table.readable(it).is_some();
                    let read = filter::parse_order(value, &known);
                    options.order = read.map_err(|it| bad_request(&it))?;
                }
                "$top" if collection => {
                    let top = value.parse().ok().filter(|it| *it > 0);
                    options.top = Some(top.ok_or_else(|| bad_request("`$top` must be positive"))?);
                }
                _ => {
                    let message = format!("`{name}` is not supported inside this `$expand`");
                    return Err(bad_request(&message));
                }
            }
        }
        Ok(options)
    }
}

/// Reads a list of column names.
fn names(table: &Table, list: &str) -> Result<Vec<String>, Refusal> {
    let names = list.split(',').map(str::trim);
    names
        .map(|it| match table.readable(it) {
            Some((_, name)) => Ok(name),
            None => Err(undeclared(table, it)),
        })
        .collect()
}
