//! How types are written in messages and in the reference.

use std::fmt::{Display, Formatter, Result, Write as _};

use super::{
    ARRAY, BINARY, BOOLEAN, DECIMAL, FLOAT, Fields, INTEGER, Kinds, NULL, NUMBER, OBJECT, STRING,
    TIMESTAMP, Type, XML,
};

/// Constants that are listed.
const LISTED_MAX: usize = 6;
/// Fields that are listed.
const FIELDS_LISTED_MAX: usize = 8;
/// How deep objects are shown.
const SHOWN_DEPTH_MAX: usize = 3;

/// Kinds with a name, the wider ones first.
const NAMES: &[(Kinds, &str)] = &[
    (BOOLEAN, "boolean"),
    (NUMBER, "number"),
    (INTEGER, "integer"),
    (FLOAT, "float"),
    (DECIMAL, "decimal"),
    (STRING, "string"),
    (TIMESTAMP, "timestamp"),
    (ARRAY, "array"),
    (OBJECT, "object"),
    (BINARY, "binary"),
    (XML, "xml"),
    (NULL, "null"),
];

impl Display for Type {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let mut text = String::new();
        write(self, SHOWN_DEPTH_MAX, &mut text)?;
        out.write_str(&text)
    }
}

impl Type {
    /// Its kinds, as the reference and messages name them; what is inside is left out.
    pub fn name(&self) -> String {
        if self.is_unknown() {
            return "any".to_owned();
        }
        if self.is_never() {
            return "never".to_owned();
        }
        let mut left = self.kinds;
        let mut names = Vec::new();
        for (kinds, name) in NAMES {
            if left & kinds == *kinds {
                left &= !kinds;
                names.push(*name);
            }
        }
        listed(&names)
    }
}

/// `a, b or c`.
fn listed(names: &[impl AsRef<str>]) -> String {
    let mut out = String::new();
    for (index, name) in names.iter().enumerate() {
        out.push_str(match index {
            0 => "",
            _ if index + 1 == names.len() => " or ",
            _ => ", ",
        });
        out.push_str(name.as_ref());
    }
    out
}

fn write(ty: &Type, room: usize, out: &mut String) -> Result {
    if let Some(values) = ty.constants()
        && values.len() <= LISTED_MAX
    {
        let mut names: Vec<_> = values.iter().map(constant).collect();
        if ty.is_nullable() {
            names.push("null".to_owned());
        }
        return write!(out, "{}", listed(&names));
    }
    if ty.detail.is_none() {
        return write!(out, "{}", ty.name());
    }
    let mut names = Vec::new();
    let others = ty.only(!(ARRAY | OBJECT | NULL));
    if !others.is_never() {
        names.push(others.name());
    }
    if ty.kinds & ARRAY != 0 {
        names.push(array(ty, room)?);
    }
    if ty.kinds & OBJECT != 0 {
        names.push(match (ty.fields(), room) {
            (Some(fields), 1..) => object(fields, room)?,
            (Some(_), 0) | (None, _) => "object".to_owned(),
        });
    }
    if ty.is_nullable() {
        names.push("null".to_owned());
    }
    write!(out, "{}", listed(&names))
}

fn array(ty: &Type, room: usize) -> std::result::Result<String, std::fmt::Error> {
    let each = ty.element();
    if each.is_unknown() || each.is_never() || room == 0 {
        return Ok("array".to_owned());
    }
    let mut text = String::new();
    write(&each, room - 1, &mut text)?;
    let several = text.contains(" or ") && !text.starts_with('{');
    Ok(if several { format!("array of ({text})") } else { format!("array of {text}") })
}

fn object(fields: &Fields, room: usize) -> std::result::Result<String, std::fmt::Error> {
    let mut out = String::from("{");
    for (index, (name, field)) in fields.known.iter().take(FIELDS_LISTED_MAX).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let mark = if field.required { "" } else { "?" };
        write!(out, "{comma}{name}{mark}: ")?;
        write(&field.ty, room - 1, &mut out)?;
    }
    if FIELDS_LISTED_MAX < fields.known.len() || fields.rest.is_some() {
        out.push_str(if fields.known.is_empty() { "…" } else { ", …" });
    }
    out.push('}');
    Ok(out)
}

/// A constant as an expression writes it.
pub(crate) fn constant(value: &serde_json::Value) -> String {
    const SHOWN_CHARS_MAX: usize = 40;
    match value.as_str() {
        Some(text) if text.chars().count() <= SHOWN_CHARS_MAX => {
            format!("'{}'", text.replace('\'', "''"))
        }
        Some(text) => {
            let start: String = text.chars().take(SHOWN_CHARS_MAX).collect();
            format!("'{}…'", start.replace('\'', "''"))
        }
        None => value.to_string(),
    }
}
