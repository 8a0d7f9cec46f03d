//! The declaration of a document type: read, checked and carried along, but never acted on.
//!
//! What it names is not fetched. What could change the rest of the document is refused: entities,
//! the way to bombs and to files outside, and the values that it would give to attributes.

use super::read::{self, BLANKS};
use super::{Fault, name};

/// A document type, its parts as written.
pub(super) struct Doctype {
    pub(super) name: String,
    pub(super) public: Option<String>,
    pub(super) system: Option<String>,
    /// What stands in brackets.
    pub(super) subset: Option<String>,
}

/// What is said of a document type where none may stand.
pub(super) const MISPLACED: &str = "a document type stands once, before the root element";

impl Doctype {
    /// Writes it as .NET does.
    pub(super) fn write(&self, out: &mut String) {
        out.extend(["<!DOCTYPE ", &self.name]);
        let system = self.system.as_deref();
        // Nothing is escaped in these quotes, so that they are those that the text does not hold.
        let quote = if system.is_some_and(|id| id.contains('"')) { "'" } else { "\"" };
        match (&self.public, system) {
            (Some(public), system) => {
                let system = system.unwrap_or_default();
                out.extend([" PUBLIC \"", public, "\" ", quote, system, quote]);
            }
            (None, Some(system)) => out.extend([" SYSTEM ", quote, system, quote]),
            (None, None) => {}
        }
        if let Some(subset) = &self.subset {
            out.extend(["[", subset, "]"]);
        }
        out.push('>');
    }

    /// This document type if reading what it writes gives the same parts.
    pub(super) fn checked(self) -> Result<Self, Fault> {
        let mut text = String::new();
        self.write(&mut text);
        let (read, behind) = read(&text)?.ok_or_else(broken)?;
        let system = self.system.as_deref().unwrap_or_default();
        let same = read.name == self.name
            && read.public == self.public
            && read.system.as_deref().unwrap_or_default() == system;
        if same && behind.is_empty() { Ok(self) } else { Err(broken()) }
    }
}

/// The document type of a text, with what stands before and behind it.
pub(super) fn find(text: &str) -> Result<Option<(&str, Doctype, &str)>, Fault> {
    let mut rest = text.trim_start_matches(BLANKS);
    while let Some((_, behind)) = comment(rest).or_else(|| instruction(rest)) {
        rest = behind.trim_start_matches(BLANKS);
    }
    let Some((doctype, behind)) = read(rest)? else { return Ok(None) };
    let before = text.get(..text.len() - rest.len()).unwrap_or_default();
    Ok(Some((before, doctype, behind)))
}

/// The document type that a text begins with, and what stands behind it.
pub(super) fn read(text: &str) -> Result<Option<(Doctype, &str)>, Fault> {
    let Some(rest) = text.strip_prefix("<!DOCTYPE") else { return Ok(None) };
    let (name, rest) = named(blank(rest)?)?;
    let mut doctype = Doctype { name: name.to_owned(), public: None, system: None, subset: None };
    let mut rest = rest.trim_start_matches(BLANKS);
    if let Some(ids) = rest.strip_prefix("PUBLIC") {
        let (public, behind) = quoted(blank(ids)?)?;
        let (system, behind) = quoted(blank(behind)?)?;
        doctype.public = Some(lines(public, "\n")).filter(|id| id.chars().all(is_public));
        doctype.public.as_ref().ok_or_else(broken)?;
        doctype.system = Some(lines(system, "\n"));
        rest = behind.trim_start_matches(BLANKS);
    } else if let Some(id) = rest.strip_prefix("SYSTEM") {
        let (system, behind) = quoted(blank(id)?)?;
        doctype.system = Some(lines(system, "\n"));
        rest = behind.trim_start_matches(BLANKS);
    }
    // .NET makes no difference between no brackets and empty ones.
    doctype.subset = Some(String::new());
    if let Some(inside) = rest.strip_prefix('[') {
        let behind = subset(inside)?;
        let inside = inside.get(..inside.len() - behind.len()).and_then(|it| it.strip_suffix(']'));
        // .NET mends only those line ends that are not two characters.
        doctype.subset = Some(lines(inside.ok_or_else(broken)?, "\r\n"));
        rest = behind.trim_start_matches(BLANKS);
    }
    let behind = rest.strip_prefix('>').ok_or_else(broken)?;
    let written = text.get(..text.len() - behind.len()).unwrap_or_default();
    if written.chars().all(is_character) { Ok(Some((doctype, behind))) } else { Err(broken()) }
}

/// What stands behind the bracket that ends the declarations in a document type.
fn subset(text: &str) -> Result<&str, Fault> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(BLANKS);
        if let Some(behind) = rest.strip_prefix(']') {
            return Ok(behind);
        }
        rest = if let Some((inside, behind)) = comment(rest) {
            let valid = !inside.contains("--") && !inside.ends_with('-');
            valid.then_some(behind).ok_or_else(broken)?
        } else if let Some((inside, behind)) = instruction(rest) {
            let (target, data) = named(inside)?;
            let ends = data.is_empty() || data.starts_with(BLANKS);
            let valid = ends && !target.eq_ignore_ascii_case("xml");
            valid.then_some(behind).ok_or_else(broken)?
        } else {
            declaration(rest)?
        };
    }
}

/// What stands behind a declaration in a document type.
fn declaration(text: &str) -> Result<&str, Fault> {
    if text.starts_with("<!ENTITY") || text.starts_with('%') {
        return Err("a document type must neither define entities nor refer to them".to_owned());
    }
    let mut keyword = ["<!ELEMENT", "<!ATTLIST", "<!NOTATION"].into_iter();
    let keyword = keyword.find(|keyword| text.starts_with(keyword)).ok_or_else(broken)?;
    let behind = text.strip_prefix(keyword).ok_or_else(broken)?;
    let (_, mut rest) = named(blank(behind)?)?;
    loop {
        rest = rest.trim_start_matches(|c: char| {
            name::continues(c)
                || matches!(c, '(' | ')' | '|' | ',' | '?' | '*' | '+' | '#')
                || BLANKS.contains(&c)
        });
        if let Some(behind) = rest.strip_prefix('>') {
            return Ok(behind);
        }
        let (_, behind) = quoted(rest)?;
        match keyword {
            "<!NOTATION" => rest = behind,
            "<!ATTLIST" => {
                return Err("a document type must not give values to attributes".to_owned());
            }
            _ => return Err(broken()),
        }
    }
}

/// The inside of a comment that a text begins with, and what stands behind it.
fn comment(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("<!--")?.split_once("-->")
}

/// The inside of an instruction that a text begins with, and what stands behind it.
fn instruction(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("<?")?.split_once("?>")
}

/// The name that a text begins with, and what stands behind it.
fn named(text: &str) -> Result<(&str, &str), Fault> {
    let end = text.find(|c| !name::continues(c)).unwrap_or(text.len());
    let (name, behind) = text.split_at_checked(end).ok_or_else(broken)?;
    if name.starts_with(name::starts) { Ok((name, behind)) } else { Err(broken()) }
}

/// What stands behind the blanks that a text must begin with.
fn blank(text: &str) -> Result<&str, Fault> {
    let behind = text.trim_start_matches(BLANKS);
    if behind.len() < text.len() { Ok(behind) } else { Err(broken()) }
}

/// The text in quotes that a text must begin with, and what stands behind it.
fn quoted(text: &str) -> Result<(&str, &str), Fault> {
    read::quoted(text).ok_or_else(broken)
}

fn broken() -> Fault {
    "the document type is not well-formed".to_owned()
}

/// A text with its line ends of two characters as told, and the others as one line feed.
fn lines(text: &str, two: &str) -> String {
    let parts: Vec<_> = text.split("\r\n").map(|part| part.replace('\r', "\n")).collect();
    parts.join(two)
}

/// Whether XML has a character.
fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Whether a character may stand in the public name of a document type.
fn is_public(c: char) -> bool {
    c.is_ascii_alphanumeric() || " \n-'()+,./:=?;!*#@$_%".contains(c)
}
