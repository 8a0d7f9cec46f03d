//! `flowright init`: a project to begin with.

pub(crate) mod args;

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use cli::scaffold::{self, File};

use self::args::{CoSellArgs, InitArgs, InitWhat};
use crate::{
    Outcome,
    cmd::packages::put,
    print::{self, Tone, note, tone},
};

/// Files that a message names.
const NAMES_MAX: usize = 5;

pub(crate) fn run(args: &InitArgs) -> anyhow::Result<Outcome> {
    let (folder, files) = match &args.what {
        None => (&args.folder, scaffold::minimal()),
        Some(InitWhat::CoSell(CoSellArgs { folder, crm })) => {
            let files = scaffold::co_sell(crm.connectors()).map_err(anyhow::Error::msg)?;
            (folder, files)
        }
    };
    let folder = folder.clone().unwrap_or_else(|| PathBuf::from("."));
    write(&folder, &files)?;
    let name = print::safe(&folder.display().to_string());
    note(tone(Tone::Good, format!("{} files are written to `{name}`", files.len())));
    let go = if folder == Path::new(".") { String::new() } else { format!("cd {name}, then ") };
    note(format!("next: {go}`flowright lint` and `flowright test`; README.md says more"));
    Ok(Outcome::Good)
}

/// Writes all of them, or none if one is there already.
fn write(folder: &Path, files: &[File]) -> anyhow::Result<()> {
    let there: Vec<String> = files
        .iter()
        .map(|(path, _)| folder.join(path))
        .filter(|it| it.symlink_metadata().is_ok())
        .map(|it| it.display().to_string())
        .collect();
    if !there.is_empty() {
        let names = there.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join("`, `");
        let more = there.len().saturating_sub(NAMES_MAX);
        let more = if 0 < more { format!(" and {more} more") } else { String::new() };
        bail!("nothing is written, because these are there already: `{names}`{more}");
    }
    for (path, text) in files {
        let path = folder.join(path);
        ensure!(put(&path, text, false)?, "`{}` is there already", path.display());
        print::line(path.display());
    }
    Ok(())
}
