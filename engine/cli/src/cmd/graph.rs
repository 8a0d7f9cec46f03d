//! `flowright graph` and `flowright completions`: what other programs draw or load.

use std::path::PathBuf;

use anyhow::ensure;
use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::Shell;
use cli::graph;

use crate::{
    Outcome,
    args::Shown,
    choice::{self, Chosen},
    cmd::{packages::put, run::report},
    print::{self, note},
};

/// How a flow is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Picture {
    /// Text that many web pages draw.
    Mermaid,
    /// Text that Graphviz draws.
    Dot,
    /// A picture.
    Svg,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flowright graph co-sell/register-webhooks
  flowright graph flows/my-flow --format svg -o my-flow.svg")]
pub(crate) struct GraphArgs {
    /// A flow's name in the project, its folder, or a file.
    pub flow: String,

    /// How it is drawn.
    #[arg(long, value_enum, default_value_t = Picture::Mermaid)]
    pub format: Picture,

    /// The file to write; standard output if not given.
    #[arg(short = 'o', long = "to", value_name = "FILE")]
    pub to: Option<PathBuf>,

    /// Overwrite a file that is there.
    #[arg(long, requires = "to")]
    pub force: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Each is a flow's name in the project, its folder, a file, or a folder with several flows. How a file
is laid out, and comments in it, make no difference.
  flowright diff flows/orders ../other/flows/orders
  flowright diff exported/flow.json flows/orders

Exit codes: 0 they mean the same, 1 they do not, 2 the command could not be carried out."
)]
pub(crate) struct DiffArgs {
    /// What it was.
    pub before: PathBuf,

    /// What it is.
    pub after: PathBuf,

    /// How the differences are shown.
    #[arg(long, value_enum, default_value_t = Shown::Text)]
    pub output: Shown,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flowright completions bash > /etc/bash_completion.d/flowright
  flowright completions zsh > ~/.zfunc/_flowright
  flowright completions fish > ~/.config/fish/completions/flowright.fish")]
pub(crate) struct CompletionsArgs {
    /// Which shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

pub(crate) fn run(args: &GraphArgs) -> anyhow::Result<Outcome> {
    let project = choice::project(None)?;
    let Chosen { file, .. } = choice::find(&project, &args.flow, None)?;
    if report(&file) {
        return Ok(Outcome::Bad);
    }
    let flow = &file.package.flow;
    let text = match args.format {
        Picture::Mermaid => graph::mermaid(flow),
        Picture::Dot => graph::dot(flow),
        Picture::Svg => graph::svg(flow),
    };
    match &args.to {
        None => print::line(text.trim_end()),
        Some(path) => {
            let is_written = put(path, &text, args.force)?;
            ensure!(is_written, "`{}` is there already; --force overwrites it", path.display());
            note(format!("written to {}", path.display()));
        }
    }
    Ok(Outcome::Good)
}

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut crate::args::Args::command(),
        "flowright",
        &mut script,
    );
    // A script that is cut off by a closed pipe is nobody's.
    print::line(String::from_utf8(script)?.trim_end());
    Ok(Outcome::Good)
}
