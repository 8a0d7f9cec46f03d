//! A flow as a picture: text for Mermaid and Graphviz, or SVG.

mod layout;
mod svg;

use base::markup;
use flow::{ActionId, ActionKind, Block, Flow, actions::api_connection::Target};

use crate::difference::label;

pub use svg::svg;

/// The kind of an action that says what it does better than its name: the operation that it calls.
pub(crate) fn caption(flow: &Flow, id: ActionId) -> Option<String> {
    match &flow.action(id).kind {
        ActionKind::ApiConnection(call) => Some(match &call.target {
            Target::Operation(operation) => format!("{}.{operation}", call.connection),
            Target::Path { method, .. } => format!("{} {method}", call.connection),
        }),
        ActionKind::Http(_) | ActionKind::HttpWebhook(_) => Some("HTTP".to_owned()),
        ActionKind::Foreach(_) => Some("for each".to_owned()),
        ActionKind::Until(_) => Some("until".to_owned()),
        ActionKind::Terminate(_) => Some("terminate".to_owned()),
        _ => None,
    }
}

/// The blocks of a container that have something in them, with their labels.
pub(crate) fn branches(flow: &Flow, id: ActionId) -> Vec<(String, &Block)> {
    let kind = &flow.action(id).kind;
    let blocks = kind.blocks().into_iter().enumerate();
    let blocks = blocks.filter(|(_, block)| !block.actions.is_empty());
    blocks.map(|(branch, block)| (label(kind, branch), block)).collect()
}

/// What is written at an arrow; nothing for the usual one.
pub(crate) fn condition(link: &flow::model::RunAfter) -> String {
    let statuses: Vec<&str> = link.statuses.iter().map(base::Status::name).collect();
    if statuses == ["Succeeded"] { String::new() } else { statuses.join(", ") }
}

/// Actions of the flow that begin with it.
pub(crate) fn first(flow: &Flow) -> impl Iterator<Item = ActionId> + '_ {
    let top = flow.root.actions.iter().copied();
    top.filter(|id| flow.action(*id).run_after.is_empty())
}

/// As Mermaid reads it.
pub fn mermaid(flow: &Flow) -> String {
    let quoted = |text: &str| markup::escaped(text).replace('#', "#35;").replace('\n', " ");
    let mut lines = vec!["flowchart TD".to_owned()];
    for (nth, trigger) in flow.triggers.iter().enumerate() {
        lines.push(format!("  t{nth}([\"{}\"])", quoted(&trigger.display)));
    }
    mermaid_block(flow, &flow.root, 1, &quoted, &mut lines);
    for nth in 0..flow.triggers.len() {
        lines.extend(first(flow).map(|id| format!("  t{nth} --> a{id}")));
    }
    for (id, action) in flow.actions.iter().enumerate() {
        for link in &action.run_after {
            let told = condition(link);
            let arrow =
                if told.is_empty() { "-->".to_owned() } else { format!("-- \"{told}\" -->") };
            lines.push(format!("  a{} {arrow} a{id}", link.predecessor));
        }
    }
    lines.join("\n") + "\n"
}

fn mermaid_block(
    flow: &Flow,
    block: &Block,
    depth: usize,
    quoted: &dyn Fn(&str) -> String,
    lines: &mut Vec<String>,
) {
    let indent = "  ".repeat(depth);
    for id in block.actions.iter().copied() {
        let name = quoted(&flow.action(id).display);
        let caption = caption(flow, id).map(|it| format!("<br/><small>{}</small>", quoted(&it)));
        let text = format!("{name}{}", caption.unwrap_or_default());
        let branches = branches(flow, id);
        if branches.is_empty() {
            lines.push(format!("{indent}a{id}[\"{text}\"]"));
            continue;
        }
        lines.push(format!("{indent}subgraph a{id}[\"{text}\"]"));
        for (nth, (label, block)) in branches.into_iter().enumerate() {
            if label.is_empty() {
                mermaid_block(flow, block, depth + 1, quoted, lines);
                continue;
            }
            lines.push(format!("{indent}  subgraph a{id}b{nth}[\"{}\"]", quoted(&label)));
            mermaid_block(flow, block, depth + 2, quoted, lines);
            lines.push(format!("{indent}  end"));
        }
        lines.push(format!("{indent}end"));
    }
}

/// As Graphviz reads it.
pub fn dot(flow: &Flow) -> String {
    let mut lines = vec![
        format!("digraph {} {{", quoted_dot(&flow.name)),
        "  compound=true; node [shape=box, style=rounded, fontname=\"sans-serif\"];".to_owned(),
        "  edge [fontname=\"sans-serif\", fontsize=10]; graph [fontname=\"sans-serif\"];"
            .to_owned(),
    ];
    for (nth, trigger) in flow.triggers.iter().enumerate() {
        lines.push(format!("  t{nth} [label={}, shape=oval];", quoted_dot(&trigger.display)));
        for id in first(flow) {
            lines.push(format!("  t{nth} -> a{id}{};", ends(flow, None, Some(id), "")));
        }
    }
    dot_block(flow, &flow.root, 1, &mut lines);
    for (id, action) in flow.actions.iter().enumerate() {
        for link in &action.run_after {
            let attributes = ends(flow, Some(link.predecessor), Some(id), &condition(link));
            lines.push(format!("  a{} -> a{id}{attributes};", link.predecessor));
        }
    }
    lines.push("}".to_owned());
    lines.join("\n") + "\n"
}

/// What an arrow has: a label, and the groups at which it ends.
fn ends(flow: &Flow, from: Option<ActionId>, to: Option<ActionId>, label: &str) -> String {
    let group = |id: Option<ActionId>| id.filter(|it| !branches(flow, *it).is_empty());
    let mut attributes = Vec::new();
    attributes.extend(group(from).map(|it| format!("ltail=cluster_a{it}")));
    attributes.extend(group(to).map(|it| format!("lhead=cluster_a{it}")));
    if !label.is_empty() {
        attributes.push(format!("label={}", quoted_dot(label)));
    }
    if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) }
}

fn dot_block(flow: &Flow, block: &Block, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    for id in block.actions.iter().copied() {
        let name = &flow.action(id).display;
        let text = caption(flow, id).map_or_else(|| name.clone(), |it| format!("{name}\n{it}"));
        let node = format!("a{id} [label={}];", quoted_dot(&text));
        let branches = branches(flow, id);
        if branches.is_empty() {
            lines.push(format!("{indent}{node}"));
            continue;
        }
        lines.push(format!("{indent}subgraph cluster_a{id} {{"));
        lines.push(format!("{indent}  {node}"));
        for (nth, (label, block)) in branches.into_iter().enumerate() {
            lines.push(format!("{indent}  subgraph cluster_a{id}b{nth} {{"));
            lines.push(format!("{indent}    label={};", quoted_dot(&label)));
            dot_block(flow, block, depth + 2, lines);
            lines.push(format!("{indent}  }}"));
            let starts = block.actions.iter().filter(|it| flow.action(**it).run_after.is_empty());
            for start in starts {
                let attributes = ends(flow, None, Some(*start), &label);
                lines.push(format!("{indent}  a{id} -> a{start}{attributes};"));
            }
        }
        lines.push(format!("{indent}}}"));
    }
}

fn quoted_dot(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
}
