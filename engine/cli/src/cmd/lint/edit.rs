//! Writes what mends findings, or what suppresses them, into the files.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, bail};
use base::{Diagnostic, Source, diff};
use lint::{
    FileFindings,
    fix::{self, Edited},
};

use super::{Check, args::LintArgs, safe, show};
use crate::{
    Outcome,
    print::{self, Tone, note, tone},
};

/// An edit may make place for another one; more rounds would be a fault of a rule.
const ROUNDS_MAX: usize = 10;

/// Makes the edits that findings offer, and gives what is left.
pub(crate) fn fix(
    check: &mut Check,
    mut findings: Vec<FileFindings>,
    args: &LintArgs,
) -> anyhow::Result<Vec<FileFindings>> {
    if let Some(source) = check.scope.typed() {
        let edited = edits(&findings, args).remove(source.name());
        print::text(edited.as_ref().map_or(source.text(), |(_, it)| it.text.as_str()));
        return Ok(Vec::new());
    }
    let mut total = 0;
    for _ in 0..ROUNDS_MAX {
        let mut count = 0;
        for (source, edited) in edits(&findings, args).into_values() {
            count += write(check, &source, &edited)?;
        }
        if count == 0 {
            break;
        }
        total += count;
        check.reload(args)?;
        findings = check.findings()?;
    }
    if 0 < total {
        note(tone(Tone::Good, format!("mended: {}", show::plural(total, "finding"))));
    }
    Ok(findings)
}

/// Shows the edits that findings offer.
pub(crate) fn show_diff(check: &Check, findings: &[FileFindings], args: &LintArgs) -> Outcome {
    let mut count = 0;
    for (source, edited) in edits(findings, args).into_values() {
        if is_on_disk(check, &source) || check.scope.typed().is_some() {
            count += edited.count;
            print::text(&safe(&diff::unified(source.name(), source.text(), &edited.text)));
        }
    }
    note(format!("{} can be mended", show::plural(count, "finding")));
    if count == 0 { Outcome::Good } else { Outcome::Bad }
}

/// Every file that is edited, by name.
fn edits(findings: &[FileFindings], args: &LintArgs) -> BTreeMap<String, (Source, Edited)> {
    let all = by_file(findings).into_iter().filter_map(|(name, (source, found))| {
        let edited = fix::apply(&source, &found, args.edits.unsafe_fixes);
        (0 < edited.count).then_some((name, (source, edited)))
    });
    all.collect()
}

/// A file of several definitions is in the findings several times.
fn by_file(findings: &[FileFindings]) -> BTreeMap<String, (Source, Vec<Diagnostic>)> {
    let mut files: BTreeMap<String, (Source, Vec<Diagnostic>)> = BTreeMap::new();
    for file in findings {
        let name = file.source.name().to_owned();
        let entry = files.entry(name).or_insert_with(|| (file.source.clone(), Vec::new()));
        entry.1.extend(file.found.iter().cloned());
    }
    files
}

/// Writes comments that suppress every finding.
pub(crate) fn add_ignores(
    check: &Check,
    findings: &[FileFindings],
    reason: &str,
) -> anyhow::Result<Outcome> {
    if reason.contains(['\n', '\r']) {
        bail!("the reason has to be one line");
    }
    let mut lines = 0;
    for (source, found) in by_file(findings).into_values() {
        let edited = fix::suppress(&source, &found, reason);
        lines += write(check, &source, &edited)?;
    }
    let all: usize = findings.iter().map(|it| it.found.len()).sum();
    if lines == 0 && 0 < all {
        note("no comment can stand there: a baseline keeps findings of JSON and of archives");
    }
    note(format!("{} written", show::plural(lines, "comment")));
    Ok(Outcome::Good)
}

/// Writes a file that has changed; what is in an archive stays as it is.
fn write(check: &Check, source: &Source, edited: &Edited) -> anyhow::Result<usize> {
    if edited.count == 0 || !is_on_disk(check, source) {
        return Ok(0);
    }
    let path = check.project.root.join(source.name());
    fs::write(&path, &edited.text).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(edited.count)
}

/// Whether the text stands in a file just so.
fn is_on_disk(check: &Check, source: &Source) -> bool {
    let path = check.project.root.join(source.name());
    fs::read(path).is_ok_and(|it| it == source.text().as_bytes())
}
