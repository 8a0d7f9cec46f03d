//! What has to come of a test: how the runs end, what their actions did, what was called.

use base::{Diagnostic, Span, Status, code};
use yaml::{Kind, Node};

use crate::{expected::Expected, fields::Fields, reader::Reader};

/// What an action may be expected to be.
pub(super) const OF_ACTION: [&str; 8] =
    ["attempts", "code", "error", "inputs", "iterations", "outputs", "status", "statuses"];
/// The status of a run or action that waits for something which does not happen in a test.
pub(super) const WAITING: &str = "Waiting";

/// What has to come of a test.
#[derive(Clone, Debug)]
pub struct Expect {
    /// Where it is written; none if the test only has to end well.
    pub span: Option<Span>,
    /// What the trigger does with the event.
    pub trigger: TriggerEnd,
    /// What is expected of each run that the event starts; none if the trigger starts none.
    pub runs: Vec<RunExpect>,
}

/// What a trigger does with an event.
#[derive(Clone, Debug)]
pub enum TriggerEnd {
    /// It starts runs.
    Succeeded,
    /// It starts none, because a condition does not hold.
    Skipped,
    /// It cannot take the event, with this error.
    Failed(Option<Expected>),
}

/// What is expected of one run.
#[derive(Clone, Debug)]
pub struct RunExpect {
    /// Where it is written.
    pub span: Span,
    /// Its status, error, response, variables, outputs and the time that it took.
    pub run: Expected,
    /// Whether it says how the run ends; if not, it has to succeed.
    pub has_status: bool,
    /// Its actions.
    pub actions: Vec<ActionExpect>,
    /// Its calls.
    pub calls: Vec<Calls>,
}

/// What is expected of an action.
#[derive(Clone, Debug)]
pub struct ActionExpect {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its status, inputs, outputs and the like.
    pub expected: Expected,
    /// Words that the reason has for which it was skipped or failed.
    pub because: Option<(String, Span)>,
}

/// What is expected of calls.
#[derive(Clone, Debug)]
pub enum Calls {
    /// These and no others, in this order.
    Exactly(Vec<CallExpect>, Span),
    /// These and no others.
    InAnyOrder(Vec<CallExpect>, Span),
    /// These, and any others.
    Some(Vec<CallExpect>),
    /// None of these.
    None(Vec<CallExpect>),
}

/// One call.
#[derive(Clone, Debug)]
pub struct CallExpect {
    /// The action that calls, or `connection.Operation`.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// What it is called with; none if that does not matter.
    pub inputs: Option<Expected>,
}

/// Reads what is expected; nothing means one run that succeeds.
pub(super) fn read(reader: &mut Reader, node: Option<&Node>) -> Expect {
    let Some(node) = node else {
        let run = RunExpect {
            span: Span::default(),
            run: Expected::object(Span::default(), Vec::new()),
            has_status: false,
            actions: Vec::new(),
            calls: Vec::new(),
        };
        return Expect { span: None, trigger: TriggerEnd::Succeeded, runs: vec![run] };
    };
    let span = Some(node.span);
    if let Some(items) = node.as_seq() {
        if items.is_empty() {
            let message = "`expect` is an empty list, which says nothing of any run";
            let found = Diagnostic::new(code::MISSING_KEY, node.span, message);
            reader
                .sink
                .push(found.hint("of an event that starts no run, expect `trigger: Skipped`"));
        }
        let runs = items.iter().map(|it| {
            let mut fields = Fields::new(reader, it, "an item of `expect`");
            let run = read_run(reader, &mut fields, it.span);
            fields.finish(reader);
            run
        });
        return Expect { span, trigger: TriggerEnd::Succeeded, runs: runs.collect() };
    }
    let mut fields = Fields::new(reader, node, "`expect`");
    let end = fields.given("trigger").and_then(|it| {
        let choices = [
            (Status::Succeeded.name(), 0),
            (Status::Skipped.name(), 1),
            (Status::Failed.name(), 2),
        ];
        reader.choice(it, "`trigger`", &choices)
    });
    if end.is_some_and(|it| it != 0) {
        "`expect` of a trigger that starts no run".clone_into(&mut fields.place);
    }
    let expect = match end {
        Some(1) => Expect { span, trigger: TriggerEnd::Skipped, runs: Vec::new() },
        Some(2) => {
            let error = fields.given("error").map(|it| Expected::read(it, &mut reader.sink));
            Expect { span, trigger: TriggerEnd::Failed(error), runs: Vec::new() }
        }
        _ => {
            let run = read_run(reader, &mut fields, node.span);
            Expect { span, trigger: TriggerEnd::Succeeded, runs: vec![run] }
        }
    };
    fields.finish(reader);
    expect
}

fn read_run(reader: &mut Reader, fields: &mut Fields<'_>, span: Span) -> RunExpect {
    let mut members = Vec::new();
    let status = fields.given("status");
    if let Some(node) = status {
        members.extend(read_status(reader, node).map(|it| ("status".to_owned(), it)));
    }
    if let Some(node) = fields.given("took")
        && let Some(took) = reader.duration(node, "`took`")
    {
        members.push(("took".to_owned(), Expected::text(node.span, &took.to_string())));
    }
    for key in ["error", "outputs", "response", "variables"] {
        if let Some(node) = fields.node(key) {
            members.push((key.to_owned(), Expected::read(node, &mut reader.sink)));
        }
    }
    let mut actions = Vec::new();
    if let Some(node) = fields.given("actions") {
        for entry in reader.mapping(node, "`actions`") {
            actions.push(read_action(reader, &entry.key.text, entry.key.span, &entry.value));
        }
    }
    let calls = read_calls(reader, fields);
    let run = Expected::object(span, members);
    RunExpect { span, run, has_status: status.is_some(), actions, calls }
}

fn read_status(reader: &mut Reader, node: &Node) -> Option<Expected> {
    let names = Status::ALL.iter().map(|it| it.name()).chain([WAITING]);
    let choices: Vec<(&'static str, &'static str)> = names.map(|it| (it, it)).collect();
    let name = reader.choice(node, "`status`", &choices)?;
    Some(Expected::text(node.span, name))
}

/// `Name: Succeeded`, or what is expected of it in detail.
fn read_action(reader: &mut Reader, name: &str, span: Span, node: &Node) -> ActionExpect {
    let mut members = Vec::new();
    let mut because = None;
    if matches!(node.kind, Kind::Str(_)) {
        members.extend(read_status(reader, node).map(|it| ("status".to_owned(), it)));
    } else {
        let mut fields = Fields::new(reader, node, &format!("what is expected of `{name}`"));
        for key in OF_ACTION {
            let Some(node) = fields.node(key) else { continue };
            if key == "status" {
                members.extend(read_status(reader, node).map(|it| (key.to_owned(), it)));
            } else {
                members.push((key.to_owned(), Expected::read(node, &mut reader.sink)));
            }
        }
        because =
            fields.given("because").and_then(|it| Some((reader.text(it, "`because`")?, it.span)));
        fields.finish(reader);
    }
    let expected = Expected::object(node.span, members);
    ActionExpect { name: name.to_owned(), span, expected, because }
}

fn read_calls(reader: &mut Reader, fields: &mut Fields<'_>) -> Vec<Calls> {
    let mut calls = Vec::new();
    let mut read = |key: &'static str| {
        let node = fields.given(key)?;
        let items = reader.list(node, &format!("`{key}`"));
        let items = items.iter().filter_map(|it| read_call(reader, it, key)).collect::<Vec<_>>();
        Some((items, node.span))
    };
    calls.extend(read("calls").map(|(items, span)| Calls::Exactly(items, span)));
    calls.extend(read("callsInAnyOrder").map(|(items, span)| Calls::InAnyOrder(items, span)));
    calls.extend(read("someCalls").map(|(items, _)| Calls::Some(items)));
    calls.extend(read("noCalls").map(|(items, _)| Calls::None(items)));
    calls
}

/// `crm.CreateRecord`, or `crm.CreateRecord: {entityName: accounts}`.
fn read_call(reader: &mut Reader, node: &Node, key: &str) -> Option<CallExpect> {
    if let Some(name) = node.as_str() {
        return Some(CallExpect { name: name.to_owned(), span: node.span, inputs: None });
    }
    let what = format!("an item of `{key}`");
    let mut entries = reader.mapping(node, &what).iter();
    let entry = entries.next()?;
    if let Some(more) = entries.next() {
        let message =
            format!("{what} names one action or operation, and `{}` is another", more.key.text);
        let found = Diagnostic::new(code::WRONG_TYPE, more.key.span, message);
        reader.sink.push(found.hint("indent the inputs below the name"));
    }
    let inputs = (!entry.value.is_null()).then(|| Expected::read(&entry.value, &mut reader.sink));
    Some(CallExpect { name: entry.key.text.clone(), span: entry.key.span, inputs })
}

impl Calls {
    /// The calls that it names.
    pub fn items(&self) -> &[CallExpect] {
        match self {
            Self::Exactly(items, _)
            | Self::InAnyOrder(items, _)
            | Self::Some(items)
            | Self::None(items) => items,
        }
    }
}
