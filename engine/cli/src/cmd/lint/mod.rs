//! `flowright lint`: finds what is wrong before anything runs, and mends what it can.

pub(crate) mod args;
mod edit;
pub(crate) mod explain;
pub(super) mod ignored;
mod look;
mod scope;
mod show;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context as _, bail, ensure};
use base::{Diagnostic, Duration, Severity, Timestamp};
use lint::{
    Change, FileFindings, Settings,
    baseline::Baseline,
    config::{self, Config},
};
use worker::Project;

use self::{
    args::{LintArgs, RuleArgs},
    scope::Scope,
};
use crate::{
    Outcome, diagnostics,
    print::{self, note},
};

/// Checks, and ends with 3 if this program itself is at fault.
pub(crate) fn run(args: &LintArgs) -> anyhow::Result<Outcome> {
    catch_unwind(AssertUnwindSafe(|| check(args))).unwrap_or_else(|_| {
        note("this is a fault of flowright, not of what it checks");
        Ok(Outcome::Broken)
    })
}

fn check(args: &LintArgs) -> anyhow::Result<Outcome> {
    let mut check = Check::prepare(args)?;
    let mut findings = check.findings()?;
    if check.scope.count() == 0 {
        ensure!(
            args.allow_empty,
            "nothing was checked: there is no flow or connector in what was named"
        );
    }
    if args.edits.diff {
        return Ok(edit::show_diff(&check, &findings, args));
    }
    if args.edits.fix || args.edits.unsafe_fixes {
        findings = edit::fix(&mut check, findings, args)?;
    }
    let baseline = baseline_file(args, &check);
    if args.baseline.update_baseline {
        let file = baseline.unwrap_or_else(|| check.project.root.join(BASELINE_FILE));
        return write_baseline(&file, &findings);
    }
    if let Some(file) = baseline {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read the baseline `{}`", file.display()))?;
        let known = Baseline::read(&text).map_err(anyhow::Error::msg);
        let known = known.with_context(|| format!("`{}` is no baseline", file.display()))?;
        let gone = known.take_out(&mut findings);
        if 0 < gone && args.paths.is_empty() {
            note(format!(
                "{gone} findings of the baseline are gone: `--update-baseline` forgets them"
            ));
        }
    }
    if let Some(reason) = &args.edits.add_ignore {
        return edit::add_ignores(&check, &findings, reason);
    }
    show::findings(args, &findings, &check);
    let is_bad = show::severities(&findings).any(|it| args.fail_on.is_reached(it));
    Ok(if is_bad { Outcome::Bad } else { Outcome::Good })
}

/// What the baseline is called where nobody says.
const BASELINE_FILE: &str = "lint-baseline.json";

fn baseline_file(args: &LintArgs, check: &Check) -> Option<PathBuf> {
    let of_project = check.config.baseline.as_ref().map(|it| check.project.root.join(it));
    args.baseline.baseline.clone().or(of_project)
}

fn write_baseline(file: &Path, findings: &[FileFindings]) -> anyhow::Result<Outcome> {
    let baseline = Baseline::of(findings);
    std::fs::write(file, baseline.to_text())
        .with_context(|| format!("cannot write the baseline `{}`", file.display()))?;
    note(format!("{} findings are in `{}` now", baseline.count(), file.display()));
    Ok(Outcome::Good)
}

/// A project, what of it is checked, and what is looked for.
pub(crate) struct Check {
    project: Project,
    config: Config,
    settings: Settings,
    scope: Scope,
}

impl Check {
    fn prepare(args: &LintArgs) -> anyhow::Result<Self> {
        let here = std::env::current_dir()?;
        let first = args.paths.first().filter(|it| !scope::is_stdin(it));
        let first = first.map_or(here.as_path(), PathBuf::as_path);
        ensure!(first.exists(), "there is no file or folder `{}`", first.display());
        let root = Project::find(first).unwrap_or(here);
        let (project, places) = Project::without_flows(&root, args.environment.as_deref())?;
        let config = configuration(&project)?;
        let mut settings = config.settings.clone().with(&change(&args.rules)?).at(now());
        if args.no_ignores {
            settings = settings.without_comments();
        }
        let scope = Scope::new(&project, places, &config, args)?;
        Ok(Self { project, config, settings, scope })
    }

    /// What is found in what was named.
    fn findings(&mut self) -> anyhow::Result<Vec<FileFindings>> {
        self.scope.findings(&self.project, &self.settings)
    }

    /// Reads everything again.
    fn reload(&mut self, args: &LintArgs) -> anyhow::Result<()> {
        let root = self.project.root.clone();
        let (project, places) = Project::without_flows(&root, args.environment.as_deref())?;
        self.scope = Scope::new(&project, places, &self.config, args)?;
        self.project = project;
        Ok(())
    }
}

/// The instant that firings are told from.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let epoch = Timestamp::parse("1970-01-01T00:00:00Z").unwrap_or_default();
    epoch.after(Duration::seconds(i64::try_from(since.as_secs()).unwrap_or(0)))
}

/// The configuration of a project. What is wrong with it is shown; then nothing is checked.
fn configuration(project: &Project) -> anyhow::Result<Config> {
    let Some(said) = &project.settings.lint else { return Ok(Config::default()) };
    let (config, mut faults) = config::read(said);
    let file =
        project.diagnostics.iter().find(|(it, _)| it.name() == worker::project::PROJECT_FILE);
    let inside =
        |it: &&Diagnostic| said.span.start <= it.span.start && it.span.end <= said.span.end;
    faults.extend(file.iter().flat_map(|(_, found)| found).filter(inside).cloned());
    faults.retain(|it| it.severity == Severity::Error);
    if faults.is_empty() {
        return Ok(config);
    }
    if let Some((source, _)) = file {
        for fault in &faults {
            note(diagnostics::render(source, fault));
        }
    }
    bail!("the configuration of `lint` in `{}` is not right", worker::project::PROJECT_FILE)
}

fn change(args: &RuleArgs) -> anyhow::Result<Change> {
    let rules = |words: &[String]| -> anyhow::Result<Vec<&'static lint::Rule>> {
        let found: Result<Vec<_>, String> = words.iter().map(|it| config::rules(it)).collect();
        Ok(found.map_err(anyhow::Error::msg)?.concat())
    };
    let select = if args.select.is_empty() { None } else { Some(rules(&args.select)?) };
    let mut change = Change::default();
    change.select = select;
    change.extend = rules(&args.extend_select)?;
    change.ignore = rules(&args.ignore)?;
    change.target = args.target.map(args::TargetName::target);
    Ok(change)
}

/// The flows of a project with errors, and those errors by file. A secret that stands in a file is no
/// reason not to run it.
pub(crate) fn faulty(project: &Project) -> (BTreeSet<String>, Vec<FileFindings>) {
    let settings = match &project.settings.lint {
        Some(node) => config::read(node).0.settings,
        None => Settings::default(),
    };
    let flows: Vec<lint::FlowFile<'_>> = project
        .flows
        .iter()
        .map(|it| lint::FlowFile { name: &it.name, package: &it.package })
        .collect();
    let checked = lint::Project {
        flows: &flows,
        catalog: &project.catalog,
        environment: project.environment.as_ref().map(|(_, it)| it),
    };
    let mut findings = lint::check_files(&checked, &project.diagnostics, &settings, |_| true);
    for file in &mut findings {
        file.found
            .retain(|it| it.severity == Severity::Error && it.code != base::code::HARDCODED_SECRET);
    }
    findings.retain(|it| !it.found.is_empty());
    let has = |name: &str| findings.iter().any(|it| it.source.name() == name);
    let faulty = project.flows.iter().filter(|it| it.files.iter().any(|it| has(it.name())));
    let names = faulty.map(|it| it.name.clone()).collect();
    (names, findings)
}

/// Text of a file for the terminal.
fn safe(text: &str) -> String {
    print::safe(text)
}
