//! Subscriptions to row changes: the `callbackregistrations` of the automated trigger.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::tables::{TABLES, Table};
use super::write::undeclared;
use super::{Change, ChangeKind, Refusal, Service, State, bad_request};
use crate::courier::Delivery;
use crate::filter::{self, Expr};
use crate::http::Answer;
use crate::seed;

pub(super) const SET: &str = "callbackregistrations";
const URL_MAX: usize = 2_000;
const CALLBACKS_MAX: usize = 1_000;

/// Who wants to know of which changes.
#[derive(Clone, Debug)]
pub(super) struct Callback {
    table: &'static str,
    message: i64,
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
        let table = TABLES.iter().find(|it| it.logical == logical);
        let table = table.ok_or_else(|| bad_request(&format!("there is no table `{logical}`")))?;
        let number = |name: &str, max: i64| {
            let value = body.get(name).and_then(Value::as_i64);
            let value = value.filter(|it| (1..=max).contains(it));
            value.ok_or_else(|| bad_request(&format!("`{name}` must be from 1 to {max}")))
        };
        let message = number("message", 7)?;
        number("scope", 4)?;
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
        Ok(Self { table: table.set, message, url: url.to_owned(), attributes, filter, shown })
    }

    fn wants(&self, change: &Change, row: Option<&Map<String, Value>>) -> bool {
        let kinds: &[i64] = match change.kind {
            ChangeKind::Create => &[1, 4, 5, 7],
            ChangeKind::Delete => &[2, 5, 6, 7],
            ChangeKind::Update => &[3, 4, 6, 7],
        };
        let written = change.kind != ChangeKind::Update
            || self.attributes.is_empty()
            || self.attributes.iter().any(|it| change.columns.contains_key(it));
        let read = |path: &str| {
            let table = TABLES.iter().find(|it| it.set == self.table);
            let name = table.and_then(|it: &Table| it.readable(path)).map(|(_, name)| name);
            name.and_then(|name| row?.get(&name).cloned()).unwrap_or_default()
        };
        self.table == change.table
            && kinds.contains(&self.message)
            && written
            && self.filter.as_ref().is_none_or(|it| row.is_some() && it.matches(&read))
    }
}

impl Service {
    pub(super) fn subscribe(
        &self,
        root: &str,
        body: &Map<String, Value>,
    ) -> Result<Answer, Refusal> {
        let callback = Callback::read(body)?;
        let mut state = self.lock();
        if state.callbacks.len() >= CALLBACKS_MAX {
            return Err(bad_request("there are too many registrations"));
        }
        let id = Uuid::new_v4().to_string();
        state.callbacks.insert(id.clone(), callback);
        Ok(Answer::empty(204).with("odata-entityid", &format!("{root}/{SET}({id})")))
    }

    pub(super) fn subscriptions(&self, method: &str, id: Option<&str>) -> Result<Answer, Refusal> {
        let mut state = self.lock();
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
            _ => Err(Refusal::new(405, "0x80060888", "the method is not allowed here")),
        }
    }

    /// Tells the subscribers of every change they were not told of yet.
    pub(super) fn tell(&self, state: &mut State) {
        let told = std::mem::replace(&mut state.told, state.changes.len());
        for change in state.changes.iter().skip(told) {
            let rows = state.tables.get(change.table.as_str());
            let row = rows.and_then(|it| it.get(&change.id)).map(|it| &it.values);
            for callback in state.callbacks.values().filter(|it| it.wants(change, row)) {
                let event = format!("{:?}", change.kind);
                let mut body = row.cloned().unwrap_or_default();
                body.insert("ItemInternalId".to_owned(), json!(change.id));
                body.insert("SdkMessage".to_owned(), json!(event));
                body.insert("RunAsSystemUserId".to_owned(), json!(seed::USER_ID));
                let version = row.and_then(|it| it.get("versionnumber")).map(Value::to_string);
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
