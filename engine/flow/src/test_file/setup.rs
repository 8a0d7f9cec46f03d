//! What a test starts from: time, parameters, the event, and replies in place of services.

use base::{Diagnostic, Span, Timestamp, code};
use serde_json::{Map, Value};
use yaml::Node;

use crate::{expected::Expected, fields::Fields, reader::Reader};

/// When tests happen that do not say when.
const NOW: &str = "2026-01-01T00:00:00Z";
/// How often one reply may be wanted.
const TIMES_MAX: usize = 1_000_000;

/// What a test starts from.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// When the run begins, if it says so.
    pub now: Option<Timestamp>,
    /// What `guid()` and `rand()` begin with, if it says so.
    pub seed: Option<u64>,
    /// The environment that gives parameters; none if not named.
    pub environment: Option<(String, Span)>,
    /// Values of parameters, which win over the environment's.
    pub parameters: Vec<Given>,
    /// The trigger, if the flow has several.
    pub trigger: Option<(String, Span)>,
    /// What happens.
    pub event: EventFrom,
    /// Replies by what they answer.
    pub mocks: Vec<Mock>,
}

/// A value by its name.
#[derive(Clone, Debug)]
pub struct Given {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// The value.
    pub value: Value,
}

/// Where the event of a test comes from.
#[derive(Clone, Debug, Default)]
pub enum EventFrom {
    /// There is nothing in it.
    #[default]
    Nothing,
    /// It stands in the test: the trigger's body, or its outputs.
    Here(Value),
    /// It is a file beside the test.
    File(String, Span),
    /// These are the inputs of a manual trigger, or members of a request's body.
    Inputs(Vec<Given>),
}

/// What one action, or one operation of a connection, is answered.
#[derive(Clone, Debug)]
pub struct Mock {
    /// An action, or `connection.Operation`.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// One after the other.
    pub replies: Vec<Reply>,
}

/// One reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// As the mocks of `flowright run` have it, without a body that is in a file.
    pub value: Map<String, Value>,
    /// The file of its body.
    pub body_file: Option<(String, Span)>,
}

impl Setup {
    /// When the run begins.
    pub fn start(&self) -> Timestamp {
        self.now.or_else(|| Timestamp::parse(NOW)).unwrap_or_default()
    }
}

/// Reads what a test, or the defaults of a file, say; what they leave out is as it is before.
pub(super) fn read(reader: &mut Reader, fields: &mut Fields<'_>, before: &Setup) -> Setup {
    let mut setup = before.clone();
    let now = fields.given("now").and_then(|it| read_time(reader, it));
    setup.now = now.or(setup.now);
    setup.seed = fields.given("seed").and_then(|it| read_seed(reader, it)).or(setup.seed);
    let mut named = |key| {
        let node = fields.given(key)?;
        Some((reader.text(node, &format!("`{key}`"))?, node.span))
    };
    setup.environment = named("environment").or(setup.environment);
    setup.trigger = named("trigger").or(setup.trigger);
    if let Some(node) = fields.given("parameters") {
        for given in read_given(reader, node, "`parameters`") {
            setup.parameters.retain(|it| it.name != given.name);
            setup.parameters.push(given);
        }
    }
    if let Some(event) = read_event(reader, fields) {
        setup.event = event;
    }
    if let Some(node) = fields.given("mocks") {
        for entry in reader.mapping(node, "`mocks`") {
            let mock = read_mock(reader, &entry.key.text, entry.key.span, &entry.value);
            setup.mocks.retain(|it| folded(&it.name) != folded(&mock.name));
            setup.mocks.push(mock);
        }
    }
    setup
}

/// Names of actions are compared so.
fn folded(name: &str) -> String {
    name.replace(' ', "_").to_lowercase()
}

fn read_time(reader: &mut Reader, node: &Node) -> Option<Timestamp> {
    let text = reader.text(node, "`now`")?;
    let time = Timestamp::parse(&text);
    if time.is_none() {
        let message = format!("`now` is not a time: `{text}`");
        let found = Diagnostic::new(code::INVALID_TIME, node.span, message);
        reader.sink.push(found.hint("write `2026-01-31T12:00:00Z`"));
    }
    time
}

/// A whole number without a sign; that of a run that has been may need all 64 bits.
fn read_seed(reader: &mut Reader, node: &Node) -> Option<u64> {
    let seed = node.to_json().as_u64();
    if seed.is_none() {
        reader.wrong(node, "`seed`", "a whole number from 0 on");
    }
    seed
}

fn read_event(reader: &mut Reader, fields: &mut Fields<'_>) -> Option<EventFrom> {
    let here = fields.node("event");
    let file = fields.given("eventFile");
    let inputs = fields.given("inputs");
    let given: Vec<&Node> = [here, file, inputs].into_iter().flatten().collect();
    if let [_, second, ..] = given.as_slice() {
        let message = format!("{} has more than one event", fields.place);
        let found = Diagnostic::new(code::WRONG_TYPE, second.span, message);
        reader.sink.push(found.hint("keep one of `event`, `eventFile` and `inputs`"));
    }
    if let Some(node) = inputs {
        return Some(EventFrom::Inputs(read_given(reader, node, "`inputs`")));
    }
    if let Some(node) = file {
        return reader.text(node, "`eventFile`").map(|it| EventFrom::File(it, node.span));
    }
    here.map(|it| EventFrom::Here(it.to_json()))
}

fn read_given(reader: &mut Reader, node: &Node, what: &str) -> Vec<Given> {
    let given = reader.mapping(node, what).iter().map(|it| Given {
        name: it.key.text.clone(),
        span: it.key.span,
        value: it.value.to_json(),
    });
    given.collect()
}

fn read_mock(reader: &mut Reader, name: &str, span: Span, node: &Node) -> Mock {
    let items = match node.as_seq() {
        Some([]) => {
            reader.report(
                code::MISSING_KEY,
                node.span,
                format!("the mock of `{name}` has no reply"),
            );
            &[]
        }
        Some(items) => items,
        None => std::slice::from_ref(node),
    };
    let replies = items.iter().map(|it| read_reply(reader, name, it)).collect();
    Mock { name: name.to_owned(), span, replies }
}

fn read_reply(reader: &mut Reader, name: &str, node: &Node) -> Reply {
    let mut fields = Fields::new(reader, node, &format!("a reply of `{name}`"));
    let mut value = Map::new();
    if let Some(node) = fields.given("when") {
        Expected::read(node, &mut reader.sink);
        value.insert("when".into(), node.to_json());
    }
    if let Some(node) = fields.given("times") {
        let times = reader.whole(node, "`times`", (1, TIMES_MAX));
        value.extend(times.map(|it| ("times".to_owned(), it.into())));
    }
    if let Some(node) = fields.given("statusCode") {
        let status = reader.whole(node, "`statusCode`", (100, 599));
        value.extend(status.map(|it| ("statusCode".to_owned(), it.into())));
    }
    if let Some(node) = fields.given("headers") {
        value.insert("headers".into(), reader.mapping(node, "`headers`").to_json().into());
    }
    let body = fields.node("body");
    if let Some(node) = body {
        value.insert("body".into(), node.to_json());
    }
    let file = fields.given("bodyFile");
    if let (Some(file), Some(_)) = (file, body) {
        let message = format!("a reply of `{name}` has both `body` and `bodyFile`");
        reader.report(code::WRONG_TYPE, file.span, message);
    }
    if let Some(node) = fields.given("error") {
        value.insert("error".into(), read_error(reader, node, name));
    }
    if fields.given("callBack").is_some_and(|it| reader.flag(it, "`callBack`") == Some(false)) {
        value.insert("callBack".into(), false.into());
    }
    fields.finish(reader);
    let body_file = file.and_then(|it| Some((reader.text(it, "`bodyFile`")?, it.span)));
    Reply { value, body_file }
}

/// An error without an answer, such as a service that cannot be reached.
fn read_error(reader: &mut Reader, node: &Node, name: &str) -> Value {
    let mut fields = Fields::new(reader, node, &format!("`error` of a reply of `{name}`"));
    let mut error = Map::new();
    if let Some((text, _)) = fields.required_text(reader, "code") {
        error.insert("code".into(), text.into());
    }
    if let Some(text) = fields.text(reader, "message") {
        error.insert("message".into(), text.into());
    }
    if let Some(node) = fields.given("class") {
        let class = reader.choice(node, "`class`", base::ErrorClass::ALL);
        error.extend(class.map(|it| ("class".to_owned(), it.name().into())));
    }
    fields.finish(reader);
    error.into()
}
