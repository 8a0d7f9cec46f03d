//! `# lint: ignore[slug] reason`: on the line of a finding, or on a line of its own above it.

use base::{Diagnostic, Source, Span, code, suggest};

use crate::rules::TABLE;

/// One slug of one comment.
struct Ignore {
    slug: String,
    span: Span,
    /// The line whose findings it suppresses.
    line: usize,
    used: bool,
}

/// Takes out what comments suppress; adds the comments that suppress nothing.
pub(crate) fn apply(source: &Source, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut ignores = read(source);
    if ignores.is_empty() {
        return found;
    }
    let mut kept = Vec::with_capacity(found.len());
    for diagnostic in found {
        let line = source.location(diagnostic.span.start).line;
        let mut suppressed = false;
        for ignore in &mut ignores {
            if ignore.line == line && ignore.slug == diagnostic.code.slug {
                ignore.used = true;
                suppressed = true;
            }
        }
        if !suppressed {
            kept.push(diagnostic);
        }
    }
    kept.extend(ignores.iter().filter(|it| !it.used).map(unused));
    kept
}

fn unused(ignore: &Ignore) -> Diagnostic {
    let slug = &ignore.slug;
    let slugs = || TABLE.iter().map(|it| it.code.slug);
    if slugs().any(|it| it == slug) {
        let message = format!("nothing to suppress: line {} has no `{slug}`", ignore.line);
        return Diagnostic::new(code::UNUSED_SUPPRESSION, ignore.span, message)
            .hint("remove the comment");
    }
    let message = format!("there is no rule `{slug}`");
    let found = Diagnostic::new(code::UNUSED_SUPPRESSION, ignore.span, message);
    match suggest::closest(slug, slugs()) {
        Some(near) => found.hint(format!("did you mean `{near}`?")),
        None => found.hint("the rules are those of `docs/rules`"),
    }
}

fn read(source: &Source) -> Vec<Ignore> {
    // Reading comments costs as much as reading the file; nearly no file needs it.
    if !source.text().contains("lint:") {
        return Vec::new();
    }
    let comments = yaml::comments(source.text());
    let alone = |span: Span| {
        let before = source.text().get(..span.start).unwrap_or("");
        before.rsplit('\n').next().unwrap_or("").trim().is_empty()
    };
    // From the end, so that several comments on lines of their own share the line below them.
    let mut below: Option<(usize, usize)> = None;
    let mut ignores = Vec::new();
    for comment in comments.iter().rev() {
        let own = source.location(comment.span.start).line;
        let line = match (alone(comment.span), below) {
            (true, Some((at, line))) if at == own + 1 => line,
            (true, _) => own + 1,
            (false, _) => own,
        };
        if alone(comment.span) {
            below = Some((own, line));
        }
        ignores.extend(slugs(&comment.text).into_iter().map(|(at, slug)| {
            // The text begins behind the `#`.
            let start = comment.span.start + 1 + at;
            let span = Span::new(start, start + slug.len());
            Ignore { slug: slug.to_owned(), span, line, used: false }
        }));
    }
    ignores
}

/// The slugs of a comment's text, with their offsets in it.
fn slugs(text: &str) -> Vec<(usize, &str)> {
    let Some((before, rest)) = text.split_once("ignore[") else { return Vec::new() };
    let (true, Some((inner, _))) = (before.trim() == "lint:", rest.split_once(']')) else {
        return Vec::new();
    };
    let mut at = before.len() + "ignore[".len();
    let mut found = Vec::new();
    for part in inner.split(',') {
        let slug = part.trim();
        let blanks = part.len() - part.trim_start().len();
        if !slug.is_empty() {
            found.push((at + blanks, slug));
        }
        at += part.len() + 1;
    }
    found
}
