//! Flow files, what they are read as, and what is said about them.

mod actions;
mod corpus;
mod diagnostics;
mod expected;
mod files;
mod format;
mod import;
mod mutations;
mod order;
mod round_trip;
mod said;
mod schedule;
mod schema;
mod shapes;
mod show;
mod triggers;

use base::{Diagnostic, Source};

use crate::{Flow, Trigger, read};

/// Diagnostics as `line:column slug message (hint)`.
pub(crate) fn lines(source: &Source, found: &[Diagnostic]) -> Vec<String> {
    let show = |it: &Diagnostic| {
        let place = source.location(it.span.start);
        let hint = it.hint.as_deref().map_or(String::new(), |hint| format!(" ({hint})"));
        format!("{}:{} {} {}{hint}", place.line, place.column, it.code.slug, it.message)
    };
    found.iter().map(show).collect()
}

/// Reads a flow that has no faults.
pub(crate) fn flow(text: &str) -> Flow {
    let source = Source::new("flow.yaml", text);
    let (flow, found) = read(&source);
    assert_eq!(lines(&source, &found), Vec::<String>::new(), "{text}");
    flow
}

/// What is said about a flow file.
pub(crate) fn faults(text: &str) -> Vec<String> {
    let source = Source::new("flow.yaml", text);
    let (_, found) = read(&source);
    lines(&source, &found)
}

fn indented(text: &str, by: &str) -> String {
    text.lines().flat_map(|line| [by, line, "\n"]).collect()
}

/// A flow around the text of its actions, which begin in line 5, indented by 2.
pub(crate) fn around_actions(actions: &str) -> String {
    let head = "flow: Test\nconnections: { crm: dynamics }\ntriggers: [{ name: T, request: }]\n";
    format!("{head}actions:\n{}", indented(actions, "  "))
}

/// A flow around the text of its trigger's keys, which begin in line 5, indented by 4.
pub(crate) fn around_trigger(keys: &str) -> String {
    let head = "flow: Test\nconnections: { crm: dynamics }\ntriggers:\n  - name: T\n";
    format!("{head}{}actions: []\n", indented(keys, "    "))
}

pub(crate) fn first_trigger(keys: &str) -> Trigger {
    flow(&around_trigger(keys)).triggers.remove(0)
}

/// What the rest of the engine relies on, whatever was found.
pub(crate) fn check_shape(flow: &Flow) {
    let mut n_blocks = vec![0; flow.actions.len()];
    let blocks = flow.actions.iter().flat_map(|it| it.kind.blocks());
    for block in std::iter::once(&flow.root).chain(blocks) {
        block.actions.iter().for_each(|id| n_blocks[*id] += 1);
    }
    assert!(n_blocks.iter().all(|it| *it == 1), "an action is not in one block: {}", flow.name);
    for (id, action) in flow.actions.iter().enumerate() {
        let parent = action.parent.map(|it| flow.action(it));
        let inside =
            parent.is_none_or(|it| it.kind.blocks().iter().any(|it| it.actions.contains(&id)));
        assert!(inside, "a parent does not hold `{}`: {}", action.display, flow.name);
        let mut before = action.run_after.iter().map(|it| flow.action(it.predecessor));
        assert!(before.all(|it| it.parent == action.parent), "{}: {}", action.display, flow.name);
    }
    assert!(flow.names.values().all(|id| *id < flow.actions.len()), "{}", flow.name);
    let last = flow.actions.len().checked_sub(1);
    last.map(|it| crate::resolve::Upstream::new(flow).before(it));
}
