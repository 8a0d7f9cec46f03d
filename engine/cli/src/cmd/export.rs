//! `flowright export`: a flow as a definition of the cloud's.

use anyhow::ensure;
use flow::export::{Form, wdl};

use crate::{
    Outcome,
    args::{ExportArgs, Wrapping},
    choice::{self, Chosen},
    cmd::{packages::put, run::report},
    diagnostics,
    print::{self, Tone, note, tone},
};

pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<Outcome> {
    let project = choice::project(None)?;
    let Chosen { file, .. } = choice::find(&project, &args.flow, None)?;
    if report(&file) {
        return Ok(Outcome::Bad);
    }
    let form = match args.format {
        Wrapping::Definition => Form::Definition,
        Wrapping::Workflow => Form::Workflow,
        Wrapping::Solution => Form::Solution,
    };
    let (definition, unwritten) = wdl(&file.package.flow, form);
    let source = file.package.diagnostics.first().map(|(source, _)| source);
    for found in &unwritten {
        note(source.map_or(found.message.clone(), |source| diagnostics::render(source, found)));
    }
    if !unwritten.is_empty() {
        let parts = if unwritten.len() == 1 { "part" } else { "parts" };
        let count = format!("{} {parts} without a counterpart in the cloud", unwritten.len());
        let written = if args.partial { "left out" } else { "nothing is written" };
        note(format!("{}: {count}; {written}", tone(Tone::Bad, "export")));
        if !args.partial {
            return Ok(Outcome::Bad);
        }
    }
    let text = format!("{definition:#}");
    match &args.to {
        None => print::line(text),
        Some(path) => {
            let written = put(path, &format!("{text}\n"), args.force)?;
            ensure!(written, "`{}` is there already; --force overwrites it", path.display());
            note(format!("written to {}", path.display()));
        }
    }
    Ok(if unwritten.is_empty() { Outcome::Good } else { Outcome::Bad })
}
