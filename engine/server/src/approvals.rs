//! Approvals: the inbox, and the page whose address a flow has given out.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, header::ACCEPT},
    response::{IntoResponse as _, Response},
};
use base::RunId;
use journal::{Page, Path as Place};
use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Answer, AnswerError, Approval, Proof};

use crate::{
    Shared,
    access::{Kind, User},
    error::Problem,
    pages::read,
    runs::invalid_query,
    ui,
};

/// Approvals that are listed at a time.
const LIMIT: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    before: Option<u64>,
}

/// What waits for an answer.
pub(crate) async fn list(
    State(shared): State<Shared>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(ListQuery { before }) = query.map_err(|rejection| invalid_query(&rejection))?;
    let from = before.map_or(Page::Newest, Page::Before);
    let found = shared.engine.approvals(from, LIMIT).await?;
    let mut shown = json!({ "value": found.found.iter().map(show).collect::<Vec<_>>() });
    if let Some(Page::Before(position)) = found.next {
        shown["nextLink"] = format!("/api/v1/approvals?before={position}").into();
    }
    Ok(Json(shown))
}

/// One of the options is chosen by somebody who may answer all approvals.
pub(crate) async fn answer(
    State(shared): State<Shared>,
    user: Option<Extension<Arc<User>>>,
    Path((run, path)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let place = (&RunId::new(run), &Place::from_address(path));
    let mut answer: AnswerBody = read(&body)?;
    // Who has signed in cannot answer for others.
    if let Some(Extension(user)) = user.filter(|it| it.kind != Kind::Local) {
        answer.responder = Some(user.name.clone());
    }
    take(&shared, place, &Proof::Trusted, answer).await
}

/// Somebody has opened the address of an approval, or answers there. A browser is given a page, which
/// asks for the rest.
pub(crate) async fn by_link(
    shared: &Shared,
    (run, path): (&RunId, &Place),
    signature: String,
    (is_get, headers, body): (bool, &HeaderMap, &Bytes),
) -> Result<Response, Problem> {
    let proof = Proof::Signature(signature);
    if !is_get {
        return Ok(take(shared, (run, path), &proof, read(body)?).await?.into_response());
    }
    if is_browser(headers) {
        return Ok(ui::approval_page(headers));
    }
    let approval = shared.engine.approval(run, path, &proof).await?;
    Ok(Json(show(&approval)).into_response())
}

/// Whether a person looks at the answer.
pub(crate) fn is_browser(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("text/html"))
}

fn show(approval: &Approval) -> Value {
    let Approval { run, flow, open } = approval;
    let part = |name: &str| open.inputs.get(name).cloned().unwrap_or_default();
    json!({
        "run": run.as_str(),
        "flow": flow,
        "path": open.path.as_str(),
        "action": open.action,
        "title": part("title"),
        "details": part("details"),
        "assignedTo": part("assignedTo"),
        "options": part("options"),
        "since": open.since.to_string(),
        "until": open.until.map(|it| it.to_string()),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    response: String,
    comments: Option<String>,
    responder: Option<String>,
}

async fn take(
    shared: &Shared,
    (run, path): (&RunId, &Place),
    proof: &Proof,
    answer: AnswerBody,
) -> Result<Json<Value>, Problem> {
    let AnswerBody { response, comments, responder } = answer;
    let answer = Answer { response, comments, responder };
    let outcome = answer.response.clone();
    shared.engine.answer_approval(run, path, proof, answer).await.map_err(|error| match error {
        AnswerError::NotAnOption { .. } => Problem::new(400, "NotAnOption", error.to_string()),
        AnswerError::TooLong => Problem::new(400, "AnswerTooLong", error.to_string()),
        AnswerError::Call(error) => error.into(),
    })?;
    Ok(Json(json!({ "outcome": outcome })))
}
