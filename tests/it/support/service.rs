//! The service inside a test: emulators, the project of the repository, an engine, a server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use base::{Secret, Source, Status};
use emulators::{Delivery, Retry, Running, SigningChain};
use flow::environment::Reference;
use http_client::{Client, Egress};
use journal::{Admitted, MemoryStore, RunFilter, RunRow, Store};
use serde_json::{Value, json};
use server::{Bounds, Server};
use tokio::{sync::oneshot, task::JoinHandle};
use worker::{
    Addresses, Clock, Engine, Flows, Hooks, Incoming, Live, Project, SystemClock, Traces,
    project::Secrets,
};

/// The flow that follows referrals.
pub(crate) const SYNC: &str = "co-sell/partner-center-to-dynamics";
/// The flow that follows opportunities.
pub(crate) const BACK: &str = "co-sell/dynamics-to-partner-center";
/// The flow that registers its address.
pub(crate) const REGISTER: &str = "co-sell/register-webhooks";
/// Nothing takes longer, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);
/// What addresses of unsigned triggers are signed with.
const KEY: &str = "the key of the tests";

/// The chain that all tests share: new keys take a second.
pub(crate) fn chain() -> &'static SigningChain {
    static CHAIN: OnceLock<SigningChain> = OnceLock::new();
    CHAIN.get_or_init(|| SigningChain::generate().unwrap())
}

/// Emulators that repeat deliveries quickly.
pub(crate) async fn world() -> Running {
    let signing = chain().clone();
    let retry = Retry {
        attempts_max: 40,
        back_off: Duration::from_millis(20),
        back_off_max: Duration::from_millis(500),
        timeout: Duration::from_secs(10),
    };
    emulators::start(emulators::Options { retry, signing: Some(signing), ..Default::default() })
        .await
        .unwrap()
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// A project with one flow that follows referrals and nothing else that happens by itself: what tests of the engine
/// count requests of. The shipped flows change with what sellers want.
pub(crate) fn one_way() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("tests/data/one-way/flows"), &folder.path().join("flows"));
    for name in ["connectors", "flows/environments"] {
        copy(&root().join(name), &folder.path().join(name));
    }
    std::fs::copy(root().join("flowright.yaml"), folder.path().join("flowright.yaml")).unwrap();
    folder
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Connections to the emulators, as an environment has them.
pub(crate) fn connections(world: &Running) -> Value {
    let partner = &world.partner_center;
    let (login, crm) = (partner.credentials(), world.dataverse.credentials());
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
    let referrals = of_partner("/v1.0/engagements", "https://api.partner.microsoft.com");
    let mut events = of_partner("/webhooks/v1", "https://api.partnercenter.microsoft.com");
    events["certificateHosts"] = json!([partner.certificate_origin()]);
    events["trustAnchors"] = partner.root_certificate_pem().into();
    json!({
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
    })
}

/// A project with these connections; faults of its files are a fault of the test.
pub(crate) fn project(root: &Path, connections: &Value) -> Project {
    project_with(root, connections, &json!({}))
}

/// The same with values of parameters.
pub(crate) fn project_with(root: &Path, connections: &Value, parameters: &Value) -> Project {
    let mut project = Project::load(root, None).unwrap();
    // JSON is YAML, too.
    let text = json!({ "connections": connections, "parameters": parameters }).to_string();
    let source = Source::new("environment of the test", &text);
    let (environment, found) = flow::environment::read(&source);
    assert!(found.is_empty(), "{found:?}");
    project.environment = Some((source, environment));
    assert!(!project.has_errors(), "the project has faults");
    project
}

/// An environment without secrets to look up.
pub(crate) struct NoSecrets;

impl Secrets for NoSecrets {
    fn resolve(&self, reference: &Reference) -> Result<Secret<String>, String> {
        Err(format!("there is no `{}` in a test", reference.name))
    }
}

/// What a service is made of that tests choose.
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) client: Client,
    /// Zero takes a free port.
    pub(crate) port: u16,
    /// How long callers wait for an answer.
    pub(crate) answer_wait: Duration,
    /// In the place of the project's own.
    pub(crate) flows: Option<Flows>,
    /// What callers may take up.
    pub(crate) bounds: Bounds,
    /// Where runs are followed.
    pub(crate) traces: Option<Traces>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for Parts {
    fn default() -> Self {
        let (store, answer_wait) = (Arc::new(MemoryStore::new()), Duration::from_mins(2));
        let (bounds, client) = (Bounds::default(), client());
        let clock = Arc::new(SystemClock::default());
        Self { store, client, port: 0, answer_wait, flows: None, bounds, traces: None, clock }
    }
}

/// A client as a service has it.
pub(crate) fn client() -> Client {
    Client::new(http_client::Options::default()).unwrap()
}

/// A running service.
pub(crate) struct Service {
    pub(crate) world: Running,
    pub(crate) engine: Engine,
    pub(crate) address: SocketAddr,
    hooks: Hooks,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Service {
    /// The repository's project over new emulators, the runs in memory, the webhook registered.
    pub(crate) async fn new() -> Self {
        let world = world().await;
        let project = project(&root(), &connections(&world));
        let service = Self::start(world, &project, Parts::default()).await;
        service.register().await;
        service.subscribed().await;
        service
    }

    /// Returns when Dynamics 365 tells us of its changes.
    pub(crate) async fn subscribed(&self) {
        let begun = Instant::now();
        loop {
            let requests = self.world.dataverse.requests().into_iter();
            let made = requests
                .filter(|it| it.method == "POST" && it.target.ends_with("/callbackregistrations"));
            if made.filter(|it| it.status == Some(204)).count() == 2 {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "nobody subscribes");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Starts a project.
    pub(crate) async fn start(world: Running, project: &Project, parts: Parts) -> Self {
        let Parts { store, client, port, answer_wait, flows, bounds, traces, clock } = parts;
        let connections = project.connections(&NoSecrets);
        for (name, entry) in &connections.0 {
            assert!(entry.connection.is_ok(), "connection `{name}`: {:?}", entry.connection);
        }
        let hosts = project.settings.http.allow_hosts.iter();
        let egress = hosts.fold(Egress::public(), |egress, host| egress.allow(host));
        let live = Live::new(client.clone(), connections.clone(), egress).traced(traces);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = server::Listener::bind(address).await.unwrap();
        let addresses =
            Addresses::new(&format!("http://{}", listener.address()), Secret::new(KEY.to_owned()));
        let engine = Engine::start(worker::Options {
            store,
            performer: Arc::new(live),
            clock,
            flows: flows.unwrap_or_else(|| project.deploy(&NoSecrets).unwrap()),
            active_max: 1_000,
            addresses: Some(addresses.clone()),
        })
        .await
        .unwrap();
        let hooks = || Hooks {
            client: client.clone(),
            connections: connections.clone(),
            addresses: addresses.clone(),
        };
        let server = Server::new(server::Options {
            answer_wait,
            bounds,
            ..server::Options::new(listener, engine.clone(), hooks())
        });
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            // A sender that is gone is a stop as well.
            let stopped = async { drop(stopped.await) };
            server.run(stopped).await;
        });
        Self { world, engine, address, hooks: hooks(), stop: Some(stop), serving }
    }

    /// Where a flow's first request trigger listens, with its signature if it has one.
    pub(crate) fn trigger_url(&self, flow: &str) -> String {
        let flows = self.engine.flows();
        let flow = &flows[flow];
        let mut paths =
            flow.plan.flow.triggers.iter().filter_map(|it| self.hooks.address(flow, it));
        format!("http://{}{}", self.address, paths.next().unwrap())
    }

    /// Registers the sync flow's address by running the registration flow.
    pub(crate) async fn register(&self) {
        let endpoint = self.trigger_url(SYNC);
        let row = self.run_register(&endpoint, false).await;
        assert_eq!(row.status, Some(Status::Succeeded), "{:?}", row.error);
    }

    /// Runs the registration flow for an address.
    pub(crate) async fn run_register(&self, endpoint: &str, overwrite: bool) -> RunRow {
        let events = [
            "test-created",
            "referral-created",
            "referral-updated",
            "related-referral-created",
            "related-referral-updated",
        ];
        let body = json!({ "endpoint": endpoint, "events": events, "overwrite": overwrite });
        self.run_to_end(REGISTER, "Manually trigger a flow", body).await
    }

    /// Fires a trigger and waits for the run's end.
    pub(crate) async fn run_to_end(&self, flow: &str, trigger: &str, body: Value) -> RunRow {
        let incoming = Incoming {
            flow: flow.to_owned(),
            trigger: trigger.to_owned(),
            outputs: json!({ "headers": {}, "body": body }).into(),
            by: None,
        };
        let receipt = self.engine.fire(incoming).await.unwrap();
        let [Admitted::New(run)] = receipt.runs.as_slice() else { panic!("{receipt:?}") };
        tokio::time::timeout(PATIENCE, self.engine.wait(run)).await.unwrap().unwrap()
    }

    /// Runs of the sync flow, oldest first, once no event and no run of the co-sell flows is under way.
    pub(crate) async fn quiet(&self) -> Vec<RunRow> {
        let begun = Instant::now();
        loop {
            // What a run causes is queued before the run ends, so the order of these looks matters.
            let before = self.deliveries();
            self.world.partner_center.settled().await;
            self.world.dataverse.settled().await;
            let open = RunFilter { open: true, ..RunFilter::default() };
            let mut open = self.engine.runs(&open, 10_000).await.unwrap();
            open.retain(|it| it.flow.starts_with("co-sell/"));
            if open.is_empty() && self.deliveries() == before {
                return self.rows(SYNC).await;
            }
            assert!(begun.elapsed() < PATIENCE, "the engine does not come to rest: {open:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How many events both services have told of so far.
    fn deliveries(&self) -> (usize, usize) {
        let world = &self.world;
        (world.partner_center.deliveries().len(), world.dataverse.deliveries().len())
    }

    /// The same, all of them good.
    pub(crate) async fn quiet_and_good(&self) -> Vec<RunRow> {
        let rows = self.quiet().await;
        for row in &rows {
            assert_eq!(row.status, Some(Status::Succeeded), "{row:#?}");
        }
        rows
    }

    /// Runs of a flow, oldest first.
    pub(crate) async fn rows(&self, flow: &str) -> Vec<RunRow> {
        let filter = RunFilter { flow: Some(flow.to_owned()), ..RunFilter::default() };
        let mut rows = self.engine.runs(&filter, 10_000).await.unwrap();
        rows.reverse();
        rows
    }

    /// The last delivery of the emulator.
    pub(crate) fn last_delivery(&self) -> Delivery {
        self.world.partner_center.deliveries().pop().unwrap()
    }

    /// A run as the API shows it.
    pub(crate) async fn shown(&self, row: &RunRow) -> Vec<Value> {
        let (_, plan, run) = self.engine.show(&row.run).await.unwrap();
        interp::view::tree(&plan, &run).iter().map(interp::view::Node::to_json).collect()
    }

    /// Ends the engine and the server, as a stop of the process would; the emulators stay.
    pub(crate) async fn stop(mut self) {
        self.engine.stop();
        drop(self.stop.take());
        self.serving.abort();
        drop((&mut self.serving).await);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.engine.stop();
        self.serving.abort();
    }
}

/// A referral as Microsoft shares it.
pub(crate) fn referral() -> Value {
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
        },
        "details": {
            "dealValue": 30_000,
            "currency": "USD",
            "closingDateTime": "2027-06-30T00:00:00Z",
            "notes": "Wants to see its stock in real time",
        },
    })
}

/// The action of a name in a shown run, wherever it is.
pub(crate) fn action<'a>(nodes: &'a [Value], name: &str) -> Option<&'a Value> {
    nodes.iter().find_map(|node| {
        if node["name"] == name {
            return Some(node);
        }
        let blocks = node["blocks"].as_array()?;
        blocks.iter().find_map(|block| action(block["actions"].as_array()?, name))
    })
}

/// Sends events as Partner Center does, signed with the chain of the tests.
#[derive(Clone)]
pub(crate) struct Sender {
    http: reqwest::Client,
    url: String,
    certificate_url: String,
}

impl Sender {
    /// To the sync flow of a service; the certificate is the emulator's.
    pub(crate) fn new(service: &Service) -> Self {
        let origin = service.world.partner_center.certificate_origin();
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            url: service.trigger_url(SYNC),
            certificate_url: format!("{origin}/cert/pcnotifications-dispatch.sandbox.cer"),
        }
    }

    /// Sends a signed body and gives the status of the answer.
    pub(crate) async fn send(&self, body: &[u8]) -> u16 {
        let signature = base64(&chain().sign(body));
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("x-ms-signature", format!("Signature {signature}"))
            .header("x-ms-certificate-url", &self.certificate_url)
            .header("x-ms-signature-algorithm", "rsa-sha256");
        request.body(body.to_vec()).send().await.unwrap().status().as_u16()
    }
}

/// Bytes as base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    base::base64::encode(bytes)
}

/// A recorded payload of Partner Center.
pub(crate) fn payload(name: &str) -> Value {
    let path = root().join(format!("tests/data/partner-center/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The program, built as the tests were; in a test run of the whole workspace it is there already.
pub(crate) fn flowright() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // The tests are in `<target>/<profile>/deps`.
        let here = std::env::current_exe().unwrap();
        let profile = here.ancestors().nth(2).unwrap();
        let name = profile.file_name().unwrap().to_str().unwrap();
        let mut build = std::process::Command::new(env!("CARGO"));
        build.args(["build", "-q", "--offline", "--locked", "-p", "cli", "--bin", "flowright"]);
        build.args(["--profile", if name == "debug" { "dev" } else { name }, "--target-dir"]);
        build.arg(profile.parent().unwrap()).current_dir(root());
        let out = build.output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        profile.join(format!("flowright{}", std::env::consts::EXE_SUFFIX))
    })
}
