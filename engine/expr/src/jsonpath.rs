//! The `JSONPath` door, and the only file that names the crate behind it.

use std::borrow::Cow;
use std::ops::Range;

use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, JpQuery, Segment as Step, Selector,
    SingularQuery, SingularQuerySegment, Test, TestFunction,
};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::{Map, Value};

use crate::ast::{Base, Expr, Node, Path, Segment};
use crate::context::Context;
use crate::error::{EvalError, SyntaxError};
use crate::eval::resolve;
use crate::functions::Answer;

/// A query that may give several values.
#[derive(Debug)]
pub(crate) struct Query {
    /// What is asked of the value at the end of the first of `paths`; of the document when a
    /// filter looks at other roots too.
    query: JpQuery,
    /// The parts of the context that it looks at, its own beginning first.
    paths: Vec<Vec<Segment>>,
}

/// Descents in one query: each more multiplies the work by the depth of the data.
const DESCENTS_MAX: usize = 2;
/// Characters of a query.
const QUERY_CHARS_MAX: usize = 4_096;

/// Reads a query; a singular one becomes a plain path.
pub(crate) fn parse(text: &str) -> (Expr, Vec<SyntaxError>) {
    let range = 0..text.len();
    match read(text, &range) {
        Ok(node) => (Expr { range, node }, Vec::new()),
        Err(error) => (Expr { range, node: Node::Literal(Value::Null) }, vec![error]),
    }
}

fn read(text: &str, range: &Range<usize>) -> Result<Node, SyntaxError> {
    let refuse = |message: String| SyntaxError::new(range.clone(), message);
    if QUERY_CHARS_MAX < text.len() {
        let message = format!("a JSONPath has at most {QUERY_CHARS_MAX} bytes");
        return Err(SyntaxError::limit(range.clone(), message));
    }
    let query = parse_json_path(text).map_err(|_| {
        refuse(format!("`{text}` is not a JSONPath of RFC 9535"))
            .hint("`$$.` at the start means a text that begins with `$.`")
    })?;
    let path = beginning(&query.segments);
    if path.is_empty() {
        let hint = "a JSONPath starts at a root, such as `$.trigger` or `$.actions`";
        return Err(refuse("this JSONPath does not name a root".to_owned()).hint(hint));
    }
    if path.len() == query.segments.len() {
        return Ok(Node::Path(Path { base: Base::Root, segments: path, strict: false }));
    }
    let mut checked = Checked { paths: vec![path], descents: 0, filters: 0 };
    checked.steps(&query.segments).map_err(refuse)?;
    let paths = checked.paths;
    let local = paths.len() == 1;
    let skipped = if local { paths.first().map_or(0, Vec::len) } else { 0 };
    let query = JpQuery::new(query.segments.into_iter().skip(skipped).collect());
    Ok(Node::Query(Box::new(Query { query, paths })))
}

/// The names and indexes that a query begins with.
fn beginning(steps: &[Step]) -> Vec<Segment> {
    let segment = |step: &Step| match step {
        Step::Selector(Selector::Name(name)) => Some(Segment::Name(name.clone())),
        Step::Selector(Selector::Index(index)) => Some(Segment::Index(*index)),
        _ => None,
    };
    let path: Vec<_> = steps.iter().map_while(segment).collect();
    if path.first().is_some_and(|root| root.name().is_some()) { path } else { Vec::new() }
}

/// Finds the other roots a query looks at; refuses what the crate gets wrong or too dear.
struct Checked {
    paths: Vec<Vec<Segment>>,
    descents: usize,
    filters: usize,
}

impl Checked {
    fn steps(&mut self, steps: &[Step]) -> Result<(), String> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Descendant(inner) => {
                self.descents += 1;
                if DESCENTS_MAX < self.descents {
                    return Err(format!("a JSONPath descends at most {DESCENTS_MAX} times"));
                }
                self.step(inner)
            }
            Step::Selector(selector) => self.selector(selector),
            Step::Selectors(selectors) => selectors.iter().try_for_each(|it| self.selector(it)),
        }
    }

    fn selector(&mut self, selector: &Selector) -> Result<(), String> {
        let Selector::Filter(filter) = selector else { return Ok(()) };
        if 0 < self.filters {
            return Err("a filter inside a filter is not supported".to_owned());
        }
        self.filters += 1;
        let checked = self.filter(filter);
        self.filters -= 1;
        checked
    }

    fn filter(&mut self, filter: &Filter) -> Result<(), String> {
        match filter {
            Filter::Or(filters) | Filter::And(filters) => {
                filters.iter().try_for_each(|filter| self.filter(filter))
            }
            Filter::Atom(FilterAtom::Filter { expr, .. }) => self.filter(expr),
            Filter::Atom(FilterAtom::Test { expr, .. }) => {
                if let Test::Function(function) = expr.as_ref()
                    && function.is_comparable()
                {
                    return Err(format!("`{function}` gives a value, which must be compared"));
                }
                self.test(expr)
            }
            Filter::Atom(FilterAtom::Comparison(comparison)) => {
                let (left, right) = sides(comparison);
                self.comparable(left)?;
                self.comparable(right)
            }
        }
    }

    fn comparable(&mut self, comparable: &Comparable) -> Result<(), String> {
        match comparable {
            Comparable::Literal(_) | Comparable::SingularQuery(SingularQuery::Current(_)) => Ok(()),
            Comparable::Function(function) => self.function(function),
            Comparable::SingularQuery(SingularQuery::Root(steps)) => {
                let segment = |step: &SingularQuerySegment| match step {
                    SingularQuerySegment::Name(name) => Segment::Name(name.clone()),
                    SingularQuerySegment::Index(index) => Segment::Index(*index),
                };
                self.root(steps.iter().map(segment).collect())
            }
        }
    }

    fn test(&mut self, test: &Test) -> Result<(), String> {
        match test {
            Test::RelQuery(steps) => self.steps(steps),
            Test::AbsQuery(query) => {
                self.root(beginning(&query.segments))?;
                self.steps(&query.segments)
            }
            Test::Function(function) => self.function(function),
        }
    }

    fn function(&mut self, function: &TestFunction) -> Result<(), String> {
        let arguments = match function {
            TestFunction::Custom(name, _) => return Err(format!("there is no function `{name}`")),
            TestFunction::Length(argument) => vec![singular(argument.as_ref())?],
            TestFunction::Value(argument) | TestFunction::Count(argument) => vec![argument],
            TestFunction::Search(a, b) | TestFunction::Match(a, b) => vec![a, b],
        };
        arguments.into_iter().try_for_each(|argument| match argument {
            FnArg::Literal(_) => Ok(()),
            FnArg::Test(test) => self.test(test),
            FnArg::Filter(filter) => self.filter(filter),
        })
    }

    fn root(&mut self, path: Vec<Segment>) -> Result<(), String> {
        if path.is_empty() {
            return Err("a query inside a filter names a root, such as `$.parameters`".to_owned());
        }
        self.paths.push(path);
        Ok(())
    }
}

fn sides(comparison: &Comparison) -> (&Comparable, &Comparable) {
    match comparison {
        Comparison::Eq(a, b)
        | Comparison::Ne(a, b)
        | Comparison::Gt(a, b)
        | Comparison::Gte(a, b)
        | Comparison::Lt(a, b)
        | Comparison::Lte(a, b) => (a, b),
    }
}

/// The standard allows `length` only of a single value; the crate forgets to say so.
fn singular(argument: &FnArg) -> Result<&FnArg, String> {
    let steps = match argument {
        FnArg::Test(test) => match test.as_ref() {
            Test::RelQuery(steps) => steps.as_slice(),
            Test::AbsQuery(query) => query.segments.as_slice(),
            Test::Function(_) => &[],
        },
        FnArg::Literal(_) | FnArg::Filter(_) => &[],
    };
    let single =
        |step: &Step| matches!(step, Step::Selector(Selector::Name(_) | Selector::Index(_)));
    if steps.iter().all(single) {
        return Ok(argument);
    }
    Err("`length` takes a query that gives one value".to_owned())
}

impl Query {
    /// The parts of the context that it looks at.
    pub(crate) fn paths(&self) -> &[Vec<Segment>] {
        &self.paths
    }

    /// All values that match, as a list.
    pub(crate) fn eval<'a>(&self, ctx: &'a dyn Context) -> Answer<'a> {
        let document = match self.paths.as_slice() {
            [only] => resolve(ctx, only),
            paths => Some(Cow::Owned(document(ctx, paths))),
        };
        let Some(document) = document else { return Ok(Vec::new().into()) };
        let found = js_path_process(&self.query, document.as_ref())
            .map_err(|error| EvalError::template(format!("The query failed: {error}.")))?;
        Ok(found.into_iter().map(|it| it.val.clone()).collect::<Vec<_>>().into())
    }
}

/// The roots that a query with filters over several of them looks at, and no more.
fn document(ctx: &dyn Context, paths: &[Vec<Segment>]) -> Value {
    let mut document = Value::Object(Map::new());
    for path in paths {
        // An index cannot be put into a document alone: the list it is in is.
        let names: Vec<_> = path.iter().take_while(|it| it.name().is_some()).cloned().collect();
        let Some(value) = resolve(ctx, &names) else { continue };
        let mut at = &mut document;
        for name in names.iter().filter_map(Segment::name) {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            let Value::Object(map) = at else { break };
            at = map.entry(name).or_insert(Value::Null);
        }
        *at = value.into_owned();
    }
    document
}
