//! Edits that findings offer: applied, the finding is gone.

use super::{around, findings};

fn check(actions: &str, expected: &str) {
    let mut text = around(actions);
    let found = findings(&text);
    let mut fixes: Vec<_> =
        found.iter().flat_map(|it| &it.found).map(|it| it.fix.clone().unwrap()).collect();
    fixes.sort_by_key(|it| std::cmp::Reverse(it.span.start));
    for fix in fixes {
        text.replace_range(fix.span.start..fix.span.end, &fix.text);
    }
    assert_eq!(text, around(expected));
    assert!(findings(&text).is_empty(), "{text}");
}

#[test]
fn fixes_mend_what_was_found() {
    check(
        "- { name: Get it, compose: 1 }\n- { name: B, compose: \"@outputs('get_it')\" }\n\
         - { name: C, compose: \"@UTCNOW()\" }\n- { name: D, compose: $.actions.get_it.outputs }\n\
         - { name: E, compose: 'at {{utcnow}}, {{actions.get_it.outputs}}' }",
        "- { name: Get it, compose: 1 }\n- { name: B, compose: \"@outputs('Get_it')\" }\n\
         - { name: C, compose: \"@utcNow()\" }\n- { name: D, compose: $.actions.Get_it.outputs }\n\
         - { name: E, compose: 'at {{utcNow}}, {{actions.Get_it.outputs}}' }",
    );
    check(
        "- { name: I, if: \"@{equals(guid(), 'x')}\", then: [{ name: J, compose: 1 }] }",
        "- { name: I, if: \"@equals(guid(), 'x')\", then: [{ name: J, compose: 1 }] }",
    );
    check("- { name: N, compose: @utcNow() }", "- { name: N, compose: \"@utcNow()\" }");
}

#[test]
fn slips_of_the_fingers_are_mended() {
    check(
        "- { name: V, initialize: { name: Count, type: integr, value: 1 } }",
        "- { name: V, initialize: { name: Count, type: integer, value: 1 } }",
    );
    check(
        "- { name: V, initialize: { name: Count, type: integer, value: 1 } }\n\
         - { name: A, compose: \"@variabels('Count')\" }\n\
         - { name: B, compose: \"@variables('Cuont')\", timeuot: PT1M }",
        "- { name: V, initialize: { name: Count, type: integer, value: 1 } }\n\
         - { name: A, compose: \"@variables('Count')\" }\n\
         - { name: B, compose: \"@variables('Count')\", timeout: PT1M }",
    );
}

#[test]
fn what_may_be_several_is_not_mended() {
    let text = around(
        "- { name: Part1, compose: 1 }\n- { name: Part2, compose: 1 }\n\
         - { name: A, compose: \"@outputs('Part3')\" }",
    );
    let found = findings(&text);
    assert!(found[0].found.iter().all(|it| it.fix.is_none()), "{found:?}");
}

#[test]
fn edits_that_break_a_file_are_not_made() {
    use base::{Diagnostic, Source, Span, code};
    let source = Source::new("f.yaml", "a: 1\nb: 2\n");
    let edit = |start, end, text: &str| {
        Diagnostic::new(code::DEPRECATED, Span::new(start, end), "x").fix(
            Span::new(start, end),
            text,
            "x",
        )
    };
    let found = [edit(0, 1, "c"), edit(3, 4, "["), edit(5, 6, "d"), edit(5, 7, "overlaps")];
    let edited = crate::fix::apply(&source, &found, false);
    assert_eq!((edited.text.as_str(), edited.count), ("c: 1\nd: 2\n", 2));
    let unsafe_one = Diagnostic::new(code::DEPRECATED, Span::new(0, 1), "x");
    let unsafe_one = [unsafe_one.unsafe_fix(Span::new(0, 1), "c", "x")];
    assert_eq!(crate::fix::apply(&source, &unsafe_one, false).count, 0);
    assert_eq!(crate::fix::apply(&source, &unsafe_one, true).text, "c: 1\nb: 2\n");
}

const SHOP: &str = "connector: shop
version: 1.4.2
http: { baseUrl: 'https://shop.example.com' }
operations:
  Old: { effect: read, request: GET /old, deprecated: New }
  New: { effect: read, request: GET /new }
  Login: { effect: action, request: POST /login, bodyParam: item, body: { type: object } }
";

const HEAD: &str = "flow: F
connections: { s: shop@1 } # the shop
triggers:
  - name: T
    request:
      schema:
        type: object
        properties:
          a: { type: [string, 'null'] }
          o: { type: [object, 'null'], properties: { b: { type: string } } }
          l: { type: [array, 'null'], items: { type: object, properties: { b: { type: string } } } }
actions:
";

/// A flow before and after the edits of one rule, the unsafe ones included. What is left has no edit.
fn mend(slug: &str, before: &str, after: &str) {
    let settings = crate::Settings::default().and(crate::rules::find(slug).unwrap());
    let find = |text: &str| {
        let source = base::Source::new("flow.yaml", text);
        let package = flow::package::read(&source, &[]);
        let flows = [crate::FlowFile { name: "test", package: &package }];
        let connector = connector::read(&base::Source::new("connector.yaml", SHOP)).0;
        let catalog = connector::Catalog::new(vec![connector]);
        let project = crate::Project { flows: &flows, catalog: &catalog, environment: None };
        let all = crate::check_with(&project, &settings).into_iter().flat_map(|it| it.found);
        (source, all.filter(|it| it.code.slug == slug).collect::<Vec<_>>())
    };
    let (source, found) = find(before);
    assert!(!found.is_empty(), "{slug}: {before}");
    let edited = crate::fix::apply(&source, &found, true);
    assert_eq!(edited.text, after, "{slug}: {found:#?}");
    assert!(find(&edited.text).1.iter().all(|it| it.fix.is_none()), "{slug}: {}", edited.text);
}

/// The same of actions.
fn mend_actions(slug: &str, before: &str, after: &str) {
    mend(slug, &format!("{HEAD}{before}"), &format!("{HEAD}{after}"));
}

#[test]
fn null_is_thought_of() {
    let (null, empty) = ("possibly-null", "empty-collection-access");
    for (slug, before, after) in [
        (
            null,
            "\"@toUpper(triggerBody()?['a'])\"",
            "\"@toUpper(coalesce(triggerBody()?['a'], ''))\"",
        ),
        (
            null,
            "'x @{toUpper(triggerBody()?.a)}'",
            "'x @{toUpper(coalesce(triggerBody()?.a, ''''))}'",
        ),
        (null, "\"@triggerBody()?['o']['b']\"", "\"@triggerBody()?['o']?['b']\""),
        (null, "\"@triggerBody()?.o.b\"", "\"@triggerBody()?.o?.b\""),
        (
            empty,
            "\"@first(coalesce(triggerBody()?['l'], json('[]')))['b']\"",
            "\"@first(coalesce(triggerBody()?['l'], json('[]')))?['b']\"",
        ),
        (
            empty,
            "\"@coalesce(triggerBody()?['l'], json('[]'))[0]\"",
            "\"@coalesce(triggerBody()?['l'], json('[]'))?[0]\"",
        ),
    ] {
        let action = |value: &str| format!("  - name: A\n    compose: {value}   # why\n");
        mend_actions(slug, &action(before), &action(after));
    }
    let condition = |text: &str| {
        format!(
            "  - name: P\n    parseJson: \"@triggerBody()\"\n    schema: {{ type: object, properties: {{ open: {{ type: [boolean, 'null'] }} }}, required: [open] }}\n  \
             - name: I\n    if: {text}\n    then: [{{ name: A, compose: 1 }}]\n"
        )
    };
    mend_actions(
        null,
        &condition("\"@body('P')['open']\""),
        &condition("\"@equals(body('P')['open'], true)\""),
    );
}

#[test]
fn what_is_not_needed_goes() {
    let slug = "unused-definition";
    let answer = "  - name: B\n    respond: { status: 200 }\n";
    mend_actions(
        slug,
        &format!("  - name: A\n    compose:\n      deep: 1 # more\n  # of B\n{answer}"),
        &format!("  # of B\n{answer}"),
    );
    for kept in [
        // Something runs after it by name, it is all that there is, or something else would have to go first.
        format!("  - name: A\n    compose: 1\n{answer}    runAfter: {{ A: [Succeeded] }}\n"),
        "  - { name: A, compose: 1 }\n".to_owned(),
        format!(
            "  - name: V\n    initialize: {{ name: v, type: string }}\n  - name: S\n    set: {{ name: v, value: x }}\n{answer}"
        ),
    ] {
        mend_actions(slug, &kept, &kept);
    }
    let flow = |parameters: &str| {
        format!(
            "flow: F\nparameters:\n{parameters}triggers: [{{ name: T, manual: }}]\nactions: [{{ name: R, respond: {{ status: 200, body: \"@parameters('b')\" }} }}]\n"
        )
    };
    mend(
        slug,
        &flow("  a: { type: string } # old\n  b: { type: string }\n"),
        &flow("  b: { type: string }\n"),
    );
    let slug = "empty-block";
    mend_actions(slug, &format!("  - name: S\n    scope: []\n{answer}"), answer);
    let kept = "  - name: S\n    scope: []\n  - name: B\n    compose: \"@result('S')\"\n";
    mend_actions(slug, kept, kept);
}

#[test]
fn conditions_are_turned_around() {
    mend_actions(
        "empty-block",
        "  - name: I\n    if: \"@empty(guid())\" # asked\n    then: []\n    else:\n      - name: A # does\n        compose: 1\n",
        "  - name: I\n    if: \"@not(empty(guid()))\" # asked\n    then:\n      - name: A # does\n        compose: 1\n",
    );
    let kept = "  - name: I\n    if: { equals: [\"@guid()\", x] }\n    then: []\n    else:\n      - { name: A, compose: 1 }\n";
    mend_actions("empty-block", kept, kept);
}

#[test]
fn connectors_and_operations_are_named() {
    let call = |operation: &str| format!("  - name: A # one\n    call: s.{operation}\n");
    mend_actions("deprecated-operation", &call("Old"), &call("New"));
    let flow = |connection: &str| {
        HEAD.replace("shop@1", connection).replace("actions:\n", "actions: []\n")
    };
    mend("unpinned-connector", &flow("shop"), &flow("shop@1"));
    mend("unpinned-connector", &flow("\"shop\""), &flow("\"shop@1\""));
}

#[test]
fn credentials_are_kept_out_of_records() {
    let slug = "secure-io-missing";
    let login = "call: s.Login\n    with: { item: { password: \"@{guid()}\" } }\n";
    mend_actions(
        slug,
        &format!("  - name: A # one\n    {login}"),
        &format!("  - name: A # one\n    secure: [inputs]\n    {login}"),
    );
    mend_actions(
        slug,
        &format!("  - name: A\n    {login}    secure: [outputs]\n"),
        &format!("  - name: A\n    {login}    secure: [inputs, outputs]\n"),
    );
    let short = "call: s.Login, with: { item: { password: \"@{guid()}\" } } }\n";
    mend_actions(
        slug,
        &format!("  - {{ name: A, {short}"),
        &format!("  - {{ name: A, secure: [inputs], {short}"),
    );
}

#[test]
fn comments_lose_what_they_do_not_need() {
    let slug = "unused-suppression";
    let action = |comment: &str| format!("  - name: A\n    compose: \"@nothing()\"{comment}\n");
    let needed = action(" # lint: ignore[unknown-function] later");
    for comment in ["unknown-variable, unknown-function", "unknown-function, unknown-variable"] {
        mend_actions(slug, &action(&format!(" # lint: ignore[{comment}] later")), &needed);
    }
    let nothing = " # lint: ignore[unknown-variable, unknown-action-reference]";
    mend_actions(slug, &action(nothing), &action(""));
}

#[test]
fn fields_are_written_as_they_are() {
    let flow = |field: &str| {
        format!(
            "flow: F\ntriggers: [{{ name: T, manual: {{ inputs: {{ customer: {{ title: C, type: string, required: true }} }} }} }}]\nactions:\n  - name: A\n    compose: \"@triggerBody()['{field}']\" # why\n"
        )
    };
    mend("unknown-field", &flow("custmer"), &flow("customer"));
}
