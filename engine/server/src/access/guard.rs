//! What every request to the API has to pass before it is carried out, in the order of the table of routes.

use std::{net::IpAddr, sync::Arc};

use axum::{
    RequestExt as _,
    body::{Body, to_bytes},
    extract::{Path, Request, State},
    http::{
        Extensions, HeaderMap, HeaderName, HeaderValue, Method,
        header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base::{Secret, limits::REQUEST_BYTES_MAX};
use serde_json::{Map, Value};

use super::{Gate, Kind, Role, Source, User, session};
use crate::{
    Shared, audit,
    error::Problem,
    local,
    routes::{May, Route},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How somebody has shown who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Not at all.
    Nothing,
    /// By a header, which browsers do not send by themselves.
    Header,
    /// By a cookie, which they do.
    Cookie,
}

/// Lets a request through that may be carried out, and notes changes before they are made.
pub(crate) async fn guard(
    State((shared, route)): State<(Shared, &'static Route)>,
    request: Request,
    next: Next,
) -> Response {
    match pass(&shared, route, request, next).await {
        Ok(response) => response,
        Err(problem) => {
            let is_stranger = problem.status == 401;
            let mut response = problem.into_response();
            if is_stranger {
                let how = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(WWW_AUTHENTICATE, how);
            }
            response
        }
    }
}

async fn pass(
    shared: &Shared,
    route: &'static Route,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let source = sender(shared, request.headers(), request.extensions());
    let gate = &shared.gate;
    gate.api.as_ref().map_or(Ok(()), |it| it.take(source)).map_err(too_many)?;
    if gate.is_open() {
        local::check(request.headers())?;
    } else {
        check_origin(shared, request.headers())?;
    }
    check_query(route, request.uri().query())?;
    let May::Role(role) = route.may else { return Ok(next.run(request).await) };
    let user = authorize(shared, route, role, &request, source)?;
    let user = Arc::new(user);
    request.extensions_mut().insert(Arc::clone(&user));
    // Behind a proxy of ours it is not who the connection is from.
    request.extensions_mut().insert(Source(source));
    if route.changes() {
        noted(shared, route, (&user, source), request, next).await
    } else {
        Ok(next.run(request).await)
    }
}

/// Who asks, if they may.
fn authorize(
    shared: &Shared,
    route: &Route,
    role: Role,
    request: &Request,
    source: IpAddr,
) -> Result<User, Problem> {
    let gate = &shared.gate;
    gate.wrong.is_exhausted(source).map_err(too_many)?;
    let Some((user, shown)) = gate.user(shared, request.headers())? else {
        if request.headers().contains_key(AUTHORIZATION) {
            gate.wrong.take(source).map_err(too_many)?;
        }
        return Err(Problem::new(
            401,
            "Unauthenticated",
            "say who you are: sign in, or bring a token",
        ));
    };
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if shown == Shown::Cookie && !is_safe && !request.headers().contains_key(ORIGIN) {
        let message = "a request with a cookie that changes something says which page sends it";
        return Err(Problem::new(403, "ForbiddenOrigin", message));
    }
    if user.role < role {
        let message = format!("this is for the role `{role}`; `{}` is `{}`", user.name, user.role);
        return Err(Problem::new(403, "Forbidden", message));
    }
    let part = route.part();
    if user.only.as_ref().is_some_and(|only| !only.iter().any(|it| it == part)) {
        let message = format!("this token is not for `{part}`");
        return Err(Problem::new(403, "Forbidden", message));
    }
    Ok(user)
}

/// Notes who wants what, lets it be done, and notes what came of it. What cannot be noted is not done.
async fn noted(
    shared: &Shared,
    route: &'static Route,
    (user, source): (&User, IpAddr),
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let names = request.extract_parts::<Path<Vec<(String, String)>>>().await;
    let target = names.map(|Path(it)| it.into_iter().map(|(_, value)| value).collect::<Vec<_>>());
    let target = target.unwrap_or_default().join(" ");
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, REQUEST_BYTES_MAX).await.map_err(|error| {
        let message = format!("the body of the request cannot be read: {error}");
        Problem::new(400, "InvalidRequestContent", message)
    })?;
    let details = details(route, &bytes);
    let entry = audit::entry(shared.engine.now(), (user, source), (route.id, target, details));
    let number = shared.engine.note(entry).await.map_err(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::error!(error, "A change could not be noted, and is not made.");
        Problem::later(503, "StoreUnavailable", "the change cannot be noted", 10)
    })?;
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    if let Err(error) = shared.engine.note_status(number, response.status().as_u16()).await {
        let error: &dyn std::error::Error = &error;
        tracing::error!(error, number, "It could not be noted what came of a change.");
    }
    Ok(response)
}

/// What the body says that may be kept for others to read.
fn details(route: &Route, body: &[u8]) -> Value {
    let Ok(Value::Object(mut body)) = serde_json::from_slice(body) else { return Value::Null };
    let kept: Map<String, Value> = route
        .noted
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), body.remove(*name)?)))
        .collect();
    if kept.is_empty() { Value::Null } else { audit::shortened(Value::Object(kept)) }
}

impl Gate {
    /// Who sends this, and how that was shown; none if nobody has signed in.
    pub(super) fn user(
        &self,
        shared: &Shared,
        headers: &HeaderMap,
    ) -> Result<Option<(User, Shown)>, Problem> {
        if self.is_open() {
            return Ok(Some((User::local(), Shown::Nothing)));
        }
        let Some(header) = headers.get(AUTHORIZATION) else {
            return Ok(session::user(shared, headers)?.map(|it| (it, Shown::Cookie)));
        };
        let token = header.to_str().ok().and_then(|it| it.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, token)) = token else { return Ok(None) };
        Ok(self.token_user(shared, token.trim())?.map(|it| (it, Shown::Header)))
    }

    fn token_user(&self, shared: &Shared, brought: &str) -> Result<Option<User>, Problem> {
        let Some(tokens) = &self.tokens else { return Ok(None) };
        let found = tokens.find(brought, shared.engine.now());
        let found = found.map_err(|error| session::unreadable(&error))?;
        Ok(found.map(|it| User {
            name: it.name,
            kind: Kind::Token,
            role: it.role,
            only: it.only,
            token: Some(it.id),
        }))
    }

    /// Who a token is for that was brought to sign in.
    pub(super) fn of_token(
        &self,
        shared: &Shared,
        token: &Secret<String>,
        source: IpAddr,
    ) -> Result<User, Problem> {
        if self.is_open() {
            return Ok(User::local());
        }
        self.wrong.is_exhausted(source).map_err(too_many)?;
        if let Some(user) = self.token_user(shared, token.expose())? {
            return Ok(user);
        }
        self.wrong.take(source).map_err(too_many)?;
        let message = "the token is unknown, expired or revoked";
        Err(Problem::new(401, "Unauthenticated", message))
    }

    /// Takes one request to a trigger.
    pub(crate) fn take_hook(&self, source: IpAddr) -> Result<(), Problem> {
        self.hooks.as_ref().map_or(Ok(()), |it| it.take(source)).map_err(too_many)
    }
}

fn too_many(seconds: u32) -> Problem {
    let message = "too many requests have come from this address";
    Problem::later(429, "TooManyRequests", message, seconds)
}

/// The address that a request comes from: that of the connection, or what a proxy of ours says.
pub(crate) fn sender(shared: &Shared, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    let unknown = Source(IpAddr::from([0, 0, 0, 0]));
    let Source(peer) = extensions.get().copied().unwrap_or(unknown);
    let proxies = &shared.gate.proxies;
    if !proxies.contains(&peer.to_canonical()) {
        return peer;
    }
    // Each proxy appends whom it was asked by; what stands further left may be invented.
    let named = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|it| it.to_str().ok());
    let mut named = named.flat_map(|it| it.rsplit(',')).map_while(|it| it.trim().parse().ok());
    named.find(|it: &IpAddr| !proxies.contains(&it.to_canonical())).unwrap_or(peer)
}

/// Refuses requests of pages that are not the service's own.
fn check_origin(shared: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
    let is_own = !authority.is_empty() && authority.eq_ignore_ascii_case(host);
    let public = shared.engine.public_url().unwrap_or_default();
    let is_public = public.eq_ignore_ascii_case(origin)
        || shared.origin.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(origin));
    if is_own || is_public {
        return Ok(());
    }
    Err(Problem::new(403, "ForbiddenOrigin", "a page from elsewhere must not ask this"))
}

/// Refuses parameters that the route does not have: one that is misspelt would let everything through.
fn check_query(route: &Route, query: Option<&str>) -> Result<(), Problem> {
    let pairs = query.unwrap_or_default().split('&').filter(|it| !it.is_empty());
    for name in pairs.map(|it| it.split('=').next().unwrap_or_default()) {
        if !route.query.iter().any(|it| it.name == name) {
            let message = format!("there is no parameter `{name}` here");
            return Err(Problem::new(400, "InvalidQuery", message));
        }
    }
    Ok(())
}
