//! `flowright import`: how definitions of the cloud's run here, and their flow files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::ensure;
use flow::{
    fidelity::{Checked, Fidelity, Report, check},
    import::Beside,
};
use serde_json::{Map, Value, json};
use worker::{documents, project::LoadError};

use crate::{
    Outcome,
    args::{ImportArgs, Shown},
    cmd::packages::{Packages, Written},
    print::{self, Tone, tone},
};

/// Reasons of one definition that people are shown.
const REASONS_MAX: usize = 8;

pub(crate) fn run(args: &ImportArgs) -> anyhow::Result<Outcome> {
    let files = files(&args.paths)?;
    ensure!(!files.is_empty(), "there is no `*.json` and no `*.zip` in what was named");
    let mut packages =
        args.to.as_deref().map(|it| Packages::new(it, args.force, args.schema.as_deref()));
    let mut totals = Totals::default();
    let mut shown = Vec::new();
    let mut progress = print::Progress::new("files", files.len());
    for file in &files {
        progress.step();
        for (name, checked) in check_file(file) {
            let written = match &mut packages {
                Some(packages) => write(packages, &checked)?,
                None => Vec::new(),
            };
            totals.count(&name, &checked, &written);
            match args.output {
                Shown::Text => print_file(&name, &checked, &written),
                Shown::Json => shown.extend(of_file(&name, &checked, &written)),
            }
        }
    }
    progress.end();
    match args.output {
        Shown::Text => totals.print(),
        Shown::Json => {
            let all = json!({
                "flows": shown,
                "other_files": totals.others,
                "failed": totals.failed,
                "summary": totals.to_json(),
            });
            print::line(format!("{all:#}"));
        }
    }
    let good = totals.failed.is_empty() && totals.not_written == 0;
    Ok(if good { Outcome::Good } else { Outcome::Bad })
}

/// Writes the definitions of a file.
fn write(packages: &mut Packages<'_>, checked: &Checked) -> anyhow::Result<Vec<Written>> {
    match checked {
        Checked::Definitions(reports) => reports.iter().map(|it| packages.write(it)).collect(),
        Checked::Other | Checked::Broken(_) => Ok(Vec::new()),
    }
}

/// The files that were named, and every JSON file and archive of the folders, in order.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        ensure!(path.exists(), "there is no file or folder `{}`", path.display());
        if path.is_dir() {
            files.extend(documents::below(path)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// What a file turned out to be; of an archive, what each file in it did.
fn check_file(file: &Path) -> Vec<(String, Checked)> {
    let name = file.display().to_string();
    let broken = |error: LoadError| Checked::Broken(format!("{:#}", anyhow::Error::from(error)));
    let documents = match documents::read(file, &name) {
        Ok(documents) => documents,
        Err(error) => return vec![(name, broken(error))],
    };
    let checked = documents.into_iter().map(|document| match document {
        Ok(it) => {
            let beside = Beside::read(&it.beside);
            (it.source.name().to_owned(), check(&it.source, &beside, it.fault.as_ref()))
        }
        Err(error) => (name.clone(), broken(error)),
    });
    checked.collect()
}

/// What was found in all files together.
#[derive(Default)]
struct Totals {
    definitions: usize,
    actions: usize,
    with_errors: usize,
    with_unsupported: usize,
    by_fidelity: BTreeMap<Fidelity, usize>,
    /// Types that do not run here: how often, by their name, whose case does not matter.
    unsupported: BTreeMap<String, (String, usize)>,
    others: Vec<String>,
    failed: Vec<Value>,
    written: usize,
    not_written: usize,
}

impl Totals {
    fn count(&mut self, name: &str, checked: &Checked, written: &[Written]) {
        for it in written {
            match it {
                Written::To(_) => self.written += 1,
                Written::Not(_) => self.not_written += 1,
            }
        }
        match checked {
            Checked::Definitions(reports) => {
                for report in reports {
                    self.definitions += 1;
                    self.actions += report.actions;
                    self.with_errors += usize::from(report.has_errors);
                    self.with_unsupported += usize::from(!report.unsupported.is_empty());
                    *self.by_fidelity.entry(report.fidelity).or_default() += 1;
                    for (ty, count) in &report.unsupported {
                        let known = self.unsupported.entry(ty.to_lowercase());
                        known.or_insert_with(|| (ty.clone(), 0)).1 += count;
                    }
                }
            }
            Checked::Other => self.others.push(name.to_owned()),
            Checked::Broken(message) => {
                self.failed.push(json!({ "file": name, "message": message }));
            }
        }
    }

    /// Definitions all of whose types run here, and their share in tenths of a percent: rounded down,
    /// so that a hundred means all.
    fn supported(&self) -> (usize, Option<usize>) {
        let count = self.definitions.saturating_sub(self.with_unsupported);
        (count, count.saturating_mul(1_000).checked_div(self.definitions))
    }

    fn of(&self, fidelity: Fidelity) -> usize {
        self.by_fidelity.get(&fidelity).copied().unwrap_or(0)
    }

    /// Types that do not run here, the most frequent first.
    fn types(&self) -> Vec<(&str, usize)> {
        let mut types: Vec<(&str, usize)> =
            self.unsupported.values().map(|(ty, count)| (ty.as_str(), *count)).collect();
        types.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        types
    }

    fn to_json(&self) -> Value {
        let counts = Fidelity::ALL.map(|it| (it.name().to_owned(), Value::from(self.of(it))));
        let types = self.types().into_iter().map(|(ty, count)| (ty.to_owned(), count.into()));
        let (supported, share) = self.supported();
        let share = share.and_then(|it| u32::try_from(it).ok()).map(|it| f64::from(it) / 10.0);
        json!({
            "definitions": self.definitions,
            "actions": self.actions,
            "fidelity": counts.into_iter().collect::<Map<String, Value>>(),
            "with_errors": self.with_errors,
            "without_unsupported_types": supported,
            "percent_without_unsupported_types": share,
            "with_unsupported_types": self.with_unsupported,
            "unsupported_types": types.collect::<Map<String, Value>>(),
            "other_files": self.others.len(),
            "failed": self.failed.len(),
            "written": self.written,
            "not_written": self.not_written,
        })
    }

    fn print(&self) {
        let (definitions, actions) = (self.definitions, self.actions);
        print::line(format!("\n{definitions} definitions with {actions} actions"));
        for it in Fidelity::ALL {
            let count = format!("{:6}", self.of(it));
            print::line(format!("{count} {}", tone(tone_of(it), it.name())));
        }
        if let (supported, Some(share)) = self.supported() {
            let share = format!("{}.{} %", share / 10, share % 10);
            let share = tone(Tone::Strong, share);
            let text = format!("definitions ({share}) have no type that does not run here");
            print::line(format!("{supported:6} {text}"));
        }
        let rest = [
            (self.with_unsupported, "definitions with types that do not run here"),
            (
                self.with_errors,
                "definitions with errors: the cloud would not save them either; they run once mended",
            ),
            (self.others.len(), "files that are no definition"),
            (self.failed.len(), "files that cannot be read"),
            (self.written, "flow files written"),
            (self.not_written, "definitions that are not written"),
        ];
        for (count, what) in rest.into_iter().filter(|(count, _)| 0 < *count) {
            print::line(format!("{count:6} {what}"));
        }
        let types = self.types();
        if !types.is_empty() {
            print::line("types that do not run here, with how often they stand there");
        }
        for (ty, count) in types {
            print::line(format!("{count:6} {}", print::safe(ty)));
        }
    }
}

const fn tone_of(fidelity: Fidelity) -> Tone {
    match fidelity {
        Fidelity::Exact => Tone::Good,
        Fidelity::Notes => Tone::Accent,
        Fidelity::NeedsConnection => Tone::Warn,
        Fidelity::Unsupported => Tone::Bad,
    }
}

fn print_file(name: &str, checked: &Checked, written: &[Written]) {
    let name = print::safe(name);
    match checked {
        Checked::Definitions(reports) => {
            for (nth, report) in reports.iter().enumerate() {
                print_report(&name, report, 1 < reports.len());
                match written.get(nth) {
                    Some(Written::To(path)) => {
                        let path = print::safe(&path.display().to_string());
                        print::line(format!("    written to {}", tone(Tone::Strong, path)));
                    }
                    Some(Written::Not(why)) => {
                        let why = print::safe(why);
                        print::line(format!("    {}: {why}", tone(Tone::Bad, "not written")));
                    }
                    None => {}
                }
            }
        }
        Checked::Other => {
            print::line(format!("{} {name}", tone(Tone::Faint, "no definition      ")));
        }
        Checked::Broken(message) => {
            print::line(format!("{} {name}", tone(Tone::Bad, "cannot be read     ")));
            print::line(format!("    {}", print::safe(message)));
        }
    }
}

fn print_report(name: &str, report: &Report, is_one_of_several: bool) {
    let word = format!("{:19}", report.fidelity.name());
    let part = print::safe(&report.name);
    let part = if is_one_of_several { format!(" ({part})") } else { String::new() };
    let errors = if report.has_errors { tone(Tone::Bad, ", has errors") } else { String::new() };
    print::line(format!("{} {name}{part}{errors}", tone(tone_of(report.fidelity), word)));
    // The worst first: what is cut off matters least.
    let mut reasons: Vec<_> = report.reasons.iter().collect();
    reasons.sort_by_key(|it| (it.fidelity.is_some(), std::cmp::Reverse(it.fidelity)));
    for reason in reasons.iter().take(REASONS_MAX) {
        let error = if reason.fidelity.is_none() { "error: " } else { "" };
        let message = print::safe(&reason.message);
        print::line(format!("    line {}: {error}{message}", reason.at.line));
    }
    if let Some(more) = reasons.len().checked_sub(REASONS_MAX).filter(|it| 0 < *it) {
        print::line(format!("    and {more} more, which `--output json` names"));
    }
}

fn of_file(name: &str, checked: &Checked, written: &[Written]) -> Vec<Value> {
    let Checked::Definitions(reports) = checked else { return Vec::new() };
    let of_report = |(nth, report): (usize, &Report)| {
        let reasons = report.reasons.iter().map(|it| {
            json!({
                "fidelity": it.fidelity.map_or("error", Fidelity::name),
                "message": it.message,
                "line": it.at.line,
                "column": it.at.column,
            })
        });
        let mut shown = json!({
            "file": name,
            "name": report.name,
            "fidelity": report.fidelity.name(),
            "actions": report.actions,
            "has_errors": report.has_errors,
            "unsupported_types": report.unsupported,
            "reasons": reasons.collect::<Vec<_>>(),
        });
        match written.get(nth) {
            Some(Written::To(path)) => shown["written"] = json!(path.display().to_string()),
            Some(Written::Not(why)) => shown["not_written"] = json!(why),
            None => {}
        }
        shown
    };
    reports.iter().enumerate().map(of_report).collect()
}
