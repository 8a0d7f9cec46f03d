//! Single records over HTTP: by id, and by the value of an external id.

use serde_json::{Value, json};

use super::refusal::Refusal;
use super::schema::{Field, Object};
use super::soql;
use super::state::{Row, State, id_of};
use super::{Call, describe, values};
use crate::http::Answer;

/// Upserts say what they did from this version on.
const SAYS_CREATED_FROM: u32 = 46;

/// Everything below `sobjects`.
pub(super) fn route(state: &mut State, call: &Call<'_>, rest: &[&str]) -> Result<Answer, Refusal> {
    let method = call.method();
    let (name, rest) = match rest {
        [] if method == "GET" => return Ok(describe::all(&call.base)),
        [] => return Err(Refusal::not_allowed(method)),
        [name, rest @ ..] => (*name, rest),
    };
    let object = Object::named(name).ok_or_else(Refusal::not_found)?;
    match (method, rest) {
        ("GET", []) => Ok(describe::brief(object, &call.base)),
        ("POST", []) => {
            let id = state.create(object, &call.body()?, &call.author)?;
            let location = format!("{}/sobjects/{}/{id}", call.base, object.name);
            let body = json!({ "id": id, "success": true, "errors": [] });
            Ok(Answer::json(201, &body).with("location", &location))
        }
        ("GET", ["describe"]) => Ok(describe::one(object, call)),
        ("GET", ["updated"]) => changed(state, call, object, false),
        ("GET", ["deleted"]) => changed(state, call, object, true),
        (_, [id] | ["Id", id]) => by_id(state, call, object, id),
        (_, [field, value]) => by_key(state, call, object, (field, value)),
        (_, []) => Err(Refusal::not_allowed(method)),
        _ => Err(Refusal::not_found()),
    }
}

fn by_id(
    state: &mut State,
    call: &Call<'_>,
    object: &'static Object,
    id: &str,
) -> Result<Answer, Refusal> {
    match call.method() {
        "GET" => {
            let row = state.get(object, id).ok_or_else(Refusal::not_found)?;
            show(state, call, object, row)
        }
        "PATCH" => {
            let body = call.body()?;
            if body.keys().any(|it| it.eq_ignore_ascii_case("id")) {
                let message = "The Id field should not be specified in the sobject data.";
                return Err(Refusal::new(400, "INVALID_FIELD", message));
            }
            state.update(object, id, &body, &call.author)?;
            Ok(Answer::empty(204))
        }
        "DELETE" => {
            state.delete(object, id, &call.author)?;
            Ok(Answer::empty(204))
        }
        method => Err(Refusal::not_allowed(method)),
    }
}

fn show(
    state: &State,
    call: &Call<'_>,
    object: &'static Object,
    row: &Row,
) -> Result<Answer, Refusal> {
    let names = call.parameter("fields").filter(|it| !it.is_empty());
    let names = names.unwrap_or_else(|| {
        let all: Vec<&str> = object.all_fields().map(|it| it.name).collect();
        all.join(",")
    });
    let paths = soql::read_fields(object, &names)?;
    Ok(Answer::json(200, &soql::render(state, object, row, &paths, &call.base)))
}

/// `/sobjects/Opportunity/Referral_Identifier__c/value`.
fn by_key(
    state: &mut State,
    call: &Call<'_>,
    object: &'static Object,
    (name, value): (&str, &str),
) -> Result<Answer, Refusal> {
    let field = key_field(object, name)?;
    let found = state.holding(object, field, value);
    let ([] | [_]) = found.as_slice() else {
        let url = |id: &String| format!("{}/sobjects/{}/{id}", call.base, object.name);
        return Ok(Answer::json(300, &found.iter().map(url).collect()));
    };
    let found = found.first();
    match (call.method(), found) {
        ("GET", Some(id)) => {
            let row = state.get(object, id).ok_or_else(Refusal::not_found)?;
            show(state, call, object, row)
        }
        ("DELETE", Some(id)) => {
            state.delete(object, id, &call.author)?;
            Ok(Answer::empty(204))
        }
        ("PATCH", None) if call.parameter("updateOnly").as_deref() == Some("true") => {
            Err(Refusal::not_found())
        }
        ("PATCH", _) => {
            let (id, created) = upsert(state, call, object, (field, value), &call.body()?)?;
            let mut body = json!({ "id": id, "success": true, "errors": [] });
            if call.version >= SAYS_CREATED_FROM {
                body["created"] = json!(created);
            } else if !created {
                return Ok(Answer::empty(204));
            }
            Ok(Answer::json(if created { 201 } else { 200 }, &body))
        }
        ("GET" | "DELETE", None) => Err(Refusal::not_found()),
        (method, _) => Err(Refusal::not_allowed(method)),
    }
}

/// A field records may be addressed by.
pub(super) fn key_field(object: &'static Object, name: &str) -> Result<&'static Field, Refusal> {
    object.field(name).filter(|it| it.external_id).ok_or_else(|| {
        let message =
            format!("Provided external ID field does not exist or is not accessible: {name}");
        Refusal::new(404, "NOT_FOUND", &message)
    })
}

/// Changes the record that holds the value, or makes it; whether it was made.
pub(super) fn upsert(
    state: &mut State,
    call: &Call<'_>,
    object: &'static Object,
    (field, value): (&'static Field, &str),
    body: &Row,
) -> Result<(String, bool), Refusal> {
    if body.keys().any(|it| it.eq_ignore_ascii_case(field.name)) {
        let message =
            format!("The {} field should not be specified in the sobject data.", field.name);
        return Err(Refusal::new(400, "INVALID_FIELD", &message));
    }
    match state.holding(object, field, value).as_slice() {
        [] => {
            let mut body = body.clone();
            body.insert(field.name.to_owned(), json!(value));
            Ok((state.create(object, &body, &call.author)?, true))
        }
        [id] => {
            state.update(object, id, body, &call.author)?;
            Ok((id.clone(), false))
        }
        several => {
            let message = format!("more than one record found for external id field: {several:?}");
            Err(Refusal::field("DUPLICATE_EXTERNAL_ID", &message, field.name))
        }
    }
}

/// The ids that were written or deleted in a span of time.
fn changed(
    state: &State,
    call: &Call<'_>,
    object: &Object,
    deleted: bool,
) -> Result<Answer, Refusal> {
    let bound = |name: &str| {
        let text = call.parameter(name).unwrap_or_default().replace(' ', "+");
        values::instant(&text).ok_or_else(|| {
            Refusal::new(400, "INVALID_REPLICATION_DATE", &format!("`{name}` must be an instant"))
        })
    };
    let (start, end) = (bound("start")?, bound("end")?);
    let time =
        |row: &Row| row.get("SystemModstamp").and_then(Value::as_str).and_then(values::instant);
    let rows = state.all(object, deleted);
    let rows = rows.filter(|it| !deleted || it.get("IsDeleted") == Some(&json!(true)));
    let rows = rows.filter(|it| time(it).is_some_and(|at| start <= at && at <= end));
    let covered = values::stamp(end);
    let body = if deleted {
        let gone: Vec<Value> = rows
            .map(|it| json!({ "id": id_of(it), "deletedDate": it.get("SystemModstamp") }))
            .collect();
        let earliest = values::stamp(start);
        json!({
            "deletedRecords": gone, "earliestDateAvailable": earliest, "latestDateCovered": covered,
        })
    } else {
        json!({ "ids": rows.map(id_of).collect::<Vec<_>>(), "latestDateCovered": covered })
    };
    Ok(Answer::json(200, &body))
}
