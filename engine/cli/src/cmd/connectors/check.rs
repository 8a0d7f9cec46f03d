//! `flowright connectors check`: what of published definitions can be called here.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use connector::openapi::{self, Imported};
use serde_json::{Value, json};
use worker::{project::folders_below, published::Place};

use super::args::CheckArgs;
use crate::{
    Outcome,
    args::Shown,
    print::{self, Tone, note, tone},
};

/// How often people are told how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// One definition, and what came of it.
struct Checked {
    place: Place,
    read: Result<Imported, String>,
}

/// How many of everything.
#[derive(Default)]
struct Totals {
    definitions: usize,
    unreadable: usize,
    operations: usize,
    triggers: usize,
    refused: usize,
    scripted: usize,
    warnings: usize,
}

impl Totals {
    fn add(&mut self, checked: &Checked) {
        self.definitions += 1;
        match &checked.read {
            Err(_) => self.unreadable += 1,
            Ok(Imported { connector, report }) => {
                self.operations += connector.operations.len();
                self.triggers += connector.triggers.len();
                self.refused += report.refused.len();
                self.scripted += report.scripted.len();
                self.warnings += report.warnings.len();
            }
        }
    }

    /// Whether everything can be called.
    const fn is_good(&self) -> bool {
        self.unreadable == 0 && self.refused == 0 && self.scripted == 0
    }

    fn to_json(&self) -> Value {
        json!({
            "definitions": self.definitions,
            "unreadable": self.unreadable,
            "operations": self.operations,
            "triggers": self.triggers,
            "refused": self.refused,
            "scripted": self.scripted,
            "warnings": self.warnings,
        })
    }
}

pub(super) fn run(args: &CheckArgs, output: Shown) -> anyhow::Result<Outcome> {
    let mut places = Vec::new();
    for path in &args.paths {
        places.extend(found_in(path)?);
    }
    ensure!(!places.is_empty(), "there is no definition in what was named");
    let (count, mut told) = (places.len(), Instant::now());
    let mut totals = Totals::default();
    let mut shown = Vec::new();
    for (at, place) in places.into_iter().enumerate() {
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            note(format!("{at} of {count} definitions are checked"));
        }
        let read = place.read().unwrap_or_else(|error| Err(error.to_string()));
        let checked = Checked { place, read };
        totals.add(&checked);
        match output {
            Shown::Json => shown.push(to_json(&checked)),
            Shown::Text => show(&checked),
        }
    }
    if output == Shown::Json {
        print::json(&json!({ "definitions": shown, "summary": totals.to_json() }));
    } else {
        print::line(summary(&totals));
    }
    Ok(if totals.is_good() { Outcome::Good } else { Outcome::Bad })
}

/// The definitions of a file or a folder. In a folder whose files have other names than usual, what
/// looks like a definition is one.
fn found_in(path: &Path) -> anyhow::Result<Vec<Place>> {
    let shown = path.display();
    let path =
        &path.canonicalize().with_context(|| format!("there is no file or folder `{shown}`"))?;
    if path.is_file() {
        let place = Place::of_file(path);
        return Ok(vec![place.with_context(|| format!("`{shown}` has no name that is text"))?]);
    }
    let mut places = Vec::new();
    for (folder, files) in folders_below(path)? {
        match Place::of_folder(&folder, &files) {
            Some(place) => places.push(place),
            None => places.extend(
                files.iter().filter(|it| is_definition(it)).filter_map(|it| Place::of_file(it)),
            ),
        }
    }
    Ok(places)
}

fn is_definition(file: &PathBuf) -> bool {
    let is_json = file.extension().is_some_and(|it| it.eq_ignore_ascii_case("json"));
    is_json && std::fs::read(file).is_ok_and(|it| !openapi::index(&it).operations.is_empty())
}

fn to_json(checked: &Checked) -> Value {
    let Place { name, definition, .. } = &checked.place;
    let file = definition.display().to_string();
    match &checked.read {
        Err(why) => json!({ "name": name, "file": file, "error": why }),
        Ok(Imported { connector, report }) => json!({
            "name": connector.name,
            "file": file,
            "title": connector.title,
            "aliases": connector.aliases,
            "operations": connector.operations.keys().collect::<Vec<_>>(),
            "triggers": connector.triggers.keys().collect::<Vec<_>>(),
            "refused": report.refused,
            "scripted": report.scripted,
            "warnings": report.warnings,
            "hosts": report.hosts,
        }),
    }
}

fn show(checked: &Checked) {
    let name = tone(Tone::Strong, &checked.place.name);
    let (connector, report) = match &checked.read {
        Ok(Imported { connector, report }) => (connector, report),
        Err(why) => {
            print::line(format!("{name}  {} {why}", tone(Tone::Bad, "unreadable")));
            return;
        }
    };
    let mut parts = vec![counted(connector.operations.len(), "operation")];
    if !connector.triggers.is_empty() {
        parts.push(format!("of them {}", counted(connector.triggers.len(), "trigger")));
    }
    if !report.refused.is_empty() {
        parts.push(format!("{} refused", report.refused.len()));
    }
    if !report.scripted.is_empty() {
        parts.push(format!("{} only by script", report.scripted.len()));
    }
    let hosts: Vec<&str> = report.hosts.iter().map(String::as_str).collect();
    print::line(format!("{name}  {}  {}", parts.join(", "), tone(Tone::Faint, hosts.join(" "))));
    for (operation, why) in &report.refused {
        print::line(format!("  {}  {operation}: {why}", tone(Tone::Bad, "refused")));
    }
    if !report.scripted.is_empty() {
        let names: Vec<&str> = report.scripted.iter().map(String::as_str).collect();
        print::line(format!("  {}   {}", tone(Tone::Bad, "script"), names.join(", ")));
    }
    for warning in &report.warnings {
        print::line(format!("  {}  {warning}", tone(Tone::Warn, "warning")));
    }
}

fn summary(totals: &Totals) -> String {
    let Totals { definitions, unreadable, operations, refused, scripted, .. } = totals;
    let all = (operations + refused + scripted).max(1);
    format!(
        "{} checked, {unreadable} unreadable; {} can be called ({:.1} %), {refused} refused, {scripted} \
         need a script",
        counted(*definitions, "definition"),
        counted(*operations, "operation"),
        100.0 * percentage_base(*operations) / percentage_base(all),
    )
}

#[allow(clippy::cast_precision_loss, reason = "counts of operations are small")]
const fn percentage_base(count: usize) -> f64 {
    count as f64
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
