//! What may stand behind the address of a request trigger, such as `/orders/{id}`.

use std::fmt;

use serde_json::{Map, Value};

/// A path of fixed segments and parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct RelativePath {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Fixed(String),
    Parameter(String),
}

impl RelativePath {
    /// Reads a path; a leading slash may be missing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let trimmed = text.trim().trim_matches('/');
        if trimmed.is_empty() {
            return Err("it has no segments".to_owned());
        }
        let mut segments: Vec<Segment> = Vec::new();
        for part in trimmed.split('/') {
            let name = part.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
            let segment = match name {
                Some(name) => Segment::Parameter(name.to_owned()),
                None => Segment::Fixed(part.to_owned()),
            };
            let inner = name.unwrap_or(part);
            if inner.is_empty() {
                return Err("it has an empty segment".to_owned());
            }
            if inner.contains(['{', '}', '?', '#']) {
                return Err(format!("`{part}` is neither plain nor one parameter like `{{id}}`"));
            }
            if name.is_some() && segments.contains(&segment) {
                return Err(format!("it has two parameters `{inner}`"));
            }
            segments.push(segment);
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The values of the parameters, if these segments, which are decoded, are such a path.
    pub fn parameters(&self, segments: &[String]) -> Option<Map<String, Value>> {
        if segments.len() != self.segments.len() {
            return None;
        }
        let mut parameters = Map::new();
        for (expected, given) in self.segments.iter().zip(segments) {
            match expected {
                Segment::Fixed(text) if text.eq_ignore_ascii_case(given) => {}
                Segment::Parameter(name) if !given.is_empty() => {
                    parameters.insert(name.clone(), given.as_str().into());
                }
                Segment::Fixed(_) | Segment::Parameter(_) => return None,
            }
        }
        Some(parameters)
    }
}

impl fmt::Debug for RelativePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.text)
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
