//! Which tests there are: `tests/*.test.yaml` in the folders of flows.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use base::{Diagnostic, Severity, Source, limits::WDL_BYTES_MAX};
use flow::{TestFile, test_file};
use worker::{
    Project,
    flow_tests::{FOLDER, SUFFIX},
    project::{self, FlowFile},
};

/// Tests with all that they need.
#[derive(Debug)]
pub struct Suite {
    /// The project, without an environment and in those that tests name.
    pub(crate) projects: BTreeMap<Option<String>, Project>,
    /// The files in order.
    pub files: Vec<TestsOfFile>,
}

/// One file of tests.
#[derive(Debug)]
pub struct TestsOfFile {
    /// The file as it is named in what is shown.
    pub source: Source,
    /// Where it is.
    pub path: PathBuf,
    /// What was read.
    pub tests: TestFile,
    /// What is wrong with it; with an error, none of its tests can be run.
    pub found: Vec<Diagnostic>,
    /// The flow that it tests, and those beside it, or why there is none.
    pub flow: Result<(FlowFile, Vec<FlowFile>), String>,
}

impl TestsOfFile {
    /// Whether it has mistakes that keep its tests from being run.
    pub fn is_faulty(&self) -> bool {
        self.found.iter().any(|it| it.severity == Severity::Error)
    }

    /// What the flow is called.
    pub fn flow_name(&self) -> &str {
        self.flow.as_ref().map_or("", |(flow, _)| flow.name.as_str())
    }
}

impl Suite {
    /// The project in an environment, or without one; none if there is no such environment.
    pub(crate) fn project(&self, environment: Option<&str>) -> Option<&Project> {
        self.projects.get(&environment.map(str::to_owned))
    }

    /// The tests whose name, or the name of whose flow, has the text in it, whatever its case.
    pub fn selected(&self, filter: Option<&str>) -> Vec<(usize, usize)> {
        let wanted = filter.map(str::to_lowercase);
        let mut selected = Vec::new();
        for (index, file) in self.files.iter().enumerate().filter(|(_, it)| !it.is_faulty()) {
            for (test, it) in file.tests.tests.iter().enumerate() {
                let name = format!("{} {}", file.flow_name(), it.name).to_lowercase();
                if wanted.as_ref().is_none_or(|wanted| name.contains(wanted)) {
                    selected.push((index, test));
                }
            }
        }
        selected
    }
}

/// Reads the tests of the project around `here`, or of the files, folders and flows that are named.
///
/// # Errors
/// If a project or file cannot be read, or what is named is not there.
pub fn find(here: &Path, named: &[PathBuf]) -> anyhow::Result<Suite> {
    let first = named.iter().find(|it| it.exists());
    let root = first.and_then(|it| Project::find(it)).or_else(|| Project::find(here));
    let root = root.unwrap_or_else(|| here.to_path_buf());
    let project = Project::load(&root, None)?;
    let mut paths = Vec::new();
    if named.is_empty() {
        let folders = project.settings.flows.iter().map(|it| root.join(&it.path));
        for folder in folders.filter(|it| it.is_dir()) {
            paths.extend(below(&folder)?);
        }
    }
    for it in named {
        paths.extend(named_by(&project, it)?);
    }
    paths.sort();
    paths.dedup();
    let files = paths.iter().map(|it| read(&project, it)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut projects = BTreeMap::new();
    let tests = files.iter().flat_map(|it| &it.tests.tests);
    for (name, _) in tests.filter_map(|it| it.setup.environment.as_ref()) {
        if !projects.contains_key(&Some(name.clone()))
            // One that is not there is a fault of the test that names it.
            && let Ok(loaded) = Project::load(&root, Some(name))
        {
            projects.insert(Some(name.clone()), loaded);
        }
    }
    projects.insert(None, project);
    Ok(Suite { projects, files })
}

/// The files of tests that a path, or the name of a flow, stands for.
fn named_by(project: &Project, named: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !named.exists() {
        let name = named.to_string_lossy();
        let name = name.trim_end_matches('/');
        let is_meant = |it: &&FlowFile| {
            it.name == name || it.name.strip_prefix(name).is_some_and(|it| it.starts_with('/'))
        };
        let mut found = Vec::new();
        let mut any = false;
        for folder in project.flows.iter().filter(is_meant).filter_map(|it| folder_of(project, it))
        {
            found.extend(below(&folder)?);
            any = true;
        }
        if !any {
            let near =
                base::suggest::closest(name, project.flows.iter().map(|it| it.name.as_str()));
            let near = near.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
            bail!("there is no file, folder or flow `{name}`{near}");
        }
        return Ok(found);
    }
    let path = named.canonicalize()?;
    if path.is_dir() {
        return below(&path);
    }
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    if name.ends_with(SUFFIX) {
        return Ok(vec![path]);
    }
    if name == "flow.yaml" {
        return path.parent().map_or_else(|| Ok(Vec::new()), below);
    }
    bail!("`{}` is no file of tests: their names end with `{SUFFIX}`", named.display())
}

/// The files of tests in a folder and below.
fn below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folders = project::folders_below(folder)?;
    let files = folders.into_iter().flat_map(|(_, files)| files);
    Ok(files.filter(|it| it.to_str().is_some_and(|it| it.ends_with(SUFFIX))).collect())
}

/// The folder that a flow of the project lies in.
pub(crate) fn folder_of(project: &Project, flow: &FlowFile) -> Option<PathBuf> {
    let file = project.root.join(flow.files.first()?.name());
    file.parent().map(Path::to_path_buf)
}

fn read(project: &Project, path: &Path) -> anyhow::Result<TestsOfFile> {
    let text = text_of(path)?;
    let root = project.root.canonicalize().unwrap_or_else(|_| project.root.clone());
    let name = path.strip_prefix(&root).unwrap_or(path).display().to_string();
    let source = Source::new(&name.replace('\\', "/"), &text);
    let (tests, found) = test_file::read(&source);
    let flow = flow_of(project, path, tests.flow.as_ref().map(|(name, _)| name.as_str()));
    Ok(TestsOfFile { source, path: path.to_path_buf(), tests, found, flow })
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read `{}`", path.display());
    let bytes = std::fs::metadata(path).with_context(cannot)?.len();
    if u64::try_from(WDL_BYTES_MAX).is_ok_and(|most| most < bytes) {
        bail!("`{}` has more than {WDL_BYTES_MAX} bytes", path.display());
    }
    std::fs::read_to_string(path).with_context(cannot)
}

/// The flow that a file names, else the one in the folder above.
fn flow_of(
    project: &Project,
    path: &Path,
    name: Option<&str>,
) -> Result<(FlowFile, Vec<FlowFile>), String> {
    let folder = path.parent().unwrap_or(path);
    let Some(name) = name else {
        let is_beside = folder.file_name().is_some_and(|it| it == FOLDER);
        let home = if is_beside { folder.parent().unwrap_or(folder) } else { folder };
        return of_folder(project, home);
    };
    if let Some(found) = project.flows.iter().find(|it| it.name == name) {
        return Ok((found.clone(), Vec::new()));
    }
    let (file, which) = name.rsplit_once('#').map_or((name, None), |(file, it)| (file, Some(it)));
    let file = folder.join(file);
    if !file.exists() {
        let near = base::suggest::closest(name, project.flows.iter().map(|it| it.name.as_str()));
        let near = near.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
        return Err(format!("there is no flow `{name}`{near}"));
    }
    let mut found = project.open(&file).map_err(|it| it.to_string())?;
    let at = match which {
        Some(which) => found.iter().position(|it| it.name.eq_ignore_ascii_case(which)),
        None if found.len() == 1 => Some(0),
        None => None,
    };
    let at = at.ok_or_else(|| {
        let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
        format!("`{name}` holds several flows; write `FILE#NAME` with one of {}", names.join(", "))
    })?;
    let flow = found.remove(at);
    Ok((flow, found))
}

fn of_folder(project: &Project, home: &Path) -> Result<(FlowFile, Vec<FlowFile>), String> {
    let is_there = |it: &&FlowFile| {
        folder_of(project, it)
            .and_then(|it| it.canonicalize().ok())
            .is_some_and(|folder| home.canonicalize().is_ok_and(|home| home == folder))
    };
    if let Some(found) = project.flows.iter().find(is_there) {
        return Ok((found.clone(), Vec::new()));
    }
    if !home.join("flow.yaml").is_file() {
        let home = home.display();
        return Err(format!("there is no `flow.yaml` in `{home}`; name the flow with `flow:`"));
    }
    let mut found = project.open(home).map_err(|it| it.to_string())?;
    if found.is_empty() { Err("there is no flow".to_owned()) } else { Ok((found.remove(0), found)) }
}
