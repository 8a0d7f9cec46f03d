//! What is wrong with a value, in the form and the words in which the cloud reports it.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::{Map, Value, json};

/// Findings inside a finding, of all alternatives together.
const CHILDREN_MAX: usize = 20;
/// Characters of a value that a message shows.
const SHOWN_CHARS_MAX: usize = 100;

/// One place where a value is not as its schema wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What is wrong, a sentence.
    pub message: String,
    /// Where in the value, such as `lines[0].sku`.
    pub path: String,
    /// The value that is wrong.
    pub value: Value,
    /// Which part of the schema says so, such as `#/properties/lines`.
    pub schema_id: String,
    /// Which of its words.
    pub error_type: &'static str,
    /// Why none of the alternatives fits.
    pub children: Vec<Finding>,
}

impl Finding {
    /// As the outputs of an action list it.
    pub fn to_json(&self) -> Value {
        json!({
            "message": self.message,
            // Values have no lines any more when they are checked.
            "lineNumber": 0,
            "linePosition": 0,
            "path": self.path,
            "value": self.value,
            "schemaId": self.schema_id,
            "errorType": self.error_type,
            "childErrors": self.children.iter().map(Self::to_json).collect::<Vec<_>>(),
        })
    }

    /// Some findings as one text.
    pub fn summary(all: &[Self]) -> String {
        const SHOWN: usize = 10;
        let shown = all.iter().take(SHOWN).map(|it| format!("{} Path '{}'.", it.message, it.path));
        let mut text = shown.collect::<Vec<_>>().join(" ");
        if SHOWN < all.len() {
            let more = format!(" {} more.", all.len() - SHOWN);
            text.push_str(&more);
        }
        text
    }

    /// Findings about a value: missing properties of one object are one finding, each property that
    /// must not be there is one.
    pub(crate) fn all<'e>(
        root: &Value,
        errors: impl IntoIterator<Item = ValidationError<'e>>,
    ) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for error in errors {
            match error.kind() {
                Kind::Required { property } => {
                    let name = text_of(property);
                    let one = Self::of(root, &error, format!("{MISSING}{name}."));
                    let same = found.iter_mut().find(|it| {
                        it.error_type == "required"
                            && it.path == one.path
                            && it.schema_id == one.schema_id
                    });
                    match same {
                        Some(before) => {
                            let listed = before.message.trim_end_matches('.');
                            before.message = format!("{listed}, {name}.");
                        }
                        None => found.push(one),
                    }
                }
                Kind::AdditionalProperties { unexpected }
                | Kind::UnevaluatedProperties { unexpected } => {
                    for name in unexpected {
                        let message = format!(
                            "Property '{name}' has not been defined and the schema does not allow \
                             additional properties."
                        );
                        let mut one = Self::of(root, &error, message);
                        one.value = one.value.get(name).cloned().unwrap_or_default();
                        push_name(&mut one.path, name);
                        found.push(one);
                    }
                }
                _ => found.push(Self::of(root, &error, sentence(&error))),
            }
        }
        found
    }

    fn of(root: &Value, error: &ValidationError<'_>, message: String) -> Self {
        let children = match error.kind() {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => context
                .iter()
                .flatten()
                .take(CHILDREN_MAX)
                .map(|it| Self::of_child(root, it))
                .collect(),
            _ => Vec::new(),
        };
        let schema = error.schema_path().to_string();
        let schema = schema.rsplit_once('/').map_or("", |(before, _)| before);
        Self {
            message,
            path: path_in(root, &error.instance_path().to_string()),
            value: error.instance().clone().into_owned(),
            schema_id: format!("#{schema}"),
            error_type: type_of(error.kind()),
            children,
        }
    }

    fn of_child(root: &Value, error: &ValidationError<'_>) -> Self {
        let message = match error.kind() {
            Kind::Required { property } => format!("{MISSING}{}.", text_of(property)),
            _ => sentence(error),
        };
        Self::of(root, error, message)
    }
}

const MISSING: &str = "Required properties are missing from object: ";

fn sentence(error: &ValidationError<'_>) -> String {
    let value = error.instance();
    let shown = shown(value);
    match error.kind() {
        Kind::Type { kind } => {
            format!("Invalid type. Expected {} but got {}.", expected(kind), kind_of(value))
        }
        Kind::Enum { .. } => format!("Value {shown} is not defined in enum."),
        Kind::Constant { .. } => format!("Value {shown} does not match const."),
        Kind::MaxLength { limit } => {
            format!("String '{}' exceeds maximum length of {limit}.", text_of(value))
        }
        Kind::MinLength { limit } => {
            format!("String '{}' is less than minimum length of {limit}.", text_of(value))
        }
        Kind::Pattern { pattern } => {
            format!("String '{}' does not match regex pattern '{pattern}'.", text_of(value))
        }
        Kind::Format { format } => {
            format!("String '{}' does not validate against format '{format}'.", text_of(value))
        }
        Kind::Maximum { limit } => {
            format!("{} {value} exceeds maximum value of {limit}.", kind_of(value))
        }
        Kind::Minimum { limit } => {
            format!("{} {value} is less than minimum value of {limit}.", kind_of(value))
        }
        Kind::ExclusiveMaximum { limit } => {
            format!("{} {value} is not less than {limit}.", kind_of(value))
        }
        Kind::ExclusiveMinimum { limit } => {
            format!("{} {value} is not greater than {limit}.", kind_of(value))
        }
        Kind::MultipleOf { multiple_of } => {
            format!("{} {value} is not a multiple of {multiple_of}.", kind_of(value))
        }
        Kind::MaxItems { limit } => {
            format!("Array item count {} exceeds maximum count of {limit}.", count(value))
        }
        Kind::MinItems { limit } => {
            format!("Array item count {} is less than minimum count of {limit}.", count(value))
        }
        Kind::MaxProperties { limit } => {
            format!("Object property count {} exceeds maximum count of {limit}.", count(value))
        }
        Kind::MinProperties { limit } => {
            format!("Object property count {} is less than minimum count of {limit}.", count(value))
        }
        Kind::UniqueItems => "Non-unique array items.".to_owned(),
        Kind::Contains => "No items match contains.".to_owned(),
        Kind::AnyOf { .. } => "JSON does not match any schemas from 'anyOf'.".to_owned(),
        Kind::OneOfNotValid { .. } => "JSON does not match any schemas from 'oneOf'.".to_owned(),
        Kind::OneOfMultipleValid { .. } => {
            "JSON is valid against more than one schema from 'oneOf'.".to_owned()
        }
        Kind::Not { .. } => "JSON is valid against schema from 'not'.".to_owned(),
        Kind::FalseSchema => "Schema always fails validation.".to_owned(),
        // What is left is rare; the library's own words are as good as any.
        _ => format!("{}.", error.masked_with(shown)),
    }
}

/// The names of the cloud's library for what went wrong.
fn type_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::AdditionalItems { .. } | Kind::UnevaluatedItems { .. } => "additionalItems",
        Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. } => {
            "additionalProperties"
        }
        Kind::AnyOf { .. } => "anyOf",
        Kind::Constant { .. } => "const",
        Kind::Contains => "contains",
        Kind::Enum { .. } => "enum",
        Kind::ExclusiveMaximum { .. } | Kind::Maximum { .. } => "maximum",
        Kind::ExclusiveMinimum { .. } | Kind::Minimum { .. } => "minimum",
        Kind::Format { .. } => "format",
        Kind::MaxItems { .. } => "maximumItems",
        Kind::MaxLength { .. } => "maximumLength",
        Kind::MaxProperties { .. } => "maximumProperties",
        Kind::MinItems { .. } => "minimumItems",
        Kind::MinLength { .. } => "minimumLength",
        Kind::MinProperties { .. } => "minimumProperties",
        Kind::MultipleOf { .. } => "multipleOf",
        Kind::Not { .. } => "not",
        Kind::OneOfMultipleValid { .. } | Kind::OneOfNotValid { .. } => "oneOf",
        Kind::Pattern { .. }
        | Kind::BacktrackLimitExceeded { .. }
        | Kind::RegexEngineFailure { .. } => "pattern",
        Kind::PropertyNames { .. } => "propertyNames",
        Kind::Required { .. } => "required",
        Kind::Type { .. } => "type",
        Kind::UniqueItems => "uniqueItems",
        Kind::FalseSchema => "valid",
        Kind::ContentEncoding { .. }
        | Kind::ContentMediaType { .. }
        | Kind::Custom { .. }
        | Kind::FromUtf8 { .. }
        | Kind::Referencing(_) => "none",
    }
}

/// The order in which the cloud names types.
const ORDER: [&str; 7] = ["String", "Number", "Integer", "Boolean", "Object", "Array", "Null"];

fn expected(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(ty) => capitalized(&ty.to_string()),
        TypeKind::Multiple(types) => {
            let mut names: Vec<String> =
                types.iter().map(|it| capitalized(&it.to_string())).collect();
            names.sort_by_key(|name| ORDER.iter().position(|it| it == name));
            names.join(", ")
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match base::value::kind(value) {
        "Float" => "Number",
        other => other,
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn count(value: &Value) -> usize {
    value.as_array().map_or_else(|| value.as_object().map_or(0, Map::len), Vec::len)
}

fn text_of(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    cut(&text)
}

fn shown(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A JSON pointer as expressions would write it: indexes in brackets, names with points.
fn path_in(root: &Value, pointer: &str) -> String {
    let mut path = String::new();
    let mut value = Some(root);
    for part in pointer.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        match value {
            Some(Value::Array(items)) => {
                path.extend(["[", &name, "]"]);
                value = name.parse::<usize>().ok().and_then(|index| items.get(index));
            }
            other => {
                push_name(&mut path, &name);
                value = other.and_then(|it| it.get(&name));
            }
        }
    }
    path
}

fn push_name(path: &mut String, name: &str) {
    let plain = !name.is_empty() && name.chars().all(|it| it.is_alphanumeric() || it == '_');
    if !plain {
        path.extend(["['", &name.replace('\'', "\\'"), "']"]);
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}
