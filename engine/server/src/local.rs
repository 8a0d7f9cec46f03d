//! The API answers to this machine only, whatever name a browser has been told for it.

use axum::{
    extract::Request,
    http::header::{HOST, ORIGIN},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::error::Problem;

/// Refuses requests that were sent to another name than this machine's own: a page of a stranger
/// whose name has been pointed here must not read the history of runs.
pub(crate) async fn only(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|it| it.to_str().ok()).unwrap_or("");
    // Whatever a browser sends for a page says which page that is.
    let origin = request.headers().get(ORIGIN).map(|it| it.to_str().unwrap_or(""));
    let origin = origin.map(|it| it.split_once("://").map_or("", |(_, host)| host));
    if origin.is_some_and(|it| !is_local(it)) {
        let message = "a page from elsewhere must not ask this";
        return Problem::new(403, "ForbiddenOrigin", message).into_response();
    }
    if is_local(host) {
        return next.run(request).await;
    }
    Problem::new(421, "MisdirectedRequest", "this address answers as localhost only")
        .into_response()
}

fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}
