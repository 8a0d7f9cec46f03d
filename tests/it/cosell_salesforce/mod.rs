//! Co-sell deals in step with Salesforce, in both directions: the shipped flows against emulators.

mod drift;
mod inbound;
mod outbound;
mod symptoms;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use base::Status;
use emulators::Logged;
use journal::{RunFilter, RunRow};
use serde_json::{Value, json};
use worker::{Flows, Project};

use crate::support::{
    clock::LeapingClock,
    open_only,
    service::{
        NoSecrets, PATIENCE, Parts, REGISTER, Service, connections, project_with, referral, root,
        world,
    },
};

const INBOUND: &str = "co-sell/partner-center-to-salesforce";
const OUTBOUND: &str = "co-sell/salesforce-to-partner-center";
const SOLUTIONS: &str = "co-sell/microsoft-solutions-salesforce";
const UPDATES: &str = "co-sell/referral-updates-salesforce";
const CUSTOMER: &str = "co-sell/customer-details-salesforce";
const RECONCILE: &str = "co-sell/reconcile-salesforce";

/// The flows that keep both in step.
const FLOWS: [&str; 6] = [INBOUND, OUTBOUND, SOLUTIONS, UPDATES, CUSTOMER, REGISTER];

/// Longer than any flow waits before it asks again.
const LEAP: Duration = Duration::from_mins(6);

/// The flows of Salesforce over new emulators.
struct Org {
    service: Service,
    clock: Arc<LeapingClock>,
}

impl Org {
    /// The shipped flows, the webhook registered.
    async fn new() -> Self {
        Self::with(&json!({})).await
    }

    /// The same with values of an environment.
    async fn with(parameters: &Value) -> Self {
        Self::at(&root(), parameters, &FLOWS).await
    }

    /// The same with the flow that looks after them.
    async fn reconciling() -> Self {
        let flows: Vec<&str> = FLOWS.into_iter().chain([RECONCILE]).collect();
        Self::at(&root(), &json!({}), &flows).await
    }

    /// These flows of a project.
    async fn at(root: &Path, parameters: &Value, wanted: &[&str]) -> Self {
        let world = world().await;
        let project = project_with(root, &connections(&world), parameters);
        let clock = Arc::new(LeapingClock::default());
        let parts = Parts {
            clock: Arc::<LeapingClock>::clone(&clock),
            flows: Some(flows(&project, wanted)),
            ..Parts::default()
        };
        let service = Service::start(world, &project, parts).await;
        let org = Self { service, clock };
        let endpoint = org.service.trigger_url(INBOUND);
        let row = org.service.run_register(&endpoint, false).await;
        assert_eq!(row.status, Some(Status::Succeeded), "{:?}", row.error);
        org.rest().await;
        org
    }

    /// Until no notification is on its way, no run is open and no poll is due.
    async fn rest(&self) {
        rest(&self.service, &self.clock).await;
        for trigger in self.service.engine.triggers().await.unwrap() {
            assert_eq!(trigger.state.get("error"), None, "{trigger:?}");
        }
    }

    /// Lets time pass until every poll has looked again, and everything that follows from it.
    async fn pass(&self) {
        self.service.world.salesforce.advance(LEAP);
        self.clock.leap(LEAP);
        self.rest().await;
    }

    /// The same, with all runs good.
    async fn pass_well(&self) {
        self.pass().await;
        self.good().await;
    }

    async fn good(&self) {
        for row in self.runs(None).await {
            if row.status != Some(Status::Succeeded) {
                let mut found = Vec::new();
                faults(&self.service.shown(&row).await, &mut found);
                panic!("{} {:?} {:?}\n{found:#?}", row.flow, row.status, row.error);
            }
        }
    }

    /// Runs of a flow, or of all of them, oldest first.
    async fn runs(&self, flow: Option<&str>) -> Vec<RunRow> {
        let filter = RunFilter { flow: flow.map(str::to_owned), ..RunFilter::default() };
        let mut rows = self.service.engine.runs(&filter, 10_000).await.unwrap();
        rows.reverse();
        rows
    }

    /// What the latest run of a flow says that it has done.
    async fn outcome(&self, flow: &str) -> String {
        let row = self.runs(Some(flow)).await.pop().unwrap();
        let shown = self.service.shown(&row).await;
        let outcome = crate::support::service::action(&shown, "Outcome").unwrap();
        outcome["outputs"].as_str().unwrap_or_else(|| panic!("{outcome:#}")).to_owned()
    }

    fn records(&self, object: &str) -> Vec<Value> {
        self.service.world.salesforce.records(object)
    }

    /// The only opportunity.
    fn opportunity(&self) -> Value {
        let rows = self.records("Opportunity");
        assert_eq!(rows.len(), 1, "{rows:#?}");
        rows.into_iter().next().unwrap()
    }

    fn referrals(&self) -> Vec<Value> {
        self.service.world.partner_center.referrals()
    }

    fn referral(&self, id: &str) -> Value {
        self.service.world.partner_center.referral(id).unwrap()
    }

    /// Microsoft shares a deal.
    async fn share(&self, changes: Value) -> String {
        let mut all = referral();
        merge(&mut all, changes);
        let id = self.service.world.partner_center.create_referral(all);
        self.rest().await;
        id
    }

    /// Microsoft changes a deal.
    async fn patch(&self, id: &str, changes: Value) {
        assert!(self.service.world.partner_center.patch_referral(id, changes));
        self.rest().await;
    }

    /// A seller writes a record.
    fn put(&self, object: &str, fields: Value) -> String {
        self.service.world.salesforce.put_record(object, fields).unwrap()
    }

    /// The bodies of the writes to one object by the flows.
    fn written(&self, object: &str) -> Vec<Logged> {
        let path = format!("/sobjects/{object}");
        let requests = self.service.world.salesforce.requests().into_iter();
        requests.filter(|it| it.method != "GET" && it.target.contains(&path)).collect()
    }

    /// Patches of Partner Center by the flows.
    fn sent(&self) -> Vec<Logged> {
        let requests = self.service.world.partner_center.requests().into_iter();
        requests
            .filter(|it| ["PATCH", "POST"].contains(&it.method.as_str()))
            .filter(|it| it.target.contains("/referrals"))
            .collect()
    }
}

/// Until no notification is on its way, no run is open and no poll is due.
async fn rest(service: &Service, clock: &LeapingClock) {
    let begun = Instant::now();
    let partner = &service.world.partner_center;
    let mut calm = 0;
    while calm < 3 {
        assert!(begun.elapsed() < PATIENCE, "the engine does not come to rest");
        let before = partner.deliveries().len();
        partner.settled().await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        let open = service.engine.runs(&open_only(), 1).await.unwrap();
        let now = worker::Clock::now(clock);
        let triggers = service.engine.triggers().await.unwrap();
        let due = triggers.iter().any(|it| it.due.is_some_and(|due| due <= now));
        let is_calm = open.is_empty() && !due && partner.deliveries().len() == before;
        calm = if is_calm { calm + 1 } else { 0 };
    }
}

/// What has failed in a shown run.
fn faults(nodes: &[Value], found: &mut Vec<Value>) {
    for node in nodes {
        if node["status"] == "Failed" {
            found.push(
                json!({ "name": node["name"], "error": node["error"], "code": node["code"] }),
            );
        }
        for block in node["blocks"].as_array().into_iter().flatten() {
            faults(block["actions"].as_array().unwrap(), found);
        }
    }
}

fn flows(project: &Project, wanted: &[&str]) -> Flows {
    let mut flows = project.deploy(&NoSecrets).unwrap();
    flows.retain(|name, _| wanted.contains(&name.as_str()));
    assert_eq!(flows.len(), wanted.len());
    flows
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// Which of these fields of a record are not as expected.
#[track_caller]
fn check(row: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        let found = row.pointer(&format!("/{name}")).unwrap_or(&Value::Null);
        let same = match (found.as_f64(), value.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-9,
            _ => found == value,
        };
        assert!(same, "`{name}` is {found} and should be {value}\n{row:#}");
    }
}

/// What was sent with a request.
fn body(request: &Logged) -> Value {
    serde_json::from_str(&request.body).unwrap()
}
