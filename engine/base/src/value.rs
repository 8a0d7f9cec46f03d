//! Helpers over JSON values: the language's names of types, sizes, the binary envelope.

use serde_json::{Map, Value, json};

/// The name of a value's type as the cloud's messages write it.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "Float",
        Value::Number(_) => "Integer",
        Value::String(_) => "String",
        Value::Array(_) => "Array",
        Value::Object(_) => "Object",
    }
}

/// An object of these members. Unlike `json!` it takes values over, however large, without a copy.
pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Object(members.collect::<Map<_, _>>())
}

/// Bytes that are not JSON and not text, as flows carry them.
pub fn envelope(content_type: &str, bytes: &[u8]) -> Value {
    json!({ "$content-type": content_type, "$content": crate::base64::encode(bytes) })
}

/// Whether a value takes more than about so many bytes as JSON text; looks at no more of it than that.
pub fn outweighs(value: &Value, bytes: usize) -> bool {
    fn rest(value: &Value, room: usize) -> Option<usize> {
        match value {
            Value::Null | Value::Bool(_) => room.checked_sub(4),
            Value::Number(_) => room.checked_sub(8),
            Value::String(text) => room.checked_sub(text.len() + 2),
            Value::Array(items) => items
                .iter()
                .try_fold(room.checked_sub(2)?, |room, it| rest(it, room)?.checked_sub(1)),
            Value::Object(map) => map.iter().try_fold(room.checked_sub(2)?, |room, (key, it)| {
                rest(it, room)?.checked_sub(key.len() + 4)
            }),
        }
    }
    rest(value, bytes).is_none()
}

/// About how many bytes a value takes as JSON text; cheap, used for budgets.
pub fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|it| weight(it) + 1).sum::<usize>(),
        Value::Object(map) => {
            2 + map.iter().map(|(key, it)| key.len() + 4 + weight(it)).sum::<usize>()
        }
    }
}
