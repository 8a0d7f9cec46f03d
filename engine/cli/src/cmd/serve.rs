//! `flowright serve`: the engine as a service.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use base::limits::ANSWER_WAIT_SECONDS;
use http_client::{Client, Egress};
use journal::Store;
use process_host::Host;
use server::{Bounds, Listener, Server};
use tokio::sync::watch;
use worker::{Engine, Flows, Hooks, Live, Project, Retention, SystemClock, TraceSettings, Traces};

use crate::{
    Outcome,
    args::ServeArgs,
    cmd::lint,
    database::Database,
    network,
    print::{self, Tone, note, tone},
    programs,
    secrets::ProcessSecrets,
    state,
};

/// Runs that are worked on at a time.
const ACTIVE_MAX: usize = 1_000;
/// How often the project's files are looked at.
const RELOAD_EVERY: Duration = Duration::from_secs(1);
/// Runs get this long to finish the step they are at.
const DRAIN: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: &ServeArgs) -> anyhow::Result<Outcome> {
    let root = project_root(args.project.as_deref())?;
    let (stop, stopped) = watch::channel(false);
    let project = Project::load(&root, args.environment.as_deref())?;
    let public_url = args.public_url.as_deref().map(public_url).transpose()?;
    let place = Place {
        listen: args.listen,
        database: args.database.clone(),
        node: args.node.clone(),
        public_url,
    };
    let service = Service::start(&project, &place, &stopped).await?;
    service.print_addresses();
    let reload = tokio::spawn(reload(
        service.engine.clone(),
        root.clone(),
        args.environment.clone(),
        stopped.clone(),
    ));
    let signal = tokio::spawn(async move {
        wait_for_signal().await;
        stop.send_replace(true);
    });
    service.serve(stopped).await?;
    reload.abort();
    signal.abort();
    note("stopped; open runs go on at the next start");
    Ok(Outcome::Good)
}

/// The project around a folder.
pub(crate) fn project_root(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let start = match given {
        Some(path) => path.to_path_buf(),
        None => std::env::current_dir()?,
    };
    Project::find(&start).with_context(|| {
        format!("`{}` is in no project: there is no flowright.yaml in it or above", start.display())
    })
}

/// Where a service listens and what it keeps.
pub(crate) struct Place {
    /// Its address.
    pub listen: SocketAddr,
    /// Its database; a relative path counts from the project.
    pub database: Database,
    /// What it is called among those that share the database.
    pub node: Option<String>,
    /// The address that others know it by, without a slash at its end.
    pub public_url: Option<String>,
}

/// An address as services can call it.
pub(crate) fn public_url(text: &str) -> anyhow::Result<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.map(|it| it.trim_end_matches('/')).unwrap_or_default();
    let is_plain = !host.is_empty() && !host.contains(['?', '#', '@', ' ']);
    anyhow::ensure!(
        is_plain,
        "`--public-url {text}` is no address: write it as in `https://flows.example.com`"
    );
    Ok(text.trim_end_matches('/').to_owned())
}

/// A service that is ready to answer.
pub(crate) struct Service {
    /// The engine behind it.
    pub engine: Engine,
    server: Server,
    hooks: Hooks,
    store: Arc<dyn Store>,
    /// The address that others know it by.
    url: String,
    traces: Option<Traces>,
    programs: Host,
}

impl Service {
    /// Opens the store, deploys the project and listens.
    pub(crate) async fn start(
        project: &Project,
        place: &Place,
        stopped: &watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let secrets = ProcessSecrets { root: project.root.clone() };
        let flows = sound_flows(project, &secrets)?;
        anyhow::ensure!(
            !flows.is_empty(),
            "the project `{}` has no flow that can run",
            project.root.display()
        );
        let keys = state::trigger_keys(&place.database.state_folder(&project.root)?)?;
        // An address that cannot be had must not take anything from whoever has it.
        let listener = Listener::bind(place.listen).await?;
        let listening = format!("http://{}", listener.address());
        let node = (place.node.as_deref(), listening.as_str());
        let store = place.database.open(&project.root, node).await?;
        let url = place.public_url.clone().unwrap_or(listening);
        let addresses = keys.addresses(url.clone());
        let programs = programs::host();
        let client = network::client(&project.root, &programs)?;
        let connections = project.connections(&secrets);
        for entry in connections.0.values() {
            if let Err(failure) = &entry.connection {
                note(format!("{} {}", tone(Tone::Warn, "cannot be used:"), failure.message));
            }
        }
        let hosts = project.settings.http.allow_hosts.iter();
        let egress = hosts.fold(Egress::public(), |egress, host| egress.allow(host));
        let traces = traces()?;
        let live = Live::new(client.clone(), connections.clone(), egress).traced(traces.clone());
        let engine = Engine::start(worker::Options {
            store: Arc::clone(&store),
            performer: Arc::new(live),
            clock: Arc::new(SystemClock::default()),
            flows,
            active_max: ACTIVE_MAX,
            addresses: Some(addresses.clone()),
        })
        .await?;
        let flow::project::Retention { age, bytes } = project.settings.retention;
        engine.keep(Retention { age, bytes });
        let hooks = || Hooks {
            client: client.clone(),
            connections: connections.clone(),
            addresses: addresses.clone(),
        };
        let server = Server::new(server::Options {
            listener,
            engine: engine.clone(),
            hooks: hooks(),
            answer_wait: Duration::from_secs(ANSWER_WAIT_SECONDS),
            bounds: Bounds::default(),
        });
        // Whoever stops the service stops the engine too.
        let (stopping, mut stopped) = (engine.clone(), stopped.clone());
        tokio::spawn(async move {
            if stopped.wait_for(|stop| *stop).await.is_ok() {
                stopping.hand_over().await;
                stopping.stop();
            }
        });
        Ok(Self { engine, server, hooks: hooks(), store, url, traces, programs })
    }

    /// The address that others know it by, `http://…`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The address of a flow's only request trigger.
    pub(crate) fn trigger_url(&self, flow: &str) -> Option<String> {
        let flows = self.engine.flows();
        let flow = flows.get(flow)?;
        let mut found =
            flow.plan.flow.triggers.iter().filter_map(|it| self.hooks.address(flow, it));
        found.next().map(|path| format!("{}{path}", self.url()))
    }

    fn print_addresses(&self) {
        let listening = format!("http://{}", self.server.address());
        note(format!("{} {listening}", tone(Tone::Good, "listening on")));
        for (name, flow) in &*self.engine.flows() {
            note(format!(
                "  {} {}",
                tone(Tone::Strong, name),
                tone(Tone::Faint, print::safe(&flow.plan.flow.name))
            ));
            for trigger in &flow.plan.flow.triggers {
                if let Some(path) = self.hooks.address(flow, trigger) {
                    // A signature is as good as a key, and lines of a log travel far.
                    let path = match path.split_once('?') {
                        Some((unsigned, _)) if print::is_logged() => unsigned.to_owned(),
                        _ => path,
                    };
                    note(format!("    {} {}{path}", trigger.display, self.url()));
                }
            }
        }
        note(format!("runs: {}/api/v1/runs", self.url()));
    }

    /// Answers until told to stop.
    pub(crate) async fn serve(self, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
        let signal = stopped.clone();
        let (engine, engine_too) = (self.engine.clone(), self.engine.clone());
        let told = self.engine.clone();
        let end = |mut told: watch::Receiver<bool>, engine: Engine| async move {
            tokio::select! {
                // A sender that is gone will never tell: that is a stop as well.
                end = told.wait_for(|stop| *stop) => drop(end),
                () = engine.stopped() => {}
            }
        };
        let late = end(signal, engine_too);
        let serving = self.server.run(end(stopped.clone(), engine));
        tokio::select! {
            () = serving => {}
            () = async {
                late.await;
                tokio::time::sleep(DRAIN).await;
            } => {}
        }
        if *stopped.borrow() {
            // It hands over first.
            told.stopped().await;
        }
        self.engine.stop();
        self.programs.shutdown().await;
        if let Some(traces) = &self.traces {
            traces.flush().await;
        }
        // Nobody told it to stop: another process has come in its place.
        anyhow::ensure!(
            *stopped.borrow_and_update(),
            "another process has taken over the database"
        );
        // Without this, others go on after some seconds, so a failure does no harm.
        if let Some(shared) = self.store.shared()
            && let Err(error) = shared.leave().await
        {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "The other nodes could not be told that this one leaves.");
        }
        Ok(())
    }
}

/// Where runs are followed, if the environment says so. The collector is asked by a client of its own:
/// what it is sent is not a flow's doing.
fn traces() -> anyhow::Result<Option<Traces>> {
    let variable = |name: &str| std::env::var(name).ok();
    let Some(settings) = TraceSettings::read(variable).map_err(anyhow::Error::msg)? else {
        return Ok(None);
    };
    let options = http_client::Options {
        timeout: Duration::from_secs(10),
        proxies: network::proxies(),
        ..http_client::Options::default()
    };
    Ok(Some(Traces::start(settings, Client::new(options)?)))
}

/// The flows without errors; the others are reported and left out.
fn sound_flows(project: &Project, secrets: &ProcessSecrets) -> anyhow::Result<Flows> {
    let mut flows = project.deploy(secrets).map_err(anyhow::Error::msg)?;
    for name in report_faulty(project) {
        note(tone(Tone::Bad, format!("the flow `{name}` has errors and is not deployed")));
        flows.remove(&name);
    }
    Ok(flows)
}

/// Prints every error of a project; gives the flows that have any, or that would give invented
/// answers.
fn report_faulty(project: &Project) -> BTreeSet<String> {
    let (mut names, findings) = lint::faulty(project);
    for file in &findings {
        for found in &file.found {
            note(crate::diagnostics::render(&file.source, found));
        }
    }
    for file in &project.flows {
        if let Some(action) = file.package.flow.with_static_results().next() {
            let name = print::safe(&action.display);
            note(format!("`{}`: the static result of `{name}` is for tests only", file.name));
            names.insert(file.name.clone());
        }
    }
    names
}

/// Looks at the project's files and deploys what has changed. A flow with errors keeps its last
/// good version.
pub(crate) async fn reload(
    engine: Engine,
    root: PathBuf,
    environment: Option<String>,
    stopped: watch::Receiver<bool>,
) {
    let secrets = ProcessSecrets { root: root.clone() };
    let mut known = versions(&engine.flows());
    let mut stamp = None;
    while !*stopped.borrow() {
        tokio::time::sleep(RELOAD_EVERY).await;
        // What keeps files from being looked at is told by loading them, once.
        let now = worker::project::stamp(&root).map_err(|error| error.to_string());
        if stamp.as_ref() == Some(&now) {
            continue;
        }
        stamp = Some(now);
        let loaded = Project::load(&root, environment.as_deref()).map_err(anyhow::Error::from);
        let all = loaded.and_then(|it| {
            let all = it.deploy(&secrets).map_err(anyhow::Error::msg)?;
            Ok((it, all))
        });
        let (project, all) = match all {
            Ok(all) => all,
            Err(error) => {
                print::error(&error);
                note(tone(Tone::Bad, "the project cannot be read; the flows stay as they were"));
                continue;
            }
        };
        let now = versions(&all);
        if now == known {
            continue;
        }
        known = now;
        let before = engine.flows();
        let mut next = all;
        for name in report_faulty(&project) {
            note(tone(
                Tone::Bad,
                format!("the flow `{name}` has errors; its last good version stays"),
            ));
            match before.get(&name) {
                Some(good) => next.insert(name, Arc::clone(good)),
                None => next.remove(&name),
            };
        }
        match engine.deploy(next).await {
            Ok(()) => {
                note(tone(Tone::Good, "flows have changed; new events go to the new version"));
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "Changed flows could not be stored.");
            }
        }
    }
}

fn versions(flows: &Flows) -> Vec<(String, String, String)> {
    let version = |(name, flow): (&String, &Arc<worker::Deployed>)| {
        let parameters =
            serde_json::Value::Object(serde_json::Map::clone(&flow.parameters)).to_string();
        (name.clone(), flow.sha.clone(), parameters)
    };
    flows.iter().map(version).collect()
}

async fn wait_for_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    drop(interrupt.await);
}
