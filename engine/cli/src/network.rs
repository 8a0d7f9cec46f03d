//! How this process reaches services, and what it keeps of them.

use std::{path::Path, sync::Arc};

use base::{HttpRequest, Secret, Timestamp, http::http_date};
use connector::Connection;
use http_client::{Client, Options, Proxies, TokenStore, connection_egress};
use process_host::Host;
use vault::Vault;

/// The folder of what a project's processes keep.
const STATE: &str = ".flowright";

/// A client that keeps tokens in the project's vault, goes through the proxies of the environment and
/// asks programs of that host.
pub(crate) fn client(root: &Path, programs: &Host) -> anyhow::Result<Client> {
    let token_store: Arc<dyn TokenStore> = Arc::new(Tokens(vault(root)));
    let options = Options {
        token_store: Some(token_store),
        proxies: proxies(),
        programs: Some(Arc::new(programs.clone())),
        ..Options::default()
    };
    Ok(Client::new(options)?)
}

/// The secrets of a project.
pub(crate) fn vault(root: &Path) -> Vault {
    let given = std::env::var("FLOWRIGHT_SECRET_KEY").ok();
    Vault::new(&root.join(STATE), given.map(Secret::new))
}

/// The proxies that the environment names, as other programs understand it.
pub(crate) fn proxies() -> Proxies {
    let variable = |names: &[&str]| {
        let mut found = names.iter().filter_map(|name| std::env::var(name).ok());
        found.find(|it| !it.trim().is_empty())
    };
    Proxies::of_variables(
        variable(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]).as_deref(),
        variable(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]).as_deref(),
        variable(&["no_proxy", "NO_PROXY"]).as_deref(),
    )
}

/// Tokens in the vault.
struct Tokens(Vault);

impl TokenStore for Tokens {
    fn load(&self, connection: &str) -> Result<Option<Secret<String>>, String> {
        self.0.token(connection).map_err(told)
    }

    fn keep(&self, connection: &str, token: &Secret<String>) -> Result<(), String> {
        self.0.set_token(connection, Some(token)).map_err(told)
    }
}

/// An error with all its causes.
pub(crate) fn told(error: vault::Error) -> String {
    let error = anyhow::Error::from(error);
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What time it is at a service, as the header of whatever it answers says.
pub(crate) async fn time_at(
    client: &Client,
    connection: &Connection,
    origin: &str,
) -> Option<Timestamp> {
    let request = HttpRequest {
        method: "GET".to_owned(),
        url: format!("{origin}/"),
        headers: Vec::new(),
        body: None,
    };
    let response = client.send(&request, &connection_egress(connection)).await.ok()?;
    http_date(response.header("date")?)
}
