//! What a test expects of a value: some of its members, conditions where it cannot be known.

use base::{Diagnostic, Severity, Sink, Span, code};
use expr::{Context, Dialect, Placed, Template, What, WithItem, check::suggestion, functions};
use serde_json::{Map, Value};
use yaml::{Kind, Node};

/// The only key of an object that stands for a value without further members.
const EXACTLY: &str = "exactly";
/// The only key of an object that stands for a list which has such items among others.
const CONTAINS: &str = "contains";

/// What a value has to be like.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Where it is written.
    pub span: Span,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    /// This value; null also stands for a member that is not there.
    Value(Value),
    /// A condition on `item()`, or a value that is computed.
    Computed(Placed),
    /// An object with these members and any others.
    Object(Vec<(String, Expected)>),
    /// A list of exactly such items.
    List(Vec<Expected>),
    /// This value and nothing beside it.
    Exactly(Value),
    /// A list with such items, in any order, among others.
    Contains(Vec<Expected>),
}

/// One place where a value is not what was expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The place in the value, such as `body.value[0].name`; empty for the value itself.
    pub path: String,
    /// Where the expectation is written.
    pub span: Span,
    /// What was expected, in words or as JSON.
    pub wanted: String,
    /// What there is; none if there is nothing at that place.
    pub actual: Option<Value>,
    /// Whether the expectation is a plain value, so that what there is could stand in its place.
    pub is_plain: bool,
}

impl Expected {
    /// Reads it; mistakes in expressions go to the sink.
    pub fn read(node: &Node, sink: &mut Sink) -> Self {
        let shape = match &node.kind {
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
                Shape::Value(node.to_json())
            }
            Kind::Str(scalar) => text(&scalar.text, node.span, scalar.verbatim_at, sink),
            Kind::Seq(items) => Shape::List(list(items, sink)),
            Kind::Map(mapping) => {
                let mut entries = mapping.iter();
                match (entries.next(), entries.next()) {
                    (Some(only), None) if only.key.text == EXACTLY => {
                        return Self {
                            span: only.value.span,
                            shape: Shape::Exactly(only.value.to_json()),
                        };
                    }
                    (Some(only), None) if only.key.text == CONTAINS => {
                        let items = only.value.as_seq().unwrap_or_else(|| {
                            let found = only.value.kind_name();
                            sink.wrong_type(only.value.span, "`contains`", "a list", found);
                            &[]
                        });
                        Shape::Contains(list(items, sink))
                    }
                    _ => {
                        let member =
                            |it: &yaml::Entry| (it.key.text.clone(), Self::read(&it.value, sink));
                        Shape::Object(mapping.iter().map(member).collect())
                    }
                }
            }
        };
        Self { span: node.span, shape }
    }

    /// The same of a value that stands in no file that is shown.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn of_value(value: &Value) -> Result<Self, String> {
        let (node, found) = yaml::parse_json(&value.to_string());
        let mut sink = Sink::new();
        for it in found {
            sink.push(it);
        }
        let node = node.unwrap_or_else(|| Node::null(Span::default()));
        let expected = Self::read(&node, &mut sink);
        match sink.into_sorted().into_iter().find(|it| it.severity == Severity::Error) {
            Some(Diagnostic { message, .. }) => Err(message),
            None => Ok(expected),
        }
    }

    /// An object of which these members are expected.
    pub fn object(span: Span, members: Vec<(String, Self)>) -> Self {
        Self { span, shape: Shape::Object(members) }
    }

    /// A text that is expected as it stands.
    pub fn text(span: Span, text: &str) -> Self {
        Self { span, shape: Shape::Value(text.into()) }
    }

    /// Every place where a value is different. Expressions see the value as `item()`, and what the
    /// context gives.
    pub fn compare(&self, actual: Option<&Value>, context: &dyn Context) -> Vec<Difference> {
        let mut found = Vec::new();
        self.walk(actual, "", context, &mut found);
        found
    }

    /// Whether a value is like that.
    pub fn fits(&self, actual: Option<&Value>, context: &dyn Context) -> bool {
        self.compare(actual, context).is_empty()
    }

    fn walk(
        &self,
        actual: Option<&Value>,
        path: &str,
        context: &dyn Context,
        found: &mut Vec<Difference>,
    ) {
        let differs = |wanted: String, is_plain: bool| Difference {
            path: path.to_owned(),
            span: self.span,
            wanted,
            actual: actual.cloned(),
            is_plain,
        };
        match (&self.shape, actual) {
            (Shape::Value(wanted) | Shape::Exactly(wanted), _) => {
                if !expr::equals(wanted, actual.unwrap_or(&Value::Null)) {
                    found.push(differs(wanted.to_string(), true));
                }
            }
            (Shape::Computed(placed), _) => {
                if let Err(wanted) = holds(placed, actual, context) {
                    found.push(differs(wanted, false));
                }
            }
            (Shape::Object(members), Some(Value::Object(object))) => {
                for (key, member) in members {
                    let at = joined(path, key);
                    member.walk(at_key(object, key), &at, context, found);
                }
            }
            (Shape::List(items), Some(Value::Array(values))) if items.len() == values.len() => {
                for (index, (item, value)) in items.iter().zip(values).enumerate() {
                    item.walk(Some(value), &format!("{path}[{index}]"), context, found);
                }
            }
            (Shape::Contains(items), Some(Value::Array(values))) => {
                let lacks = |it: &&Self| !values.iter().any(|value| it.fits(Some(value), context));
                let lacking = items.iter().filter(lacks);
                found.extend(lacking.map(|it| Difference {
                    span: it.span,
                    ..differs(format!("a list with {}", it.shape.shown()), false)
                }));
            }
            (Shape::Object(_) | Shape::List(_) | Shape::Contains(_), _) => {
                found.push(differs(self.shape.shown(), !matches!(self.shape, Shape::Contains(_))));
            }
        }
    }
}

impl Shape {
    /// What is expected, on one line.
    fn shown(&self) -> String {
        match self {
            Self::Value(value) => value.to_string(),
            Self::Computed(placed) => placed.template.source().to_owned(),
            Self::Exactly(value) => format!("exactly {value}"),
            Self::Object(members) => {
                let members =
                    members.iter().map(|(key, it)| format!("{key:?}:{}", it.shape.shown()));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            Self::List(items) => format!("[{}]", joined_items(items)),
            Self::Contains(items) => format!("a list with {}", joined_items(items)),
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shape.shown())
    }
}

fn joined_items(items: &[Expected]) -> String {
    items.iter().map(|it| it.shape.shown()).collect::<Vec<_>>().join(",")
}

fn list(items: &[Node], sink: &mut Sink) -> Vec<Expected> {
    items.iter().map(|it| Expected::read(it, sink)).collect()
}

fn text(text: &str, span: Span, verbatim_at: Option<usize>, sink: &mut Sink) -> Shape {
    let (template, errors) = Template::parse(text, Dialect::Wdl);
    let placed = Placed { template, span, verbatim_at };
    for error in errors {
        let found = Diagnostic::new(error.code, placed.place(&error.range), error.message);
        sink.push(match error.hint {
            Some(hint) => found.hint(hint),
            None => found,
        });
    }
    for it in placed.template.uses() {
        let place = placed.place(&it.range);
        let found = match &it.what {
            What::Function { name, .. } if functions::find(name).is_none() => {
                let message = format!("there is no function `{name}`");
                let found = Diagnostic::new(code::UNKNOWN_FUNCTION, place, message);
                match suggestion(name) {
                    Some(hint) => found.hint(hint),
                    None => found,
                }
            }
            // A test has neither actions nor variables to look at.
            What::Action { name, .. } | What::Result { name } => {
                out_of_sight(place, "action", name)
            }
            What::Variable { name } => out_of_sight(place, "variable", name),
            What::Items { name } | What::IterationIndexes { name } => {
                out_of_sight(place, "loop", name)
            }
            What::Root { .. } | What::Function { .. } | What::Parameter { .. } | What::Item => {
                continue;
            }
        };
        sink.push(found);
    }
    match placed.template.literal() {
        Some(value) => Shape::Value(value.clone()),
        None => Shape::Computed(placed),
    }
}

fn out_of_sight(place: Span, what: &str, name: &str) -> Diagnostic {
    let message = format!("an expectation cannot look at the {what} `{name}`");
    let found = Diagnostic::new(code::LOOP_ITEM_OUT_OF_SCOPE, place, message);
    found.hint("`item()` is the value that is compared")
}

/// Whether a value is what an expression wants: a condition if it looks at the value, else the value.
fn holds(placed: &Placed, actual: Option<&Value>, context: &dyn Context) -> Result<(), String> {
    let source = placed.template.source();
    let item = actual.unwrap_or(&Value::Null);
    let computed = placed.template.eval(&WithItem::new(context, item));
    let computed = computed.map_err(|error| format!("{source}, which fails: {}", error.message))?;
    let is_condition = placed.template.uses().iter().any(|it| it.what == What::Item);
    let good =
        if is_condition { computed == Value::Bool(true) } else { expr::equals(&computed, item) };
    match (good, is_condition) {
        (true, _) => Ok(()),
        (false, true) => Err(source.to_owned()),
        (false, false) => Err(format!("{source}, which is {computed}")),
    }
}

/// A member by its key, or by a path with `/` as inputs are named.
fn at_key<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    object.get(key).or_else(|| {
        let (first, rest) = key.split_once('/')?;
        at_key(object.get(first)?.as_object()?, rest)
    })
}

/// The path of a member.
fn joined(path: &str, key: &str) -> String {
    let is_plain = key.chars().all(|it| it.is_alphanumeric() || "_-@.$/".contains(it));
    let key = if is_plain { key.to_owned() } else { format!("'{key}'") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}
