//! Completion, also in files that are broken where they are being written.

use lsp_types::{CompletionItem, CompletionTextEdit};

use super::{changed, open, project, with_action};
use crate::complete;

fn items(name: &str, text: &str) -> Vec<CompletionItem> {
    let mut project = project();
    let (file, at) = open(&mut project, name, text);
    complete(&project, &file, at)
}

fn labels(name: &str, text: &str) -> Vec<String> {
    items(name, text).into_iter().map(|it| it.label).collect()
}

/// Some things are offered, others are not.
fn check_in(name: &str, text: &str, wanted: &[&str], unwanted: &[&str]) {
    let labels = labels(name, text);
    for it in wanted {
        assert!(labels.iter().any(|label| label == it), "no `{it}` in {labels:?}\n{text}");
    }
    for it in unwanted {
        assert!(!labels.iter().any(|label| label == it), "`{it}` in {labels:?}\n{text}");
    }
}

fn check(text: &str, wanted: &[&str], unwanted: &[&str]) {
    check_in("flows/sync/flow.yaml", text, wanted, unwanted);
}

/// What the text becomes when an item is taken.
fn taken(text: &str, label: &str) -> String {
    let name = "flows/sync/flow.yaml";
    let item = items(name, text).into_iter().find(|it| it.label == label);
    let item = item.unwrap_or_else(|| panic!("no `{label}` in {:?}", labels(name, text)));
    let Some(CompletionTextEdit::Edit(edit)) = item.text_edit else { panic!("no edit") };
    let mut project = project();
    let (file, _) = open(&mut project, name, text);
    let (start, end) = (file.text.offset(edit.range.start), file.text.offset(edit.range.end));
    let content = file.text.as_str();
    let after =
        [content.get(..start).unwrap(), &edit.new_text, content.get(end..).unwrap()].concat();
    after.lines().last().unwrap().trim().to_owned()
}

#[test]
fn keys() {
    check("‸", &["flow", "description", "connections", "triggers", "actions"], &[]);
    check("flow: x\n‸\nactions: []\n", &["connections"], &["flow", "actions"]);
    check(
        &with_action("  - name: x\n    ‸\n"),
        &["call", "if", "runAfter", "retryPolicy"],
        &["name", "then", "with", "cases"],
    );
    check(
        &with_action("  - name: x\n    foreach: $.x\n    ‸\n"),
        &["actions", "concurrency", "timeout"],
        &["call", "then", "from"],
    );
    check(&with_action("  - name: x\n    re‸\n"), &["respond", "retryPolicy"], &[]);
    check(&with_action("  - ‸\n"), &["name", "call", "parallel"], &["flow"]);
    check(
        &with_action("  - name: x\n    wait: { ‸ }\n"),
        &["until", "interval", "unit"],
        &["name"],
    );
    check(
        &with_action("  - name: x\n    retryPolicy:\n      ‸\n"),
        &["type", "count", "interval"],
        &["none "],
    );
    check(
        &changed("    request:", "    ‸\n    request:"),
        &["dedupe", "concurrency", "conditions"],
        &["call", "manual"],
    );
}

#[test]
fn inputs_of_operations() {
    check(
        &with_action("  - name: x\n    call: crm.ListRecords\n    with:\n      ‸\n"),
        &["entityName", "$filter", "$top"],
        &["item"],
    );
    check(
        &with_action("  - name: x\n    call: crm.CreateRecord\n    with: { entityName: a, ‸ }\n"),
        &["item"],
        &["entityName", "$filter"],
    );
    check(
        &with_action("  - name: x\n    call: partnerCenter.GetReferralById\n    with: {‸\n"),
        &["id"],
        &[],
    );
}

#[test]
fn operations_and_connections() {
    check(
        &with_action("  - name: x\n    call: ‸\n"),
        &["crm.ListRecords", "partnerCenter.GetReferralById"],
        &["crm.GetReferralById"],
    );
    check(&with_action("  - name: x\n    call: crm.‸\n"), &["crm.CreateRecord"], &[]);
    check(
        &with_action("  - name: x\n    call: { connection: ‸ }\n"),
        &["crm", "partnerCenter"],
        &[],
    );
    check(
        &changed("crm: dynamics-365", "crm: ‸"),
        &["dynamics-365", "partner-center-referrals"],
        &[],
    );
    assert_eq!(
        taken(&with_action("  - name: x\n    call: crm.Lis‸"), "crm.ListRecords"),
        "call: crm.ListRecords"
    );
}

#[test]
fn words_and_names() {
    check(&with_action("  - name: x\n    terminate: ‸\n"), &["Failed", "Cancelled"], &["Skipped"]);
    check(&with_action("  - name: x\n    expression: ‸\n"), &["AddToTime"], &[]);
    check(
        &with_action("  - name: x\n    retryPolicy: { type: ‸ }\n"),
        &["fixed", "exponential"],
        &[],
    );
    check(
        &with_action("  - name: x\n    runAfter: { ‸ }\n    compose: 1\n"),
        &["End", "Each row"],
        &["Add", "x"],
    );
    check(
        &with_action("  - name: x\n    runAfter:\n      ‸\n    compose: 1\n"),
        &["End"],
        &["Say"],
    );
    check(
        &with_action("  - name: x\n    runAfter: { End: [‸] }\n    compose: 1\n"),
        &["Failed", "TimedOut"],
        &[],
    );
    check(&with_action("  - name: x\n    set: { name: ‸ }\n"), &["total"], &[]);
    check(&with_action("  - name: x\n    map: ‸\n"), &["fields"], &[]);
    check(&with_action("  - name: x\n    runFlow: ‸\n"), &["other", "Sync"], &[]);
    check(&changed("type: string, default", "type: ‸, default"), &["boolean", "array"], &[]);
    check(
        &with_action("  - name: x\n    foreach: $.x\n    secure: [‸]\n    actions: []\n"),
        &["inputs", "outputs"],
        &[],
    );
}

#[test]
fn expressions() {
    check(
        &with_action("  - name: x\n    compose: \"@‸\"\n"),
        &["concat", "body", "utcNow"],
        &["crm.ListRecords"],
    );
    check(
        &with_action("  - name: x\n    compose: \"@body('‸')\"\n"),
        &["Get_the_referral", "Rows", "End"],
        &["x", "Get the referral"],
    );
    check(&with_action("  - name: x\n    compose: \"@body('‸\n"), &["Get_the_referral"], &[]);
    check(&with_action("  - name: x\n    compose: \"@variables('‸\"\n"), &["total"], &["field"]);
    check(
        &with_action("  - name: x\n    compose: \"@concat('a', parameters('‸\"\n"),
        &["field"],
        &["total"],
    );
    check(
        &with_action("  - name: x\n    compose: \"@concat('‸'\"\n"),
        &[],
        &["total", "field", "Rows"],
    );
    check(
        &with_action("  - name: x\n    compose: \"@body('Get_the_referral')?['‸\"\n"),
        &["id", "name", "status", "details"],
        &[],
    );
    check(
        &with_action("  - name: x\n    compose: \"@body('Get_the_referral')?['details']?['‸']\"\n"),
        &["dealValue", "notes"],
        &["id "],
    );
    check(&with_action("  - name: x\n    compose: \"@triggerBody()?['‸\"\n"), &["id", "size"], &[]);
    check(
        &with_action("  - name: x\n    compose: \"a @{body('Get_the_referral')?['‸']} b\"\n"),
        &["id"],
        &[],
    );
    check(&with_action("  - name: x\n    compose: \"@{1} ‸\"\n"), &[], &["concat"]);
    check(
        &changed("value: \"@variables('total')\"", "value: \"@items('‸')\""),
        &["Each_row"],
        &["Rows", "Count"],
    );
    check(
        &with_action("  - name: x\n    compose: \"@outputs('Rows')?.‸\"\n"),
        &["body", "statusCode"],
        &[],
    );
}

#[test]
fn expressions_in_lists() {
    let conditions = "    conditions:\n      - \"@triggerBody()?['‸\n    request:";
    check(&changed("    request:", conditions), &["size"], &[]);
    let action = |list: &str| with_action(&format!("  - name: x\n    compose:\n      {list}\n"));
    check(&action("- $.actions.‸"), &["Rows"], &[]);
    check(&action("- \"@body('‸"), &["Rows"], &[]);
    check(&action("- \"@body('‸')\"\n      - 1"), &["Rows"], &[]);
    check(&action("[1, \"@body('‸')\"]"), &["Rows"], &[]);
}

#[test]
fn paths_and_templates() {
    check(
        &with_action("  - name: x\n    compose: $.‸\n"),
        &["actions", "trigger", "variables"],
        &["concat", "body"],
    );
    check(
        &with_action("  - name: x\n    compose: $.actions.‸\n"),
        &["Get_the_referral", "Rows"],
        &["trigger"],
    );
    check(
        &with_action("  - name: x\n    compose: $.actions.Rows.‸\n"),
        &["body", "outputs", "statusCode"],
        &[],
    );
    check(
        &with_action("  - name: x\n    compose: $.actions.Get_the_referral.body.‸\n"),
        &["id", "details"],
        &[],
    );
    check(&with_action("  - name: x\n    compose: $.variables.‸\n"), &["total"], &[]);
    check(&with_action("  - name: x\n    compose: \"{{‸}}\"\n"), &["actions", "concat"], &[]);
    check(
        &with_action("  - name: x\n    compose: \"a {{actions.Get_the_referral.body.‸\"\n"),
        &["id"],
        &["concat"],
    );
    check(
        &changed("    request:", "    dedupe: \"{{‸\"\n    request:"),
        &["body", "headers"],
        &["run"],
    );
}

#[test]
fn what_is_taken_fits_in() {
    let action = |value: &str| with_action(&format!("  - name: x\n    compose: {value}"));
    assert_eq!(
        taken(&action("\"@body('Get‸')\""), "Get_the_referral"),
        "compose: \"@body('Get_the_referral')\""
    );
    assert_eq!(
        taken(&action("\"@body('Get‸\""), "Get_the_referral"),
        "compose: \"@body('Get_the_referral'\""
    );
    assert_eq!(
        taken(&action("\"@body('Rows')?['va‸\""), "value"),
        "compose: \"@body('Rows')?['value']\""
    );
    assert_eq!(taken(&action("\"@con‸\""), "concat"), "compose: \"@concat($0)\"");
    assert_eq!(
        taken(&action("$.actions.Get_‸"), "Get_the_referral"),
        "compose: $.actions.Get_the_referral"
    );
    assert_eq!(taken(&with_action("  - name: x\n    ca‸"), "call"), "call:");
    assert_eq!(
        taken(&with_action("  - name: x\n    runAfter: { E‸ }"), "Each row"),
        "runAfter: { Each row: [Succeeded] }"
    );
}

#[test]
fn broken_files_complete_as_well() {
    // An open bracket, quote or key above the cursor.
    for broken in [
        "    description: \"open\n",
        "    trackedProperties: { a: [1\n",
        "    des\n",
        "    timeout PT1M\n",
    ] {
        let text = with_action(&format!("  - name: x\n{broken}    ‸\n"));
        check(&text, &["call", "compose"], &["flow"]);
        let text = with_action(&format!("  - name: x\n{broken}    compose: \"@body('‸\n"));
        check(&text, &["Get_the_referral"], &[]);
    }
    let text = changed("    call: crm.ListRecords", "    call: [\n    runAfter: { ‸");
    check(&text, &["Get the referral", "End"], &["Add"]);
    assert_eq!(labels("flows/sync/flow.yaml", "# about ‸"), Vec::<String>::new());
    assert_eq!(labels("flows/sync/flow.yaml", "flow: x # about ‸"), Vec::<String>::new());
}

#[test]
fn other_files() {
    let mapping = "flows/sync/fields.mapping.yaml";
    check_in(mapping, "mapping: x\n‸\n", &["from", "to", "fields"], &["mapping"]);
    check_in(mapping, "mapping: x\nfrom: ‸\n", &["partner-center-referrals#Referral"], &[]);
    check_in(mapping, "mapping: x\nfields:\n  a:\n    ‸\n", &["from", "as", "compare"], &[]);
    check_in(
        mapping,
        "mapping: x\nfields:\n  a: { from: $.x, as: ‸ }\n",
        &["money", "dateTime"],
        &[],
    );
    check_in(
        mapping,
        "mapping: x\nfrom: partner-center-referrals#Referral\nfields:\n  a: $.‸\n",
        &["details", "name"],
        &["actions"],
    );
    check_in(
        mapping,
        "mapping: x\nfrom: partner-center-referrals#Referral\nfields:\n  a: $.details.‸\n",
        &["dealValue"],
        &[],
    );
    check_in(
        mapping,
        "mapping: x\nfrom: partner-center-referrals#Referral\nfields:\n  a: \"@item()?['details']?['‸\"\n",
        &["dealValue"],
        &[],
    );
    check_in(mapping, "mapping: x\nfields:\n  a: \"@parameters('‸\"\n", &["field"], &[]);
    let environment = "flows/environments/production.yaml";
    check_in(environment, "‸\n", &["parameters", "connections"], &[]);
    check_in(environment, "parameters:\n  ‸\n", &["field"], &[]);
    check_in(environment, "connections:\n  ‸\n", &["crm", "dynamics-365"], &[]);
    check_in(
        environment,
        "connections:\n  crm:\n    connector: dynamics-365\n    params:\n      ‸\n",
        &["orgUrl", "clientSecret"],
        &[],
    );
    check_in(
        "connectors/x/connector.yaml",
        "connector: x\noperations:\n  A:\n    ‸\n",
        &["effect", "request", "params"],
        &[],
    );
    check_in(
        "connectors/x/connector.yaml",
        "connector: x\noperations:\n  A:\n    effect: ‸\n",
        &["read", "create"],
        &[],
    );
    check_in("flowright.yaml", "‸\n", &["flows", "retention"], &[]);
    check_in("flowright.yaml", "environment: ‸\n", &["production"], &[]);
    check_in(
        "flows/sync/tests/a.test.yaml",
        "tests:\n  - name: x\n    mocks:\n      ‸\n",
        &["Rows", "Get the referral"],
        &[],
    );
    check_in(
        "flows/sync/tests/a.test.yaml",
        "tests:\n  - name: x\n    ‸\n",
        &["event", "expect"],
        &["name"],
    );
}
