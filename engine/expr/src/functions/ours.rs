//! Functions that the cloud has not: literals of query languages, paths, digests, names.

use serde_json::Value;
use uuid::Uuid;

use super::encode::{bytes_of, escape};
use super::{Answer, Arguments, Eval, Function, Origin, optional, required, rest};
use crate::access::key_of;
use crate::error::EvalError;
use crate::operand::Operand;
use crate::types::Type;
use base::{base64, digest};

const FAMILY: &str = "Flowright";

pub(super) const HMAC_SHA256: Function = Function {
    name: "hmacSha256",
    family: FAMILY,
    origin: Origin::Flowright,
    summary: "The keyed digest of a value, in `hex` or `base64`.",
    params: &[
        required("value", Type::Any),
        required("key", Type::Any),
        optional("format", Type::String),
    ],
    returns: Type::String,
    eval: Eval::Pure(hmac_sha256),
    examples: &[
        (
            "hmacSha256('what do ya want for nothing?', 'Jefe')",
            "\"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\"",
        ),
        ("length(hmacSha256('a', 'b', 'base64'))", "44"),
    ],
};

pub(super) const JSON_POINTER: Function = Function {
    name: "jsonPointer",
    family: FAMILY,
    origin: Origin::Flowright,
    summary: "The value at a JSON Pointer of RFC 6901, or null.",
    params: &[required("value", Type::Any), required("pointer", Type::String)],
    returns: Type::Any,
    eval: Eval::Pure(json_pointer),
    examples: &[
        ("jsonPointer(json('{\"a\":[1,2]}'), '/a/1')", "2"),
        ("jsonPointer(json('{\"a\":1}'), '/b')", "null"),
    ],
};

pub(super) const MAP_VALUE: Function = Function {
    name: "mapValue",
    family: FAMILY,
    origin: Origin::Flowright,
    summary: "The value that an object gives a key, or what is said for any other.",
    params: &[
        required("value", Type::Any),
        required("map", Type::Object),
        optional("otherwise", Type::Any),
    ],
    returns: Type::Any,
    eval: Eval::Pure(map_value),
    examples: &[
        ("mapValue('a', json('{\"a\":\"Active\"}'))", "\"Active\""),
        ("mapValue('x', json('{\"a\":\"Active\"}'), 'New')", "\"New\""),
    ],
};

pub(super) const ODATA_LITERAL: Function = Function {
    name: "odataLiteral",
    family: FAMILY,
    origin: Origin::Flowright,
    summary: "A value as a literal of an OData filter; quotes in texts are doubled.",
    params: &[required("value", Type::Any)],
    returns: Type::String,
    eval: Eval::Pure(odata_literal),
    examples: &[
        ("odataLiteral('O''Neil')", "\"'O''Neil'\""),
        ("odataLiteral(5)", "\"5\""),
        ("odataLiteral(null)", "\"null\""),
    ],
};

pub(super) const SHA256: Function = Function {
    name: "sha256",
    family: FAMILY,
    origin: Origin::Flowright,
    summary: "The digest of a value, in `hex` or `base64`.",
    params: &[required("value", Type::Any), optional("format", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(sha256),
    examples: &[
        ("sha256('abc')", "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""),
        ("sha256('abc', 'base64')", "\"ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=\""),
    ],
};

pub(super) const SOQL_LITERAL: Function = Function {
    name: "soqlLiteral",
    family: FAMILY,
    origin: Origin::Flowright,
    summary: "A value as a literal of a SOQL query; quotes in texts are escaped.",
    params: &[required("value", Type::Any)],
    returns: Type::String,
    eval: Eval::Pure(soql_literal),
    examples: &[
        ("soqlLiteral('O''Neil')", "\"'O\\\\'Neil'\""),
        ("soqlLiteral(createArray('a', 1))", "\"('a', 1)\""),
    ],
};

pub(super) const URL_PATH: Function = Function {
    name: "urlPath",
    family: FAMILY,
    origin: Origin::Flowright,
    summary: "A path of segments, each in percent encoding so that it stays one segment.",
    params: &[required("segment", Type::Any), rest("segment", Type::Any)],
    returns: Type::String,
    eval: Eval::Pure(url_path),
    examples: &[
        ("urlPath('accounts', 'a/b c')", "\"accounts/a%2Fb%20c\""),
        ("urlPath('v1', 42)", "\"v1/42\""),
    ],
};

pub(super) const UUIDV5: Function = Function {
    name: "uuidv5",
    family: FAMILY,
    origin: Origin::Flowright,
    summary: "The identifier that a name has in a namespace: always the same.",
    params: &[required("namespace", Type::String), required("name", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(uuidv5),
    examples: &[
        ("uuidv5('dns', 'www.example.com')", "\"2ed6657d-e927-568b-95e1-2665a8aea6a2\""),
        (
            "uuidv5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')",
            "\"2ed6657d-e927-568b-95e1-2665a8aea6a2\"",
        ),
    ],
};

fn odata_literal(args: &mut Arguments<'_>) -> Answer<'static> {
    let value = args.take(0);
    literal(args, &value, &|text| format!("'{}'", text.replace('\'', "''"))).map(Operand::from)
}

fn soql_literal(args: &mut Arguments<'_>) -> Answer<'static> {
    let value = args.take(0);
    soql_literal_of(args, &value).map(Operand::from)
}

/// A value as a literal of a SOQL query.
pub(super) fn soql_literal_of(
    args: &Arguments<'_>,
    value: &Operand<'_>,
) -> Result<String, EvalError> {
    literal(args, value, &soql_quote)
}

/// A text in the quotes of a SOQL query.
pub(super) fn soql_quote(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' | '"' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c => out.push(c),
        }
    }
    out + "'"
}

/// A literal of a query language that differ only in how they quote texts.
fn literal(
    args: &Arguments<'_>,
    value: &Operand<'_>,
    quote: &dyn Fn(&str) -> String,
) -> Result<String, EvalError> {
    match value.json() {
        None => Ok(value.to_text().into_owned()),
        Some(Value::String(text)) => Ok(quote(text)),
        Some(Value::Array(items)) if !items.is_empty() => {
            let items = items.iter().map(|item| literal(args, &Operand::lent(item), quote));
            Ok(format!("({})", items.collect::<Result<Vec<_>, _>>()?.join(", ")))
        }
        Some(Value::Array(_)) => Err(args.failure("expects an array that is not empty")),
        Some(Value::Object(_)) => {
            Err(args.mismatch(0, "be a text, a number, a boolean, null or an array", "Object"))
        }
        Some(scalar) => Ok(scalar.to_string()),
    }
}

fn url_path(args: &mut Arguments<'_>) -> Answer<'static> {
    let mut segments = Vec::new();
    for segment in args.take_all() {
        let segment = segment.to_text();
        if matches!(segment.as_ref(), "" | "." | "..") {
            return Err(args.failure(&format!("cannot make a segment of '{segment}'")));
        }
        segments.push(escape(&segment));
    }
    Ok(segments.join("/").into())
}

fn json_pointer(args: &mut Arguments<'_>) -> Answer<'static> {
    let (value, pointer) = (args.take(0), args.text(1)?);
    if !(pointer.is_empty() || pointer.starts_with('/')) {
        return Err(args.failure("expects its second parameter to be empty or to begin with '/'"));
    }
    let found = value.json().and_then(|value| value.pointer(&pointer));
    Ok(found.cloned().unwrap_or_default().into())
}

fn map_value<'a>(args: &mut Arguments<'a>) -> Answer<'a> {
    let value = args.take(0);
    let map = args.object(1)?;
    let key = value.to_text();
    match key_of(&map, &key).and_then(|key| map.get(key)) {
        Some(found) if !value.is_null() => Ok(found.clone().into()),
        _ if args.is_given(2) => Ok(args.take(2)),
        _ if value.is_null() => Ok(Operand::NULL),
        _ => Err(args.failure(&format!(
            "finds no '{key}' in the object of its second parameter, and there is no third"
        ))),
    }
}

fn sha256(args: &mut Arguments<'_>) -> Answer<'static> {
    let value = bytes_of(&args.take(0));
    Ok(if is_base64(args, 1)? {
        base64::encode(&digest::sha256(&value)).into()
    } else {
        digest::sha256_hex(&value).into()
    })
}

fn hmac_sha256(args: &mut Arguments<'_>) -> Answer<'static> {
    let (value, key) = (args.take(0), args.take(1));
    let hex = digest::hmac_sha256_hex(&bytes_of(&key), &bytes_of(&value));
    Ok(if is_base64(args, 2)? {
        let (pairs, _) = hex.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        base64::encode(&pairs.iter().filter_map(byte).collect::<Vec<_>>()).into()
    } else {
        hex.into()
    })
}

/// Whether an argument names the format `base64` for a digest, not `hex`.
fn is_base64(args: &mut Arguments<'_>, at: usize) -> Result<bool, EvalError> {
    match args.optional_text(at)?.as_deref() {
        None | Some("hex") => Ok(false),
        Some("base64") => Ok(true),
        Some(other) => {
            Err(args.failure(&format!("knows the formats 'hex' and 'base64', not '{other}'")))
        }
    }
}

fn uuidv5(args: &mut Arguments<'_>) -> Answer<'static> {
    let (namespace, name) = (args.text(0)?, args.text(1)?);
    let namespace = match namespace.as_ref() {
        "dns" => Some(Uuid::NAMESPACE_DNS),
        "oid" => Some(Uuid::NAMESPACE_OID),
        "url" => Some(Uuid::NAMESPACE_URL),
        "x500" => Some(Uuid::NAMESPACE_X500),
        text => Uuid::parse_str(text).ok(),
    };
    let Some(namespace) = namespace else {
        return Err(args.failure(
            "expects its first parameter to be an identifier or one of 'dns', 'oid', 'url', 'x500'",
        ));
    };
    Ok(Uuid::new_v5(&namespace, name.as_bytes()).to_string().into())
}
