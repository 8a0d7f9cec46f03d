//! What a check is about: the whole project, or what was named, without what is ignored.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use base::{Source, limits};
use cli::input;
use flow::{Package, package};
use lint::{
    FileFindings, FlowFile, Settings,
    config::Config,
    glob::{self, Pattern},
};
use worker::{
    Project,
    places::{FlowPlace, Listed},
    project,
};

use super::{
    args::LintArgs,
    ignored::Ignored,
    look::{Item, Look},
};

/// The files that findings are wanted of.
pub(crate) struct Scope {
    /// The flows of the project, but for one that was read from standard input, and what was named that is not
    /// of the project, such as definitions in JSON.
    files: Vec<Listed>,
    /// What was read from standard input, in the place of the file of that name.
    typed: Option<Typed>,
    wanted: Wanted,
    /// Names of the files that are reported on, as far as they are known.
    names: BTreeSet<String>,
}

struct Typed {
    name: String,
    source: Source,
    packages: Vec<Package>,
}

/// Whether a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Scope {
    pub(crate) fn new(
        project: &Project,
        mut places: Vec<FlowPlace>,
        config: &Config,
        args: &LintArgs,
    ) -> anyhow::Result<Self> {
        let names_of = |place: &FlowPlace| place.file_names(&project.root).collect::<Vec<_>>();
        if args.paths.iter().any(|it| is_stdin(it)) {
            ensure!(args.paths.len() == 1, "`-` cannot be checked together with files");
            let (name, path) = typed_name(project, &args.stdin_filename)?;
            let known = places.iter().position(|it| names_of(it).first() == Some(&name));
            let known = known.map(|it| project.read(&places.remove(it))).transpose()?;
            let typed = Typed::read(&name, &path, known.as_ref())?;
            let wanted = Wanted::only(&project.root, &name)?;
            let names = BTreeSet::from([name]);
            let files = places.into_iter().map(Listed::Flow).collect();
            return Ok(Self { files, typed: Some(typed), wanted, names });
        }
        let wanted = Wanted::new(&project.root, &args.paths, config)?;
        let others = project.diagnostics.iter().map(|(source, _)| source.name().to_owned());
        let known: Vec<String> = places.iter().flat_map(names_of).chain(others).collect();
        let mut files = wanted.outside(&known)?;
        let mut ignored = wanted.ignored();
        let mut takes = |name: &String| wanted.takes(name, &mut ignored);
        let mut names: BTreeSet<String> = known.into_iter().filter(&mut takes).collect();
        files.retain(|it| match it {
            Listed::Flow(place) => names_of(place).first().is_none_or(&mut takes),
            // Which flows it has is not known before it is read.
            Listed::File { .. } => true,
        });
        names.extend(files.iter().filter_map(place).flat_map(names_of));
        files.splice(0..0, places.into_iter().map(Listed::Flow));
        Ok(Self { files, typed: None, wanted, names })
    }

    /// What is found in the files, and which of them belong to the scope is known from then on.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(crate) fn findings(
        &mut self,
        project: &Project,
        settings: &Settings,
    ) -> anyhow::Result<Vec<FileFindings>> {
        // Mappings may name those of other flows.
        let places = self.files.iter().map(|it| place(it).filter(|it| it.has_mappings()));
        let read: Vec<Option<project::FlowFile>> =
            places.map(|it| it.map(|it| project.read(it)).transpose()).collect::<Result<_, _>>()?;
        let mut known: Vec<FlowFile<'_>> = read
            .iter()
            .flatten()
            .map(|it| FlowFile { name: &it.name, package: &it.package })
            .collect();
        if let Some(typed) = &self.typed {
            let of_typed = typed.packages.iter();
            known.extend(of_typed.map(|package| FlowFile { name: &typed.name, package }));
        }
        let files = self.files.iter().zip(&read);
        let mut items: Vec<Item<'_>> = files
            .map(|(file, read)| read.as_ref().map_or(Item::Listed(file), Item::Flow))
            .collect();
        items.extend(self.typed.iter().map(|it| Item::Typed(&it.name, &it.packages)));
        let known = lint::Project {
            flows: &known,
            catalog: &project.catalog,
            environment: project.environment.as_ref().map(|(_, it)| it),
        };
        let (wanted, names) = (&self.wanted, &self.names);
        let look = Look { project, known: &known, settings, wanted, names };
        let mut checked = Vec::new();
        let mut names = Vec::new();
        for looked in look.all(&items)? {
            checked.extend(looked.checked);
            names.extend(looked.names);
        }
        self.names.extend(names);
        let mut findings = lint::together(checked, settings);
        findings.extend(lint::finish_others(&project.diagnostics, settings));
        findings.retain(|it| self.names.contains(it.source.name()));
        Ok(findings)
    }

    /// How many files are checked.
    pub(crate) fn count(&self) -> usize {
        self.names.len()
    }

    /// What was read from standard input.
    pub(crate) fn typed(&self) -> Option<&Source> {
        self.typed.as_ref().map(|it| &it.source)
    }
}

fn place(file: &Listed) -> Option<&FlowPlace> {
    match file {
        Listed::Flow(place) => Some(place),
        Listed::File { .. } => None,
    }
}

/// Files that are checked together with others on the disk.
const OTHERS: &[&str] = &["connector.yaml", project::PROJECT_FILE];

/// What a file is called that is read from standard input, and where it would be.
fn typed_name(project: &Project, file: &str) -> anyhow::Result<(String, PathBuf)> {
    let path = Path::new(file);
    let own = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    let is_other = own.ends_with(".mapping.yaml") || OTHERS.contains(&own);
    ensure!(!is_other, "only a flow or a definition can be checked from standard input");
    let path =
        if path.is_absolute() { path.to_path_buf() } else { std::env::current_dir()?.join(path) };
    // The folder exists if the file is one that an editor has open.
    let folder = path.parent().and_then(|it| it.canonicalize().ok());
    let path = match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    };
    let root = project.root.canonicalize()?;
    let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
    Ok((name, path))
}

impl Typed {
    /// Reads a flow, which may be one of the project.
    fn read(name: &str, path: &Path, known: Option<&project::FlowFile>) -> anyhow::Result<Self> {
        let source = Source::new(name, &input::text(Path::new("-"), limits::WDL_BYTES_MAX)?);
        let beside = known.map(mappings).unwrap_or_default();
        let packages = if package::is_definition(name, source.text()) {
            match package::definitions(&source, &beside) {
                Ok(found) => found.into_iter().map(|it| it.package).collect(),
                Err(_) => vec![package::read(&source, &beside)],
            }
        } else {
            vec![package::read(&source, &beside)]
        };
        let folder = path.parent().and_then(Path::file_name).and_then(|it| it.to_str());
        let name = known.map_or_else(|| folder.unwrap_or("flow").to_owned(), |it| it.name.clone());
        Ok(Self { name, source, packages })
    }
}

/// The mappings of a flow by name, as they are on disk.
fn mappings(file: &project::FlowFile) -> Vec<(String, Source)> {
    let name = |source: &Source| {
        let file = source.name().rsplit('/').next().unwrap_or_default();
        file.strip_suffix(".mapping.yaml").map(str::to_owned)
    };
    file.files.iter().skip(1).filter_map(|it| Some((name(it)?, it.clone()))).collect()
}

/// The paths that were named, without what is ignored.
pub(super) struct Wanted {
    root: PathBuf,
    paths: Vec<PathBuf>,
    sorted: BTreeSet<PathBuf>,
    exclude: Vec<Pattern>,
}

impl Wanted {
    fn new(root: &Path, paths: &[PathBuf], config: &Config) -> anyhow::Result<Self> {
        let absolute = paths.iter().map(|path| {
            path.canonicalize()
                .with_context(|| format!("there is no file or folder `{}`", path.display()))
        });
        let root = root.canonicalize()?;
        let paths: Vec<PathBuf> = absolute.collect::<anyhow::Result<_>>()?;
        let sorted = paths.iter().cloned().collect();
        Ok(Self { root, paths, sorted, exclude: config.exclude.clone() })
    }

    /// A file that need not be there.
    fn only(root: &Path, name: &str) -> anyhow::Result<Self> {
        let root = root.canonicalize()?;
        let sorted = BTreeSet::from([root.join(name)]);
        Ok(Self { root, paths: Vec::new(), sorted, exclude: Vec::new() })
    }

    /// What keeps files out that were not named themselves.
    pub(super) fn ignored(&self) -> Ignored {
        Ignored::new(&self.root)
    }

    /// Whether a file is reported on. What is named is, whatever else says.
    pub(super) fn takes(&self, name: &str, ignored: &mut Ignored) -> bool {
        // A definition in an archive has the archive's name before its own.
        let path = self.root.join(name.split('!').next().unwrap_or(name));
        if self.sorted.contains(&path) {
            return true;
        }
        let is_inside =
            self.sorted.is_empty() || path.ancestors().any(|it| self.sorted.contains(it));
        is_inside && !glob::ignores(&self.exclude, name) && !ignored.has(&self.root.join(name))
    }

    /// Files in what was named that are not among these of the project.
    fn outside(&self, known: &[String]) -> anyhow::Result<Vec<Listed>> {
        let known: BTreeSet<PathBuf> = known.iter().map(|it| self.root.join(it)).collect();
        let is_known = |path: &PathBuf| {
            let next = known.range::<PathBuf, _>(path..).next();
            next.is_some_and(|it| it.starts_with(path))
        };
        let mut files = Vec::new();
        for path in self.paths.iter().filter(|it| !is_known(it)) {
            files.extend(Listed::of(path)?);
        }
        Ok(files)
    }
}
