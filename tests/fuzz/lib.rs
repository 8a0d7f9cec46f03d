//! What must hold for every string, and a generator of strings that the grammar allows.

#[allow(dead_code, reason = "the command says more about it than is needed here")]
#[path = "../../engine/cli/src/document.rs"]
mod document;

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use base::{Source, Timestamp};
use expr::functions::{Function, TABLE};
use expr::{Dialect, Notation, Operand, Outcome, SyntaxError, Template, Tree};
use flow::import::Beside;
use serde_json::{Value, json};

use document::Document;

/// No evaluation takes longer, whatever it is of.
const EVALUATION_MAX: Duration = Duration::from_secs(1);
/// Nor does reading a file that a fuzzer writes.
const READING_MAX: Duration = Duration::from_secs(2);
/// Depth of generated calls.
const DEPTH_MAX: usize = 5;

static CONTEXT: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "actions": { "A": { "status": "Succeeded", "outputs": { "statusCode": 200, "body": {
            "id": 7, "n": null, "list": [1, 2.5, "x", null, { "k": [] }], "é": "ü",
            "$content-type": "text/plain", "$content": "YQ=="
        } } } },
        "trigger": { "name": "manual", "outputs": { "headers": { "X": "1" }, "body": { "k": [3, 1, 2] } } },
        "variables": {
            "n": 5, "f": -0.5, "s": "Zürich 🚀 a,b", "t": true, "z": null, "big": i64::MAX, "min": i64::MIN,
            "list": [3, 1, 2], "texts": ["b", "a"], "rows": [{ "id": 1 }, { "id": 2 }], "date": "2024-02-29T23:59:59.9999999Z",
            "numbers": (0..300).collect::<Vec<_>>(), "long": "lorem ipsum ".repeat(200)
        },
        "parameters": { "env": "test" },
        "results": { "S": [{ "name": "A", "status": "Failed" }] },
        "item": { "n": 1 },
        "items": { "L": { "n": 1 } },
        "iteration_indexes": { "U": 2 },
        "workflow": { "name": "flow", "run": { "name": "run" } },
        "now": "2026-01-31T12:00:00Z"
    })
});

/// Reads a file of the cloud's, with itself as every file that could belong to it, and says how it
/// would run and what is wrong with it.
///
/// # Panics
/// When a place does not lie in the file, or the reading takes too long.
pub fn check_definition(bytes: &[u8]) {
    let begun = Instant::now();
    let (text, fault) = yaml::decode(bytes);
    let source = Source::new("folder/workflow.json", &text);
    let beside: Vec<(String, Source)> =
        Beside::FILES.iter().map(|name| ((*name).to_owned(), source.clone())).collect();
    let found = flow::package::definitions(&source, &beside).unwrap_or_default();
    let diagnostics = found.iter().flat_map(|it| &it.package.diagnostics);
    for it in diagnostics.flat_map(|(_, found)| found).chain(&fault) {
        let spans = it.labels.iter().map(|it| it.span).chain([it.span]);
        for span in spans.chain(it.fix.iter().map(|it| it.span)) {
            assert!(text.get(span.start..span.end).is_some(), "{it:?}");
        }
    }
    flow::fidelity::check(&source, &Beside::read(&beside), fault.as_ref());
    let flows: Vec<lint::FlowFile<'_>> =
        found.iter().map(|it| lint::FlowFile { name: "flow", package: &it.package }).collect();
    let catalog = connector::Catalog::new(Vec::new());
    lint::check(&lint::Project { flows: &flows, catalog: &catalog, environment: None });
    assert!(begun.elapsed() < READING_MAX, "{:?}", begun.elapsed());
}

fn context() -> Document {
    Document::new(CONTEXT.clone(), Timestamp::default(), 1).expect("the context is good")
}

/// Reads the text in every way there is and checks what comes out.
///
/// # Panics
/// When something does not hold.
pub fn check(text: &str) {
    for dialect in [Dialect::Flowright, Dialect::Wdl] {
        let (template, errors) = Template::parse(text, dialect);
        check_template(&template, &errors);
    }
    let (template, errors) = Template::parse_expression(text);
    check_template(&template, &errors);
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let (tree, _) = Tree::from_value(&value, Dialect::Flowright);
        drop(tree.eval(&context()));
    }
}

fn check_template(template: &Template, errors: &[SyntaxError]) {
    let source = template.source();
    let holds = |range: &Range<usize>| source.get(range.clone()).is_some();
    for error in errors {
        assert!(holds(&error.range), "{source:?}: {error:?}");
    }
    for found in template.uses() {
        assert!(holds(&found.range), "{source:?}: {found:?}");
    }
    let value = timed(source, || template.eval(&context()));
    if let Err(error) = &value {
        assert!(error.range.as_ref().is_none_or(holds), "{source:?}: {error:?}");
        assert!(!error.message.is_empty(), "{source:?}");
    }
    assert!(errors.is_empty() || value.is_err(), "{source:?} is broken and gives {value:?}");
    if !errors.is_empty() {
        return;
    }
    let exact = expr::exact(template, &context()).map(Operand::into_value);
    assert_eq!(exact, value, "{source:?}");
    let explained = timed(source, || expr::explain(template, &context()));
    let is_limit = |code: &str| code == "ExpressionLimitExceeded";
    match (explained.outcome, value) {
        (Outcome::Value(explained), Ok(value)) => {
            assert_eq!(explained.into_value(), value, "{source:?}");
        }
        (Outcome::Error(explained), Ok(_)) => {
            assert!(is_limit(&explained.code), "{source:?}: {explained:?}")
        }
        (Outcome::Error(explained), Err(error)) => {
            let limited = is_limit(&explained.code) || is_limit(&error.code);
            assert!(
                limited || template.notation() == Notation::Handlebars || explained == error,
                "{source:?}: {explained:?}, not {error:?}"
            );
        }
        (explained, value) => {
            let limited = value.as_ref().is_err_and(|error| is_limit(&error.code));
            assert!(limited, "{source:?}: {explained:?}, not {value:?}");
        }
    }
}

/// Runs it; if it was slow, again, because the machine may have been busy.
fn timed<T>(source: &str, run: impl Fn() -> T) -> T {
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        let value = run();
        fastest = fastest.min(start.elapsed());
        if fastest <= EVALUATION_MAX {
            return value;
        }
    }
    panic!("{source:?} takes {fastest:?}");
}

/// A string that the grammar allows, in any of the notations.
pub fn generate(bytes: &[u8]) -> String {
    let mut choices = Choices { bytes, at: 0 };
    let mut text = String::new();
    match choices.below(8) {
        0 => {
            for _ in 0..=choices.below(3) {
                text.push_str(choices.of(&["", "a ", "@@", "@@{", "{", "é"]));
                text.push_str("@{");
                choices.value(&mut text, 0);
                text.push('}');
            }
        }
        1 => {
            text.push('$');
            for _ in 0..choices.below(6) {
                text.push_str(choices.of(PATH));
            }
        }
        2 => choices.tags(&mut text, 0),
        _ => {
            text.push('@');
            choices.value(&mut text, 0);
        }
    }
    text
}

const PATH: &[&str] = &[
    ".actions",
    ".A",
    ".body",
    ".list",
    ".variables",
    ".rows",
    "[0]",
    "[-1]",
    "[*]",
    "..*",
    "..id",
    "[?@.id>1]",
    "[?@.id==$.variables.n]",
    "[0:2]",
    "['list']",
    ".trigger",
    ".k",
    "[?length(@)>1]",
    "[?match(@, 'a.*')]",
    "[::-1]",
    "[0,1]",
    ".numbers",
    ".item",
];

const LITERALS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "2",
    "1.5",
    "-0.0",
    "1e308",
    "9223372036854775807",
    "-9223372036854775808",
    "0.1",
    "100",
    "''",
    "'a'",
    "','",
    "'2024-02-29'",
    "'2026-01-31T12:00:00Z'",
    "'2026-13-01T00:00:00'",
    "'0001-01-01T00:00:00Z'",
    "'9999-12-31T23:59:59.9999999+14:00'",
    "'P1DT2H'",
    "'yyyy-MM-ddTHH:mm:ss.fffffffK'",
    "'dddd, d MMMM yyyy h:mm tt'",
    "'o'",
    "'N2'",
    "'C'",
    "'0.00;(0.00);-'",
    "'#,##0.###e+0'",
    "'de-DE'",
    "'ja-JP'",
    "'UTC'",
    "'W. Europe Standard Time'",
    "'Day'",
    "'Month'",
    "'Year'",
    "'Second'",
    "'name'",
    "'list'",
    "'a/b/c'",
    "'{\"a\":[1,{\"b\":null}]}'",
    "'[1,2,3]'",
    "'YWJj'",
    "'data:text/plain;charset=utf-8;base64,YQ=='",
    "'https://a.b:8/c/d?e=f#g'",
    "'%E2%82%AC%'",
    "'é🚀ß'",
    "'İ'",
    "'''quoted'''",
    "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'",
    "'1,234.50'",
    "'1E+21'",
    "'<a b=\"c\"><d/>t</a>'",
    "'//a/@b'",
    "'string(/a)'",
    "'A'",
    "'S'",
    "'L'",
    "'U'",
    "'n'",
];

const SOURCES: &[&str] = &[
    "variables('n')",
    "variables('f')",
    "variables('s')",
    "variables('t')",
    "variables('z')",
    "variables('big')",
    "variables('min')",
    "variables('list')",
    "variables('texts')",
    "variables('rows')",
    "variables('date')",
    "variables('numbers')",
    "variables('long')",
    "body('A')",
    "body('A')?['list']",
    "outputs('A')",
    "actions('A')",
    "triggerBody()",
    "triggerOutputs()",
    "trigger()",
    "item()",
    "items('L')",
    "iterationIndexes('U')",
    "workflow()",
    "parameters('env')",
    "result('S')",
    "utcNow()",
    "guid()",
    "json('{\"a\":{\"b\":[1]}}')",
    "body('A')?['é']",
];

const KEYS: &[&str] =
    &["'list'", "'k'", "'id'", "'n'", "'a/b'", "0", "1", "-1", "1.5", "null", "'$content'"];

/// Decisions, one byte each; when there are none left, the first choice always.
struct Choices<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Choices<'_> {
    fn below(&mut self, most: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        usize::from(byte) % most.max(1)
    }

    fn of<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        let nth = self.below(choices.len());
        choices[nth]
    }

    fn value(&mut self, text: &mut String, depth: usize) {
        let kind = self.below(8);
        match kind {
            0 | 1 => text.push_str(self.of(LITERALS)),
            2 => text.push_str(self.of(SOURCES)),
            _ if depth < DEPTH_MAX => self.call(text, depth),
            _ => text.push_str(self.of(SOURCES)),
        }
        if 5 < kind {
            text.push_str(self.of(&["?", ""]));
            let _written = write!(text, "[{}]", self.of(KEYS));
        }
    }

    fn call(&mut self, text: &mut String, depth: usize) {
        let nth = self.below(TABLE.len());
        let function = &TABLE[nth];
        text.push_str(function.name);
        text.push('(');
        for index in 0..self.arguments(function) {
            text.push_str(if index == 0 { "" } else { ", " });
            let ty = function.param(index).map(|param| format!("{:?}", param.ty));
            match ty.as_deref() {
                // Mostly what fits, so that calls get past their first checks.
                Some("Any") | None => self.value(text, depth + 1),
                Some(_) if self.below(4) == 0 => self.value(text, depth + 1),
                Some(ty) => text.push_str(self.of(fitting(ty))),
            }
        }
        text.push(')');
    }

    fn arguments(&mut self, function: &Function) -> usize {
        let least = function.arity_min();
        let most = function.arity_max().unwrap_or(least + 3);
        match self.below(16) {
            0 => self.below(most + 2),
            _ => least + self.below(most - least + 1),
        }
    }

    fn tags(&mut self, text: &mut String, depth: usize) {
        for _ in 0..=self.below(3) {
            let path = self.of(&[
                "variables.n",
                "variables.list",
                "variables.rows",
                "this",
                "@index",
                "../this",
                "variables.list.[1]",
                "this.id",
                "actions.A.body",
                "@root.variables.s",
                "nothing",
                "row.id",
                "trigger.body.k.0",
            ]);
            match self.below(6) {
                0 if depth < 3 => {
                    let block = self.of(&["each", "if", "with", "unless", "#"]);
                    let names = self.of(&["", " as |row|", " as |row key|"]);
                    let _written = write!(text, "{{{{#{block} {path}{names}}}}}");
                    self.tags(text, depth + 1);
                    text.push_str(self.of(&["", "{{else}}x"]));
                    let _written = write!(text, "{{{{/{block}}}}}");
                }
                1 => {
                    let nth = self.below(TABLE.len());
                    let _written = write!(
                        text,
                        "{{{{{} {path} {}}}}}",
                        TABLE[nth].name,
                        self.of(&["", "1", "'a'", "(length variables.list)"])
                    );
                }
                2 => text.push_str(self.of(&[
                    "a",
                    "\\{{x}}",
                    "@{item()}",
                    "{{!c}}",
                    "{{~",
                    "}}",
                    "ü",
                ])),
                _ => {
                    let _written = write!(text, "{{{{{path}}}}}");
                }
            }
        }
    }
}

fn fitting(ty: &str) -> &'static [&'static str] {
    match ty {
        "Boolean" => &["true", "false", "variables('t')"],
        "Integer" => &[
            "0",
            "1",
            "-1",
            "3",
            "2147483648",
            "9223372036854775807",
            "variables('n')",
            "variables('min')",
        ],
        "Array" => &[
            "variables('list')",
            "variables('rows')",
            "variables('texts')",
            "createArray(1, null)",
            "variables('numbers')",
        ],
        "Object" => &["body('A')", "triggerOutputs()", "json('{}')", "item()"],
        _ => LITERALS,
    }
}
