//! `flowright import --check`: how definitions of the cloud's run here.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use base::{Source, limits::WDL_BYTES_MAX};
use flow::fidelity::{Checked, Fidelity, Reason, Report, check};
use serde_json::{Map, Value, json};

use crate::{
    Outcome,
    args::{ImportArgs, Shown},
    print::{self, Tone, tone},
};

/// How deep folders are searched.
const FOLDER_DEPTH_MAX: usize = 32;
/// Reasons of one definition that people are shown.
const REASONS_MAX: usize = 8;

pub(crate) fn run(args: &ImportArgs) -> anyhow::Result<Outcome> {
    let files = files(&args.paths)?;
    ensure!(!files.is_empty(), "there is no `*.json` in what was named");
    let mut totals = Totals::default();
    let mut shown = Vec::new();
    for file in &files {
        let name = file.display().to_string();
        let checked = read(file).map(|bytes| check_bytes(&name, bytes));
        let checked = checked.unwrap_or_else(|error| Checked::Broken(format!("{error:#}")));
        totals.count(&name, &checked);
        match args.output {
            Shown::Text => print_file(&name, &checked),
            Shown::Json => shown.extend(of_file(&name, &checked)),
        }
    }
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
    Ok(if totals.failed.is_empty() { Outcome::Good } else { Outcome::Bad })
}

/// The files that were named, and every JSON file of the folders, in order.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let named = fs::metadata(path);
        let named =
            named.with_context(|| format!("there is no file or folder `{}`", path.display()))?;
        if !named.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        let mut folders = vec![(path.clone(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let entries = fs::read_dir(&folder)
                .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
            for entry in entries {
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                let is_json = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("json"));
                if kind.is_dir() && depth < FOLDER_DEPTH_MAX {
                    folders.push((path, depth + 1));
                } else if kind.is_file() && is_json {
                    found.push(path);
                }
            }
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(WDL_BYTES_MAX + 1)?;
    fs::File::open(file).and_then(|it| it.take(most).read_to_end(&mut bytes))?;
    ensure!(bytes.len() <= WDL_BYTES_MAX, "it has more than {WDL_BYTES_MAX} bytes");
    Ok(bytes)
}

fn check_bytes(name: &str, bytes: Vec<u8>) -> Checked {
    let error = match String::from_utf8(bytes) {
        Ok(text) => return check(&Source::new(name, &text)),
        Err(error) => error,
    };
    // It is read all the same, as elsewhere, but not without a word.
    let source = Source::new(name, &String::from_utf8_lossy(error.as_bytes()));
    let mut checked = check(&source);
    if let Checked::Definitions(reports) = &mut checked {
        for report in reports {
            report.fidelity = report.fidelity.max(Fidelity::Notes);
            report.reasons.push(Reason {
                fidelity: Fidelity::Notes,
                message: "the file has bytes that are not UTF-8; they are read as `\u{fffd}`"
                    .into(),
                at: source.location(error.utf8_error().valid_up_to()),
            });
        }
    }
    checked
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
}

impl Totals {
    fn count(&mut self, name: &str, checked: &Checked) {
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
        json!({
            "definitions": self.definitions,
            "actions": self.actions,
            "fidelity": counts.into_iter().collect::<Map<String, Value>>(),
            "with_errors": self.with_errors,
            "with_unsupported_types": self.with_unsupported,
            "unsupported_types": types.collect::<Map<String, Value>>(),
            "other_files": self.others.len(),
            "failed": self.failed.len(),
        })
    }

    fn print(&self) {
        let (definitions, actions) = (self.definitions, self.actions);
        print::line(format!("\n{definitions} definitions with {actions} actions"));
        for it in Fidelity::ALL {
            let count = format!("{:6}", self.of(it));
            print::line(format!("{count} {}", tone(tone_of(it), it.name())));
        }
        let rest = [
            (self.with_unsupported, "definitions with types that do not run here"),
            (self.with_errors, "definitions with errors, which are unsupported too"),
            (self.others.len(), "files that are no definition"),
            (self.failed.len(), "files that cannot be read"),
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

fn print_file(name: &str, checked: &Checked) {
    let name = print::safe(name);
    match checked {
        Checked::Definitions(reports) => {
            for report in reports {
                print_report(&name, report, 1 < reports.len());
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
    print::line(format!("{} {name}{part}", tone(tone_of(report.fidelity), word)));
    // The worst first: what is cut off matters least.
    let mut reasons: Vec<_> = report.reasons.iter().collect();
    reasons.sort_by_key(|it| std::cmp::Reverse(it.fidelity));
    for reason in reasons.iter().take(REASONS_MAX) {
        print::line(format!("    line {}: {}", reason.at.line, print::safe(&reason.message)));
    }
    if let Some(more) = reasons.len().checked_sub(REASONS_MAX).filter(|it| 0 < *it) {
        print::line(format!("    and {more} more, which `--output json` names"));
    }
}

fn of_file(name: &str, checked: &Checked) -> Vec<Value> {
    let Checked::Definitions(reports) = checked else { return Vec::new() };
    let of_report = |report: &Report| {
        let reasons = report.reasons.iter().map(|it| {
            json!({
                "fidelity": it.fidelity.name(),
                "message": it.message,
                "line": it.at.line,
                "column": it.at.column,
            })
        });
        json!({
            "file": name,
            "name": report.name,
            "fidelity": report.fidelity.name(),
            "actions": report.actions,
            "has_errors": report.has_errors,
            "unsupported_types": report.unsupported,
            "reasons": reasons.collect::<Vec<_>>(),
        })
    };
    reports.iter().map(of_report).collect()
}
