//! `flowright demo`: the co-sell synchronisation as a story, each step verified.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use base::{Source, Status};
use emulators::{ChangeKind, DeliveryState, Running};
use journal::{Admitted, RunFilter, RunRow};
use serde_json::{Value, json};
use tokio::sync::watch;
use worker::{Incoming, Project};

use crate::{
    Outcome,
    args::DemoArgs,
    cmd::serve::{Place, Service, project_root},
    database::Database,
    print::{self, Tone, line, tone},
    tree,
};

const SYNC: &str = "co-sell/partner-center-to-dynamics";
const REGISTER: &str = "co-sell/register-webhooks";
/// Nothing here takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) async fn run(args: &DemoArgs) -> anyhow::Result<Outcome> {
    let folder = TemporaryFolder::new()?;
    let mut story = Story::begin(args, &folder).await?;
    let told = story.tell().await;
    match &told {
        Ok(()) => {
            line("");
            line(tone(Tone::Good, "✓ all of it was verified"));
        }
        Err(error) => {
            line("");
            line(tone(Tone::Bad, format!("✗ {error}")));
        }
    }
    if args.keep {
        story.keep().await;
    }
    story.end().await?;
    told.map(|()| Outcome::Good)
}

/// A folder for the demo's database, removed at the end.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> anyhow::Result<Self> {
        let name =
            format!("flowright-demo-{}", worker::new_key().expose().get(..12).unwrap_or("x"));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "The demo's folder could not be removed.");
        }
    }
}

/// The demo in progress.
struct Story {
    world: Running,
    url: String,
    trigger_url: String,
    engine: worker::Engine,
    stop: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Story {
    /// Starts the emulators and the engine on loopback.
    async fn begin(args: &DemoArgs, folder: &TemporaryFolder) -> anyhow::Result<Self> {
        title("Flowright: co-sell referrals from Partner Center to Dynamics 365");
        let world = emulators::start(emulators::Options::default()).await?;
        step("Two emulators stand in for Microsoft's services on this machine");
        fact("Partner Center", world.partner_center.url());
        fact("Dynamics 365", world.dataverse.url());

        let root = project_root(args.project.as_deref())?;
        let mut project = Project::load(&root, None)?;
        let source = Source::new("environment of the demo", &environment(&world)?);
        let (environment, found) = flow::environment::read(&source);
        ensure!(found.is_empty(), "the demo's environment has faults: {found:?}");
        project.environment = Some((source, environment));
        let place = Place {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            database: Database::File(folder.0.join("flowright.db")),
            node: None,
            public_url: None,
        };
        let (stop, stopped) = watch::channel(false);
        let service = Service::start(&project, &place, &stopped).await?;
        let url = service.url().to_owned();
        let trigger_url = service.trigger_url(SYNC).context("the sync flow has no address")?;
        let engine = service.engine.clone();
        let serving = tokio::spawn(service.serve(stopped));
        step("The engine serves the project's flows, each run durable in SQLite");
        fact("project", &root.display().to_string());
        for (name, flow) in &*engine.flows() {
            if name.starts_with("co-sell/") {
                fact("flow", &format!("{} ({name})", flow.plan.flow.name));
            }
        }
        Ok(Self { world, url, trigger_url, engine, stop, serving })
    }

    async fn tell(&mut self) -> anyhow::Result<()> {
        self.register().await?;
        let id = self.create().await?;
        self.update(&id).await?;
        self.replay().await
    }

    /// Registers the webhook by running the registration flow with its three inputs.
    async fn register(&self) -> anyhow::Result<()> {
        step("The registration flow is run, to have Partner Center call the sync flow");
        let outputs = json!({ "headers": {}, "body": {
            "endpoint": self.trigger_url,
            "events": ["referral-created", "referral-updated"],
            "overwrite": false,
        } });
        fact("Http Trigger Endpoint", &self.trigger_url);
        let receipt = self
            .engine
            .fire(Incoming {
                flow: REGISTER.to_owned(),
                trigger: "Manually trigger a flow".to_owned(),
                outputs: outputs.into(),
            })
            .await?;
        let Some(Admitted::New(run)) = receipt.runs.first() else {
            anyhow::bail!("the registration flow did not start");
        };
        let row = tokio::time::timeout(PATIENCE, self.engine.wait(run)).await??;
        self.show(&row).await?;
        ensure!(row.status == Some(Status::Succeeded), "the registration failed");
        let posted = self.world.partner_center.requests().into_iter().any(|it| {
            it.method == "POST" && it.target.ends_with("/registration") && it.status == Some(200)
        });
        ensure!(posted, "Partner Center has no registration");
        good("Partner Center has the registration");
        Ok(())
    }

    /// Microsoft creates a referral; an opportunity appears.
    async fn create(&self) -> anyhow::Result<String> {
        step("Microsoft shares a deal: a referral is created in Partner Center");
        let id = self.world.partner_center.create_referral(referral());
        let shared = self.referral(&id)?;
        for name in ["id", "name", "status", "substatus"] {
            fact(name, &text(&shared[name]));
        }
        fact("details.dealValue", &text(&shared["details"]["dealValue"]));
        step("A signed webhook starts a run; the opportunity appears in Dynamics 365");
        let rows = self.until(|| {
            let rows = self.world.dataverse.rows("opportunities");
            (!rows.is_empty()).then_some(rows)
        });
        let rows = rows.await.context("no opportunity appeared")?;
        let runs = self.quiet().await?;
        if let Some(first) = runs.last() {
            self.show(first).await?;
        }
        ensure!(rows.len() == 1, "{} opportunities appeared instead of one", rows.len());
        let row = &rows[0];
        for name in ["name", "estimatedvalue", "estimatedclosedate", "flowright_referralidentifier"]
        {
            fact(name, &text(&row[name]));
        }
        ensure!(
            row["flowright_referralidentifier"] == *id,
            "the opportunity has another referral's id"
        );
        ensure!(row["name"] == "✔ Northwind warehouse analytics", "the name was not mapped");
        ensure!(row["estimatedvalue"].as_f64() == Some(30_000.0), "the value was not mapped");
        ensure!(row["estimatedclosedate"] == "2027-06-30", "the date was not mapped");
        good("the opportunity has the referral's values");
        let linked = self.referral(&id)?;
        ensure!(
            linked["externalReferenceId"] == row["opportunityid"],
            "the referral does not know the opportunity"
        );
        good("the referral knows the opportunity's id, and that write was recognised as our own");
        ensure!(self.changes(ChangeKind::Update).is_empty(), "the opportunity was written again");
        Ok(id)
    }

    /// Microsoft changes the deal; only what differs is written.
    async fn update(&self, id: &str) -> anyhow::Result<()> {
        step("Microsoft changes the deal's value and notes");
        let changes =
            json!({ "details": { "dealValue": 45_000, "notes": "Now with two warehouses" } });
        ensure!(self.world.partner_center.patch_referral(id, changes), "the referral is gone");
        let update = self.until(|| self.changes(ChangeKind::Update).into_iter().next());
        let update = update.await.context("the opportunity was not updated")?;
        let runs = self.quiet().await?;
        if let Some(latest) = runs.first() {
            self.show(latest).await?;
        }
        for (name, value) in &update {
            fact(&format!("written: {name}"), &text(value));
        }
        let names: Vec<&str> = update.keys().map(String::as_str).collect();
        let only_these =
            names.len() == 2 && names.contains(&"estimatedvalue") && names.contains(&"description");
        ensure!(only_these, "other columns were written too: {names:?}");
        ensure!(
            self.changes(ChangeKind::Update).len() == 1,
            "the opportunity was written more than once"
        );
        good("one request, and only the two changed columns in it");
        Ok(())
    }

    /// The last webhook comes once more; nothing happens.
    async fn replay(&self) -> anyhow::Result<()> {
        step("The last webhook is delivered once more, byte for byte");
        let before = self.quiet().await?.len();
        let deliveries = self.world.partner_center.deliveries();
        let last = deliveries.len().checked_sub(1).context("there was no delivery")?;
        ensure!(self.world.partner_center.redeliver(last), "the delivery cannot be repeated");
        self.world.partner_center.settled().await;
        let again = self.world.partner_center.deliveries();
        let again = again.last().context("the repeated delivery is not listed")?;
        ensure!(again.state == DeliveryState::Delivered, "the repeated delivery was refused");
        let status = again.attempts.last().and_then(|it| it.status);
        fact("answer", &status.map(|it| it.to_string()).unwrap_or_default());
        let after = self.quiet().await?.len();
        ensure!(before == after, "the repeated delivery started a run");
        ensure!(
            self.changes(ChangeKind::Update).len() == 1,
            "the repeated delivery changed the opportunity"
        );
        good("accepted, recognised, and nothing happened");
        Ok(())
    }

    /// Runs of the sync flow, newest first, once no event and no run is under way.
    async fn quiet(&self) -> anyhow::Result<Vec<RunRow>> {
        let filter = RunFilter { flow: Some(SYNC.to_owned()), ..RunFilter::default() };
        let begun = Instant::now();
        loop {
            self.world.partner_center.settled().await;
            let rows = self.engine.runs(&filter, 100).await?;
            let events = self.world.partner_center.deliveries().len();
            if rows.iter().all(|it| it.status.is_some()) {
                // A run that has just ended may have caused an event that is only now on its way.
                tokio::time::sleep(Duration::from_millis(200)).await;
                if self.world.partner_center.deliveries().len() == events {
                    let failed = rows.iter().find(|it| it.status != Some(Status::Succeeded));
                    if let Some(row) = failed {
                        self.show(row).await?;
                        anyhow::bail!("a run of the sync flow failed");
                    }
                    return Ok(rows);
                }
            }
            ensure!(begun.elapsed() < PATIENCE, "the engine does not come to rest");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Polls for something.
    async fn until<T>(&self, look: impl Fn() -> Option<T>) -> Option<T> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(found) = look() {
                return Some(found);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
    }

    fn changes(&self, kind: ChangeKind) -> Vec<serde_json::Map<String, Value>> {
        let changes = self.world.dataverse.changes("opportunities").into_iter();
        changes.filter(|it| it.kind == kind).map(|it| it.columns).collect()
    }

    fn referral(&self, id: &str) -> anyhow::Result<Value> {
        self.world.partner_center.referral(id).context("the referral is gone")
    }

    async fn show(&self, row: &RunRow) -> anyhow::Result<()> {
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
    async fn keep(&self) {
        line("");
        line(tone(Tone::Strong, "Everything is left running; stop it with Ctrl-C."));
        fact("Partner Center", self.world.partner_center.url());
        fact("Dynamics 365", self.world.dataverse.url());
        fact("run history", &format!("{}/api/v1/runs", self.url));
        fact("webhook", &self.trigger_url);
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl-C cannot be waited for.");
        }
    }

    async fn end(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        self.serving.await??;
        self.world.stop();
        Ok(())
    }
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
    });
    Ok(serde_yaml::to_string(&json!({ "connections": connections }))?)
}

/// What Microsoft shares.
fn referral() -> Value {
    json!({
        "name": "Northwind warehouse analytics",
        "type": "Shared",
        "qualification": "SalesQualified",
        "customerProfile": {
            "name": "Northwind Traders",
            "address": {
                "addressLine1": "1 Harbour Road",
                "city": "Seattle",
                "state": "WA",
                "postalCode": "98101",
                "country": "US",
            },
            "team": [{
                "firstName": "Ana",
                "lastName": "Trujillo",
                "phoneNumber": "2065550100",
                "email": "ana@northwind.example",
            }],
        },
        "consent": { "consentToShareReferralWithMicrosoftSellers": true },
        "details": {
            "dealValue": 30_000,
            "currency": "USD",
            "closingDateTime": "2027-06-30T00:00:00Z",
            "notes": "Wants to see its stock in real time",
        },
        "inviteContext": { "assistanceRequestCode": "GeneralOrOther" },
    })
}

fn title(text: &str) {
    line(tone(Tone::Strong, text));
}

fn step(text: &str) {
    line("");
    line(format!("{} {}", tone(Tone::Accent, "▸"), tone(Tone::Strong, text)));
}

fn fact(name: &str, value: &str) {
    line(format!("    {} {}", tone(Tone::Faint, format!("{name:<30}")), print::safe(value)));
}

fn good(text: &str) {
    line(format!("  {} {text}", tone(Tone::Good, "✓")));
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
