//! Makes a table of the files that `flowright init` writes, so that a new package is in it by itself.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Folders of the repository, and where their files are kept in the table.
const FOLDERS: [(&str, &str); 4] = [
    ("engine/cli/scaffold", "minimal"),
    ("flows/co-sell", "flows/co-sell"),
    ("flows/environments", "environments"),
    ("connectors", "connectors"),
];
/// What connectors are tried with here.
const EXAMPLES: &str = "examples";

fn main() -> io::Result<()> {
    let home = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = home.join("../..").canonicalize()?;
    let mut rows = Vec::new();
    for (folder, name) in FOLDERS {
        let folder = root.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        for file in files(&folder)? {
            let path = file.strip_prefix(&folder).unwrap_or(&file).display().to_string();
            let path = format!("{name}/{}", path.replace('\\', "/"));
            rows.push(format!("({path:?}, include_str!({:?}))", file.display().to_string()));
        }
    }
    let table = format!("const FILES: &[(&str, &str)] = &[{}];\n", rows.join(",\n"));
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("packages.rs"), table)
}

/// The files of a folder and those below, in order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
            if name.starts_with('.') && name != ".gitignore" {
                continue;
            }
            if path.is_dir() && name != EXAMPLES {
                open.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
