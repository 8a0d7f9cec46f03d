//! A project as a server knows it, and whoever reads it from the disk.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use base::{Diagnostic, Source};
use connector::Catalog;
use flow::{Environment, Flow, Package};
use lint::{baseline::Baseline, glob::Pattern};

use crate::schema::{Known, made::Made};

/// A project as it was read.
#[derive(Debug, Default)]
pub struct Project {
    /// Its folder.
    pub root: PathBuf,
    /// Its flows. Names of files are relative to the folder.
    pub flows: Vec<FlowFile>,
    /// Its connectors.
    pub catalog: Catalog,
    /// The environment that it runs in.
    pub environment: Option<Environment>,
    /// Its other files, and what is wrong with them.
    pub others: Vec<(Source, Vec<Diagnostic>)>,
    /// What the linter looks for in it.
    pub settings: lint::Settings,
    /// Files that the linter leaves out, as in `.gitignore`.
    pub exclude: Vec<Pattern>,
    /// Findings that were there before, which are not told.
    pub baseline: Baseline,
    /// What schemas of its files say besides.
    pub known: Known,
    /// What whoever works on it is told once.
    pub remarks: Vec<String>,
    /// Schemas of its files that have been made.
    pub made: Made,
}

/// One flow of a project.
#[derive(Clone, Debug)]
pub struct FlowFile {
    /// Its folder below the project's flows.
    pub name: String,
    /// What was read.
    pub package: Package,
    /// The flow as it was when its file could be read last.
    pub good: Flow,
}

impl FlowFile {
    /// A flow that has just been read.
    pub fn new(name: String, package: Package) -> Self {
        Self { name, good: package.flow.clone(), package }
    }
}

/// Reads projects from the disk.
pub trait Host {
    /// The project that a file lies in.
    ///
    /// # Errors
    /// Why there is none.
    fn load(&mut self, file: &Path) -> Result<Project, String>;

    /// Whether findings of a file are told, as far as the disk says: what the repository ignores is not checked.
    fn is_checked(&mut self, _root: &Path, _name: &str) -> bool {
        true
    }
}

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `flow.yaml`.
    Flow,
    /// `*.mapping.yaml`.
    Mapping,
    /// `environments/*.yaml`.
    Environment,
    /// `connector.yaml`.
    Connector,
    /// `flowright.yaml`.
    Project,
    /// `tests/*.test.yaml`.
    Test,
}

impl FileKind {
    /// What a file is; none if it is none of a project's.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let folder = path.parent().and_then(Path::file_name).and_then(|it| it.to_str());
        let is_yaml = path.extension().is_some_and(|it| it == "yaml");
        match name {
            "flow.yaml" => Some(Self::Flow),
            "connector.yaml" => Some(Self::Connector),
            "flowright.yaml" => Some(Self::Project),
            _ if name.ends_with(MAPPING) => Some(Self::Mapping),
            _ if name.ends_with(".test.yaml") => Some(Self::Test),
            _ if is_yaml && folder == Some("environments") => Some(Self::Environment),
            _ => None,
        }
    }

    /// The tables of its keys, if it has such.
    pub const fn shape(self) -> Option<flow::shape::File> {
        match self {
            Self::Flow => Some(flow::shape::File::Flow),
            Self::Mapping => Some(flow::shape::File::Mapping),
            Self::Environment => Some(flow::shape::File::Environment),
            Self::Project => Some(flow::shape::File::Project),
            Self::Connector | Self::Test => None,
        }
    }
}

/// What the names of mapping files end in.
pub(crate) const MAPPING: &str = ".mapping.yaml";

impl Project {
    /// The flow that a file is of, the mapping files beside a flow's own included.
    pub(crate) fn flow_of(&self, name: &str) -> Option<usize> {
        self.flows
            .iter()
            .position(|it| it.package.diagnostics.iter().any(|(source, _)| source.name() == name))
    }

    /// Takes in the text of an open file: that file is read anew, and nothing else.
    pub fn update(&mut self, kind: FileKind, name: &str, text: &str) {
        let source = Source::new(name, text);
        match kind {
            FileKind::Flow => self.update_flow(name, &source),
            FileKind::Mapping => self.update_mapping(name, &source),
            FileKind::Connector => {
                let (connector, found) = connector::read(&source);
                let is_whole =
                    connector::import_of(&source).is_none() && connector.program.is_none();
                if is_whole && !connector.name.is_empty() {
                    self.catalog.add(connector);
                    self.made.forget();
                }
                if is_whole {
                    self.replace(source, found);
                }
            }
            FileKind::Environment => {
                let (environment, mut found) = flow::environment::read(&source);
                if self.others.iter().any(|(it, _)| it.name() == name) {
                    found.extend(lint::unknown_ways(&environment, &self.catalog));
                    self.environment = Some(environment);
                    self.learn();
                }
                self.replace(source, found);
            }
            FileKind::Test => {
                let (_, found) = flow::test_file::read(&source);
                self.replace(source, found);
            }
            FileKind::Project => {
                let (settings, mut found) = flow::project::read(&source);
                found.extend(settings.lint.iter().flat_map(|it| lint::config::read(it).1));
                self.replace(source, found);
            }
        }
    }

    /// Learns anew what schemas say besides the formats of files.
    fn learn(&mut self) {
        let mut known = Known {
            environments: std::mem::take(&mut self.known.environments),
            mappings: std::mem::take(&mut self.known.mappings),
            ..Known::default()
        };
        for it in &self.flows {
            known.add(&it.name, &it.good);
        }
        if let Some(it) = &self.environment {
            known.add_environment(it);
        }
        self.known = known;
    }

    /// Puts what is found in a file into the place of all that was found in it before.
    fn replace(&mut self, source: Source, found: Vec<Diagnostic>) {
        self.others.retain(|(it, _)| it.name() != source.name());
        self.others.push((source, found));
    }

    fn update_flow(&mut self, name: &str, source: &Source) {
        let number = self.flow_of(name).or_else(|| self.flow_of(&beside(name)));
        let Some(flow) = number.and_then(|it| self.flows.get_mut(it)) else {
            let package = flow::package::read(source, &[]);
            self.flows.push(FlowFile::new(folder(name).to_owned(), package));
            return self.learn();
        };
        flow.package.set_flow(source);
        // What is broken says nothing of what it will be.
        if is_nothing(&flow.package.flow) {
            return;
        }
        let (before, after) = (learned(&flow.good), learned(&flow.package.flow));
        flow.good = flow.package.flow.clone();
        if before != after {
            self.learn();
        }
    }

    fn update_mapping(&mut self, name: &str, source: &Source) {
        let file = name.rsplit('/').next().unwrap_or_default();
        let stem = file.strip_suffix(MAPPING).unwrap_or(file);
        let number = self.flow_of(name).or_else(|| self.flow_of(&beside(name)));
        if let Some(flow) = number.and_then(|it| self.flows.get_mut(it)) {
            return flow.package.set_mapping(stem, source);
        }
        // A mapping without a flow beside it is read with an empty one.
        let own = Source::new(&beside(name), "");
        let package = flow::package::read(&own, &[(stem.to_owned(), source.clone())]);
        self.flows.push(FlowFile::new(folder(name).to_owned(), package));
    }
}

/// The folder of a file.
fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The flow file in the folder of a file.
fn beside(name: &str) -> String {
    match name.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/flow.yaml"),
        None => "flow.yaml".to_owned(),
    }
}

/// Whether nothing could be read of a flow.
fn is_nothing(flow: &Flow) -> bool {
    let is_empty = flow.triggers.is_empty() && flow.actions.is_empty();
    is_empty && flow.name.is_empty() && flow.connections.is_empty() && flow.parameters.is_empty()
}

/// What schemas of other files say of a flow.
fn learned(flow: &Flow) -> Known {
    let mut known = Known::default();
    known.add("", flow);
    known
}

/// Open files by their paths.
pub(crate) type Open<T> = BTreeMap<PathBuf, T>;
