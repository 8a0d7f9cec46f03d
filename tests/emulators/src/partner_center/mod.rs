//! Partner Center: referrals, webhook registration, signed deliveries, on one listener.

mod certificate;
mod list;
mod notice;
mod patch;
mod referrals;
mod rules;
mod webhooks;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub use certificate::SigningChain;

use crate::Shared;
use crate::clock::{Clock, seven_digits};
use crate::courier::{Courier, Delivery, DeliveryState, Mishap};
use crate::faults::{Chaos, Fault};
use crate::front::{Api, Front};
use crate::http::{Answer, Request};
use crate::log::Logged;
use crate::oauth::{Caller, Credentials, Directory};
use crate::page::Table;
use rules::Refusal;
use webhooks::Registration;

/// The documented resource of the Referrals API.
const REFERRALS_AUDIENCE: &str = "https://api.partner.microsoft.com";
/// The documented resource of the Webhooks API.
const WEBHOOKS_AUDIENCE: &str = "https://api.partnercenter.microsoft.com";
const CERTIFICATE_PATH: &str = "/cert/pcnotifications-dispatch.sandbox.cer";
const REFERRALS_PATH: &str = "/v1.0/engagements/referrals";
const WEBHOOKS_PATH: &str = "/webhooks/v1/registration";

type Fields = Map<String, Value>;

/// The running Partner Center emulator; clones are the same emulator.
#[derive(Clone)]
pub struct PartnerCenter {
    front: Arc<Front>,
    service: Arc<Service>,
}

impl PartnerCenter {
    pub(crate) async fn start(
        port: u16,
        signing: SigningChain,
        shared: Shared,
    ) -> io::Result<Self> {
        let Shared { retry, clock, authority, directory } = shared;
        let (front, listener) = Front::bind(port, clock.clone(), authority).await?;
        let local = front.local_url();
        for audience in [REFERRALS_AUDIENCE, WEBHOOKS_AUDIENCE, &front.url, &local] {
            directory.register(audience);
        }
        let courier = Courier::new(retry, clock.clone(), front.stop.subscribe())?;
        let url = front.url.clone();
        let service = Arc::new(Service {
            url,
            local,
            clock,
            directory,
            signing,
            courier,
            state: Mutex::default(),
        });
        front.serve(listener, Arc::clone(&service) as Arc<dyn Api>);
        Ok(Self { front, service })
    }

    /// The origin, such as `http://127.0.0.1:8071`; token endpoint, referrals and webhooks are below it.
    pub fn url(&self) -> &str {
        &self.front.url
    }

    /// What a caller presents to get a token.
    pub fn credentials(&self) -> &Credentials {
        &self.service.directory.credentials
    }

    /// The root that vouches for the signing certificate of deliveries.
    pub fn root_certificate_pem(&self) -> &str {
        self.service.signing.root_pem()
    }

    /// The origin of `X-MS-Certificate-Url`, for the receiver's list of allowed origins.
    pub fn certificate_origin(&self) -> &str {
        &self.front.url
    }

    /// Creates a referral as Microsoft would: incoming and pending, whatever `referral` leaves out.
    pub fn create_referral(&self, referral: Value) -> String {
        self.service.create_incoming(&crate::seed::object(referral))
    }

    /// Changes a referral as the other party would: objects are merged; false when there is none.
    pub fn patch_referral(&self, id: &str, changes: Value) -> bool {
        self.service.patch_incoming(id, &crate::seed::object(changes))
    }

    /// The referral as a GET would show it.
    pub fn referral(&self, id: &str) -> Option<Value> {
        self.service.lock().referrals.get(id).cloned().map(Value::Object)
    }

    /// All referrals, the oldest first.
    pub fn referrals(&self) -> Vec<Value> {
        self.service.lock().oldest_first()
    }

    /// Every notification so far, in the order they were caused.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.service.courier.all()
    }

    /// Notifications that were given up.
    pub fn dead_letters(&self) -> Vec<Delivery> {
        let all = self.service.courier.all().into_iter();
        all.filter(|it| it.state == DeliveryState::DeadLetter).collect()
    }

    /// Sends a notification again, byte for byte; false when there is none of this index.
    pub fn redeliver(&self, index: usize) -> bool {
        self.service.courier.redeliver(index)
    }

    /// Returns when no notification is waiting or being retried.
    pub async fn settled(&self) {
        self.service.courier.settled().await;
    }

    /// Every request so far, the emulator's own pages excepted.
    pub fn requests(&self) -> Vec<Logged> {
        self.front.requests()
    }

    /// Scripts a fault.
    pub fn fault(&self, fault: Fault) {
        self.front.fault(fault);
    }

    /// Lets faults strike requests and deliveries by chance from now on; none ends it.
    pub fn chaos(&self, chaos: Option<&Chaos>) {
        self.front.chaos(self.service.as_ref(), chaos);
    }

    /// Scripts what goes wrong with deliveries.
    pub fn mishap(&self, mishap: Mishap) {
        self.service.courier.mishap(mishap);
    }

    /// Moves the clock both emulators share.
    pub fn advance(&self, by: Duration) {
        self.front.clock.advance(by);
        self.service.expire();
    }

    /// Stops listening and delivering.
    pub fn stop(&self) {
        self.front.stop.send_replace(true);
    }
}

pub(crate) struct Service {
    url: String,
    local: String,
    clock: Clock,
    directory: Arc<Directory>,
    signing: SigningChain,
    courier: Arc<Courier>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    referrals: BTreeMap<String, Fields>,
    registration: Option<Registration>,
    /// Validation events: the index of the delivery of each, and when it was asked for.
    validations: BTreeMap<String, (usize, Timestamp)>,
    validated: VecDeque<Timestamp>,
    changes: u64,
}

impl State {
    fn oldest_first(&self) -> Vec<Value> {
        let mut all: Vec<_> = self.referrals.values().cloned().map(Value::Object).collect();
        all.sort_by(|a, b| {
            let created = |it: &Value| it.get("createdDateTime").cloned().unwrap_or_default();
            crate::filter::compare(&created(a), &created(b))
        });
        all
    }
}

impl Api for Service {
    fn name(&self) -> &'static str {
        "Partner Center sandbox"
    }

    fn answer(&self, request: &Request) -> Answer {
        self.expire();
        if let Some(answer) = self.directory.answer(request) {
            return answer;
        }
        let path = request.path.as_str();
        if let Some(rest) = path.strip_prefix(REFERRALS_PATH) {
            return self.traced(request, self.guarded_referrals(request, rest));
        }
        if let Some(rest) = path.strip_prefix(WEBHOOKS_PATH) {
            let answer = self.guarded_webhooks(request, rest);
            let given = |name: &str| request.header(name).map_or_else(new_id, str::to_owned);
            return answer
                .with("ms-requestid", &given("ms-requestid"))
                .with("ms-correlationid", &given("ms-correlationid"));
        }
        if path == CERTIFICATE_PATH && request.method == "GET" {
            let der = self.signing.leaf_der().to_vec();
            return Answer::bytes("application/pkix-cert", der);
        }
        Refusal::new(404, "itemNotFound", "path", "there is no such resource").answer()
    }

    fn failure(&self, request: &Request, status: u16) -> Answer {
        let text = "the sandbox was told to fail";
        if request.path.starts_with(WEBHOOKS_PATH) {
            return webhooks::refused(status, text);
        }
        let code = match status {
            429 | 503 => "serviceNotAvailable",
            400..=499 => "invalidRequest",
            _ => "generalException",
        };
        Refusal::new(status, code, "request", text).answer()
    }

    fn records(&self) -> Value {
        let state = self.lock();
        json!({
            "referrals": state.oldest_first(),
            "registration": state.registration.as_ref().map(Registration::to_json),
        })
    }

    fn tables(&self) -> Vec<Table> {
        let deliveries: Vec<_> = self.courier.all().iter().map(Delivery::to_json).collect();
        let columns = [
            "id",
            "name",
            "status",
            "substatus",
            "details/dealValue",
            "details/currency",
            "details/closingDateTime",
            "customerProfile/name",
            "externalReferenceId",
            "updatedDateTime",
        ];
        let referrals = self.lock().oldest_first();
        vec![
            Table::of("Referrals", &columns, &referrals),
            Table::of("Notifications", &["event", "resourceId", "url", "state"], &deliveries),
        ]
    }

    fn courier(&self) -> Option<&Arc<Courier>> {
        Some(&self.courier)
    }

    /// `POST /_emulator/referrals` and `PATCH /_emulator/referrals/{id}`: what Microsoft does.
    fn act(&self, request: &Request) -> Option<Answer> {
        let rest = request.path.strip_prefix("/_emulator/referrals")?;
        let id = rest.strip_prefix('/');
        let body = match request.json() {
            Ok(body) => crate::seed::object(body),
            Err(message) => return Some(rules::invalid("body", &message).answer()),
        };
        Some(match (request.method.as_str(), id) {
            ("POST", None) => Answer::json(201, &json!({ "id": self.create_incoming(&body) })),
            ("PATCH", Some(id)) if self.patch_incoming(id, &body) => Answer::empty(204),
            ("PATCH", Some(_)) => {
                Refusal::new(404, "itemNotFound", "id", "there is no such referral").answer()
            }
            _ => return None,
        })
    }
}

impl Service {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guarded_referrals(&self, request: &Request, rest: &str) -> Answer {
        match self.directory.caller(request, &[REFERRALS_AUDIENCE, &self.url, &self.local]) {
            None => {
                let text = "the access token is missing, expired or meant for another resource";
                Refusal::new(401, "unauthenticated", "authorization", text)
                    .answer()
                    .with("www-authenticate", "Bearer")
            }
            Some(Caller::Application) => {
                let text = "the Referrals API needs a user's token";
                Refusal::new(403, "accessDenied", "authorization", text).answer()
            }
            Some(Caller::User) => {
                self.referrals(request, rest).unwrap_or_else(|refusal| refusal.answer())
            }
        }
    }

    fn guarded_webhooks(&self, request: &Request, rest: &str) -> Answer {
        match self.directory.caller(request, &[WEBHOOKS_AUDIENCE, &self.url, &self.local]) {
            None => {
                webhooks::refused(401, "the access token is missing, expired or of another use")
                    .with("www-authenticate", "Bearer")
            }
            Some(Caller::User | Caller::Application) => self.webhooks(request, rest),
        }
    }

    fn traced(&self, request: &Request, answer: Answer) -> Answer {
        let client = request.header("client-request-id").map_or_else(new_id, str::to_owned);
        answer
            .with("request-id", &new_id())
            .with("client-request-id", &client)
            .with("timestamp", &seven_digits(self.clock.now(), "Z"))
    }
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}
