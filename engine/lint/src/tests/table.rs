//! The table of rules is complete and in order.

use base::code;

use crate::rules::{TABLE, find};

#[test]
fn every_code_has_one_rule_in_its_order() {
    let rules: Vec<&str> = TABLE.iter().map(|it| it.code.number).collect();
    let codes: Vec<&str> = code::TABLE.iter().map(|it| it.number).collect();
    assert_eq!(rules, codes);
    assert!(codes.is_sorted_by(|a, b| a < b), "numbers are sorted and differ");
}

#[test]
fn summaries_are_sentences() {
    for rule in TABLE {
        let summary = rule.summary;
        assert!(summary.ends_with('.'), "{summary}");
        assert!(summary.starts_with(|c: char| c.is_uppercase() || c == '`'), "{summary}");
    }
}

#[test]
fn rules_are_found_by_slug() {
    assert_eq!(find("bad-run-after").map(|it| it.code), Some(code::BAD_RUN_AFTER));
    assert_eq!(find("bad_run_after").map(|it| it.code), None);
}
