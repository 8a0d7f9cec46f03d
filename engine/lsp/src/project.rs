//! A project as a server knows it, and whoever reads it from the disk.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use base::{Diagnostic, Source};
use connector::Catalog;
use flow::{Environment, Flow, Package};

use crate::schema::Known;

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
    /// What schemas of its files say besides.
    pub known: Known,
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

    /// Takes in the text of an open file: the package that it is of is read anew.
    pub fn update(&mut self, kind: FileKind, name: &str, text: &str) {
        let source = Source::new(name, text);
        match kind {
            FileKind::Flow | FileKind::Mapping => self.update_flow(name, &source),
            FileKind::Connector => {
                let (connector, found) = connector::read(&source);
                let is_whole =
                    connector::import_of(&source).is_none() && connector.program.is_none();
                if is_whole && !connector.name.is_empty() {
                    self.catalog.add(connector);
                }
                if is_whole {
                    self.replace(source, found);
                }
            }
            FileKind::Environment => {
                let (environment, found) = flow::environment::read(&source);
                if self.others.iter().any(|(it, _)| it.name() == name) {
                    self.environment = Some(environment);
                }
                self.replace(source, found);
            }
            FileKind::Test => {
                let (_, found) = flow::test_file::read(&source);
                self.replace(source, found);
            }
            FileKind::Project => {
                let (_, found) = flow::project::read(&source);
                self.replace(source, found);
            }
        }
    }

    fn replace(&mut self, source: Source, found: Vec<Diagnostic>) {
        match self.others.iter_mut().find(|(it, _)| it.name() == source.name()) {
            Some(place) => *place = (source, found),
            None => self.others.push((source, found)),
        }
    }

    fn update_flow(&mut self, name: &str, source: &Source) {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let found = self.flow_of(name).or_else(|| {
            let own = if folder.is_empty() {
                "flow.yaml".to_owned()
            } else {
                format!("{folder}/flow.yaml")
            };
            self.flow_of(&own)
        });
        let (mut files, number): (Vec<Source>, _) = match found.and_then(|it| self.flows.get(it)) {
            Some(flow) => {
                let files = flow.package.diagnostics.iter().map(|(source, _)| source.clone());
                (files.collect(), found)
            }
            None => (Vec::new(), None),
        };
        match files.iter_mut().find(|it| it.name() == name) {
            Some(file) => *file = source.clone(),
            None => files.push(source.clone()),
        }
        // A mapping without a flow beside it is read with an empty one.
        let own = files.iter().position(|it| !it.name().ends_with(MAPPING));
        let own = match own {
            Some(at) => files.remove(at),
            None => Source::new(&format!("{folder}/flow.yaml"), ""),
        };
        let beside: Vec<(String, Source)> = files
            .into_iter()
            .map(|it| {
                let file = it.name().rsplit('/').next().unwrap_or_default();
                (file.strip_suffix(MAPPING).unwrap_or(file).to_owned(), it)
            })
            .collect();
        let package = flow::package::read(&own, &beside);
        match number.and_then(|it| self.flows.get_mut(it)) {
            Some(flow) => {
                // What is broken says nothing of what it will be.
                if yaml::parse(own.text()).0.is_some() {
                    flow.good = package.flow.clone();
                }
                flow.package = package;
            }
            None => self.flows.push(FlowFile::new(folder.to_owned(), package)),
        }
    }
}

/// Open files by their paths.
pub(crate) type Open<T> = BTreeMap<PathBuf, T>;
