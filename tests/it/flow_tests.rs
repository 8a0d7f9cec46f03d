//! `flowright test`: the tests of the shipped flows, what is told of those that fail, and what `--update`
//! makes of them.

use std::{fs, path::Path, process::Command};

use cli::testing::{self, Suite, Verdict, report, update};
use serde_json::Value;

use crate::support::service::{flowright, root};

const FLOW: &str = "\
flow: Orders
parameters: { limit: { type: integer, default: 100 } }
connections: { crm: dynamics-365 }
triggers:
  - name: Manually trigger a flow
    manual: { inputs: { amount: { type: integer, required: true }, customer: { type: string } } }
    conditions: [\"@greater(triggerBody()?['amount'], 0)\"]
actions:
  - name: Find the account
    call: crm.ListRecords
    with: { entityName: accounts, $filter: \"name eq '{{trigger.body.customer}}'\" }
    retryPolicy: { type: fixed, count: 2, interval: PT10S }
  - name: If it is large
    if: \"@greater(triggerBody()?['amount'], parameters('limit'))\"
    then:
      - name: Create a task
        call: crm.CreateRecord
        with: { entityName: tasks, item: { subject: Approve, amount: \"@triggerBody()?['amount']\" } }
    else:
      - name: Note
        compose: nothing to approve
outputs: { found: \"@length(body('Find_the_account')?['value'])\" }
";

/// A project with the connectors of the repository and one flow.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let connectors = root().join("connectors/dynamics-365");
    let settings = format!("flows: [flows]\nconnectors: [{}]\n", connectors.display());
    fs::create_dir_all(folder.path().join("flows/orders/tests")).unwrap();
    fs::write(folder.path().join("flowright.yaml"), settings).unwrap();
    fs::write(folder.path().join("flows/orders/flow.yaml"), FLOW).unwrap();
    folder
}

fn write(folder: &Path, tests: &str) {
    fs::write(folder.join("flows/orders/tests/orders.test.yaml"), tests).unwrap();
}

fn judged(folder: &Path) -> (Suite, Vec<Verdict>) {
    let suite = testing::find(folder, &[]).unwrap();
    let verdicts = testing::run(&suite, None);
    (suite, verdicts)
}

/// Everything that is told of tests, as people read it.
fn told(suite: &Suite, verdicts: &[Verdict]) -> Vec<String> {
    let mut lines = Vec::new();
    for file in &suite.files {
        for it in &file.found {
            let at = file.source.location(it.span.start);
            let hint = it.hint.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
            lines.push(format!("{}:{} {}{hint}", at.line, at.column, it.message));
        }
    }
    for fault in verdicts.iter().flat_map(|it| &it.faults) {
        let at = suite.files[0].source.location(fault.span.start);
        lines.push(format!("{}:{} {}", at.line, at.column, fault.message));
        lines.extend(fault.details.iter().map(|it| format!("  {it}")));
    }
    lines
}

#[test]
fn shipped_tests_pass() {
    let suite = testing::find(&root(), &[]).unwrap();
    assert!(10 < suite.files.len(), "only {} files", suite.files.len());
    let verdicts = testing::run(&suite, None);
    assert!(suite.files.iter().all(|it| !it.is_faulty()));
    let failed = verdicts.iter().filter(|it| !it.passed());
    let failed: Vec<_> =
        failed.map(|it| (suite.files[it.file].source.name(), &it.faults)).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    for (file, coverage) in report::coverage(&suite, &verdicts) {
        let missed = coverage.missed();
        let all = missed.actions.is_empty() && missed.branches.is_empty();
        assert!(all, "{}: {missed:?}", file.flow_name());
    }
}

/// What is told of one test with these keys; the first one is in line 3.
fn check(keys: &str, expected: &[&str]) {
    let folder = project();
    let keys: String = keys.lines().flat_map(|it| ["    ", it, "\n"]).collect();
    write(folder.path(), &format!("tests:\n  - name: It\n{keys}"));
    let (suite, verdicts) = judged(folder.path());
    assert_eq!(told(&suite, &verdicts), expected, "{keys}");
}

const SMALL: &str = "inputs: { amount: 1, customer: Contoso }\n";
const FOUND: &str = "mocks: { crm.ListRecords: { body: { value: [{ accountid: a1 }] } } }\n";

#[test]
fn what_is_as_expected_passes() {
    let good = |expect: &str| check(&format!("{SMALL}{FOUND}expect:{expect}"), &[]);
    good("\n  status: Succeeded");
    good(" { outputs: { found: 1 } }");
    good(" { outputs: { found: 1.0 } }");
    good(" { actions: { if_it_is_LARGE: Succeeded, Create a task: Skipped } }");
    good(" { actions: { Create a task: { because: branching condition } } }");
    good(" { actions: { Create a task: { outputs: null, status: Skipped } } }");
    good(" { calls: [crm.ListRecords] }");
    good(" { calls: [Find the account] }");
    good(" { calls: [{ crm.listrecords: { entityName: accounts } }] }");
    good(" { calls: [{ crm.ListRecords: { $filter: \"@contains(item(), 'Contoso')\" } }] }");
    good(
        " { calls: [{ crm.ListRecords: { $filter: \"@concat('name eq ''', triggerBody()?['customer'], '''')\" } }] }",
    );
    good(" { noCalls: [crm.CreateRecord] }");
    good(" { noCalls: [{ crm.ListRecords: { entityName: tasks } }] }");
    good(" { someCalls: [] }");
    good(
        " { actions: { Find the account: { outputs: { body: { value: { contains: [{ accountid: a1 }] } } } } } }",
    );
    good(
        " { actions: { Find the account: { outputs: { body: { exactly: { value: [{ accountid: a1 }] } } } } } }",
    );
    good(" { actions: { Find the account: { attempts: 1, code: OK } } }");
    check("inputs: { amount: 0 }\nexpect: { trigger: Skipped }", &[]);
    check("expect: { trigger: Failed, error: { message: \"@contains(item(), 'amount')\" } }", &[]);
    check(
        &format!("{SMALL}parameters: {{ limit: 0 }}\n{FOUND}expect: {{ status: Failed }}"),
        &[
            "2:11 nothing answers the call of `Create a task` (`crm.CreateRecord`): add a reply to `mocks`",
            "  it is called with {\"entityName\":\"tasks\",\"item\":{\"subject\":\"Approve\",\"amount\":1}}",
        ],
    );
}

#[test]
fn what_differs_is_told_with_its_place() {
    let bad = |expect: &str, expected: &[&str]| {
        check(&format!("{SMALL}{FOUND}expect:\n  {expect}"), expected);
    };
    bad("status: Failed", &["6:15 `status`: expected \"Failed\", but it is \"Succeeded\""]);
    bad("took: PT1S", &["6:13 `took`: expected \"PT1S\", but it is \"PT0S\""]);
    bad("outputs: { found: 2 }", &["6:25 `outputs.found`: expected 2, but it is 1"]);
    bad("variables: { x: 1 }", &["6:23 `variables.x`: expected 1, but it is not there"]);
    bad(
        "actions: { Note: Skipped }",
        &["6:24 `actions.Note.status`: expected \"Skipped\", but it is \"Succeeded\""],
    );
    bad(
        "actions: { Note: { because: x } }",
        &[
            "6:35 `actions.Note.because`: expected `x` in the reason, which is: nothing: it was neither skipped nor did it fail",
        ],
    );
    bad(
        "calls: []",
        &[
            "6:14 `calls`: the calls are not those that are expected",
            "  + crm.ListRecords {\"entityName\":\"accounts\",\"$filter\":\"name eq 'Contoso'\"}  (made, not expected)",
        ],
    );
    bad(
        "calls: [crm.CreateRecord, { crm.ListRecords: { entityName: tasks } }]",
        &[
            "6:14 `calls`: the calls are not those that are expected",
            "  - crm.CreateRecord  (expected, not made)",
            "  ~ crm.ListRecords {\"entityName\":\"accounts\",\"$filter\":\"name eq 'Contoso'\"}",
            "      `entityName`: expected \"tasks\", is \"accounts\"",
        ],
    );
    bad(
        "noCalls: [crm.ListRecords]",
        &[
            "6:17 `crm.ListRecords` is called, which it must not be",
            "  crm.ListRecords {\"entityName\":\"accounts\",\"$filter\":\"name eq 'Contoso'\"}",
        ],
    );
    bad(
        "someCalls: [{ crm.ListRecords: { entityName: \"@startsWith(item(), 't')\" } }]",
        &[
            "6:21 `crm.ListRecords` is not called as expected",
            "  ~ crm.ListRecords {\"entityName\":\"accounts\",\"$filter\":\"name eq 'Contoso'\"}",
            "      `entityName`: expected @startsWith(item(), 't'), is \"accounts\"",
        ],
    );
    bad("trigger: Skipped", &["6:7 expected no run, but the event starts 1 run"]);
    bad("trigger: Failed", &["6:7 expected no run, but the event starts 1 run"]);
    check(
        "inputs: { amount: 0 }\n",
        &["2:11 the event starts no run: a condition of the trigger does not hold"],
    );
    check(
        &format!("{SMALL}mocks: {{ crm.ListRecords: {{ when: {{ entityName: tasks }} }} }}\n"),
        &[
            "2:11 expected the run to end as Succeeded, but it is Failed",
            "  `Find the account`: NotMocked: nothing may be called here and there is no reply for `Find_the_account`; add one to the mocks file",
            "2:11 nothing answers the call of `Find the account` (`crm.ListRecords`): add a reply to `mocks`",
            "  it is called with {\"entityName\":\"accounts\",\"$filter\":\"name eq 'Contoso'\"}",
            "  reply 1 wants `entityName` \"tasks\", not \"accounts\"",
        ],
    );
}

#[test]
fn names_that_nothing_has_are_told() {
    check("inputs: { amout: 1 }", &["3:15 there is no input `amout`; did you mean `amount`?"]);
    check(
        "parameters: { limits: 1 }",
        &["3:19 there is no parameter `limits`; did you mean `limit`?"],
    );
    check("parameters: { limit: many }", &["3:19 the parameter `limit` is of type `integer`"]);
    check("trigger: Manual", &["3:14 the flow has no trigger `Manual`"]);
    check("environment: tset", &["3:18 there is no usable environment `tset`"]);
    check("eventFile: event.json", &["3:16 there is no file `event.json` beside the test"]);
    check(
        "mocks: { Find the acount: {} }",
        &[
            "3:14 the flow has neither an action nor a connection with `Find the acount`; did you mean `Find the account`?",
        ],
    );
    check(
        "mocks: { crm.ListRecord: {} }",
        &[
            "3:14 the connector `dynamics-365` has no operation `ListRecord`; did you mean `crm.ListRecords`?",
        ],
    );
    check(
        "expect: { actions: { Notes: Skipped }, calls: [Nobody] }",
        &[
            "3:26 the flow has neither an action nor a connection with `Notes`; did you mean `Note`?",
            "3:52 the flow has neither an action nor a connection with `Nobody`",
        ],
    );
}

#[test]
fn files_that_are_wrong_are_told() {
    check("mock: {}", &["3:5 unknown key `mock` in the test `It` (did you mean `mocks`?)"]);
    check(
        "expect: { statuss: Failed }",
        &["3:15 unknown key `statuss` in `expect` (did you mean `status`?)"],
    );
    check(
        "expect: { status: Fine }",
        &[
            "3:23 `status` cannot be `Fine` (one of Succeeded, Failed, Skipped, TimedOut, Cancelled, Waiting)",
        ],
    );
    check(
        "expect: { trigger: Skipped, calls: [] }",
        &[
            "3:33 unknown key `calls` in `expect` of a trigger that starts no run (known keys: trigger)",
        ],
    );
    check(
        "now: tomorrow",
        &["3:10 `now` is not a time: `tomorrow` (write `2026-01-31T12:00:00Z`)"],
    );
    check(
        "event: {}\ninputs: {}",
        &[
            "4:13 the test `It` has more than one event (keep one of `event`, `eventFile` and `inputs`)",
        ],
    );
    check("mocks: { A: [] }", &["3:17 the mock of `A` has no reply"]);
    check(
        "mocks: { A: { status: 200 } }",
        &[
            "3:19 unknown key `status` in a reply of `A` (known keys: when, times, statusCode, headers, body, bodyFile, error, callBack)",
        ],
    );
    check(
        "mocks: { A: { body: 1, bodyFile: a.json } }",
        &["3:38 a reply of `A` has both `body` and `bodyFile`"],
    );
    check(
        "mocks: { A: { error: { class: odd } } }",
        &[
            "3:28 `error` of a reply of `A` needs the key `code` (add `code:`)",
            "3:35 `class` cannot be `odd` (one of throttled, transient, auth, conflict, notFound, alreadyExists, ambiguous, permission, validation, permanent)",
        ],
    );
    check(
        "expect: { outputs: \"@body('X')\" }",
        &[
            "3:31 an expectation cannot look at the action `X` (`item()` is the value that is compared)",
        ],
    );
    check(
        "expect: { outputs: { a: \"@lenght(item())\" } }",
        &["3:31 there is no function `lenght` (did you mean `length`?)"],
    );
    check(
        "expect: { calls: [{ A: {}, B: {} }] }",
        &[
            "3:32 an item of `calls` names one action or operation, and `B` is another (indent the inputs below the name)",
        ],
    );
    check(
        "expect: []",
        &[
            "3:13 `expect` is an empty list, which says nothing of any run (of an event that starts no run, expect `trigger: Skipped`)",
        ],
    );
}

#[test]
fn replies_come_in_turn() {
    let large = "inputs: { amount: 200, customer: Contoso }\n";
    // An attempt is a turn; what is given `times` is then used up.
    check(
        &format!(
            "{large}mocks:\n  crm.ListRecords: [{{ statusCode: 503, times: 2 }}, {{ body: {{ value: [] }} }}]\n\
             \u{20} crm.CreateRecord: {{ when: {{ item: {{ amount: 200 }} }}, statusCode: 201 }}\n\
             expect: {{ took: PT20S, actions: {{ Find the account: {{ attempts: 3 }} }} }}"
        ),
        &[],
    );
    check(
        &format!(
            "{large}mocks: {{ crm.ListRecords: {{ error: {{ code: Gone }} }} }}\nexpect: {{ status: Failed, took: PT20S }}"
        ),
        &[],
    );
    check(
        &format!(
            "{large}mocks: {{ crm.ListRecords: {{ error: {{ code: Gone, class: permanent }} }} }}\nexpect: {{ status: Failed, took: PT0S }}"
        ),
        &[],
    );
}

#[test]
fn update_accepts_what_there_is_and_keeps_the_rest() {
    let cases = [
        // A value in its place, with the comment behind it.
        (
            "    expect:\n      status: Failed   # why?\n",
            "    expect:\n      status: Succeeded   # why?\n",
        ),
        // Only what differs.
        (
            "    expect: { outputs: { found: 7 }, noCalls: [crm.CreateRecord] }\n",
            "    expect: { outputs: { found: 1 }, noCalls: [crm.CreateRecord] }\n",
        ),
        // The inputs of a call keep their form.
        (
            "    expect:\n      calls:\n        - crm.ListRecords:   # the only one\n            entityName: contacts\n",
            "    expect:\n      calls:\n        - crm.ListRecords:   # the only one\n            entityName: accounts\n",
        ),
        // A list of other calls is written anew.
        (
            "    expect:\n      calls:\n        - crm.CreateRecord\n      took: PT0S\n",
            "    expect:\n      calls:\n        - crm.ListRecords: { entityName: accounts, $filter: name eq 'Contoso' }\n      took: PT0S\n",
        ),
        // A test without anything gets it all.
        (
            "",
            "    expect:\n      status: Succeeded\n      calls:\n        - crm.ListRecords: { entityName: accounts, $filter: name eq 'Contoso' }\n",
        ),
        // Conditions are a person's.
        (
            "    expect: { outputs: { found: \"@equals(item(), 7)\" } }\n",
            "    expect: { outputs: { found: \"@equals(item(), 7)\" } }\n",
        ),
    ];
    for (before, after) in cases {
        let folder = project();
        let head = format!("# About orders.\ntests:\n  - name: It   # one\n    {SMALL}    {FOUND}");
        let text = format!("{head}{before}");
        write(folder.path(), &text);
        let (suite, verdicts) = judged(folder.path());
        let edits = verdicts.iter().flat_map(|it| {
            it.faults.iter().filter_map(|it| it.edit.clone()).chain(it.offer.clone())
        });
        let changed = update::apply(&text, &edits.collect::<Vec<_>>()).unwrap();
        assert_eq!(changed, format!("{head}{after}"), "{before}");
        drop(suite);
    }
}

#[test]
fn a_status_that_nobody_expects_is_added() {
    let folder = project();
    let text = "tests:\n  - name: It\n    inputs: { amount: 1 }\n    mocks: { crm.ListRecords: { statusCode: 400 } }\n    expect:\n      noCalls: [crm.CreateRecord]\n";
    write(folder.path(), text);
    let (_, verdicts) = judged(folder.path());
    let edits: Vec<_> = verdicts[0].faults.iter().filter_map(|it| it.edit.clone()).collect();
    let changed = update::apply(text, &edits).unwrap();
    assert!(
        changed.ends_with("    expect:\n      status: Failed\n      noCalls: [crm.CreateRecord]\n"),
        "{changed}"
    );
    write(folder.path(), &changed);
    assert!(judged(folder.path()).1[0].passed());
}

/// Runs the program in a folder.
fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(flowright()).args(args).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_program_tells_in_three_ways() {
    let folder = project();
    let (code, _, err) = run(folder.path(), &["test"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("there are no tests here"), "{err}");
    let bad = format!(
        "tests:\n  - name: Good & <cheap>\n    {SMALL}    {FOUND}  - name: Bad\n    {SMALL}    {FOUND}    expect: {{ status: Failed }}\n"
    );
    write(folder.path(), &bad);
    let (code, out, err) = run(folder.path(), &["test"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(
        out.contains("✓ Good & <cheap>")
            && out.contains("✗ Bad")
            && err.contains("1 passed, 1 failed"),
        "{out}{err}"
    );
    let (code, out, _) = run(folder.path(), &["test", "--filter", "good", "orders"]);
    assert_eq!((code, out.contains("Bad")), (0, false), "{out}");
    let (code, ..) = run(folder.path(), &["test", "--filter", "nothing"]);
    assert_eq!(code, 2);
    let (code, out, _) = run(folder.path(), &["test", "--output", "json", "--coverage"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 1);
    assert_eq!(
        report["summary"],
        serde_json::json!({ "files": 1, "tests": 2, "passed": 1, "failed": 1 })
    );
    assert_eq!(report["tests"][1]["failures"][0]["line"], 8);
    assert_eq!(report["coverage"][0]["actions"]["missed"][0]["name"], "Create a task");
    assert_eq!(report["coverage"][0]["branches"]["covered"], 1);
    let (code, out, _) = run(folder.path(), &["test", "--output", "junit"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("<testcase name=\"Good &amp; &lt;cheap&gt;\" classname=\"orders\""),
        "{out}"
    );
    assert!(out.contains("<testsuites tests=\"2\" failures=\"1\" errors=\"0\">"), "{out}");
    assert!(out.contains("<failure message=\"`status`: expected &quot;Failed&quot;"), "{out}");
    let (code, ..) = run(folder.path(), &["test", "--filter", "good", "--min-coverage", "100"]);
    assert_eq!(code, 1, "a task is never created");
    let (code, _, err) = run(folder.path(), &["test", "--update"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("changed flows/orders/tests/orders.test.yaml"), "{err}");
    let text =
        fs::read_to_string(folder.path().join("flows/orders/tests/orders.test.yaml")).unwrap();
    assert!(text.contains("    expect: { status: Succeeded }\n"), "{text}");
}

#[test]
fn the_schema_knows_what_the_reader_knows() {
    let (schema, invalid) = flow::Schema::new(flow::test_file::schema());
    assert!(invalid.is_none());
    let found = |text: &str| {
        let (root, _) = yaml::parse(text);
        !schema.check(&root.unwrap().to_json()).unwrap().is_empty()
    };
    for file in testing::find(&root(), &[]).unwrap().files {
        assert!(!found(file.source.text()), "{}", file.source.name());
    }
    let wrong = [
        "mock: {}",
        "mocks: { A: { status: 200 } }",
        "mocks: { A: [] }",
        "mocks: { A: { error: {} } }",
        "expect: { status: Fine }",
        "expect: { trigger: Skipped, calls: [] }",
        "expect: []",
        "expect: { actions: { A: { state: 1 } } }",
        "expect: { calls: [{ A: {}, B: {} }] }",
    ];
    for keys in wrong {
        assert!(found(&format!("tests: [{{ name: It, {keys} }}]")), "{keys}");
    }
    assert!(found("defaults: { name: x }\ntests: []"));
    assert!(found("flow: x"));
}
