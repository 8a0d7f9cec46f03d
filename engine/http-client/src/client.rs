//! Sends one request and reads one response, within bounds of time and size.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use base::{ErrorClass, Failure, HttpRequest, HttpResponse, limits};
use connector::program::Programs;
use reqwest::{
    Certificate, Method, Response,
    header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue},
};
use thiserror::Error;
use url::Url;

use crate::{
    body::Body,
    certificate::Certificates,
    gate::Gates,
    guard::{self, Egress, Lookup},
    mcp::Sessions,
    pool::{Pool, Pools, Settings},
    proxy::Proxies,
    token_proof::KeySets,
    tokens::{TokenStore, Tokens},
};

/// How long to wait and whom to trust.
#[derive(Clone)]
pub struct Options {
    /// From the first byte sent to the last byte read; the cloud waits 120 seconds.
    pub timeout: Duration,
    /// Until the connection stands.
    pub connect_timeout: Duration,
    /// Certificates of authorities that are trusted besides the system's, as PEM.
    pub extra_roots_pem: Vec<String>,
    /// Keeps refresh tokens that services have replaced: the old ones may not work again.
    pub token_store: Option<Arc<dyn TokenStore>>,
    /// The proxies of the environment; a connection may have its own.
    pub proxies: Proxies,
    /// Runs the programs of connectors that are programs; without it such connectors cannot be asked.
    pub programs: Option<Arc<dyn Programs>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(2),
            connect_timeout: Duration::from_secs(10),
            extra_roots_pem: Vec::new(),
            token_store: None,
            proxies: Proxies::default(),
            programs: None,
        }
    }
}

/// Why no client could be made.
#[derive(Debug, Error)]
pub enum Error {
    /// One of the extra roots is not a certificate.
    #[error("an extra root is not a certificate in PEM form")]
    Root(#[source] reqwest::Error),
    /// The TLS library refused its configuration.
    #[error("the HTTP client could not be set up")]
    Setup(#[source] reqwest::Error),
}

/// Sends requests; keeps connections, tokens and certificates. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    plain: Arc<Pool>,
    pools: Pools,
    timeout: Duration,
    tokens: Tokens,
    certificates: Certificates,
    key_sets: KeySets,
    gates: Gates,
    observer: OnceLock<Observer>,
    pub(crate) programs: Option<Arc<dyn Programs>>,
    pub(crate) sessions: Sessions,
}

/// One request to a service, as it went.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Through which connection; none for plain HTTP.
    pub connection: Option<&'a str>,
    /// What was answered; none if nothing was.
    pub status: Option<u16>,
    /// From the request to the end of the answer.
    pub took: Duration,
    /// How long it waited for the limits of its connection, if it has one.
    pub waited: Option<Duration>,
}

/// Told of every request.
pub type Observer = Arc<dyn Fn(&Exchange<'_>) + Send + Sync>;

/// What one exchange may take.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) timeout: Duration,
    pub(crate) body_bytes_max: usize,
}

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    /// If it would trust what is no certificate.
    pub fn new(options: Options) -> Result<Self, Error> {
        Self::with_lookup(options, guard::system_lookup())
    }

    pub(crate) fn with_lookup(options: Options, lookup: Lookup) -> Result<Self, Error> {
        let mut roots = Vec::new();
        for pem in &options.extra_roots_pem {
            roots.extend(Certificate::from_pem_bundle(pem.as_bytes()).map_err(Error::Root)?);
        }
        let (connect_timeout, proxies) = (options.connect_timeout, options.proxies);
        let settings = Settings { connect_timeout, roots, identity: None, proxies, lookup };
        let plain = Pool::new(settings.clone());
        plain.check().map_err(Error::Setup)?;
        let inner = Inner {
            plain: Arc::new(plain),
            pools: Pools::new(settings),
            timeout: options.timeout,
            tokens: Tokens::new(options.token_store),
            certificates: Certificates::default(),
            key_sets: KeySets::default(),
            gates: Gates::default(),
            observer: OnceLock::new(),
            programs: options.programs,
            sessions: Sessions::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Sends a request once and gives back whatever is answered, redirects included.
    pub async fn send(
        &self,
        request: &HttpRequest,
        egress: &Egress,
    ) -> Result<HttpResponse, Failure> {
        let began = Instant::now();
        let result = self.send_within((self.plain(), egress), request, self.bounds(None)).await;
        self.tell(None, began, &result);
        result
    }

    pub(crate) fn bounds(&self, timeout: Option<Duration>) -> Bounds {
        Bounds {
            timeout: timeout.unwrap_or(self.inner.timeout),
            body_bytes_max: limits::RESPONSE_BYTES_MAX,
        }
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.inner.tokens
    }

    /// The pool of what belongs to no connection.
    pub(crate) fn plain(&self) -> &Pool {
        &self.inner.plain
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.inner.pools
    }

    pub(crate) fn gates(&self) -> &Gates {
        &self.inner.gates
    }

    /// Has somebody told of every request from now on; the first one to ask is.
    pub fn observe(&self, observer: Observer) {
        if self.inner.observer.set(observer).is_err() {
            tracing::debug!("The requests of this client are observed already.");
        }
    }

    pub(crate) fn observer(&self) -> Option<&Observer> {
        self.inner.observer.get()
    }

    pub(crate) fn tell(
        &self,
        connection: Option<(&str, Duration)>,
        began: Instant,
        result: &Result<HttpResponse, Failure>,
    ) {
        if let Some(observer) = self.inner.observer.get() {
            observer(&Exchange {
                connection: connection.map(|(name, _)| name),
                status: result.as_ref().ok().map(|it| it.status),
                took: began.elapsed(),
                waited: connection.map(|(_, waited)| waited),
            });
        }
    }

    pub(crate) fn certificates(&self) -> &Certificates {
        &self.inner.certificates
    }

    pub(crate) fn key_sets(&self) -> &KeySets {
        &self.inner.key_sets
    }

    pub(crate) async fn send_within(
        &self,
        (pool, egress): (&Pool, &Egress),
        request: &HttpRequest,
        bounds: Bounds,
    ) -> Result<HttpResponse, Failure> {
        let url = Url::parse(&request.url)
            .map_err(|error| invalid(format!("the URL cannot be read: {error}")))?;
        let client = pool.client(&url, egress.route(&url)?).await?;
        let origin = url.origin().ascii_serialization();
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| invalid(format!("`{}` is not a method", request.method)))?;
        let mut outgoing =
            client.request(method, url).timeout(bounds.timeout).headers(header_map(request)?);
        if let Some(body) = &request.body {
            outgoing = outgoing.body(body.clone());
        }
        let response = outgoing.send().await.map_err(|error| failure(&error, &origin))?;
        read(response, &origin, bounds.body_bytes_max).await
    }
}

fn header_map(request: &HttpRequest) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::new();
    for (name, value) in request.headers.iter().filter(|(name, _)| !base::http::is_framing(name)) {
        let known = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid(format!("`{name}` is not the name of a header")))?;
        // The value may be a secret, so the message does not repeat it.
        let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
            invalid(format!("the value of the header `{name}` has characters that HTTP refuses"))
        })?;
        value.set_sensitive(known == reqwest::header::AUTHORIZATION);
        map.append(known, value);
    }
    if !map.contains_key(ACCEPT_ENCODING) {
        map.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br, zstd"));
    }
    Ok(map)
}

async fn read(
    mut response: Response,
    origin: &str,
    bytes_max: usize,
) -> Result<HttpResponse, Failure> {
    let status = response.status().as_u16();
    let mut headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let coding = response.headers().get("content-encoding").map(text).unwrap_or_default();
    let mut body = Body::new(&coding, bytes_max, origin)?;
    let announced = response.content_length().and_then(|it| usize::try_from(it).ok());
    if announced.is_some_and(|it| bytes_max < it) {
        return Err(body.too_large(origin));
    }
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error, origin))? {
        body.add(&chunk, origin)?;
    }
    if body.is_decoded() {
        headers.retain(|(name, _)| name != "content-encoding" && name != "content-length");
    }
    Ok(HttpResponse { status, headers, body: body.finish(origin)? })
}

/// A header's value; bytes that are not UTF-8 are read as Latin-1, as HTTP once defined them.
fn text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    std::str::from_utf8(bytes)
        .map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

fn invalid(message: String) -> Failure {
    Failure::of_class(ErrorClass::Validation, "InvalidRequest", message)
}

/// A failure that names the origin only: path and query may hold secrets.
fn failure(error: &reqwest::Error, origin: &str) -> Failure {
    if let Some(refusal) = guard::refusal(error) {
        return refusal;
    }
    let (code, what) = if error.is_timeout() {
        ("TimedOut", "no answer in time from")
    } else if error.is_connect() {
        ("ConnectionFailed", "no connection to")
    } else {
        ("ConnectionLost", "the connection broke off to")
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    // The outermost error prints the URL; an inner one says what happened to the socket.
    let why = if std::ptr::addr_eq(cause, error) { String::new() } else { format!(": {cause}") };
    Failure::of_class(ErrorClass::Transient, code, format!("{what} `{origin}`{why}"))
}
