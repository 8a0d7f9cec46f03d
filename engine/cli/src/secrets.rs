//! Looks up the secrets that environments name: `${env:NAME}`, `${file:path}`, `${secret:name}`.

use std::path::PathBuf;

use base::Secret;
use flow::environment::{Reference, Store};
use worker::project::Secrets;

use crate::network;

/// Secrets of the process and of files.
pub(crate) struct ProcessSecrets {
    /// What relative paths are relative to.
    pub root: PathBuf,
}

impl Secrets for ProcessSecrets {
    fn resolve(&self, reference: &Reference) -> Result<Secret<String>, String> {
        let name = &reference.name;
        match reference.store {
            Store::Env => std::env::var(name)
                .map(Secret::new)
                .map_err(|_| format!("the environment variable `{name}` is not set")),
            Store::File => {
                let path = self.root.join(name);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    format!("the file `{}` cannot be read: {error}", path.display())
                })?;
                Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            Store::Secret => {
                let found = network::vault(&self.root).secret(name);
                let found = found.map_err(network::told)?;
                found.ok_or_else(|| {
                    format!(
                        "there is no secret `{name}`; set it with `flowright connections rotate`"
                    )
                })
            }
        }
    }
}
