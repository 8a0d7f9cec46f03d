//! Real definitions, in `flows` of the folder that `FLOWRIGHT_CORPUS` names.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base::{Severity, Source};

use super::{check_shape, lines};
use crate::{ActionKind, import};

#[test]
#[allow(clippy::disallowed_methods, reason = "the corpus is outside of the repository")]
fn real_definitions_load() {
    let Ok(folder) = std::env::var("FLOWRIGHT_CORPUS") else { return };
    let (mut n_flows, mut n_actions, mut faulty, mut unsupported) = (0, 0, 0, 0);
    for path in json_files(&Path::new(&folder).join("flows")) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let source = Source::new(&path.to_string_lossy(), &text);
        let (flow, found) = import::read(&source);
        n_flows += 1;
        n_actions += flow.actions.len();
        unsupported += flow.actions.iter().filter(|it| is_unsupported(&it.kind)).count();
        check_shape(&flow);
        if found.iter().any(|it| it.severity == Severity::Error) {
            faulty += 1;
            println!("{}", path.display());
            let errors: Vec<_> =
                found.into_iter().filter(|it| it.severity == Severity::Error).collect();
            lines(&source, &errors).iter().take(5).for_each(|it| println!("    {it}"));
        }
    }
    println!("{n_flows} flows, {n_actions} actions, {unsupported} do not run here");
    println!("{faulty} flows with errors");
    assert!(0 < n_flows, "no definition in {folder}");
    assert!(faulty * 100 <= n_flows * 2, "{faulty} of {n_flows} definitions have errors");
}

fn is_unsupported(kind: &ActionKind) -> bool {
    matches!(kind, ActionKind::Unsupported(_))
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(json_files(&path));
        } else if path.extension().is_some_and(|it| it == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}
