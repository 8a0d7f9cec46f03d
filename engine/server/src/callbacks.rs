//! Calls of services that runs wait for: durable before they are answered.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{Path, Query, State, rejection::BytesRejection},
    http::{StatusCode, request::Parts},
};
use base::RunId;
use worker::{Call, CallBack};

use crate::{
    Shared,
    error::Problem,
    hooks::{read_headers, unread},
};

pub(crate) async fn receive(
    State(shared): State<Shared>,
    Path((run, path)): Path<(String, String)>,
    Query(queries): Query<BTreeMap<String, String>>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let body = body.map_err(|rejection| unread(&rejection))?;
    let headers = read_headers(&parts.headers)?;
    let call = Call {
        path: &path,
        method: parts.method.as_str(),
        queries: &queries,
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body: &body,
    };
    let outputs = worker::hooks::call_outputs(&call)?;
    let signature = queries.get("sig").cloned().unwrap_or_default();
    let (run, path) = (RunId::new(run), journal::Path::from_address(path));
    shared.engine.call_back(CallBack { run, path, signature, outputs }).await?;
    Ok(StatusCode::OK)
}
