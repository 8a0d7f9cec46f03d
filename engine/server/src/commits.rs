//! Which Git commits hold the versions of a flow.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use process_host::git::{self, Commit, GitError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Shared, error::Problem, flows::no_flow, runs::invalid_query, source::VERSIONS_MAX};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommitsQuery {
    version: Option<String>,
}

pub(crate) async fn list(
    State(shared): State<Shared>,
    Path(flow): Path<String>,
    query: Result<Query<CommitsQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(CommitsQuery { version }) = query.map_err(|rejection| invalid_query(&rejection))?;
    let mut versions = shared.engine.versions(&flow, VERSIONS_MAX).await?;
    versions.retain(|it| version.as_ref().is_none_or(|wanted| *wanted == it.sha));
    let Some(root) = shared.workshop.as_ref().map(|it| it.project().root.clone()) else {
        return Ok(none("this service was started without a project"));
    };
    if versions.is_empty() {
        return Err(no_flow(&flow));
    }
    let _turn = shared.commits.lock().await;
    let mut files = Vec::with_capacity(versions.len());
    for version in &versions {
        let stored = shared.engine.version(&version.sha).await?;
        files.push(stored.map(|it| it.files).unwrap_or_default());
    }
    let commits = match git::commits(&root, &files).await {
        Ok(commits) => commits,
        Err(error) => {
            match error {
                GitError::NoGit | GitError::NoRepository => {}
                _ => tracing::warn!(error = &error as &dyn std::error::Error, "No commits."),
            }
            return Ok(none(&error.to_string()));
        }
    };
    let rows = versions.iter().zip(commits);
    let rows = rows.map(|(it, commit)| json!({ "version": it.sha, "commit": commit.map(shown) }));
    Ok(Json(json!({ "value": rows.collect::<Vec<_>>(), "reason": null })))
}

fn none(reason: &str) -> Json<Value> {
    Json(json!({ "value": [], "reason": reason }))
}

fn shown(commit: Commit) -> Value {
    let Commit { id, at, subject, page } = commit;
    json!({ "id": id, "time": at.to_string(), "subject": subject, "url": page })
}
