//! The co-sell flows against emulators of both services: what their tests share.

pub(crate) mod drift;
mod inbound;
mod outbound;
mod rules;

use std::{fs, path::Path};

use base::Status;
use emulators::ChangeKind;
use journal::RunFilter;
use serde_json::{Map, Value, json};

use crate::support::service::{Service, action, copy, referral, root};

/// A referral with some fields of its own, merged as the emulator does.
pub(crate) fn referral_with(changes: Value) -> Value {
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
    let mut all = referral();
    merge(&mut all, changes);
    all
}

impl Service {
    /// A service that has taken in one new referral; the id of the referral.
    pub(crate) async fn with_referral() -> (Self, String) {
        let service = Self::new().await;
        let id = service.world.partner_center.create_referral(referral());
        service.quiet_and_good().await;
        (service, id)
    }

    pub(crate) fn opportunities(&self) -> Vec<Value> {
        self.world.dataverse.rows("opportunities")
    }

    /// The only opportunity.
    pub(crate) fn opportunity(&self) -> Value {
        let rows = self.opportunities();
        assert_eq!(rows.len(), 1, "{rows:#?}");
        rows.into_iter().next().unwrap()
    }

    pub(crate) fn accounts(&self) -> Vec<Value> {
        self.world.dataverse.rows("accounts")
    }

    /// Columns of each update of an opportunity, without what both sides agree on.
    pub(crate) fn updates(&self) -> Vec<Map<String, Value>> {
        let changes = self.world.dataverse.changes("opportunities").into_iter();
        let columns = changes.filter(|it| it.kind == ChangeKind::Update).map(|mut it| {
            it.columns.shift_remove("flowright_syncstate");
            it.columns
        });
        columns.filter(|it| !it.is_empty()).collect()
    }

    pub(crate) fn patch(&self, id: &str, changes: Value) {
        assert!(self.world.partner_center.patch_referral(id, changes));
    }

    /// The registered address, as the emulator keeps it.
    pub(crate) async fn registered(&self) -> Value {
        let url = format!("{}/_emulator/records", self.world.partner_center.url());
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        let records: Value = serde_json::from_str(&text).unwrap();
        records["registration"]["webhookUrl"].clone()
    }
}

/// Which of these fields of an opportunity are not as expected.
pub(crate) fn check(row: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        let same = match (row[name].as_f64(), value.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-9,
            _ => row[name] == *value,
        };
        assert!(same, "`{name}` is {} and should be {value}", row[name]);
    }
}

/// A small generator of numbers, the same at every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

pub(crate) fn event(name: &str, id: &str, tick: usize) -> Value {
    json!({
        "EventName": name,
        "ResourceUri": format!("https://api.partnercenter.microsoft.com/engagements/v1/referrals/{id}"),
        "ResourceName": "referral",
        "AuditUri": null,
        "ResourceChangeUtcDate": format!("2026-01-05T10:00:00.{tick:07}+00:00"),
    })
}

/// A copy of the repository's project that a test may change.
pub(crate) fn project_copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["flows/co-sell", "flows/environments", "connectors"] {
        copy(&root().join(name), &folder.path().join(name));
    }
    fs::copy(root().join("flowright.yaml"), folder.path().join("flowright.yaml")).unwrap();
    folder
}

/// Replaces the only place where a text stands in a file.
pub(crate) fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(text.matches(from).count(), 1, "`{from}` in {}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// What sellers do in Dynamics 365.
pub(crate) struct Seller<'a>(pub(crate) &'a Service);

/// The solution that sellers offer.
pub(crate) const SOLUTION: &str = "SOL-6115380-IPC";

impl Seller<'_> {
    fn put(&self, set: &str, columns: Value) -> String {
        self.0.world.dataverse.put_row(set, columns).unwrap()
    }

    /// An account with one contact.
    pub(crate) fn customer(&self) -> (String, String) {
        let account = json!({
            "name": "Adatum", "address1_line1": "5 Mill Lane", "address1_city": "Leeds",
            "address1_stateorprovince": "WY", "address1_postalcode": "LS1 1AA", "address1_country": "GB",
        });
        let account = self.put("accounts", account);
        let contact = json!({
            "firstname": "Mina", "lastname": "Lee", "emailaddress1": "mina@adatum.example",
            "telephone1": "0113 555", "parentcustomerid_account@odata.bind": format!("/accounts({account})"),
        });
        let contact = self.put("contacts", contact);
        (account, contact)
    }

    /// A complete opportunity that does not take part yet, with one solution.
    pub(crate) fn opportunity(&self, columns: &Value) -> String {
        let (account, contact) = self.customer();
        let mut all = json!({
            "name": "Adatum stock rooms",
            "estimatedvalue": 52_000,
            "estimatedclosedate": "2027-09-30",
            "description": "Twelve rooms",
            "isrevenuesystemcalculated": false,
            "customerid_account@odata.bind": format!("/accounts({account})"),
            "parentcontactid@odata.bind": format!("/contacts({contact})"),
        });
        all.as_object_mut().unwrap().extend(columns.as_object().unwrap().clone());
        let id = self.put("opportunities", all);
        self.solution(&id, SOLUTION);
        id
    }

    /// Adds a solution to an opportunity; the row's id.
    pub(crate) fn solution(&self, opportunity: &str, solution: &str) -> String {
        let known = self.0.world.dataverse.rows("flowright_solutiondetails").into_iter();
        let mut known = known.filter(|it| it["flowright_solutionidentifier"] == solution);
        let detail =
            known.next().map(|it| it["flowright_solutiondetailid"].as_str().unwrap().to_owned());
        let detail = detail.unwrap_or_else(|| {
            let columns =
                json!({ "flowright_name": solution, "flowright_solutionidentifier": solution });
            self.put("flowright_solutiondetails", columns)
        });
        let row = json!({
            "flowright_name": solution,
            "flowright_OpportunityId@odata.bind": format!("/opportunities({opportunity})"),
            "flowright_SolutionDetailId@odata.bind": format!("/flowright_solutiondetails({detail})"),
        });
        self.put("flowright_microsoftsolutions", row)
    }

    /// Changes columns of an opportunity.
    pub(crate) fn edit(&self, id: &str, mut columns: Value) {
        columns["opportunityid"] = id.into();
        assert_eq!(self.put("opportunities", columns), id);
    }

    /// Asks for an opportunity to be in Partner Center.
    pub(crate) fn share(&self, id: &str) {
        self.edit(id, json!({ "flowright_syncwithpartnercenter": true }));
    }

    pub(crate) fn row(&self, id: &str) -> Value {
        let mut rows = self.0.opportunities().into_iter();
        rows.find(|it| it["opportunityid"] == *id).unwrap()
    }

    pub(crate) fn audit(&self, id: &str) -> String {
        self.row(id)["flowright_audit"].as_str().unwrap_or_default().to_owned()
    }
}

impl Service {
    /// How often opportunities were written, by whomever.
    pub(crate) fn all_updates(&self) -> usize {
        let changes = self.world.dataverse.changes("opportunities").into_iter();
        changes.filter(|it| it.kind == ChangeKind::Update).count()
    }

    /// Our own referrals, the oldest first.
    pub(crate) fn own_referrals(&self) -> Vec<Value> {
        let mut all = self.world.partner_center.referrals();
        all.retain(|it| it["organizationId"] != "msft");
        all
    }

    /// Paths of each change of a referral that the flows made: those that were accepted.
    pub(crate) fn patches(&self) -> Vec<Vec<String>> {
        let requests = self.world.partner_center.requests().into_iter();
        let patches = requests.filter(|it| it.method == "PATCH" && it.status == Some(204));
        let paths = patches.map(|it| {
            let body: Vec<Value> = serde_json::from_str(&it.body).unwrap();
            body.iter().map(|it| it["path"].as_str().unwrap().to_owned()).collect()
        });
        paths.collect()
    }

    /// The last outcome of a flow's runs.
    pub(crate) async fn outcome(&self, flow: &str) -> Value {
        let rows = self.rows(flow).await;
        let shown = self.shown(rows.last().unwrap()).await;
        action(&shown, "Outcome").unwrap()["outputs"].clone()
    }

    /// Waits until nothing happens any more; no run of a co-sell flow has failed.
    pub(crate) async fn calm(&self) {
        self.quiet().await;
        let rows = self.engine.runs(&RunFilter::default(), 100_000).await.unwrap();
        for row in rows {
            assert_eq!(row.status, Some(Status::Succeeded), "{row:#?}");
        }
    }
}
