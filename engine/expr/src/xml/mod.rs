//! XML as the cloud keeps it: what it reads, how it writes it, its JSON form, its `XPath`.

mod doctype;
mod json;
pub(crate) mod name;
mod read;
mod write;
mod xpath;

use doctype::Doctype;
pub(crate) use json::{from_json, to_json};
pub(crate) use read::{named, read, read_bytes};
pub(crate) use xpath::{Found, Shown, find};

/// Bytes of one document: several times what an action's body usually is.
const BYTES_MAX: usize = 8 << 20;
/// Nodes of one document: comparing two sets of nodes takes the product of their sizes.
const NODES_MAX: usize = 100_000;
/// Depth of elements: writing and converting recurse.
const DEPTH_MAX: usize = 100;

/// The namespace of the attributes that declare namespaces.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// The namespace that `xml:` stands for.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// A document: its nodes in document order, the document itself first.
pub(crate) struct Document {
    nodes: Vec<Node>,
}

struct Node {
    parent: usize,
    children: Vec<usize>,
    /// The node behind the last one below this.
    end: usize,
    what: What,
}

enum What {
    Document,
    Declaration {
        version: String,
        encoding: Option<String>,
        standalone: Option<String>,
    },
    Type(Doctype),
    Element {
        /// As written, with the prefix.
        name: String,
        /// As written and in that order, with those that declare namespaces.
        attributes: Vec<(String, String)>,
        /// Whether it is written `<a />` as long as it holds nothing.
        short: bool,
    },
    Text(String),
    Section(String),
    Comment(String),
    Instruction {
        target: String,
        data: String,
    },
}

/// What is wrong with a document, in words that fit into a message.
pub(crate) type Fault = String;

impl Document {
    fn new() -> Self {
        let root = Node { parent: 0, children: Vec::new(), end: 1, what: What::Document };
        Self { nodes: vec![root] }
    }

    /// Appends a node to one whose last descendant is the last node of all.
    fn push(&mut self, parent: usize, what: What) -> Result<usize, Fault> {
        let at = self.nodes.len();
        if NODES_MAX <= at {
            return Err(format!("a document has at most {NODES_MAX} nodes"));
        }
        self.nodes.push(Node { parent, children: Vec::new(), end: at + 1, what });
        if let Some(parent) = self.nodes.get_mut(parent) {
            parent.children.push(at);
        }
        let mut above = parent;
        while let Some(node) = self.nodes.get_mut(above) {
            node.end = at + 1;
            if above == 0 {
                break;
            }
            above = node.parent;
        }
        Ok(at)
    }

    fn what(&self, at: usize) -> &What {
        self.nodes.get(at).map_or(&What::Document, |node| &node.what)
    }

    fn children(&self, at: usize) -> &[usize] {
        self.nodes.get(at).map_or(&[], |node| &node.children)
    }

    fn parent(&self, at: usize) -> Option<usize> {
        if at == 0 { None } else { self.nodes.get(at).map(|node| node.parent) }
    }

    fn attributes(&self, at: usize) -> &[(String, String)] {
        match self.what(at) {
            What::Element { attributes, .. } => attributes,
            What::Document
            | What::Declaration { .. }
            | What::Type(_)
            | What::Text(_)
            | What::Section(_)
            | What::Comment(_)
            | What::Instruction { .. } => &[],
        }
    }

    /// The namespace that a prefix stands for at a node; `None` if nothing declares it.
    fn namespace(&self, at: usize, prefix: &str) -> Option<&str> {
        match prefix {
            "xml" => return Some(XML),
            "xmlns" => return Some(XMLNS),
            _ => {}
        }
        let mut at = Some(at);
        while let Some(here) = at {
            let found =
                self.attributes(here).iter().find(|(name, _)| declares(name) == Some(prefix));
            if let Some((_, uri)) = found {
                return Some(uri);
            }
            at = self.parent(here);
        }
        prefix.is_empty().then_some("")
    }

    /// The node behind the last one below a node.
    fn end(&self, at: usize) -> usize {
        self.nodes.get(at).map_or(at, |node| node.end)
    }

    /// The text below a node, as `XPath` has it.
    fn text_below(&self, at: usize) -> String {
        let nodes = self.nodes.get(at..self.end(at)).unwrap_or_default();
        let texts = nodes.iter().filter_map(|node| match &node.what {
            What::Text(text) | What::Section(text) => Some(text.as_str()),
            What::Document
            | What::Declaration { .. }
            | What::Type(_)
            | What::Element { .. }
            | What::Comment(_)
            | What::Instruction { .. } => None,
        });
        texts.collect()
    }
}

/// The prefix that an attribute declares, if it is one of those; empty for the default.
fn declares(name: &str) -> Option<&str> {
    if name == "xmlns" { Some("") } else { name.strip_prefix("xmlns:") }
}

/// Prefix and local part of a name; the prefix may be empty.
fn parts(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}
