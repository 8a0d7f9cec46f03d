//! Published connectors on disk: folders with a definition, its properties and maybe a script.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base::limits::WDL_BYTES_MAX;
use connector::{
    Catalog, Connector, Import, Listing,
    openapi::{self, Files, Imported, Report},
};

use crate::project::LoadError;

/// What names of definitions end in, in small letters.
const DEFINITIONS: &[&str] = &["apidefinition.swagger.json", ".swagger.json"];
/// Other names of definitions.
const PLAIN: &[&str] = &["openapi.json", "openapi.yaml", "swagger.json"];
const PROPERTIES: &str = "apiproperties.json";
const SCRIPT: &str = "script.csx";

/// One published connector on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What it is called: its folder.
    pub name: String,
    /// The definition.
    pub definition: PathBuf,
    /// The properties, if there are any.
    pub properties: Option<PathBuf>,
    /// Whether there is a script, which cannot be run here.
    pub has_script: bool,
}

impl Place {
    /// The published connector of a folder that has these files; none if there is no definition.
    pub fn of_folder(folder: &Path, files: &[PathBuf]) -> Option<Self> {
        let small = |it: &Path| it.file_name()?.to_str().map(str::to_lowercase);
        let ending =
            |end: &str| files.iter().find(|it| small(it).is_some_and(|it| it.ends_with(end)));
        let named = |name: &str| files.iter().find(|it| small(it).as_deref() == Some(name));
        let definition = DEFINITIONS.iter().find_map(|it| ending(it));
        let definition = definition.or_else(|| PLAIN.iter().find_map(|it| named(it)))?;
        Some(Self {
            name: folder.file_name()?.to_str()?.to_owned(),
            definition: definition.clone(),
            properties: named(PROPERTIES).cloned(),
            has_script: named(SCRIPT).is_some(),
        })
    }

    /// The published connector of one file and what lies beside it.
    pub fn of_file(file: &Path) -> Option<Self> {
        let beside = |name: &str| {
            let entries = fs::read_dir(file.parent()?).ok()?;
            let mut paths = entries.filter_map(|it| Some(it.ok()?.path()));
            paths.find(|it| {
                let found = it.file_name().and_then(|it| it.to_str());
                found.is_some_and(|it| it.eq_ignore_ascii_case(name))
            })
        };
        let stem = file.file_stem()?.to_str()?;
        let folder = file.parent().and_then(Path::file_name).and_then(|it| it.to_str());
        let is_usual = file.file_name()?.to_str()?.to_lowercase().contains("swagger");
        Some(Self {
            name: folder.filter(|_| is_usual).unwrap_or(stem).to_owned(),
            definition: file.to_path_buf(),
            properties: beside(PROPERTIES),
            has_script: beside(SCRIPT).is_some(),
        })
    }

    /// Reads it. The inner error says what is wrong with its files.
    ///
    /// # Errors
    /// If a file cannot be read at all.
    pub fn read(&self) -> Result<Result<Imported, String>, LoadError> {
        let definition = bytes(&self.definition)?;
        let properties = self.properties.as_deref().map(bytes).transpose()?;
        let files = Files {
            definition: &definition,
            properties: properties.as_deref(),
            has_script: self.has_script,
        };
        Ok(openapi::import(&self.name, &files))
    }

    /// Adds it to a catalogue, in which it is read when it is asked for.
    ///
    /// # Errors
    /// If the definition cannot be read at all.
    pub fn list(self, catalog: &mut Catalog) -> Result<(), LoadError> {
        let index = openapi::index(&bytes(&self.definition)?);
        let name = openapi::connector_name(&self.name);
        let listing = Listing {
            aliases: openapi::aliases(&self.name, Some(&index.title)),
            title: if index.title.is_empty() { name.clone() } else { index.title },
            version: index.version,
            operations: index.operations.len(),
            triggers: index.triggers,
            name,
        };
        catalog.add_later(listing, move || match self.read() {
            Ok(Ok(imported)) => {
                note(&self.name, &imported.report);
                Some(imported.connector)
            }
            Ok(Err(reason)) => {
                tracing::error!(connector = self.name, reason, "A connector cannot be read.");
                None
            }
            Err(error) => {
                let reason = error.to_string();
                tracing::error!(connector = self.name, reason, "A connector cannot be read.");
                None
            }
        });
        Ok(())
    }
}

fn note(connector: &str, report: &Report) {
    for (operation, reason) in &report.refused {
        tracing::debug!(connector, operation, reason, "An operation cannot be called.");
    }
    for operation in &report.scripted {
        tracing::debug!(connector, operation, "An operation needs a script and cannot be called.");
    }
}

/// The connector that a connector file in a folder imports, or why there is none.
pub(crate) fn import(folder: &Path, import: &Import) -> Result<Connector, String> {
    let beside = |name: &str| {
        let path = Path::new(name);
        // A connector file is data, which does not reach out of its project.
        let is_inside = path
            .components()
            .all(|it| matches!(it, std::path::Component::Normal(_) | std::path::Component::CurDir));
        let path = folder.join(path);
        if is_inside && !path.is_symlink() {
            Ok(path)
        } else {
            Err(format!("`{name}` is not beside the connector file or below"))
        }
    };
    let definition = beside(&import.openapi)?;
    let properties = import.properties.as_deref().map(beside).transpose()?;
    let name = folder.file_name().and_then(|it| it.to_str()).unwrap_or("connector");
    let has_script = folder.join(SCRIPT).is_file();
    let place = Place { name: name.to_owned(), definition, properties, has_script };
    let imported = place.read().map_err(|error| match &error {
        LoadError::Io(file, why) => format!("cannot read `{}`: {why}", file.display()),
        other => other.to_string(),
    })??;
    note(name, &imported.report);
    Ok(imported.connector)
}

fn bytes(file: &Path) -> Result<Vec<u8>, LoadError> {
    let fail = |error| LoadError::Io(file.to_path_buf(), error);
    let bytes = fs::metadata(file).map_err(fail)?.len();
    if u64::try_from(WDL_BYTES_MAX).is_ok_and(|most| most < bytes) {
        let bytes_max = WDL_BYTES_MAX;
        return Err(LoadError::TooLarge { file: file.to_path_buf(), bytes, bytes_max });
    }
    fs::read(file).map_err(fail)
}
