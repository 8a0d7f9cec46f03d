//! Both sides are edited at once, and the process dies meanwhile: they come to agree, nothing is lost, nothing
//! goes back and forth. `R19_EDITS` says how many edits, `R19_SEED` which.

use std::sync::Arc;

use async_trait::async_trait;
use base::Status;
use emulators::{ChangeKind, Mishap, MishapKind, Running};
use serde_json::{Value, json};
use store_sqlite::SqliteStore;
use worker::Project;

use super::{Dice, referral_with};
use crate::support::service::{Parts, SYNC, Service, connections, project, root, world};

/// What is edited of a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Value,
    Close,
    Notes,
}

const FIELDS: [Field; 3] = [Field::Value, Field::Close, Field::Notes];
const DEALS: usize = 4;

/// A CRM that the flows keep in step with Partner Center.
#[async_trait]
pub(crate) trait Crm: Send + Sync {
    /// Changes a record as a seller would.
    fn edit(&self, world: &Running, record: &str, field: Field, value: &Value);
    /// What a record has: an amount, a date, a text.
    fn read(&self, world: &Running, record: &str, field: Field) -> Value;
    /// How often the flows have changed a record after they had made it.
    fn writes(&self, world: &Running) -> usize;
    /// Something goes wrong with the next event.
    fn mishap(&self, world: &Running, kind: MishapKind);
    /// What a service is made of besides the store and the port.
    fn parts(&self) -> Parts {
        Parts::default()
    }
    /// The flow that Partner Center tells of its events.
    fn flow(&self) -> &'static str {
        SYNC
    }
    /// Returns when the flows hear of what is edited.
    async fn ready(&self, service: &Service);
    /// Returns when nothing is under way any more.
    async fn calm(&self, service: &Service);
}

struct Dynamics;

impl Dynamics {
    const fn column(field: Field) -> &'static str {
        match field {
            Field::Value => "estimatedvalue",
            Field::Close => "estimatedclosedate",
            Field::Notes => "description",
        }
    }
}

#[async_trait]
impl Crm for Dynamics {
    fn edit(&self, world: &Running, record: &str, field: Field, value: &Value) {
        let mut columns = json!({ "opportunityid": record });
        columns[Self::column(field)] = value.clone();
        world.dataverse.put_row("opportunities", columns).unwrap();
    }

    fn read(&self, world: &Running, record: &str, field: Field) -> Value {
        let mut rows = world.dataverse.rows("opportunities").into_iter();
        rows.find(|it| it["opportunityid"] == *record).unwrap()[Self::column(field)].clone()
    }

    fn writes(&self, world: &Running) -> usize {
        let user = "75c2dd85-e89e-4711-8122-000d3aa2331c";
        let changes = world.dataverse.changes("opportunities").into_iter();
        changes.filter(|it| it.kind == ChangeKind::Update && it.by == user).count()
    }

    fn mishap(&self, world: &Running, kind: MishapKind) {
        world.dataverse.mishap(Mishap { event_prefix: String::new(), kind, count: 1 });
    }

    async fn ready(&self, service: &Service) {
        service.subscribed().await;
    }

    async fn calm(&self, service: &Service) {
        service.calm().await;
    }
}

/// One deal, and which values each side has set since both last agreed.
struct Deal {
    referral: String,
    record: String,
    /// What each field was when both agreed, and the last edit of Partner Center and of the CRM since.
    fields: [(Value, Option<Value>, Option<Value>); 3],
}

/// The world in which edits happen.
pub(crate) struct Ground<'a> {
    crm: &'a dyn Crm,
    world: Running,
    project: Project,
    folder: tempfile::TempDir,
    /// None while there is no process.
    service: Option<Service>,
    dice: Dice,
    deals: Vec<Deal>,
    edits: (usize, usize),
    deaths: usize,
}

impl<'a> Ground<'a> {
    async fn new(crm: &'a dyn Crm, seed: u64) -> Self {
        let world = world().await;
        let project = project(&root(), &connections(&world));
        let folder = tempfile::tempdir().unwrap();
        let parts = Parts { store: open(&folder), ..crm.parts() };
        let service = Service::start(world.clone(), &project, parts).await;
        let row = service.run_register(&service.trigger_url(crm.flow()), false).await;
        assert_eq!(row.status, Some(Status::Succeeded), "{:?}", row.error);
        crm.ready(&service).await;
        let (deals, edits, dice) = (Vec::new(), (0, 0), Dice(seed));
        let service = Some(service);
        let mut ground =
            Self { crm, world, project, folder, service, dice, deals, edits, deaths: 0 };
        ground.make_deals().await;
        ground
    }

    fn service(&self) -> &Service {
        self.service.as_ref().unwrap()
    }

    async fn make_deals(&mut self) {
        for n in 0..DEALS {
            let active =
                json!({ "name": format!("Deal {n}"), "status": "Active", "substatus": "Accepted" });
            self.world.partner_center.create_referral(referral_with(active));
        }
        self.crm.calm(self.service()).await;
        for referral in self.world.partner_center.referrals() {
            let text = |name: &str| referral[name].as_str().unwrap().to_owned();
            let fields = FIELDS.map(|it| (at_partner(&referral, it), None, None));
            let (referral, record) = (text("id"), text("externalReferenceId"));
            self.deals.push(Deal { referral, record, fields });
        }
        assert_eq!(self.deals.len(), DEALS);
    }

    fn fresh(field: Field, n: usize) -> Value {
        match field {
            Field::Value => json!(1_000 + n),
            Field::Close => json!(format!(
                "20{:02}-{:02}-{:02}",
                30 + n / 336 % 60,
                n / 28 % 12 + 1,
                n % 28 + 1
            )),
            Field::Notes => json!(format!("edit {n}")),
        }
    }

    fn edit(&mut self, n: usize) {
        let (deal, at) = (self.dice.below(DEALS), self.dice.below(FIELDS.len()));
        let field = FIELDS[at];
        let value = Self::fresh(field, n);
        let by_partner = self.dice.below(2) == 0;
        let Deal { referral, record, fields } = &mut self.deals[deal];
        if by_partner {
            let change = match field {
                Field::Value => json!({ "dealValue": value }),
                Field::Close => {
                    json!({ "closingDateTime": format!("{}T00:00:00Z", value.as_str().unwrap()) })
                }
                Field::Notes => json!({ "notes": value }),
            };
            let change = json!({ "details": change });
            assert!(self.world.partner_center.patch_referral(referral, change));
            fields[at].1 = Some(value);
            self.edits.0 += 1;
        } else {
            self.crm.edit(&self.world, record, field, &value);
            fields[at].2 = Some(value);
            self.edits.1 += 1;
        }
    }

    /// What else may happen before the next edit.
    async fn chance(&mut self) {
        match self.dice.below(20) {
            0..=5 => {
                self.crm.calm(self.service()).await;
                self.check();
            }
            6 => self.die().await,
            7 => {
                let count = self.world.partner_center.deliveries().len();
                self.world.partner_center.redeliver(self.dice.below(count));
            }
            8 | 9 => {
                let kind = [MishapKind::Duplicate, MishapKind::Reorder][self.dice.below(2)];
                let event_prefix = String::new();
                self.world.partner_center.mishap(Mishap { event_prefix, kind, count: 1 });
            }
            10 | 11 => {
                let kind = [MishapKind::Duplicate, MishapKind::Reorder][self.dice.below(2)];
                self.crm.mishap(&self.world, kind);
            }
            _ => {}
        }
    }

    /// The process dies, and another one goes on with the same file at the same address.
    async fn die(&mut self) {
        let service = self.service.take().unwrap();
        let port = service.address.port();
        service.stop().await;
        let parts = Parts { store: open(&self.folder), port, ..self.crm.parts() };
        self.service = Some(Service::start(self.world.clone(), &self.project, parts).await);
        self.deaths += 1;
    }

    /// Both sides agree, on what was said last.
    fn check(&mut self) {
        for deal in &mut self.deals {
            let referral = self.world.partner_center.referral(&deal.referral).unwrap();
            for (field, (before, partner, crm)) in FIELDS.iter().zip(&mut deal.fields) {
                let (left, right) = (
                    at_partner(&referral, *field),
                    self.crm.read(&self.world, &deal.record, *field),
                );
                let same = |a: &Value, b: &Value| {
                    a == b || a.as_f64().is_some() && a.as_f64() == b.as_f64()
                };
                assert!(same(&left, &right), "{field:?}: {left} there, {right} in the CRM");
                let expected: Vec<Value> = match (partner.take(), crm.take()) {
                    (None, None) => vec![before.clone()],
                    // Where both have changed it, it is one of the two.
                    (partner, crm) => partner.into_iter().chain(crm).collect(),
                };
                assert!(
                    expected.iter().any(|it| same(it, &left)),
                    "{field:?}: {left}, not of {expected:?}"
                );
                *before = left;
            }
        }
    }

    /// Neither side was written more often than the other was edited: with deaths, what was under way then may have
    /// been written twice.
    fn check_writes(&self, before: (usize, usize)) {
        let (of_partner, of_crm) = self.edits;
        let again = self.deaths * DEALS;
        let patches = self.service().patches().len() - before.0;
        assert!(patches <= of_crm + again, "{patches} writes to Partner Center for {of_crm} edits");
        let writes = self.crm.writes(&self.world) - before.1;
        let edits = of_partner + of_crm;
        assert!(writes <= edits + again, "{writes} writes to the CRM for {edits} edits");
    }
}

fn open(folder: &tempfile::TempDir) -> Arc<SqliteStore> {
    let file = folder.path().join("flowright.db");
    Arc::new(SqliteStore::open(&file, store_sqlite::Options::default()).unwrap())
}

fn at_partner(referral: &Value, field: Field) -> Value {
    let details = &referral["details"];
    match field {
        Field::Value => details["dealValue"].clone(),
        Field::Close => json!(details["closingDateTime"].as_str().unwrap().split('T').next()),
        Field::Notes => details["notes"].clone(),
    }
}

/// Edits at random until both sides have to agree.
pub(crate) async fn edited_at_random(crm: &dyn Crm) {
    let number = |name: &str, usual: u64| {
        std::env::var(name).map_or(usual, |it| it.parse().unwrap_or_else(|_| panic!("{name}={it}")))
    };
    let (count, seed) = (number("R19_EDITS", 100), number("R19_SEED", 19));
    let mut ground = Ground::new(crm, seed).await;
    let before = (ground.service().patches().len(), crm.writes(&ground.world));
    for n in 0..usize::try_from(count).unwrap() {
        ground.edit(n);
        ground.chance().await;
    }
    crm.calm(ground.service()).await;
    ground.check();
    ground.check_writes(before);
    let runs = ground.service().engine.runs(&journal::RunFilter::default(), 100_000).await.unwrap();
    let (partner, of_crm) = ground.edits;
    #[allow(clippy::print_stderr, reason = "the numbers of the slow run go into the documents")]
    let () = eprintln!(
        "{partner} edits in Partner Center and {of_crm} in the CRM, {} deaths, {} runs: {} writes there, {} here",
        ground.deaths,
        runs.len(),
        ground.service().patches().len() - before.0,
        crm.writes(&ground.world) - before.1,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_on_both_sides_of_dynamics_are_never_lost() {
    edited_at_random(&Dynamics).await;
}
