//! Paths of files as addresses, and back.

use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
};

use lsp_types::Uri;

/// The path of a file's address; none if it is of something else.
pub(crate) fn path_of(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.as_str().strip_prefix("file://")?;
    let path = rest.get(rest.find('/')?..)?;
    let path = decoded(path)?;
    // `/c:/folder` is a path of a drive.
    let mut chars = path.chars().skip(1);
    let is_drive =
        chars.next().is_some_and(|it| it.is_ascii_alphabetic()) && chars.next() == Some(':');
    Some(PathBuf::from(if is_drive { path.get(1..)? } else { &path }))
}

/// The address of a file.
pub(crate) fn uri_of(path: &Path) -> Option<Uri> {
    let path = path.to_str()?.replace('\\', "/");
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "file:///" });
    for byte in path.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-._~/:".contains(c) {
            uri.push(c);
        } else {
            uri.push('%');
            for digit in [byte >> 4, byte & 15] {
                uri.extend(
                    char::from_digit(u32::from(digit), 16).map(|it| it.to_ascii_uppercase()),
                );
            }
        }
    }
    Uri::from_str(&uri).ok()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}
