//! Reading JSON text: lists of objects that are alike, which most long bodies are, at half the cost.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// How often what the objects of one list have in common is noted anew.
const GUESSES_MAX: u32 = 4;

/// The value of a text, exactly as `serde_json` reads it.
///
/// # Errors
/// If the text is no JSON, or nests too deep for the library.
pub fn read(bytes: &[u8]) -> serde_json::Result<Value> {
    // Looking once whether all of it is text is faster than looking at each string.
    match str::from_utf8(bytes) {
        Ok(text) => read_from(serde_json::Deserializer::from_str(text)),
        Err(_) => read_from(serde_json::Deserializer::from_slice(bytes)),
    }
}

fn read_from<'de, R: serde_json::de::Read<'de>>(
    mut reader: serde_json::Deserializer<R>,
) -> serde_json::Result<Value> {
    let value = Any(None).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// What is known of the values at one place of a list's items from those before.
#[derive(Default)]
struct Shape {
    /// The keys of the last object. A copy of it costs neither hashing nor growing.
    keys: Map<String, Value>,
    guesses: u32,
    /// The same of its members, in their order, and of the items of a list.
    inside: Vec<Self>,
}

impl Shape {
    fn inside(&mut self, index: usize) -> Option<&mut Self> {
        if self.inside.len() <= index {
            self.inside.resize_with(index + 1, Self::default);
        }
        self.inside.get_mut(index)
    }

    /// Takes the keys of an object that was not what was expected.
    fn learn(&mut self, object: &Map<String, Value>) {
        self.guesses += 1;
        if self.guesses <= GUESSES_MAX {
            self.keys = object.keys().map(|key| (key.clone(), Value::Null)).collect();
            self.inside.clear();
        } else {
            self.keys = Map::new();
        }
    }
}

/// A value, perhaps one of a list of which some are known.
struct Any<'a>(Option<&'a mut Shape>);

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any valid JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        let mut own = Shape::default();
        let shape = match self.0 {
            Some(outer) => outer.inside(0).unwrap_or(&mut own),
            // Of a list that stands alone only what follows the first is likely to be like it.
            None => match list.next_element_seed(Any(None))? {
                Some(first) => {
                    items.push(first);
                    &mut own
                }
                None => return Ok(Value::Array(items)),
            },
        };
        while let Some(item) = list.next_element_seed(Any(Some(shape)))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let Some(shape) = self.0 else {
            let mut object = Map::new();
            read_rest(&mut object, &mut members)?;
            return Ok(Value::Object(object));
        };
        let mut object = shape.keys.clone();
        let (mut known, mut last) = (0, Next::Expected);
        for (key, value) in &mut object {
            last = members.next_key_seed(Expecting(key))?.unwrap_or(Next::None);
            if !matches!(last, Next::Expected) {
                break;
            }
            *value = members.next_value_seed(Any(shape.inside(known)))?;
            known += 1;
        }
        if matches!(last, Next::Expected) {
            last = members.next_key()?.map_or(Next::None, Next::Other);
        }
        match last {
            Next::None if known == object.len() => return Ok(Value::Object(object)),
            Next::None | Next::Expected => object = object.into_iter().take(known).collect(),
            Next::Other(key) => {
                object = object.into_iter().take(known).collect();
                object.insert(key, members.next_value_seed(Any(None))?);
                read_rest(&mut object, &mut members)?;
            }
        }
        shape.learn(&object);
        Ok(Value::Object(object))
    }
}

/// Reads what is left of an object; the last of several members of one name counts.
fn read_rest<'de, A: MapAccess<'de>>(
    object: &mut Map<String, Value>,
    members: &mut A,
) -> Result<(), A::Error> {
    while let Some(key) = members.next_key()? {
        object.insert(key, members.next_value_seed(Any(None))?);
    }
    Ok(())
}

/// The next key of an object.
enum Next {
    None,
    Expected,
    Other(String),
}

/// Compares a key with the one that is expected, which needs no copy.
struct Expecting<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Expecting<'_> {
    type Value = Next;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Next, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Expecting<'_> {
    type Value = Next;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Next, E> {
        Ok(if key == self.0 { Next::Expected } else { Next::Other(key.to_owned()) })
    }
}
