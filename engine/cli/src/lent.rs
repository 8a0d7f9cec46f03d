//! JSON that is written without a copy of what it shows: runs may be large.

use interp::Secrets;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::Value;

/// A value that is partly somebody else's.
pub(crate) enum Lent<'a> {
    /// Made for this.
    Own(Value),
    /// Somebody else's.
    Other(&'a Value),
    /// An object in this order.
    Object(Vec<(String, Self)>),
    /// A list.
    List(Vec<Self>),
}

impl<'a> Lent<'a> {
    /// Somebody else's value, or null.
    pub(crate) fn of(value: Option<&'a Value>) -> Self {
        value.map_or(Self::Own(Value::Null), Self::Other)
    }

    /// An object of these members.
    pub(crate) fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(name, it)| (name.to_owned(), it)).collect())
    }

    /// The member of that name, if it is an object made here.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(known, _)| known == name).map(|(_, it)| it)
    }

    /// A copy.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Own(value) => value.clone(),
            Self::Other(value) => (*value).clone(),
            Self::Object(members) => {
                members.iter().map(|(name, it)| (name.clone(), it.to_value())).collect()
            }
            Self::List(items) => items.iter().map(Self::to_value).collect(),
        }
    }

    /// What is written, without the secrets.
    pub(crate) const fn without<'s>(&'s self, secrets: &'s Secrets<'s>) -> Part<'s> {
        Part::Made(self, secrets)
    }
}

/// Something to be written in which secrets are replaced wherever they stand.
pub(crate) enum Part<'a> {
    /// Partly somebody else's.
    Made(&'a Lent<'a>, &'a Secrets<'a>),
    /// A value.
    Value(&'a Value, &'a Secrets<'a>),
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Made(Lent::Own(value), secrets) => {
                Part::Value(value, secrets).serialize(serializer)
            }
            Self::Made(Lent::Other(value), secrets) => {
                Part::Value(value, secrets).serialize(serializer)
            }
            Self::Made(Lent::Object(members), secrets) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, it) in members {
                    map.serialize_entry(name, &it.without(secrets))?;
                }
                map.end()
            }
            Self::Made(Lent::List(items), secrets) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for it in items {
                    list.serialize_element(&it.without(secrets))?;
                }
                list.end()
            }
            Self::Value(value, secrets) if secrets.is_empty() => value.serialize(serializer),
            Self::Value(Value::String(text), secrets) => {
                let mut text = text.clone();
                secrets.redact_text(&mut text);
                serializer.serialize_str(&text)
            }
            Self::Value(Value::Array(items), secrets) => {
                serializer.collect_seq(items.iter().map(|it| Part::Value(it, secrets)))
            }
            Self::Value(Value::Object(members), secrets) => serializer
                .collect_map(members.iter().map(|(name, it)| (name, Part::Value(it, secrets)))),
            Self::Value(value @ (Value::Null | Value::Bool(_) | Value::Number(_)), _) => {
                value.serialize(serializer)
            }
        }
    }
}
