//! `flowright connectors describe --save`: what a program says that it can do, kept beside its connector.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use base::{Severity, Source};
use clap::Args;
use connector::{Connection, Connector};
use serde_json::Value;
use worker::{Clock as _, Project, SystemClock, programs::DESCRIPTION_FILE};

use super::through;
use crate::{
    Outcome, choice, diagnostics, network,
    print::{self, Tone, note, tone},
    programs,
    secrets::ProcessSecrets,
};

/// How a connector's program is asked what it can do.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AskArgs {
    /// Ask the connector's program or MCP server, and write what it says to `describe.json` beside
    /// the connector's file, where lint and runs find it.
    #[arg(long)]
    pub save: bool,

    /// The connection whose values the program or server needs; the environment's only one to the
    /// connector if not given.
    #[arg(long, value_name = "NAME", requires = "save")]
    pub connection: Option<String>,

    /// The environment that has the connection; the project's own choice if not given.
    #[arg(long, value_name = "NAME", requires = "save")]
    pub environment: Option<String>,
}

/// Asks the program, and writes what it says beside the connector's file.
pub(super) async fn save(
    root: &Path,
    (name, args): (&str, &AskArgs),
    as_json: bool,
) -> anyhow::Result<Outcome> {
    let project = Project::load(root, args.environment.as_deref())?;
    let connector = choice::connector(&project, name)?;
    let program = connector.program.as_ref().with_context(|| {
        format!("the connector `{name}` is described by its file; `--save` is for programs")
    })?;
    let folder = Path::new(&program.folder);
    let connection = connection(&project, connector, args)?;
    let host = programs::host();
    let client = network::client(root, &host)?;
    let described = client.describe(&connection, SystemClock::default().now()).await;
    host.shutdown().await;
    let described = match described {
        Ok(described) => described,
        Err(failure) => {
            note(tone(Tone::Bad, print::safe(&failure.message)));
            return Ok(Outcome::Bad);
        }
    };
    if report(folder, &described)? {
        note(tone(Tone::Bad, "nothing was written"));
        return Ok(Outcome::Bad);
    }
    let file = folder.join(DESCRIPTION_FILE);
    let before = fs::read(&file).ok().and_then(|it| serde_json::from_slice(&it).ok());
    write(&file, &described)?;
    let before = before.unwrap_or_default();
    if as_json {
        print::json(&described);
    }
    tell(&file, &before, &described);
    Ok(Outcome::Good)
}

/// The connection that is named or the only one there is; else one without values, which is enough
/// for a program that can say what it can do without any.
fn connection(
    project: &Project,
    connector: &Arc<Connector>,
    args: &AskArgs,
) -> anyhow::Result<Arc<Connection>> {
    if let Some(name) = &args.connection {
        return through::named(project, connector, name);
    }
    let connections = project.connections(&ProcessSecrets { root: project.root.clone() });
    if let Ok(only) = connections.of_connector(&connector.name) {
        return Ok(Arc::clone(only));
    }
    let (connection, _) = Connection::new(&connector.name, Arc::clone(connector), BTreeMap::new());
    Ok(Arc::new(connection))
}

/// Prints what is wrong with a description; whether that keeps it from being used.
fn report(folder: &Path, described: &Value) -> anyhow::Result<bool> {
    let file = folder.join("connector.yaml");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let source = Source::new(&file.display().to_string(), &text);
    let (_, found) = connector::read_described(&source, Some(described));
    for found in &found {
        note(diagnostics::render(&source, found));
    }
    Ok(found.iter().any(|it| it.severity == Severity::Error))
}

/// Writes all of it or nothing.
fn write(file: &Path, described: &Value) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(described)?;
    text.push('\n');
    let beside = file.with_extension("json.new");
    fs::write(&beside, text).with_context(|| format!("cannot write `{}`", beside.display()))?;
    fs::rename(&beside, file).with_context(|| format!("cannot write `{}`", file.display()))
}

fn tell(file: &Path, before: &Value, now: &Value) {
    let names = |value: &Value| -> BTreeSet<String> {
        let sections = ["operations", "triggers"];
        let all = sections.iter().filter_map(|it| value.get(it)?.as_object());
        all.flat_map(|it| it.keys().cloned()).collect()
    };
    let (before, now) = (names(before), names(now));
    note(format!(
        "{} `{}`: {} operations and triggers",
        tone(Tone::Good, "wrote"),
        file.display(),
        now.len()
    ));
    for (mark, names) in [("+", now.difference(&before)), ("-", before.difference(&now))] {
        for name in names {
            note(format!("  {mark} {}", print::safe(name)));
        }
    }
}
