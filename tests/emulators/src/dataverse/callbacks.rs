//! Subscriptions to row changes: the `callbackregistrations` of the automated trigger.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::query::Seen;
use super::tables::Table;
use super::write::undeclared;
use super::{Change, ChangeKind, Refusal, Row, Service, State, bad_request};
use crate::courier::Delivery;
use crate::filter::{self, Expr};
use crate::http::Answer;
use crate::seed;

pub(super) const SET: &str = "callbackregistrations";
const URL_MAX: usize = 2_000;
const CALLBACKS_MAX: usize = 1_000;
/// The scope that leaves nothing out.
const ORGANIZATION: i64 = 4;

/// Who wants to know of which changes.
#[derive(Clone)]
pub(super) struct Callback {
    table: &'static Table,
    message: i64,
    scope: i64,
    runs_as: i64,
    url: String,
    /// Columns by the names they are read by; an update must write one of them. Empty means any.
    attributes: Vec<String>,
    filter: Option<Expr>,
    /// The registration as it was posted.
    shown: Map<String, Value>,
}

impl Callback {
    fn read(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let logical = text("entityname");
        let table = Table::of_logical(logical);
        let table = table.ok_or_else(|| bad_request(&format!("there is no table `{logical}`")))?;
        let number = |name: &str, max: i64| {
            let value = body.get(name).and_then(Value::as_i64);
            let value = value.filter(|it| (1..=max).contains(it));
            value.ok_or_else(|| bad_request(&format!("`{name}` must be from 1 to {max}")))
        };
        let message = number("message", 7)?;
        let scope = number("scope", 4)?;
        let runs_as = if body.contains_key("runas") { number("runas", 3)? } else { 3 };
        if body.get("postponeuntil").is_some_and(|it| !it.is_null() && it != "") {
            return Err(bad_request("the sandbox does not know `postponeuntil`"));
        }
        let url = text("url");
        let absolute = url.starts_with("http://") || url.starts_with("https://");
        if !absolute || url.len() > URL_MAX {
            return Err(bad_request("`url` must be an absolute URL of at most 2000 characters"));
        }
        let attributes = text("filteringattributes").split(',').map(str::trim);
        let attributes = attributes.filter(|it| !it.is_empty()).map(|it| match table.column(it) {
            Some(column) => Ok(column.read_name()),
            None => Err(undeclared(table, it)),
        });
        let attributes = attributes.collect::<Result<_, _>>()?;
        let filter = match text("filterexpression") {
            "" => None,
            text => Some(filter::parse(text, table).map_err(|it| bad_request(&it))?),
        };
        let mut shown = body.clone();
        // The address is write-only, as it carries its own permission.
        shown.shift_remove("url");
        let url = url.to_owned();
        Ok(Self { table, message, scope, runs_as, url, attributes, filter, shown })
    }

    fn wants(&self, state: &State, change: &Change, row: Option<&Row>) -> bool {
        let kinds: &[i64] = match change.kind {
            ChangeKind::Create => &[1, 4, 5, 7],
            ChangeKind::Delete => &[2, 5, 6, 7],
            ChangeKind::Update => &[3, 4, 6, 7],
        };
        // A column that is sent counts, whether its value changes or not.
        let written = change.kind != ChangeKind::Update
            || self.attributes.is_empty()
            || self.attributes.iter().any(|it| change.columns.contains_key(it));
        let passes = self.filter.as_ref().is_none_or(|it| {
            row.is_some_and(|row| it.matches(&Seen { state, table: self.table, row }))
        });
        self.table.set == change.table
            && kinds.contains(&self.message)
            && written
            && passes
            && self.covers(state, row)
    }

    /// Whether the record's owner is near enough to the one who registered.
    fn covers(&self, state: &State, row: Option<&Row>) -> bool {
        let owner = row.and_then(|it| it.values.get("_ownerid_value")?.as_str());
        let Some(owner) = owner.filter(|_| self.scope != ORGANIZATION) else {
            // Records of the whole organisation, and those that are gone, have no owner to ask for.
            return true;
        };
        let own = seed::BUSINESS_UNIT_ID;
        match self.scope {
            1 => owner == seed::USER_ID,
            2 => unit_of(state, owner) == Some(own),
            _ => unit_of(state, owner).is_some_and(|it| is_within(state, it, own)),
        }
    }

    /// Whom the flow is said to run as.
    fn runner(&self, change: &Change, row: Option<&Row>) -> String {
        let owner = row.and_then(|it| it.values.get("_ownerid_value")?.as_str());
        match self.runs_as {
            1 => change.by.clone(),
            2 => owner.unwrap_or(seed::USER_ID).to_owned(),
            _ => seed::USER_ID.to_owned(),
        }
    }
}

pub(super) fn subscribe(
    state: &mut State,
    root: &str,
    body: &Map<String, Value>,
) -> Result<Answer, Refusal> {
    let callback = Callback::read(body)?;
    if state.callbacks.len() >= CALLBACKS_MAX {
        return Err(bad_request("there are too many registrations"));
    }
    let id = Uuid::new_v4().to_string();
    state.callbacks.insert(id.clone(), callback);
    Ok(Answer::empty(204).with("odata-entityid", &format!("{root}/{SET}({id})")))
}

pub(super) fn subscriptions(
    state: &mut State,
    method: &str,
    id: Option<&str>,
) -> Result<Answer, Refusal> {
    let gone = || Refusal::new(404, "0x80040217", "there is no such registration");
    match (method, id) {
        ("GET", None) => {
            let all = state.callbacks.iter().map(|(id, it)| shown(id, it)).collect::<Vec<_>>();
            Ok(Answer::json(200, &json!({ "value": all })))
        }
        ("GET", Some(id)) => {
            let callback = state.callbacks.get(id).ok_or_else(gone)?;
            Ok(Answer::json(200, &shown(id, callback)))
        }
        ("DELETE", Some(id)) => {
            state.callbacks.remove(id).ok_or_else(gone)?;
            Ok(Answer::empty(204))
        }
        _ => Err(super::route::not_allowed()),
    }
}

/// The unit a user belongs to.
fn unit_of<'a>(state: &'a State, user: &str) -> Option<&'a str> {
    let table = Table::named("systemusers")?;
    state.row(table, user)?.values.get("_businessunitid_value")?.as_str()
}

/// Whether a unit is another one or lies below it.
fn is_within(state: &State, unit: &str, top: &str) -> bool {
    let Some(table) = Table::named("businessunits") else { return false };
    let mut at = unit.to_owned();
    // Units may be changed to lie in a circle; a walk as long as the list ends it.
    for _ in 0..=state.tables.get(table.set).map_or(0, BTreeMap::len) {
        if at == top {
            return true;
        }
        let parent =
            state.row(table, &at).and_then(|it| it.values.get("_parentbusinessunitid_value"));
        match parent.and_then(Value::as_str) {
            Some(parent) => at = parent.to_owned(),
            None => return false,
        }
    }
    false
}

impl Service {
    /// Tells the subscribers of every change they were not told of yet.
    pub(super) fn tell(&self, state: &mut State) {
        let told = std::mem::replace(&mut state.told, state.changes.len());
        let state = &*state;
        for change in state.changes.iter().skip(told) {
            let rows = state.tables.get(change.table.as_str());
            let row = rows.and_then(|it| it.get(&change.id));
            for callback in state.callbacks.values().filter(|it| it.wants(state, change, row)) {
                let event = format!("{:?}", change.kind);
                let mut body = row.map(|it| it.values.clone()).unwrap_or_default();
                if row.is_none() {
                    body.insert(callback.table.id.to_owned(), json!(change.id));
                }
                body.insert("ItemInternalId".to_owned(), json!(change.id));
                body.insert("SdkMessage".to_owned(), json!(event));
                body.insert("RunAsSystemUserId".to_owned(), json!(callback.runner(change, row)));
                let version = row.map(|it| it.version.to_string());
                body.insert("RowVersion".to_owned(), json!(version));
                let body = Value::Object(body);
                self.courier.queue(Delivery::new(&event, &change.id, &callback.url, &body));
            }
        }
    }
}

fn shown(id: &str, callback: &Callback) -> Value {
    let mut shown = callback.shown.clone();
    shown.insert("callbackregistrationid".to_owned(), json!(id));
    Value::Object(shown)
}
