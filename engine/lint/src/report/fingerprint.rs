//! What a finding is known by from one check to the next, whatever lines are put in before it.

use std::collections::BTreeMap;

use base::digest::sha256_hex;

use crate::FileFindings;

/// One for each finding of a file, in their order: of its rule, its file, its action, and the text of its
/// line. Findings that are alike in all that are told apart by a number.
pub fn fingerprints(file: &FileFindings) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let name = file.source.name();
    let all = file.found.iter().map(|it| {
        let text = file.source.line(file.source.location(it.span.start).line).trim();
        let path = it.path.as_deref().unwrap_or("");
        let all = [it.code.slug, name, path, text, &it.message].join("\n");
        let number = seen.entry(all.clone()).or_default();
        *number += 1;
        let digest = sha256_hex(format!("{all}\n{number}").as_bytes());
        digest.chars().take(DIGITS).collect()
    });
    all.collect()
}

/// Half of a SHA-256, so that files with many stay small.
const DIGITS: usize = 32;
