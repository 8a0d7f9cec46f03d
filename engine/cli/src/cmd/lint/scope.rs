//! What a check is about: the whole project, or what was named, without what is ignored.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use base::{Source, limits};
use cli::input;
use flow::{Package, package};
use lint::{FlowFile, config::Config, glob};
use worker::{
    Project,
    project::{self, LoadError},
};

use super::{args::LintArgs, ignored::Ignored};

/// The files that findings are wanted of.
pub(crate) struct Scope {
    /// Flows in what was named that are not of the project, such as definitions in JSON.
    outside: Vec<project::FlowFile>,
    /// What was read from standard input, in the place of the file of that name.
    typed: Option<Typed>,
    /// Names of the files that are reported on.
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
    pub(crate) fn new(project: &Project, config: &Config, args: &LintArgs) -> anyhow::Result<Self> {
        if args.paths.iter().any(|it| is_stdin(it)) {
            ensure!(args.paths.len() == 1, "`-` cannot be checked together with files");
            let typed = Typed::read(project, &args.stdin_filename)?;
            let names = BTreeSet::from([typed.source.name().to_owned()]);
            return Ok(Self { outside: Vec::new(), typed: Some(typed), names });
        }
        let wanted = Wanted::new(&project.root, &args.paths)?;
        let mut ignored = Ignored::new(&wanted.root);
        // What is named is checked, whatever else says.
        let mut is_wanted = |name: &str| {
            wanted.has(name)
                && (wanted.names(name)
                    || !(glob::ignores(&config.exclude, name)
                        || ignored.has(&wanted.root.join(name))))
        };
        let mut outside = wanted.outside(project)?;
        outside.retain(|it| it.files.first().is_none_or(|it| is_wanted(it.name())));
        let of_flows = project.flows.iter().flat_map(|it| &it.files).map(Source::name);
        let others = project.diagnostics.iter().map(|(source, _)| source.name());
        let mut names: BTreeSet<String> =
            of_flows.chain(others).filter(|it| is_wanted(it)).map(str::to_owned).collect();
        let beside = outside.iter().flat_map(|file| &file.package.diagnostics);
        names.extend(beside.map(|(source, _)| source.name().to_owned()));
        Ok(Self { outside, typed: None, names })
    }

    /// Every flow that is looked at, so that what others say of it is known.
    pub(crate) fn flows<'a>(&'a self, project: &'a Project) -> Vec<FlowFile<'a>> {
        let replaced = self.typed.as_ref().map(|it| it.source.name());
        let is_replaced = |it: &&project::FlowFile| {
            it.files.first().map(Source::name) == replaced && replaced.is_some()
        };
        let known = project.flows.iter().filter(|it| !is_replaced(it)).chain(&self.outside);
        let mut flows: Vec<FlowFile<'a>> =
            known.map(|it| FlowFile { name: &it.name, package: &it.package }).collect();
        if let Some(typed) = &self.typed {
            let of_typed = typed.packages.iter();
            flows.extend(of_typed.map(|package| FlowFile { name: &typed.name, package }));
        }
        flows
    }

    /// Whether findings of a file are wanted.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
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

/// Files that are checked together with others on the disk.
const OTHERS: &[&str] = &["connector.yaml", project::PROJECT_FILE];

impl Typed {
    fn read(project: &Project, file: &str) -> anyhow::Result<Self> {
        let path = Path::new(file);
        let own = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        let is_other = own.ends_with(".mapping.yaml") || OTHERS.contains(&own);
        ensure!(!is_other, "only a flow or a definition can be checked from standard input");
        let path = if path.is_absolute() {
            path.to_path_buf()
        } else {
            std::env::current_dir()?.join(path)
        };
        // The folder exists if the file is one that an editor has open.
        let folder = path.parent().and_then(|it| it.canonicalize().ok());
        let path = match (folder, path.file_name()) {
            (Some(folder), Some(name)) => folder.join(name),
            _ => path,
        };
        let root = project.root.canonicalize()?;
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let source = Source::new(&name, &input::text(Path::new("-"), limits::WDL_BYTES_MAX)?);
        let known =
            project.flows.iter().find(|it| it.files.first().is_some_and(|it| it.name() == name));
        let beside = known.map(mappings).unwrap_or_default();
        let packages = if package::is_definition(&name, source.text()) {
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

/// The paths that were named.
struct Wanted {
    root: PathBuf,
    paths: Vec<PathBuf>,
}

impl Wanted {
    fn new(root: &Path, paths: &[PathBuf]) -> anyhow::Result<Self> {
        let absolute = paths.iter().map(|path| {
            path.canonicalize()
                .with_context(|| format!("there is no file or folder `{}`", path.display()))
        });
        let root = root.canonicalize()?;
        Ok(Self { root, paths: absolute.collect::<anyhow::Result<_>>()? })
    }

    fn has(&self, name: &str) -> bool {
        // A definition in an archive has the archive's name before its own.
        let file = name.split('!').next().unwrap_or(name);
        let path = self.root.join(file);
        self.paths.is_empty() || self.paths.iter().any(|wanted| path.starts_with(wanted))
    }

    /// Whether a file was named itself, not only a folder around it.
    fn names(&self, name: &str) -> bool {
        let path = self.root.join(name.split('!').next().unwrap_or(name));
        self.paths.contains(&path)
    }

    /// Flows in what was named that are not of the project.
    fn outside(&self, project: &Project) -> anyhow::Result<Vec<project::FlowFile>> {
        let of_flows = project.flows.iter().flat_map(|it| &it.files).map(Source::name);
        let others = project.diagnostics.iter().map(|(source, _)| source.name());
        let known: Vec<PathBuf> = of_flows.chain(others).map(|it| self.root.join(it)).collect();
        let mut flows = Vec::new();
        for path in self.paths.iter().filter(|path| !known.iter().any(|it| it.starts_with(path))) {
            match project.open(path) {
                Ok(found) => flows.extend(found),
                Err(LoadError::NoDefinition(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(flows)
    }
}
