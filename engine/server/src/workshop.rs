//! The files of the project: read for checks, and written when somebody saves a flow.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use base::{Severity, Source, limits::FILE_BYTES_MAX};
use lint::FileFindings;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use worker::{
    Project,
    deploy::sha,
    project::{FlowFile, LoadError},
};

/// The file of a flow in its folder.
const FLOW_FILE: &str = "flow.yaml";
/// The end of the name of a mapping's file.
const MAPPING: &str = ".mapping.yaml";
/// Files of one flow.
const FILES_MAX: usize = 100;
/// Characters of a flow's name, and its folders.
const NAME_CHARS_MAX: usize = 128;
const NAME_PARTS_MAX: usize = 8;

/// A file of a flow, named without its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    pub name: String,
    pub text: String,
}

/// Why files cannot be checked or saved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// They are no files of a flow.
    #[error("{0}")]
    Refused(String),
    /// Somebody else has saved meanwhile.
    #[error("the flow `{0}` has another version by now: read it again")]
    Conflict(String),
    /// The flow cannot run so.
    #[error("the flow `{0}` has errors")]
    Faulty(String, Vec<Value>),
    /// Flows are not saved here.
    #[error("{0}")]
    NotEditable(String),
    /// The project cannot be read.
    #[error("the project cannot be read")]
    Project(#[from] LoadError),
    /// A file cannot be written.
    #[error("`{0}` cannot be written")]
    Io(String, #[source] io::Error),
}

/// The files of a project.
pub struct Workshop {
    root: PathBuf,
    environment: Option<String>,
    /// Whether flows may be saved.
    is_editable: bool,
    /// As it was last read.
    project: RwLock<Arc<Project>>,
    /// One saves at a time.
    saving: tokio::sync::Mutex<()>,
}

impl Workshop {
    /// The files of a project that was read in an environment.
    pub fn new(project: Project, environment: Option<&str>, is_editable: bool) -> Self {
        Self {
            root: project.root.clone(),
            environment: environment.map(str::to_owned),
            is_editable,
            project: RwLock::new(Arc::new(project)),
            saving: tokio::sync::Mutex::default(),
        }
    }

    /// The project has been read again.
    pub fn renew(&self, project: Project) {
        *self.project.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(project);
    }

    pub(crate) const fn is_editable(&self) -> bool {
        self.is_editable
    }

    /// The project as it was last read.
    pub(crate) fn project(&self) -> Arc<Project> {
        Arc::clone(&self.project.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is found in the files of a flow, in the midst of the project as it is.
    pub(crate) fn check(&self, flow: &str, files: &[Text]) -> Result<Vec<Value>, WorkError> {
        check_name(flow)?;
        check_files(files)?;
        Ok(find(&self.project(), flow, files))
    }

    /// Saves the files of a flow that were made from a version. Gives the new version and what was
    /// found.
    pub(crate) async fn save(
        &self,
        flow: &str,
        based_on: Option<&str>,
        files: Vec<Text>,
    ) -> Result<(String, Vec<Value>), WorkError> {
        if !self.is_editable {
            let message = "this service does not write the files of its project";
            return Err(WorkError::NotEditable(message.to_owned()));
        }
        check_name(flow)?;
        check_files(&files)?;
        let _turn = self.saving.lock().await;
        let (root, environment) = (self.root.clone(), self.environment.clone());
        let flow = flow.to_owned();
        let based_on = based_on.map(str::to_owned);
        let saving = tokio::task::spawn_blocking(move || {
            // Files may have changed since they were last looked at.
            let project = Project::load(&root, environment.as_deref())?;
            save(&project, &flow, based_on.as_deref(), &files)
        });
        saving.await.map_err(|error| WorkError::Refused(error.to_string()))?
    }
}

fn save(
    project: &Project,
    flow: &str,
    based_on: Option<&str>,
    files: &[Text],
) -> Result<(String, Vec<Value>), WorkError> {
    let known = project.flows.iter().find(|it| it.name == flow);
    if known.map(version).as_deref() != based_on {
        return Err(WorkError::Conflict(flow.to_owned()));
    }
    let found = find(project, flow, files);
    if found.iter().any(|it| it["severity"] == Severity::Error.name()) {
        return Err(WorkError::Faulty(flow.to_owned(), found));
    }
    let folder = folder(project, known, flow)?;
    let path = project.root.join(&folder);
    check_folders(&project.root, &folder)?;
    fs::create_dir_all(&path).map_err(|error| WorkError::Io(folder.clone(), error))?;
    for file in files {
        write(&path, &file.name, &file.text)
            .map_err(|error| WorkError::Io(format!("{folder}/{}", file.name), error))?;
    }
    let old = known.into_iter().flat_map(|it| &it.files).map(|it| last(it.name()));
    for old in old.filter(|old| !files.iter().any(|it| it.name == *old)) {
        fs::remove_file(path.join(old))
            .map_err(|error| WorkError::Io(format!("{folder}/{old}"), error))?;
    }
    Ok((sha(&named(&folder, files)), found))
}

/// The folder of a flow below the project.
fn folder(project: &Project, known: Option<&FlowFile>, flow: &str) -> Result<String, WorkError> {
    let Some(known) = known else {
        let first = project.settings.flows.first();
        let first = first.ok_or_else(|| WorkError::Refused("the project has no flows".into()))?;
        return Ok(format!("{}/{flow}", first.path.trim_end_matches('/')));
    };
    let file = known.files.first().map(Source::name).unwrap_or_default();
    match file.strip_suffix(FLOW_FILE).and_then(|it| it.strip_suffix('/')) {
        Some(folder) => Ok(folder.to_owned()),
        None => Err(WorkError::NotEditable(format!("`{file}` is not a file of ours"))),
    }
}

/// Links could lead out of the project.
fn check_folders(root: &Path, folder: &str) -> Result<(), WorkError> {
    let mut path = root.to_path_buf();
    for part in folder.split('/') {
        path.push(part);
        if part == ".." || path.is_symlink() {
            let message = format!("`{folder}` leads through a link, or out of the project");
            return Err(WorkError::NotEditable(message));
        }
    }
    Ok(())
}

/// The whole file or nothing.
fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let beside = folder.join(format!(".{name}.new"));
    let mut file = File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(beside, folder.join(name))
}

fn version(flow: &FlowFile) -> String {
    let files = flow.files.iter().map(|it| (it.name().to_owned(), it.text().to_owned()));
    sha(&files.collect::<Vec<_>>())
}

/// The files as a project has them: the flow first, then the others by name.
fn named(folder: &str, files: &[Text]) -> Vec<(String, String)> {
    let mut files: Vec<&Text> = files.iter().collect();
    files.sort_by_key(|it| (it.name != FLOW_FILE, it.name.as_str()));
    files.iter().map(|it| (format!("{folder}/{}", it.name), it.text.clone())).collect()
}

/// The last part of a path.
pub(crate) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn check_name(flow: &str) -> Result<(), WorkError> {
    let is_fine = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|it| it.is_alphanumeric() || "-_. ".contains(it))
    };
    let parts = flow.split('/').count();
    let is_short = flow.chars().count() <= NAME_CHARS_MAX && parts <= NAME_PARTS_MAX;
    if is_short && flow.split('/').all(is_fine) {
        return Ok(());
    }
    let message = format!("`{flow}` is no name of a flow: write it as in `orders/new-order`");
    Err(WorkError::Refused(message))
}

fn check_files(files: &[Text]) -> Result<(), WorkError> {
    let refused = |message: String| Err(WorkError::Refused(message));
    if FILES_MAX < files.len() {
        return refused(format!("a flow has at most {FILES_MAX} files"));
    }
    for (n, file) in files.iter().enumerate() {
        let name = &file.name;
        let stem = name.strip_suffix(MAPPING);
        let is_mapping = stem.is_some_and(|stem| {
            let is_plain = |it: char| it.is_alphanumeric() || "-_.".contains(it);
            !stem.is_empty() && !stem.starts_with('.') && stem.chars().all(is_plain)
        });
        if name != FLOW_FILE && !is_mapping {
            return refused(format!("`{name}` is neither `{FLOW_FILE}` nor `….mapping.yaml`"));
        }
        if FILE_BYTES_MAX < file.text.len() {
            return refused(format!("`{name}` has more than {FILE_BYTES_MAX} bytes"));
        }
        if files.iter().take(n).any(|it| it.name == *name) {
            return refused(format!("`{name}` is there twice"));
        }
    }
    if !files.iter().any(|it| it.name == FLOW_FILE) {
        return refused(format!("there is no `{FLOW_FILE}` among the files"));
    }
    Ok(())
}

/// What is wrong with a flow of these files, in the midst of its project.
fn find(project: &Project, flow: &str, files: &[Text]) -> Vec<Value> {
    let known = project.flows.iter().find(|it| it.name == flow);
    let folder = folder(project, known, flow).unwrap_or_else(|_| flow.to_owned());
    let changed = FlowFile::of_texts(flow, &named(&folder, files));
    let others = project.flows.iter().filter(|it| it.name != flow);
    let flows = others.chain([&changed]);
    let flows: Vec<lint::FlowFile<'_>> =
        flows.map(|it| lint::FlowFile { name: &it.name, package: &it.package }).collect();
    let mut found = lint::check(&lint::Project {
        flows: &flows,
        catalog: &project.catalog,
        environment: project.environment.as_ref().map(|(_, it)| it),
    });
    found.retain(|it| changed.files.iter().any(|file| file.name() == it.source.name()));
    shown(&found)
}

/// Findings as `flowright lint --output-format json` prints them; files are named without their folder.
fn shown(found: &[FileFindings]) -> Vec<Value> {
    let named = lint::report::objects(found).map(|mut it| {
        let file = it["file"].as_str().map(|it| last(it).to_owned());
        it["file"] = json!(file);
        it
    });
    named.collect()
}
