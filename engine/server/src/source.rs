//! The files of flows: read in any version, compared, checked, saved.

use std::{collections::BTreeSet, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Shared,
    diff::unified,
    error::Problem,
    flows::no_flow,
    operate::required,
    runs::invalid_query,
    workshop::{Text, WorkError, Workshop, last},
};

/// Versions that are listed.
pub(crate) const VERSIONS_MAX: usize = 500;
/// How long an answer waits until what was saved is deployed, and how often it is looked.
const DEPLOY_WAIT: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Names of files without their folders, and their texts.
type Files = Vec<(String, String)>;

/// The files of a version of a flow; of the present one if none is named.
async fn files(
    shared: &Shared,
    flow: &str,
    version: Option<&str>,
) -> Result<(String, Files), Problem> {
    let present = shared.engine.flows().get(flow).map(|it| (it.sha.clone(), it.files.clone()));
    let (sha, files) = match (version, present) {
        (None, Some(present)) => present,
        (None, None) => return Err(no_flow(flow)),
        (Some(sha), Some(present)) if sha == present.0 => present,
        (Some(sha), _) => {
            let stored = shared.engine.version(sha).await?.filter(|it| it.flow == flow);
            let stored = stored.ok_or_else(|| {
                let message = format!("the flow `{flow}` has no version `{sha}`");
                Problem::new(404, "VersionNotFound", message)
            })?;
            (stored.sha, stored.files)
        }
    };
    let files = files.into_iter().map(|(name, text)| (last(&name).to_owned(), text));
    Ok((sha, files.collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceQuery {
    version: Option<String>,
}

pub(crate) async fn show(
    State(shared): State<Shared>,
    Path(flow): Path<String>,
    query: Result<Query<SourceQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(SourceQuery { version }) = query.map_err(|rejection| invalid_query(&rejection))?;
    let (version, files) = files(&shared, &flow, version.as_deref()).await?;
    let present = shared.engine.flows().get(&flow).map(|it| it.sha.clone());
    let files = files.into_iter().map(|(name, text)| json!({ "name": name, "text": text }));
    Ok(Json(json!({
        "flow": flow,
        "current": present.as_ref() == Some(&version),
        "version": version,
        "files": files.collect::<Vec<_>>(),
    })))
}

pub(crate) async fn versions(
    State(shared): State<Shared>,
    Path(flow): Path<String>,
) -> Result<Json<Value>, Problem> {
    let present = shared.engine.flows().get(&flow).map(|it| it.sha.clone());
    let all = shared.engine.versions(&flow, VERSIONS_MAX).await?;
    if all.is_empty() {
        return Err(no_flow(&flow));
    }
    let shown = all.iter().map(|it| {
        json!({
            "version": it.sha,
            "current": present.as_ref() == Some(&it.sha),
            "storedTime": it.stored.map(|it| it.to_string()),
        })
    });
    Ok(Json(json!({ "value": shown.collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiffQuery {
    from: String,
    to: Option<String>,
}

pub(crate) async fn diff(
    State(shared): State<Shared>,
    Path(flow): Path<String>,
    query: Result<Query<DiffQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(DiffQuery { from, to }) = query.map_err(|rejection| invalid_query(&rejection))?;
    let (from, old) = files(&shared, &flow, Some(&from)).await?;
    let (to, new) = files(&shared, &flow, to.as_deref()).await?;
    let compared = tokio::task::spawn_blocking(move || compare(&old, &new));
    let compared = compared.await.map_err(|error| {
        Problem::new(500, "InternalError", format!("the versions cannot be compared: {error}"))
    })?;
    Ok(Json(json!({ "flow": flow, "from": from, "to": to, "files": compared })))
}

fn compare(old: &Files, new: &Files) -> Vec<Value> {
    let find =
        |files: &Files, name: &str| files.iter().find(|it| it.0 == name).map(|it| it.1.clone());
    let mut seen = BTreeSet::new();
    let names = new.iter().chain(old).map(|it| &it.0).filter(|it| seen.insert(it.as_str()));
    let compared = names.map(|name| {
        let (before, after) = (find(old, name), find(new, name));
        let change = match (&before, &after) {
            (None, _) => "added",
            (_, None) => "removed",
            (Some(before), Some(after)) if before == after => "same",
            (Some(_), Some(_)) => "changed",
        };
        let text = unified(&before.unwrap_or_default(), &after.unwrap_or_default());
        json!({ "name": name, "change": change, "diff": text })
    });
    compared.collect()
}

fn workshop(shared: &Shared) -> Result<&Workshop, Problem> {
    let message = "this service was started without a project";
    shared.workshop.as_deref().ok_or_else(|| Problem::new(404, "ProjectNotFound", message))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Validate {
    flow: String,
    files: Vec<Text>,
}

pub(crate) async fn validate(
    State(shared): State<Shared>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let Validate { flow, files } = required(&body)?;
    workshop(&shared)?;
    let shared = shared.clone();
    let checking = tokio::task::spawn_blocking(move || {
        workshop(&shared)?.check(&flow, &files).map_err(Problem::from)
    });
    let found = checking.await.map_err(|error| {
        Problem::new(500, "InternalError", format!("the files cannot be checked: {error}"))
    })??;
    let valid = !found.iter().any(|it| it["severity"] == "error");
    Ok(Json(json!({ "valid": valid, "findings": found })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Save {
    /// The version that they were made from; none of a flow that is new.
    version: Option<String>,
    files: Vec<Text>,
}

pub(crate) async fn save(
    State(shared): State<Shared>,
    Path(flow): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Save { version, files } = required(&body)?;
    let saved = workshop(&shared)?.save(&flow, version.as_deref(), files).await;
    let (version, found) = match saved {
        Ok(saved) => saved,
        Err(error @ WorkError::Faulty(..)) => {
            let WorkError::Faulty(_, found) = &error else { return Err(error.into()) };
            let found = found.clone();
            let body = json!({ "error": Problem::from(error).to_json(), "findings": found });
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let is_deployed = || shared.engine.flows().get(&flow).is_some_and(|it| it.sha == version);
    let deploying = async {
        while !is_deployed() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let deployed = tokio::time::timeout(DEPLOY_WAIT, deploying).await.is_ok();
    let body = json!({ "flow": flow, "version": version, "deployed": deployed, "findings": found });
    Ok(Json(body).into_response())
}

impl From<WorkError> for Problem {
    fn from(error: WorkError) -> Self {
        let message = error.to_string();
        match &error {
            WorkError::Refused(_) => Self::new(400, "InvalidFlowFiles", message),
            WorkError::Conflict(_) => Self::new(409, "VersionConflict", message),
            WorkError::Faulty(..) => Self::new(422, "InvalidFlow", message),
            WorkError::NotEditable(_) => Self::new(403, "NotEditable", message),
            WorkError::Project(_) | WorkError::Io(..) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "A flow could not be saved.");
                Self::later(503, "ProjectUnavailable", message, 10)
            }
        }
    }
}
