//! Which hosts may be called: public ones, and those that the operator named.

use std::{
    collections::BTreeSet,
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use base::{ErrorClass, Failure};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Where requests may go besides the public internet.
///
/// Flows and payloads name URLs, so a private address is refused unless the operator named its
/// origin or host: otherwise whoever writes a payload could read the network of the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// Origins such as `http://127.0.0.1:8071`, as text in their normal form.
    origins: BTreeSet<String>,
    /// Hosts on any port.
    hosts: BTreeSet<String>,
    /// Every address may be called.
    allow_private: bool,
}

/// The client that carries a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The operator named the origin: its address may be private.
    Named,
    /// Only public addresses, checked when the name is resolved and used for the connection.
    Public,
}

impl Egress {
    /// The public internet only.
    pub fn public() -> Self {
        Self::default()
    }

    /// Everything, as `http.allowPrivate` says.
    pub fn everything() -> Self {
        Self { allow_private: true, ..Self::default() }
    }

    /// Adds what the operator named: a URL stands for its origin, a bare host for all its ports.
    /// Text that is neither adds nothing.
    #[must_use]
    pub fn allow(mut self, origin_or_host: &str) -> Self {
        if origin_or_host.contains("://") {
            if let Ok(url) = Url::parse(origin_or_host) {
                self.origins.insert(url.origin().ascii_serialization());
            }
        } else if let Ok(host) = Host::parse(origin_or_host) {
            self.hosts.insert(host.to_string());
        }
        self
    }

    /// Who may carry a request to a URL, or why nobody may.
    pub(crate) fn route(&self, url: &Url) -> Result<Route, Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(&format!("the scheme `{}` is not http or https", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("a URL must not hold a user name or password"));
        }
        let Some(host) = url.host() else {
            return Err(refused("the URL names no host"));
        };
        let named = self.origins.contains(&url.origin().ascii_serialization())
            || self.hosts.contains(&host.to_string());
        if self.allow_private || named {
            return Ok(Route::Named);
        }
        let public = match host {
            Host::Ipv4(address) => is_public(IpAddr::V4(address)),
            Host::Ipv6(address) => is_public(IpAddr::V6(address)),
            Host::Domain(name) => !is_local_name(name),
        };
        if public { Ok(Route::Public) } else { Err(refused(&not_public(&host.to_string()))) }
    }
}

fn refused(message: &str) -> Failure {
    Failure::of_class(ErrorClass::Permission, "DestinationRefused", message)
}

fn not_public(host: &str) -> String {
    format!("`{host}` is not a public address and is not among the hosts that may be called")
}

fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

/// Whether an address belongs to the public internet: not private, local, shared, special or the
/// metadata service of a cloud.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Networks that are not public, as first address and length of the prefix.
const SPECIAL_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10), // shared by customers of a carrier; also clouds' metadata
    ([127, 0, 0, 0], 8),
    ([168, 63, 129, 16], 32), // the platform's own address in Azure
    ([169, 254, 0, 0], 16),   // link-local; 169.254.169.254 is the metadata service
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    SPECIAL_V4.iter().all(|(first, length)| {
        let shift = 32 - length;
        bits >> shift != u32::from(Ipv4Addr::from(*first)) >> shift
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    // A translator forwards 64:ff9b::/96 to the IPv4 address in the last 32 bits.
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
        return is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    }
    // Only 2000::/3 is given out; within it tunnels, documentation and special uses are not.
    let [first, second, ..] = address.segments();
    let global = first & 0xe000 == 0x2000;
    let protocol_assignments = first == 0x2001 && second < 0x0200;
    let documentation =
        (first == 0x2001 && second == 0x0db8) || (first == 0x3fff && second < 0x1000);
    let six_to_four = first == 0x2002;
    global && !protocol_assignments && !documentation && !six_to_four
}

/// Finds the addresses of a name.
pub(crate) type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;
/// Addresses that are being found.
pub(crate) type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// As the machine finds them.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|host| {
        Box::pin(async move { Ok(tokio::net::lookup_host((host.as_str(), 0)).await?.collect()) })
    })
}

/// Resolves names to public addresses only. The connection is made to the addresses that were
/// checked, so a name cannot answer differently the second time.
pub(crate) struct PublicOnly(pub(crate) Lookup);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let found = (self.0)(host.clone());
        Box::pin(async move {
            let public: Vec<SocketAddr> =
                found.await?.into_iter().filter(|it| is_public(it.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic(host).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Refuses what a proxy would be asked to connect to, unless all its addresses are public: which one
/// the proxy takes is not ours to say.
pub(crate) async fn check_public(url: &Url, lookup: &Lookup) -> Result<(), Failure> {
    // Numbers have been looked at as they are written.
    let Some(Host::Domain(host)) = url.host() else { return Ok(()) };
    let found = lookup(host.to_owned()).await.map_err(|error| {
        let message = format!("the address of `{host}` cannot be found: {error}");
        Failure::of_class(ErrorClass::Transient, "ConnectionFailed", message)
    })?;
    let all_public = !found.is_empty() && found.iter().all(|it| is_public(it.ip()));
    if all_public { Ok(()) } else { Err(refused(&not_public(host))) }
}

/// All addresses of a name are private.
#[derive(Debug)]
struct NotPublic(String);

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&not_public(&self.0))
    }
}

impl std::error::Error for NotPublic {}

/// The refusal inside an error of the client, if that is what it was.
pub(crate) fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<Failure> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(not_public) = error.downcast_ref::<NotPublic>() {
            return Some(refused(&not_public.to_string()));
        }
        cause = error.source();
    }
    None
}
