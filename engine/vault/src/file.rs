//! Files that only their owner reads, replaced as a whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::Path,
};

use crate::Error;

/// Bytes of a file that are read; secrets and tokens of an environment have some thousands.
const BYTES_MAX: u64 = 16 << 20;
/// The file whose lock the writer holds.
const LOCK: &str = "secrets.lock";

/// The text of a file; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, Error> {
    let fail = |source| Error::Io { what: "read", path: path.to_path_buf(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().map_err(fail)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Error::Open(path.to_path_buf()));
        }
    }
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text).map_err(fail)?;
    Ok(Some(text))
}

/// Puts a whole file in the place of another one, so that there is always the old or the new one.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let beside = path.with_extension("new");
    let fail = |source| Error::Io { what: "write", path: path.to_path_buf(), source };
    match fs::remove_file(&beside) {
        // Left behind by somebody who died while writing it.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(error)),
    }
    let mut file = private().create_new(true).open(&beside).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    fs::rename(&beside, path).map_err(fail)?;
    // The new name has to be on disk, too.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder).and_then(|it| it.sync_all()).map_err(fail)?;
    }
    Ok(())
}

/// Waits until nobody else writes; until the file is dropped nobody does.
pub(crate) fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join(LOCK);
    let fail = |source| Error::Io { what: "lock", path: path.clone(), source };
    fs::create_dir_all(folder).map_err(fail)?;
    let file = private().create(true).truncate(false).open(&path).map_err(fail)?;
    file.lock().map_err(fail)?;
    Ok(file)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
