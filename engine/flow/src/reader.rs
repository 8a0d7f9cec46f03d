//! Typed reading of nodes: each reader says what it wanted and goes on.

use std::{borrow::Cow, collections::BTreeMap, rc::Rc};

use base::{Code, Diagnostic, Duration, Severity, Sink, Span, code, suggest};
use expr::{
    Context, Dialect, Key, Looks, Placed, SyntaxError, Template, Tree,
    condition::{Condition, Operator},
};
use serde_json::{Map, Value};
use yaml::{Entry, Kind, Mapping, Node};

use crate::{
    import::template::{self, Values},
    schema::Schema,
};

/// Reads values of one document and collects what is wrong with them.
pub(crate) struct Reader {
    /// Which notations the document's strings use.
    pub(crate) dialect: Dialect,
    /// What was found so far.
    pub(crate) sink: Sink,
    /// Defaults of the document's parameters: the cloud computes settings from them on saving.
    pub(crate) defaults: BTreeMap<String, Value>,
    /// Values of the deployment template around the document.
    pub(crate) deployment: Rc<Values>,
    /// What the templates that were read look at.
    pub(crate) looks: Looks,
}

/// What a setting may be computed from before there is a run.
struct Defaults<'a>(&'a BTreeMap<String, Value>);

impl Context for Defaults<'_> {
    fn parameter(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.0.get(name).map(Cow::Borrowed)
    }
}

impl Reader {
    pub(crate) fn new(dialect: Dialect, found: Vec<Diagnostic>) -> Self {
        let mut sink = Sink::new();
        for it in found {
            sink.push(it);
        }
        Self {
            dialect,
            sink,
            defaults: BTreeMap::new(),
            deployment: Rc::default(),
            looks: Looks::default(),
        }
    }

    pub(crate) fn report(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.sink.push(Diagnostic::new(code, span, message));
    }

    pub(crate) fn wrong(&mut self, node: &Node, what: &str, expected: &str) {
        if self.is_deployed(node) {
            return self.known_later(code::WRONG_TYPE, node, what);
        }
        self.sink.wrong_type(node.span, what, expected, node.kind_name());
    }

    /// Whether a setting of the cloud's is an expression of the deployment template around it.
    pub(crate) fn is_deployed(&self, node: &Node) -> bool {
        self.dialect == Dialect::Wdl && node.as_str().is_some_and(is_deployment_text)
    }

    /// What only a deployment makes a value of may be right.
    pub(crate) fn known_later(&mut self, code: Code, node: &Node, what: &str) {
        let message = format!("{what} is known only when the template around it is deployed");
        let found = Diagnostic::new(code, node.span, message).warning();
        self.sink.push(found.hint("import the deployed definition"));
    }

    /// Any value, with templates in its texts and keys.
    pub(crate) fn tree(&mut self, node: &Node) -> Tree {
        match &node.kind {
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
                Tree::Value(node.to_json())
            }
            Kind::Str(scalar) => {
                let placed = self.placed(&scalar.text, node.span, scalar.verbatim_at);
                match placed.template.literal() {
                    Some(literal) => Tree::Value(literal.clone()),
                    None => Tree::Template(placed),
                }
            }
            Kind::Seq(items) => {
                let items: Vec<Tree> = items.iter().map(|it| self.tree(it)).collect();
                let constants = items.iter().map(constant).collect::<Option<Vec<_>>>();
                constants.map_or(Tree::Array(items), |it| Tree::Value(Value::Array(it)))
            }
            Kind::Map(mapping) => self.object(mapping),
        }
    }

    fn object(&mut self, mapping: &Mapping) -> Tree {
        object(mapping.iter().map(|it| (self.key(&it.key), self.tree(&it.value))).collect())
    }

    /// A key of an object that is data: only `@` is special in it, in either dialect.
    pub(crate) fn key(&mut self, key: &yaml::Key) -> Key {
        if !key.text.contains('@') {
            return Key::Plain(key.text.clone());
        }
        let (template, errors) = Template::parse(&key.text, Dialect::Wdl);
        let placed = Placed { template, span: key.span, verbatim_at: key.verbatim_at };
        self.syntax(&placed, errors);
        match placed.template.literal() {
            Some(Value::String(text)) => Key::Plain(text.clone()),
            Some(_) | None => Key::Computed(placed),
        }
    }

    /// One text as a template.
    pub(crate) fn placed(&mut self, text: &str, span: Span, verbatim_at: Option<usize>) -> Placed {
        let (template, errors) = Template::parse(text, self.dialect);
        let placed = Placed { template, span, verbatim_at };
        self.syntax(&placed, errors);
        placed
    }

    fn syntax(&mut self, placed: &Placed, errors: Vec<SyntaxError>) {
        self.looks.add(&placed.template);
        let text = placed.template.source();
        if !errors.is_empty() && is_deployment_text(text) {
            let message = "this text is complete only when its deployment template is filled in";
            let found = Diagnostic::new(code::EXPRESSION_SYNTAX, placed.span, message).warning();
            self.sink.push(found.hint("import the deployed definition"));
            return;
        }
        for error in errors {
            let found = Diagnostic::new(error.code, placed.place(&error.range), error.message);
            self.sink.push(match error.hint {
                Some(hint) => found.hint(hint),
                None => found,
            });
        }
    }

    /// A text that must be a template, such as the list of a `splitOn`.
    pub(crate) fn template(&mut self, node: &Node, what: &str) -> Option<Placed> {
        match &node.kind {
            Kind::Str(scalar) => Some(self.placed(&scalar.text, node.span, scalar.verbatim_at)),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Float(_)
            | Kind::Seq(_)
            | Kind::Map(_) => {
                self.wrong(node, what, "text with an expression");
                None
            }
        }
    }

    /// A condition: one text, `true` or `false`, or an object with one operator.
    pub(crate) fn condition(&mut self, node: &Node, what: &str) -> Condition {
        match &node.kind {
            Kind::Str(scalar) => {
                Condition::Template(self.placed(&scalar.text, node.span, scalar.verbatim_at))
            }
            Kind::Bool(value) => always(*value, node.span),
            Kind::Map(mapping) => {
                let mut entries = mapping.iter();
                match (entries.next(), entries.next()) {
                    (Some(entry), None) => self.operation(entry, what),
                    (Some(_), Some(second)) => {
                        let message = format!("{what} has more than one operator");
                        let found = Diagnostic::new(code::WRONG_TYPE, second.key.span, message);
                        self.sink.push(found.hint("join them by `and: […]` or `or: […]`"));
                        always(false, node.span)
                    }
                    (None, _) => {
                        self.report(code::MISSING_KEY, node.span, format!("{what} is empty"));
                        always(false, node.span)
                    }
                }
            }
            Kind::Null | Kind::Int(_) | Kind::Float(_) | Kind::Seq(_) => {
                self.wrong(node, what, "an expression or an object with an operator");
                always(false, node.span)
            }
        }
    }

    fn operation(&mut self, entry: &Entry, what: &str) -> Condition {
        let name = entry.key.text.as_str();
        match name.to_ascii_lowercase().as_str() {
            "and" => Condition::And(self.conditions(&entry.value, what)),
            "or" => Condition::Or(self.conditions(&entry.value, what)),
            "not" => {
                let operand = match entry.value.as_seq() {
                    Some([only]) => only,
                    Some(_) | None => &entry.value,
                };
                Condition::Not(Box::new(self.condition(operand, what)))
            }
            _ => {
                if let Some(operator) = Operator::parse(name) {
                    return self.comparison(operator, entry, what);
                }
                let comparisons = Operator::ALL.iter().map(|(name, _)| *name);
                let known: Vec<&str> =
                    ["and", "or", "not"].into_iter().chain(comparisons).collect();
                self.sink.unknown_key(entry.key.span, name, &known, what);
                always(false, entry.key.span)
            }
        }
    }

    fn conditions(&mut self, node: &Node, what: &str) -> Vec<Condition> {
        let items = self.list(node, &format!("the operand of {what}"));
        items.iter().map(|it| self.condition(it, what)).collect()
    }

    fn comparison(&mut self, operator: Operator, entry: &Entry, what: &str) -> Condition {
        let name = &entry.key.text;
        let items = self.list(&entry.value, &format!("`{name}` in {what}"));
        if entry.value.as_seq().is_some() && items.len() != 2 {
            let message = format!("`{name}` compares two values, not {}", items.len());
            self.report(code::WRONG_TYPE, entry.value.span, message);
            return always(false, entry.key.span);
        }
        let operands = items.iter().map(|it| self.tree(it)).collect();
        Condition::Compare { operator, operands }
    }

    /// Text that is taken as it stands.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = node.as_str();
        if text.is_none() {
            self.wrong(node, what, "text");
        }
        text.map(str::to_owned)
    }

    pub(crate) fn flag(&mut self, node: &Node, what: &str) -> Option<bool> {
        let flag = node.as_bool();
        if flag.is_none() {
            self.wrong(node, what, "`true` or `false`");
        }
        flag
    }

    /// A whole number from `min` to `max`.
    pub(crate) fn whole(
        &mut self,
        node: &Node,
        what: &str,
        (min, max): (usize, usize),
    ) -> Option<usize> {
        let Some(number) = node.as_i64().or_else(|| self.setting(node)?.parse().ok()) else {
            self.wrong(node, what, "a whole number");
            return None;
        };
        let number = usize::try_from(number).ok().filter(|it| (min..=max).contains(it));
        if number.is_none() {
            let message = format!("{what} must be from {min} to {max}");
            self.report(code::LIMIT_EXCEEDED, node.span, message);
        }
        number
    }

    /// The text of a setting of the cloud's, computed from the parameters' defaults if it is an
    /// expression; our own format has no expressions in settings.
    pub(crate) fn setting(&self, node: &Node) -> Option<String> {
        let text = node.as_str().filter(|_| self.dialect == Dialect::Wdl)?;
        let value = if let Some(value) = template::value(&self.deployment, text) {
            Ok(value.clone())
        } else {
            let (template, _) = Template::parse(text, Dialect::Wdl);
            template.eval(&Defaults(&self.defaults))
        };
        match value {
            Ok(Value::String(text)) => Some(text),
            Ok(Value::Number(number)) => Some(number.to_string()),
            Ok(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | Err(_) => None,
        }
    }

    /// Text that is taken as it stands, or as the deployment template around it says.
    pub(crate) fn deployed_text(&mut self, node: &Node, what: &str) -> Option<String> {
        match node.as_str().and_then(|it| template::value(&self.deployment, it)) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) | None => self.text(node, what),
        }
    }

    /// A value without expressions, as the deployment template has it if it stands there.
    pub(crate) fn deployed(&self, node: &Node) -> Value {
        let known = node.as_str().and_then(|it| template::value(&self.deployment, it));
        known.cloned().unwrap_or_else(|| node.to_json())
    }

    /// A length of time as ISO 8601 writes it, not negative.
    pub(crate) fn duration(&mut self, node: &Node, what: &str) -> Option<Duration> {
        let text = self.setting(node).or_else(|| self.text(node, what))?;
        let duration = Duration::parse_iso(&text).filter(|it| Duration::ZERO <= *it);
        if duration.is_none() && self.is_deployed(node) {
            self.known_later(code::INVALID_TIME, node, what);
        } else if duration.is_none() {
            let message = format!("{what} is not an ISO 8601 duration: `{text}`");
            let found = Diagnostic::new(code::INVALID_TIME, node.span, message);
            self.sink.push(found.hint("write `PT30S`, `PT5M`, `PT1H` or `P1D`"));
        }
        duration
    }

    /// One of a few words, in any case.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        node: &Node,
        what: &str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.setting(node).or_else(|| self.text(node, what))?;
        let chosen = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text));
        if chosen.is_none() && self.is_deployed(node) {
            self.known_later(code::WRONG_TYPE, node, what);
        } else if chosen.is_none() {
            let names = || choices.iter().map(|(name, _)| *name);
            let message = format!("{what} cannot be `{text}`");
            let found = Diagnostic::new(code::WRONG_TYPE, node.span, message);
            self.sink.push(match suggest::closest(&text, names()) {
                Some(near) => found.meant(&text, near, names()),
                None => found.hint(format!("one of {}", names().collect::<Vec<_>>().join(", "))),
            });
        }
        chosen.map(|(_, value)| *value)
    }

    /// The items of a list; of anything else none.
    pub(crate) fn list<'a>(&mut self, node: &'a Node, what: &str) -> &'a [Node] {
        node.as_seq().unwrap_or_else(|| {
            self.wrong(node, what, "a list");
            &[]
        })
    }

    /// The entries of an object; of anything else none.
    pub(crate) fn mapping<'a>(&mut self, node: &'a Node, what: &str) -> &'a Mapping {
        node.as_map().unwrap_or_else(|| {
            self.wrong(node, what, "an object");
            &EMPTY
        })
    }

    /// A JSON Schema: an object, kept as it stands. One that is none checks nothing; in the cloud's
    /// definitions that is a warning, because there it is found when it is used.
    pub(crate) fn schema(&mut self, node: &Node, what: &str) -> Option<Schema> {
        if node.as_map().is_none() {
            self.wrong(node, what, "a JSON Schema");
            return None;
        }
        let (schema, invalid) = Schema::new(node.to_json());
        if let Some(invalid) = invalid {
            let span = node_at(node, &invalid.pointer).span;
            let message = format!("{what} is not a JSON Schema: {}", invalid.reason);
            let mut found = Diagnostic::new(code::WRONG_TYPE, span, message);
            if self.dialect == Dialect::Wdl {
                found.severity = Severity::Warning;
            }
            self.sink.push(found);
        }
        Some(schema)
    }
}

/// The node at a JSON pointer, or the innermost one on the way.
fn node_at<'a>(root: &'a Node, pointer: &str) -> &'a Node {
    let mut node = root;
    for part in pointer.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        let item = node.as_seq().and_then(|it| it.get(name.parse::<usize>().ok()?));
        let Some(inner) = item.or_else(|| node.get(&name)) else { break };
        node = inner;
    }
    node
}

/// `[function(…)…]`: an expression of an Azure Resource Manager template, whose quotes cut the
/// expressions inside it into pieces.
pub(crate) fn is_deployment_text(text: &str) -> bool {
    let inside = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let name = inside.and_then(|it| it.split_once('(')).map(|(name, _)| name);
    name.is_some_and(|it| !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric()))
}

pub(crate) static EMPTY: Mapping = Mapping::EMPTY;

/// An object; one without anything computed in it is one value.
pub(crate) fn object(entries: Vec<(Key, Tree)>) -> Tree {
    let constants = entries.iter().map(|(key, value)| match key {
        Key::Plain(key) => constant(value).map(|value| (key.clone(), value)),
        Key::Computed(_) => None,
    });
    let constants = constants.collect::<Option<Map<String, Value>>>();
    constants.map_or(Tree::Object(entries.into()), |it| Tree::Value(Value::Object(it)))
}

fn constant(tree: &Tree) -> Option<Value> {
    if let Tree::Value(value) = tree { Some(value.clone()) } else { None }
}

/// A condition that does not depend on anything.
pub(crate) fn always(value: bool, span: Span) -> Condition {
    let (template, _) = Template::parse_expression(if value { "true" } else { "false" });
    Condition::Template(Placed { template, span, verbatim_at: None })
}
