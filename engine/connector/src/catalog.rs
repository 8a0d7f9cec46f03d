//! The connectors at hand, by name.

use std::{collections::BTreeMap, sync::Arc};

use base::suggest;

use crate::{discover::Snapshot, model::Connector};

/// A set of connectors. Names count exactly; the cloud's aliases in any case, as the cloud has it.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    by_name: BTreeMap<String, Arc<Connector>>,
    by_alias: BTreeMap<String, Arc<Connector>>,
    /// Connectors with what is known of one thing, by their names and its name; without a name what
    /// holds for all.
    learned: BTreeMap<(String, Option<String>), Arc<Connector>>,
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

    /// Takes in what services have said of their schemas. What is for no connector at hand is nothing.
    pub fn learn(&mut self, snapshots: &[Snapshot]) {
        let mut learned = BTreeMap::new();
        // What holds for all is part of what holds for one thing.
        let (named, general): (Vec<_>, Vec<_>) = snapshots.iter().partition(|it| it.name.is_some());
        for snapshot in general.into_iter().chain(named) {
            let Some(connector) = self.find(&snapshot.connector) else { continue };
            let name = connector.name.clone();
            let base = learned.get(&(name.clone(), None)).unwrap_or(connector);
            let with = Arc::new(base.learned(snapshot));
            learned.insert((name, snapshot.name.clone()), with);
        }
        self.learned = learned;
    }

    /// A connector with all that is known where its operations are given these inputs.
    pub fn seen<'a>(
        &'a self,
        connector: &'a Connector,
        given: impl Fn(&str) -> Option<String>,
    ) -> &'a Connector {
        if self.learned.is_empty() {
            return connector;
        }
        let inputs = connector.discovered().into_iter().filter_map(|(_, input)| given(&input?));
        let mut names = inputs.map(Some).chain([None]);
        let found = names.find_map(|it| self.learned.get(&(connector.name.clone(), it)));
        found.map_or(connector, AsRef::as_ref)
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
