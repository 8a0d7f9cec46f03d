//! Puts what readers and rules find together, file by file.

use base::{Diagnostic, Sink, Source};

use crate::{
    ignore,
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
    for (nth, file) in project.flows.iter().enumerate() {
        let Some((source, diagnostics)) = file.text().filter(|_| wanted(nth)) else {
            flows.push(Sink::new());
            mappings.push(Vec::new());
            continue;
        };
        let view = View::new(project, source, (file.package, &file.package.flow), settings);
        let mut sink = found(&view, diagnostics);
        walk::flow(&view, &mut sink);
        flows.push(sink);
        mappings.push(file.mappings().map(|it| check_mapping(&view, &it)).collect());
    }
    let calls = Calls::new(project);
    for rule in settings.rules() {
        if let Some(hook) = rule.hooks.project {
            hook(&calls, &mut flows);
        }
    }
    let mut all: Vec<FileFindings> = Vec::new();
    let all_flows = project.flows.iter().zip(flows).zip(mappings).enumerate();
    for (_, ((file, sink), beside)) in all_flows.filter(|(nth, _)| wanted(*nth)) {
        if let Some((source, _)) = file.text() {
            let found = finish(source, sink.into_sorted());
            all.push(FileFindings { source: source.clone(), found });
        }
        all.extend(beside);
    }
    all.retain(|it| !it.found.is_empty());
    all
}

/// Ends the check of any file of a project, a connector's or an environment's too: what its comments suppress is taken out, comments
/// that suppress nothing are reported, and the rest is put in order.
pub fn finish(source: &Source, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut sink = Sink::new();
    for diagnostic in ignore::apply(source, found) {
        sink.push(diagnostic);
    }
    let mut sorted = sink.into_sorted();
    // One fault can be seen twice, such as a name in the text of a condition and in its tree.
    sorted.dedup_by(|a, b| a.code == b.code && a.span == b.span && a.message == b.message);
    sorted
}

fn check_mapping(view: &View<'_>, file: &MappingFile<'_>) -> FileFindings {
    let mut sink = found(view, file.found);
    walk::file(view.settings, file.source, &mut sink);
    if let Some(mapping) = file.mapping {
        walk::mapping(view, mapping, &mut sink);
    }
    let found = finish(file.source, sink.into_sorted());
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
