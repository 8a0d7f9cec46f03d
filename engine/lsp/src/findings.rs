//! What the linter says of a file, and what can be done about it.

use base::{Diagnostic, Severity, Source};
use lint::{FlowFile as LintFile, Project as LintProject};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, Diagnostic as Told,
    DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Range, TextEdit,
    Uri, WorkspaceEdit,
};

use crate::{
    file::File,
    project::{FileKind, Project},
    text::Text,
};

/// What is wrong with a file and, if it is of a flow, with the files beside it: what `flowright lint` says of
/// them, and nothing else.
pub fn findings(project: &Project, file: &File) -> Vec<(Source, Vec<Diagnostic>)> {
    let of_flow = matches!(file.kind, FileKind::Flow | FileKind::Mapping);
    let number = project.flow_of(&file.name).filter(|_| of_flow);
    if of_flow && number.is_none() {
        return Vec::new();
    }
    let flows: Vec<LintFile<'_>> =
        project.flows.iter().map(|it| LintFile { name: &it.name, package: &it.package }).collect();
    let all = LintProject {
        flows: &flows,
        catalog: &project.catalog,
        environment: project.environment.as_ref(),
    };
    // What connectors that are programs say of themselves is known only of what is on the disk.
    let is_it = |source: &Source| {
        source.name() == file.name && source.text() == file.text.as_str() && !of_flow
    };
    let others = project.others.iter().filter(|(source, _)| is_it(source)).cloned();
    let others: Vec<(Source, Vec<Diagnostic>)> = others.collect();
    let wanted = |it: usize| Some(it) == number;
    let mut found = lint::check_files(&all, &others, &project.settings, wanted);
    found.retain(|it| !lint::glob::ignores(&project.exclude, it.source.name()));
    project.baseline.take_out(&mut found);
    let mut found: Vec<(Source, Vec<Diagnostic>)> =
        found.into_iter().map(|it| (it.source, it.found)).collect();
    // Files of which nothing is said are told, too: what was said before is gone.
    let flow = number.and_then(|it| project.flows.get(it));
    let files = flow.into_iter().flat_map(|it| &it.package.diagnostics);
    let others = others.iter().chain(files).map(|(source, _)| source.clone());
    let own = (!of_flow).then(|| Source::new(&file.name, file.text.as_str()));
    for source in others.chain(own) {
        if !found.iter().any(|(it, _)| it.name() == source.name()) {
            found.push((source, Vec::new()));
        }
    }
    found
}

/// A finding as editors show it.
pub(crate) fn told(text: &Text, found: &Diagnostic, uri: &Uri) -> Told {
    let severity = match found.severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Info => DiagnosticSeverity::INFORMATION,
    };
    let message = match &found.hint {
        Some(hint) => format!("{}\n{hint}", found.message),
        None => found.message.clone(),
    };
    let labels = found.labels.iter().map(|it| DiagnosticRelatedInformation {
        location: Location::new(uri.clone(), text.range(it.span)),
        message: it.text.clone(),
    });
    let labels: Vec<DiagnosticRelatedInformation> = labels.collect();
    Told {
        range: text.range(found.span),
        severity: Some(severity),
        code: Some(NumberOrString::String(found.code.slug.to_owned())),
        source: Some("flowright".to_owned()),
        message,
        related_information: Some(labels).filter(|it| !it.is_empty()),
        ..Told::default()
    }
}

/// The edits that mend what was found in a range, and those that keep it as it is on purpose.
pub(crate) fn actions(
    file: &File,
    uri: &Uri,
    range: Range,
    found: &[Diagnostic],
) -> Vec<CodeActionOrCommand> {
    let text = &file.text;
    let mut actions = Vec::new();
    let here = found.iter().filter(|it| {
        let of = text.range(it.span);
        of.start <= range.end && range.start <= of.end
    });
    for it in here {
        if let Some(fix) = &it.fix {
            let edit = text.edit(fix.span, fix.text.clone());
            actions.push(action(&fix.title, edit, fix.safe, (uri, told(text, it, uri))));
        }
        if let Some(edit) = ignored(text, it) {
            let title = format!("keep it: ignore `{}` here", it.code.slug);
            actions.push(action(&title, edit, false, (uri, told(text, it, uri))));
        }
    }
    actions
}

fn action(
    title: &str,
    edit: TextEdit,
    is_preferred: bool,
    (uri, about): (&Uri, Told),
) -> CodeActionOrCommand {
    #[allow(clippy::mutable_key_type, reason = "the protocol's own type")]
    let changes = std::iter::once((uri.clone(), vec![edit])).collect();
    CodeActionOrCommand::CodeAction(CodeAction {
        title: title.to_owned(),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![about]),
        edit: Some(WorkspaceEdit::new(changes)),
        is_preferred: Some(is_preferred),
        ..CodeAction::default()
    })
}

/// A comment behind the line that keeps the linter quiet; none where there is a comment already.
fn ignored(text: &Text, found: &Diagnostic) -> Option<TextEdit> {
    let content = text.as_str();
    let rest = content.get(found.span.start..)?;
    let end = found.span.start + rest.find('\n').unwrap_or(rest.len());
    let line_start = content.get(..end)?.rfind('\n').map_or(0, |at| at + 1);
    let line = content.get(line_start..end)?;
    let is_open = line.contains(" #") || line.trim_end().ends_with(['|', '>']);
    let comment = format!("  # lint: ignore[{}] ", found.code.slug);
    (!is_open).then(|| text.edit(base::Span::new(end, end), comment))
}
