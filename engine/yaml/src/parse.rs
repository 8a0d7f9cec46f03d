//! YAML text to a tree, from the library's events. The only file that names the library, which is
//! why everything that knows its events and errors is here.

use std::{borrow::Cow, collections::BTreeMap};

use base::{Diagnostic, Sink, Span, code, limits};
use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, StructureStyle};

use crate::{
    mistake,
    node::{Entry, Key, Kind, Mapping, Node, Scalar, Style},
    scalar,
};

/// Unquoted expressions that are reported in one go; each costs another pass over the file.
const MISTAKES_MAX: usize = 16;

/// A comment of a YAML file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// What stands behind `#`.
    pub text: String,
    /// Where it stands, `#` included.
    pub span: Span,
}

/// Reads YAML. There is no tree if the syntax is broken; an empty file is nothing.
pub fn parse(source: &str) -> (Option<Node>, Vec<Diagnostic>) {
    if limits::FILE_BYTES_MAX < source.len() {
        return (None, vec![too_long(source, limits::FILE_BYTES_MAX)]);
    }
    let mut text = Cow::Borrowed(source);
    let mut masked = Vec::new();
    loop {
        let mut builder = Builder::new(source, &text, &masked);
        match builder.run() {
            Ok(()) => {
                let root = builder.root.take().unwrap_or_else(|| Node::null(Span::default()));
                return (Some(root), builder.finish());
            }
            Err(Stop::Unquoted(span)) if masked.len() < MISTAKES_MAX => {
                text = Cow::Owned(mistake::mask(&text, span));
                masked.push(span);
            }
            Err(Stop::Unquoted(span)) => {
                builder.sink.push(mistake::diagnostic(source, span));
                return (None, builder.finish());
            }
            Err(Stop::Broken(diagnostic)) => {
                builder.sink.push(*diagnostic);
                return (None, builder.finish());
            }
        }
    }
}

/// The comments of a YAML file in order, up to a fault of syntax if there is one.
pub fn comments(source: &str) -> Vec<Comment> {
    if limits::FILE_BYTES_MAX < source.len() {
        return Vec::new();
    }
    let mut options = options();
    options.set_emit_comments(true);
    options.max_buffered_comment_events = limits::FILE_BYTES_MAX;
    let mut found = Vec::new();
    for event in Parser::new_from_str_with_options(source, options) {
        match event {
            Ok((Event::Comment(text, _), span)) => {
                found.push(Comment { text: text.into_owned(), span: range(span) });
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    found
}

fn options() -> Options {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.emit_anchor_events = true;
    options.emit_unresolved_aliases = true;
    options.disallow_directives = true;
    options
}

/// What ends a pass early.
enum Stop {
    /// An expression without quotes; reading can go on without it.
    Unquoted(Span),
    /// Anything else.
    Broken(Box<Diagnostic>),
}

impl From<Diagnostic> for Stop {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Broken(Box::new(diagnostic))
    }
}

/// A collection whose end has not come yet.
enum Frame {
    Seq { span: Span, style: Style, items: Vec<Node> },
    Map { span: Span, style: Style, entries: Vec<Entry>, seen: BTreeMap<String, Span>, next: Next },
}

/// What a mapping waits for.
enum Next {
    Key,
    ValueOf(Key),
    /// The value of a key that cannot be one; it is read and dropped.
    Dropped,
}

struct Builder<'a> {
    source: &'a str,
    /// The source with unquoted expressions masked.
    text: &'a str,
    masked: &'a [Span],
    sink: Sink,
    frames: Vec<Frame>,
    root: Option<Node>,
    n_nodes: usize,
    n_documents: usize,
}

impl<'a> Builder<'a> {
    fn new(source: &'a str, text: &'a str, masked: &'a [Span]) -> Self {
        let mut sink = Sink::new();
        for span in masked {
            sink.push(mistake::diagnostic(source, *span));
        }
        let frames = Vec::new();
        Self { source, text, masked, sink, frames, root: None, n_nodes: 0, n_documents: 0 }
    }

    fn finish(self) -> Vec<Diagnostic> {
        self.sink.into_sorted()
    }

    fn run(&mut self) -> Result<(), Stop> {
        let text = self.text;
        for event in Parser::new_from_str_with_options(text, options()) {
            if 1 < self.n_documents {
                // The first document counts; what follows it has been reported.
                return Ok(());
            }
            match event {
                Ok((event, span)) => self.event(event, span)?,
                Err(error) => return Err(self.stop(&error)),
            }
        }
        Ok(())
    }

    fn stop(&self, error: &ScanError) -> Stop {
        let at = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
        match mistake::find(self.text, at) {
            Some(span) => Stop::Unquoted(span),
            None => broken(self.text, error, at).into(),
        }
    }

    fn event(&mut self, event: Event<'_>, place: granit_parser::Span) -> Result<(), Stop> {
        let span = range(place);
        if let Some(tag) = place.tag_span() {
            self.unsupported(range(tag), "tags are not supported", "remove the tag");
        }
        match event {
            Event::DocumentStart(..) => {
                self.n_documents += 1;
                if 1 < self.n_documents {
                    let message = "a file holds one document";
                    self.unsupported(span, message, "move what follows `---` to its own file");
                }
            }
            Event::Scalar(text, style, ..) => {
                let node = self.scalar(&text, style, span)?;
                self.place(node)?;
            }
            Event::SequenceStart(style, ..) => {
                let style = collection_style(style);
                self.open(Frame::Seq { span, style, items: Vec::new() })?;
            }
            Event::MappingStart(style, ..) => {
                let style = collection_style(style);
                let rest = self.text.get(span.start..).unwrap_or("");
                if style == Style::Flow && rest.starts_with("{{") {
                    return Err(Stop::Unquoted(mistake::value_span(self.text, span.start)));
                }
                let (entries, seen) = (Vec::new(), BTreeMap::new());
                self.open(Frame::Map { span, style, entries, seen, next: Next::Key })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Anchor(..) => {
                self.unsupported(span, "anchors are not supported", "write the value out");
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let hint = "write the value out, or quote text that begins with `*`";
                self.unsupported(span, "aliases are not supported", hint);
                self.place(Node::null(span))?;
            }
            // Stream and document ends say nothing; comments are switched off.
            _ => {}
        }
        Ok(())
    }

    fn unsupported(&mut self, span: Span, message: &str, hint: &str) {
        self.sink.push(Diagnostic::new(code::UNSUPPORTED_YAML, span, message).hint(hint));
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<Node, Stop> {
        if let Some(masked) = self.masked.iter().find(|it| it.start == span.start) {
            let raw = self.source.get(masked.start..masked.end).unwrap_or("");
            let verbatim_at = (!raw.contains('\n')).then_some(masked.start);
            let text = raw.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            let kind = Kind::Str(Scalar { text, verbatim_at });
            return Ok(Node { kind, span: *masked, style: Style::Plain });
        }
        let (style, quotes) = match style {
            ScalarStyle::Plain => (Style::Plain, 0),
            ScalarStyle::SingleQuoted => (Style::SingleQuoted, 1),
            ScalarStyle::DoubleQuoted => (Style::DoubleQuoted, 1),
            ScalarStyle::Literal | ScalarStyle::Folded => (Style::BlockScalar, 0),
        };
        let written = self.source.get(span.start..span.end).unwrap_or("");
        let span = Span::new(span.start, span.start + written.trim_end().len());
        let inside = self.source.get(span.start + quotes..span.end.saturating_sub(quotes));
        let verbatim_at = (inside == Some(text)).then_some(span.start + quotes);
        let scalar = Scalar { text: text.to_owned(), verbatim_at };
        if style != Style::Plain {
            return Ok(Node { kind: Kind::Str(scalar), span, style });
        }
        let kind = scalar::resolve(scalar).ok_or_else(|| {
            let message = format!("`{text}` is not a number that a flow can use");
            Diagnostic::new(code::UNSUPPORTED_YAML, span, message).hint("quote it to make it text")
        })?;
        Ok(Node { kind, span, style })
    }

    fn count(&mut self, span: Span) -> Result<(), Stop> {
        self.n_nodes += 1;
        if limits::YAML_NODES_MAX < self.n_nodes {
            let message = format!("a file holds at most {} values", limits::YAML_NODES_MAX);
            return Err(Diagnostic::new(code::LIMIT_EXCEEDED, span, message).into());
        }
        Ok(())
    }

    fn open(&mut self, frame: Frame) -> Result<(), Stop> {
        if limits::YAML_DEPTH_MAX <= self.frames.len() {
            let (Frame::Seq { span, .. } | Frame::Map { span, .. }) = frame;
            return Err(too_deep(span, limits::YAML_DEPTH_MAX).into());
        }
        self.frames.push(frame);
        Ok(())
    }

    /// Ends the innermost collection; one without brackets ends with its last part.
    fn close(&mut self, end: Span) -> Result<(), Stop> {
        let node = match self.frames.pop() {
            Some(Frame::Seq { span, style, items }) => {
                let span = match items.last() {
                    Some(last) if style == Style::Block => span.to(last.span),
                    Some(_) | None => span.to(end),
                };
                Node { kind: Kind::Seq(items), span, style }
            }
            Some(Frame::Map { span, style, entries, .. }) => {
                let span = match (entries.first(), entries.last()) {
                    (Some(first), Some(last)) if style == Style::Block => {
                        first.key.span.to(last.key.span).to(last.value.span)
                    }
                    _ => span.to(end),
                };
                Node { kind: Kind::Map(Mapping::new(entries)), span, style }
            }
            None => return Ok(()),
        };
        self.place(node)
    }

    /// Puts a complete node where the innermost collection waits for one.
    fn place(&mut self, mut node: Node) -> Result<(), Stop> {
        self.count(node.span)?;
        match self.frames.last_mut() {
            None => {
                self.root.get_or_insert(node);
            }
            Some(Frame::Seq { items, .. }) => items.push(node),
            Some(Frame::Map { entries, seen, next, .. }) => {
                *next = match std::mem::replace(next, Next::Key) {
                    Next::Key => take_key(node, self.source, seen, &mut self.sink),
                    Next::ValueOf(key) => {
                        if node.is_null() && node.span.start == node.span.end {
                            node.span = key.span;
                        }
                        entries.push(Entry { key, value: node });
                        Next::Key
                    }
                    Next::Dropped => Next::Key,
                };
            }
        }
        Ok(())
    }
}

/// Takes a node as a key: it must be a scalar, new in its mapping, and no merge.
fn take_key(node: Node, source: &str, seen: &mut BTreeMap<String, Span>, sink: &mut Sink) -> Next {
    let span = node.span;
    let (text, verbatim_at) = match node.kind {
        Kind::Str(scalar) => (scalar.text, scalar.verbatim_at),
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
            let written = source.get(span.start..span.end).unwrap_or("");
            (written.to_owned(), Some(span.start))
        }
        Kind::Seq(_) | Kind::Map(_) => {
            let message = "a key must be text, not a list or an object";
            sink.push(Diagnostic::new(code::UNSUPPORTED_YAML, span, message));
            return Next::Dropped;
        }
    };
    if text == "<<" && node.style == Style::Plain {
        let found = Diagnostic::new(code::UNSUPPORTED_YAML, span, "merge keys are not supported");
        sink.push(found.hint("write the keys out"));
        return Next::Dropped;
    }
    if let Some(first) = seen.get(&text) {
        let message = format!("the key `{text}` is written twice");
        let found = Diagnostic::new(code::DUPLICATE_KEY, span, message);
        sink.push(found.label(*first, "first here").hint("remove or rename one of the two"));
        return Next::Dropped;
    }
    seen.insert(text.clone(), span);
    Next::ValueOf(Key { text, span, verbatim_at })
}

fn collection_style(style: StructureStyle) -> Style {
    match style {
        StructureStyle::Block => Style::Block,
        StructureStyle::Flow => Style::Flow,
    }
}

fn range(span: granit_parser::Span) -> Span {
    span.byte_range().map_or_else(Span::default, |it| Span::new(it.start, it.end))
}

pub(crate) fn too_long(source: &str, bytes_max: usize) -> Diagnostic {
    let message = format!("the file has {} bytes; at most {bytes_max} are read", source.len());
    Diagnostic::new(code::LIMIT_EXCEEDED, Span::default(), message)
}

pub(crate) fn too_deep(span: Span, depth_max: usize) -> Diagnostic {
    let message = format!("values nest at most {depth_max} deep");
    Diagnostic::new(code::LIMIT_EXCEEDED, span, message)
}

/// A fault of syntax in the author's words.
fn broken(text: &str, error: &ScanError, at: usize) -> Diagnostic {
    let width = text.get(at..).and_then(|it| it.chars().next()).map_or(0, char::len_utf8);
    let span = Span::new(at, at + width);
    let (code, message, hint) = explain(error.kind());
    let found = Diagnostic::new(code, span, message);
    if hint.is_empty() { found } else { found.hint(hint) }
}

fn explain(kind: &ErrorKind) -> (base::Code, String, &'static str) {
    let (message, hint) = match kind {
        ErrorKind::RecursionLimitExceeded => {
            return (
                code::LIMIT_EXCEEDED,
                too_deep(Span::default(), limits::YAML_DEPTH_MAX).message,
                "",
            );
        }
        ErrorKind::DirectiveDisallowed => {
            let message = "directives are not supported".to_owned();
            return (code::UNSUPPORTED_YAML, message, "remove the line that begins with `%`");
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            ("`: ` is not allowed here", "quote a value that contains `: `")
        }
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => ("a tab cannot indent", "use spaces"),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::UnexpectedEndOfPlainScalar => {
            ("a quote is never closed", "add the closing quote")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            ("text follows the closing quote", "inside single quotes write `'` as `''`")
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            ("text follows the closing quote", "inside double quotes write `\"` as `\\\"`")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            ("no such escape", "inside double quotes write `\\` as `\\\\`, or use single quotes")
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            let message = format!("`{open}` is never closed");
            return (code::INVALID_YAML, message, "add the closing bracket");
        }
        ErrorKind::UnexpectedCharacter { character } => {
            let message = format!("a value cannot begin with `{}`", character.escape_default());
            return (code::INVALID_YAML, message, "quote the value");
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::InvalidIndentation => {
            ("the indentation does not fit", "align the keys of an object, and the items of a list")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("a key needs `: ` and a value", "write `key: value`")
        }
        ErrorKind::ExpectedFlowMappingSeparator => {
            ("`,` or `}` is missing", "quote text that contains `,`, `{` or `}`")
        }
        ErrorKind::ExpectedFlowSequenceSeparator => {
            ("`,` or `]` is missing", "quote text that contains `,`, `[` or `]`")
        }
        other => return (code::INVALID_YAML, other.to_string(), ""),
    };
    (code::INVALID_YAML, message.to_owned(), hint)
}
