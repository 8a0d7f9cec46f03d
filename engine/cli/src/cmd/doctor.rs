//! `flowright doctor`: whether a service can be run here.

use std::{fs, path::Path, time::Duration};

use base::Severity;
use clap::Args;
use http_client::Client;
use serde_json::{Value, json};
use worker::{Clock as _, Project, SystemClock, notify::Way, standing};

use crate::{
    Outcome,
    args::Shown,
    cmd::{lint, serve::project_root},
    config::{self, ServeArgs},
    database::Database,
    network,
    print::{self, Tone, line, tone},
    programs,
    secrets::ProcessSecrets,
    state,
};

/// Bytes that should be free on the disk of the database.
const FREE_MIN: u64 = 1_000_000_000;
/// How far the clock may be off.
const CLOCK_SECONDS: i64 = 30;
/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is changed, and no port is taken. With --connections their services are asked, too, and the clock is
compared with theirs.

Exit codes: 0 a service can be run, 1 something is in its way, 2 there is no project."
)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    serve: ServeArgs,

    /// Ask the services behind the connections.
    #[arg(long)]
    connections: bool,

    /// How the findings are written.
    #[arg(long, value_enum, default_value_t = Shown::Text)]
    output: Shown,
}

/// How a check has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Warning,
    Bad,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Bad => "error",
        }
    }
}

/// What was looked at, and what was found.
struct Finding {
    what: String,
    state: State,
    message: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: &str, state: State, message: impl Into<String>) {
        self.0.push(Finding { what: what.to_owned(), state, message: message.into() });
    }

    /// What went well says so itself; an error is told with its causes.
    fn take(&mut self, what: &str, result: anyhow::Result<String>) {
        match result {
            Ok(message) => self.add(what, State::Good, message),
            Err(error) => self.add(what, State::Bad, format!("{error:#}")),
        }
    }
}

pub(crate) async fn run(args: &DoctorArgs) -> anyhow::Result<Outcome> {
    let root = project_root(args.serve.project.as_deref())?;
    let mut found = Findings::default();
    match Project::load(&root, args.serve.environment.as_deref()) {
        Ok(project) => look(args, &project, &mut found).await,
        Err(error) => found.take("project", Err(error.into())),
    }
    let is_good = found.0.iter().all(|it| it.state != State::Bad);
    if args.output == Shown::Json {
        let all = found
            .0
            .iter()
            .map(|it| json!({ "check": it.what, "state": it.state.name(), "message": it.message }));
        print::json(&all.collect::<Vec<Value>>());
    } else {
        for Finding { what, state, message } in &found.0 {
            let (mark, color) = match state {
                State::Good => ("ok     ", Tone::Good),
                State::Warning => ("warning", Tone::Warn),
                State::Bad => ("error  ", Tone::Bad),
            };
            let (what, message) = (print::safe(what), print::safe(message));
            line(format!("{} {}: {message}", tone(color, mark), tone(Tone::Strong, what)));
        }
    }
    Ok(if is_good { Outcome::Good } else { Outcome::Bad })
}

async fn look(args: &DoctorArgs, project: &Project, found: &mut Findings) {
    files(project, found);
    match config::place(&args.serve, project) {
        Err(error) => found.take("configuration", Err(error)),
        Ok(place) => {
            let message = format!("listens on {}", place.listen);
            found.add("configuration", State::Good, message);
            let access = config::access(&place, &project.root, "http://localhost");
            match access {
                Err(error) => found.take("sign-in", Err(error)),
                Ok(access) => sign_in(&place, &access, found),
            }
            found.take("keys", keys(&place.database, &project.root));
            found.take("database", database(&place.database, &project.root).await);
            disk(&place.database, &project.root, found);
            notify(&place, project, args.connections, found).await;
        }
    }
    secrets(project, found);
    connections(project, args.connections, found).await;
}

fn files(project: &Project, found: &mut Findings) {
    let (faulty, _) = lint::faulty(project);
    let outside = project.diagnostics.iter().flat_map(|(_, it)| it);
    let errors = outside.filter(|it| it.severity == Severity::Error).count();
    let flows = project.flows.len();
    if faulty.is_empty() && errors == 0 {
        found.add("project", State::Good, format!("{flows} flows without errors"));
    } else if faulty.len() == flows {
        found.add("project", State::Bad, "no flow is without errors: see `flowright lint`");
    } else {
        let message =
            format!("{} of {flows} flows have errors: see `flowright lint`", faulty.len());
        found.add("project", State::Warning, message);
    }
}

fn sign_in(place: &crate::cmd::serve::Place, access: &server::Access, found: &mut Findings) {
    let what = "sign-in";
    let Some(tokens) = &access.tokens else {
        if place.listen.ip().is_loopback() {
            let message =
                "nobody is asked who they are: everybody on this machine may do everything";
            return found.add(what, State::Warning, message);
        }
        let message = format!("{} can be reached by others: say `auth: required`", place.listen);
        return found.add(what, State::Bad, message);
    };
    let now = SystemClock::default().now();
    match tokens.list() {
        Err(error) => found.take(what, Err(error.into())),
        Ok(tokens) => {
            let good = tokens.iter().filter(|it| it.is_good(now)).count();
            let state = if good == 0 && access.oidc.is_none() { State::Bad } else { State::Good };
            let people = if access.oidc.is_some() { ", and an identity provider" } else { "" };
            found.add(what, state, format!("{good} good tokens{people}"));
        }
    }
    if place.tls.is_none() && !place.listen.ip().is_loopback() {
        let message =
            "tokens and cookies travel unencrypted unless a proxy with TLS stands in front";
        found.add("tls", State::Warning, message);
    }
}

/// Who is told of runs that fail: whether that can be read and, if services may be asked, whether the mail
/// servers let us in. Nobody is told anything.
async fn notify(
    place: &crate::cmd::serve::Place,
    project: &Project,
    asks: bool,
    found: &mut Findings,
) {
    let wishes = match config::wishes(&place.serve, &project.root) {
        Ok(wishes) => wishes,
        Err(error) => return found.take("notify", Err(error)),
    };
    if wishes.is_empty() {
        return;
    }
    found.add("notify", State::Good, format!("{} are told of runs that fail", wishes.len()));
    for wish in wishes.iter().filter(|_| asks) {
        if let Way::Smtp(smtp) = &wish.way {
            let looked = smtp.server.look().await;
            let looked = looked.map(|()| format!("{} takes mails", smtp.server));
            found.take("notify", looked.map_err(|it| anyhow::Error::msg(it.message)));
        }
    }
}

fn keys(database: &Database, root: &Path) -> anyhow::Result<String> {
    let folder = database.state_folder(root)?;
    if folder.join("trigger.key").exists() {
        state::trigger_keys(&folder)?;
        Ok("the key of addresses can be read".to_owned())
    } else {
        Ok("the key of addresses will be made at the first start".to_owned())
    }
}

/// A file may be in use by a service, so it is only looked at.
async fn database(database: &Database, root: &Path) -> anyhow::Result<String> {
    match database {
        Database::File(path) => {
            let path = root.join(path);
            if !path.exists() {
                return Ok(format!("`{}` will be made at the first start", path.display()));
            }
            let copy = tempfile_beside(&path);
            store_sqlite::backup(&path, &copy)?;
            let bytes = fs::metadata(&copy).map_or(0, |it| it.len());
            fs::remove_file(&copy)?;
            Ok(format!("`{}` is whole ({bytes} bytes)", path.display()))
        }
        Database::Server(_) | Database::Foreign(_) => {
            let nodes = tokio::time::timeout(PATIENCE, database.nodes()).await??;
            Ok(format!("the server answers; {} processes share it", nodes.len()))
        }
    }
}

fn tempfile_beside(path: &Path) -> std::path::PathBuf {
    path.with_extension(format!("doctor-{}", std::process::id()))
}

fn disk(database: &Database, root: &Path, found: &mut Findings) {
    let Database::File(path) = database else { return };
    let folder = root.join(path).parent().unwrap_or(root).to_path_buf();
    let shown = folder.display();
    match free(&folder) {
        None => {
            let message = format!("nobody says how much `{shown}` has free");
            found.add("disk", State::Warning, message);
        }
        Some(bytes) if bytes < FREE_MIN => {
            let message = format!("`{shown}` has only {} MB free", bytes / 1_000_000);
            found.add("disk", State::Warning, message);
        }
        Some(bytes) => {
            let message = format!("`{shown}` has {} GB free", bytes / 1_000_000_000);
            found.add("disk", State::Good, message);
        }
    }
}

/// Bytes that are free where a folder is, as `df` says.
fn free(folder: &Path) -> Option<u64> {
    let said = std::process::Command::new("df").arg("-Pk").arg(folder).output().ok()?;
    let text = String::from_utf8(said.stdout).ok()?;
    let blocks: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    blocks.checked_mul(1024)
}

fn secrets(project: &Project, found: &mut Findings) {
    let secrets = ProcessSecrets { root: project.root.clone() };
    let parameters = project.parameters(&secrets).map_err(anyhow::Error::msg);
    found.take("parameters", parameters.map(|it| format!("{} values are known", it.len())));
}

async fn connections(project: &Project, asks: bool, found: &mut Findings) {
    let client = match network::client(&project.root, &programs::host()) {
        Ok(client) => client,
        Err(error) => return found.take("connections", Err(error)),
    };
    let all = project.connections(&ProcessSecrets { root: project.root.clone() });
    for (name, entry) in &all.0 {
        let what = format!("connection {name}");
        let known = standing::describe(&client, name, entry).await;
        if known["usable"] != true {
            let problem = known["problem"].as_str().unwrap_or_default();
            found.add(&what, State::Bad, problem);
        } else if asks && let Ok(connection) = &entry.connection {
            let now = SystemClock::default().now();
            match standing::test(&client, connection, now).await {
                Ok(said) => found.add(&what, State::Good, format!("works: {said}")),
                Err(failure) => {
                    let message = format!("{}: {}", failure.code, failure.message);
                    found.add(&what, State::Bad, message);
                }
            }
        } else {
            found.add(&what, State::Good, "can be used");
        }
    }
    if asks {
        clock(&client, &all, found).await;
    }
}

/// Compares the clock with that of the first service that says what time it is.
async fn clock(client: &Client, all: &worker::Connections, found: &mut Findings) {
    for entry in all.0.values() {
        let Ok(connection) = &entry.connection else { continue };
        let Some(origin) = connection.origins().into_iter().next() else { continue };
        let Some(there) = network::time_at(client, connection, &origin).await else { continue };
        let off = SystemClock::default().now().since(there).ticks() / 10_000_000;
        let state = if off.abs() <= CLOCK_SECONDS { State::Good } else { State::Bad };
        let message = format!("{off} seconds off the clock of `{origin}`");
        return found.add("clock", state, message);
    }
    found.add("clock", State::Warning, "no service says what time it is");
}
