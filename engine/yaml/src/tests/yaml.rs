//! YAML: types of scalars, places, and every fault with its place and hint.

use base::Source;
use serde_json::{Value, json};

use super::{check_spans, lines};
use crate::{Kind, Node, comments, parse};

fn check(text: &str, expected: &Value) {
    let (node, found) = parse(text);
    assert_eq!(lines(text, &found), Vec::<String>::new(), "{text}");
    let node = node.unwrap();
    check_spans(text, &node);
    assert_eq!(&node.to_json(), expected, "{text}");
}

fn check_faults(text: &str, expected: &[&str]) -> Option<Node> {
    let (node, found) = parse(text);
    assert_eq!(lines(text, &found), expected, "{text}");
    if let Some(node) = &node {
        check_spans(text, node);
    }
    node
}

#[test]
fn scalars_have_the_types_of_the_core_schema() {
    for (text, value) in [
        ("no", json!("no")),
        ("on", json!("on")),
        ("y", json!("y")),
        ("true", json!(true)),
        ("False", json!(false)),
        ("tRue", json!("tRue")),
        ("~", json!(null)),
        ("null", json!(null)),
        ("", json!(null)),
        ("# nothing", json!(null)),
        ("12", json!(12)),
        ("-012", json!(-12)),
        ("+7", json!(7)),
        ("0o17", json!(15)),
        ("0xfF", json!(255)),
        ("0x", json!("0x")),
        ("1_000", json!("1_000")),
        ("9223372036854775808", json!(9_223_372_036_854_775_808_u64)),
        ("1.50", json!(1.5)),
        (".5", json!(0.5)),
        ("1.", json!(1.0)),
        ("1e3", json!(1000.0)),
        ("1e", json!("1e")),
        (".", json!(".")),
        ("+", json!("+")),
        ("12:30:45", json!("12:30:45")),
        ("2026-01-31", json!("2026-01-31")),
        ("'12'", json!("12")),
        ("\"true\"", json!("true")),
        ("'it''s'", json!("it's")),
        (r#""a\tb\u00e4""#, json!("a\tbä")),
        ("|\n  a\n  b\n", json!("a\nb\n")),
        (">-\n  a\n  b\n", json!("a b")),
        ("a\n b", json!("a b")),
        ("user@example.com", json!("user@example.com")),
        ("a {{b}} c", json!("a {{b}} c")),
    ] {
        check(text, &value);
    }
}

#[test]
fn collections_nest() {
    check(
        "a:\n  - 1\n  - b: 2\n    c: [x, {y: z}]\nd: {}\n",
        &json!({
            "a": [1, { "b": 2, "c": ["x", { "y": "z" }] }],
            "d": {}
        }),
    );
    check("\u{feff}a: 1\r\nb: 'x'\r\n", &json!({ "a": 1, "b": "x" }));
    check("---\n1: a\ntrue: b\n~: c\n...\n", &json!({ "1": "a", "true": "b", "~": "c" }));
    check("- - 1\n  - 2\n-\n- x:\n", &json!([[1, 2], null, { "x": null }]));
}

#[test]
fn places_are_exact() {
    let text = "a: x\nlist:\n  - one\n  - {k: 'v'}\ntext: |\n  l\n\nlast: \"@a\"\n";
    let (node, _) = parse(text);
    let node = node.unwrap();
    let source = Source::new("x", text);
    let show = |node: &Node| {
        let (from, to) = (source.location(node.span.start), source.location(node.span.end));
        format!("{}:{}-{}:{}", from.line, from.column, to.line, to.column)
    };
    let list = node.get("list").unwrap();
    for (node, place) in [
        (&node, "1:1-8:11"),
        (node.get("a").unwrap(), "1:4-1:5"),
        (list, "3:3-4:13"),
        (&list.as_seq().unwrap()[0], "3:5-3:8"),
        (&list.as_seq().unwrap()[1], "4:5-4:13"),
        (node.get("text").unwrap(), "6:3-6:4"),
        (node.get("last").unwrap(), "8:7-8:11"),
    ] {
        assert_eq!(show(node), place);
    }
}

#[test]
fn verbatim_text_knows_where_it_is() {
    for (text, verbatim) in [
        ("plain text", true),
        ("'single'", true),
        ("\"double\"", true),
        ("'it''s'", false),
        (r#""a\"b""#, false),
        ("two\n lines", false),
        ("|\n  block\n", false),
    ] {
        let (node, _) = parse(&format!("k: {text}"));
        let node = node.unwrap();
        let Some(Kind::Str(scalar)) = node.get("k").map(|it| &it.kind) else { panic!("{text}") };
        assert_eq!(scalar.verbatim_at.is_some(), verbatim, "{text}");
    }
}

#[test]
fn unquoted_expressions_are_found_all_at_once() {
    let text = "a: @equals(1, 2)  # no quotes\nb: {{body.id}}\nc: {d: @item(), e: [{{x}}|{{y}}]}\n\
                @odata: 1\nf: 'fine: @x'\ng: @{a}: and \"more\"\n";
    let node = check_faults(
        text,
        &[
            "1:4 unquoted-expression a value that begins with `@` must be quoted \
             (quote the expression: \"@equals(1, 2)\")",
            "2:4 unquoted-expression a value that begins with `{{` is an object unless it is \
             quoted (quote the template: \"{{body.id}}\")",
            "3:8 unquoted-expression a value that begins with `@` must be quoted \
             (quote the expression: \"@item()\")",
            "3:21 unquoted-expression a value that begins with `{{` is an object unless it is \
             quoted (quote the template: \"{{x}}|{{y}}\")",
            "4:1 unquoted-expression a value that begins with `@` must be quoted \
             (quote the expression: \"@odata\")",
            "6:4 unquoted-expression a value that begins with `@` must be quoted \
             (quote the expression: '@{a}: and \"more\"')",
        ],
    );
    let expected = json!({
        "a": "@equals(1, 2)", "b": "{{body.id}}", "c": { "d": "@item()", "e": ["{{x}}|{{y}}"] },
        "@odata": 1, "f": "fine: @x", "g": "@{a}: and \"more\""
    });
    assert_eq!(node.unwrap().to_json(), expected);
}

#[test]
fn a_fix_gives_what_was_meant() {
    for (text, value) in [
        ("a: @concat('x', \"y\")\n", "@concat('x', \"y\")"),
        ("a: @concat('x',\n    'y')\n", "@concat('x', 'y')"),
        ("a: {{#if x}}yes{{/if}}\n", "{{#if x}}yes{{/if}}"),
        ("a: {{x}} and {{y}}: z\n", "{{x}} and {{y}}: z"),
        ("a: @broken(\n", "@broken("),
    ] {
        let (_, found) = parse(text);
        let fix = found[0].fix.clone().unwrap();
        let mut mended = text.to_owned();
        mended.replace_range(fix.span.start..fix.span.end, &fix.text);
        check(&mended, &json!({ "a": value }));
    }
}

#[test]
fn templates_inside_text_are_left_alone() {
    check("a: |\n  {{x}}\n  b: {{y}}\n  @z\n", &json!({ "a": "{{x}}\nb: {{y}}\n@z\n" }));
    check("a: 'x: {{y}}'\n", &json!({ "a": "x: {{y}}" }));
    check("a: Dear {{x}}, hello\n", &json!({ "a": "Dear {{x}}, hello" }));
}

#[test]
fn what_is_not_supported_is_named() {
    for (text, expected) in [
        (
            "a: 1\nb: 2\na: 3\n",
            "3:1 duplicate-key the key `a` is written twice \
         (remove or rename one of the two)",
        ),
        ("a: &x 1\nb: 2\n", "1:4 unsupported-yaml anchors are not supported (write the value out)"),
        (
            "a: *x\n",
            "1:4 unsupported-yaml aliases are not supported \
         (write the value out, or quote text that begins with `*`)",
        ),
        (
            "<<: {a: 1}\nb: 2\n",
            "1:1 unsupported-yaml merge keys are not supported \
         (write the keys out)",
        ),
        ("a: !secret x\n", "1:4 unsupported-yaml tags are not supported (remove the tag)"),
        (
            "a: 1\n---\nb: 2\n",
            "2:1 unsupported-yaml a file holds one document \
         (move what follows `---` to its own file)",
        ),
        (
            "%YAML 1.2\n---\na: 1\n",
            "1:1 unsupported-yaml directives are not supported \
         (remove the line that begins with `%`)",
        ),
        ("[a]: 1\n", "1:1 unsupported-yaml a key must be text, not a list or an object"),
        (
            "a: .inf\n",
            "1:4 unsupported-yaml `.inf` is not a number that a flow can use \
         (quote it to make it text)",
        ),
    ] {
        check_faults(text, &[expected]);
    }
}

#[test]
fn faults_of_syntax_come_with_a_hint() {
    for (text, expected) in [
        (
            "a: b: c\n",
            "1:5 invalid-yaml `: ` is not allowed here (quote a value that contains `: `)",
        ),
        ("a:\n\tb: 1\n", "2:2 invalid-yaml a tab cannot indent (use spaces)"),
        ("a: 'x\n", "1:4 invalid-yaml a quote is never closed (add the closing quote)"),
        (
            "a: 'it's'\n",
            "1:8 invalid-yaml text follows the closing quote \
         (inside single quotes write `'` as `''`)",
        ),
        ("a: [1, 2\n", "1:4 invalid-yaml `[` is never closed (add the closing bracket)"),
        ("a: %x\n", "1:4 invalid-yaml a value cannot begin with `%` (quote the value)"),
        (
            "a:\n  b: 1\n c: 2\n",
            "3:2 invalid-yaml the indentation does not fit \
         (align the keys of an object, and the items of a list)",
        ),
        (
            r#"a: "\d""#,
            "1:4 invalid-yaml no such escape \
         (inside double quotes write `\\` as `\\\\`, or use single quotes)",
        ),
    ] {
        assert_eq!(check_faults(text, &[expected]), None, "{text}");
    }
}

#[test]
fn bombs_are_refused() {
    let depth = base::limits::YAML_DEPTH_MAX;
    let deep = |open: &str, close: &str, n: usize| format!("{}{}", open.repeat(n), close.repeat(n));
    let too_deep = format!("1:{} limit-exceeded values nest at most {depth} deep", depth + 1);
    check_faults(&deep("[", "]", depth), &[]);
    check_faults(&deep("[", "]", depth + 1), &[&too_deep]);
    check_faults(&"[".repeat(100_000), &["1:256 limit-exceeded values nest at most 128 deep"]);
    check_faults(&"- ".repeat(200), &["1:257 limit-exceeded values nest at most 128 deep"]);
    let wide = "-\n".repeat(base::limits::YAML_NODES_MAX + 1);
    check_faults(&wide, &["200001:2 limit-exceeded a file holds at most 200000 values"]);
    let long = "x".repeat(base::limits::FILE_BYTES_MAX + 1);
    let message = "1:1 limit-exceeded the file has 1048577 bytes; at most 1048576 are read";
    check_faults(&long, &[message]);
}

#[test]
fn comments_are_listed() {
    let text = "# top\na: 1 # right\nb: '# not'\n";
    let found: Vec<_> = comments(text).into_iter().map(|it| (it.text, it.span.start)).collect();
    assert_eq!(found, [(" top".to_owned(), 0), (" right".to_owned(), 11)]);
    assert_eq!(comments(&"# x\n".repeat(500)).len(), 500);
    check(&format!("{}a: 1\n", "# x\n".repeat(500)), &json!({ "a": 1 }));
}
