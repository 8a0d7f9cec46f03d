//! Puts what readers and rules find together, file by file.

use std::borrow::Cow;

use base::{Diagnostic, Fix, Sink, Source, Span};

use crate::{
    ignore, paths,
    project::{FileFindings, MappingFile, Project},
    rules::TABLE,
    settings::Settings,
    view::{Calls, View},
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
    let mut flows: Vec<Sink> = Vec::with_capacity(project.flows.len());
    let mut mappings = Vec::with_capacity(project.flows.len());
    let of_files: Vec<Cow<'_, Settings>> = project
        .flows
        .iter()
        .map(|file| settings.of_file(file.text().map_or("", |(source, _)| source.name())))
        .collect();
    for (nth, (file, of_file)) in project.flows.iter().zip(&of_files).enumerate() {
        let Some((source, diagnostics)) = file.text().filter(|_| wanted(nth)) else {
            flows.push(Sink::new());
            mappings.push(Vec::new());
            continue;
        };
        let view = View::new(project, source, (file.package, &file.package.flow), of_file);
        let mut sink = found(&view, diagnostics);
        walk::flow(&view, &mut sink);
        flows.push(sink);
        let beside = file.mappings().map(|it| check_mapping(&view, &it, settings)).collect();
        mappings.push(beside);
    }
    let calls = Calls::new(project);
    for rule in TABLE.iter().filter(|it| of_files.iter().any(|file| file.has(it.code.slug))) {
        if let Some(hook) = rule.hooks.project {
            hook(&calls, &mut flows);
        }
    }
    let mut all: Vec<FileFindings> = Vec::new();
    let all_flows = project.flows.iter().zip(flows).zip(mappings).zip(&of_files).enumerate();
    for (_, (((file, sink), beside), of_file)) in all_flows.filter(|(nth, _)| wanted(*nth)) {
        if let Some((source, _)) = file.text() {
            let mut found = finish_in(source, sink.into_sorted(), of_file);
            paths::fill(source, file.flow(), &mut found);
            all.push(FileFindings { source: source.clone(), found });
        }
        all.extend(beside);
    }
    all.retain(|it| !it.found.is_empty());
    all
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
    finish_in(source, found, &settings.of_file(source.name()))
}

fn finish_in(source: &Source, found: Vec<Diagnostic>, settings: &Settings) -> Vec<Diagnostic> {
    let found = found.into_iter().filter_map(|it| settings.judge(it)).collect();
    let found =
        if settings.heeds_comments() { ignore::apply(source, found, settings) } else { found };
    let mut sink = Sink::new();
    for mut diagnostic in found {
        diagnostic.fix = diagnostic.fix.and_then(|it| exact(source, it));
        sink.push(diagnostic);
    }
    let mut sorted = sink.into_sorted();
    // One fault can be seen twice, such as a name in the text of a condition and in its tree.
    sorted.dedup_by(|a, b| a.code == b.code && a.span == b.span && a.message == b.message);
    sorted
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
