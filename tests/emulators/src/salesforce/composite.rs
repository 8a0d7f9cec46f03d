//! Several requests in one: `composite`, `composite/batch` and collections of records.

use serde_json::{Map, Value, json};

use super::records::{key_field, upsert};
use super::refusal::Refusal;
use super::schema::Object;
use super::soql;
use super::state::{Row, State};
use super::{Call, Service, ids};
use crate::http::{Answer, Request, decode};

const REQUESTS_MAX: usize = 25;
const RECORDS_MAX: usize = 200;

/// Everything below `composite`.
pub(super) fn route(state: &mut State, call: &Call<'_>, rest: &[&str]) -> Result<Answer, Refusal> {
    match (call.method(), rest) {
        ("POST", []) => composite(state, call),
        ("POST", ["batch"]) => batch(state, call),
        ("POST" | "PATCH", ["sobjects"]) => write(state, call, call.method() == "POST"),
        ("DELETE", ["sobjects"]) => delete(state, call),
        ("PATCH", ["sobjects", name, key]) => upserts(state, call, name, key),
        ("GET" | "POST", ["sobjects", name]) => retrieve(state, call, name),
        (method, [] | ["batch" | "sobjects", ..]) => Err(Refusal::not_allowed(method)),
        _ => Err(Refusal::not_found()),
    }
}

/// `composite`: later requests may use the answers of earlier ones.
fn composite(state: &mut State, call: &Call<'_>) -> Result<Answer, Refusal> {
    let body = call.body()?;
    let requests = list(&body, "compositeRequest", REQUESTS_MAX)?;
    let all_or_none = body.get("allOrNone") == Some(&json!(true));
    let before = all_or_none.then(|| state.clone());
    let mut answered = Map::new();
    let mut results: Vec<(String, Answer)> = Vec::new();
    let mut halted = false;
    for item in requests {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let reference = text("referenceId").to_owned();
        let answer = if halted {
            halt(
                "The transaction was rolled back since another operation in the same transaction failed.",
            )
        } else {
            match fill(item.get("url"), &answered).zip(fill(item.get("body"), &answered)) {
                None => halt("Invalid reference specified. No value for it was found."),
                Some((url, body)) => perform(state, call, (text("method"), &url, &body)),
            }
        };
        halted |= all_or_none && answer.status >= 400;
        let said = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        answered.insert(reference.clone(), said);
        results.push((reference, answer));
    }
    if let Some(before) = before.filter(|_| halted) {
        *state = before;
        let text = "The transaction was rolled back since another operation in the same transaction failed.";
        let undone = results.iter_mut().filter(|(_, it)| it.status < 400);
        undone.for_each(|(_, answer)| *answer = halt(text));
    }
    let results: Vec<Value> = results
        .into_iter()
        .map(|(reference, answer)| {
            let location = answer.headers.iter().find(|(name, _)| name == "location");
            let headers = location.map(|(_, it)| json!({ "Location": it })).unwrap_or(json!({}));
            json!({
                "body": serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
                "httpHeaders": headers, "httpStatusCode": answer.status, "referenceId": reference,
            })
        })
        .collect();
    Ok(Answer::json(200, &json!({ "compositeResponse": results })))
}

fn halt(message: &str) -> Answer {
    Refusal::new(400, "PROCESSING_HALTED", message).answer()
}

/// `composite/batch`: requests that know nothing of each other.
fn batch(state: &mut State, call: &Call<'_>) -> Result<Answer, Refusal> {
    let body = call.body()?;
    let requests = list(&body, "batchRequests", REQUESTS_MAX)?;
    let halt_on_error = body.get("haltOnError") == Some(&json!(true));
    let (mut results, mut failed) = (Vec::new(), false);
    for item in requests {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let answer = if failed && halt_on_error {
            Refusal::new(412, "BATCH_PROCESSING_HALTED", "Batch processing halted by request")
                .answer()
        } else {
            // These addresses begin with the version.
            let url = format!("/services/data/{}", text("url").trim_start_matches('/'));
            let body = item.get("richInput").cloned().unwrap_or_default();
            perform(state, call, (text("method"), &json!(url), &body))
        };
        failed |= answer.status >= 400;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        results.push(json!({ "statusCode": answer.status, "result": said }));
    }
    Ok(Answer::json(200, &json!({ "hasErrors": failed, "results": results })))
}

/// One request of several, as if it had come alone.
fn perform(
    state: &mut State,
    call: &Call<'_>,
    (method, url, body): (&str, &Value, &Value),
) -> Answer {
    let url = url.as_str().unwrap_or_default();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let mut headers = call.request.headers.clone();
    headers.insert("content-type".to_owned(), "application/json".to_owned());
    let request = Request {
        method: method.to_ascii_uppercase(),
        target: url.to_owned(),
        path: decode(path),
        query: query.to_owned(),
        headers,
        body: bytes,
    };
    if path.split('/').any(|it| it == "composite") {
        let message = "a composite request cannot hold another one";
        return Refusal::new(400, "INVALID_REQUEST", message).answer();
    }
    Service::data(state, &request, &call.author).unwrap_or_else(|refusal| refusal.answer())
}

/// Puts answers in the place of `@{reference.path}`; none when one of them is missing.
fn fill(value: Option<&Value>, answered: &Row) -> Option<Value> {
    Some(match value {
        None => Value::Null,
        Some(Value::String(text)) => fill_text(text, answered)?,
        Some(Value::Array(items)) => {
            let filled: Option<Vec<Value>> =
                items.iter().map(|it| fill(Some(it), answered)).collect();
            json!(filled?)
        }
        Some(Value::Object(fields)) => {
            let mut filled = Map::new();
            for (name, value) in fields {
                filled.insert(name.clone(), fill(Some(value), answered)?);
            }
            Value::Object(filled)
        }
        Some(plain) => plain.clone(),
    })
}

fn fill_text(text: &str, answered: &Row) -> Option<Value> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        let (name, after) = after.split_once('}')?;
        out.push_str(before);
        let (reference, path) = name.split_once('.')?;
        let pointer = format!("/{}", path.replace(['[', '.'], "/").replace(']', ""));
        match answered.get(reference)?.pointer(&pointer)? {
            Value::String(found) => out.push_str(found),
            found => out.push_str(&found.to_string()),
        }
        rest = after;
    }
    out.push_str(rest);
    Some(json!(out))
}

/// `POST` and `PATCH` of a collection: records of any kind, each with its own result.
fn write(state: &mut State, call: &Call<'_>, creating: bool) -> Result<Answer, Refusal> {
    let body = call.body()?;
    let records = list(&body, "records", RECORDS_MAX)?;
    Ok(each(state, &body, records, |state, record| {
        let object = kind_of(record)?;
        if creating {
            return state.create(object, record, &call.author).map(|id| (id, None));
        }
        let (id, rest) = without_id(record)?;
        state.update(object, &id, &rest, &call.author)?;
        Ok((id, None))
    }))
}

fn upserts(state: &mut State, call: &Call<'_>, name: &str, key: &str) -> Result<Answer, Refusal> {
    let object = Object::named(name).ok_or_else(Refusal::not_found)?;
    let body = call.body()?;
    let records = list(&body, "records", RECORDS_MAX)?;
    if key.eq_ignore_ascii_case("id") {
        return Ok(each(state, &body, records, |state, record| {
            let Ok((id, rest)) = without_id(record) else {
                let id = state.create(object, record, &call.author)?;
                return Ok((id, Some(true)));
            };
            state.update(object, &id, &rest, &call.author)?;
            Ok((id, Some(false)))
        }));
    }
    let field = key_field(object, key)?;
    Ok(each(state, &body, records, |state, record| {
        let mut rest = record.clone();
        let value = rest.shift_remove(field.name).and_then(|it| it.as_str().map(str::to_owned));
        let value = value.ok_or_else(|| {
            let message = format!("{} not specified", field.name);
            Refusal::field("MISSING_ARGUMENT", &message, field.name)
        })?;
        let (id, created) = upsert(state, call, object, (field, &value), &rest)?;
        Ok((id, Some(created)))
    }))
}

fn delete(state: &mut State, call: &Call<'_>) -> Result<Answer, Refusal> {
    let named = call.parameter("ids").unwrap_or_default();
    let records: Vec<Value> = named.split(',').map(|it| json!({ "id": it.trim() })).collect();
    if records.len() > RECORDS_MAX {
        return Err(too_many(RECORDS_MAX));
    }
    let options = crate::seed::object(json!({
        "allOrNone": call.parameter("allOrNone").as_deref() == Some("true"),
    }));
    Ok(each(state, &options, &records, |state, record| {
        let (id, _) = without_id(record)?;
        let object = Object::of_id(&id).ok_or_else(Refusal::not_found)?;
        state.delete(object, &id, &call.author)?;
        Ok((id, None))
    }))
}

/// Reads several records of one kind; one that is not there is null.
fn retrieve(state: &State, call: &Call<'_>, name: &str) -> Result<Answer, Refusal> {
    let object = Object::named(name).ok_or_else(Refusal::not_found)?;
    let (wanted, fields): (Vec<String>, String) = if call.method() == "GET" {
        let wanted = call.parameter("ids").unwrap_or_default();
        let wanted = wanted.split(',').map(|it| it.trim().to_owned()).collect();
        (wanted, call.parameter("fields").unwrap_or_default())
    } else {
        let body = call.body()?;
        let texts = |name: &str| -> Vec<String> {
            let all = body.get(name).and_then(Value::as_array).into_iter().flatten();
            all.filter_map(|it| it.as_str().map(str::to_owned)).collect()
        };
        (texts("ids"), texts("fields").join(","))
    };
    let paths = soql::read_fields(object, &fields)?;
    let found = wanted.iter().map(|id| {
        let row = state.get(object, id)?;
        Some(soql::render(state, object, row, &paths, &call.base))
    });
    Ok(Answer::json(200, &found.collect::<Vec<_>>().into_iter().collect()))
}

/// Writes each record; with `allOrNone`, a refusal undoes them all.
fn each(
    state: &mut State,
    options: &Row,
    records: &[Value],
    mut write: impl FnMut(&mut State, &Row) -> Result<(String, Option<bool>), Refusal>,
) -> Answer {
    let all_or_none = options.get("allOrNone") == Some(&json!(true));
    let before = all_or_none.then(|| state.clone());
    let empty = Row::new();
    let mut results = Vec::new();
    let mut failed = false;
    for record in records {
        let written = write(state, record.as_object().unwrap_or(&empty));
        failed |= written.is_err();
        results.push(match written {
            Err(refusal) => refusal.result(),
            Ok((id, created)) => {
                let mut result = json!({ "id": id, "success": true, "errors": [] });
                if let Some(created) = created {
                    result["created"] = json!(created);
                }
                result
            }
        });
    }
    if let Some(before) = before.filter(|_| failed) {
        *state = before;
        let message = "Record rolled back because not all records were valid and the request was using AllOrNone header";
        let undone = Refusal::new(400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", message);
        let good = results.iter_mut().filter(|it| it["success"] == json!(true));
        good.for_each(|it| *it = undone.result());
    }
    Answer::json(200, &json!(results))
}

fn list<'a>(body: &'a Row, name: &str, max: usize) -> Result<&'a [Value], Refusal> {
    let items = body
        .get(name)
        .and_then(Value::as_array)
        .ok_or_else(|| Refusal::json_parser(&format!("The request must have an array `{name}`")))?;
    if items.len() > max { Err(too_many(max)) } else { Ok(items) }
}

fn too_many(max: usize) -> Refusal {
    let message = format!("The number of items in the request exceeded the maximum of {max}");
    Refusal::new(400, "EXCEEDED_ID_LIMIT", &message)
}

fn kind_of(record: &Row) -> Result<&'static Object, Refusal> {
    let name = record.get("attributes").and_then(|it| it.get("type")).and_then(Value::as_str);
    name.and_then(Object::named).ok_or_else(|| {
        let message = "The attributes of the record do not name a type that is supported";
        Refusal::new(400, "INVALID_TYPE", message)
    })
}

fn without_id(record: &Row) -> Result<(String, Row), Refusal> {
    let mut rest = record.clone();
    let name = record.keys().find(|it| it.eq_ignore_ascii_case("id")).cloned();
    let id = name.and_then(|name| rest.shift_remove(&name));
    let given = id.as_ref().and_then(Value::as_str).unwrap_or_default();
    let id = ids::long(given)
        .ok_or_else(|| Refusal::field("MALFORMED_ID", &format!("malformed id {given}"), "Id"))?;
    Ok((id, rest))
}
