//! Findings that were there before: a file of them lets an old project begin to check what is new.

use std::collections::{BTreeMap, BTreeSet};

use base::Severity;
use serde_json::{Value, json};

use crate::{FileFindings, report::fingerprints};

/// Findings that are known, by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    files: BTreeMap<String, BTreeSet<String>>,
}

const VERSION: u64 = 1;

impl Baseline {
    /// All findings there are.
    pub fn of(findings: &[FileFindings]) -> Self {
        let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for file in findings.iter().filter(|it| !it.found.is_empty()) {
            let known = files.entry(file.source.name().to_owned()).or_default();
            known.extend(fingerprints(file));
        }
        Self { files }
    }

    /// Reads the file of a baseline.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if value.get("version").and_then(Value::as_u64) != Some(VERSION) {
            return Err(format!("it is not of version {VERSION}"));
        }
        let files = value.get("files").and_then(Value::as_object).ok_or("it has no `files`")?;
        let mut known = BTreeMap::new();
        for (name, prints) in files {
            let prints = prints.as_array().ok_or_else(|| format!("`{name}` has no list"))?;
            let prints = prints.iter().filter_map(Value::as_str).map(str::to_owned);
            known.insert(name.clone(), prints.collect());
        }
        Ok(Self { files: known })
    }

    /// The file.
    pub fn to_text(&self) -> String {
        format!("{:#}\n", json!({ "version": VERSION, "files": self.files }))
    }

    /// How many findings are known.
    pub fn count(&self) -> usize {
        self.files.values().map(BTreeSet::len).sum()
    }

    /// Takes the known findings out, and tells how many of the known ones are no longer found.
    pub fn take_out(&self, findings: &mut Vec<FileFindings>) -> usize {
        let mut met = 0;
        for file in findings.iter_mut() {
            let prints = fingerprints(file);
            let Some(known) = self.files.get(file.source.name()) else { continue };
            let mut prints = prints.iter();
            file.found.retain(|_| {
                let is_known = prints.next().is_some_and(|it| known.contains(it));
                met += usize::from(is_known);
                !is_known
            });
        }
        findings.retain(|it| !it.found.is_empty());
        self.count().saturating_sub(met)
    }
}

/// How many findings of each rule there are, most first.
pub fn statistics(findings: &[FileFindings]) -> Vec<(usize, Severity, &'static str)> {
    let mut counts: BTreeMap<(&'static str, Severity), usize> = BTreeMap::new();
    for it in findings.iter().flat_map(|it| &it.found) {
        *counts.entry((it.code.slug, it.severity)).or_default() += 1;
    }
    let mut all: Vec<_> =
        counts.into_iter().map(|((slug, severity), count)| (count, severity, slug)).collect();
    all.sort_by_key(|(count, severity, slug)| {
        (std::cmp::Reverse(*count), std::cmp::Reverse(*severity), *slug)
    });
    all
}
