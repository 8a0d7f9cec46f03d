//! `XPath` 1.0 over a document, with a budget: a query of a few letters can take forever.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::rc::Rc;

use xpath_eval::{EvaluationContext, ExpandedName, Node, NodeKind, Value, evaluate, parse};

use super::{Document, Fault, What, XML, declares, parts};

/// Bytes of one query. It is parsed and evaluated by recursion.
const QUERY_BYTES_MAX: usize = 4096;
/// Nesting of parentheses, brackets and signs in one query.
const QUERY_DEPTH_MAX: usize = 32;
/// Operators in one query: each is one more level of recursion.
const QUERY_OPERATORS_MAX: usize = 256;
/// Nodes that one query may visit.
const STEPS_MAX: usize = 5_000_000;

/// What a query finds.
pub(crate) enum Found {
    /// Nodes in document order.
    Nodes(Vec<Shown>),
    Text(String),
    Number(f64),
    Truth(bool),
}

/// A node outside of its document.
pub(crate) enum Shown {
    /// The XML of an element or of the whole document.
    Xml(String),
    /// The text of anything else.
    Text(String),
}

/// Evaluates a query against a document.
pub(crate) fn find(document: &Document, query: &str) -> Result<Found, Fault> {
    check(query)?;
    let parsed = parse(query).map_err(|error| error.to_string())?;
    let view = View::new(document);
    let unknown: RefCell<Option<String>> = RefCell::new(None);
    let resolve = |prefix: &str| {
        if prefix == "xml" {
            return Some(XML.to_owned());
        }
        unknown.borrow_mut().get_or_insert_with(|| prefix.to_owned());
        None
    };
    let root = At { view: &view, node: 0, part: Part::Whole };
    let mut context = EvaluationContext::new(root);
    context.namespaces = Some(&resolve);
    let value = evaluate(&parsed, &context).map_err(|error| error.to_string())?;
    if let Some(prefix) = unknown.into_inner() {
        return Err(format!(
            "nothing says what the prefix `{prefix}` stands for; use `local-name()`"
        ));
    }
    let found = match value {
        Value::NodeSet(mut nodes) => {
            nodes.sort_by(|a, b| a.document_order(*b));
            Found::Nodes(shown(nodes)?)
        }
        Value::Boolean(truth) => Found::Truth(truth),
        Value::Number(number) => Found::Number(number),
        Value::String(text) => Found::Text(text),
    };
    if STEPS_MAX < view.steps.get() {
        return Err(format!("a query visits at most {STEPS_MAX} nodes"));
    }
    Ok(found)
}

/// The nodes of an answer. A node may hold others that are found as well, so their sum is bounded.
fn shown(nodes: Vec<At<'_>>) -> Result<Vec<Shown>, Fault> {
    let mut bytes = 0_usize;
    let mut found = Vec::with_capacity(nodes.len());
    for node in nodes {
        let node = node.shown();
        let (Shown::Xml(text) | Shown::Text(text)) = &node;
        bytes = bytes.saturating_add(text.len());
        if base::limits::EXPRESSION_OUTPUT_BYTES_MAX < bytes {
            return Err("the nodes that it finds are too long in all".to_owned());
        }
        found.push(node);
    }
    Ok(found)
}

/// Refuses queries that recurse too deep. Texts in quotes do not count.
fn check(query: &str) -> Result<(), Fault> {
    if QUERY_BYTES_MAX < query.len() {
        return Err(format!("a query has at most {QUERY_BYTES_MAX} bytes"));
    }
    let (mut depth, mut operators, mut quote) = (0_usize, 0_usize, None);
    let mut word = String::new();
    for c in query.chars().chain([' ']) {
        match quote {
            Some(open) => {
                if c == open {
                    quote = None;
                }
                continue;
            }
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None => {}
        }
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '+' | '-' | '|' | '=' | '<' | '>' | '*' => operators += 1,
            _ => {}
        }
        if c.is_alphabetic() {
            word.push(c);
        } else {
            operators += usize::from(matches!(word.as_str(), "and" | "or" | "div" | "mod"));
            word.clear();
        }
        if QUERY_DEPTH_MAX < depth || QUERY_OPERATORS_MAX < operators {
            return Err("the query is too complicated".to_owned());
        }
    }
    Ok(())
}

/// A document as `XPath` looks at it.
struct View<'d> {
    document: &'d Document,
    /// The namespace of each element.
    namespaces: Vec<Option<Rc<str>>>,
    steps: Cell<usize>,
}

impl<'d> View<'d> {
    fn new(document: &'d Document) -> Self {
        let of = |at: usize| match document.what(at) {
            What::Element { name, .. } => {
                document.namespace(at, parts(name).0).filter(|uri| !uri.is_empty()).map(Rc::from)
            }
            What::Document
            | What::Declaration { .. }
            | What::Type(_)
            | What::Text(_)
            | What::Section(_)
            | What::Comment(_)
            | What::Instruction { .. } => None,
        };
        let namespaces = (0..document.nodes.len()).map(of).collect();
        Self { document, namespaces, steps: Cell::new(0) }
    }

    /// Whether there is budget for so many steps more; without it every axis is empty.
    fn affords(&self, steps: usize) -> bool {
        self.steps.set(self.steps.get().saturating_add(steps));
        self.steps.get() <= STEPS_MAX
    }

    /// The namespaces in scope of an element, each prefix once.
    fn in_scope(&self, at: usize) -> Vec<(&'d str, &'d str)> {
        let mut scope: Vec<(&str, &str)> = vec![("xml", XML)];
        let mut here = Some(at);
        while let Some(node) = here {
            for (name, uri) in self.document.attributes(node) {
                if let Some(prefix) = declares(name)
                    && scope.iter().all(|(known, _)| *known != prefix)
                {
                    scope.push((prefix, uri));
                }
            }
            here = self.document.parent(node);
        }
        scope.retain(|(_, uri)| !uri.is_empty());
        scope
    }
}

/// A node of the view; namespaces and attributes belong to the element they stand at.
#[derive(Clone, Copy)]
struct At<'v> {
    view: &'v View<'v>,
    node: usize,
    part: Part,
}

/// What of an element is meant, in document order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Whole,
    Namespace(usize),
    Attribute(usize),
}

impl PartialEq for At<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node && self.part == other.part
    }
}

impl Eq for At<'_> {}

impl<'v> At<'v> {
    /// The XML of an element, the text of anything else.
    fn shown(self) -> Shown {
        match self.kind() {
            NodeKind::Root | NodeKind::Element => Shown::Xml(self.view.document.write(self.node)),
            NodeKind::Attribute
            | NodeKind::Namespace
            | NodeKind::ProcessingInstruction
            | NodeKind::Comment
            | NodeKind::Text => Shown::Text(self.string_value()),
        }
    }

    fn attribute(self, index: usize) -> Option<&'v (String, String)> {
        self.view.document.attributes(self.node).get(index)
    }

    /// A run of texts and sections is one node of text: its first one.
    fn is_text(self) -> bool {
        matches!(self.view.document.what(self.node), What::Text(_) | What::Section(_))
    }

    fn texts(self) -> String {
        let document = self.view.document;
        let siblings =
            document.parent(self.node).map_or(&[][..], |parent| document.children(parent));
        let from = siblings.partition_point(|it| *it < self.node);
        let run = siblings.get(from..).unwrap_or_default().iter();
        let run = run.map_while(|it| match document.what(*it) {
            What::Text(text) | What::Section(text) => Some(text.as_str()),
            What::Document
            | What::Declaration { .. }
            | What::Type(_)
            | What::Element { .. }
            | What::Comment(_)
            | What::Instruction { .. } => None,
        });
        run.collect()
    }
}

impl<'v> Node<'v> for At<'v> {
    fn kind(self) -> NodeKind {
        match self.part {
            Part::Namespace(_) => NodeKind::Namespace,
            Part::Attribute(_) => NodeKind::Attribute,
            Part::Whole => match self.view.document.what(self.node) {
                What::Document => NodeKind::Root,
                What::Element { .. } => NodeKind::Element,
                What::Text(_) | What::Section(_) => NodeKind::Text,
                What::Comment(_) => NodeKind::Comment,
                What::Declaration { .. } | What::Type(_) | What::Instruction { .. } => {
                    NodeKind::ProcessingInstruction
                }
            },
        }
    }

    fn parent(self) -> Option<Self> {
        if !self.view.affords(1) {
            return None;
        }
        let node = match self.part {
            Part::Whole => self.view.document.parent(self.node)?,
            Part::Namespace(_) | Part::Attribute(_) => self.node,
        };
        Some(Self { node, part: Part::Whole, ..self })
    }

    fn children(self) -> impl Iterator<Item = Self> + 'v {
        let all: &'v [usize] = match self.part {
            Part::Whole => self.view.document.children(self.node),
            Part::Namespace(_) | Part::Attribute(_) => &[],
        };
        let children = if self.view.affords(all.len() + 1) { all } else { &[] };
        let mut after_text = false;
        let nodes =
            children.iter().map(move |node| Self { node: *node, part: Part::Whole, ..self });
        nodes.filter(move |it| {
            let continues = it.is_text() && after_text;
            after_text = it.is_text();
            let hidden =
                matches!(it.view.document.what(it.node), What::Declaration { .. } | What::Type(_));
            !continues && !hidden
        })
    }

    fn attributes(self) -> impl Iterator<Item = Self> + 'v {
        let all: &'v [(String, String)] = match self.part {
            Part::Whole => self.view.document.attributes(self.node),
            Part::Namespace(_) | Part::Attribute(_) => &[],
        };
        let attributes = if self.view.affords(all.len()) { all } else { &[] };
        let own = attributes.iter().enumerate().filter(|(_, (name, _))| declares(name).is_none());
        own.map(move |(index, _)| Self { part: Part::Attribute(index), ..self })
    }

    fn namespaces(self) -> impl Iterator<Item = Self> + 'v {
        let count = match self.kind() {
            NodeKind::Element => self.view.in_scope(self.node).len(),
            NodeKind::Root
            | NodeKind::Attribute
            | NodeKind::Namespace
            | NodeKind::ProcessingInstruction
            | NodeKind::Comment
            | NodeKind::Text => 0,
        };
        let count = if self.view.affords(count * 10) { count } else { 0 };
        (0..count).map(move |index| Self { part: Part::Namespace(index), ..self })
    }

    fn expanded_name(self) -> Option<ExpandedName> {
        let named = |uri: Option<&str>, local: &str| {
            let namespace_uri = uri.map(str::to_owned);
            Some(ExpandedName { namespace_uri, local_name: local.to_owned() })
        };
        match self.part {
            Part::Namespace(index) => {
                named(None, self.view.in_scope(self.node).get(index).map_or("", |(name, _)| name))
            }
            Part::Attribute(index) => {
                let (prefix, local) = parts(&self.attribute(index)?.0);
                let uri = self.view.document.namespace(self.node, prefix);
                named(uri.filter(|_| !prefix.is_empty()), local)
            }
            Part::Whole => match self.view.document.what(self.node) {
                What::Element { name, .. } => {
                    let uri = self.view.namespaces.get(self.node).and_then(Option::as_deref);
                    named(uri, parts(name).1)
                }
                What::Instruction { target, .. } => named(None, target),
                What::Document
                | What::Declaration { .. }
                | What::Type(_)
                | What::Text(_)
                | What::Section(_)
                | What::Comment(_) => None,
            },
        }
    }

    fn string_value(self) -> String {
        let value = match self.part {
            Part::Namespace(index) => {
                let scope = self.view.in_scope(self.node);
                scope.get(index).map_or_else(String::new, |(_, uri)| (*uri).to_owned())
            }
            Part::Attribute(index) => {
                self.attribute(index).map_or_else(String::new, |(_, value)| value.clone())
            }
            Part::Whole => match self.view.document.what(self.node) {
                What::Document | What::Element { .. } => {
                    let document = self.view.document;
                    let below = document.end(self.node) - self.node;
                    if self.view.affords(below) {
                        document.text_below(self.node)
                    } else {
                        String::new()
                    }
                }
                What::Text(_) | What::Section(_) => self.texts(),
                What::Comment(text) => text.clone(),
                What::Instruction { data, .. } => data.clone(),
                What::Declaration { .. } | What::Type(_) => String::new(),
            },
        };
        if self.view.affords(1 + value.len() / 16) { value } else { String::new() }
    }

    fn document_order(self, other: Self) -> Ordering {
        (self.node, self.part).cmp(&(other.node, other.part))
    }
}
