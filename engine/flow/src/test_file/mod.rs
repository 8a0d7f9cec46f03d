//! `tests/<name>.test.yaml`: what a flow is given, who answers it, and what has to come of it.

mod expect;
mod schema;
mod setup;

use base::{Diagnostic, Source, Span, code};
use expr::Dialect;
use yaml::Node;

pub use expect::{ActionExpect, CallExpect, Calls, Expect, RunExpect, TriggerEnd};
pub use schema::schema;
pub use setup::{EventFrom, Given, Mock, Reply, Setup};

use crate::{fields::Fields, reader::Reader};

/// Tests of one file; a generated one is not larger either.
const TESTS_MAX: usize = 1_000;

/// A file of tests.
#[derive(Clone, Debug, Default)]
pub struct TestFile {
    /// The flow, if it is not the one in whose folder the tests are: its name, or a path from here.
    pub flow: Option<(String, Span)>,
    /// The tests in the order of the file.
    pub tests: Vec<Test>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name, unique in the file.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// What it starts from, the file's defaults included.
    pub setup: Setup,
    /// What has to come of it.
    pub expect: Expect,
}

/// Reads a file of tests. It never fails: what cannot be read is a finding.
pub fn read(source: &Source) -> (TestFile, Vec<Diagnostic>) {
    let (root, found) = yaml::parse(source.text());
    let mut reader = Reader::new(Dialect::Flowright, found);
    let root = root.unwrap_or_else(|| Node::null(Span::default()));
    let file = read_file(&mut reader, &root);
    (file, reader.sink.into_sorted())
}

fn read_file(reader: &mut Reader, root: &Node) -> TestFile {
    let mut fields = Fields::new(reader, root, "the test file");
    let flow = fields.given("flow");
    let flow = flow.and_then(|it| Some((reader.text(it, "`flow`")?, it.span)));
    let mut defaults = Setup::default();
    if let Some(node) = fields.given("defaults") {
        let mut inner = Fields::new(reader, node, "`defaults`");
        defaults = setup::read(reader, &mut inner, &Setup::default());
        inner.finish(reader);
    }
    let mut tests: Vec<Test> = Vec::new();
    if let Some(node) = fields.required(reader, "tests") {
        let items = reader.list(node, "`tests`");
        if TESTS_MAX < items.len() {
            let message = format!("a file has at most {TESTS_MAX} tests");
            reader.report(code::LIMIT_EXCEEDED, node.span, message);
        }
        for item in items.iter().take(TESTS_MAX) {
            let Some(test) = read_test(reader, item, &defaults) else { continue };
            if let Some(other) = tests.iter().find(|it| it.name == test.name) {
                let message = format!("there are two tests `{}`", test.name);
                let found = Diagnostic::new(code::DUPLICATE_NAME, test.span, message);
                reader.sink.push(found.label(other.span, "the other one"));
            }
            tests.push(test);
        }
    }
    fields.finish(reader);
    TestFile { flow, tests }
}

fn read_test(reader: &mut Reader, node: &Node, defaults: &Setup) -> Option<Test> {
    let mut fields = Fields::new(reader, node, "a test");
    let name = fields.required_text(reader, "name");
    if let Some((name, _)) = &name {
        fields.place = format!("the test `{name}`");
    }
    fields.text(reader, "description");
    let setup = setup::read(reader, &mut fields, defaults);
    let expect = expect::read(reader, fields.given("expect"));
    fields.finish(reader);
    let (name, span) = name?;
    Some(Test { name, span, setup, expect })
}
