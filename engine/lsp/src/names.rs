//! Every place of a file that names an action, a variable, a parameter or a connection.

use std::ops::Range;

use base::{ActionName, Span};
use expr::{Dialect, Notation, Template, What};
use flow::shape::{File as Shapes, Name, Seen, Takes, visit};
use yaml::{Kind, Node, Scalar, Style};

use crate::project::FileKind;

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// An action of the flow.
    Action,
    /// A variable.
    Variable,
    /// A parameter.
    Parameter,
    /// A connection.
    Connection,
    /// A mapping beside the flow; its name is that of a file.
    Mapping,
    /// A flow of the project; its name is that of a folder.
    Flow,
    /// `connection.Operation` or `connection.Trigger`.
    Operation,
    /// A connector.
    Connector,
}

/// How a name is written, which says how another one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is, in a scalar of this style.
    Plain(Style),
    /// As a key.
    Key(Style),
    /// In single quotes of an expression, in a scalar of this style.
    Quoted(Style),
    /// As a word of a path behind a dot.
    Dotted(Notation),
    /// As a word of a path in brackets and quotes.
    Bracketed,
}

/// One place.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) symbol: Symbol,
    /// As it is written there.
    pub(crate) name: String,
    /// The name alone.
    pub(crate) span: Span,
    pub(crate) form: Form,
    /// Whether it is the declaration.
    pub(crate) declares: bool,
    /// Whether the file holds the name as it is, so that another can be put there.
    pub(crate) is_exact: bool,
}

impl Place {
    /// Whether two names mean the same thing.
    pub(crate) fn is(&self, symbol: Symbol, name: &str) -> bool {
        self.symbol == symbol && same(symbol, &self.name, name)
    }
}

/// Whether two names mean the same thing of a kind.
pub(crate) fn same(symbol: Symbol, one: &str, other: &str) -> bool {
    match symbol {
        Symbol::Action => ActionName::new(one) == ActionName::new(other),
        Symbol::Variable | Symbol::Parameter => one.eq_ignore_ascii_case(other),
        Symbol::Connection
        | Symbol::Mapping
        | Symbol::Flow
        | Symbol::Operation
        | Symbol::Connector => one == other,
    }
}

/// Every place of a file.
pub(crate) fn places(kind: FileKind, text: &str) -> Vec<Place> {
    let (Some(root), _) = yaml::parse(text) else { return Vec::new() };
    let mut collector = Collector { text, found: Vec::new() };
    let Some(shapes) = kind.shape() else { return Vec::new() };
    visit(&root, shapes, &mut |seen| collector.object(seen));
    if matches!(shapes, Shapes::Flow | Shapes::Mapping) {
        collector.strings(&root, "");
    }
    collector.found.sort_by_key(|it| (it.span.start, it.span.end));
    collector.found
}

struct Collector<'t> {
    text: &'t str,
    found: Vec<Place>,
}

impl Collector<'_> {
    fn object(&mut self, seen: &Seen<'_>) {
        for entry in seen.entries {
            let key = entry.key.text.as_str();
            match (seen.shape.name, key) {
                ("action", "name") => self.scalar(Symbol::Action, &entry.value, true),
                ("declaration", "name") => self.scalar(Symbol::Variable, &entry.value, true),
                ("flow" | "environment", "parameters") => {
                    self.keys(Symbol::Parameter, &entry.value, seen.shape.name == "flow");
                }
                ("flow", "connections") => {
                    self.keys(Symbol::Connection, &entry.value, true);
                    for it in entry.value.as_map().into_iter().flatten() {
                        self.scalar(Symbol::Connector, &it.value, false);
                    }
                }
                _ => {}
            }
            let Some(key) = seen.shape.key(seen.kind, key) else { continue };
            match key.takes {
                Takes::RunAfter => self.keys(Symbol::Action, &entry.value, false),
                Takes::Named(name) => self.named(name, &entry.value),
                Takes::Either(all) => {
                    for it in all {
                        if let Takes::Named(name) = it {
                            self.named(*name, &entry.value);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn named(&mut self, name: Name, node: &Node) {
        match name {
            Name::Variable => self.scalar(Symbol::Variable, node, false),
            Name::Connection => self.scalar(Symbol::Connection, node, false),
            Name::Mapping => self.scalar(Symbol::Mapping, node, false),
            Name::Flow => self.scalar(Symbol::Flow, node, false),
            Name::Connector => self.scalar(Symbol::Connector, node, false),
            Name::Operation | Name::ConnectorTrigger => self.operation(node),
            Name::Schema | Name::Environment | Name::StaticResult => {}
        }
    }

    /// `connection.Operation`: the connection, and the whole of it.
    fn operation(&mut self, node: &Node) {
        let Some(scalar) = node.as_scalar() else { return };
        let Some((connection, _)) = scalar.text.split_once('.') else { return };
        let at = scalar.verbatim_at;
        let span = at.map_or(node.span, |at| Span::new(at, at + connection.len()));
        let form = Form::Plain(node.style);
        let (declares, is_exact) = (false, at.is_some());
        let name = connection.to_owned();
        self.found.push(Place { symbol: Symbol::Connection, name, span, form, declares, is_exact });
        let whole = at.map_or(node.span, |at| Span::new(at, at + scalar.text.len()));
        let (symbol, name) = (Symbol::Operation, scalar.text.clone());
        self.found.push(Place { symbol, name, span: whole, form, declares, is_exact: false });
    }

    fn scalar(&mut self, symbol: Symbol, node: &Node, declares: bool) {
        let Some(Scalar { text, verbatim_at }) = node.as_scalar() else { return };
        let is_exact = verbatim_at.is_some();
        let span = verbatim_at.map_or(node.span, |at| Span::new(at, at + text.len()));
        let form = Form::Plain(node.style);
        self.found.push(Place { symbol, name: text.clone(), span, form, declares, is_exact });
    }

    fn keys(&mut self, symbol: Symbol, node: &Node, declares: bool) {
        for entry in node.as_map().into_iter().flatten() {
            let key = &entry.key;
            let span = key.verbatim_at.map_or(key.span, |at| Span::new(at, at + key.text.len()));
            let form = Form::Key(self.style(key.span));
            let is_exact = key.verbatim_at.is_some();
            self.found.push(Place {
                symbol,
                name: key.text.clone(),
                span,
                form,
                declares,
                is_exact,
            });
        }
    }

    fn style(&self, span: Span) -> Style {
        match self.text.get(span.start..).and_then(|it| it.chars().next()) {
            Some('"') => Style::DoubleQuoted,
            Some('\'') => Style::SingleQuoted,
            _ => Style::Plain,
        }
    }

    /// Every text that may be computed.
    fn strings(&mut self, node: &Node, key: &str) {
        match &node.kind {
            Kind::Str(scalar) if !["description", "flow"].contains(&key) => {
                self.string(scalar, node.span, node.style);
            }
            Kind::Seq(items) => items.iter().for_each(|it| self.strings(it, key)),
            Kind::Map(map) => {
                for entry in map {
                    if entry.key.text.contains('@') {
                        let Some(verbatim_at) = entry.key.verbatim_at else { continue };
                        let scalar =
                            Scalar { text: entry.key.text.clone(), verbatim_at: Some(verbatim_at) };
                        self.string(&scalar, entry.key.span, self.style(entry.key.span));
                    }
                    self.strings(&entry.value, &entry.key.text);
                }
            }
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => {}
        }
    }

    fn string(&mut self, scalar: &Scalar, span: Span, style: Style) {
        let text = scalar.text.as_str();
        if !text.contains(['@', '$']) && !text.contains("{{") {
            return;
        }
        let (template, _) = Template::parse(text, Dialect::Flowright);
        for it in template.uses() {
            let (symbol, name, root) = match it.what {
                What::Action { name, .. } => (Symbol::Action, name, "actions"),
                What::Result { name } | What::Items { name } | What::IterationIndexes { name } => {
                    (Symbol::Action, name, "items")
                }
                What::Variable { name } => (Symbol::Variable, name, "variables"),
                What::Parameter { name } => (Symbol::Parameter, name, "parameters"),
                What::Function { .. } | What::Item | What::Root { .. } => continue,
            };
            let (inside, form) =
                name_in(text, &it.range, (root, &name), (template.notation(), style));
            let place =
                scalar.verbatim_at.map_or(span, |at| Span::new(at + inside.start, at + inside.end));
            let is_exact = scalar.verbatim_at.is_some() && inside != it.range;
            let declares = false;
            self.found.push(Place { symbol, name, span: place, form, declares, is_exact });
        }
    }
}

/// Where in a reference the name itself stands, and how it is written.
fn name_in(
    text: &str,
    range: &Range<usize>,
    (root, name): (&str, &str),
    (notation, style): (Notation, Style),
) -> (Range<usize>, Form) {
    let written = text.get(range.clone()).unwrap_or("");
    let escaped = name.replace('\'', "''");
    if written.starts_with('\'') {
        let inside = range.start + 1..range.start + 1 + escaped.len();
        let is_it = text.get(inside.clone()) == Some(&escaped);
        return (if is_it { inside } else { range.clone() }, Form::Quoted(style));
    }
    // A path: the name stands behind the root.
    let behind = written.find(root).map_or(0, |at| at + root.len());
    let rest = written.get(behind..).unwrap_or("");
    let Some(at) = rest.find(name) else { return (range.clone(), Form::Bracketed) };
    let start = range.start + behind + at;
    let before = rest.get(..at).unwrap_or("");
    let form = if before.ends_with('.') { Form::Dotted(notation) } else { Form::Bracketed };
    (start..start + name.len(), form)
}
