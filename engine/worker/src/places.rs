//! Where flows are on disk, before any of them is read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    deploy::MAPPING_SUFFIX,
    documents,
    project::{FLOW_FILE, LoadError, entries, name_of},
};

/// Where a flow of a project is.
#[derive(Clone, Debug)]
pub struct FlowPlace {
    /// Its folder below the project's flows, with `/`.
    pub name: String,
    /// The flow, and the mappings beside it.
    pub(crate) files: Vec<PathBuf>,
}

impl FlowPlace {
    pub(crate) fn of(file: &Path, name: String) -> Result<Self, LoadError> {
        let mut files = vec![file.to_path_buf()];
        for path in entries(file.parent().unwrap_or(file))? {
            let is_mapping = path.to_str().is_some_and(|it| it.ends_with(MAPPING_SUFFIX));
            if is_mapping && path.is_file() && !path.is_symlink() {
                files.push(path);
            }
        }
        Ok(Self { name, files })
    }

    /// A flow that need not be in a project is called as its file, or as its folder.
    pub(crate) fn alone(file: &Path) -> Result<Self, LoadError> {
        let stem = file.file_stem().and_then(|it| it.to_str()).unwrap_or("flow");
        let folder = file.parent().and_then(Path::file_name).and_then(|it| it.to_str());
        let name = if stem == "flow" { folder.unwrap_or(stem) } else { stem };
        Self::of(file, name.to_owned())
    }

    /// Whether mappings stand beside it.
    pub fn has_mappings(&self) -> bool {
        1 < self.files.len()
    }

    /// The names of its files in messages, the flow first.
    pub fn file_names(&self, root: &Path) -> impl Iterator<Item = String> {
        self.files.iter().map(move |it| name_of(root, it))
    }
}

/// What may hold flows.
#[derive(Clone, Debug)]
pub enum Listed {
    /// A flow of ours.
    Flow(FlowPlace),
    /// A file that is probably one of the cloud's, with any number of flows.
    File {
        /// Where it is.
        path: PathBuf,
        /// Whether it was asked for itself, not only a folder around it.
        is_named: bool,
    },
}

impl Listed {
    /// What a file or folder holds that need not be in a project.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(path: &Path) -> Result<Vec<Self>, LoadError> {
        let path = fs::canonicalize(path).map_err(|it| LoadError::Io(path.to_path_buf(), it))?;
        let is_folder = path.is_dir();
        let own = if is_folder { path.join(FLOW_FILE) } else { path.clone() };
        let is_yaml = own.extension().is_some_and(|it| it == "yaml" || it == "yml");
        if is_yaml && own.is_file() {
            return Ok(vec![Self::Flow(FlowPlace::alone(&own)?)]);
        }
        let files = if is_folder { documents::of_folder(&path)? } else { vec![path] };
        let files = files.into_iter();
        Ok(files.map(|path| Self::File { path, is_named: !is_folder }).collect())
    }
}
