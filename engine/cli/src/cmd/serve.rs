//! `flowright serve`: the engine as a service.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use base::Secret;
use cli::testing::recorded;
use flow::serve::Serve;
use http_client::{Client, Egress};
use journal::Store;
use process_host::Host;
use serde_json::Value;
use server::{Access, Listener, Server, Tls, Workshop, access::tokens::TokenFile};
use tokio::sync::watch;
use worker::{
    Clock as _, Connections, Engine, Flows, Hooks, Live, Project, Retention, SystemClock,
    TraceSettings, Traces, notify::Notifier,
};

use crate::{
    Outcome,
    cmd::{lint, reload::Reload},
    config::{self, ServeArgs},
    database::Database,
    network,
    print::{self, Tone, note, tone},
    programs,
    secrets::ProcessSecrets,
    state::{self, TriggerKeys},
};

/// Runs that are worked on at a time.
const ACTIVE_MAX: usize = 1_000;
/// Runs get this long to finish the step they are at.
const DRAIN: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: &ServeArgs) -> anyhow::Result<Outcome> {
    let root = project_root(args.project.as_deref())?;
    let (stop, stopped) = watch::channel(false);
    let project = Project::load(&root, args.environment.as_deref())?;
    let place = config::place(args, &project)?;
    let service = Service::start(project, &place, &stopped).await?;
    service.print_addresses();
    let reload = service.reload(root.clone(), args.environment.clone());
    let reload = tokio::spawn(reload.run(stopped.clone()));
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

/// Where a service listens, what it keeps, and who may ask it.
pub(crate) struct Place {
    /// Its address.
    pub listen: SocketAddr,
    /// Its address for requests to triggers, if they have one of their own.
    pub hooks_listen: Option<SocketAddr>,
    /// Its database; a relative path counts from the project.
    pub database: Database,
    /// What it is called among those that share the database.
    pub node: Option<String>,
    /// The address that others know it by, without a slash at its end.
    pub public_url: Option<String>,
    /// The address that browsers know its pages by.
    pub origin: Option<String>,
    /// Whether it is asked who somebody is.
    pub is_guarded: bool,
    /// Its certificate.
    pub tls: Option<Arc<Tls>>,
    /// Whether flows may be saved.
    pub is_editable: bool,
    /// What else was said of it.
    pub serve: Serve,
}

impl Place {
    /// For this machine only.
    pub(crate) fn local(listen: SocketAddr, database: Database) -> Self {
        Self {
            listen,
            hooks_listen: None,
            database,
            node: None,
            public_url: None,
            origin: None,
            is_guarded: false,
            tls: None,
            is_editable: false,
            serve: Serve::default(),
        }
    }
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
    workshop: Arc<Workshop>,
    tokens: Option<Arc<TokenFile>>,
    server: Server,
    hooks: Hooks,
    store: Arc<dyn Store>,
    /// The address that others know it by.
    url: String,
    /// Where its pages are.
    origin: String,
    traces: Option<Traces>,
    programs: Host,
}

/// Where a service listens.
struct Doors {
    listener: Listener,
    hooks: Option<Listener>,
    access: Access,
    /// Where its pages are.
    origin: String,
    /// The address that others know it by.
    url: String,
}

impl Doors {
    /// An address that cannot be had must not take anything from whoever has it.
    async fn open(place: &Place, root: &Path) -> anyhow::Result<Self> {
        let scheme = if place.tls.is_some() { "https" } else { "http" };
        let listener = if place.is_guarded {
            Listener::bind_guarded(place.listen).await?
        } else {
            Listener::bind(place.listen).await?
        };
        let hooks = match place.hooks_listen {
            Some(address) => Some(Listener::bind_for_hooks(address).await?),
            None => None,
        };
        let listening = format!("{scheme}://{}", listener.address());
        let called = hooks.as_ref().map(|it| format!("{scheme}://{}", it.address()));
        let url = place.public_url.clone().or(called).unwrap_or_else(|| listening.clone());
        // With one door, what others know the service by is where its pages are, too.
        let public = place.public_url.clone().filter(|_| hooks.is_none());
        let origin = place.origin.clone().or(public).unwrap_or(listening);
        let access = config::access(place, root, &origin)?;
        if let Some(tokens) = &access.tokens {
            let now = SystemClock::default().now();
            let is_any = tokens.list()?.iter().any(|it| it.is_good(now));
            anyhow::ensure!(
                is_any || access.oidc.is_some(),
                "nobody could sign in: make a token with `flowright tokens create NAME --role admin`"
            );
        }
        Ok(Self { listener, hooks, access, origin, url })
    }
}

/// What a server cannot do for itself.
struct Surroundings {
    /// Where the keys of addresses are.
    keys: PathBuf,
}

impl server::Host for Surroundings {
    fn test_of(&self, run: &Value, journal: &[Value]) -> Result<String, String> {
        recorded::test_of(run, journal)
    }

    fn rotate_key(&self, revoke: bool) -> Result<Vec<Secret<String>>, String> {
        let rotated = state::rotate_trigger_key(&self.keys, revoke)
            .and_then(|_| state::trigger_keys(&self.keys));
        rotated.map(TriggerKeys::into_keys).map_err(|error| format!("{error:#}"))
    }

    fn log_filter(&self) -> String {
        print::log_filter()
    }

    fn set_log_filter(&self, filter: &str) -> Result<(), String> {
        print::set_log_filter(filter)
    }
}

impl Service {
    /// Opens the store, deploys the project and listens.
    pub(crate) async fn start(
        project: Project,
        place: &Place,
        stopped: &watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let secrets = ProcessSecrets { root: project.root.clone() };
        let flows = sound_flows(&project, &secrets)?;
        anyhow::ensure!(
            !flows.is_empty(),
            "the project `{}` has no flow that can run",
            project.root.display()
        );
        let folder = place.database.state_folder(&project.root)?;
        let keys = state::trigger_keys(&folder)?;
        let Doors { listener, hooks: apart, access, origin, url } =
            Doors::open(place, &project.root).await?;
        let node = (place.node.as_deref(), origin.as_str());
        let store = place.database.open(&project.root, node).await?;
        let addresses = keys.addresses(&url);
        let programs = programs::host();
        let client = network::client(&project.root, &programs)?;
        let connections = connections(&project, &secrets);
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
        for wish in config::wishes(&place.serve, &project.root)? {
            let (client, connections) = (client.clone(), connections.clone());
            engine.notify(wish, Notifier { client, connections, origin: origin.clone() });
        }
        let hooks = || Hooks {
            client: client.clone(),
            connections: connections.clone(),
            addresses: addresses.clone(),
        };
        let tokens = access.tokens.clone();
        let environment = environment_name(&project);
        let workshop = Workshop::new(project, environment.as_deref(), place.is_editable);
        let workshop = Arc::new(workshop);
        let server = Server::new(server::Options {
            hooks_listener: apart,
            access,
            workshop: Some(Arc::clone(&workshop)),
            host: Arc::new(Surroundings { keys: folder }),
            origin: Some(origin.clone()),
            tls: place.tls.clone(),
            ..server::Options::new(listener, engine.clone(), hooks())
        });
        // Whoever stops the service stops the engine too.
        let (stopping, mut stopped) = (engine.clone(), stopped.clone());
        tokio::spawn(async move {
            if stopped.wait_for(|stop| *stop).await.is_ok() {
                stopping.hand_over().await;
                stopping.stop();
            }
        });
        let hooks = hooks();
        Ok(Self { engine, workshop, tokens, server, hooks, store, url, origin, traces, programs })
    }

    /// The address that others know it by, `http://…`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What follows the project's files for it.
    pub(crate) fn reload(&self, root: PathBuf, environment: Option<String>) -> Reload {
        let (engine, workshop) = (self.engine.clone(), Arc::clone(&self.workshop));
        Reload { engine, workshop, tokens: self.tokens.clone(), root, environment }
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
        let scheme = self.url.split("://").next().unwrap_or("http");
        let (address, hooks) = (self.server.address(), self.server.hooks_address());
        note(format!("{} {scheme}://{address}", tone(Tone::Good, "listening on")));
        if address != hooks {
            note(format!("  and for triggers on {scheme}://{hooks}"));
        }
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
        note(format!("web pages: {}/", self.origin));
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

/// The connections of the environment; those that cannot be used are named.
fn connections(project: &Project, secrets: &ProcessSecrets) -> Connections {
    let connections = project.connections(secrets);
    for entry in connections.0.values() {
        if let Err(failure) = &entry.connection {
            note(format!("{} {}", tone(Tone::Warn, "cannot be used:"), failure.message));
        }
    }
    connections
}

/// The name of the environment that a project was read in.
fn environment_name(project: &Project) -> Option<String> {
    let (source, _) = project.environment.as_ref()?;
    Path::new(source.name()).file_stem()?.to_str().map(str::to_owned)
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
pub(super) fn report_faulty(project: &Project) -> BTreeSet<String> {
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

pub(super) fn versions(flows: &Flows) -> Vec<(String, String, String)> {
    let version = |(name, flow): (&String, &Arc<worker::Deployed>)| {
        let parameters = Value::Object(serde_json::Map::clone(&flow.parameters)).to_string();
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
