//! Writing XML as .NET does: `<a />`, double quotes, namespaces where they are needed.

use super::{Document, What, declares, parts};

/// How deep into the scope an element's declarations reach.
struct Writer<'d> {
    document: &'d Document,
    /// Prefixes that what is written declares, innermost last.
    scope: Vec<(&'d str, &'d str)>,
    out: String,
}

impl Document {
    /// The text of a node and what is below it; 0 is the whole document.
    pub(crate) fn write(&self, at: usize) -> String {
        let mut writer = Writer { document: self, scope: Vec::new(), out: String::new() };
        writer.node(at);
        writer.out
    }
}

impl<'d> Writer<'d> {
    fn node(&mut self, at: usize) {
        match self.document.what(at) {
            What::Document => self.children(at),
            What::Declaration { version, encoding, standalone } => {
                self.out.extend(["<?xml version=\"", version, "\""]);
                let more = [(" encoding=\"", encoding), (" standalone=\"", standalone)];
                for (name, value) in more {
                    if let Some(value) = value {
                        self.out.extend([name, value, "\""]);
                    }
                }
                self.out.push_str("?>");
            }
            What::Type(doctype) => doctype.write(&mut self.out),
            What::Element { name, attributes, short } => self.element(at, name, attributes, *short),
            What::Text(text) => escape(text, false, &mut self.out),
            What::Section(text) => self.out.extend(["<![CDATA[", text, "]]>"]),
            What::Comment(text) => self.out.extend(["<!--", text, "-->"]),
            What::Instruction { target, data } => {
                let blank = if data.is_empty() { "" } else { " " };
                self.out.extend(["<?", target, blank, data, "?>"]);
            }
        }
    }

    fn children(&mut self, at: usize) {
        for child in self.document.children(at) {
            self.node(*child);
        }
    }

    fn element(
        &mut self,
        at: usize,
        name: &'d str,
        attributes: &'d [(String, String)],
        short: bool,
    ) {
        let depth = self.scope.len();
        self.out.extend(["<", name]);
        for (key, value) in attributes {
            if let Some(prefix) = declares(key) {
                self.scope.push((prefix, value));
            }
            self.attribute(key, value);
        }
        self.declare(at, parts(name).0);
        for (key, _) in attributes {
            let prefix = parts(key).0;
            if !prefix.is_empty() {
                self.declare(at, prefix);
            }
        }
        if short && self.document.children(at).is_empty() {
            self.out.push_str(" />");
        } else {
            self.out.push('>');
            self.children(at);
            self.out.extend(["</", name, ">"]);
        }
        self.scope.truncate(depth);
    }

    /// Declares a prefix of a part of a document that is declared outside of that part.
    fn declare(&mut self, at: usize, prefix: &'d str) {
        if matches!(prefix, "xml" | "xmlns") {
            return;
        }
        let Some(uri) = self.document.namespace(at, prefix) else { return };
        let known = self.scope.iter().rev().find(|(name, _)| *name == prefix);
        if known.map_or("", |(_, uri)| uri) != uri {
            self.scope.push((prefix, uri));
            let name =
                if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
            self.attribute(&name, uri);
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.extend([" ", name, "=\""]);
        escape(value, true, &mut self.out);
        self.out.push('"');
    }
}

/// Writes a text so that reading it gives the same.
fn escape(text: &str, attribute: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\t' if attribute => out.push_str("&#x9;"),
            '\n' if attribute => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
}
