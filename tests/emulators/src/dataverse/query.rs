//! Lists of records: filter, order, pages whose links are used as they are.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::delta;
use super::entities::Place;
use super::projection::Projection;
use super::tables::{Collection, Table};
use super::{Refusal, Row, State, bad_request};
use crate::filter::{self, Columns, Expr, Kind, Record};
use crate::http::{Answer, Request, encode};

pub(super) const PAGE_MAX: usize = 5_000;
/// Links older than this many are no longer understood.
const LINKS_MAX: usize = 1_000;

/// A column to sort by, and whether downwards.
pub(super) type Order = (String, bool);

/// The pages still to come of lists that were begun.
#[derive(Clone, Default)]
pub(super) struct Pages(VecDeque<Link>);

#[derive(Clone)]
struct Link {
    token: String,
    options: Vec<(String, String)>,
    ids: Vec<String>,
    size: usize,
    count: Option<usize>,
    /// With change tracking: the version the list was begun at.
    tracked: Option<u64>,
}

impl Columns for Table {
    fn kind(&self, path: &str) -> Option<Kind> {
        if let Some((navigation, rest)) = path.split_once('/') {
            let (_, target) = self.navigate(navigation)?;
            return target.readable(rest).map(|(column, _)| column.kind());
        }
        self.readable(path).map(|(column, _)| column.kind())
    }

    fn functions(&self) -> bool {
        true
    }

    fn collection(&self, name: &str) -> Option<&'static dyn Columns> {
        self.collection(name).map(|(_, table)| table as &dyn Columns)
    }
}

/// A record as filters see it: its columns, and those of records it is related to.
pub(super) struct Seen<'a> {
    pub(super) state: &'a State,
    pub(super) table: &'a Table,
    pub(super) row: &'a Row,
}

impl Record for Seen<'_> {
    fn value(&self, path: &str) -> Value {
        let own = |table: &Table, row: &Row, name: &str| match table.readable(name) {
            Some((_, name)) => row.values.get(&name).cloned().unwrap_or_default(),
            None => Value::Null,
        };
        let Some((navigation, rest)) = path.split_once('/') else {
            return own(self.table, self.row, path);
        };
        let behind = self.table.navigate(navigation).and_then(|(column, target)| {
            let id = self.row.values.get(&column.read_name())?.as_str()?;
            Some((target, self.state.row(target, id)?))
        });
        behind.map(|(target, row)| own(target, row, rest)).unwrap_or_default()
    }

    fn related(&self, name: &str) -> Vec<Box<dyn Record + '_>> {
        let Some((collection, table)) = self.table.collection(name) else { return Vec::new() };
        let own = self.row.values.get(self.table.id).and_then(Value::as_str).unwrap_or_default();
        let found = Found { filter: None, order: &[], within: Some((collection, own)) };
        let ids = filtered(self.state, table, &found);
        let rows = ids.iter().filter_map(|id| self.state.row(table, id));
        rows.map(|row| Box::new(Seen { state: self.state, table, row }) as _).collect()
    }
}

/// Which records are wanted, and in which order.
pub(super) struct Found<'a> {
    pub(super) filter: Option<&'a Expr>,
    pub(super) order: &'a [Order],
    /// Only those whose lookup leads to this record.
    pub(super) within: Option<(&'a Collection, &'a str)>,
}

/// The ids of the records that are wanted, in order.
pub(super) fn filtered(state: &State, table: &Table, wanted: &Found<'_>) -> Vec<String> {
    let seen = |row| Seen { state, table, row };
    let belongs = |row: &Row| {
        wanted.within.is_none_or(|(collection, id)| {
            let lookup = format!("_{}_value", collection.column);
            row.values.get(&lookup).and_then(Value::as_str) == Some(id)
        })
    };
    let rows = state.tables.get(table.set).into_iter().flatten();
    let mut found: Vec<_> = rows
        .filter(|(_, row)| belongs(row))
        .filter(|(_, row)| wanted.filter.is_none_or(|filter| filter.matches(&seen(row))))
        .collect();
    for (path, descending) in wanted.order.iter().rev() {
        found.sort_by(|(_, a), (_, b)| {
            let order = filter::compare(&seen(a).value(path), &seen(b).value(path));
            if *descending { order.reverse() } else { order }
        });
    }
    found.into_iter().map(|(id, _)| id.clone()).collect()
}

#[derive(Default)]
struct Query {
    filter: Option<Expr>,
    order: Vec<Order>,
    projection: Projection,
    top: Option<usize>,
    count: bool,
    token: Option<String>,
    delta: Option<String>,
    options: Vec<(String, String)>,
}

/// A list, whole or of the records in a collection of another record.
pub(super) fn list(
    state: &mut State,
    place: &Place<'_>,
    within: Option<(&Collection, &str)>,
) -> Result<Answer, Refusal> {
    let query = Query::read(place)?;
    if let Some(token) = &query.delta {
        return delta::changes(state, place, token, &query.projection);
    }
    let tracked = query.tracked(place, state.version)?;
    let mut link = if let Some(token) = &query.token {
        let link = state.pages.0.iter().find(|it| it.token == *token);
        let link = link.filter(|it| it.options == query.options);
        link.ok_or_else(|| bad_request("the paging link was changed"))?.clone()
    } else {
        let found = Found { filter: query.filter.as_ref(), order: &query.order, within };
        let ids = filtered(state, place.table, &found);
        let count = query.count.then_some(ids.len().min(PAGE_MAX));
        let size = page_size(place.request, query.top)?;
        let (token, options) = (Uuid::new_v4().simple().to_string(), query.options.clone());
        Link { token, options, ids, size, count, tracked }
    };
    if let Some(top) = query.top {
        link.ids.truncate(top);
    }
    let rest = if link.ids.len() > link.size { link.ids.split_off(link.size) } else { Vec::new() };
    let rows = link.ids.iter().filter_map(|id| state.row(place.table, id));
    let rows = rows.map(|row| Value::Object(query.projection.show(place.table, state, row)));
    let rows: Vec<Value> = rows.collect();
    let mut body = Map::new();
    let (chosen, root) = (query.projection.in_context(), &place.root);
    let context = format!("{root}/$metadata#{}{chosen}", place.table.set);
    body.insert("@odata.context".to_owned(), json!(context));
    if let Some(count) = link.count {
        body.insert("@odata.count".to_owned(), json!(count));
    }
    body.insert("value".to_owned(), Value::Array(rows));
    let (size, tracked) = (link.size, link.tracked);
    if !rest.is_empty() {
        let next = Link { token: Uuid::new_v4().simple().to_string(), ids: rest, ..link };
        let address = address(place, &query.options, &format!("$skiptoken={}", next.token));
        body.insert("@odata.nextLink".to_owned(), json!(address));
        state.pages.0.push_back(next);
        if state.pages.0.len() > LINKS_MAX {
            state.pages.0.pop_front();
        }
    } else if let Some(version) = tracked {
        let token = delta::token(version, place.now);
        let address = address(place, &query.options, &format!("$deltatoken={}", encode(&token)));
        body.insert("@odata.deltaLink".to_owned(), json!(address));
    }
    Ok(applied(Answer::json(200, &Value::Object(body)), size, query.top, tracked.is_some()))
}

/// Says which preferences were followed.
fn applied(answer: Answer, size: usize, top: Option<usize>, tracked: bool) -> Answer {
    let mut applied = Vec::new();
    if size < PAGE_MAX && top.is_none() {
        applied.push(format!("odata.maxpagesize={size}"));
    }
    if tracked {
        applied.push("odata.track-changes".to_owned());
    }
    if applied.is_empty() { answer } else { answer.with("preference-applied", &applied.join(",")) }
}

/// `/opportunities/$count`: the number as text.
pub(super) fn count(state: &State, place: &Place<'_>) -> Result<Answer, Refusal> {
    let query = Query::read(place)?;
    let found = Found { filter: query.filter.as_ref(), order: &[], within: None };
    let count = filtered(state, place.table, &found).len().min(PAGE_MAX);
    Ok(Answer::bytes("text/plain", count.to_string().into_bytes()))
}

/// The list's own address with the options as they were sent, and one more.
pub(super) fn address(place: &Place<'_>, options: &[(String, String)], last: &str) -> String {
    let path = place.request.path.trim_end_matches('/');
    let below = path.split_once("/api/data/").and_then(|(_, it)| it.split_once('/'));
    let below = below.map_or(place.table.set, |(_, it)| it);
    let mut link = format!("{}/{below}?", place.root);
    for (name, value) in options {
        link.extend([name, "=", &encode(value), "&"]);
    }
    link + last
}

/// `odata.maxpagesize` when preferred; `$top` switches it off.
pub(super) fn page_size(request: &Request, top: Option<usize>) -> Result<usize, Refusal> {
    let asked = request.preferences().find_map(|it| it.strip_prefix("odata.maxpagesize="));
    match (asked, top) {
        (Some(asked), None) => match asked.parse::<usize>() {
            Ok(size) if size > 0 => Ok(size.min(PAGE_MAX)),
            _ => Err(bad_request("`odata.maxpagesize` must be a positive number")),
        },
        (_, _) => Ok(PAGE_MAX),
    }
}

impl Query {
    fn read(place: &Place<'_>) -> Result<Self, Refusal> {
        let mut query = Self::default();
        query.projection.annotated(place);
        let table = place.table;
        for (name, value) in place.request.parameters() {
            let wrong = |message: String| bad_request(&message);
            match name.as_str() {
                "$filter" => query.filter = Some(filter::parse(&value, table).map_err(wrong)?),
                "$orderby" => {
                    let known = |it: &str| table.kind(it).is_some();
                    query.order = filter::parse_order(&value, &known).map_err(wrong)?;
                }
                "$top" => {
                    let top = value.parse().ok().filter(|it| *it > 0);
                    query.top = Some(top.ok_or_else(|| bad_request("`$top` must be positive"))?);
                }
                "$count" => match value.as_str() {
                    "true" => query.count = true,
                    "false" => {}
                    _ => return Err(bad_request("`$count` must be true or false")),
                },
                "$skiptoken" => {
                    query.token = Some(value);
                    continue;
                }
                "$deltatoken" => {
                    query.delta = Some(value);
                    continue;
                }
                _ if query.projection.take(table, &name, &value)? => {}
                _ if name.starts_with('$') => {
                    return Err(bad_request(&format!("the option `{name}` is not supported")));
                }
                _ => {}
            }
            query.options.push((name, value));
        }
        Ok(query)
    }

    /// The version to track changes from, when the caller prefers that.
    fn tracked(&self, place: &Place<'_>, version: u64) -> Result<Option<u64>, Refusal> {
        if !place.request.prefers("odata.track-changes") {
            return Ok(None);
        }
        let narrowed = self.filter.is_some() || !self.order.is_empty() || self.top.is_some();
        if narrowed || self.projection.expands() {
            let message = "changes cannot be tracked with $filter, $orderby, $expand or $top";
            return Err(bad_request(message));
        }
        Ok(Some(version))
    }
}
