//! Strings that go from one dialect to the other, escapes included.

use crate::{Dialect, Template, literal_in};

/// What a template means, without the places it was read from.
fn meaning(text: &str, dialect: Dialect) -> String {
    let (template, errors) = Template::parse(text, dialect);
    let shown = format!("{:?} {:?} {}", template.notation(), template.body(), errors.len());
    let mut meaning = String::new();
    let mut rest = shown.as_str();
    while let Some((before, after)) = rest.split_once("range: ") {
        meaning.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    }
    meaning + rest
}

/// Strings of the cloud's that mean something else in our files.
const TRAPS: &[&str] = &[
    "plain",
    "",
    "@",
    "@@",
    "@@{",
    "@@@{x}",
    "@@{{x}}",
    "a@@{{x}}",
    "a @@{{{x}}}",
    "{{x}}",
    "{{{x}}}",
    "{{{{x}}}}",
    "{{",
    r"\{{x}}",
    r"\\{{x}}",
    r"\\\{{x}}",
    r"C:\{a}\{{b",
    r"\",
    r"\@{1}\{{",
    "{{x}} @{body('a')}",
    "@{body('a')}{{x}}",
    "{@{1}",
    "{{@{1}}}",
    "@{concat('{{', '}')} \\{{",
    "@concat('{{', 'x')",
    "$.x",
    "$[0]",
    "$$.x",
    "$$$.x",
    "$$[0]",
    "$",
    "$filter",
    "$$filter",
    "$.x @{1}",
    "$.x {{y}} @{1} $.z",
    "$$.x {{y}}",
    "[concat('@{', parameters('x'), '{{}}')]",
    "[parameters('x')]",
    "@{",
    "x @{y {{z",
    "x @{y @@{z} @{1}",
    "@f(",
    "é {{ü}} $. @{1}",
    "{{#if x}}a{{/if}}",
];

#[test]
fn strings_of_the_cloud_mean_the_same_in_our_files() {
    for text in TRAPS {
        let (template, _) = Template::parse(text, Dialect::Wdl);
        let written = template.written_in(Dialect::Flowright).unwrap();
        assert_eq!(meaning(&written, Dialect::Flowright), meaning(text, Dialect::Wdl), "{written}");
        let (ours, _) = Template::parse(&written, Dialect::Flowright);
        assert_eq!(ours.written_in(Dialect::Flowright).as_ref(), Ok(&written));
        let back = ours.written_in(Dialect::Wdl).unwrap();
        assert_eq!(meaning(&back, Dialect::Wdl), meaning(text, Dialect::Wdl), "{text} {back}");
    }
}

/// Every text of up to six of the characters that mean something.
#[test]
fn short_texts_mean_the_same_in_both_dialects() {
    let mut texts = vec![String::new()];
    let mut first = 0;
    for _ in 0..6 {
        let last = texts.len();
        for at in first..last {
            for c in ['@', '{', '}', '$', '.', '\\'] {
                let text = format!("{}{c}", texts[at]);
                texts.push(text);
            }
        }
        first = last;
    }
    for text in &texts {
        let (template, _) = Template::parse(text, Dialect::Wdl);
        let written = template.written_in(Dialect::Flowright).unwrap();
        assert_eq!(meaning(&written, Dialect::Flowright), meaning(text, Dialect::Wdl), "{text}");
        for dialect in [Dialect::Wdl, Dialect::Flowright] {
            let (literal, _) = Template::parse(&literal_in(text, dialect), dialect);
            let found = literal.literal().and_then(|it| it.as_str());
            assert_eq!(found, Some(text.as_str()), "{dialect:?}");
        }
    }
}

#[test]
fn our_notations_in_the_words_of_the_cloud() {
    let rows = [
        ("$.trigger.body.a['b c'][0]", "@triggerBody()?['a']?['b c']?[0]"),
        ("$.trigger.headers['x-y']", "@triggerOutputs()?['headers']?['x-y']"),
        ("$.trigger.outputs.body", "@triggerOutputs()?['body']"),
        ("$.trigger.name", "@trigger()?['name']"),
        ("$.actions.Get_it.body.id", "@body('Get_it')?['id']"),
        ("$.actions.Get_it.statusCode", "@outputs('Get_it')?['statusCode']"),
        ("$.actions.Get_it.outputs", "@outputs('Get_it')"),
        ("$.actions.Get_it.status", "@actions('Get_it')?['status']"),
        ("$.actions['It''s']", "@actions('It''s')"),
        ("$.variables.n", "@variables('n')"),
        ("$.parameters.p.q", "@parameters('p')?['q']"),
        ("$.items.Loop.x", "@items('Loop')?['x']"),
        ("$.item", "@item()"),
        ("$.run.name", "@workflow()?['run']?['name']"),
        ("$.flow.name", "@workflow()?['name']"),
        ("{{trigger.body.a}}", "@{triggerBody()['a']}"),
        ("a {{concat 'it\\'s' item}} @@{b}", "a @{concat('it''s', item())} @@@{b}"),
        ("@@ {{item}}", "@@ {{item}}"),
        ("{{! a comment}}@at {{item}}", "@{'@'}at @{item()}"),
        ("\\{{a}}", "{{a}}"),
        ("$$.a @{item()}", "$.a @{item()}"),
        ("@first(item())", "@first(item())"),
    ];
    for (ours, expected) in rows {
        let ours = ours.replace("''s']", "\\'s']");
        let (template, errors) = Template::parse(&ours, Dialect::Flowright);
        assert!(errors.is_empty(), "{ours}: {errors:?}");
        assert_eq!(template.written_in(Dialect::Wdl).as_deref(), Ok(expected), "{ours}");
    }
}

#[test]
fn what_the_cloud_has_no_words_for_is_said() {
    let rows = [
        ("$.trigger.body[*]", "the cloud has no queries that give several values"),
        ("$.item[-1]", "the cloud has no counterpart of `item.-1`"),
        ("{{#if item}}a{{/if}}", "the cloud has no blocks such as `{{#if}}`"),
        ("@odataLiteral('a')", "the cloud has no function `odataLiteral`"),
        ("a @{odataLiteral('a')}", "the cloud has no function `odataLiteral`"),
        ("{{odataLiteral 'a'}}", "the cloud has no function `odataLiteral`"),
    ];
    for (ours, expected) in rows {
        let (template, errors) = Template::parse(ours, Dialect::Flowright);
        assert!(errors.is_empty(), "{ours}: {errors:?}");
        assert_eq!(template.written_in(Dialect::Wdl).unwrap_err(), expected, "{ours}");
    }
}
