//! `flowright diff`: what differs between flows in what they mean.

use std::path::Path;

use anyhow::bail;
use cli::difference::{self, Change, Kind, ValueChange};
use serde_json::{Value, json};
use worker::{
    Project,
    project::{self, FlowFile},
};

use super::graph::DiffArgs;
use crate::{
    Outcome,
    args::Shown,
    choice::{self, Chosen},
    cmd::run::report,
    print::{self, Tone, line, note, safe, tone},
    tree::short,
};

/// A flow that only one side has, or what differs between the two.
enum Found {
    Added(String),
    Removed(String),
    Changed(String, Vec<Change>),
}

pub(crate) fn run(args: &DiffArgs) -> anyhow::Result<Outcome> {
    let (before, after) = (flows(&args.before)?, flows(&args.after)?);
    let mut is_bad = false;
    for file in before.iter().chain(&after) {
        is_bad |= report(file);
    }
    if is_bad {
        bail!("flows with errors cannot be compared");
    }
    let found = compare(&before, &after);
    match args.output {
        Shown::Json => {
            let flows: Vec<Value> = found.iter().map(as_json).collect();
            print::json(&json!({ "flows": flows }));
        }
        Shown::Text => found.iter().for_each(show),
    }
    if found.is_empty() {
        note(tone(Tone::Good, "no difference in what they mean"));
        return Ok(Outcome::Good);
    }
    Ok(Outcome::Bad)
}

/// The flows behind a name, a file or a folder.
fn flows(named: &Path) -> anyhow::Result<Vec<FlowFile>> {
    let here = std::env::current_dir()?;
    let root = Project::find(named).or_else(|| Project::find(&here)).unwrap_or(here);
    let project = Project::load(&root, None)?;
    let is_several = named.is_dir() && !named.join("flow.yaml").is_file();
    if !is_several {
        let Chosen { file, .. } = choice::find(&project, &named.to_string_lossy(), None)?;
        return Ok(vec![file]);
    }
    let folder = named.canonicalize()?;
    let mut found = Vec::new();
    for (inner, files) in project::folders_below(&folder)? {
        if files.iter().any(|it| it.file_name().is_some_and(|it| it == "flow.yaml")) {
            let mut flows = project.open(&inner)?;
            let name = inner.strip_prefix(&folder).unwrap_or(&inner).display().to_string();
            for it in &mut flows {
                it.name = name.replace('\\', "/");
            }
            found.append(&mut flows);
        }
    }
    if found.is_empty() { Ok(project.open(named)?) } else { Ok(found) }
}

fn compare(before: &[FlowFile], after: &[FlowFile]) -> Vec<Found> {
    let changed = |a: &FlowFile, b: &FlowFile| {
        let changes = difference::between(a, b);
        (!changes.is_empty()).then(|| Found::Changed(b.name.clone(), changes))
    };
    if let ([a], [b]) = (before, after) {
        return changed(a, b).into_iter().collect();
    }
    let mut found = Vec::new();
    for b in after {
        match before.iter().find(|it| it.name == b.name) {
            Some(a) => found.extend(changed(a, b)),
            None => found.push(Found::Added(b.name.clone())),
        }
    }
    let gone = before.iter().filter(|a| after.iter().all(|it| it.name != a.name));
    found.extend(gone.map(|it| Found::Removed(it.name.clone())));
    found
}

fn as_json(found: &Found) -> Value {
    match found {
        Found::Added(name) => json!({ "name": name, "kind": "added", "changes": [] }),
        Found::Removed(name) => json!({ "name": name, "kind": "removed", "changes": [] }),
        Found::Changed(name, changes) => {
            let changes: Vec<Value> = changes.iter().map(Change::to_json).collect();
            json!({ "name": name, "kind": "changed", "changes": changes })
        }
    }
}

fn show(found: &Found) {
    match found {
        Found::Added(name) => line(format!("{} flow {}", tone(Tone::Good, "+"), safe(name))),
        Found::Removed(name) => line(format!("{} flow {}", tone(Tone::Bad, "-"), safe(name))),
        Found::Changed(name, changes) => {
            line(tone(Tone::Strong, safe(name)));
            changes.iter().for_each(show_change);
        }
    }
}

fn show_change(change: &Change) {
    let (from, to) =
        (change.from.as_deref().unwrap_or_default(), change.to.as_deref().unwrap_or_default());
    let name = format!("{} `{}`", change.what, safe(&change.name));
    let text = match change.kind {
        Kind::Added if to.is_empty() => format!("{} {name}", tone(Tone::Good, "+")),
        Kind::Added => format!("{} {name} in {}", tone(Tone::Good, "+"), safe(to)),
        Kind::Removed if from.is_empty() => format!("{} {name}", tone(Tone::Bad, "-")),
        Kind::Removed => format!("{} {name} from {}", tone(Tone::Bad, "-"), safe(from)),
        Kind::Renamed => format!("{} {name} was `{}`", tone(Tone::Warn, "~"), safe(from)),
        Kind::Moved => {
            format!("{} {name} from {} to {}", tone(Tone::Warn, "→"), safe(from), safe(to))
        }
        Kind::Changed => format!("{} {name}", tone(Tone::Warn, "~")),
    };
    line(format!("  {text}"));
    change.values.iter().for_each(show_value);
}

fn show_value(change: &ValueChange) {
    let path =
        if change.path.is_empty() { String::new() } else { format!("{}: ", safe(&change.path)) };
    let text = match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{} → {}", short(before), short(after)),
        (Some(before), None) => format!("{} {}", tone(Tone::Bad, "-"), short(before)),
        (None, Some(after)) => format!("{} {}", tone(Tone::Good, "+"), short(after)),
        (None, None) => return,
    };
    line(format!("      {path}{text}"));
}
