//! Change tracking: what was written and deleted since a list was read.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::entities::Place;
use super::projection::Projection;
use super::query::address;
use super::{Refusal, State, bad_request};
use crate::http::{Answer, encode};

const GOOD_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
const FORMAT: &str = "%m/%d/%Y %H:%M:%S";

/// What a list is remembered by: the version it was read at, and when.
pub(super) fn token(version: u64, now: Timestamp) -> String {
    format!("{version}!{}", now.strftime(FORMAT))
}

fn read(token: &str, now: Timestamp) -> Result<u64, Refusal> {
    let wrong = || bad_request("the delta token is not understood");
    let (version, at) = token.split_once('!').ok_or_else(wrong)?;
    let at = DateTime::strptime(FORMAT, at).map_err(|_| wrong())?;
    let at = at.to_zoned(TimeZone::UTC).map_err(|_| wrong())?.timestamp();
    if at.duration_until(now) > GOOD_FOR {
        let message =
            "Version stamp associated with the client has expired. Please perform a full sync.";
        return Err(Refusal::new(400, "0x80044352", message));
    }
    version.parse().map_err(|_| wrong())
}

/// The rows written after the token, and the ids of those that are gone, with the next token.
pub(super) fn changes(
    state: &State,
    place: &Place<'_>,
    token: &str,
    projection: &Projection,
) -> Result<Answer, Refusal> {
    let since = read(token, place.now)?;
    let (set, root) = (place.table.set, &place.root);
    let rows = state.tables.get(set).into_iter().flatten();
    let mut rows: Vec<_> = rows.filter(|(_, row)| row.version > since).collect();
    rows.sort_by_key(|(_, row)| row.version);
    let mut value: Vec<Value> = rows
        .into_iter()
        .map(|(_, row)| Value::Object(projection.show(place.table, state, row)))
        .collect();
    let gone = state.gone.iter().filter(|it| it.set == set && it.version > since);
    value.extend(gone.map(|it| {
        json!({
            "@odata.context": format!("{root}/$metadata#{set}/$deletedEntity"),
            "id": it.id, "reason": "deleted",
        })
    }));
    let next = self::token(state.version, place.now);
    let options: Vec<_> =
        place.request.parameters().into_iter().filter(|(name, _)| name != "$deltatoken").collect();
    let link = address(place, &options, &format!("$deltatoken={}", encode(&next)));
    let mut body = Map::new();
    let context = format!("{root}/$metadata#{set}{}/$delta", projection.in_context());
    body.insert("@odata.context".to_owned(), json!(context));
    body.insert("@odata.deltaLink".to_owned(), json!(link));
    body.insert("value".to_owned(), Value::Array(value));
    Ok(Answer::json(200, &Value::Object(body)))
}
