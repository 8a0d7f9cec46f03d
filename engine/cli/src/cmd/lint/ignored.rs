//! What `.gitignore` files leave out.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base::limits::FILE_BYTES_MAX;
use lint::glob::Pattern;

/// The `.gitignore` files of a repository, each read once.
pub(crate) struct Ignored {
    /// The repository; the project if it is in none.
    top: PathBuf,
    of_folders: BTreeMap<PathBuf, Vec<Pattern>>,
}

impl Ignored {
    pub(crate) fn new(root: &Path) -> Self {
        let top = root.ancestors().find(|it| it.join(".git").exists()).unwrap_or(root);
        Self { top: top.to_path_buf(), of_folders: BTreeMap::new() }
    }

    /// Whether a file is left out. A file nearer to it decides over one further up.
    pub(crate) fn has(&mut self, file: &Path) -> bool {
        let top = self.top.clone();
        let folders = file.ancestors().skip(1).take_while(|it| it.starts_with(&top));
        let mut folders: Vec<&Path> = folders.collect();
        folders.reverse();
        let mut is_ignored = false;
        for folder in folders {
            let Some(path) = file.strip_prefix(folder).ok().and_then(Path::to_str) else {
                continue;
            };
            let path = path.replace('\\', "/");
            for pattern in self.patterns(folder) {
                if pattern.matches(&path) {
                    is_ignored = !pattern.is_negated();
                }
            }
        }
        is_ignored
    }

    fn patterns(&mut self, folder: &Path) -> &[Pattern] {
        self.of_folders.entry(folder.to_path_buf()).or_insert_with(|| {
            let file = folder.join(".gitignore");
            let is_small = fs::metadata(&file)
                .is_ok_and(|it| u64::try_from(FILE_BYTES_MAX).is_ok_and(|most| it.len() <= most));
            // A file that cannot be read leaves out nothing.
            let text = if is_small {
                fs::read_to_string(&file).unwrap_or_default()
            } else {
                String::new()
            };
            text.lines().filter_map(Pattern::parse).collect()
        })
    }
}
