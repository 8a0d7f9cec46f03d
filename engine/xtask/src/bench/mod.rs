//! `cargo xtask bench`: the jobs W1 to W5 and two kinds of trouble as ordinary flows over the ordinary service, with what the
//! machine could do at most beside them.

mod floor;
mod http;
mod jobs;
mod process;
mod stub;
mod trouble;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

pub(crate) use self::floor::serve as serve_floor;
use self::{jobs::Bench, stub::Stub};

/// The jobs by name, in the order in which they are done.
const JOBS: [&str; 5] = ["w1", "w2", "w3", "w4", "w5"];
/// Those that are done only if they are named.
const TROUBLE: [&str; 2] = ["r12", "r13"];

/// What the command line asks for.
struct Wanted {
    jobs: Vec<String>,
    database: Option<String>,
    seconds: u64,
}

impl Wanted {
    fn read(arguments: &[String]) -> anyhow::Result<Self> {
        let mut wanted = Self { jobs: Vec::new(), database: None, seconds: 5 };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--database" => {
                    let url = arguments.next().context("--database needs an address")?;
                    wanted.database = Some(url.clone());
                }
                "--seconds" => {
                    let text = arguments.next().context("--seconds needs a number")?;
                    wanted.seconds = text.parse().context("--seconds needs a number")?;
                }
                job if JOBS.contains(&job) || TROUBLE.contains(&job) => {
                    wanted.jobs.push(job.to_owned());
                }
                other => bail!(
                    "`{other}` is no job; write `cargo xtask bench [{}] [{}] [--seconds N] \
                     [--database postgres://…]`",
                    JOBS.join("] ["),
                    TROUBLE.join("] [")
                ),
            }
        }
        if wanted.jobs.is_empty() {
            wanted.jobs = JOBS.map(str::to_owned).to_vec();
        }
        Ok(wanted)
    }
}

/// Does the jobs that are named, or W1 to W5, and prints what was measured.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let wanted = Wanted::read(arguments)?;
    if cfg!(debug_assertions) {
        // What is measured and what measures are both built as they are shipped.
        return again_in_release(arguments);
    }
    let program = flowright()?;
    let stub = Stub::start()?;
    let bench = Bench::new(program, stub, wanted.database, wanted.seconds)?;
    for job in &wanted.jobs {
        match job.as_str() {
            "w1" => bench.webhook_to_response()?,
            "w2" => bench.durable_runs()?,
            "w3" => bench.loops()?,
            "w4" => bench.start()?,
            "w5" => bench.crash()?,
            "r12" => bench.flood()?,
            _ => bench.slow_callers()?,
        }
    }
    Ok(())
}

fn again_in_release(arguments: &[String]) -> anyhow::Result<()> {
    let mut command = cargo();
    command.args(["run", "--release", "-q", "-p", "xtask", "--", "bench"]).args(arguments);
    ensure!(command.status()?.success(), "the benchmark did not end well");
    Ok(())
}

/// The program beside this one, built now.
fn flowright() -> anyhow::Result<PathBuf> {
    let built = cargo().args(["build", "--release", "-q", "-p", "cli"]).status()?;
    ensure!(built.success(), "flowright cannot be built");
    let here = std::env::current_exe()?;
    let folder = here.parent().context("this program lies nowhere")?;
    Ok(folder.join(format!("flowright{}", std::env::consts::EXE_SUFFIX)))
}

fn cargo() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO"));
    command.current_dir(root());
    command
}

/// The top of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
