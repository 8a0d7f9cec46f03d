//! Typed reading of nodes: every mistake becomes a finding with its place, and reading goes on.

use base::{Diagnostic, Duration, Sink, Span, code, suggest};
use expr::{Dialect, Key, Placed, SyntaxError, Template, Tree, What, functions};
use serde_json::Value;
use yaml::{Kind, Mapping, Node, Scalar};

use crate::{encode, scope::FUNCTIONS};

/// Reads nodes and collects findings.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) sink: Sink,
    /// Whether the file says only what is otherwise than in a published definition.
    pub(super) is_overlay: bool,
}

impl Reader {
    /// An object that has only known keys.
    pub(super) fn object<'n>(
        &mut self,
        node: &'n Node,
        place: &str,
        known: &[&str],
    ) -> Option<&'n Mapping> {
        let map = self.entries(node, place)?;
        for entry in map {
            if !known.contains(&entry.key.text.as_str()) {
                self.sink.unknown_key(entry.key.span, &entry.key.text, known, place);
            }
        }
        Some(map)
    }

    /// An object with any keys.
    pub(super) fn entries<'n>(&mut self, node: &'n Node, place: &str) -> Option<&'n Mapping> {
        if node.as_map().is_none() {
            self.sink.wrong_type(node.span, place, "an object", node.kind_name());
        }
        node.as_map()
    }

    /// Text that must be there.
    pub(super) fn required_text(
        &mut self,
        map: &Mapping,
        (key, place): (&str, &str),
        span: Span,
    ) -> String {
        if map.get(key).is_none() {
            self.sink.missing_key(span, key, place);
        }
        self.text(map, key).unwrap_or_default()
    }

    /// Text, if the key is there; numbers count as they are written.
    pub(super) fn text(&mut self, map: &Mapping, key: &str) -> Option<String> {
        let node = map.get(key)?;
        match &node.kind {
            Kind::Str(scalar) => Some(scalar.text.clone()),
            Kind::Int(number) => Some(number.to_string()),
            Kind::Float(number) => Some(number.to_string()),
            Kind::Null | Kind::Bool(_) | Kind::Seq(_) | Kind::Map(_) => {
                self.sink.wrong_type(node.span, &format!("`{key}`"), "text", node.kind_name());
                None
            }
        }
    }

    /// A list of texts; one text stands for a list of one.
    pub(super) fn texts(&mut self, map: &Mapping, key: &str) -> Vec<String> {
        let Some(node) = map.get(key) else { return Vec::new() };
        let items = node.as_seq().unwrap_or(std::slice::from_ref(node));
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => self.sink.wrong_type(
                    item.span,
                    &format!("`{key}`"),
                    "text or a list of texts",
                    item.kind_name(),
                ),
            }
        }
        texts
    }

    /// A list of words, also of numbers as they are written; one stands for a list of one.
    pub(super) fn words(&mut self, map: &Mapping, key: &str) -> Vec<String> {
        let Some(node) = map.get(key) else { return Vec::new() };
        let items = node.as_seq().unwrap_or(std::slice::from_ref(node));
        let mut words = Vec::with_capacity(items.len());
        for item in items {
            match &item.kind {
                Kind::Str(scalar) => words.push(scalar.text.clone()),
                Kind::Int(number) => words.push(number.to_string()),
                Kind::Null | Kind::Bool(_) | Kind::Float(_) | Kind::Seq(_) | Kind::Map(_) => {
                    let what = format!("`{key}`");
                    let expected = "text, a whole number or a list of them";
                    self.sink.wrong_type(item.span, &what, expected, item.kind_name());
                }
            }
        }
        words
    }

    /// What to use instead of something that is there for older flows only; empty if only that is said.
    pub(super) fn deprecated(&mut self, map: &Mapping) -> Option<String> {
        match &map.get("deprecated")?.kind {
            Kind::Bool(deprecated) => deprecated.then(String::new),
            Kind::Null
            | Kind::Int(_)
            | Kind::Float(_)
            | Kind::Str(_)
            | Kind::Seq(_)
            | Kind::Map(_) => self.text(map, "deprecated"),
        }
    }

    /// A truth value; false if the key is not there.
    pub(super) fn flag(&mut self, map: &Mapping, key: &str) -> bool {
        let Some(node) = map.get(key) else { return false };
        node.as_bool().unwrap_or_else(|| {
            let what = format!("`{key}`");
            self.sink.wrong_type(node.span, &what, "true or false", node.kind_name());
            false
        })
    }

    /// A whole number that is not negative.
    pub(super) fn count(&mut self, map: &Mapping, key: &str) -> Option<usize> {
        let node = map.get(key)?;
        let count = node.as_i64().and_then(|it| usize::try_from(it).ok());
        if count.is_none() {
            let what = format!("`{key}`");
            self.sink.wrong_type(node.span, &what, "a whole number", node.kind_name());
        }
        count
    }

    /// Status codes: one or a list.
    pub(super) fn statuses(&mut self, map: &Mapping, key: &str) -> Vec<u16> {
        let Some(node) = map.get(key) else { return Vec::new() };
        let items = node.as_seq().unwrap_or(std::slice::from_ref(node));
        let mut statuses = Vec::with_capacity(items.len());
        for item in items {
            let status = item.as_i64().and_then(|it| u16::try_from(it).ok());
            if let Some(status) = status.filter(|it| (100..=599).contains(it)) {
                statuses.push(status);
            } else {
                let what = format!("`{key}`");
                let expected = "a status code from 100 to 599";
                self.sink.wrong_type(item.span, &what, expected, item.kind_name());
            }
        }
        statuses
    }

    /// A length of time such as `PT60S`.
    pub(super) fn duration(&mut self, map: &Mapping, key: &str) -> Option<Duration> {
        let node = map.get(key)?;
        let duration = node.as_str().and_then(Duration::parse_iso);
        if duration.is_none_or(|it| it < Duration::ZERO) {
            let message = format!("`{key}` is not a duration");
            let found = Diagnostic::new(code::INVALID_TIME, node.span, message);
            self.sink.push(found.hint("write it as in `PT60S` or `P1D`"));
        }
        duration.filter(|it| Duration::ZERO <= *it)
    }

    /// One of a list of words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        map: &Mapping,
        key: &str,
        table: &[(&str, T)],
    ) -> Option<T> {
        let node = map.get(key)?;
        let word = node.as_str().unwrap_or("");
        let found = table.iter().find(|(name, _)| *name == word);
        if found.is_none() {
            self.unknown_word(node.span, &format!("`{key}`"), word, table.iter().map(|it| it.0));
        }
        found.map(|(_, value)| *value)
    }

    pub(super) fn unknown_word<'w>(
        &mut self,
        span: Span,
        what: &str,
        word: &str,
        known: impl Iterator<Item = &'w str> + Clone,
    ) {
        let message = format!("{what} cannot be `{word}`");
        let found = Diagnostic::new(code::INVALID_CHOICE, span, message);
        self.sink.push(match suggest::closest(word, known.clone()) {
            Some(near) => found.hint(format!("did you mean `{near}`?")),
            None => found.hint(format!("it is one of {}", known.collect::<Vec<_>>().join(", "))),
        });
    }

    /// A name that must be one of those in the file.
    pub(super) fn unknown_name<'w>(
        &mut self,
        found: Diagnostic,
        word: &str,
        known: impl Iterator<Item = &'w str>,
    ) {
        self.sink.push(match suggest::closest(word, known) {
            Some(near) => found.hint(format!("did you mean `{near}`?")),
            None => found,
        });
    }

    /// A text that may be computed, if the key is there.
    pub(super) fn template(&mut self, map: &Mapping, key: &str) -> Option<Template> {
        let node = map.get(key)?;
        match &node.kind {
            Kind::Str(scalar) => Some(self.placed(scalar, node.span).template),
            Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) => {
                let text = encode::text(&node.to_json());
                Some(Template::parse(&text, Dialect::Wdl).0)
            }
            Kind::Null | Kind::Seq(_) | Kind::Map(_) => {
                self.sink.wrong_type(node.span, &format!("`{key}`"), "text", node.kind_name());
                None
            }
        }
    }

    /// A text that may be computed, or what holds without it.
    pub(super) fn template_or(&mut self, map: &Mapping, key: &str, default: &str) -> Template {
        self.template(map, key).unwrap_or_else(|| Template::parse(default, Dialect::Wdl).0)
    }

    /// Named texts that may be computed, such as headers.
    pub(super) fn templates(&mut self, map: &Mapping, key: &str) -> Vec<(String, Template)> {
        let Some(node) = map.get(key) else { return Vec::new() };
        let Some(entries) = self.entries(node, &format!("`{key}`")) else { return Vec::new() };
        let names = entries.iter().map(|it| it.key.text.clone());
        names
            .filter_map(|name| {
                let template = self.template(entries, &name)?;
                Some((name, template))
            })
            .collect()
    }

    /// A value with texts that may be computed inside.
    pub(super) fn tree(&mut self, node: &Node) -> Tree {
        match &node.kind {
            Kind::Str(scalar) => {
                let placed = self.placed(scalar, node.span);
                match placed.template.literal() {
                    Some(literal) => Tree::Value(literal.clone()),
                    None => Tree::Template(placed),
                }
            }
            Kind::Seq(items) => Tree::Array(items.iter().map(|it| self.tree(it)).collect()),
            Kind::Map(entries) => {
                let entry =
                    |it: &yaml::Entry| (Key::Plain(it.key.text.clone()), self.tree(&it.value));
                Tree::Object(entries.iter().map(entry).collect())
            }
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
                Tree::Value(node.to_json())
            }
        }
    }

    fn placed(&mut self, scalar: &Scalar, span: Span) -> Placed {
        let (template, errors) = Template::parse(&scalar.text, Dialect::Wdl);
        let placed = Placed { template, span, verbatim_at: scalar.verbatim_at };
        for error in errors {
            self.syntax_error(&placed, error);
        }
        for used in placed.template.uses() {
            if let What::Function { name, arguments } = &used.what {
                self.check_function(placed.place(&used.range), name, *arguments);
            }
        }
        placed
    }

    fn syntax_error(&mut self, placed: &Placed, error: SyntaxError) {
        let found = Diagnostic::new(error.code, placed.place(&error.range), error.message);
        self.sink.push(match error.hint {
            Some(hint) => found.hint(hint),
            None => found,
        });
    }

    /// Connector files know the functions of flows and some of their own.
    fn check_function(&mut self, span: Span, name: &str, arguments: usize) {
        let own = FUNCTIONS.iter().find(|(known, _, _)| known.eq_ignore_ascii_case(name));
        if let Some((known, min, max)) = own {
            if arguments < *min || *max < arguments {
                let message = format!("`{known}` takes {min} arguments here, not {arguments}");
                self.sink.push(Diagnostic::new(code::WRONG_ARGUMENT_COUNT, span, message));
            }
        } else if functions::find(name).is_none() {
            let message = format!("there is no function `{name}`");
            let found = Diagnostic::new(code::UNKNOWN_FUNCTION, span, message);
            let known = functions::TABLE.iter().map(|it| it.name);
            self.unknown_name(found, name, known.chain(FUNCTIONS.iter().map(|it| it.0)));
        }
    }

    /// A value as it is; expressions in it mean nothing.
    pub(super) fn json(map: &Mapping, key: &str) -> Option<Value> {
        map.get(key).map(Node::to_json)
    }
}
