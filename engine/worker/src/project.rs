//! A project on disk: its flows, connectors and environment, read with all diagnostics.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use base::{
    Diagnostic, Failure, Secret, Severity, Source, Span, code,
    limits::{FILE_BYTES_MAX, WDL_BYTES_MAX},
};
use connector::{Catalog, Connection, ConnectionValue, discover::Snapshot, model::ParamKind};
use flow::{
    Environment, Package,
    environment::{ConnectionSetting, Reference, Setting},
    package::{self, Definition},
};
use serde_json::{Map, Value};

use crate::{
    deploy::{self, Deployed},
    documents::{self, Document},
    flow_tests,
    live::{Connections, Entry},
    places::{FlowPlace, Listed},
    programs,
    published::{self, Place},
    references::resolve,
    settings::{self, Settings},
};

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "flowright.yaml";
pub(crate) const FLOW_FILE: &str = "flow.yaml";
const CONNECTOR_FILE: &str = "connector.yaml";
/// The folder of what services have said of their schemas: `schemas/<connector>/<name>.json`.
pub const SNAPSHOTS: &str = "schemas";
/// How deep flow folders may lie below the project's flows.
const FOLDER_DEPTH_MAX: usize = 16;

/// A project as it was read.
#[derive(Debug)]
pub struct Project {
    /// Its folder.
    pub root: PathBuf,
    /// Its file; the usual values if there is none.
    pub settings: flow::Project,
    /// Its flows by name.
    pub flows: Vec<FlowFile>,
    /// Its connectors.
    pub catalog: Catalog,
    /// The environment that was asked for.
    pub environment: Option<(Source, Environment)>,
    /// What was found in files that are not of a flow.
    pub diagnostics: Vec<(Source, Vec<Diagnostic>)>,
}

/// One flow of a project.
#[derive(Clone, Debug)]
pub struct FlowFile {
    /// Its folder below the project's flows, with `/`; of a definition its name in the cloud.
    pub name: String,
    /// The id that calls of child flows name it by, if it has one in the cloud.
    pub id: Option<String>,
    /// Its files, the flow first.
    pub files: Vec<Source>,
    /// Values of the app settings beside it.
    pub settings: Settings,
    /// What was read.
    pub package: Package,
}

/// Why a project could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder cannot be read.
    #[error("cannot read `{}`", .0.display())]
    Io(PathBuf, #[source] std::io::Error),
    /// A file is larger than any flow could need.
    #[error("`{}` has {bytes} bytes, more than the {bytes_max} that are read", file.display())]
    TooLarge {
        /// Which.
        file: PathBuf,
        /// How large it is.
        bytes: u64,
        /// How large it may be.
        bytes_max: usize,
    },
    /// A file is not text.
    #[error("`{}` is not UTF-8 (byte {at}); save it as UTF-8", file.display())]
    NotText {
        /// Which.
        file: PathBuf,
        /// The first byte that is not.
        at: usize,
    },
    /// The environment that was asked for, or that the project names, has no file.
    #[error("there is no environment `{name}` in `{}`; there are: {known}", folder.display())]
    NoEnvironment {
        /// Which.
        name: String,
        /// Where environments are.
        folder: PathBuf,
        /// Those that there are.
        known: String,
    },
    /// A name on disk is not text.
    #[error("the name `{}` is not valid text", .0.display())]
    Name(PathBuf),
    /// An archive, or a file in one, cannot be read.
    #[error("cannot read `{0}`: {1}")]
    Archive(String, String),
    /// A file that has to be JSON is not.
    #[error("`{0}` is not JSON")]
    NotJson(String),
    /// A folder is not one of exported definitions.
    #[error("`{}` holds more than {files_max} files", folder.display())]
    TooMany {
        /// Which.
        folder: PathBuf,
        /// How many it may hold.
        files_max: usize,
    },
    /// There is no definition where one was looked for.
    #[error("`{}` holds no definition of a flow", .0.display())]
    NoDefinition(PathBuf),
}

/// Looks up what environments only name.
pub trait Secrets {
    /// The value behind a reference.
    ///
    /// # Errors
    /// Says what is missing and how to give it, without the value.
    fn resolve(&self, reference: &Reference) -> Result<Secret<String>, String>;
}

impl Project {
    /// The project that a path lies in: the nearest folder above with a `flowright.yaml`.
    pub fn find(path: &Path) -> Option<PathBuf> {
        let path = fs::canonicalize(path).ok()?;
        path.ancestors().find(|it| it.join(PROJECT_FILE).is_file()).map(Path::to_path_buf)
    }

    /// Reads a project with one of its environments; `None` takes the project's own choice.
    ///
    /// # Errors
    /// If a file cannot be read. Faults in files are diagnostics.
    pub fn load(root: &Path, environment: Option<&str>) -> Result<Self, LoadError> {
        let (mut project, places) = Self::without_flows(root, environment)?;
        let flows: Result<Vec<FlowFile>, LoadError> =
            places.iter().map(|it| project.read(it)).collect();
        project.flows = flows?;
        Ok(project)
    }

    /// Reads everything of a project but its flows, and tells where those are, by name.
    ///
    /// # Errors
    /// As [`Project::load`].
    pub fn without_flows(
        root: &Path,
        environment: Option<&str>,
    ) -> Result<(Self, Vec<FlowPlace>), LoadError> {
        let mut diagnostics = Vec::new();
        let file = root.join(PROJECT_FILE);
        let settings = if file.is_file() {
            let source = source(root, &file, FILE_BYTES_MAX)?;
            let (settings, found) = flow::project::read(&source);
            diagnostics.push((source, found));
            settings
        } else {
            flow::Project::default()
        };
        let mut catalog = Catalog::default();
        for folder in &settings.connectors {
            let folder = root.join(&folder.path);
            for place in published(&folder)? {
                place.list(&mut catalog)?;
            }
            for file in files_below(&folder, CONNECTOR_FILE)? {
                let source = source(root, &file, FILE_BYTES_MAX)?;
                let (connector, found) = match connector::import_of(&source) {
                    Some(import) => {
                        let home = file.parent().unwrap_or(&folder);
                        connector::read_over(&source, published::import(home, &import))
                    }
                    None => programs::read(&file, &source)?,
                };
                catalog.add(connector);
                diagnostics.push((source, found));
            }
        }
        let mut places = Vec::new();
        for folder in &settings.flows {
            let folder = root.join(&folder.path);
            for file in files_below(&folder, FLOW_FILE)? {
                let home = file.parent().unwrap_or(&folder);
                diagnostics.extend(flow_tests::read(root, home)?);
                places.push(FlowPlace::of(&file, relative(&folder, home)?)?);
            }
        }
        places.sort_by(|a, b| a.name.cmp(&b.name));
        catalog.learn(&load_snapshots(root, &mut diagnostics)?);
        let name = environment.or(settings.environment.as_deref());
        let environment = match name {
            Some(name) => Some(load_environment(root, &settings, name, &mut diagnostics)?),
            None => None,
        };
        if let Some((source, environment)) = &environment {
            diagnostics.push((source.clone(), lint::unknown_ways(environment, &catalog)));
        }
        let (root, flows) = (root.to_path_buf(), Vec::new());
        Ok((Self { root, settings, flows, catalog, environment, diagnostics }, places))
    }

    /// Reads one flow.
    ///
    /// # Errors
    /// If one of its files cannot be read.
    pub fn read(&self, place: &FlowPlace) -> Result<FlowFile, LoadError> {
        let mut files = Vec::with_capacity(place.files.len());
        for (number, file) in place.files.iter().enumerate() {
            let bytes_max = if number == 0 { WDL_BYTES_MAX } else { FILE_BYTES_MAX };
            files.push(source(&self.root, file, bytes_max)?);
        }
        let package = deploy::of_sources(&files);
        let name = place.name.clone();
        Ok(FlowFile { name, id: None, files, settings: Settings::new(), package })
    }

    /// Reads the flows of a file or folder that need not be in the project: a flow of ours, or
    /// definitions of the cloud's in any of its forms. What cannot be read as one of them is a flow
    /// with errors if it was named, or is not JSON although its name says so.
    ///
    /// # Errors
    /// If a file cannot be read, or there is no flow.
    pub fn open(&self, path: &Path) -> Result<Vec<FlowFile>, LoadError> {
        let path =
            fs::canonicalize(path).map_err(|error| LoadError::Io(path.to_path_buf(), error))?;
        let mut flows = Vec::new();
        for file in Listed::of(&path)? {
            self.open_listed(&file, &mut |it| flows.push(it))?;
        }
        if flows.is_empty() { Err(LoadError::NoDefinition(path)) } else { Ok(flows) }
    }

    /// Reads the flows of one file, each to be taken before the next is read; there may be none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open_listed(
        &self,
        file: &Listed,
        take: &mut dyn FnMut(FlowFile),
    ) -> Result<(), LoadError> {
        let (path, is_named) = match file {
            Listed::Flow(place) => {
                take(self.read(place)?);
                return Ok(());
            }
            Listed::File { path, is_named } => (path, *is_named),
        };
        let name = relative(&self.root, path)?;
        for document in documents::read(path, &name)? {
            let document = document?;
            let is_named = is_named && document.source.name() == name;
            if is_named && !package::is_definition(&name, document.source.text()) {
                take(self.read(&FlowPlace::alone(path)?)?);
                return Ok(());
            }
            of_document(document, is_named).into_iter().for_each(&mut *take);
        }
        Ok(())
    }

    /// Whether any file has a fault that keeps its flow from running.
    pub fn has_errors(&self) -> bool {
        let of_flows = self.flows.iter().flat_map(|it| &it.package.diagnostics);
        let mut found = self.diagnostics.iter().chain(of_flows).flat_map(|(_, found)| found);
        found.any(|it| it.severity == Severity::Error)
    }

    /// The flows made ready to run.
    ///
    /// # Errors
    /// If a parameter of the environment names something that cannot be looked up.
    pub fn deploy(&self, secrets: &dyn Secrets) -> Result<BTreeMap<String, Arc<Deployed>>, String> {
        let parameters = self.parameters(secrets)?;
        let deployed = self.flows.iter().map(|it| {
            let flow = self.deploy_one(it, &parameters, secrets);
            (it.name.clone(), Arc::new(flow))
        });
        Ok(deployed.collect())
    }

    /// One flow made ready to run, with the environment's parameters and the settings beside it.
    pub fn deploy_one(
        &self,
        file: &FlowFile,
        parameters: &Map<String, Value>,
        secrets: &dyn Secrets,
    ) -> Deployed {
        let package = file.package.clone();
        let files = file.files.iter().map(|it| (it.name().to_owned(), it.text().to_owned()));
        let files = files.collect();
        let flow = Deployed::new(&file.name, files, package, &self.catalog, parameters);
        let flow = flow.with_settings(&settings::of_definition(file, secrets));
        let environment = self.environment.as_ref().map(|(source, _)| Path::new(source.name()));
        let name = environment.and_then(Path::file_stem).and_then(OsStr::to_str);
        flow.in_environment(name.unwrap_or_default())
    }

    /// Values of parameters in the environment.
    ///
    /// # Errors
    /// If one names something that cannot be looked up.
    pub fn parameters(&self, secrets: &dyn Secrets) -> Result<Map<String, Value>, String> {
        let named = self.environment.iter().flat_map(|(_, it)| &it.parameters);
        named.map(|it| Ok((it.name.clone(), resolve(&it.setting, secrets)?))).collect()
    }

    /// The environment's connections, each with what keeps it from being used, if anything does.
    pub fn connections(&self, secrets: &dyn Secrets) -> Connections {
        let settings = self.environment.iter().flat_map(|(_, it)| &it.connections);
        let entries = settings.map(|setting| {
            let connector = setting.connector.clone().unwrap_or_else(|| setting.name.clone());
            let connection = self.connection(setting, &connector, secrets).map_err(|message| {
                Failure::new(
                    "ConnectionNotUsable",
                    format!("connection `{}`: {message}", setting.name),
                )
            });
            (setting.name.clone(), Entry { connector, connection: connection.map(Arc::new) })
        });
        Connections(entries.collect())
    }

    fn connection(
        &self,
        setting: &ConnectionSetting,
        connector: &str,
        secrets: &dyn Secrets,
    ) -> Result<Connection, String> {
        let connector = self
            .catalog
            .find(connector)
            .ok_or_else(|| format!("the project has no connector `{connector}`"))?;
        let mut values = BTreeMap::new();
        for param in &setting.params {
            let value = resolve(&param.setting, secrets)?;
            let kind = connector.connection.param(&param.name).map(|it| it.kind);
            let value = match (kind, value) {
                (Some(ParamKind::Secret), Value::String(text)) => {
                    ConnectionValue::Secret(Secret::new(text))
                }
                (_, value) => ConnectionValue::Plain(value),
            };
            values.insert(param.name.clone(), value);
        }
        let (mut connection, problems) =
            Connection::new(&setting.name, Arc::clone(connector), values);
        connection.quota = setting.quota.or(connection.quota);
        connection.network.allow_hosts.clone_from(&setting.allow_hosts);
        let text = |setting: &Option<Setting>| -> Result<Option<String>, String> {
            let value = setting.as_ref().map(|it| resolve(it, secrets)).transpose()?;
            Ok(value.as_ref().and_then(Value::as_str).map(str::to_owned))
        };
        connection.network.proxy = text(&setting.proxy)?.map(Secret::new);
        connection.network.ca_certificate = text(&setting.ca_certificate)?;
        if let Some(problem) = problems.first() {
            return Err(problem.message.clone());
        }
        match &setting.auth {
            Some((way, _)) => connection.with_way(way).map_err(|it| it.message),
            None => Ok(connection),
        }
    }
}

/// What tells whether a project's files have changed: each with its size and time. Cheap enough to
/// be asked for every second.
///
/// # Errors
/// If the project's file or a folder cannot be read.
pub fn stamp(root: &Path) -> Result<Vec<(PathBuf, u64, Option<SystemTime>)>, LoadError> {
    let file = root.join(PROJECT_FILE);
    let settings = if file.is_file() {
        flow::project::read(&source(root, &file, FILE_BYTES_MAX)?).0
    } else {
        flow::Project::default()
    };
    let mut folders = vec![(root.join(&settings.environments.path), 0)];
    let named = settings.flows.iter().chain(&settings.connectors);
    folders.extend(named.map(|it| (root.join(&it.path), 0)));
    let mut files = vec![file];
    while let Some((folder, depth)) = folders.pop() {
        if !folder.is_dir() || FOLDER_DEPTH_MAX < depth {
            continue;
        }
        for path in entries(&folder)?.into_iter().filter(|it| !it.is_symlink()) {
            if path.is_dir() {
                folders.push((path, depth + 1));
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files.dedup();
    let stamps = files.into_iter().filter_map(|path| {
        let found = fs::metadata(&path).ok()?;
        let modified = found.modified().ok();
        Some((path, found.len(), modified))
    });
    Ok(stamps.collect())
}

/// The definitions of a file. One without any is nothing, unless it was named.
fn of_document(document: Document, is_named: bool) -> Vec<FlowFile> {
    let Document { source, beside, settings, fault } = document;
    let found = match package::definitions(&source, &beside) {
        Ok(found) if !found.is_empty() || !is_named => found,
        Ok(_) | Err(_) => {
            let package = package::read(&source, &beside);
            vec![Definition { id: None, package }]
        }
    };
    let is_one = found.len() == 1;
    let flows = found.into_iter().map(|Definition { id, mut package }| {
        let name = package.flow.name.clone();
        if let (Some((_, found)), Some(fault)) = (package.diagnostics.first_mut(), &fault) {
            found.insert(0, fault.clone());
        }
        let which = format!("{}{}{name}", source.name(), package::WHICH);
        let own = if is_one { source.clone() } else { source.renamed(&which) };
        let files = std::iter::once(own).chain(beside.iter().map(|it| it.1.clone()));
        FlowFile { name, id, files: files.collect(), settings: settings.clone(), package }
    });
    flows.collect()
}

/// What services have said of their schemas, as it was pulled.
fn load_snapshots(
    root: &Path,
    diagnostics: &mut Vec<(Source, Vec<Diagnostic>)>,
) -> Result<Vec<Snapshot>, LoadError> {
    let mut snapshots = Vec::new();
    let folder = root.join(SNAPSHOTS);
    for folder in if folder.is_dir() { entries(&folder)? } else { Vec::new() } {
        let files = if folder.is_dir() { entries(&folder)? } else { Vec::new() };
        for file in files.iter().filter(|it| it.extension().is_some_and(|it| it == "json")) {
            let source = source(root, file, WDL_BYTES_MAX)?;
            match Snapshot::read(source.text()) {
                Ok(snapshot) => snapshots.push(snapshot),
                Err(message) => {
                    let found = Diagnostic::new(code::WRONG_TYPE, Span::default(), message);
                    let found = found.hint("pull it again with `flowright connectors schema pull`");
                    diagnostics.push((source, vec![found]));
                }
            }
        }
    }
    Ok(snapshots)
}

fn load_environment(
    root: &Path,
    settings: &flow::Project,
    name: &str,
    diagnostics: &mut Vec<(Source, Vec<Diagnostic>)>,
) -> Result<(Source, Environment), LoadError> {
    let folder = root.join(&settings.environments.path);
    let file = folder.join(format!("{name}.yaml"));
    if !file.is_file() {
        let known = if folder.is_dir() { entries(&folder)? } else { Vec::new() };
        let known = known.iter().filter(|it| it.extension().is_some_and(|it| it == "yaml"));
        let known = known.filter_map(|it| it.file_stem()?.to_str());
        let known: Vec<&str> = known.collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(LoadError::NoEnvironment { name: name.to_owned(), folder, known });
    }
    let source = source(root, &file, FILE_BYTES_MAX)?;
    let (environment, found) = flow::environment::read(&source);
    diagnostics.push((source.clone(), found));
    Ok((source, environment))
}

pub(crate) fn source(root: &Path, file: &Path, bytes_max: usize) -> Result<Source, LoadError> {
    let fail = |error| LoadError::Io(file.to_path_buf(), error);
    let bytes = fs::metadata(file).map_err(fail)?.len();
    if u64::try_from(bytes_max).is_ok_and(|most| most < bytes) {
        return Err(LoadError::TooLarge { file: file.to_path_buf(), bytes, bytes_max });
    }
    let text = String::from_utf8(fs::read(file).map_err(fail)?).map_err(|error| {
        LoadError::NotText { file: file.to_path_buf(), at: error.utf8_error().valid_up_to() + 1 }
    })?;
    Ok(Source::new(&name_of(root, file), &text))
}

/// What messages call a file.
pub(crate) fn name_of(root: &Path, file: &Path) -> String {
    relative(root, file).unwrap_or_else(|_| file.display().to_string())
}

/// A path below another with `/`; the path itself if it is not below.
fn relative(root: &Path, path: &Path) -> Result<String, LoadError> {
    let path = path.strip_prefix(root).unwrap_or(path);
    let text = path.to_str().ok_or_else(|| LoadError::Name(path.to_path_buf()))?;
    Ok(text.replace('\\', "/"))
}

/// Files of a name in a folder and below, in order. Links are not followed out of the project.
fn files_below(folder: &Path, name: &str) -> Result<Vec<PathBuf>, LoadError> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        if !folder.is_dir() || FOLDER_DEPTH_MAX < depth {
            continue;
        }
        for path in entries(&folder)? {
            let is_link = path.is_symlink();
            if path.is_dir() && !is_link {
                folders.push((path, depth + 1));
            } else if path.is_file() && !is_link && path.file_name().is_some_and(|it| it == name) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The published connectors in a folder and below that no connector file is for.
///
/// # Errors
/// If a folder cannot be read.
fn published(folder: &Path) -> Result<Vec<Place>, LoadError> {
    let mut found = Vec::new();
    for (folder, files) in folders_below(folder)? {
        let is_own = files.iter().any(|it| it.file_name().is_some_and(|it| it == CONNECTOR_FILE));
        found.extend(Place::of_folder(&folder, &files).filter(|_| !is_own));
    }
    Ok(found)
}

/// A folder and those below, in order, each with its files. Links are not followed.
///
/// # Errors
/// If a folder cannot be read.
pub fn folders_below(folder: &Path) -> Result<Vec<(PathBuf, Vec<PathBuf>)>, LoadError> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        if !folder.is_dir() || FOLDER_DEPTH_MAX < depth {
            continue;
        }
        let mut files = Vec::new();
        for path in entries(&folder)?.into_iter().filter(|it| !it.is_symlink()) {
            if path.is_dir() {
                folders.push((path, depth + 1));
            } else {
                files.push(path);
            }
        }
        found.push((folder, files));
    }
    found.sort();
    Ok(found)
}

pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let fail = |error| LoadError::Io(folder.to_path_buf(), error);
    let entries = fs::read_dir(folder).map_err(fail)?;
    let mut paths =
        entries.map(|it| it.map(|it| it.path())).collect::<Result<Vec<_>, _>>().map_err(fail)?;
    paths.sort();
    Ok(paths)
}
