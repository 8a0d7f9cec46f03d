//! The API of a service: who may do what, what is answered, what is noted.

mod access;
mod audit;
mod canaries;
mod described;
mod flows;
mod fuzz;
mod history;
mod notify;
mod oidc;
mod pages;
mod runs;
mod speed;
mod tokens;
mod transport;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex},
};

use base::{Duration, Secret};
use journal::Store;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use server::{
    Access, Host, Listener, Role, Server, Workshop,
    access::tokens::{NewToken, TokenFile},
};
use store_sqlite::SqliteStore;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use worker::{
    Addresses, Clock as _, Connections, Engine, Flows, Hooks, Mocks, Project, SystemClock,
};

use crate::{
    engine::flows,
    support::service::{NoSecrets, client},
};

/// A flow with a loop that fails at one item, and something secret.
pub(crate) const LINES: &str = "
flow: Lines
parameters: { password: { type: string, secure: true, default: canary-parameter } }
triggers: [{ name: Go, request: { schema: { type: object, properties: { items: { type: array } } } } }]
actions:
  - name: Each
    foreach: \"@triggerBody()?['items']\"
    actions:
      - { name: Double, compose: \"@mul(item(), 2)\" }
  - { name: Hidden, compose: \"@parameters('password')\", secure: [inputs, outputs] }
";

pub(crate) const WAITS: &str = "
flow: Waits
triggers: [{ name: Go, request: {} }, { name: Daily, recurrence: { frequency: Day, interval: 1 } }]
actions:
  - { name: Nap, wait: PT1H }
";

/// What the process around a server does, in a test.
#[derive(Default)]
pub(crate) struct Around(Mutex<String>);

impl Host for Around {
    fn rotate_key(&self, revoke: bool) -> Result<Vec<Secret<String>>, String> {
        let key = |text: &str| Secret::new(text.to_owned());
        Ok(if revoke { vec![key("new")] } else { vec![key("new"), key("a key")] })
    }

    fn log_filter(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    fn set_log_filter(&self, filter: &str) -> Result<(), String> {
        if filter.contains("==") {
            return Err("that is no filter".to_owned());
        }
        filter.clone_into(&mut self.0.lock().unwrap());
        Ok(())
    }
}

/// A service in this process.
pub(crate) struct Api {
    pub(crate) engine: Engine,
    pub(crate) address: SocketAddr,
    pub(crate) hooks_address: SocketAddr,
    pub(crate) folder: TempDir,
    pub(crate) http: reqwest::Client,
    serving: JoinHandle<()>,
}

/// What tests choose.
#[derive(Default)]
pub(crate) struct Choice {
    pub(crate) is_guarded: bool,
    pub(crate) has_hooks_apart: bool,
    pub(crate) access: Access,
    pub(crate) flows: Option<Flows>,
    pub(crate) workshop: Option<Arc<Workshop>>,
    pub(crate) tls: Option<Arc<server::Tls>>,
    /// On this port, and known by this address.
    pub(crate) origin: Option<(SocketAddr, String)>,
}

impl Api {
    /// Asks nobody who they are.
    pub(crate) async fn open() -> Self {
        Self::start(Choice::default()).await
    }

    /// Asks everybody who they are; there is a token for each role, called like it.
    pub(crate) async fn guarded() -> Self {
        Self::start(Choice { is_guarded: true, ..Choice::default() }).await
    }

    pub(crate) async fn start(choice: Choice) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let Choice { is_guarded, has_hooks_apart, mut access, flows: given, .. } = choice;
        let Choice { workshop, tls, origin, .. } = choice;
        if is_guarded {
            access.tokens = Some(Arc::new(TokenFile::new(folder.path())));
        }
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let place = origin.as_ref().map_or(local, |it| it.0);
        let listener = Listener::bind(place).await.unwrap();
        let apart = if has_hooks_apart {
            Some(Listener::bind_for_hooks(local).await.unwrap())
        } else {
            None
        };
        let public = apart.as_ref().map_or(listener.address(), Listener::address);
        let addresses =
            Addresses::new(&format!("http://{public}"), Secret::new("a key".to_owned()));
        let path = folder.path().join("runs.db");
        let store = SqliteStore::open(&path, store_sqlite::Options::default()).unwrap();
        let mocks = Mocks::new(&json!({})).unwrap();
        let usual = || flows(&[("lines", LINES), ("deep/waits", WAITS)]);
        let engine = Engine::start(worker::Options {
            store: Arc::new(store) as Arc<dyn Store>,
            performer: Arc::new(mocks),
            clock: Arc::new(SystemClock::default()),
            flows: given.unwrap_or_else(usual),
            active_max: 100,
            addresses: Some(addresses.clone()),
        })
        .await
        .unwrap();
        let hooks = Hooks { client: client(), connections: Connections::default(), addresses };
        let server = Server::new(server::Options {
            hooks_listener: apart,
            access,
            workshop,
            host: Arc::new(Around::default()),
            origin: origin.map(|it| it.1),
            tls,
            ..server::Options::new(listener, engine.clone(), hooks)
        });
        let (address, hooks_address) = (server.address(), server.hooks_address());
        let serving = tokio::spawn(server.run(std::future::pending()));
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { engine, address, hooks_address, folder, http, serving }
    }

    /// Makes a token.
    pub(crate) fn token(&self, role: Role, only: Option<&[&str]>) -> String {
        let file = TokenFile::new(self.folder.path());
        let only = only.map(|it| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        let number = file.list().unwrap().len();
        let wanted = NewToken {
            name: format!("{role}-{number}"),
            role,
            only,
            lasts: Duration::seconds(3600),
            by: "a test".to_owned(),
        };
        let now = SystemClock::default().now();
        file.create(wanted, now).unwrap().1.expose().clone()
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    /// Asks without saying who asks.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.ask_as(None, method, path, body).await
    }

    pub(crate) async fn ask_as(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        read(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// Starts a run and gives its id.
    pub(crate) async fn fire(&self, flow: &str, body: &Value) -> String {
        let path = format!("/api/v1/flows/{flow}/triggers/Go/run");
        let (status, told) = self.ask("POST", &path, &json!({ "body": body })).await;
        assert_eq!(status, 202, "{told}");
        told["runs"][0]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn ended(&self, run: &str) {
        self.engine.wait(&base::RunId::new(run.to_owned())).await.unwrap();
    }
}

pub(crate) async fn read(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

impl Drop for Api {
    fn drop(&mut self) {
        self.engine.stop();
        self.serving.abort();
    }
}

/// A project on disk with these flows, and the files for a server.
pub(crate) fn project(folder: &Path, texts: &[(&str, &str)]) -> (Flows, Arc<Workshop>) {
    std::fs::write(folder.join("flowright.yaml"), "flows: [flows]\n").unwrap();
    for (name, text) in texts {
        let flow = folder.join("flows").join(name);
        std::fs::create_dir_all(&flow).unwrap();
        std::fs::write(flow.join("flow.yaml"), text).unwrap();
    }
    let project = Project::load(folder, None).unwrap();
    let flows = project.deploy(&NoSecrets).unwrap();
    (flows, Arc::new(Workshop::new(project, None, true)))
}
