//! Verdicts for programs: one JSON object, or the XML that build servers read.

use base::{Severity, markup};
use serde_json::{Value, json};

use super::{Coverage, Fault, Suite, TestsOfFile, Verdict};

/// Every verdict, what is wrong with files, and counts.
pub fn json(suite: &Suite, verdicts: &[Verdict], with_coverage: bool) -> Value {
    let tests = verdicts.iter().map(|verdict| {
        let file = &suite.files[verdict.file];
        let test = &file.tests.tests[verdict.test];
        json!({
            "file": file.source.name(),
            "flow": file.flow_name(),
            "name": test.name,
            "line": file.source.location(test.span.start).line,
            "status": if verdict.passed() { "passed" } else { "failed" },
            "seconds": verdict.seconds,
            "failures": verdict.faults.iter().map(|it| of_fault(file, it)).collect::<Vec<_>>(),
        })
    });
    let passed = verdicts.iter().filter(|it| it.passed()).count();
    let mut report = json!({
        "tests": tests.collect::<Vec<_>>(),
        "errors": errors(suite),
        "summary": {
            "files": suite.files.len(),
            "tests": verdicts.len(),
            "passed": passed,
            "failed": verdicts.len() - passed,
        },
    });
    if with_coverage {
        let flows = coverage(suite, verdicts);
        report["coverage"] = flows.iter().map(|(file, it)| of_coverage(file, it)).collect();
    }
    report
}

/// Mistakes of the files themselves.
fn errors(suite: &Suite) -> Vec<Value> {
    let mut errors = Vec::new();
    for file in &suite.files {
        for it in file.found.iter().filter(|it| it.severity == Severity::Error) {
            let at = file.source.location(it.span.start);
            errors.push(json!({
                "file": file.source.name(),
                "line": at.line,
                "column": at.column,
                "message": it.message,
                "hint": it.hint,
            }));
        }
    }
    errors
}

fn of_fault(file: &TestsOfFile, fault: &Fault) -> Value {
    let at = file.source.location(fault.span.start);
    json!({
        "about": fault.about,
        "message": fault.message,
        "details": fault.details,
        "expected": fault.wanted,
        "actual": fault.actual,
        "line": at.line,
        "column": at.column,
    })
}

fn of_coverage(file: &TestsOfFile, coverage: &Coverage) -> Value {
    let ((done, actions), (taken, branches)) = (coverage.actions(), coverage.branches());
    let missed = coverage.missed();
    let lines = |span: base::Span| line(file, span);
    let actions_missed = missed.actions.iter();
    let actions_missed =
        actions_missed.map(|(name, span)| json!({ "name": name, "line": lines(*span) }));
    let branches_missed = missed.branches.iter();
    let branches_missed = branches_missed
        .map(|it| json!({ "action": it.action, "branch": it.label, "line": lines(it.span) }));
    json!({
        "flow": file.flow_name(),
        "actions": { "covered": done, "total": actions, "missed": actions_missed.collect::<Vec<_>>() },
        "branches": { "covered": taken, "total": branches, "missed": branches_missed.collect::<Vec<_>>() },
    })
}

/// The line of a place in a file's flow.
pub fn line(file: &TestsOfFile, span: base::Span) -> usize {
    let source = file.flow.as_ref().ok().and_then(|(flow, _)| flow.files.first());
    source.map_or(0, |it| it.location(span.start).line)
}

/// What the tests of each flow went through together, with a file that tests it.
pub fn coverage<'a>(suite: &'a Suite, verdicts: &[Verdict]) -> Vec<(&'a TestsOfFile, Coverage)> {
    let mut flows: Vec<(&TestsOfFile, Coverage)> = Vec::new();
    for verdict in verdicts {
        let file = &suite.files[verdict.file];
        match flows.iter_mut().find(|(known, _)| known.flow_name() == file.flow_name()) {
            Some((_, coverage)) => coverage.merge(&verdict.coverage),
            None => flows.push((file, verdict.coverage.clone())),
        }
    }
    flows
}

/// The verdicts as build servers read them: a suite for each file.
pub fn junit(suite: &Suite, verdicts: &[Verdict]) -> String {
    let failed = verdicts.iter().filter(|it| !it.passed()).count();
    let faulty = suite.files.iter().filter(|it| it.is_faulty()).count();
    let mut lines = vec![
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned(),
        format!(
            "<testsuites tests=\"{}\" failures=\"{failed}\" errors=\"{faulty}\">",
            verdicts.len() + faulty
        ),
    ];
    for (index, file) in suite.files.iter().enumerate() {
        let of_file: Vec<&Verdict> = verdicts.iter().filter(|it| it.file == index).collect();
        if of_file.is_empty() && !file.is_faulty() {
            continue;
        }
        let failures = of_file.iter().filter(|it| !it.passed()).count();
        let errors = usize::from(file.is_faulty());
        let seconds: f64 = of_file.iter().map(|it| it.seconds).sum();
        lines.push(format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" \
             time=\"{seconds:.3}\">",
            escaped(file.source.name()),
            of_file.len() + errors,
        ));
        lines.extend(file.is_faulty().then(|| junit_errors(file)));
        lines.extend(of_file.into_iter().map(|it| junit_case(file, it)));
        lines.push("  </testsuite>".to_owned());
    }
    lines.push("</testsuites>".to_owned());
    lines.join("\n")
}

/// A file that cannot be read counts as one test with an error.
fn junit_errors(file: &TestsOfFile) -> String {
    let found = file.found.iter().filter(|it| it.severity == Severity::Error);
    let lines = found.map(|it| {
        let at = file.source.location(it.span.start);
        format!("{}:{}:{}: {}", file.source.name(), at.line, at.column, it.message)
    });
    let text = escaped(&lines.collect::<Vec<_>>().join("\n"));
    let name = escaped(file.source.name());
    let error = format!("<error message=\"the file has errors\">{text}</error>");
    format!("    <testcase name=\"{name}\">{error}</testcase>")
}

fn junit_case(file: &TestsOfFile, verdict: &Verdict) -> String {
    let test = &file.tests.tests[verdict.test];
    let (name, flow) = (escaped(&test.name), escaped(file.flow_name()));
    let case = format!(
        "    <testcase name=\"{name}\" classname=\"{flow}\" file=\"{}\" line=\"{}\" time=\"{:.3}\"",
        escaped(file.source.name()),
        file.source.location(test.span.start).line,
        verdict.seconds,
    );
    let Some(first) = verdict.faults.first() else { return format!("{case}/>") };
    let mut lines = Vec::new();
    for fault in &verdict.faults {
        let at = file.source.location(fault.span.start);
        let place = format!("{}:{}:{}", file.source.name(), at.line, at.column);
        lines.push(format!("{place}: {}", fault.message));
        lines.extend(fault.details.iter().map(|it| format!("    {it}")));
    }
    let (message, text) = (escaped(&first.message), escaped(&lines.join("\n")));
    let failure = format!("<failure message=\"{message}\">{text}</failure>");
    format!("{case}>\n      {failure}\n    </testcase>")
}

/// Text as XML has it; what XML cannot hold is left out.
fn escaped(text: &str) -> String {
    let is_held = |it: &char| {
        matches!(it, '\n' | '\t') || !(it.is_control() || matches!(it, '\u{fffe}' | '\u{ffff}'))
    };
    markup::escaped(&text.chars().filter(is_held).collect::<String>())
}
