//! The programs behind connectors, as commands start them.

use std::collections::BTreeMap;

use process_host::{Host, Options};

/// A host that gives programs what their connectors name of this process's environment.
pub(crate) fn host() -> Host {
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Host::new(Options { environment, version: env!("CARGO_PKG_VERSION") })
}
