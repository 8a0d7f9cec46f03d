//! Which requests go through a proxy: as the environment or a connection says.

use std::net::IpAddr;

use base::Secret;
use url::{Host, Url};

/// Proxies by the kind of address, and what is asked directly. Read from `HTTP_PROXY`, `HTTPS_PROXY` and
/// `NO_PROXY` by whoever may read the environment.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Secret<String>>,
    https: Option<Secret<String>>,
    except: Vec<Exception>,
}

/// What is asked directly.
#[derive(Clone, Debug)]
enum Exception {
    Everything,
    /// A host and all below it, on one port or all.
    Name(String, Option<u16>),
    /// A network: first address and length of the prefix.
    Network(IpAddr, u32),
}

impl Proxies {
    /// One proxy for everything.
    pub fn all(address: &Secret<String>) -> Self {
        let address = Some(address.clone());
        Self { http: address.clone(), https: address, except: Vec::new() }
    }

    /// As variables of the environment say; this machine itself is always asked directly.
    pub fn of_variables(http: Option<&str>, https: Option<&str>, no_proxy: Option<&str>) -> Self {
        let address = |text: Option<&str>| {
            let text = text.map(str::trim).filter(|it| !it.is_empty())?;
            // `proxy:3128` is what many write.
            let text =
                if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
            Some(Secret::new(text))
        };
        let own = "localhost,127.0.0.0/8,::1";
        let except = own.split(',').chain(no_proxy.unwrap_or_default().split(','));
        Self {
            http: address(http),
            https: address(https),
            except: except.filter_map(Exception::read).collect(),
        }
    }

    pub(crate) const fn http(&self) -> Option<&Secret<String>> {
        self.http.as_ref()
    }

    pub(crate) const fn https(&self) -> Option<&Secret<String>> {
        self.https.as_ref()
    }

    /// Whether the proxies are spoken to in a way that is known here. The library passes others over,
    /// and would ask directly.
    pub(crate) fn are_known(&self) -> bool {
        let is_known = |it: &Secret<String>| {
            let url = Url::parse(it.expose());
            url.is_ok_and(|it| matches!(it.scheme(), "http" | "https") && it.has_host())
        };
        self.http.iter().chain(&self.https).all(is_known)
    }

    /// Whether a request goes through a proxy.
    pub(crate) fn serve(&self, url: &Url) -> bool {
        let proxy = if url.scheme() == "https" { &self.https } else { &self.http };
        proxy.is_some() && !self.except.iter().any(|it| it.covers(url))
    }
}

impl Exception {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return Some(Self::Everything);
        }
        if let Some((first, length)) = text.split_once('/')
            && let (Ok(first), Ok(length)) = (first.parse::<IpAddr>(), length.parse())
        {
            return Some(Self::Network(first, length));
        }
        if let Ok(address) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            let length = if address.is_ipv4() { 32 } else { 128 };
            return Some(Self::Network(address, length));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let name = name.trim_start_matches("*.").trim_matches('.').to_ascii_lowercase();
        (!name.is_empty()).then_some(Self::Name(name, port))
    }

    fn covers(&self, url: &Url) -> bool {
        match self {
            Self::Everything => true,
            Self::Name(name, port) => {
                let host = url.host_str().unwrap_or_default().trim_end_matches('.');
                let below = host.strip_suffix(name.as_str());
                below.is_some_and(|it| it.is_empty() || it.ends_with('.'))
                    && port.is_none_or(|port| url.port_or_known_default() == Some(port))
            }
            Self::Network(first, length) => match (url.host(), first) {
                (Some(Host::Ipv4(address)), IpAddr::V4(first)) => same_start(
                    u128::from(u32::from(address)),
                    u128::from(u32::from(*first)),
                    32,
                    *length,
                ),
                (Some(Host::Ipv6(address)), IpAddr::V6(first)) => {
                    same_start(u128::from(address), u128::from(*first), 128, *length)
                }
                _ => false,
            },
        }
    }
}

/// Whether two numbers of so many bits begin with the same ones.
fn same_start(a: u128, b: u128, bits: u32, length: u32) -> bool {
    let shift = bits.saturating_sub(length);
    length == 0 || a.checked_shr(shift) == b.checked_shr(shift)
}
