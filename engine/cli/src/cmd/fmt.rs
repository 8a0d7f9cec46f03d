//! `flowright fmt`: lays out the files of a project in one style.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use base::{diff, limits::FILE_BYTES_MAX};
use cli::input;
use flow::shape::File;
use worker::{Project, project::PROJECT_FILE};

use crate::{
    Outcome,
    print::{self, Tone, note, tone},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without paths the files of the project are laid out: flows, mappings, environments, connectors,
tests and the project's own file.

Exit codes: 0 all is well, 1 a file would be changed (with --check or --diff), or one cannot be
formatted, 2 the command could not be carried out."
)]
pub(crate) struct FmtArgs {
    /// Files or folders; `-` formats standard input to standard output.
    pub paths: Vec<PathBuf>,

    /// Change nothing; print the files that would be changed.
    #[arg(long)]
    pub check: bool,

    /// Change nothing; print what would be changed.
    #[arg(long)]
    pub diff: bool,

    /// The name of what is read from standard input, which says what it is.
    #[arg(long, value_name = "FILE")]
    pub stdin_filename: Option<PathBuf>,
}

/// Folders below the named one that are searched.
const DEPTH_MAX: usize = 32;

pub(crate) fn run(args: &FmtArgs) -> anyhow::Result<Outcome> {
    if args.paths.iter().any(|it| it.as_os_str() == "-") {
        ensure!(args.paths.len() == 1, "`-` reads standard input, and nothing else");
        return piped(args);
    }
    let mut tally = Tally::default();
    for file in files(&args.paths)? {
        let text = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let name = file.display().to_string();
        let Ok(text) = String::from_utf8(text) else {
            tally.refuse(&name, "it is not UTF-8");
            continue;
        };
        match layout(&file, &text) {
            Ok(laid) => tally.take(args, (&file, &name), &text, &laid)?,
            Err(reason) => tally.refuse(&name, &reason),
        }
    }
    tally.end(args)
}

/// Formats standard input to standard output.
fn piped(args: &FmtArgs) -> anyhow::Result<Outcome> {
    let text = input::text(Path::new("-"), FILE_BYTES_MAX)?;
    let name = args.stdin_filename.clone().unwrap_or_else(|| PathBuf::from("flow.yaml"));
    let laid = match layout(&name, &text) {
        Ok(laid) => laid,
        Err(reason) => {
            note(format!("{} {reason}", tone(Tone::Bad, "not formatted:")));
            return Ok(Outcome::Bad);
        }
    };
    let is_same = laid == text;
    if args.diff {
        print::text(&diff::unified(&name.display().to_string(), &text, &laid));
    } else if !args.check {
        print::text(&laid);
    }
    Ok(if is_same || !(args.check || args.diff) { Outcome::Good } else { Outcome::Bad })
}

/// What has become of the files.
#[derive(Default)]
struct Tally {
    changed: usize,
    same: usize,
    refused: usize,
}

impl Tally {
    fn take(
        &mut self,
        args: &FmtArgs,
        (file, name): (&Path, &str),
        text: &str,
        laid: &str,
    ) -> anyhow::Result<()> {
        if text == laid {
            self.same += 1;
            return Ok(());
        }
        self.changed += 1;
        if args.diff {
            print::text(&diff::unified(name, text, laid));
        } else if args.check {
            print::line(name);
        } else {
            fs::write(file, laid).with_context(|| format!("cannot write `{name}`"))?;
            print::line(name);
        }
        Ok(())
    }

    fn refuse(&mut self, name: &str, reason: &str) {
        self.refused += 1;
        note(format!("{} `{name}`: {reason}", tone(Tone::Bad, "not formatted:")));
    }

    fn end(&self, args: &FmtArgs) -> anyhow::Result<Outcome> {
        let all = self.changed + self.same + self.refused;
        ensure!(0 < all, "there is no file of a project in what was named");
        let only_looks = args.check || args.diff;
        let verb = if only_looks { "would be changed" } else { "changed" };
        note(format!("{} of {all} files {verb}", self.changed));
        let is_bad = 0 < self.refused || only_looks && 0 < self.changed;
        Ok(if is_bad { Outcome::Bad } else { Outcome::Good })
    }
}

fn layout(path: &Path, text: &str) -> Result<String, String> {
    let file = kind(path).and_then(|Known(file)| file);
    flow::format(text, file)
}

/// A file of a project, and the order of its keys, if they have one.
struct Known(Option<File>);

/// What a file is, by its name; none if it is not of a project.
fn kind(path: &Path) -> Option<Known> {
    let name = path.file_name()?.to_str()?;
    let folder = path.parent().and_then(Path::file_name).and_then(|it| it.to_str());
    let is_yaml = path.extension().is_some_and(|it| it == "yaml");
    match name {
        "flow.yaml" => Some(Known(Some(File::Flow))),
        "connector.yaml" => Some(Known(None)),
        PROJECT_FILE => Some(Known(Some(File::Project))),
        _ if name.ends_with(".mapping.yaml") => Some(Known(Some(File::Mapping))),
        _ if name.ends_with(".test.yaml") => Some(Known(None)),
        _ if is_yaml && folder == Some("environments") => Some(Known(Some(File::Environment))),
        _ => None,
    }
}

/// The files that were named, and those of a project in folders that were.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let here = std::env::current_dir()?;
    let own = [Project::find(&here).unwrap_or(here)];
    let roots = if paths.is_empty() { &own[..] } else { paths };
    let mut found = Vec::new();
    for root in roots {
        ensure!(root.exists(), "there is no file or folder `{}`", root.display());
        if root.is_dir() {
            below(root, 0, &mut found)?;
        } else {
            found.push(root.clone());
        }
    }
    Ok(found)
}

fn below(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let cannot = || format!("cannot read `{}`", folder.display());
    let entries = fs::read_dir(folder).with_context(cannot)?;
    let mut entries: Vec<PathBuf> =
        entries.map(|it| it.map(|it| it.path())).collect::<Result<_, _>>().with_context(cannot)?;
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        let is_foreign = name.starts_with('.') || matches!(name, "target" | "node_modules");
        if path.is_symlink() || is_foreign {
            continue;
        }
        if path.is_dir() && depth < DEPTH_MAX {
            below(&path, depth + 1, found)?;
        } else if path.is_file() && kind(&path).is_some() {
            found.push(path);
        }
    }
    Ok(())
}
