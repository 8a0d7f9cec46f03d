//! `flowright test`: the tests of flows, without any service.

pub(crate) mod args;

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, bail};
use base::Severity;
use cli::testing::{self, Coverage, Edit, Suite, TestsOfFile, Verdict, report, update};

use self::args::{Results, TestArgs};
use crate::{
    Outcome, diagnostics,
    print::{self, Tone, note, safe, tone},
};

pub(crate) fn run(args: &TestArgs) -> anyhow::Result<Outcome> {
    let here = std::env::current_dir()?;
    let mut suite = testing::find(&here, &args.paths)?;
    if suite.files.is_empty() {
        bail!(
            "there are no tests here: they are files `tests/*.test.yaml` in the folder of a flow"
        );
    }
    let faulty = suite.files.iter().any(TestsOfFile::is_faulty);
    if let Some(filter) =
        args.filter.as_deref().filter(|it| !faulty && suite.selected(Some(it)).is_empty())
    {
        bail!("no test has `{filter}` in its name or in that of its flow");
    }
    let mut verdicts = testing::run(&suite, args.filter.as_deref());
    if args.update {
        let changed = accept(&suite, &verdicts)?;
        if changed {
            suite = testing::find(&here, &args.paths)?;
            verdicts = testing::run(&suite, args.filter.as_deref());
        }
    }
    let with_coverage = args.coverage || args.min_coverage.is_some();
    let flows = if with_coverage { report::coverage(&suite, &verdicts) } else { Vec::new() };
    match args.output {
        Results::Text => {
            show(&suite, &verdicts);
            for (file, coverage) in &flows {
                show_coverage(file, coverage);
            }
        }
        Results::Json => print::json(&report::json(&suite, &verdicts, with_coverage)),
        Results::Junit => print::line(report::junit(&suite, &verdicts).trim_end()),
    }
    summarize(&suite, &verdicts);
    let mut is_good = !faulty && verdicts.iter().all(Verdict::passed);
    for (file, coverage) in &flows {
        is_good &= is_enough(file, coverage, args.min_coverage);
    }
    Ok(if is_good { Outcome::Good } else { Outcome::Bad })
}

/// Writes into the files what there is in place of what was expected; whether any has changed.
fn accept(suite: &Suite, verdicts: &[Verdict]) -> anyhow::Result<bool> {
    let mut edits: BTreeMap<usize, Vec<Edit>> = BTreeMap::new();
    for verdict in verdicts {
        let found = verdict.faults.iter().filter_map(|it| it.edit.clone());
        let found: Vec<Edit> = found.chain(verdict.offer.clone()).collect();
        if !found.is_empty() {
            edits.entry(verdict.file).or_default().extend(found);
        }
    }
    let mut is_changed = false;
    for (index, edits) in edits {
        let file = &suite.files[index];
        let name = safe(file.source.name());
        let Some(text) = update::apply(file.source.text(), &edits) else {
            note(format!(
                "`{name}` is written in a way that cannot be changed here; change it by hand"
            ));
            continue;
        };
        if text != file.source.text() {
            fs::write(&file.path, text).with_context(|| format!("cannot write `{name}`"))?;
            note(format!("{} {name}", tone(Tone::Warn, "changed")));
            is_changed = true;
        }
    }
    Ok(is_changed)
}

fn show(suite: &Suite, verdicts: &[Verdict]) {
    for (index, file) in suite.files.iter().enumerate() {
        for found in file.found.iter().filter(|it| Severity::Warning <= it.severity) {
            print::line(diagnostics::render(&file.source, found));
        }
        let of_file: Vec<&Verdict> = verdicts.iter().filter(|it| it.file == index).collect();
        if of_file.is_empty() {
            continue;
        }
        print::line(tone(Tone::Strong, safe(file.source.name())));
        for verdict in of_file {
            show_verdict(file, verdict);
        }
    }
}

fn show_verdict(file: &TestsOfFile, verdict: &Verdict) {
    let name = safe(&file.tests.tests[verdict.test].name);
    if verdict.passed() {
        return print::line(format!("  {} {name}", tone(Tone::Good, "✓")));
    }
    print::line(format!("  {} {}", tone(Tone::Bad, "✗"), tone(Tone::Strong, name)));
    for fault in &verdict.faults {
        let at = file.source.location(fault.span.start);
        let place = format!("{}:{}:{}:", safe(file.source.name()), at.line, at.column);
        print::line(format!("      {} {}", tone(Tone::Faint, place), safe(&fault.message)));
        for detail in &fault.details {
            let color = match detail.chars().next() {
                Some('+' | '-' | '~') => Tone::Bad,
                _ => Tone::Faint,
            };
            print::line(format!("        {}", tone(color, safe(detail))));
        }
    }
}

fn show_coverage(file: &TestsOfFile, coverage: &Coverage) {
    let ((done, actions), (taken, branches)) = (coverage.actions(), coverage.branches());
    let name = tone(Tone::Strong, safe(file.flow_name()));
    print::line(format!(
        "{name}: {done} of {actions} actions ({} %), {taken} of {branches} branches ({} %)",
        percent(done, actions),
        percent(taken, branches)
    ));
    let missed = coverage.missed();
    for (name, span) in &missed.actions {
        print::line(format!(
            "  line {:>4}: `{}` is never carried out",
            report::line(file, *span),
            safe(name)
        ));
    }
    for it in &missed.branches {
        let line = report::line(file, it.span);
        let (action, label) = (safe(&it.action), safe(&it.label));
        print::line(format!("  line {line:>4}: `{action}` never goes the way `{label}`"));
    }
}

/// Rounded down, so that only all is 100.
fn percent(part: usize, whole: usize) -> usize {
    (100 * part).checked_div(whole).unwrap_or(100)
}

fn is_enough(file: &TestsOfFile, coverage: &Coverage, wanted: Option<u8>) -> bool {
    let (done, actions) = coverage.actions();
    let Some(wanted) = wanted.filter(|it| percent(done, actions) < usize::from(*it)) else {
        return true;
    };
    let (name, percent) = (safe(file.flow_name()), percent(done, actions));
    note(format!("`{name}`: only {percent} % of its actions are carried out, not {wanted} %"));
    false
}

fn summarize(suite: &Suite, verdicts: &[Verdict]) {
    let failed = verdicts.iter().filter(|it| !it.passed()).count();
    let faulty = suite.files.iter().filter(|it| it.is_faulty()).count();
    let mut parts = vec![format!("{} passed", verdicts.len() - failed)];
    if 0 < failed {
        parts.push(format!("{failed} failed"));
    }
    if 0 < faulty {
        let files = if faulty == 1 { "1 file".to_owned() } else { format!("{faulty} files") };
        parts.push(format!("{files} with errors"));
    }
    let is_good = failed == 0 && faulty == 0;
    note(tone(if is_good { Tone::Good } else { Tone::Bad }, parts.join(", ")));
}
