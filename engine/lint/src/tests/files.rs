//! How files are written: what each rule of syntax and format finds, and what looks like it and is right.

use super::{around, rules::places};

/// Files, and where the rule finds something in each.
fn check(slug: &str, files: &[(&str, &[&str])]) {
    for (text, expected) in files {
        assert_eq!(places(slug, text), *expected, "{slug}:\n{text}");
    }
}

/// The same of actions, which begin in line 4.
fn check_actions(slug: &str, all: &[(&str, &[&str])]) {
    for (actions, expected) in all {
        assert_eq!(places(slug, &around(actions)), *expected, "{slug}:\n{actions}");
    }
}

#[test]
fn yaml_that_cannot_be_read() {
    check(
        "invalid-yaml",
        &[
            ("flow: [F\n", &["error 1"]),
            ("flow: \"F\n", &["error 1"]),
            ("flow: F\n\ttriggers: []\n", &["error 1"]),
            ("flow: F\nactions:\n- a\n b: 1\n", &["error 4"]),
            ("flow: F # [\ntriggers: []\nactions: []\n", &[]),
            ("flow: \"[F\"\ntriggers: []\nactions: []\n", &[]),
            ("{ flow: F, triggers: [], actions: [] }", &[]),
            (
                "flow: F\ntriggers:\n- name: T\n  manual:\nactions:\n- name: A\n  compose: |\n    [ \"\n",
                &[],
            ),
        ],
    );
}

#[test]
fn keys_that_stand_twice() {
    check_actions(
        "duplicate-key",
        &[
            ("- { name: A, compose: 1, compose: 2 }", &["error 4"]),
            ("- name: A\n  compose: { a: 1, \"a\": 2 }", &["error 5"]),
            ("- name: A\n  compose: { a: 1, A: 2 }", &[]),
            ("- name: A\n  compose: [{ a: 1 }, { a: 2 }]", &[]),
            ("- name: A\n  compose: { a: { a: 1 } }", &[]),
            ("- name: A\n  compose: { 1: a, \"1.0\": b }", &[]),
        ],
    );
}

#[test]
fn parts_of_yaml_that_flows_do_without() {
    check_actions(
        "unsupported-yaml",
        &[
            ("- { name: A, compose: &x 1 }\n- { name: B, compose: *x }", &["error 4", "error 5"]),
            ("- { name: A, compose: !secret x }", &["error 4"]),
            ("- name: A\n  compose:\n    <<: { a: 1 }", &["error 6"]),
            ("- { name: A, compose: \"&x *x !y <<\" }", &[]),
            ("- { name: A, compose: a & b }", &[]),
            ("- { name: A, compose: a<<b }", &[]),
            ("- { name: A, compose: -- }", &[]),
        ],
    );
}

#[test]
fn expressions_want_quotes() {
    check_actions(
        "unquoted-expression",
        &[
            ("- { name: A, compose: @utcNow() }", &["error 4"]),
            ("- name: A\n  compose: @{utcNow()}", &["error 5"]),
            ("- name: A\n  compose: {{trigger.body}}", &["error 5"]),
            ("- name: A\n  compose: at {{trigger.body}}", &[]),
            ("- name: A\n  compose: at @{utcNow()}", &[]),
            ("- name: A\n  compose: $.trigger.body", &[]),
            ("- name: A\n  compose: a@b.example.com", &[]),
            ("- name: A\n  compose: |\n    @{utcNow()}", &[]),
        ],
    );
}

#[test]
fn words_that_other_versions_read_otherwise() {
    check_actions(
        "ambiguous-scalar",
        &[
            ("- { name: A, compose: no }", &["warning 4"]),
            ("- { name: A, compose: [Yes, off] }", &["warning 4", "warning 4"]),
            ("- { name: A, compose: 012 }", &["warning 4"]),
            ("- { name: A, compose: 12:30 }", &["warning 4"]),
            ("- { name: A, compose: \"no\" }", &[]),
            ("- { name: A, compose: 'off' }", &[]),
            ("- { name: A, compose: [true, nothing, none, 0, 10, 0.5, 1e3] }", &[]),
            ("- { name: A, compose: 2026-01-01 }", &[]),
            ("- { name: A, compose: no way }", &[]),
            ("- { name: A, compose: a:b }", &[]),
            // Keys are names, whatever they look like.
            ("- { name: A, compose: { no: 1, on: 2 } }", &[]),
        ],
    );
}

#[test]
fn keys_that_the_format_has() {
    check_actions(
        "unknown-key",
        &[
            ("- { name: A, compose: 1, runafter: {} }", &["error 4"]),
            ("- { name: A, compose: 1, limits: {} }", &["error 4"]),
            ("- { name: A, wait: { interval: 1, untl: x } }", &["error 4"]),
            ("- { name: A, compose: { untl: x, runafter: 1 } }", &[]),
            ("- { name: A, compose: 1, runAfter: {} }", &[]),
            ("- { name: A, compose: 1, trackedProperties: { anything: 1 } }", &[]),
        ],
    );
    check(
        "missing-key",
        &[
            ("flow: F\nactions: []\n", &["error 1"]),
            ("triggers: [{ name: T, manual: }]\nactions: []\n", &["error 1"]),
            (
                "flow: F\ntriggers: [{ name: T, manual: }]\nactions: [{ compose: 1 }]\n",
                &["error 3"],
            ),
            (
                "flow: F\ntriggers: [{ name: T, manual: }]\nactions: [{ name: A, until: \"@true\" }]\n",
                &["error 3"],
            ),
            ("flow: F\ntriggers: [{ name: T, manual: }]\nactions: []\n", &[]),
            ("flow: F\ntriggers: [{ name: T, request: }]\nactions: []\n", &[]),
            (
                "flow: F\ntriggers: [{ name: T, manual: }]\nactions: [{ name: A, compose: null }]\n",
                &[],
            ),
        ],
    );
    check(
        "wrong-type",
        &[
            ("flow: [F]\ntriggers: []\nactions: []\n", &["error 1"]),
            ("flow: F\ntriggers: {}\nactions: []\n", &["error 2"]),
            ("flow: F\ntriggers: []\nactions: A\n", &["error 3"]),
            ("flow: F\ntriggers: []\nactions: [{ name: A, compose: [] }]\n", &[]),
            ("flow: F\ndescription: >\n  long\n  text\ntriggers: []\nactions: []\n", &[]),
        ],
    );
}

#[test]
fn names_and_types() {
    let (longest, long) = ("x".repeat(128), "x".repeat(129));
    check_actions(
        "invalid-name",
        &[
            ("- { name: '', compose: 1 }", &["error 4"]),
            (&format!("- {{ name: {long}, compose: 1 }}"), &["error 4"]),
            ("- { name: \"a\\u0007b\", compose: 1 }", &["error 4"]),
            (&format!("- {{ name: {longest}, compose: 1 }}"), &[]),
            ("- { name: \"Größe – 1/2 (neu), 'x' #1\", compose: 1 }", &[]),
        ],
    );
    check_actions(
        "duplicate-name",
        &[
            ("- { name: A, compose: 1 }\n- { name: a, compose: 1 }", &["error 5"]),
            (
                "- { name: A b, compose: 1 }\n- name: S\n  scope: [{ name: A_B, compose: 1 }]",
                &["error 6"],
            ),
            ("- { name: A, compose: 1 }\n- { name: A1, compose: 1 }", &[]),
            ("- { name: A-b, compose: 1 }\n- { name: A b, compose: 1 }", &[]),
            // A trigger, a variable and an action are told apart by where they are named.
            ("- { name: Start2, initialize: { name: Start2, type: string } }", &[]),
        ],
    );
    check_actions(
        "wrong-type",
        &[
            ("- { name: A, initialize: { name: x, type: strng } }", &["error 4"]),
            ("- { name: A, compose: 1, runAfter: 7 }", &["error 4"]),
            ("- { name: A, initialize: { name: x, type: String } }", &[]),
            ("- { name: A, compose: { type: strng } }", &[]),
        ],
    );
}

#[test]
fn times_and_schedules() {
    check_actions(
        "invalid-time",
        &[
            ("- { name: A, wait: 5m }", &["error 4"]),
            ("- { name: A, wait: PT }", &["error 4"]),
            ("- { name: A, compose: 1, timeout: 1 hour }", &["error 4"]),
            ("- { name: A, wait: P1DT2H3M4S }", &[]),
            ("- { name: A, wait: \"@concat('PT', 5, 'M')\" }", &[]),
            ("- { name: A, wait: { until: \"@addDays(utcNow(), 1)\" } }", &[]),
            ("- { name: A, compose: 5m }", &[]),
        ],
    );
    let schedule = |text: &str| {
        format!("flow: F\ntriggers: [{{ name: T, recurrence: {{ {text} }} }}]\nactions: []\n")
    };
    for (text, expected) in [
        ("cron: 61 8 * * *", &["error 2"][..]),
        ("cron: 0 8 * *", &["error 2"]),
        ("cron: 0 8 30 2 *", &["error 2"]),
        ("cron: '* 8 * * *'", &["warning 2"]),
        ("cron: '*/7 * * * *'", &["warning 2"]),
        ("cron: 0 8 1 * 1", &["warning 2"]),
        ("cron: 0 8 29 2 *", &[]),
        ("cron: '*/15 8-18 * * MON-FRI'", &[]),
        ("cron: 0 8 1 * *", &[]),
        ("cron: '* * * * *'", &[]),
        ("frequency: Day, interval: 7", &[]),
    ] {
        assert_eq!(places("invalid-cron", &schedule(text)), expected, "{text}");
    }
}

#[test]
fn sizes_have_bounds() {
    check_actions(
        "limit-exceeded",
        &[
            ("- { name: A, foreach: [1], concurrency: 1001, actions: [] }", &["error 4"]),
            ("- { name: A, foreach: [1], concurrency: 1000, actions: [] }", &[]),
            ("- { name: A, until: \"@true\", limit: { count: 0 }, actions: [] }", &["error 4"]),
            ("- { name: A, compose: { count: 100000 } }", &[]),
        ],
    );
}
