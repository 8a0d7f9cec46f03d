//! Reading XML: `roxmltree` says whether it is well-formed, then its pieces are kept as written.
//!
//! The pieces are needed because sections, short elements and prefixes show in the JSON form.

use super::{BYTES_MAX, DEPTH_MAX, Document, Fault, NODES_MAX, What, doctype};

pub(super) const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Reads a document from text.
pub(crate) fn read(text: &str) -> Result<Document, Fault> {
    if BYTES_MAX < text.len() {
        return Err(format!("a document has at most {BYTES_MAX} bytes"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut document = Document::new();
    let mut rest = text;
    if let Some((declaration, behind)) = declaration(text)? {
        document.push(0, declaration)?;
        rest = behind;
    }
    check(rest)?;
    Reader { rest, document, open: Vec::new() }.read()
}

/// Reads a document from bytes of a content type.
pub(crate) fn read_bytes(kind: &str, bytes: &[u8]) -> Result<Document, Fault> {
    if BYTES_MAX < bytes.len() {
        return Err(format!("a document has at most {BYTES_MAX} bytes"));
    }
    if let Some(text) = utf16(bytes) {
        return read(&text?);
    }
    let charset = kind.split(';').filter_map(|part| part.split_once('='));
    let charset = charset.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let charset = charset.map(|(_, value)| value.trim().trim_matches('"')).next();
    let latin = || bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    if charset.is_some_and(is_latin) {
        return read(&latin());
    }
    let document = if let Ok(text) = std::str::from_utf8(bytes) {
        read(text)?
    } else {
        let text = latin();
        let declared = declaration(&text)?.and_then(|(what, _)| encoding(&what));
        if !declared.is_some_and(|name| is_latin(&name)) {
            return Err("its bytes are not valid in its encoding".to_owned());
        }
        read(&text)?
    };
    let declared = document.children(0).first().and_then(|at| encoding(document.what(*at)));
    match declared.map(|name| name.to_ascii_lowercase()) {
        Some(name) if is_wide(&name) => Err("there is no Unicode byte order mark".to_owned()),
        Some(name) if !is_known(&name) => Err(format!("there is no encoding `{name}`")),
        Some(_) | None => Ok(document),
    }
}

/// Whether a text is one well-formed document without a declaration.
///
/// The document type is checked on its own and kept from `roxmltree`, which would act on it.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    if text.trim_start_matches(BLANKS).starts_with("<?xml ") {
        return Err("the declaration of XML stands at the very beginning".to_owned());
    }
    let options = roxmltree::ParsingOptions {
        nodes_limit: u32::try_from(NODES_MAX).unwrap_or(u32::MAX),
        ..roxmltree::ParsingOptions::default()
    };
    let blanked = doctype::find(text)?.map(|(before, _, behind)| {
        let typed = text.get(before.len()..text.len() - behind.len()).unwrap_or_default();
        // Line ends stay, so that what is said of the rest has its lines.
        let blanks = typed.chars().map(|c| if c == '\n' { c } else { ' ' });
        before.chars().chain(blanks).chain(behind.chars()).collect::<String>()
    });
    let text = blanked.as_deref().unwrap_or(text);
    match roxmltree::Document::parse_with_options(text, options) {
        Ok(_) => Ok(()),
        Err(roxmltree::Error::DtdDetected) => Err(doctype::MISPLACED.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn encoding(what: &What) -> Option<String> {
    match what {
        What::Declaration { encoding, .. } => encoding.clone(),
        What::Document
        | What::Type(_)
        | What::Element { .. }
        | What::Text(_)
        | What::Section(_)
        | What::Comment(_)
        | What::Instruction { .. } => None,
    }
}

/// Text of bytes that begin with the mark of UTF-16.
fn utf16(bytes: &[u8]) -> Option<Result<String, Fault>> {
    let (order, bytes): (fn([u8; 2]) -> u16, _) = match bytes {
        [0xff, 0xfe, rest @ ..] => (u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => (u16::from_be_bytes, rest),
        _ => return None,
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| order(*pair));
    let text = char::decode_utf16(units).collect::<Result<String, _>>();
    let text = text.ok().filter(|_| rest.is_empty());
    Some(text.ok_or_else(|| "its bytes are not valid in its encoding".to_owned()))
}

fn is_latin(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "iso-8859-1" | "iso_8859-1" | "latin1" | "l1" | "iso-latin-1")
}

/// Encodings of two or four bytes: nothing so encoded comes here without its mark.
fn is_wide(name: &str) -> bool {
    matches!(name, "ucs-2" | "iso-10646-ucs-2" | "unicode")
        || name.starts_with("utf-16")
        || name.starts_with("utf-32")
        || name.starts_with("ucs-4")
}

fn is_known(name: &str) -> bool {
    let numbered = |name: &str, family: &str| {
        let number = name.strip_prefix(family);
        number
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    matches!(name, "utf-8" | "utf8" | "ascii" | "us-ascii" | "unicode-1-1-utf-8")
        || is_latin(name)
        || numbered(name, "iso-8859-")
        || numbered(name, "windows-")
}

/// The declaration at the beginning of a text, and what stands behind it.
fn declaration(text: &str) -> Result<Option<(What, &str)>, Fault> {
    let Some(rest) = text.strip_prefix("<?xml").filter(|rest| rest.starts_with(BLANKS)) else {
        return Ok(None);
    };
    let broken = || "the declaration of XML is not well-formed".to_owned();
    let (inside, behind) = rest.split_once("?>").ok_or_else(broken)?;
    let mut inside = inside.trim_end_matches(BLANKS);
    let mut next = |wanted: &str| -> Result<Option<String>, Fault> {
        let start = inside.trim_start_matches(BLANKS);
        let Some(rest) = start.strip_prefix(wanted) else { return Ok(None) };
        if start.len() == inside.len() {
            return Err(broken());
        }
        let rest = rest.trim_start_matches(BLANKS).strip_prefix('=').ok_or_else(broken)?;
        let (value, rest) = quoted(rest.trim_start_matches(BLANKS)).ok_or_else(broken)?;
        inside = rest;
        Ok(Some(value.to_owned()))
    };
    let version = next("version")?.ok_or_else(broken)?;
    let encoding = next("encoding")?;
    let standalone = next("standalone")?;
    if !inside.is_empty() {
        return Err(broken());
    }
    if version != "1.0" {
        return Err(format!("version `{version}` of XML is not supported"));
    }
    let named = |name: &String| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    let valid = standalone.as_ref().is_none_or(|it| matches!(it.as_str(), "yes" | "no"));
    if !valid || !encoding.as_ref().is_none_or(named) {
        return Err(broken());
    }
    Ok(Some((What::Declaration { version, encoding, standalone }, behind)))
}

/// A text in quotes, and what stands behind it.
pub(super) fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text.get(1..)?.split_once(quote)
}

/// Takes a document apart that is known to be well-formed.
struct Reader<'t> {
    rest: &'t str,
    document: Document,
    /// The elements that are open, and whether blanks in them are kept.
    open: Vec<(usize, bool)>,
}

impl<'t> Reader<'t> {
    fn read(mut self) -> Result<Document, Fault> {
        while !self.rest.is_empty() {
            if self.skip("<!--") {
                let text = self.until("-->")?;
                self.add(What::Comment(lines(text)))?;
            } else if self.skip("<![CDATA[") {
                let text = self.until("]]>")?;
                self.add(What::Section(lines(text)))?;
            } else if self.skip("<?") {
                let text = self.until("?>")?;
                let (target, data) = text.split_once(BLANKS).unwrap_or((text, ""));
                let data = lines(data.trim_start_matches(BLANKS));
                self.add(What::Instruction { target: target.to_owned(), data })?;
            } else if self.rest.starts_with("<!") {
                let (doctype, behind) = doctype::read(self.rest)?.ok_or(doctype::MISPLACED)?;
                self.rest = behind;
                self.add(What::Type(doctype))?;
            } else if self.skip("</") {
                self.until(">")?;
                self.open.pop();
            } else if self.skip("<") {
                self.element()?;
            } else {
                self.text()?;
            }
        }
        Ok(self.document)
    }

    fn add(&mut self, what: What) -> Result<usize, Fault> {
        let parent = self.open.last().map_or(0, |(at, _)| *at);
        self.document.push(parent, what)
    }

    fn skip(&mut self, start: &str) -> bool {
        let behind = self.rest.strip_prefix(start);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    fn until(&mut self, end: &str) -> Result<&'t str, Fault> {
        let (inside, behind) = self.rest.split_once(end).ok_or_else(unfinished)?;
        self.rest = behind;
        Ok(inside)
    }

    fn text(&mut self) -> Result<(), Fault> {
        let end = self.rest.find('<').unwrap_or(self.rest.len());
        let (text, behind) = self.rest.split_at_checked(end).ok_or_else(unfinished)?;
        self.rest = behind;
        let blank = text.trim_matches(BLANKS).is_empty();
        match self.open.last() {
            Some((_, keeps)) if *keeps || !blank => {
                let text = references(&lines(text))?;
                self.add(What::Text(text)).map(drop)
            }
            // The cloud drops blanks between elements.
            Some(_) | None => Ok(()),
        }
    }

    fn element(&mut self) -> Result<(), Fault> {
        let end = self.rest.find([' ', '\t', '\r', '\n', '/', '>']).ok_or_else(unfinished)?;
        let (name, behind) = self.rest.split_at_checked(end).ok_or_else(unfinished)?;
        self.rest = behind;
        let mut attributes = Vec::new();
        let short = loop {
            self.rest = self.rest.trim_start_matches(BLANKS);
            if self.skip("/>") {
                break true;
            }
            if self.skip(">") {
                break false;
            }
            let name = self.until("=")?.trim_end_matches(BLANKS);
            let rest = self.rest.trim_start_matches(BLANKS);
            let (value, behind) = quoted(rest).ok_or_else(unfinished)?;
            self.rest = behind;
            let value = lines(value).replace(['\t', '\n'], " ");
            attributes.push((name.to_owned(), references(&value)?));
        };
        let kept = attributes.iter().find(|(name, _)| name == "xml:space");
        let inherited = self.open.last().is_some_and(|(_, keeps)| *keeps);
        let keeps = kept.map_or(inherited, |(_, value)| value == "preserve");
        let at = self.add(What::Element { name: name.to_owned(), attributes, short })?;
        if !short {
            self.open.push((at, keeps));
        }
        if DEPTH_MAX < self.open.len() {
            return Err(format!("elements nest at most {DEPTH_MAX} deep"));
        }
        Ok(())
    }
}

fn unfinished() -> Fault {
    "it ends too early".to_owned()
}

/// Line ends as XML has them.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A text with its references resolved; there are only the five names that need no definition.
fn references(text: &str) -> Result<String, Fault> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        let (name, after) = behind.split_once(';').ok_or_else(unfinished)?;
        out.push_str(before);
        out.push(named(name).ok_or_else(|| format!("there is no entity `{name}`"))?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The character that a reference stands for.
pub(crate) fn named(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        name => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
