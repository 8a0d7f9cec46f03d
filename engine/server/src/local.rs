//! Without sign-in the API answers to this machine only, whatever name a browser has been told for it.

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap,
        header::{HOST, ORIGIN},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{Shared, error::Problem};

/// For pages, which everybody may read who may ask this service.
pub(crate) async fn pages(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    if shared.gate.is_open()
        && let Err(problem) = check(request.headers())
    {
        return problem.into_response();
    }
    next.run(request).await
}

/// Refuses requests that were sent to another name than this machine's own: a page of a stranger
/// whose name has been pointed here must not read the history of runs.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers.get(HOST).and_then(|it| it.to_str().ok()).unwrap_or("");
    // Whatever a browser sends for a page says which page that is.
    let origin = headers.get(ORIGIN).map(|it| it.to_str().unwrap_or(""));
    let origin = origin.map(|it| it.split_once("://").map_or("", |(_, host)| host));
    if origin.is_some_and(|it| !is_local(it)) {
        return Err(Problem::new(
            403,
            "ForbiddenOrigin",
            "a page from elsewhere must not ask this",
        ));
    }
    if is_local(host) {
        return Ok(());
    }
    let message = "this address answers as localhost only";
    Err(Problem::new(421, "MisdirectedRequest", message))
}

fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}
