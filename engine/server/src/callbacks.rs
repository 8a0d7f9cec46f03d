//! Calls of services that runs wait for: durable before they are answered.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{Path, Query, State, rejection::BytesRejection},
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use base::RunId;
use worker::{Call, CallBack, CallBackError};

use crate::{
    Shared, approvals,
    error::Problem,
    hooks::{read_headers, unread},
};

pub(crate) async fn receive(
    State(shared): State<Shared>,
    Path((run, path)): Path<(String, String)>,
    Query(queries): Query<BTreeMap<String, String>>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
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
    let is_get = parts.method == Method::GET;
    let place = (&run, &path);
    let call =
        CallBack { run: run.clone(), path: path.clone(), signature: signature.clone(), outputs };
    match shared.engine.call_back(call).await {
        Ok(()) => Ok(StatusCode::OK.into_response()),
        Err(CallBackError::Approval) => {
            let asked = (is_get, &parts.headers, &body);
            approvals::by_link(&shared, place, signature, asked).await
        }
        // A person who comes too late, or with half of an address, is told so on a page.
        Err(error @ (CallBackError::NotAwaited | CallBackError::Unknown))
            if is_get && approvals::is_browser(&parts.headers) =>
        {
            let is_late = matches!(error, CallBackError::NotAwaited);
            let mut response = crate::ui::approval_page(&parts.headers);
            *response.status_mut() = if is_late { StatusCode::GONE } else { StatusCode::NOT_FOUND };
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}
