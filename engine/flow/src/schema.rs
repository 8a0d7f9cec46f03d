//! JSON Schemas of flows: read once, compiled once, with findings in the cloud's words.

use std::{fmt, sync::Arc};

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use crate::{findings::Finding, normal};

/// Findings about one value; the first ones say what is wrong.
const FINDINGS_MAX: usize = 100;
/// Steps back that one pattern may take in one text: linear patterns take none.
const PATTERN_STEPS_MAX: usize = 100_000;
/// Characters of a reason that a message shows.
const REASON_CHARS_MAX: usize = 300;
/// The dialects in which a schema is tried. What it declares does not matter: generators declare
/// one and write another, and the cloud reads all of them with one reader.
const DRAFTS: [Draft; 3] = [Draft::Draft202012, Draft::Draft7, Draft::Draft4];

/// A schema that values can be checked against.
#[derive(Clone)]
pub struct Schema {
    source: Value,
    /// Compiled, or why it cannot be.
    compiled: Result<Arc<Validator>, String>,
}

/// Why a text or an object is not a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where in the schema, as a JSON pointer.
    pub pointer: String,
    /// What is wrong there.
    pub reason: String,
}

impl Schema {
    /// Compiles a schema. One that is no schema is kept as it stands and checks nothing.
    pub fn new(source: Value) -> (Self, Option<Invalid>) {
        let normal = normal::form(&source);
        let mut invalid = None;
        for draft in DRAFTS {
            match compile(draft, &normal) {
                Ok(validator) => {
                    return (Self { source, compiled: Ok(Arc::new(validator)) }, None);
                }
                Err(error) => invalid = invalid.or(Some(error)),
            }
        }
        let reason = invalid.as_ref().map(|it| it.reason.clone()).unwrap_or_default();
        (Self { source, compiled: Err(reason) }, invalid)
    }

    /// The schema as written.
    pub const fn source(&self) -> &Value {
        &self.source
    }

    /// What is wrong with a value; nothing if the schema accepts it.
    ///
    /// # Errors
    /// Why the schema is none.
    pub fn check(&self, value: &Value) -> Result<Vec<Finding>, &str> {
        let validator = self.compiled.as_ref().map_err(String::as_str)?;
        if validator.is_valid(value) {
            return Ok(Vec::new());
        }
        let errors = validator.iter_errors(value).take(FINDINGS_MAX);
        Ok(Finding::all(value, errors))
    }
}

impl Default for Schema {
    /// Accepts everything.
    fn default() -> Self {
        Self::new(Value::Object(serde_json::Map::new())).0
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.source)
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.source)
    }
}

fn compile(draft: Draft, schema: &Value) -> Result<Validator, Invalid> {
    let patterns = PatternOptions::fancy_regex().backtrack_limit(PATTERN_STEPS_MAX);
    let options = jsonschema::options()
        .with_draft(draft)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .with_pattern_options(patterns)
        .offline();
    options.build(schema).map_err(|error| Invalid {
        pointer: error.instance_path().to_string(),
        reason: error.to_string().chars().take(REASON_CHARS_MAX).collect(),
    })
}
