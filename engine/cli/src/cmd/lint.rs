//! `flowright lint`: finds what is wrong before anything runs.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use base::{Severity, Source};
use lint::{FileFindings, FlowFile, report};
use worker::{
    Project,
    project::{self, LoadError},
};

use crate::{
    Outcome,
    args::{Format, LintArgs},
    diagnostics,
    print::{self, Tone, note, tone},
};

pub(crate) fn run(args: &LintArgs) -> anyhow::Result<Outcome> {
    let here = std::env::current_dir()?;
    let first = args.paths.first().map_or(here.as_path(), PathBuf::as_path);
    ensure!(first.exists(), "there is no file or folder `{}`", first.display());
    let root = Project::find(first).unwrap_or(here);
    let project = Project::load(&root, args.environment.as_deref())?;
    let wanted = Wanted::new(&root, &args.paths)?;
    let outside = outside_files(&project, &wanted)?;
    let findings = check(&project, &outside, &wanted);
    let scanned = count_files(&project, &wanted) + outside.len();
    ensure!(0 < scanned, "nothing was checked: there is no flow or connector in what was named");
    match args.output_format {
        Format::Full => {
            for file in &findings {
                for found in &file.found {
                    print::line(diagnostics::render(&file.source, found));
                    print::line("");
                }
            }
            summarize(&findings, scanned);
        }
        Format::Concise => {
            let text = report::concise(&findings);
            if !text.is_empty() {
                print::line(text.trim_end());
            }
            summarize(&findings, scanned);
        }
        Format::Json => print::line(report::json(&findings)),
    }
    let has_errors = all(&findings).any(|it| it == Severity::Error);
    Ok(if has_errors { Outcome::Bad } else { Outcome::Good })
}

/// The flows of a project with errors, and those errors by file.
pub(crate) fn faulty(project: &Project) -> (BTreeSet<String>, Vec<FileFindings>) {
    let wanted = Wanted { root: project.root.clone(), paths: Vec::new() };
    let mut findings = check(project, &[], &wanted);
    for file in &mut findings {
        file.found.retain(|it| it.severity == Severity::Error);
    }
    findings.retain(|it| !it.found.is_empty());
    let has = |name: &str| findings.iter().any(|it| it.source.name() == name);
    let faulty = project.flows.iter().filter(|it| it.files.iter().any(|it| has(it.name())));
    let names = faulty.map(|it| it.name.clone()).collect();
    (names, findings)
}

/// The files that findings are wanted of.
struct Wanted {
    root: PathBuf,
    paths: Vec<PathBuf>,
}

impl Wanted {
    fn new(root: &Path, paths: &[PathBuf]) -> anyhow::Result<Self> {
        let absolute = paths.iter().map(|path| {
            path.canonicalize()
                .with_context(|| format!("there is no file or folder `{}`", path.display()))
        });
        let root = root.canonicalize()?;
        Ok(Self { root, paths: absolute.collect::<anyhow::Result<_>>()? })
    }

    fn has(&self, name: &str) -> bool {
        let path = self.root.join(name);
        self.paths.is_empty() || self.paths.iter().any(|wanted| path.starts_with(wanted))
    }
}

/// Flows in what was named that are not of the project, such as definitions in JSON.
fn outside_files(project: &Project, wanted: &Wanted) -> anyhow::Result<Vec<project::FlowFile>> {
    let of_flows = project.flows.iter().flat_map(|it| &it.files).map(Source::name);
    let others = project.diagnostics.iter().map(|(source, _)| source.name());
    let known: Vec<PathBuf> = of_flows.chain(others).map(|it| wanted.root.join(it)).collect();
    let mut flows = Vec::new();
    for path in wanted.paths.iter().filter(|path| !known.iter().any(|it| it.starts_with(path))) {
        match project.open(path) {
            Ok(found) => flows.extend(found),
            Err(LoadError::NoDefinition(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(flows)
}

fn check(project: &Project, outside: &[project::FlowFile], wanted: &Wanted) -> Vec<FileFindings> {
    let flows: Vec<FlowFile<'_>> = project
        .flows
        .iter()
        .chain(outside)
        .map(|it| FlowFile { name: &it.name, package: &it.package })
        .collect();
    let mut findings = lint::check(&lint::Project {
        flows: &flows,
        catalog: &project.catalog,
        environment: project.environment.as_ref().map(|(_, it)| it),
    });
    for (source, found) in &project.diagnostics {
        let found = lint::finish(source, found.clone());
        if !found.is_empty() {
            findings.push(FileFindings { source: source.clone(), found });
        }
    }
    findings.retain(|it| {
        wanted.has(it.source.name())
            || outside
                .iter()
                .flat_map(|file| &file.package.diagnostics)
                .any(|(source, _)| source.name() == it.source.name())
    });
    findings
}

fn count_files(project: &Project, wanted: &Wanted) -> usize {
    let of_flows = project.flows.iter().flat_map(|it| &it.files).map(Source::name);
    let others = project.diagnostics.iter().map(|(source, _)| source.name());
    of_flows.chain(others).filter(|name| wanted.has(name)).count()
}

fn all(findings: &[FileFindings]) -> impl Iterator<Item = Severity> + '_ {
    findings.iter().flat_map(|it| &it.found).map(|it| it.severity)
}

fn summarize(findings: &[FileFindings], scanned: usize) {
    let count = |severity| all(findings).filter(|it| *it == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let files = plural(scanned, "file");
    if errors == 0 && warnings == 0 {
        return note(format!("{} {files} checked", tone(Tone::Good, "no findings:")));
    }
    let text = format!("{}, {} in {files}", plural(errors, "error"), plural(warnings, "warning"));
    note(tone(if errors == 0 { Tone::Warn } else { Tone::Bad }, text));
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
