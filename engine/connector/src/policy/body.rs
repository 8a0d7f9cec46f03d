//! Changes of bodies. What is not there is let be: flows give optional members or do not.

use base::Failure;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::{
    Change, Convert, Place,
    moment::Moment,
    path::{self, Segment},
};

/// Carries out a change; `moment` is of before.
pub(super) fn change(
    change: &Change,
    body: &mut Value,
    moment: &Moment<'_>,
) -> Result<(), Failure> {
    match change {
        Change::Set { parent, path, value } => {
            for parent in parents(body, &parent.segments) {
                let Some(item) = path::get(body, &parent).filter(|it| it.is_object()) else {
                    continue;
                };
                let (whole, item) = (body.clone(), item.clone());
                let value = value.body_value(&Moment {
                    body: &whole,
                    item: Some(&item),
                    connection: moment.connection,
                    secrets: moment.secrets,
                    query: moment.query,
                    headers: moment.headers,
                    now: moment.now,
                })?;
                path::set(body, &joined(&parent, path), value);
            }
        }
        Change::Move { from, path, to, to_path, members } => {
            let source = joined(&from.segments, path);
            let Some(moved) = path::take(body, &source) else { return Ok(()) };
            let target = joined(&to.segments, to_path);
            match moved {
                Value::Object(inner) if *members => {
                    for (name, value) in inner {
                        path::set(body, &joined(&target, &[Segment::Name(name)]), value);
                    }
                }
                moved => {
                    let last = source.last().cloned().filter(|_| to_path.is_empty());
                    let last: Vec<Segment> = last.into_iter().collect();
                    path::set(body, &joined(&target, &last), moved);
                }
            }
        }
        Change::Convert { parent, path, to, how } => {
            let all = if path.is_empty() {
                vec![parent.segments.clone()]
            } else {
                parents(body, &parent.segments)
            };
            for parent in all {
                let source = path::get(body, &joined(&parent, path));
                let Some(new) = source.and_then(|it| convert(it, how)) else { continue };
                match to {
                    Place::Body(place) => path::set(body, place, new),
                    Place::Item(place) => path::set(body, &joined(&parent, place), new),
                };
            }
        }
    }
    Ok(())
}

/// The places of a parent: its own, or those of its items if it is a list.
fn parents(body: &Value, path: &[Segment]) -> Vec<Vec<Segment>> {
    match path::get(body, path) {
        Some(Value::Array(items)) => {
            (0..items.len()).map(|at| joined(path, &[Segment::Index(at)])).collect()
        }
        Some(_) => vec![path.to_vec()],
        None => Vec::new(),
    }
}

fn joined(path: &[Segment], more: &[Segment]) -> Vec<Segment> {
    path.iter().chain(more).cloned().collect()
}

/// The new value; `None` if the old one is not of the type that it is made of.
fn convert(value: &Value, how: &Convert) -> Option<Value> {
    match how {
        Convert::Replace { from, to } => {
            let text = value.as_str().filter(|_| !from.is_empty())?;
            Some(text.replace(from.as_str(), to).into())
        }
        Convert::Encode => {
            let text = value.as_str()?;
            Some(utf8_percent_encode(text, ENCODED).to_string().into())
        }
        Convert::Split { separators, member } => {
            let parts = value.as_str()?.split(|it| separators.contains(it)).map(str::trim);
            let parts = parts.filter(|it| !it.is_empty());
            Some(parts.map(|it| json!({ member.as_str(): it })).collect())
        }
        Convert::ToObject { key, keep } => {
            let mut object = Map::new();
            for item in value.as_array()? {
                let Some(name) = path::get(item, key).map(crate::encode::text) else { continue };
                let mut item = item.clone();
                if !keep {
                    path::take(&mut item, key);
                }
                object.insert(name, item);
            }
            Some(Value::Object(object))
        }
        Convert::ToArray { key, value: member } => {
            let items = value.as_object()?.iter();
            Some(
                items
                    .map(|(name, it)| json!({ key.as_str(): name, member.as_str(): it }))
                    .collect(),
            )
        }
    }
}

/// All but what never means anything in an address.
const ENCODED: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
