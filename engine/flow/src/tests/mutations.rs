//! Damaged flows and definitions: reading never panics and always gives a well-formed tree.

use base::{Diagnostic, Severity, Source};
use expr::Dialect;

use super::{
    check_shape,
    round_trip::{of_ours, of_the_cloud},
};
use crate::{
    Flow, environment,
    export::{self, Form},
    import, mapping, project, read, test_file,
};

const FLOW: &str = "flow: F\nparameters: { a: { type: string, default: x } }\n\
    connections: { crm: dynamics-365 }\ntriggers:\n  - name: T\n    request: { schema: {} }\n    \
    splitOn: \"@triggerBody()\"\nactions:\n  - name: One\n    call: crm.List\n    with: { $top: 1 }\n  \
    - name: Two\n    runAfter: { One: [Failed] }\n    if: { and: [{ equals: [$.item, 1] }] }\n    \
    then:\n      - name: Three\n        foreach: \"@body('One')\"\n        actions: [{ name: Four, compose: 1 }]\n  \
    - parallel: [[{ name: Five, wait: PT5M }], [{ name: Six, terminate: Failed }]]\n  \
    - name: Seven\n    switch: 1\n    cases: [{ case: a, actions: [] }]\n    retryPolicy: { type: none }\n";
const DEFINITION: &str = r#"{"definition": {"parameters": {"p": {"type": "Int", "defaultValue": 1}},
    "triggers": {"T": {"type": "Recurrence", "recurrence": {"frequency": "Day", "interval": "@parameters('p')"}}},
    "actions": {"A": {"type": "If", "expression": {"not": {"equals": ["@a()", 1]}}, "actions": {
        "B": {"type": "Foreach", "foreach": "@a()", "actions": {"C": {"type": "Compose", "inputs": "@{item()}"}}}},
        "else": {"actions": {"D": {"type": "ApiConnection", "inputs": {"host": {"connection": {"name": "@parameters('$connections')['x']['y']"}},
        "method": "get", "path": "/x"}}}}}, "E": {"type": "Switch", "expression": 1, "cases": {"F": {"case": 1, "actions": {}}},
        "runAfter": {"A": ["SUCCEEDED"]}}}}}"#;
const FILE: &str = "mapping: m\nfields:\n  a: $.b\n  c: { from: $.d, as: text, values: { x: 1 }, otherwise: 2 }\n\
    connections: { crm: { connector: x, params: { a: '${env:B}' } } }\nflows: [a]\nhttp: { allowHosts: [b] }\n";
const TESTS: &str = "flow: f\ndefaults: { now: '2026-01-01T00:00:00Z', seed: 1, mocks: { A: { when: { a: '@item()' } } } }\ntests:\n  \
    - name: One\n    inputs: { a: 1 }\n    mocks: { crm.Get: [{ statusCode: 429, times: 2 }, { error: { code: X, class: auth } }] }\n    \
    expect:\n      status: Failed\n      took: PT5M\n      calls: [A, { crm.Get: { a: { exactly: 1 } } }]\n      \
    actions: { A: Skipped, B: { because: x, outputs: { contains: [1] } } }\n  - { name: Two, event: {}, expect: { trigger: Skipped } }\n";
const PARTS: [&str; 20] = [
    "null", "[]", "{}", "1", "@", "{{", "\"", "'", ": ", ", ", "\n", "  ", "- ", "${", "A", "One",
    "runAfter", "actions", "type", "é",
];

/// A small generator (xorshift), so that every run sees the same documents.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }
}

/// Replaces a few words, which keeps most documents readable.
fn damage(text: &str, random: &mut Random) -> Source {
    let mut words: Vec<&str> = text.split_inclusive([' ', '\n', ':', '"', ',', '{', '}']).collect();
    for _ in 0..=random.below(3) {
        let at = random.below(words.len());
        let other = words[random.below(words.len())];
        match random.below(4) {
            0 => words[at] = "",
            1 => words[at] = other,
            2 => words.insert(at, other),
            _ => words.insert(at, PARTS[random.below(PARTS.len())]),
        }
    }
    Source::new("damaged", &words.concat())
}

fn check(source: &Source, (flow, found): (Flow, Vec<Diagnostic>)) {
    check_places(source, &found);
    check_shape(&flow);
    if found.iter().any(|it| it.severity == Severity::Error) {
        export::yaml(&flow);
        export::wdl(&flow, Form::Definition);
        return;
    }
    let same = match flow.dialect {
        Dialect::Wdl => of_the_cloud(&flow),
        Dialect::Flowright => of_ours(&flow).map(|_| ()),
    };
    if let Err(why) = same {
        panic!("{why}\n{}", source.text());
    }
}

fn check_places(source: &Source, found: &[Diagnostic]) {
    for it in found {
        let places = it.labels.iter().map(|it| it.span).chain([it.span]);
        for span in places.chain(it.fix.iter().map(|it| it.span)) {
            assert!(source.text().get(span.start..span.end).is_some(), "{it:?}\n{}", source.text());
        }
    }
}

#[test]
fn damaged_files_are_survived() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for _ in 0..1500 {
        let source = damage(FLOW, &mut random);
        check(&source, read(&source));
        let source = damage(DEFINITION, &mut random);
        check(&source, import::read(&source));
        let source = damage(FILE, &mut random);
        check_places(&source, &mapping::read(&source).1);
        check_places(&source, &environment::read(&source).1);
        check_places(&source, &project::read(&source).1);
        let source = damage(TESTS, &mut random);
        check_places(&source, &test_file::read(&source).1);
    }
}
