//! What of a record an answer shows: `$select`, `$expand` of lookups, annotations.

use serde_json::{Map, Value, json};

use super::entities::Place;
use super::tables::{Column, Holds, TABLES, Table};
use super::write::undeclared;
use super::{Refusal, Row, State, bad_request};

/// The part of a record a caller wants to see.
#[derive(Default)]
pub(super) struct Projection {
    /// Columns by the names they are read by; empty means all.
    select: Vec<String>,
    expand: Vec<Expansion>,
}

/// A lookup to be shown as the record it leads to.
struct Expansion {
    navigation: &'static str,
    column: &'static Column,
    table: &'static Table,
    select: Vec<String>,
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

    /// The projection of a request about one record, which takes no other options.
    pub(super) fn of(place: &Place<'_>) -> Result<Self, Refusal> {
        let mut projection = Self::default();
        for (name, value) in place.request.parameters() {
            if !projection.take(place.table, &name, &value)? && name.starts_with('$') {
                return Err(bad_request(&format!("the option `{name}` is not supported here")));
            }
        }
        Ok(projection)
    }

    /// Whether the version of the record alone decides what is shown.
    pub(super) fn is_plain(&self) -> bool {
        self.expand.is_empty()
    }

    /// The columns as a context names them.
    pub(super) fn in_context(&self) -> String {
        if self.select.is_empty() { String::new() } else { format!("({})", self.select.join(",")) }
    }

    /// The chosen columns of a record, always with its `ETag` and its key.
    pub(super) fn show(&self, place: &Place<'_>, state: &State, row: &Row) -> Map<String, Value> {
        let annotate =
            place.request.preferences().any(|it| it.starts_with("odata.include-annotations"));
        let mut shown = Map::new();
        shown.insert("@odata.etag".to_owned(), json!(row.etag()));
        for column in place.table.columns {
            let name = column.read_name();
            if !self.select.is_empty()
                && !self.select.contains(&name)
                && column.name != place.table.id
            {
                continue;
            }
            let value = row.values.get(&name).cloned().unwrap_or_default();
            if let (true, Holds::Lookup(targets), Some(id)) =
                (annotate, column.holds, value.as_str())
            {
                let found = targets.iter().find_map(|(_, set)| {
                    let table = TABLES.iter().find(|it| it.set == *set)?;
                    Some((table, state.row(table, id)?))
                });
                if let Some((table, target)) = found {
                    let logical = format!("{name}@Microsoft.Dynamics.CRM.lookuplogicalname");
                    shown.insert(logical, json!(table.logical));
                    let text = target.values.get(table.name).cloned().unwrap_or_default();
                    shown.insert(format!("{name}@OData.Community.Display.V1.FormattedValue"), text);
                }
            }
            shown.insert(name, value);
        }
        for expansion in &self.expand {
            expansion.add(state, row, &mut shown);
        }
        shown
    }
}

/// Reads `customerid_account($select=name),ownerid`.
fn expansions(table: &Table, text: &str) -> Result<Vec<Expansion>, Refusal> {
    split(text).into_iter().map(|part| Expansion::read(table, part.trim())).collect()
}

/// Splits at the commas outside parentheses.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for sign in text.chars() {
        match sign {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if sign == ',' && depth == 0 {
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
        let unknown = || bad_request(&format!("could not find a navigation named '{name}'"));
        for column in table.columns {
            let Holds::Lookup(targets) = column.holds else { continue };
            let Some((navigation, set)) = targets.iter().find(|(it, _)| *it == name) else {
                continue;
            };
            let table = TABLES.iter().find(|it| it.set == *set).ok_or_else(unknown)?;
            let select = match options.strip_prefix("$select=") {
                Some(list) => names(table, list)?,
                None if options.is_empty() => Vec::new(),
                None => return Err(bad_request("only `$select` is supported inside `$expand`")),
            };
            return Ok(Self { navigation, column, table, select });
        }
        Err(unknown())
    }

    /// Adds the record the lookup leads to; null when it leads to none, or to another table.
    fn add(&self, state: &State, row: &Row, shown: &mut Map<String, Value>) {
        let id = row.values.get(&self.column.read_name()).and_then(Value::as_str);
        let target = id.and_then(|id| state.row(self.table, id)).map(|target| {
            let mut inner = Map::new();
            inner.insert("@odata.etag".to_owned(), json!(target.etag()));
            let chosen = target.values.iter().filter(|(name, _)| {
                self.select.is_empty() || self.select.contains(name) || *name == self.table.id
            });
            inner.extend(chosen.map(|(name, value)| (name.clone(), value.clone())));
            Value::Object(inner)
        });
        shown.insert(self.navigation.to_owned(), target.unwrap_or_default());
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
