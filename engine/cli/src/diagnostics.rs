//! Findings for the terminal: source excerpts with the place marked.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use base::{Diagnostic, Fix, Severity, Source, Span};

use crate::print;

/// One finding with its source excerpt.
pub(crate) fn render(source: &Source, found: &Diagnostic) -> String {
    let level = match found.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let message = print::safe(&found.message);
    let path = print::safe(source.name());
    let length = source.text().len();
    let clamp = |span: Span| {
        let start = floor(source.text(), span.start.min(length));
        Span::new(start, floor(source.text(), span.end.clamp(start, length)))
    };
    // The library looks at every line that it is given, for each finding.
    let all = found.labels.iter().map(|it| it.span).fold(found.span, Span::to);
    let (first_line, shown) = source.excerpt(clamp(all));
    let clamp = |span: Span| {
        let span = clamp(span);
        span.start - shown.start..span.end - shown.start
    };
    let labels = found.labels.iter().map(|label| {
        AnnotationKind::Context.span(clamp(label.span)).label(print::safe(&label.text))
    });
    let snippet = Snippet::source(source.text().get(shown.start..shown.end).unwrap_or_default())
        .line_start(first_line)
        .path(path)
        .annotation(AnnotationKind::Primary.span(clamp(found.span)))
        .annotations(labels);
    let title = level.primary_title(message).id(found.code.slug);
    let group: Group<'_> = title.element(snippet);
    let hint = found.hint.as_deref().map(print::safe);
    let group = match hint {
        Some(hint) => group.element(Level::HELP.message(hint)),
        None => group,
    };
    // Of the cloud's files people see the designer, not the lines.
    let path = found.path.as_deref().filter(|_| source.name().contains(".json"));
    let group = match path {
        Some(path) => group.element(Level::NOTE.message(print::safe(&format!("in `{path}`")))),
        None => group,
    };
    let group = match &found.fix {
        Some(fix) => group.element(Level::HELP.message(mends(fix))),
        None => group,
    };
    let renderer = if print::colored() { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// How an edit is made.
fn mends(fix: &Fix) -> String {
    let flag = if fix.safe { "--fix" } else { "--unsafe-fixes" };
    print::safe(&format!("{} (`flowright lint {flag}`)", fix.title))
}

/// The nearest place at or before an offset where a character begins.
fn floor(text: &str, mut offset: usize) -> usize {
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
