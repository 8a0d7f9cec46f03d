//! Puts what readers and rules find together, file by file.

use base::{Diagnostic, Fix, Sink, Source, Span, code};

use crate::{
    calls::{Calls, Member},
    ignore::{self, Ignores},
    paths,
    project::{FileFindings, FlowFile, MappingFile, Project},
    rules::TABLE,
    settings::Settings,
    view::View,
    walk,
};

/// Checks flows and the mappings beside them as usual.
pub fn check(project: &Project<'_>) -> Vec<FileFindings> {
    check_with(project, &Settings::default())
}

/// Checks flows and the mappings beside them. Each file with something to say is in the answer,
/// flows in the order given, each followed by its mappings.
pub fn check_with(project: &Project<'_>, settings: &Settings) -> Vec<FileFindings> {
    check_some(project, settings, |_| true)
}

/// As [`check_with`], but looks into the flows with these numbers only; the others are known.
pub fn check_some(
    project: &Project<'_>,
    settings: &Settings,
    wanted: impl Fn(usize) -> bool,
) -> Vec<FileFindings> {
    let flows = project.flows.iter().enumerate();
    let checked = flows.map(|(number, file)| {
        if wanted(number) {
            Checked::of(project, file, settings)
        } else {
            Checked::beside(project, *file)
        }
    });
    together(checked.collect(), settings)
}

/// A flow that has been looked into, or that others only see. What it keeps is little: the flow itself need not
/// stay until all are read.
pub struct Checked<'a> {
    member: Member<'a>,
    own: Option<Own>,
}

/// What was found in the files of one flow, before other flows are looked at.
struct Own {
    source: Source,
    ignores: Ignores,
    found: Vec<Diagnostic>,
    mappings: Vec<FileFindings>,
}

impl<'a> Checked<'a> {
    /// Looks into a flow and the mappings beside it. Of the project's flows only mappings are asked for.
    pub fn of(project: &Project<'_>, file: &FlowFile<'_>, settings: &Settings) -> Checked<'static> {
        let Some((source, diagnostics)) = file.text() else {
            return Checked { member: Member::empty(file), own: None };
        };
        let of_file = settings.of_file(source.name());
        let view = View::new(project, source, (file.package, file.flow()), &of_file);
        let mut sink = found(&view, diagnostics);
        walk::flow(&view, &mut sink);
        let path = |span| paths::at(source, file.flow(), span);
        let mut found = sink.into_sorted();
        for it in found.iter_mut().filter(|it| it.path.is_none()) {
            it.path = path(it.span);
        }
        let mappings = file.mappings().map(|it| check_mapping(&view, &it, settings));
        let own = Own {
            source: source.clone(),
            ignores: Ignores::of(source, path),
            found,
            mappings: mappings.collect(),
        };
        Checked { member: Member::looked_into(&view, file), own: Some(own) }
    }

    /// A flow of which nothing is to be said, and which need not stay.
    pub fn seen(project: &Project<'_>, file: &FlowFile<'_>) -> Checked<'static> {
        Checked { member: Member::seen(project, file), own: None }
    }

    /// A flow of which nothing is to be said.
    pub fn beside(project: &'a Project<'a>, file: FlowFile<'a>) -> Self {
        Self { member: Member::beside(project, file), own: None }
    }
}

/// Ends the check of flows that have been looked into: what they do to each other is found, too.
pub fn together(checked: Vec<Checked<'_>>, settings: &Settings) -> Vec<FileFindings> {
    let (members, found): (Vec<_>, Vec<_>) =
        checked.into_iter().map(|it| (it.member, it.own)).unzip();
    let calls = Calls::new(members);
    let mut sinks: Vec<Sink> = found.iter().map(|_| Sink::new()).collect();
    let has = |slug: &str| {
        let mut wanted = found.iter().flatten();
        wanted.any(|it| settings.of_file(it.source.name()).has(slug))
    };
    for rule in TABLE {
        if let Some(hook) = rule.hooks.project.filter(|_| has(rule.code.slug)) {
            hook(&calls, &mut sinks);
        }
    }
    let mut all: Vec<FileFindings> = Vec::new();
    for (own, sink) in found.into_iter().zip(sinks) {
        let Some(Own { source, ignores, mut found, mappings }) = own else { continue };
        found.extend(sink.into_sorted());
        let of_file = settings.of_file(source.name());
        let found = finish_in(&source, found, ignores, &of_file);
        all.push(FileFindings { source, found });
        all.extend(mappings);
    }
    all.retain(|it| !it.found.is_empty());
    all
}

/// As [`check_some`], and what readers have found in other files of the project: with the same rules, of the
/// same severity, and without what comments suppress. The program and editors say the same of a file because
/// both ask here.
pub fn check_files(
    project: &Project<'_>,
    others: &[(Source, Vec<Diagnostic>)],
    settings: &Settings,
    wanted: impl Fn(usize) -> bool,
) -> Vec<FileFindings> {
    let mut findings = check_some(project, settings, wanted);
    findings.extend(finish_others(others, settings));
    findings
}

/// What is to be said of a project's other files, of what readers have found in them.
pub fn finish_others(
    others: &[(Source, Vec<Diagnostic>)],
    settings: &Settings,
) -> Vec<FileFindings> {
    // What several readers find in a file is judged together, as its comments are about all of it.
    let mut files: Vec<(&Source, Vec<Diagnostic>)> = Vec::new();
    for (source, found) in others {
        let is_it =
            |(it, _): &&mut (&Source, _)| it.name() == source.name() && it.text() == source.text();
        match files.iter_mut().find(is_it) {
            Some((_, all)) => all.extend(found.iter().cloned()),
            None => files.push((source, found.clone())),
        }
    }
    let files = files.into_iter().map(|(source, found)| FileFindings {
        source: source.clone(),
        found: finish_with(source, found, settings),
    });
    files.filter(|it| !it.found.is_empty()).collect()
}

/// Ends the check of any file of a project as usual.
pub fn finish(source: &Source, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    finish_with(source, found, &Settings::default())
}

/// Ends the check of any file of a project, a connector's or an environment's too: what is not looked
/// for or what its comments suppress is taken out, comments that suppress nothing are reported, and
/// the rest is put in order.
pub fn finish_with(
    source: &Source,
    found: Vec<Diagnostic>,
    settings: &Settings,
) -> Vec<Diagnostic> {
    let ignores = Ignores::of(source, |_| None);
    finish_in(source, found, ignores, &settings.of_file(source.name()))
}

fn finish_in(
    source: &Source,
    found: Vec<Diagnostic>,
    ignores: Ignores,
    settings: &Settings,
) -> Vec<Diagnostic> {
    let found = found.into_iter().filter_map(|it| settings.judge(it)).collect();
    let found = if settings.heeds_comments() {
        ignore::apply(source, ignores, found, settings)
    } else {
        found
    };
    let mut sink = Sink::new();
    for mut diagnostic in found {
        diagnostic.fix = diagnostic.fix.and_then(|it| exact(source, it));
        sink.push(diagnostic);
    }
    let mut sorted = sink.into_sorted();
    let misspelt: Vec<String> = sorted.iter().filter_map(lacking).collect();
    sorted.retain(|it| it.code != code::MISSING_KEY || !misspelt.contains(&it.message));
    // One fault can be seen twice, such as a name in the text of a condition and in its tree.
    sorted.dedup_by(|a, b| a.code == b.code && a.span == b.span && a.message == b.message);
    // These are what stays of a file.
    sorted.shrink_to_fit();
    sorted
}

/// What is said of a key that is missing only because it is misspelt, which is the finding.
fn lacking(unknown: &Diagnostic) -> Option<String> {
    let meant = unknown.hint.as_ref().filter(|_| unknown.code == code::UNKNOWN_KEY)?;
    let meant = meant.strip_prefix("did you mean `")?.strip_suffix("`?")?;
    let (_, place) = unknown.message.split_once("` in ")?;
    Some(format!("{place} needs the key `{meant}`"))
}

/// An edit of a word, at the place of the word; none if it is not there once.
fn exact(source: &Source, mut fix: Fix) -> Option<Fix> {
    let Some(word) = fix.replaces.take() else { return Some(fix) };
    let text = source.text().get(fix.span.start..fix.span.end)?;
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut places = text.match_indices(word.as_str()).filter(|(at, _)| {
        let before = text.get(..*at).and_then(|it| it.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|it| it.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    });
    let (at, _) = places.next().filter(|_| places.next().is_none())?;
    let start = fix.span.start + at;
    Some(Fix { span: Span::new(start, start + word.len()), ..fix })
}

fn check_mapping(view: &View<'_>, file: &MappingFile<'_>, settings: &Settings) -> FileFindings {
    let mut sink = found(view, file.found);
    walk::file(view.settings, file.source, &mut sink);
    if let Some(mapping) = file.mapping {
        walk::mapping(view, mapping, &mut sink);
    }
    let found = finish_with(file.source, sink.into_sorted(), settings);
    FileFindings { source: file.source.clone(), found }
}

/// What a reader found, with what rules know to add.
fn found(view: &View<'_>, found: &[Diagnostic]) -> Sink {
    let mut sink = Sink::new();
    for diagnostic in found {
        let mut diagnostic = diagnostic.clone();
        let rule = TABLE.iter().find(|it| it.code == diagnostic.code);
        if let Some(hook) = rule.and_then(|it| it.hooks.found) {
            hook(view, &mut diagnostic);
        }
        sink.push(diagnostic);
    }
    sink
}
