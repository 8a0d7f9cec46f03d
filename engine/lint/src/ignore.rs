//! `# lint: ignore[slug] reason`: on the line of a finding, on a line of its own above it, around a
//! block, or for the whole file.

use std::ops::RangeInclusive;

use base::{Diagnostic, Source, Span, code, suggest};

use crate::{rules::TABLE, settings::Settings};

/// One slug of one comment.
struct Ignore {
    slug: String,
    span: Span,
    /// The slug with a comma and the blanks beside it, where there are others.
    in_list: Span,
    /// The comment, with the blanks before it.
    comment: Span,
    /// The lines whose findings it suppresses.
    lines: RangeInclusive<usize>,
    /// What is wrong with the comment itself.
    fault: Option<&'static str>,
    /// The action or trigger that it stands in.
    path: Option<String>,
    used: bool,
}

/// The comments of a file that suppress findings.
#[derive(Default)]
pub(crate) struct Ignores(Vec<Ignore>);

impl Ignores {
    /// Those of a file; `path` tells what a place is in.
    pub(crate) fn of(source: &Source, path: impl Fn(Span) -> Option<String>) -> Self {
        let mut all = read(source);
        for it in &mut all {
            it.path = path(it.span);
        }
        Self(all)
    }
}

/// What a comment is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Line,
    NextLine,
    Start,
    End,
    File,
}

const FORMS: &[(&str, Form)] = &[
    ("ignore", Form::Line),
    ("ignore-next-line", Form::NextLine),
    ("ignore-start", Form::Start),
    ("ignore-end", Form::End),
    ("ignore-file", Form::File),
];

/// Takes out what comments suppress; adds the comments that suppress nothing.
pub(crate) fn apply(
    source: &Source,
    Ignores(mut ignores): Ignores,
    found: Vec<Diagnostic>,
    settings: &Settings,
) -> Vec<Diagnostic> {
    if ignores.is_empty() {
        return found;
    }
    let mut kept = Vec::with_capacity(found.len());
    for diagnostic in found {
        let line = source.location(diagnostic.span.start).line;
        let mut suppressed = false;
        for ignore in &mut ignores {
            if ignore.lines.contains(&line) && ignore.slug == diagnostic.code.slug {
                ignore.used = true;
                suppressed = true;
            }
        }
        if !suppressed {
            kept.push(diagnostic);
        }
    }
    let is_idle = |it: &&Ignore| !it.used || it.fault.is_some();
    let reported = ignores.iter().filter(is_idle).filter_map(|it| {
        let mut of_comment = ignores.iter().filter(|other| other.comment == it.comment);
        // Of a rule that is not looked for now nobody knows.
        let is_all = of_comment.all(|it| is_idle(&it) && settings.has(&it.slug));
        let mut found = unused(it, is_all, settings)?;
        found.path.clone_from(&it.path);
        Some(found)
    });
    kept.extend(reported.filter_map(|it| settings.judge(it)));
    kept
}

fn unused(ignore: &Ignore, is_all: bool, settings: &Settings) -> Option<Diagnostic> {
    let Ignore { slug, span, .. } = ignore;
    let report = |message: String| Diagnostic::new(code::UNUSED_SUPPRESSION, *span, message);
    let slugs = || TABLE.iter().map(|it| it.code.slug);
    if !slugs().any(|it| it == slug) {
        let found = report(format!("there is no rule `{slug}`"));
        return Some(match suggest::closest(slug, slugs()) {
            Some(near) => found.hint(format!("did you mean `{near}`?")),
            None => found.hint("the rules are those of `docs/rules`"),
        });
    }
    if let Some(fault) = ignore.fault {
        return Some(report(fault.to_owned()));
    }
    // What is not looked for now may be another time.
    if !settings.has(slug) {
        return None;
    }
    let (first, last) = (ignore.lines.start(), ignore.lines.end());
    let place = match (*first, *last) {
        (1, usize::MAX) => "this file has".to_owned(),
        (_, usize::MAX) => format!("from line {first} on there is"),
        _ if first == last => format!("line {first} has"),
        _ => format!("lines {first} to {last} have"),
    };
    let found = report(format!("nothing to suppress: {place} no `{slug}`"));
    Some(if is_all {
        found.hint("remove the comment").fix(ignore.comment, "", "Remove the comment")
    } else {
        let title = format!("Remove `{slug}` from the comment");
        found.hint("remove it from the comment").fix(ignore.in_list, "", title)
    })
}

fn read(source: &Source) -> Vec<Ignore> {
    // Reading comments costs as much as reading the file; nearly no file needs it.
    if !source.text().contains("lint:") {
        return Vec::new();
    }
    let comments = yaml::comments(source.text());
    // From the end, so that several comments on lines of their own share the line below them.
    let mut below: Option<(usize, usize)> = None;
    let mut ends: Vec<(String, usize, usize)> = Vec::new();
    let mut ignores = Vec::new();
    for comment in comments.iter().rev() {
        let own = source.location(comment.span.start).line;
        let (whole, is_alone) = whole(source, comment.span);
        let line = match (is_alone, below) {
            (true, Some((at, line))) if at == own + 1 => line,
            (true, _) => own + 1,
            (false, _) => own,
        };
        if is_alone {
            below = Some((own, line));
        }
        let Some((form, slugs)) = slugs(&comment.text) else { continue };
        // The text begins behind the `#`.
        let base = comment.span.start + 1;
        let place = |(at, slug): &(usize, &str)| Span::new(base + at, base + at + slug.len());
        let spans: Vec<Span> = slugs.iter().map(place).collect();
        for (nth, (_, slug)) in slugs.iter().copied().enumerate() {
            let Some(span) = spans.get(nth).copied() else { continue };
            // With the comma before it, or behind the first.
            let in_list =
                match (nth.checked_sub(1).and_then(|it| spans.get(it)), spans.get(nth + 1)) {
                    (Some(before), _) => Span::new(before.end, span.end),
                    (None, Some(next)) => Span::new(span.start, next.start),
                    (None, None) => span,
                };
            let (lines, fault) = match form {
                Form::Line => (line..=line, None),
                Form::NextLine if is_alone => (line..=line, None),
                Form::NextLine => (own + 1..=own + 1, None),
                Form::File => (1..=usize::MAX, None),
                Form::Start => match ends.iter().rposition(|(it, _, _)| it == slug) {
                    Some(at) => (own..=ends.remove(at).1, None),
                    None => (own..=usize::MAX, Some("there is no `ignore-end` for this")),
                },
                Form::End => {
                    ends.push((slug.to_owned(), own, ignores.len()));
                    (usize::MAX..=own, Some("there is no `ignore-start` for this"))
                }
            };
            let (slug, comment) = (slug.to_owned(), whole);
            let (path, used) = (None, false);
            ignores.push(Ignore { slug, span, in_list, comment, lines, fault, path, used });
        }
    }
    // An end that belongs to a beginning has nothing to say.
    let open: Vec<usize> = ends.iter().map(|(_, _, number)| *number).collect();
    let mut number = 0;
    ignores.retain(|it| {
        number += 1;
        it.lines.start() != &usize::MAX || open.contains(&(number - 1))
    });
    ignores
}

/// A comment with what goes if it goes: the blanks before it, or its line. And whether it has the line
/// for itself.
fn whole(source: &Source, comment: Span) -> (Span, bool) {
    let before = source.text().get(..comment.start).unwrap_or("");
    let start = before.trim_end_matches([' ', '\t']).len();
    let rest = source.text().get(comment.end..).unwrap_or("");
    let is_alone = start == 0 || before.get(..start).is_some_and(|it| it.ends_with('\n'));
    let line_end = rest.find('\n').map_or(source.text().len(), |it| comment.end + it);
    let end = if is_alone { (line_end + 1).min(source.text().len()) } else { line_end };
    (Span::new(start, end), is_alone)
}

/// The form of a comment, and its slugs with their offsets in its text.
fn slugs(text: &str) -> Option<(Form, Vec<(usize, &str)>)> {
    let (before, rest) = text.split_once('[')?;
    let word = before.trim().strip_prefix("lint:")?.trim();
    let (_, form) = FORMS.iter().find(|(name, _)| *name == word)?;
    let (inner, _) = rest.split_once(']')?;
    let mut at = before.len() + 1;
    let mut found = Vec::new();
    for part in inner.split(',') {
        let slug = part.trim();
        let blanks = part.len() - part.trim_start().len();
        if !slug.is_empty() {
            found.push((at + blanks, slug));
        }
        at += part.len() + 1;
    }
    Some((*form, found))
}
