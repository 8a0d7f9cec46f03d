//! Files of the cloud's on disk and in archives, each with what belongs to it.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use base::{
    Diagnostic, Source,
    limits::{ARCHIVE_BYTES_MAX, FILE_BYTES_MAX, UNPACKED_BYTES_MAX, WDL_BYTES_MAX},
};
use flow::import::Beside;

use crate::{
    archive,
    project::LoadError,
    settings::{self, Settings},
};

/// How deep folders are searched.
const FOLDER_DEPTH_MAX: usize = 32;
/// Files of one folder; the largest collections of definitions have a few thousand.
const FOLDER_FILES_MAX: usize = 100_000;

/// A file that may hold definitions.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its text. The name of a file in an archive stands behind the archive's and `!`.
    pub source: Source,
    /// The files that belong to it, by name.
    pub beside: Vec<(String, Source)>,
    /// Values of the app settings that belong to it.
    pub settings: Settings,
    /// What its bytes are to blame for.
    pub fault: Option<Diagnostic>,
}

/// Every JSON file and every archive of a folder and below, in order.
///
/// # Errors
/// If a folder cannot be read, or holds more files than anybody would export.
pub fn below(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let fail = |error| LoadError::Io(folder.clone(), error);
        for entry in fs::read_dir(&folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(fail)?);
            if kind.is_dir() && depth < FOLDER_DEPTH_MAX {
                folders.push((path, depth + 1));
            } else if kind.is_file() && has_ending(&path, &["json", "zip"]) {
                found.push(path);
            }
        }
    }
    if FOLDER_FILES_MAX < found.len() {
        let (folder, files_max) = (folder.to_path_buf(), FOLDER_FILES_MAX);
        return Err(LoadError::TooMany { folder, files_max });
    }
    found.sort();
    Ok(found)
}

/// The files of a folder that hold its definitions: the workflows of a Logic Apps project, those of
/// an unpacked solution, else everything in it.
///
/// # Errors
/// If a folder cannot be read, or holds more files than anybody would export.
pub fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let solution = folder.join("Workflows");
    if folder.join("host.json").is_file() {
        let files = entries(folder)?.into_iter().map(|it| it.join("workflow.json"));
        return Ok(files.filter(|it| it.is_file()).collect());
    }
    if solution.is_dir() {
        let files = entries(&solution)?.into_iter();
        return Ok(files.filter(|it| it.is_file() && has_ending(it, &["json"])).collect());
    }
    below(folder)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let fail = |error| LoadError::Io(folder.to_path_buf(), error);
    let entries = fs::read_dir(folder).map_err(fail)?;
    let paths = entries.map(|it| it.map(|it| it.path()).map_err(fail));
    let mut paths = paths.collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|it| it.to_str());
    ending.is_some_and(|it| endings.iter().any(|ending| ending.eq_ignore_ascii_case(it)))
}

/// Reads a file: itself, or if it is an archive what is in it. `name` is what messages call it.
///
/// # Errors
/// If it cannot be read, or is no archive although it begins as one.
pub fn read(file: &Path, name: &str) -> Result<Vec<Result<Document, LoadError>>, LoadError> {
    let bytes = bytes(file, ARCHIVE_BYTES_MAX)?;
    if archive::is_archive(&bytes) {
        let files = archive::unpack(&bytes);
        let files = files.map_err(|why| LoadError::Archive(name.to_owned(), why))?;
        return in_archive(name, &files);
    }
    if WDL_BYTES_MAX < bytes.len() {
        return Err(too_large(file, u64::try_from(bytes.len()).unwrap_or(u64::MAX), WDL_BYTES_MAX));
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let own = file.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    let home = name.strip_suffix(own).unwrap_or_default();
    let mut settings = Settings::new();
    let beside = beside(own, &mut |levels, other| {
        let path = folder.ancestors().nth(levels).unwrap_or(folder).join(other);
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = self::bytes(&path, FILE_BYTES_MAX)?;
        let above = "../".repeat(levels);
        let source = text(&format!("{home}{above}{other}"), &bytes).0;
        Ok(Some(without_settings(source, other, &mut settings)?))
    })?;
    let (source, fault) = text(name, &bytes);
    let source = without_settings(source, own, &mut settings)?;
    Ok(vec![Ok(Document { source, beside, settings, fault })])
}

fn in_archive(
    archive: &str,
    files: &[archive::Packed],
) -> Result<Vec<Result<Document, LoadError>>, LoadError> {
    let shown = |name: &str| format!("{archive}!{name}");
    let known: BTreeMap<&str, &Result<Vec<u8>, String>> =
        files.iter().map(|(name, it)| (name.as_str(), it)).collect();
    // One file may belong to thousands: what belongs to all of them is bounded, too.
    let mut left = UNPACKED_BYTES_MAX;
    let mut documents = Vec::new();
    for (name, bytes) in files {
        let (folder, own) = name.rsplit_once('/').unwrap_or(("", name));
        let mut settings = Settings::new();
        let beside = beside(own, &mut |levels, other| {
            let path = above(folder, levels).map(|it| format!("{it}{other}"));
            let Some((path, found)) = path.and_then(|it| Some((shown(&it), *known.get(&*it)?)))
            else {
                return Ok(None);
            };
            let fail = |why: &str| LoadError::Archive(path.clone(), why.to_owned());
            let bytes = found.as_ref().map_err(|why| fail(why))?;
            left = left
                .checked_sub(bytes.len())
                .ok_or_else(|| fail("it belongs to too many files"))?;
            Ok(Some(without_settings(text(&path, bytes).0, other, &mut settings)?))
        })?;
        let document = match bytes {
            Ok(bytes) => {
                let (source, fault) = text(&shown(name), bytes);
                without_settings(source, own, &mut settings).map(|source| Document {
                    source,
                    beside,
                    settings,
                    fault,
                })
            }
            Err(why) => Err(LoadError::Archive(shown(name), why.clone())),
        };
        documents.push(document);
    }
    Ok(documents)
}

/// The folder so many levels above another in an archive, with its `/`; none above the archive.
fn above(folder: &str, levels: usize) -> Option<String> {
    let parts: Vec<&str> = folder.split('/').filter(|it| !it.is_empty()).collect();
    let kept = parts.len().checked_sub(levels)?;
    Some(parts.iter().take(kept).flat_map(|it| [*it, "/"]).collect())
}

/// Reads a file so many levels above another, if it is there.
type Reader<'a> = dyn FnMut(usize, &str) -> Result<Option<Source>, LoadError> + 'a;

/// What belongs to a file, by name, each from the nearest folder: beside it, above the folder that
/// every Standard workflow has, and of a flow in a package up to the package's list.
fn beside(file: &str, read: &mut Reader<'_>) -> Result<Vec<(String, Source)>, LoadError> {
    if Beside::FILES.contains(&file) {
        return Ok(Vec::new());
    }
    let levels = match file {
        "workflow.json" => 1,
        "definition.json" => 3,
        _ => 0,
    };
    let mut found = Vec::new();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    for name in Beside::FILES {
        // The values for a deployment are called after the template.
        let mut source = read(0, &format!("{stem}.{name}"))?;
        for level in 0..=levels {
            if source.is_none() {
                source = read(level, name)?;
            }
        }
        found.extend(source.map(|it| (name.to_owned(), it)));
    }
    Ok(found)
}

/// A file, without the values of settings in it.
fn without_settings(
    source: Source,
    file: &str,
    settings: &mut Settings,
) -> Result<Source, LoadError> {
    if !file.ends_with(settings::FILE) {
        return Ok(source);
    }
    let (shown, values) = settings::take(&source)?;
    settings.extend(values);
    Ok(shown)
}

fn text(name: &str, bytes: &[u8]) -> (Source, Option<Diagnostic>) {
    let (text, fault) = yaml::decode(bytes);
    (Source::new(name, &text), fault)
}

fn bytes(file: &Path, bytes_max: usize) -> Result<Vec<u8>, LoadError> {
    let fail = |error| LoadError::Io(file.to_path_buf(), error);
    let open = fs::File::open(file).map_err(fail)?;
    let length = open.metadata().map_err(fail)?.len();
    let length = usize::try_from(length).unwrap_or(bytes_max).min(bytes_max);
    // One more, so that the end is seen without making room.
    let mut bytes = Vec::with_capacity(length.saturating_add(1));
    open.take(u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    if bytes_max < bytes.len() {
        let length = fs::metadata(file).map_err(fail)?.len();
        return Err(too_large(file, length, bytes_max));
    }
    Ok(bytes)
}

fn too_large(file: &Path, bytes: u64, bytes_max: usize) -> LoadError {
    LoadError::TooLarge { file: file.to_path_buf(), bytes, bytes_max }
}
