//! The network connections of one connection: whom they trust, what they show, which way they take.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use base::{ErrorClass, Failure, Secret};
use connector::{Connection, auth};
use reqwest::{Certificate, Identity, Proxy, redirect::Policy};
use url::Url;

use crate::{
    guard::{self, Lookup, PublicOnly, Route},
    proxy::Proxies,
};

/// Connections that keep network connections at a time; an environment has some dozens.
const POOLS_MAX: usize = 1_000;
/// Network connections to one host that are kept although nothing is asked.
const IDLE_MAX: usize = 32;

/// What all requests of a pool have in common.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) connect_timeout: Duration,
    pub(crate) roots: Vec<Certificate>,
    pub(crate) identity: Option<Identity>,
    pub(crate) proxies: Proxies,
    pub(crate) lookup: Lookup,
}

/// Clients of one connection, each made when it is first needed.
pub(crate) struct Pool {
    settings: Settings,
    named: OnceLock<reqwest::Client>,
    public: OnceLock<reqwest::Client>,
    proxied: OnceLock<reqwest::Client>,
}

impl Pool {
    pub(crate) fn new(settings: Settings) -> Self {
        let (named, public, proxied) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { settings, named, public, proxied }
    }

    /// Who carries a request. Of what goes through a proxy the addresses are looked at, too,
    /// although it is the proxy that looks them up again.
    pub(crate) async fn client(&self, url: &Url, route: Route) -> Result<reqwest::Client, Failure> {
        if !self.settings.proxies.serve(url) {
            return match route {
                Route::Named => Self::made(&self.named, || self.build(Ok)),
                Route::Public => {
                    let resolver = PublicOnly(Arc::clone(&self.settings.lookup));
                    Self::made(&self.public, || self.build(|it| Ok(it.dns_resolver(resolver))))
                }
            }
            .map_err(|error| unusable(&error));
        }
        if route == Route::Public {
            guard::check_public(url, &self.settings.lookup).await?;
        }
        let proxies = &self.settings.proxies;
        if !proxies.are_known() {
            // The address may hold a password.
            let message =
                "the address of the proxy must be as in `http://host:port` or `https://host:port`";
            return Err(Failure::of_class(ErrorClass::Validation, "InvalidConnection", message));
        }
        let made = Self::made(&self.proxied, || {
            self.build(|mut builder| {
                if let Some(address) = proxies.http() {
                    builder = builder.proxy(Proxy::http(address.expose())?);
                }
                if let Some(address) = proxies.https() {
                    builder = builder.proxy(Proxy::https(address.expose())?);
                }
                Ok(builder)
            })
        });
        made.map_err(|error| unusable(&error))
    }

    /// The clients, to see whether they can be made at all.
    pub(crate) fn check(&self) -> Result<(), reqwest::Error> {
        Self::made(&self.named, || self.build(Ok)).map(|_| ())
    }

    fn made(
        cell: &OnceLock<reqwest::Client>,
        make: impl FnOnce() -> Result<reqwest::Client, reqwest::Error>,
    ) -> Result<reqwest::Client, reqwest::Error> {
        if let Some(client) = cell.get() {
            return Ok(client.clone());
        }
        let made = make()?;
        Ok(cell.get_or_init(|| made).clone())
    }

    fn build(
        &self,
        more: impl FnOnce(reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, reqwest::Error>,
    ) -> Result<reqwest::Client, reqwest::Error> {
        let settings = &self.settings;
        let mut builder = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .pool_max_idle_per_host(IDLE_MAX)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .user_agent("flowright");
        if !settings.roots.is_empty() {
            builder = builder.tls_certs_merge(settings.roots.clone());
        }
        if let Some(identity) = &settings.identity {
            builder = builder.identity(identity.clone());
        }
        more(builder)?.build()
    }
}

/// The pools of connections, by name; one for each, so that none keeps another's connections busy.
pub(crate) struct Pools {
    usual: Settings,
    made: Mutex<BTreeMap<String, (String, Arc<Pool>)>>,
}

impl Pools {
    pub(crate) fn new(usual: Settings) -> Self {
        Self { usual, made: Mutex::default() }
    }

    /// The pool of a connection; made anew when its values have changed.
    pub(crate) fn of(&self, connection: &Connection) -> Result<Arc<Pool>, Failure> {
        let fingerprint = connection.fingerprint();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, pool)) = made.get(&connection.name)
            && *known == fingerprint
        {
            return Ok(Arc::clone(pool));
        }
        let pool = Arc::new(Pool::new(self.settings(connection)?));
        if POOLS_MAX <= made.len() && !made.contains_key(&connection.name) {
            made.pop_first();
        }
        made.insert(connection.name.clone(), (fingerprint, Arc::clone(&pool)));
        Ok(pool)
    }

    fn settings(&self, connection: &Connection) -> Result<Settings, Failure> {
        let mut settings = self.usual.clone();
        let network = &connection.network;
        if let Some(pem) = &network.ca_certificate {
            let found = Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
            if found.is_empty() {
                return Err(invalid(
                    connection,
                    "`caCertificate` holds no certificate in PEM form",
                ));
            }
            settings.roots.extend(found);
        }
        if let Some(pem) = auth::client_certificate(connection)? {
            settings.identity = Some(identity(connection, &pem)?);
        }
        if let Some(proxy) = &network.proxy {
            settings.proxies = Proxies::all(proxy);
        }
        Ok(settings)
    }
}

fn identity(connection: &Connection, pem: &Secret<String>) -> Result<Identity, Failure> {
    Identity::from_pem(pem.expose().as_bytes()).map_err(|_| {
        invalid(connection, "the client certificate and its key are not both there in PEM form")
    })
}

fn invalid(connection: &Connection, what: &str) -> Failure {
    let message = format!("connection `{}`: {what}", connection.name);
    Failure::of_class(ErrorClass::Validation, "InvalidConnection", message)
}

/// A certificate that does not fit its key, or roots that are none.
fn unusable(error: &reqwest::Error) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let message = format!("the certificates of the connection cannot be used: {cause}");
    Failure::of_class(ErrorClass::Validation, "InvalidConnection", message)
}
