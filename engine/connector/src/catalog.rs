//! The connectors at hand, by name.

use std::{collections::BTreeMap, sync::Arc};

use base::suggest;

use crate::model::Connector;

/// A set of connectors. Names count exactly; the cloud's aliases in any case, as the cloud has it.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    by_name: BTreeMap<String, Arc<Connector>>,
    by_alias: BTreeMap<String, Arc<Connector>>,
}

impl Catalog {
    /// A set; of two connectors with one name the later counts.
    pub fn new(connectors: Vec<Connector>) -> Self {
        let mut catalog = Self::default();
        for connector in connectors {
            let connector = Arc::new(connector);
            for alias in &connector.aliases {
                catalog.by_alias.insert(alias.to_ascii_lowercase(), Arc::clone(&connector));
            }
            catalog.by_name.insert(connector.name.clone(), connector);
        }
        catalog
    }

    /// The connector of that name or alias. The cloud's ids may be whole paths, of which the last
    /// segment counts.
    pub fn find(&self, name: &str) -> Option<&Arc<Connector>> {
        let last = name.rsplit('/').next().unwrap_or(name);
        self.by_name.get(last).or_else(|| self.by_alias.get(&last.to_ascii_lowercase()))
    }

    /// The name that was probably meant.
    pub fn closest(&self, name: &str) -> Option<&str> {
        suggest::closest(name, self.by_name.keys().map(String::as_str))
    }

    /// All connectors, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Connector>> {
        self.by_name.values()
    }
}
