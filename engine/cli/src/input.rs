//! What commands read: a file or standard input, as far as it may be long.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::{Context as _, ensure};

/// The bytes of a file; `-` is standard input. More than `most` are refused, not cut off.
///
/// # Errors
/// If it cannot be read or is too large.
pub fn bytes(file: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    let is_piped = file == Path::new("-");
    let shown = if is_piped { "standard input".into() } else { format!("`{}`", file.display()) };
    let mut bytes = Vec::new();
    let limit = u64::try_from(most)?.saturating_add(1);
    let read = if is_piped {
        std::io::stdin().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|it| it.take(limit).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read {shown}"))?;
    ensure!(bytes.len() <= most, "{shown} has more than {most} bytes");
    Ok(bytes)
}

/// The same as text, in UTF-8.
///
/// # Errors
/// If it cannot be read, is not text or is too large.
pub fn text(file: &Path, most: usize) -> anyhow::Result<String> {
    let is_no_text = || format!("`{}` is not text in UTF-8", file.display());
    String::from_utf8(bytes(file, most)?).with_context(is_no_text)
}
