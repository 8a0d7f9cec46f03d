//! What the stories happen on: emulators, a copy of the project, and the engine that serves it.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use base::Status;
use cli::scaffold;
use emulators::Running;
use flow::project::Folder;
use journal::{Admitted, RunFilter, RunRow};
use serde_json::{Value, json};
use tokio::sync::watch;
use worker::{Engine, Incoming, Project};

use super::{
    DemoArgs,
    words::{fact, step},
};
use crate::{
    cmd::{
        init::args::Crm,
        packages::put,
        serve::{Place, Service, project_root},
    },
    database::Database,
    print::{Tone, line, tone},
    tree,
};

const REGISTER: &str = "co-sell/register-webhooks";
/// The environment that the copy of the project has.
const ENVIRONMENT: &str = "demo";
/// Nothing here takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder for the demo's project and database, removed at the end.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> anyhow::Result<Self> {
        let name =
            format!("flowright-demo-{}", worker::new_key().expose().get(..12).unwrap_or("x"));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "The demo's folder could not be removed.");
        }
    }
}

/// The demo in progress.
pub(super) struct Stage {
    pub(super) world: Running,
    pub(super) engine: Engine,
    folder: TemporaryFolder,
    url: String,
    /// Flows and the addresses of their request triggers.
    addresses: Vec<(String, String)>,
    stop: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Stage {
    /// Starts the emulators, and the engine on a copy of the project.
    pub(super) async fn begin(args: &DemoArgs) -> anyhow::Result<Self> {
        let folder = TemporaryFolder::new()?;
        let world = emulators::start(emulators::Options::default()).await?;
        step("Emulators stand in for the services on this machine");
        fact("Partner Center", world.partner_center.url());
        fact("Dynamics 365", world.dataverse.url());
        fact("Salesforce", world.salesforce.url());

        copy_project(&source(args, &folder.0)?, &folder.0, &world)?;
        let project = Project::load(&folder.0, Some(ENVIRONMENT))?;
        let database = Database::File(folder.0.join("flowright.db"));
        let place = Place::local(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), database);
        let (stop, stopped) = watch::channel(false);
        let service = Service::start(project, &place, &stopped).await?;
        let (url, engine) = (service.url().to_owned(), service.engine.clone());
        let flows = engine.flows();
        let address = |name: &String| Some((name.clone(), service.trigger_url(name)?));
        let addresses = flows.keys().filter_map(address).collect();
        // Edited files are taken up while it serves.
        let environment = Some(ENVIRONMENT.to_owned());
        tokio::spawn(service.reload(folder.0.clone(), environment).run(stopped.clone()));
        let serving = tokio::spawn(service.serve(stopped));
        step("The engine serves a copy of the project's flows, each run durable in SQLite");
        for (name, flow) in &*flows {
            if name.starts_with("co-sell/") {
                fact("flow", &format!("{} ({name})", flow.plan.flow.name));
            }
        }
        Ok(Self { world, engine, folder, url, addresses, stop, serving })
    }

    /// Has Partner Center send its events to a flow, by running the registration flow.
    pub(super) async fn register(&self, flow: &str) -> anyhow::Result<()> {
        step("The registration flow is run, to have Partner Center call the sync flow");
        let endpoint = self.addresses.iter().find(|(name, _)| name == flow);
        let (_, endpoint) = endpoint.with_context(|| format!("`{flow}` has no address"))?;
        fact("Http Trigger Endpoint", endpoint);
        let inputs = json!({ "endpoint": endpoint, "overwrite": true });
        let row = self.run(REGISTER, "Manually trigger a flow", inputs).await?;
        self.show(&row).await?;
        ensure!(row.status == Some(Status::Succeeded), "the registration failed");
        let registered = self.world.partner_center.requests().into_iter().any(|it| {
            it.method != "GET" && it.target.ends_with("/registration") && it.status == Some(200)
        });
        ensure!(registered, "Partner Center has no registration");
        Ok(())
    }

    /// Runs a flow by one of its triggers, to its end.
    pub(super) async fn run(
        &self,
        flow: &str,
        trigger: &str,
        inputs: Value,
    ) -> anyhow::Result<RunRow> {
        let incoming = Incoming {
            flow: flow.to_owned(),
            trigger: trigger.to_owned(),
            outputs: json!({ "headers": {}, "body": inputs }).into(),
            by: None,
        };
        let receipt = self.engine.fire(incoming).await?;
        let Some(Admitted::New(run)) = receipt.runs.first() else {
            anyhow::bail!("`{flow}` did not start");
        };
        Ok(tokio::time::timeout(PATIENCE, self.engine.wait(run)).await??)
    }

    /// Runs of a flow, newest first, once no event and no run of any co-sell flow is under way; none of them may have
    /// failed.
    pub(super) async fn quiet(&self, flow: &str) -> anyhow::Result<Vec<RunRow>> {
        let begun = Instant::now();
        loop {
            let events = self.events();
            self.world.partner_center.settled().await;
            self.world.dataverse.settled().await;
            let rows = self.engine.runs(&RunFilter::default(), 1_000).await?;
            let mut ours: Vec<RunRow> =
                rows.into_iter().filter(|it| it.flow.starts_with("co-sell/")).collect();
            if ours.iter().all(|it| it.status.is_some()) {
                // A run that has just ended may have caused an event that is only now on its way.
                tokio::time::sleep(Duration::from_millis(200)).await;
                if self.events() == events {
                    if let Some(row) = ours.iter().find(|it| it.status != Some(Status::Succeeded)) {
                        self.show(row).await?;
                        anyhow::bail!("a run of `{}` failed", row.flow);
                    }
                    ours.retain(|it| it.flow == flow);
                    return Ok(ours);
                }
            }
            ensure!(begun.elapsed() < PATIENCE, "the engine does not come to rest");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn events(&self) -> (usize, usize) {
        let world = &self.world;
        (world.partner_center.deliveries().len(), world.dataverse.deliveries().len())
    }

    /// Polls for something.
    pub(super) async fn until<T>(&self, look: impl Fn() -> Option<T>) -> Option<T> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(found) = look() {
                return Some(found);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
    }

    /// Replaces a text in a file of a flow, and returns when new events go to the new version.
    pub(super) async fn edit(
        &self,
        flow: &str,
        file: &str,
        (from, to): (&str, &str),
    ) -> anyhow::Result<()> {
        let mut folders = (0..).map(|n| self.folder.0.join(format!("flows-{n}")));
        let path = folders.by_ref().take_while(|it| it.is_dir()).map(|it| it.join(flow).join(file));
        let path = path.into_iter().find(|it| it.is_file());
        let path = path.with_context(|| format!("`{flow}` has no `{file}`"))?;
        let text = fs::read_to_string(&path)?;
        ensure!(text.matches(from).count() == 1, "`{from}` does not stand in {file} once");
        let version = || self.engine.flows().get(flow).map(|it| it.sha.clone());
        let before = version();
        fs::write(&path, text.replace(from, to))?;
        fact("file", &format!("flows/{flow}/{file}"));
        fact("was", from);
        fact("is", to);
        let taken = self.until(|| (version() != before).then_some(())).await;
        taken.context("the edited file was not taken up")
    }

    /// The outline of a run.
    pub(super) async fn show(&self, row: &RunRow) -> anyhow::Result<()> {
        let (row, plan, run) = self.engine.show(&row.run).await?;
        let took =
            row.finished.map(|end| tree::duration(end.since(row.created))).unwrap_or_default();
        let status = row.status.map_or("Running", Status::name);
        line(format!(
            "    {} {} {}",
            tone(Tone::Accent, "run"),
            row.run,
            tone(Tone::Faint, format!("{status}, {took}"))
        ));
        tree::outline(&plan, &run, 2);
        Ok(())
    }

    /// Leaves everything running until somebody stops it.
    pub(super) async fn keep(&self) {
        line("");
        line(tone(Tone::Strong, "Everything is left running; stop it with Ctrl-C."));
        fact("Partner Center", self.world.partner_center.url());
        fact("Dynamics 365", self.world.dataverse.url());
        fact("Salesforce", self.world.salesforce.url());
        fact("web pages", &format!("{}/", self.url));
        fact("project", &self.folder.0.display().to_string());
        for (flow, address) in
            self.addresses.iter().filter(|(name, _)| name.starts_with("co-sell/"))
        {
            fact(flow, address);
        }
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl-C cannot be waited for.");
        }
    }

    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        self.serving.await??;
        self.world.stop();
        Ok(())
    }
}

/// Copies what a project is made of, with an environment that leads to the emulators.
/// The project that is shown: the one that is given or around the present folder, else what
/// `flowright init` would make.
fn source(args: &DemoArgs, folder: &Path) -> anyhow::Result<PathBuf> {
    let around = match &args.project {
        Some(given) => Some(project_root(Some(given))?),
        None => Project::find(&std::env::current_dir()?),
    };
    if let Some(root) = around {
        return Ok(root);
    }
    let root = folder.join("shipped");
    let files = scaffold::co_sell(Crm::Both.connectors()).map_err(anyhow::Error::msg)?;
    for (path, text) in files {
        put(&root.join(path), &text, false)?;
    }
    Ok(root)
}

fn copy_project(from: &Path, to: &Path, world: &Running) -> anyhow::Result<()> {
    let project = Project::load(from, None)?;
    let copies = |folders: &[Folder], name: &str| {
        let mut copies = Vec::new();
        for (n, folder) in folders.iter().enumerate() {
            let copied = format!("{name}-{n}");
            copy(&from.join(&folder.path), &to.join(&copied))
                .with_context(|| format!("`{}` cannot be copied", folder.path))?;
            copies.push(copied);
        }
        anyhow::Ok(copies)
    };
    let settings = json!({
        "flows": copies(&project.settings.flows, "flows")?,
        "connectors": copies(&project.settings.connectors, "connectors")?,
        "environments": "environments",
    });
    fs::write(to.join("flowright.yaml"), serde_yaml::to_string(&settings)?)?;
    let environments = to.join("environments");
    fs::create_dir_all(&environments)?;
    hurry(to)?;
    fs::write(environments.join(format!("{ENVIRONMENT}.yaml")), environment(world)?)?;
    Ok(())
}

/// What is asked of Salesforce every few minutes is asked every other second: nobody waits for a demo.
fn hurry(project: &Path) -> anyhow::Result<()> {
    let often = "recurrence: { frequency: Second, interval: 2 }";
    let changes = [
        ("connectors", "salesforce/connector.yaml", "everyMin: PT15S", "everyMin: PT1S"),
        (
            "flows",
            "co-sell/salesforce-to-partner-center/flow.yaml",
            "recurrence: { frequency: Minute, interval: 1 }",
            often,
        ),
        (
            "flows",
            "co-sell/microsoft-solutions-salesforce/flow.yaml",
            "recurrence: { frequency: Minute, interval: 5 }",
            often,
        ),
    ];
    for (folder, file, from, to) in changes {
        let folders = (0..).map(|n| project.join(format!("{folder}-{n}")));
        let mut files = folders.take_while(|it| it.is_dir()).map(|it| it.join(file));
        if let Some(path) = files.find(|it| it.is_file()) {
            let text = fs::read_to_string(&path)?;
            fs::write(&path, text.replace(from, to))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        // Links are not followed: the project's own files are all there is.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The demo's environment: addresses and credentials of the emulators.
fn environment(world: &Running) -> anyhow::Result<String> {
    let partner = &world.partner_center;
    let login = partner.credentials();
    let crm = world.dataverse.credentials();
    let of_partner = |base: &str, audience: &str| {
        json!({
            "baseUrl": format!("{}{base}", partner.url()),
            "loginUrl": partner.url(),
            "resource": audience,
            "tenantId": login.tenant_id,
            "clientId": login.client_id,
            "clientSecret": login.client_secret,
            "refreshToken": login.refresh_token,
        })
    };
    let mut events = of_partner("/webhooks/v1", "https://api.partnercenter.microsoft.com");
    events["certificateHosts"] = json!([partner.certificate_origin()]);
    events["trustAnchors"] = partner.root_certificate_pem().into();
    let referrals = of_partner("/v1.0/engagements", "https://api.partner.microsoft.com");
    let connections = json!({
        "partner-center-referrals": { "connector": "partner-center-referrals", "params": referrals },
        "partner-center-events": { "connector": "partner-center-events", "params": events },
        "dynamics-365": { "connector": "dynamics-365", "params": {
            "orgUrl": world.dataverse.url(),
            "loginUrl": world.dataverse.url(),
            "tenantId": crm.tenant_id,
            "clientId": crm.client_id,
            "clientSecret": crm.client_secret,
        } },
        "salesforce": { "connector": "salesforce", "auth": "clientCredentials", "params": {
            "loginUrl": world.salesforce.url(),
            "clientId": world.salesforce.credentials().client_id,
            "clientSecret": world.salesforce.credentials().client_secret,
        } },
    });
    Ok(serde_yaml::to_string(&json!({ "connections": connections }))?)
}
