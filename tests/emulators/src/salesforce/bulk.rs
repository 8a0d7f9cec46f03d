//! Bulk API 2.0: jobs that write many records from CSV, each with a result of its own.

use serde_json::{Map, Value, json};

use super::records::{key_field, upsert};
use super::refusal::Refusal;
use super::schema::{Field, Object};
use super::state::{Row, State};
use super::{Call, csv, ids, values};
use crate::http::Answer;

const JOBS_MAX: usize = 1_000;
const RECORDS_MAX: usize = 100_000;
/// What clears a field; an empty cell leaves it alone.
const CLEARED: &str = "#N/A";

/// The id of the record, and whether it was made.
type Written = Result<(String, bool), Refusal>;

/// A job, from being opened to being done.
#[derive(Clone)]
pub(super) struct Job {
    object: &'static Object,
    operation: Operation,
    shown: Map<String, Value>,
    upload: Option<String>,
    header: Vec<String>,
    /// The records as they were sent, each with what came of it.
    done: Vec<(Vec<String>, Written)>,
}

#[derive(Clone, Copy)]
enum Operation {
    Insert,
    Update,
    Upsert(&'static Field),
    Delete,
}

/// Everything below `jobs/ingest`.
pub(super) fn route(state: &mut State, call: &Call<'_>, rest: &[&str]) -> Result<Answer, Refusal> {
    let method = call.method();
    let Some((id, below)) = rest.split_first() else {
        return match method {
            "GET" => {
                let jobs: Vec<Value> = state.jobs.values().map(Job::shown).collect();
                let body = json!({ "done": true, "nextRecordsUrl": null, "records": jobs });
                Ok(Answer::json(200, &body))
            }
            "POST" => open(state, call),
            _ => Err(Refusal::not_allowed(method)),
        };
    };
    let id = ids::long(id).ok_or_else(Refusal::not_found)?;
    let job = state.jobs.get_mut(&id).ok_or_else(Refusal::not_found)?;
    match (method, below) {
        ("GET", []) => Ok(Answer::json(200, &job.shown())),
        ("PUT", ["batches"]) => job.upload(call),
        ("GET", ["successfulResults"]) => Ok(job.results(true)),
        ("GET", ["failedResults"]) => Ok(job.results(false)),
        ("GET", ["unprocessedrecords"]) => Ok(csv_answer(std::slice::from_ref(&job.header))),
        ("PATCH", []) => change(state, call, &id),
        ("DELETE", []) => {
            if job.is("Open") {
                let message = "a job that is open must be aborted first";
                return Err(Refusal::new(400, "INVALIDJOBSTATE", message));
            }
            state.jobs.remove(&id);
            Ok(Answer::empty(204))
        }
        (_, [] | ["batches" | "successfulResults" | "failedResults" | "unprocessedrecords"]) => {
            Err(Refusal::not_allowed(method))
        }
        _ => Err(Refusal::not_found()),
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(400, "INVALIDJOB", message)
}

fn open(state: &mut State, call: &Call<'_>) -> Result<Answer, Refusal> {
    let body = call.body()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let object = Object::named(text("object")).filter(|it| it.writable);
    let object = object.ok_or_else(|| invalid("`object` names nothing that can be written"))?;
    let operation = match text("operation") {
        "insert" => Operation::Insert,
        "update" => Operation::Update,
        "delete" | "hardDelete" => Operation::Delete,
        "upsert" => Operation::Upsert(key_field(object, text("externalIdFieldName"))?),
        _ => return Err(invalid("`operation` is insert, update, upsert, delete or hardDelete")),
    };
    let supported = [("contentType", "CSV"), ("columnDelimiter", "COMMA")];
    for (name, only) in supported {
        if !["", only].contains(&text(name)) {
            return Err(invalid(&format!("the sandbox knows `{name}` `{only}` only")));
        }
    }
    if state.jobs.len() >= JOBS_MAX {
        return Err(Refusal::new(400, "LIMIT_EXCEEDED", "there are too many jobs"));
    }
    let id = ids::make("750", state.jobs_made + 1);
    let now = values::stamp(call.author.now);
    let path = call.base.trim_start_matches('/');
    let mut shown = crate::seed::object(json!({
        "id": id, "operation": text("operation"), "object": object.name,
        "createdById": call.author.user, "createdDate": now, "systemModstamp": now,
        "state": "Open", "concurrencyMode": "Parallel", "contentType": "CSV",
        "apiVersion": f64::from(call.version), "jobType": "V2Ingest",
        "contentUrl": format!("{path}/jobs/ingest/{id}/batches"),
        "lineEnding": if text("lineEnding") == "CRLF" { "CRLF" } else { "LF" },
        "columnDelimiter": "COMMA",
    }));
    if let Operation::Upsert(field) = operation {
        shown.insert("externalIdFieldName".to_owned(), json!(field.name));
    }
    let (header, done) = (Vec::new(), Vec::new());
    let job = Job { object, operation, shown, upload: None, header, done };
    let answer = Answer::json(200, &job.shown());
    state.jobs_made += 1;
    state.jobs.insert(id, job);
    Ok(answer)
}

/// `UploadComplete` has the job done at once, and says so from the next look on.
fn change(state: &mut State, call: &Call<'_>, id: &str) -> Result<Answer, Refusal> {
    let body = call.body()?;
    let asked = body.get("state").and_then(Value::as_str).unwrap_or_default();
    let mut job = state.jobs.get(id).cloned().ok_or_else(Refusal::not_found)?;
    if !job.is("Open") {
        let message = "the job is not open any more";
        return Err(Refusal::new(400, "INVALIDJOBSTATE", message));
    }
    let answer = match asked {
        "Aborted" => {
            job.shown.insert("state".to_owned(), json!("Aborted"));
            Answer::json(200, &job.shown())
        }
        "UploadComplete" => {
            job.shown.insert("state".to_owned(), json!("UploadComplete"));
            let answer = Answer::json(200, &job.shown());
            job.perform(state, call);
            answer
        }
        _ => return Err(invalid("`state` is `UploadComplete` or `Aborted`")),
    };
    state.jobs.insert(id.to_owned(), job);
    Ok(answer)
}

impl Job {
    fn is(&self, state: &str) -> bool {
        self.shown.get("state").and_then(Value::as_str) == Some(state)
    }

    fn shown(&self) -> Value {
        let mut shown = self.shown.clone();
        let failed = self.done.iter().filter(|(_, result)| result.is_err()).count();
        shown.insert("numberRecordsProcessed".to_owned(), json!(self.done.len()));
        shown.insert("numberRecordsFailed".to_owned(), json!(failed));
        Value::Object(shown)
    }

    fn upload(&mut self, call: &Call<'_>) -> Result<Answer, Refusal> {
        let kind = call.request.header("content-type").unwrap_or_default();
        if !kind.starts_with("text/csv") {
            let message = "the records must be `text/csv`";
            return Err(Refusal::new(415, "UNSUPPORTED_MEDIA_TYPE", message));
        }
        if !self.is("Open") || self.upload.is_some() {
            let message = "the job takes one upload while it is open";
            return Err(Refusal::new(400, "INVALIDJOBSTATE", message));
        }
        self.upload = Some(String::from_utf8_lossy(&call.request.body).into_owned());
        Ok(Answer::empty(201))
    }

    fn perform(&mut self, state: &mut State, call: &Call<'_>) {
        let mut rows = csv::read(self.upload.as_deref().unwrap_or_default()).into_iter();
        self.header = rows.next().unwrap_or_default();
        let (mut outcome, mut trouble) = ("JobComplete", None);
        for cells in rows {
            if cells.len() != self.header.len() || self.done.len() >= RECORDS_MAX {
                (outcome, trouble) = ("Failed", Some("InvalidBatch : Field count mismatch"));
                break;
            }
            let written = self.write(state, call, &record(&self.header, &cells));
            self.done.push((cells, written));
        }
        self.shown.insert("state".to_owned(), json!(outcome));
        if let Some(trouble) = trouble {
            self.shown.insert("errorMessage".to_owned(), json!(trouble));
        }
    }

    fn write(&self, state: &mut State, call: &Call<'_>, record: &Row) -> Written {
        let mut rest = record.clone();
        let mut take = |name: &str| {
            let key = rest.keys().find(|it| it.eq_ignore_ascii_case(name)).cloned();
            let value = key.and_then(|it| rest.shift_remove(&it));
            value.and_then(|it| it.as_str().map(str::to_owned)).ok_or_else(|| {
                let message = format!("{name} not specified");
                Refusal::field("MISSING_ARGUMENT", &message, name)
            })
        };
        match self.operation {
            Operation::Insert => {
                state.create(self.object, record, &call.author).map(|id| (id, true))
            }
            Operation::Update => {
                let id = take("Id")?;
                state.update(self.object, &id, &rest, &call.author).map(|()| (id, false))
            }
            Operation::Delete => {
                let id = take("Id")?;
                state.delete(self.object, &id, &call.author).map(|()| (id, false))
            }
            Operation::Upsert(field) => {
                let value = take(field.name)?;
                upsert(state, call, self.object, (field, &value), &rest)
            }
        }
    }

    fn results(&self, good: bool) -> Answer {
        let names = if good { ["sf__Id", "sf__Created"] } else { ["sf__Id", "sf__Error"] };
        let header = names.iter().map(|it| (*it).to_owned()).chain(self.header.clone());
        let mut rows = vec![header.collect()];
        for (cells, result) in self.done.iter().filter(|(_, it)| it.is_ok() == good) {
            let [id, said] = match result {
                Ok((id, created)) => [id.clone(), created.to_string()],
                Err(refusal) => {
                    let fields = refusal.fields.join(" ");
                    [String::new(), format!("{}:{}:{fields} --", refusal.code, refusal.message)]
                }
            };
            rows.push([id, said].into_iter().chain(cells.clone()).collect());
        }
        csv_answer(&rows)
    }
}

/// The cells as fields; `Account.Some_Key__c` names a record by its key.
fn record(header: &[String], cells: &[String]) -> Row {
    let mut record = Row::new();
    for (name, cell) in header.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
        let value = if cell == CLEARED { Value::Null } else { json!(cell) };
        match name.split_once('.') {
            Some((lookup, key)) => record.insert(lookup.to_owned(), json!({ key: value })),
            None => record.insert(name.clone(), value),
        };
    }
    record
}

fn csv_answer(rows: &[Vec<String>]) -> Answer {
    Answer::bytes("text/csv", csv::write(rows).into_bytes())
}
