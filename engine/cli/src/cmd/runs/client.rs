//! The API of a running service.

use anyhow::Context as _;
use base::{HttpRequest, Secret, http::percent_path};
use http_client::{Client, Egress, Options};
use serde_json::Value;

use super::args::ServiceArgs;

/// A running service.
pub(crate) struct Service {
    client: Client,
    egress: Egress,
    base: String,
    token: Option<Secret<String>>,
}

/// The service has understood and does not do it.
#[derive(Debug)]
pub(crate) struct Refused {
    /// `RunNotFound`, `RunHasEnded`, …
    pub code: String,
    message: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

impl Service {
    pub(crate) fn new(args: &ServiceArgs) -> anyhow::Result<Self> {
        let (url, token) = (&args.url, args.token.clone());
        let base = url.trim_end_matches('/').to_owned();
        anyhow::ensure!(
            base.starts_with("http://") || base.starts_with("https://"),
            "`--url {url}` is no address: write it as in `http://127.0.0.1:8080`"
        );
        let client = Client::new(Options::default())?;
        Ok(Self { client, egress: Egress::public().allow(&base), base, token })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask("POST", path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask("PATCH", path, Some(body)).await
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let Self { client, egress, base, token } = self;
        let mut headers = vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        if let Some(token) = token {
            headers.push(("authorization".to_owned(), format!("Bearer {}", token.expose())));
        }
        let request = HttpRequest {
            method: method.to_owned(),
            url: format!("{base}{path}"),
            headers,
            body: body.map(|it| it.to_string().into_bytes()),
        };
        let response = client.send(&request, egress).await.map_err(|failure| {
            anyhow::anyhow!(failure.message).context(format!(
                "no service answers at `{base}`: is `flowright serve` running? Another address is \
                 given with `--url` or FLOWRIGHT_URL"
            ))
        })?;
        let answer: Option<Value> = serde_json::from_slice(&response.body).ok();
        let error = answer.as_ref().and_then(|it| it.get("error"));
        let text = |name: &str| error.and_then(|it| it.get(name)).and_then(Value::as_str);
        match (response.status, text("code"), text("message")) {
            (200..=299, ..) => answer.with_context(|| foreign(base, response.status)),
            (_, Some(code), Some(message)) => {
                let (code, message) = (code.to_owned(), message.to_owned());
                Err(Refused { code, message }.into())
            }
            (status, ..) => anyhow::bail!(foreign(base, status)),
        }
    }
}

fn foreign(base: &str, status: u16) -> String {
    format!("what answers at `{base}` is not this service: it answered with status {status}")
}

/// A name as a part of a path.
pub(crate) fn segment(name: &str) -> String {
    percent_path(name).replace('/', "%2F")
}

/// The path of a run.
pub(crate) fn run_path(run: &str, what: &str) -> String {
    format!("/api/v1/runs/{}{what}", segment(run))
}
