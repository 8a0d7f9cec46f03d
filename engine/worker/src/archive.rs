//! The JSON files in a zip archive, such as an exported solution or package.

use std::io::{Cursor, Read as _};

use base::limits::{ARCHIVE_FILES_MAX, UNPACKED_BYTES_MAX, WDL_BYTES_MAX};
use zip::{ZipArchive, read::ZipFile};

/// How many times larger than packed a file may be; JSON reaches 50, a bomb 1,000.
const RATIO_MAX: u64 = 250;
/// Bytes that a file may have whatever its ratio is.
const RATIO_FREE_BYTES: u64 = 1 << 20;

/// A file of an archive: its name there, and its bytes or why they cannot be had.
pub(crate) type Packed = (String, Result<Vec<u8>, String>);

/// Whether bytes begin as an archive does.
pub(crate) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Every JSON file of an archive by name, sorted. Names say what a file is, and never where to
/// write or read anything.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Vec<Packed>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    if ARCHIVE_FILES_MAX < archive.len() {
        let count = archive.len();
        return Err(format!(
            "it holds {count} files, more than the {ARCHIVE_FILES_MAX} that are read"
        ));
    }
    let mut files: Vec<Packed> = Vec::new();
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..archive.len() {
        let name = archive.name_for_index(index).transpose().map_err(|error| error.to_string())?;
        let name = name.unwrap_or_default().replace('\\', "/");
        if !name.to_ascii_lowercase().ends_with(".json") {
            continue;
        }
        let file = archive.by_index(index).map_err(|error| error.to_string());
        let read = file.and_then(|it| contents(it, left));
        left -= read.as_ref().map_or(0, Vec::len);
        files.push((name, read));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

/// What an archive says of its files need not be true, so what comes out is counted.
fn contents<R: std::io::Read>(file: ZipFile<'_, R>, left: usize) -> Result<Vec<u8>, String> {
    let most = u64::try_from(WDL_BYTES_MAX.min(left)).unwrap_or(u64::MAX);
    let by_ratio = RATIO_FREE_BYTES.max(file.compressed_size().saturating_mul(RATIO_MAX));
    let mut bytes = Vec::new();
    let mut file = file.take(most.min(by_ratio).saturating_add(1));
    file.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if by_ratio < length {
        return Err(format!("it unpacks to more than {RATIO_MAX} times its size"));
    }
    if most < length {
        return Err(format!("it unpacks to more than the {most} bytes that are read"));
    }
    Ok(bytes)
}
