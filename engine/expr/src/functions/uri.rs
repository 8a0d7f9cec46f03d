//! Functions that take a URI apart; what is not an absolute URI has empty parts.

use super::{Answer, Arguments, Eval, Function, Origin, required};
use crate::error::EvalError;
use crate::types::Type;

const FAMILY: &str = "URI parsing";

pub(super) const URI_HOST: Function = Function {
    name: "uriHost",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The host of a URI.",
    params: &[required("uri", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(host),
    examples: &[
        ("uriHost('https://www.localhost.com:8080')", "\"www.localhost.com\""),
        ("uriHost('notaurl')", "\"\""),
    ],
};

pub(super) const URI_PATH: Function = Function {
    name: "uriPath",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The path of a URI.",
    params: &[required("uri", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(path),
    examples: &[
        ("uriPath('https://www.contoso.com/catalog/show.htm?date=today')", "\"/catalog/show.htm\""),
        ("uriPath('https://www.contoso.com')", "\"/\""),
    ],
};

pub(super) const URI_PATH_AND_QUERY: Function = Function {
    name: "uriPathAndQuery",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The path and the query of a URI.",
    params: &[required("uri", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(path_and_query),
    examples: &[
        (
            "uriPathAndQuery('https://www.contoso.com/catalog?date=today')",
            "\"/catalog?date=today\"",
        ),
        ("uriPathAndQuery('https://a.b')", "\"/\""),
    ],
};

pub(super) const URI_PORT: Function = Function {
    name: "uriPort",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The port of a URI, or the usual one of its scheme.",
    params: &[required("uri", Type::String)],
    returns: Type::Integer,
    eval: Eval::Pure(port),
    examples: &[
        ("uriPort('https://www.localhost:8080')", "8080"),
        ("uriPort('https://www.contoso.com')", "443"),
    ],
};

pub(super) const URI_QUERY: Function = Function {
    name: "uriQuery",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The query of a URI with its question mark.",
    params: &[required("uri", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(query),
    examples: &[
        ("uriQuery('https://www.contoso.com/catalog?date=today')", "\"?date=today\""),
        ("uriQuery('https://a.b')", "\"\""),
    ],
};

pub(super) const URI_SCHEME: Function = Function {
    name: "uriScheme",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The scheme of a URI.",
    params: &[required("uri", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(scheme),
    examples: &[
        ("uriScheme('HTTPS://www.contoso.com/catalog')", "\"https\""),
        ("uriScheme('notaurl')", "\"\""),
    ],
};

/// The parts of an absolute URI.
#[derive(Default)]
struct Uri {
    scheme: String,
    host: String,
    port: i64,
    path: String,
    query: String,
}

fn uri(args: &mut Arguments<'_>) -> Result<Uri, EvalError> {
    Ok(parts(args.text(0)?.trim()).unwrap_or_default())
}

fn parts(text: &str) -> Option<Uri> {
    let (scheme, rest) = text.split_once("://")?;
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(valid) {
        return None;
    }
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (authority, tail) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    let (path, query) = tail.split_at_checked(tail.find('?').unwrap_or(tail.len()))?;
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (address, usual_port(&scheme)),
    };
    let path = if path.is_empty() { "/" } else { path }.to_owned();
    Some(Uri { scheme, host: host.to_lowercase(), port, path, query: query.to_owned() })
}

fn usual_port(scheme: &str) -> i64 {
    match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "ftp" => 21,
        _ => -1,
    }
}

fn host(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(uri(args)?.host.into())
}

fn path(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(uri(args)?.path.into())
}

fn path_and_query(args: &mut Arguments<'_>) -> Answer<'static> {
    let uri = uri(args)?;
    Ok((uri.path + &uri.query).into())
}

fn port(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(uri(args)?.port.into())
}

fn query(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(uri(args)?.query.into())
}

fn scheme(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(uri(args)?.scheme.into())
}
