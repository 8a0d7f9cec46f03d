//! The connectors at hand, by name. Those that are many and rarely used are read when they are asked for.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use base::suggest;

use crate::{discover::Snapshot, model::Connector};

/// A set of connectors. Names count exactly; the cloud's aliases in any case, as the cloud has it.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    entries: BTreeMap<String, Arc<Entry>>,
    by_alias: BTreeMap<String, String>,
    /// Connectors with what is known of one thing, by their names and its name; without a name what
    /// holds for all.
    learned: BTreeMap<(String, Option<String>), Arc<Connector>>,
}

/// What is known of a connector before it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Its name in flows.
    pub name: String,
    /// Other names that flows of the cloud use.
    pub aliases: Vec<String>,
    /// Its name for people.
    pub title: String,
    /// Its version.
    pub version: String,
    /// How many operations flows may call, as far as that is known.
    pub operations: usize,
    /// How many triggers it has, as far as that is known.
    pub triggers: usize,
}

/// Reads a connector; `None` if it cannot be read any more.
type Load = Box<dyn Fn() -> Option<Connector> + Send + Sync>;

struct Entry {
    listing: Listing,
    connector: OnceLock<Option<Arc<Connector>>>,
    load: Option<Load>,
}

impl Entry {
    fn connector(&self) -> Option<&Arc<Connector>> {
        let load = || self.load.as_ref()?().map(Arc::new);
        self.connector.get_or_init(load).as_ref()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_read = self.connector.get().is_some();
        f.debug_struct("Entry")
            .field("listing", &self.listing)
            .field("is_read", &is_read)
            .finish_non_exhaustive()
    }
}

impl Catalog {
    /// A set; of two connectors with one name the later counts.
    pub fn new(connectors: Vec<Connector>) -> Self {
        let mut catalog = Self::default();
        for connector in connectors {
            catalog.add(connector);
        }
        catalog
    }

    /// Adds a connector, in place of one of that name.
    pub fn add(&mut self, connector: Connector) {
        let listing = Listing {
            name: connector.name.clone(),
            aliases: connector.aliases.clone(),
            title: connector.title.clone(),
            version: connector.version.clone(),
            operations: connector.operations.values().filter(|it| !it.internal).count(),
            triggers: connector.triggers.len(),
        };
        let connector = OnceLock::from(Some(Arc::new(connector)));
        self.insert(Entry { listing, connector, load: None });
    }

    /// Adds a connector that is read when it is asked for; reading it again gives the same.
    pub fn add_later(
        &mut self,
        listing: Listing,
        load: impl Fn() -> Option<Connector> + Send + Sync + 'static,
    ) {
        let load: Load = Box::new(load);
        self.insert(Entry { listing, connector: OnceLock::new(), load: Some(load) });
    }

    fn insert(&mut self, entry: Entry) {
        let name = entry.listing.name.clone();
        for alias in &entry.listing.aliases {
            self.by_alias.insert(alias.to_ascii_lowercase(), name.clone());
        }
        self.entries.insert(name, Arc::new(entry));
    }

    /// The connector of that name or alias. The cloud's ids may be whole paths, of which the last
    /// segment counts.
    pub fn find(&self, name: &str) -> Option<&Arc<Connector>> {
        let last = name.rsplit('/').next().unwrap_or(name);
        let by_alias = || self.entries.get(self.by_alias.get(&last.to_ascii_lowercase())?);
        self.entries.get(last).or_else(by_alias)?.connector()
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
        suggest::closest(name, self.entries.keys().map(String::as_str))
    }

    /// What is known of all connectors, by name, without reading any.
    pub fn listings(&self) -> impl Iterator<Item = &Listing> {
        self.entries.values().map(|it| &it.listing)
    }

    /// All connectors, by name. Reads those that nobody has asked for yet, which takes its time.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Connector>> {
        self.entries.values().filter_map(|it| it.connector())
    }
}
