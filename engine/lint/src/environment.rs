//! What an environment says of connections, beside what their connectors have.

use base::{Diagnostic, code};
use connector::Catalog;
use flow::Environment;

/// Connections that choose a way to prove who asks which their connector does not have.
pub fn unknown_ways(environment: &Environment, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for setting in &environment.connections {
        let connector = setting.connector.as_deref().unwrap_or(&setting.name);
        let (Some((way, span)), Some(connector)) = (&setting.auth, catalog.find(connector)) else {
            continue;
        };
        let known = connector.connection.auth.ways();
        if !known.contains(&way.as_str()) {
            let message = format!("`{}` has no way `{way}` to prove who asks", connector.name);
            let fault = Diagnostic::new(code::INVALID_CHOICE, *span, message);
            found.push(if known.is_empty() {
                fault.hint("it has only one: leave `auth` out")
            } else {
                fault.hint(format!("it is one of {}", known.join(", ")))
            });
        }
    }
    found
}
