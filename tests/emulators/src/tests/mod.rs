//! Tests over real HTTP on the loopback address, with a client that shares nothing with the emulators.

mod clients;
mod dataverse;
mod der;
mod faults;
mod oauth;
mod odata;
mod receiver;
mod referrals;
mod rules;
mod salesforce;
mod services;
mod soql;
mod swagger;
mod webapi;
mod webhooks;

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{Clock, Options, PartnerCenter, Retry, Running, SigningChain, start};

const REFERRALS: &str = "https://api.partner.microsoft.com";
const WEBHOOKS: &str = "https://api.partnercenter.microsoft.com";

/// Made once, as keys are slow to make.
static CHAIN: LazyLock<SigningChain> = LazyLock::new(|| SigningChain::generate().unwrap());

/// Both emulators at a fixed time, and tokens for all three APIs.
struct World {
    running: Running,
    client: Client,
    referrals: String,
    webhooks: String,
    dataverse: String,
    /// A session of the org, once signed in to it.
    session: String,
}

struct Got {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|it| it.to_str().unwrap()).unwrap_or_default()
    }

    /// The error code, whichever of the three shapes the answer has; empty when there is none.
    fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let found = [&body["error"]["code"], &body["error"], &body["code"]];
        found.iter().find_map(|it| it.as_str()).unwrap_or_default().to_owned()
    }
}

impl World {
    async fn new() -> Self {
        Self::with(Duration::from_secs(5)).await
    }

    /// A world whose notifications wait this long for an answer.
    async fn with(timeout: Duration) -> Self {
        let quick = Retry {
            attempts_max: 3,
            back_off: Duration::from_millis(5),
            back_off_max: Duration::from_millis(10),
            timeout,
        };
        let at: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
        let options = Options {
            retry: quick,
            clock: Clock::fixed(at),
            signing: Some(CHAIN.clone()),
            ..Options::default()
        };
        let running = start(options).await.unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        let mut world = Self {
            running,
            client,
            referrals: String::new(),
            webhooks: String::new(),
            dataverse: String::new(),
            session: String::new(),
        };
        world.sign_in().await;
        world
    }

    async fn sign_in(&mut self) {
        let refresh = |resource: &str| {
            format!(
                "grant_type=refresh_token&refresh_token=sandbox-refresh-token&resource={resource}"
            )
        };
        self.referrals = self.token("oauth2/token", &refresh(REFERRALS)).await;
        self.webhooks = self.token("oauth2/token", &refresh(WEBHOOKS)).await;
        let scope = format!(
            "grant_type=client_credentials&scope={}/.default",
            self.running.dataverse.url()
        );
        self.dataverse = self.token("oauth2/v2.0/token", &scope).await;
    }

    async fn token(&self, endpoint: &str, form: &str) -> String {
        let got = self.ask_token(endpoint, &format!("{form}&{}", self.client_form())).await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.json()["access_token"].as_str().unwrap().to_owned()
    }

    fn client_form(&self) -> String {
        let it = self.running.partner_center.credentials();
        format!("client_id={}&client_secret={}", it.client_id, it.client_secret)
    }

    async fn ask_token(&self, endpoint: &str, form: &str) -> Got {
        let tenant = &self.pc().credentials().tenant_id;
        let url = format!("{}/{tenant}/{endpoint}", self.pc().url());
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.send("POST", &url, &[kind], form.to_owned()).await
    }

    fn pc(&self) -> &PartnerCenter {
        &self.running.partner_center
    }

    async fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: String) -> Got {
        self.try_send(method, url, headers, body).await.unwrap()
    }

    async fn try_send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> reqwest::Result<Got> {
        let method: Method = method.parse().unwrap();
        let mut request = self.client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(body).send().await?;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        Ok(Got { status, headers, text: answer.text().await? })
    }

    /// A call of the Referrals API; `rest` follows the collection's path.
    async fn referral(
        &self,
        method: &str,
        rest: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Got {
        let url = format!("{}/v1.0/engagements/referrals{rest}", self.pc().url());
        self.api((method, &url), &self.referrals, headers, body).await
    }

    /// A call of the Webhooks API.
    async fn webhook(&self, method: &str, rest: &str, body: Value) -> Got {
        let url = format!("{}/webhooks/v1/registration{rest}", self.pc().url());
        self.api((method, &url), &self.webhooks, &[], body).await
    }

    /// A call of the Dataverse Web API.
    async fn data(&self, method: &str, rest: &str, headers: &[(&str, &str)], body: Value) -> Got {
        let url = format!("{}/api/data/v9.2/{rest}", self.running.dataverse.url());
        self.api((method, &url), &self.dataverse, headers, body).await
    }

    async fn api(
        &self,
        (method, url): (&str, &str),
        token: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Got {
        let bearer = format!("Bearer {token}");
        let mut all = vec![("authorization", bearer.as_str())];
        let text = if body.is_null() { String::new() } else { body.to_string() };
        if !text.is_empty() {
            all.push(("content-type", "application/json"));
        }
        all.extend(headers);
        self.send(method, url, &all, text).await
    }

    /// Registers a webhook for every referral event.
    async fn register(&self, url: &str, ms_header: bool) {
        let body = json!({
            "WebhookUrl": url,
            "WebhookEvents": ["referral-created", "referral-updated", "test-created"],
            "SignatureTokenToMsSignatureHeader": ms_header,
        });
        let got = self.webhook("POST", "", body).await;
        assert_eq!(got.status, 200, "{}", got.text);
    }
}

/// A private deal every rule is content with.
fn deal() -> Value {
    json!({
        "name": "Contoso Test Deal", "qualification": "SalesQualified", "type": "Independent",
        "customerProfile": {
            "name": "Contoso Customer Inc", "size": "10to50employees",
            "address": {
                "addressLine1": "One Main Street", "city": "Redmond", "state": "WA",
                "postalCode": "98052", "country": "US",
            },
            "team": [{
                "firstName": "Sue", "lastName": "Smith", "phoneNumber": "1234567890",
                "email": "sue.smith@contoso.example",
            }],
        },
        "consent": {
            "consentToToShareInfoWithOthers": true, "consentToContact": true,
            "consentToShareReferralWithMicrosoftSellers": false,
        },
        "details": {
            "notes": "Supply chain", "dealValue": 50000, "currency": "USD",
            "closingDateTime": "2026-11-14T00:00:00Z",
            "requirements": {
                "solutions": [{ "type": "Name", "id": "SOL-1", "name": "Contoso Ale" }],
                "additionalRequirements": {
                    "attributes": [{ "id": "HaveNotDecided", "type": "CustomerMarketplaceIntent" }],
                },
            },
        },
        "team": [{
            "firstName": "John", "lastName": "Doe", "phoneNumber": "1231231234",
            "email": "john.doe@fabrikam.example",
        }],
        "target": [],
    })
}
