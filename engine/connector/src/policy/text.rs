//! Texts of policies: `Bearer @headers('t')`, `@{body().x}`, `{@body().x}`, and plain ones.

use base::{ErrorClass, Failure};
use expr::{Template, What, functions};
use serde_json::Value;

use super::{
    moment::Moment,
    path::{Chain, Root, Segment},
};
use crate::encode;

/// A text that is made when it is needed.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Chain(Chain),
    /// What is no plain path: an expression as flows have them.
    Expression(Template),
}

impl Text {
    /// Reads a text. The error says what cannot be understood.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['@', '{']) {
            let (before, found) = rest.split_at_checked(at).unwrap_or((rest, ""));
            literal.push_str(before);
            if let Some((part, after)) = part(found)? {
                flush(&mut parts, &mut literal);
                parts.push(part);
                rest = after;
            } else {
                let first = found.chars().next().unwrap_or('@');
                literal.push(first);
                let after = found.get(first.len_utf8()..).unwrap_or("");
                // `@@` stands for one.
                rest = if first == '@' { after.strip_prefix('@').unwrap_or(after) } else { after };
            }
        }
        literal.push_str(rest);
        flush(&mut parts, &mut literal);
        Ok(Self { parts })
    }

    /// A value of the connection.
    pub(crate) fn of_connection(name: &str) -> Self {
        let root = Root::ConnectionParameters;
        let chain = Chain { root, argument: name.to_owned(), default: None, segments: Vec::new() };
        Self { parts: vec![Part::Chain(chain)] }
    }

    /// The value: of any type if the whole text is one expression, else a text.
    pub(crate) fn value(&self, moment: &Moment<'_>) -> Result<Value, Failure> {
        match self.parts.as_slice() {
            [] => Ok(Value::String(String::new())),
            [Part::Literal(literal)] => Ok(literal.clone().into()),
            [Part::Chain(chain)] => moment.chain(chain),
            [Part::Expression(template)] => moment.eval(template),
            _ => self.text(moment).map(Value::String),
        }
    }

    /// The text; what has no value is empty.
    pub(crate) fn text(&self, moment: &Moment<'_>) -> Result<String, Failure> {
        self.encoded(moment, |it| it)
    }

    /// The text with each computed part written as a place wants it.
    pub(crate) fn encoded(
        &self,
        moment: &Moment<'_>,
        write: impl Fn(String) -> String,
    ) -> Result<String, Failure> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Chain(chain) => text.push_str(&write(encode::text(&moment.chain(chain)?))),
                Part::Expression(it) => text.push_str(&write(encode::text(&moment.eval(it)?))),
            }
        }
        Ok(text)
    }

    /// A value of a body: what is put together and reads as an object or a list is one.
    pub(crate) fn body_value(&self, moment: &Moment<'_>) -> Result<Value, Failure> {
        let value = self.value(moment)?;
        let is_computed = self.parts.iter().any(|it| !matches!(it, Part::Literal(_)));
        if let Value::String(text) = &value
            && is_computed
            && text.starts_with(['{', '['])
            && let Ok(tree) = serde_json::from_str::<Value>(text)
        {
            return Ok(tree);
        }
        Ok(value)
    }

    /// The names that it asks of a function.
    pub(crate) fn names(&self, root: Root) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(move |it| match it {
            Part::Chain(chain) if chain.root == root => Some(chain.argument.as_str()),
            Part::Chain(_) | Part::Literal(_) | Part::Expression(_) => None,
        })
    }

    /// The text with `{name}` for what is not known before a call.
    pub(crate) fn shown(&self) -> String {
        let parts = self.parts.iter().map(|it| match it {
            Part::Literal(literal) => literal.clone(),
            Part::Chain(chain) => format!("{{{}}}", chain.argument),
            Part::Expression(_) => "{…}".to_owned(),
        });
        parts.collect()
    }

    /// Whether it depends on nothing but the connection.
    pub(crate) fn is_of_connection(&self) -> bool {
        self.parts.iter().all(|it| match it {
            Part::Literal(_) => true,
            Part::Chain(chain) => chain.root == Root::ConnectionParameters,
            Part::Expression(_) => false,
        })
    }

    /// As an expression of connector files in which the answer of a poll is `body()`; `None` if it
    /// has other parts.
    pub(crate) fn to_poll_expression(&self) -> Option<String> {
        let parts = self.parts.iter().map(|part| match part {
            Part::Literal(literal) => Some(quote(literal)),
            Part::Chain(chain) => of_answer(chain),
            Part::Expression(_) => None,
        });
        let parts = parts.collect::<Option<Vec<String>>>()?;
        Some(match parts.as_slice() {
            [] => quote(""),
            [only] => only.clone(),
            several => format!("concat({})", several.join(", ")),
        })
    }
}

/// A path into the answer of a poll, or a value of the connection, as an expression.
pub(crate) fn of_answer(chain: &Chain) -> Option<String> {
    match chain.root {
        Root::Body | Root::TriggerBody => {
            let names = chain.segments.iter().map(|it| match it {
                Segment::Name(name) => name.replace('~', "~0").replace('/', "~1"),
                Segment::Index(index) => index.to_string(),
            });
            let path = names.collect::<Vec<_>>().join("/");
            // Of a body that is no object, there are no members.
            Some(if path.is_empty() {
                "body()".to_owned()
            } else {
                format!("bodyAt({})", quote(&path))
            })
        }
        Root::ConnectionParameters => Some(format!("connection({})", quote(&chain.argument))),
        Root::QueryParameters => Some(format!("input({})", quote(&chain.argument))),
        Root::Headers | Root::Item => None,
    }
}

/// Names with `/` between them as the end of an expression: `a/b` is `?['a']?['b']`.
pub(crate) fn members(path: &str) -> String {
    let mut text = String::new();
    for name in path.split('/').filter(|it| !it.is_empty()) {
        text.extend(["?[", &quote(name), "]"]);
    }
    text
}

/// A text as a literal of the expression language.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn flush(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal)));
    }
}

/// What is computed at the beginning of a text that begins with `@` or `{`, and what follows.
fn part(text: &str) -> Result<Option<(Part, &str)>, String> {
    if let Some(inside) = text.strip_prefix("@{").or_else(|| text.strip_prefix("{@")) {
        let Some(end) = closing(inside) else { return Ok(None) };
        let (inside, after) = inside.split_at_checked(end).unwrap_or((inside, ""));
        let after = after.strip_prefix('}').unwrap_or(after);
        return Ok(Some((expression(inside)?, after)));
    }
    let Some(rest) = text.strip_prefix('@') else { return Ok(None) };
    if let Some((chain, after)) = Chain::parse(rest) {
        return Ok(Some((Part::Chain(chain), after)));
    }
    let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    if !name.is_empty() && rest.get(name.len()..).is_some_and(|it| it.starts_with('(')) {
        return Err(format!("there is no function `{name}` that policies know, in `{text}`"));
    }
    Ok(None)
}

/// What stands in braces: a path, else an expression.
fn expression(text: &str) -> Result<Part, String> {
    if let Some(chain) = Chain::parse_whole(text) {
        return Ok(Part::Chain(chain));
    }
    let (template, errors) = Template::parse_expression(text.trim_start_matches('@'));
    if let Some(error) = errors.first() {
        return Err(format!("`{text}` is no expression: {}", error.message));
    }
    for used in template.uses() {
        if let What::Function { name, .. } = &used.what
            && Root::named(name).is_none()
            && functions::find(name).is_none()
        {
            return Err(format!("there is no function `{name}`, in `{text}`"));
        }
    }
    Ok(Part::Expression(template))
}

/// Where the brace is that closes one; quotes hide what they hold.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut in_quotes) = (0_usize, false);
    for (at, it) in text.char_indices() {
        match it {
            '\'' => in_quotes = !in_quotes,
            '{' if !in_quotes => depth += 1,
            '}' if !in_quotes && depth == 0 => return Some(at),
            '}' if !in_quotes => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The failure of a policy that cannot be carried out.
pub(crate) fn failed(message: impl Into<String>) -> Failure {
    Failure::of_class(ErrorClass::Validation, "PolicyFailed", message.into())
}
