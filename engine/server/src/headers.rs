//! What browsers are told about everything that this service answers.

use axum::{
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::Next,
    response::Response,
};

use crate::{Shared, ui::OwnPage};

/// Pages take everything from this service, and nothing that stands in them is a script.
const PAGES: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; \
                     frame-ancestors 'none'; object-src 'none'";
/// What a flow answers may be anybody's text: it is shown as one without an origin.
const ANSWERS: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// For pages and the API.
pub(crate) async fn of_pages(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, PAGES),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (OPENER, "same-origin"),
        (RESOURCE, "same-origin"),
        (CACHE_CONTROL, "no-store"),
    ] {
        // A page may be stricter than all.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if shared.is_encrypted {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// For what flows answer.
pub(crate) async fn of_answers(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let is_page = response.extensions().get::<OwnPage>().is_some();
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Beside the pages it must not be taken for one of them; elsewhere it is the flow's business.
    if shared.hooks_are_beside && !is_page {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(ANSWERS));
    }
    response
}
