//! Which runs a command is about, from its flags.

use anyhow::{Context as _, bail};
use base::suggest;
use serde_json::{Map, Value};

use super::{args::FilterArgs, client::segment};

const NAMES: [&str; 11] = [
    "flow",
    "trigger",
    "status",
    "key",
    "error",
    "parent",
    "resubmitOf",
    "text",
    "handled",
    "since",
    "until",
];

/// The members of a filter as the API takes them.
pub(super) fn members(args: &FilterArgs) -> anyhow::Result<Map<String, Value>> {
    let mut members = Map::new();
    for condition in &args.conditions {
        for (name, value) in split(condition)? {
            put(&mut members, &name, value)?;
        }
    }
    let flags = [
        ("flow", &args.flow),
        ("trigger", &args.trigger),
        ("status", &args.status),
        ("key", &args.key),
        ("error", &args.error),
        ("parent", &args.parent),
        ("resubmitOf", &args.resubmit_of),
        ("since", &args.since),
        ("until", &args.until),
    ];
    for (name, value) in flags {
        if let Some(value) = value {
            put(&mut members, name, value.clone())?;
        }
    }
    Ok(members)
}

/// The same as the query of an address, each member with `&` before it.
pub(super) fn query(members: &Map<String, Value>) -> String {
    let parts = members.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let parts: Vec<String> =
        parts.map(|(name, value)| format!("&{name}={}", segment(value))).collect();
    parts.concat()
}

/// `name=value` with commas between; a comma with no name behind it belongs to the value.
fn split(text: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    for part in text.split(',') {
        match (part.split_once('='), found.last_mut()) {
            (Some((name, value)), _) => found.push((name.trim().to_owned(), value.to_owned())),
            (None, Some((_, value))) => {
                value.push(',');
                value.push_str(part);
            }
            (None, None) => bail!("`--where {text}`: write `name=value`, as in `status=Failed`"),
        }
    }
    Ok(found)
}

fn put(members: &mut Map<String, Value>, name: &str, value: String) -> anyhow::Result<()> {
    let Some(known) = NAMES.iter().find(|it| it.eq_ignore_ascii_case(name)) else {
        let near = suggest::closest(name, NAMES);
        let near = crate::choice::meant(near);
        bail!("runs are not found by `{name}`{near} There are: {}", NAMES.join(", "));
    };
    let value = match *known {
        "since" | "until" => time(&value)?,
        "status" => match members.get("status").and_then(Value::as_str) {
            Some(earlier) => format!("{earlier},{value}"),
            None => value,
        },
        _ => value,
    };
    members.insert((*known).to_owned(), value.into());
    Ok(())
}

/// `2h` as `PT2H`; anything else as it is.
fn time(text: &str) -> anyhow::Result<String> {
    if text.starts_with('P') || text.contains('-') {
        return Ok(text.to_owned());
    }
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let number: Option<u32> = digits.parse().ok();
    let number = number.with_context(|| no_time(text))?;
    Ok(match unit {
        "s" => format!("PT{number}S"),
        "m" => format!("PT{number}M"),
        "h" => format!("PT{number}H"),
        "d" => format!("P{number}D"),
        "w" => format!("P{number}W"),
        _ => bail!(no_time(text)),
    })
}

fn no_time(text: &str) -> String {
    format!("`{text}` is no time: write `30s`, `15m`, `2h`, `3d`, `1w` or `2026-01-31T12:00:00Z`")
}

/// A length of time such as `30s` or `PT30S`.
pub(super) fn length(text: &str) -> anyhow::Result<base::Duration> {
    base::Duration::parse_iso(&time(text)?).with_context(|| no_time(text))
}
