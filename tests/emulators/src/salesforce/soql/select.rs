//! What an answer shows of a record.

use serde_json::{Map, Value, json};

use super::super::refusal::Refusal;
use super::super::schema::{Field, Kind, Object};
use super::super::state::{Row, State, id_of};
use super::Path;

/// Reads the comma-joined names of `?fields=`.
pub(in super::super) fn read_fields(
    object: &'static Object,
    names: &str,
) -> Result<Vec<Path>, Refusal> {
    names.split(',').map(|it| Path::find(object, it.trim())).collect()
}

/// A record with its type and address, and the chosen fields; those behind lookups are nested.
pub(in super::super) fn render(
    state: &State,
    object: &Object,
    row: &Row,
    paths: &[Path],
    base: &str,
) -> Value {
    let mut shown = head(object, row, base);
    for path in paths {
        show(state, (row, &path.lookups), path, (&mut shown, base));
    }
    Value::Object(shown)
}

/// Adds a field, inside the records that the lookups still to follow lead to.
fn show(
    state: &State,
    (row, lookups): (&Row, &[&'static Field]),
    path: &Path,
    (shown, base): (&mut Map<String, Value>, &str),
) {
    let Some((lookup, rest)) = lookups.split_first() else {
        if !state.has(path.field) {
            return;
        }
        let value = row.get(path.field.name).cloned().unwrap_or_default();
        shown.insert(path.field.name.to_owned(), value);
        return;
    };
    let Kind::Reference(_, read_by) = lookup.kind else { return };
    let id = row.get(lookup.name).and_then(Value::as_str);
    let behind = id.and_then(|id| state.behind(id));
    let entry = shown.entry(read_by.to_owned()).or_insert_with(|| match behind {
        Some((object, row)) => Value::Object(head(object, row, base)),
        None => Value::Null,
    });
    if let (Value::Object(inner), Some((_, row))) = (entry, behind) {
        show(state, (row, rest), path, (inner, base));
    }
}

fn head(object: &Object, row: &Row, base: &str) -> Map<String, Value> {
    let url = format!("{base}/sobjects/{}/{}", object.name, id_of(row));
    crate::seed::object(json!({ "attributes": { "type": object.name, "url": url } }))
}
