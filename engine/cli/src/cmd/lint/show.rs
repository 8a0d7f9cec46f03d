//! Writes findings in the form that was asked for.

use base::Severity;
use lint::{FileFindings, baseline::statistics, report};

use super::{
    Check,
    args::{Format, LintArgs},
};
use crate::{
    diagnostics,
    print::{self, Tone, note, tone},
};

/// Writes what was found.
pub(crate) fn findings(args: &LintArgs, findings: &[FileFindings], check: &Check) {
    if args.statistics {
        return counts(args.output_format, findings);
    }
    let is_for_people = matches!(args.output_format, Format::Full | Format::Concise);
    match args.output_format {
        Format::Full => print::parts(findings.iter().flat_map(|file| {
            let found = file.found.iter();
            found.map(|it| format!("{}\n\n", diagnostics::render(&file.source, it)))
        })),
        Format::Concise => print::text(&report::concise(findings)),
        Format::Json => print::parts(report::json(findings)),
        Format::Jsonl => print::parts(report::jsonl(findings)),
        Format::Sarif => print::text(&report::sarif(findings, env!("CARGO_PKG_VERSION"))),
        Format::Github => print::text(&report::github(findings)),
        Format::Gitlab => print::text(&report::gitlab(findings)),
        Format::Junit => print::text(&report::junit(findings)),
        Format::Rdjson => print::text(&report::rdjson(findings)),
    }
    if is_for_people {
        summarize(findings, check.scope.count());
    }
}

fn counts(format: Format, findings: &[FileFindings]) {
    let all = statistics(findings);
    if format == Format::Json {
        let rows = all.iter().map(|(count, severity, slug)| {
            serde_json::json!({ "slug": slug, "severity": severity.name(), "count": count })
        });
        return print::json(&rows.collect::<Vec<_>>());
    }
    for (count, severity, slug) in all {
        let severity = tone(tone_of(severity), format!("{:<7}", severity.name()));
        print::line(format!("{count:>6}  {severity}  {slug}"));
    }
}

const fn tone_of(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Info => Tone::Faint,
    }
}

/// How grave each finding is.
pub(crate) fn severities(findings: &[FileFindings]) -> impl Iterator<Item = Severity> + '_ {
    findings.iter().flat_map(|it| &it.found).map(|it| it.severity)
}

fn summarize(findings: &[FileFindings], scanned: usize) {
    let count = |severity| severities(findings).filter(|it| *it == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let infos = count(Severity::Info);
    let files = plural(scanned, "file");
    if errors + warnings + infos == 0 {
        return note(format!("{} {files} checked", tone(Tone::Good, "no findings:")));
    }
    let mut text = format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"));
    if 0 < infos {
        text = format!("{text}, {infos} info");
    }
    let text = format!("{text} in {files}");
    note(tone(if errors == 0 { Tone::Warn } else { Tone::Bad }, text));
    let offered = || findings.iter().flat_map(|it| &it.found).filter_map(|it| it.fix.as_ref());
    let (safe, all) = (offered().filter(|it| it.safe).count(), offered().count());
    if 0 < all {
        let unsafe_ones = all - safe;
        let more = if 0 < unsafe_ones {
            format!(", {unsafe_ones} more with `--unsafe-fixes`")
        } else {
            String::new()
        };
        note(format!("{safe} can be mended with `--fix`{more}"));
    }
    note(tone(Tone::Faint, "`flowright explain RULE` tells why, and what is right"));
}

/// A number with its noun.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
