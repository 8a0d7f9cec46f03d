//! Golden cases: every run of every case, as text. `UPDATE_EXPECT=1` writes the texts anew.

use std::{env, fs};

use crate::support::{Case, trace};

#[test]
fn every_case_runs_as_its_trace_says() {
    let update = env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for case in Case::all() {
        let actual = trace_of(&case);
        let path = case.folder.join("trace.txt");
        if update {
            fs::write(&path, &actual).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected != actual {
            wrong.push(format!("=== {}\n{}", case.name, difference(&expected, &actual)));
        }
    }
    let hint = "review, then run again with UPDATE_EXPECT=1";
    assert!(wrong.is_empty(), "{hint}\n{}", wrong.join("\n"));
}

fn trace_of(case: &Case) -> String {
    if let Err(failure) = case.firings() {
        return format!("no run: {}: {}\n", failure.code, failure.message);
    }
    let plan = &case.flow.plan;
    let runs = case.runs();
    let traces: Vec<String> =
        runs.iter().map(|driven| trace::of(plan, &driven.run, &driven.events)).collect();
    if traces.is_empty() { "no run\n".to_owned() } else { traces.join("\n---\n\n") }
}

/// The lines from the first to the last that differ.
fn difference(expected: &str, actual: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let lines = |rows: &[&str], mark: &str| {
        let rows = rows[..rows.len() - tail].iter().map(|row| format!("{mark} {row}"));
        rows.collect::<Vec<_>>().join("\n")
    };
    format!("from line {}\n{}\n{}", same + 1, lines(a, "-"), lines(b, "+"))
}
