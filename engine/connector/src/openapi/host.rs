//! Where the service is: the document's host, unless it only stands for one.

use base::Quota;
use serde_json::Value;
use url::Url;

use super::{Import, Policies, connection::BASE_URL};
use crate::{
    model::HttpSpec,
    policy::{self, Root},
};

/// Words in hosts that stand for one that the operator has to name.
const PLACEHOLDERS: &[&str] = &[
    "contoso",
    "definedin",
    "dynamichost",
    "example.",
    "localhost",
    "mycompany",
    "placeholder",
    "tobereplaced",
    "yourdomain",
    "yourhost",
    "yourinstance",
    "yourserver",
    "your-",
    "your_",
];

/// Where requests go.
pub(super) struct Host {
    /// The address of the document; none if the operator has to name it.
    pub(super) address: Option<String>,
    /// Whether policies name it for some operations.
    pub(super) is_dynamic: bool,
    /// Whether policies name it for all operations.
    pub(super) is_always_dynamic: bool,
    /// The connection parameter by which the operator names another.
    pub(super) param: String,
}

impl Host {
    pub(super) fn http(&self) -> HttpSpec {
        let param = policy::quote(&self.param);
        let base_url = match &self.address {
            // An address that the operator gave has to be told from the usual one.
            Some(address) if self.is_dynamic && !self.is_always_dynamic => {
                format!("@coalesce(connection({param}), {})", policy::quote(address))
            }
            Some(_) | None => format!("@connection({param})"),
        };
        HttpSpec {
            base_url: super::template(&base_url),
            headers: Vec::new(),
            timeout: None,
            quota: Quota { concurrency: None, rate: None },
            follow_links_to: Vec::new(),
        }
    }
}

impl Import<'_> {
    pub(super) fn host(&mut self, policies: &Policies) -> Host {
        let hosts = policies.done.iter().filter(|it| it.host().is_some());
        let is_always_dynamic = hosts.clone().any(|it| it.operations.is_none());
        let is_dynamic = hosts.clone().next().is_some();
        for policy in hosts {
            if let Some(text) = policy.host() {
                self.report.hosts.insert(shown(&text.shown()));
            }
        }
        let address = match self.address() {
            Ok(address) => Some(address),
            // Nobody asks there.
            Err(_) if is_always_dynamic => None,
            Err(why) => {
                self.report.warn(format!("{why}; a connection has to give `{BASE_URL}`"));
                None
            }
        };
        if let Some(address) = address.as_deref().filter(|_| !is_always_dynamic) {
            self.report.hosts.insert(shown(address));
        }
        let params = self.properties.get("connectionParameters");
        let is_taken = params.and_then(|it| it.get(BASE_URL)).is_some();
        let param = if is_taken { "serviceUrl" } else { BASE_URL }.to_owned();
        Host { address, is_dynamic, is_always_dynamic, param }
    }

    /// The address in the document; the error says why it cannot be used unasked.
    fn address(&self) -> Result<String, String> {
        let text = if self.document.is_three { self.server()? } else { self.host_of_two()? };
        let Ok(url) = Url::parse(&text) else {
            return Err(format!("the host of the definition, `{text}`, is none"));
        };
        let host = url.host_str().unwrap_or_default().to_lowercase();
        if PLACEHOLDERS.iter().any(|it| host.contains(it)) || !host.contains('.') {
            return Err(format!("the host of the definition, `{host}`, only stands for one"));
        }
        if url.scheme() != "https" {
            return Err(format!("the definition reaches `{host}` without encryption"));
        }
        Ok(text.trim_end_matches('/').to_owned())
    }

    fn host_of_two(&self) -> Result<String, String> {
        let root = &self.document.root;
        let text = |key: &str| root.get(key).and_then(Value::as_str).unwrap_or_default().trim();
        let host = text("host");
        // Some write the scheme into it.
        let host = host.rsplit_once("://").map_or(host, |(_, host)| host);
        if host.is_empty() {
            return Err("the definition names no host".to_owned());
        }
        let schemes = root.get("schemes").and_then(Value::as_array);
        let mut schemes = schemes.into_iter().flatten().filter_map(Value::as_str).peekable();
        let is_plain = schemes.peek().is_some() && !schemes.any(|it| it == "https");
        let scheme = if is_plain { "http" } else { "https" };
        let path = text("basePath").trim_matches('/');
        Ok(format!("{scheme}://{}/{path}", host.trim_end_matches('/')))
    }

    /// The first server, with the defaults of its variables.
    fn server(&self) -> Result<String, String> {
        let servers = self.document.root.get("servers").and_then(Value::as_array);
        let server = servers.and_then(|it| it.first()).ok_or("the definition names no server")?;
        let mut url = server.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        let variables = server.get("variables").and_then(Value::as_object);
        for (name, variable) in variables.into_iter().flatten() {
            if let Some(default) = variable.get("default").and_then(Value::as_str) {
                url = url.replace(&format!("{{{name}}}"), default);
            }
        }
        Ok(url)
    }
}

/// The scheme and host of an address that may have parts to be filled in.
fn shown(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    format!("{scheme}://{}", rest.split('/').next().unwrap_or_default())
}

/// The names of connection parameters that policies ask for.
pub(super) fn asked(policies: &Policies) -> impl Iterator<Item = &str> {
    policies.done.iter().flat_map(|it| it.names(Root::ConnectionParameters))
}
