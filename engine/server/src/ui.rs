//! The web pages: files that are part of the program, and headers that let a browser run nothing else.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Path,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
            REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    response::{IntoResponse as _, Response},
    routing::get,
};
use base::digest::sha256_hex;

use crate::error::Problem;

/// Only what this service serves, nothing inline, and no text that becomes markup.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Marks an answer that is a page of ours, wherever it is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnPage;

struct File {
    name: &'static str,
    media: &'static str,
    text: &'static str,
}

macro_rules! scripts {
    ($($name:literal),* $(,)?) => {
        &[$(File {
            name: concat!("js/", $name),
            media: SCRIPT,
            text: include_str!(concat!("../ui/js/", $name)),
        }),*]
    };
}

const PAGES: &[File] = &[
    File {
        name: "index.html",
        media: "text/html; charset=utf-8",
        text: include_str!("../ui/index.html"),
    },
    File {
        name: "approval.html",
        media: "text/html; charset=utf-8",
        text: include_str!("../ui/approval.html"),
    },
    File { name: "app.css", media: "text/css; charset=utf-8", text: include_str!("../ui/app.css") },
    File { name: "icon.svg", media: "image/svg+xml", text: include_str!("../ui/icon.svg") },
];

/// Every module, by the name that others import it by.
const SCRIPTS: &[File] = scripts![
    "action.js",
    "activity.js",
    "again.js",
    "api.js",
    "app.js",
    "approval.js",
    "approvals.js",
    "bulk.js",
    "cards.js",
    "changes.js",
    "chart.js",
    "commands.js",
    "commits.js",
    "connections.js",
    "curl.js",
    "dom.js",
    "editor.js",
    "explain.js",
    "fields.js",
    "flow.js",
    "flows.js",
    "format.js",
    "handle.js",
    "icons.js",
    "imported.js",
    "journal.js",
    "json.js",
    "kinds.js",
    "live.js",
    "mapping.js",
    "package.js",
    "parts.js",
    "router.js",
    "run.js",
    "runform.js",
    "runhead.js",
    "runs.js",
    "runtree.js",
    "session.js",
    "source.js",
    "status.js",
    "strip.js",
    "textarea.js",
    "timeline.js",
    "versions.js",
];

/// Each file with the name of its present text.
static FILES: LazyLock<Vec<(&File, String)>> = LazyLock::new(|| {
    let tag = |file: &File| {
        let digest = sha256_hex(file.text.as_bytes());
        format!("\"{}\"", digest.get(..16).unwrap_or(&digest))
    };
    PAGES.iter().chain(SCRIPTS).map(|file| (file, tag(file))).collect()
});

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page = async |headers: HeaderMap| serve("index.html", &headers);
    files().route("/", get(page))
}

/// What pages are made of.
pub(crate) fn files<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let file = async |Path(name): Path<String>, headers: HeaderMap| serve(&name, &headers);
    Router::new().route("/ui/{*file}", get(file))
}

/// The page of an approval, wherever it is asked for.
pub(crate) fn approval_page(asked: &HeaderMap) -> Response {
    serve("approval.html", asked)
}

fn serve(name: &str, asked: &HeaderMap) -> Response {
    let Some((file, tag)) = FILES.iter().find(|(file, _)| file.name == name) else {
        return Problem::new(404, "NotFound", "there is nothing at this address").into_response();
    };
    let is_known = asked.get(IF_NONE_MATCH).is_some_and(|it| it.as_bytes() == tag.as_bytes());
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, file.media)], file.text).into_response()
    };
    response.extensions_mut().insert(OwnPage);
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    for (name, value) in [
        // A browser asks each time, and is told that it has the file already.
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Names and texts of all files.
#[cfg(test)]
pub(crate) fn served() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGES.iter().chain(SCRIPTS).map(|it| (it.name, it.text))
}
