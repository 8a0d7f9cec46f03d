//! Where the database is and how the way to it is protected, from a URL.

use std::{fmt, net::IpAddr, path::Path, str::FromStr as _, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a server may take to answer the first packet, unless the URL says.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Silence on a connection after which the other side is asked whether it is there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// A database that can be connected to.
pub(crate) struct Address {
    pub(crate) config: Config,
    /// Without it nothing is encrypted.
    pub(crate) tls: Option<MakeRustlsConnect>,
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?sslmode=…`.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
        for pair in query.split('&').filter(|it| !it.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => roots = Some(value),
                _ => rest.push(pair),
            }
        }
        let mut plain = base.to_owned();
        if !rest.is_empty() {
            plain.push('?');
            plain.push_str(&rest.join("&"));
        }
        // The parser's own words may quote the address, and with it the password.
        let mut config = Config::from_str(&plain).map_err(|_| {
            "it is not of the form `postgres://user:password@host:port/database?option=value`, or \
             it has an unknown option or a character that must be written as `%…`"
                .to_owned()
        })?;
        if config.get_hosts().is_empty() {
            return Err("it names no host".to_owned());
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err("it names no database".to_owned());
        }
        let is_encrypted = wants_tls(mode, &config)?;
        if !is_encrypted && roots.is_some() {
            return Err("`sslrootcert` is of no use without encryption".to_owned());
        }
        let tls = is_encrypted.then(|| trusting(roots)).transpose()?;
        config.ssl_mode(if is_encrypted { SslMode::Require } else { SslMode::Disable });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("flowright");
        }
        config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL);
        config.keepalives_retries(KEEPALIVE_RETRIES).tcp_user_timeout(KEEPALIVE_IDLE);
        // Of several hosts, the one that can be written to.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(Self { config, tls })
    }
}

/// What may be shown: host, port and name.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        let ports = self.config.get_ports();
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            if let Some(port) = ports.get(index).or_else(|| ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Unlike the database's own tools, never encrypts without checking who is at the other end.
fn wants_tls(mode: Option<&str>, config: &Config) -> Result<bool, String> {
    match mode {
        None => Ok(!config.get_hosts().iter().all(is_here)),
        Some("disable") => Ok(false),
        Some("require" | "verify-ca" | "verify-full") => Ok(true),
        Some(other) => Err(format!(
            "`sslmode={other}` is not supported: choose `verify-full` to encrypt and check the \
             server's certificate, or `disable`"
        )),
    }
}

/// Whether a host is this machine.
fn is_here(host: &Host) -> bool {
    match host {
        #[cfg(unix)]
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || IpAddr::from_str(name).is_ok_and(|it| it.is_loopback())
        }
    }
}

/// Trusts the certificates in a file, or those that the machine trusts.
fn trusting(roots: Option<&str>) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let verifier: Arc<dyn ServerCertVerifier> = if let Some(path) = roots {
        from_file(Path::new(path), provider)?
    } else {
        let verifier = rustls_platform_verifier::Verifier::new(provider);
        Arc::new(verifier.map_err(|error| format!("TLS cannot be set up: {error}"))?)
    };
    let config = config.dangerous().with_custom_certificate_verifier(verifier);
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

fn from_file(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    let wrong = |error: &dyn fmt::Display| {
        format!("`{}` holds no usable certificates: {error}", path.display())
    };
    let mut roots = RootCertStore::empty();
    for found in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
        let found = found.map_err(|error| wrong(&error))?;
        roots.add(found).map_err(|error| wrong(&error))?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| wrong(&error))
}
