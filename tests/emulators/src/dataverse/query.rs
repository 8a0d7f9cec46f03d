//! Lists of records: filter, order, pages whose links are used as they are.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::entities::Place;
use super::projection::Projection;
use super::tables::Table;
use super::{Refusal, Row, Service, bad_request};
use crate::filter::{self, Columns, Expr, Kind};
use crate::http::{Answer, Request, encode};

const PAGE_MAX: usize = 5_000;
/// Links older than this many are no longer understood.
const LINKS_MAX: usize = 1_000;

/// The pages still to come of lists that were begun.
#[derive(Default)]
pub(super) struct Pages(VecDeque<Link>);

struct Link {
    token: String,
    options: Vec<(String, String)>,
    ids: Vec<String>,
    size: usize,
    count: Option<usize>,
}

impl Columns for Table {
    fn kind(&self, path: &str) -> Option<Kind> {
        self.readable(path).map(|(column, _)| column.kind())
    }

    fn functions(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct Query {
    filter: Option<Expr>,
    order: Vec<(String, bool)>,
    projection: Projection,
    top: Option<usize>,
    count: bool,
    token: Option<String>,
    options: Vec<(String, String)>,
}

impl Service {
    pub(super) fn list(&self, place: &Place<'_>) -> Result<Answer, Refusal> {
        let query = Query::read(place)?;
        let mut state = self.lock();
        let (mut ids, size, count) = if let Some(token) = &query.token {
            let link = state.pages.0.iter().find(|it| it.token == *token);
            let link = link.filter(|it| it.options == query.options);
            let link = link.ok_or_else(|| bad_request("the paging link was changed"))?;
            (link.ids.clone(), link.size, link.count)
        } else {
            let rows = state.tables.get(place.table.set);
            let ids = query.run(place.table, rows.into_iter().flatten());
            let count = query.count.then_some(ids.len().min(PAGE_MAX));
            (ids, page_size(place.request, query.top)?, count)
        };
        if let Some(top) = query.top {
            ids.truncate(top);
        }
        let rest = if ids.len() > size { ids.split_off(size) } else { Vec::new() };
        let rows = ids.iter().filter_map(|id| state.row(place.table, id));
        let rows = rows.map(|row| Value::Object(query.projection.show(place, &state, row)));
        let rows: Vec<Value> = rows.collect();
        let mut body = Map::new();
        let set = place.table.set;
        let chosen = query.projection.in_context();
        let context = format!("{}/$metadata#{set}{chosen}", place.root);
        body.insert("@odata.context".to_owned(), json!(context));
        if let Some(count) = count {
            body.insert("@odata.count".to_owned(), json!(count));
        }
        body.insert("value".to_owned(), Value::Array(rows));
        if !rest.is_empty() {
            let token = Uuid::new_v4().simple().to_string();
            let mut link = format!("{}/{set}?", place.root);
            for (name, value) in &query.options {
                link.extend([name, "=", &encode(value), "&"]);
            }
            link.extend(["$skiptoken=", &token]);
            body.insert("@odata.nextLink".to_owned(), json!(link));
            state.pages.0.push_back(Link { token, options: query.options, ids: rest, size, count });
            if state.pages.0.len() > LINKS_MAX {
                state.pages.0.pop_front();
            }
        }
        let answer = Answer::json(200, &Value::Object(body));
        Ok(if size < PAGE_MAX && query.top.is_none() {
            answer.with("preference-applied", &format!("odata.maxpagesize={size}"))
        } else {
            answer
        })
    }
}

/// `odata.maxpagesize` when preferred; `$top` switches it off.
fn page_size(request: &Request, top: Option<usize>) -> Result<usize, Refusal> {
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
        let table = place.table;
        for (name, value) in place.request.parameters() {
            let wrong = |message: String| bad_request(&message);
            match name.as_str() {
                "$filter" => query.filter = Some(filter::parse(&value, table).map_err(wrong)?),
                "$orderby" => {
                    let known = |it: &str| table.readable(it).is_some();
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

    /// The ids of the records that match, in order.
    fn run<'a>(
        &self,
        table: &Table,
        rows: impl Iterator<Item = (&'a String, &'a Row)>,
    ) -> Vec<String> {
        let read = |row: &Row, path: &str| match table.readable(path) {
            Some((_, name)) => row.values.get(&name).cloned().unwrap_or_default(),
            None => Value::Null,
        };
        let mut found: Vec<_> = rows
            .filter(|(_, row)| {
                self.filter.as_ref().is_none_or(|filter| filter.matches(&|path| read(row, path)))
            })
            .collect();
        for (path, descending) in self.order.iter().rev() {
            found.sort_by(|(_, a), (_, b)| {
                let order = filter::compare(&read(a, path), &read(b, path));
                if *descending { order.reverse() } else { order }
            });
        }
        found.into_iter().map(|(id, _)| id.clone()).collect()
    }
}
