//! Where everything of a picture stands: blocks from top to bottom, branches side by side.

use std::collections::BTreeMap;

use flow::{ActionId, Block, Flow};

use super::{branches, caption, condition, first};

/// Pixels that a letter takes on average, and that text has around it.
const LETTER: i32 = 7;
const PADDING: i32 = 14;
const LINE: i32 = 18;
/// Between boxes side by side, and below each other.
const GAP_X: i32 = 24;
const GAP_Y: i32 = 34;
const BOX_WIDTH_MIN: i32 = 120;
/// Letters of a name; the whole one is told to who points at it.
const NAME_CHARS_MAX: usize = 56;

/// A picture, or a part of one, with its size.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawing {
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) boxes: Vec<Frame>,
    pub(super) texts: Vec<Text>,
    pub(super) arrows: Vec<Arrow>,
}

/// A box.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) class: &'static str,
    pub(super) title: String,
}

/// Text, in the middle of its place.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) class: &'static str,
    pub(super) words: String,
}

/// An arrow downwards.
#[derive(Clone, Debug)]
pub(super) struct Arrow {
    pub(super) from: (i32, i32),
    pub(super) to: (i32, i32),
    pub(super) label: String,
}

impl Drawing {
    fn put(&mut self, other: Self, x: i32, y: i32) {
        self.boxes.extend(other.boxes.into_iter().map(|it| Frame {
            x: it.x + x,
            y: it.y + y,
            ..it
        }));
        self.texts.extend(other.texts.into_iter().map(|it| Text {
            x: it.x + x,
            y: it.y + y,
            ..it
        }));
        let moved = |(ax, ay): (i32, i32)| (ax + x, ay + y);
        let arrows = other.arrows.into_iter();
        self.arrows.extend(arrows.map(|it| Arrow { from: moved(it.from), to: moved(it.to), ..it }));
    }

    fn text(&mut self, x: i32, y: i32, class: &'static str, text: &str) {
        self.texts.push(Text { x, y, class, words: cut(text) });
    }
}

/// A whole flow with its triggers.
pub(super) fn of_flow(flow: &Flow) -> Drawing {
    let triggers: Vec<Drawing> =
        flow.triggers.iter().map(|it| leaf(&it.display, None, "trigger")).collect();
    let (actions, tops) = block(flow, &flow.root);
    let row: i32 = triggers.iter().map(|it| it.width).sum::<i32>()
        + GAP_X * i32::try_from(triggers.len().saturating_sub(1)).unwrap_or(0);
    let head = triggers.iter().map(|it| it.height).max().unwrap_or(0);
    let mut drawing = Drawing { width: row.max(actions.width), ..Drawing::default() };
    let (mut x, shift) = ((drawing.width - row) / 2, (drawing.width - actions.width) / 2);
    let below = head + GAP_Y;
    for trigger in triggers {
        let (width, height) = (trigger.width, trigger.height);
        for id in first(flow) {
            let Some((top, ..)) = tops.get(&id) else { continue };
            let from = (x + width / 2, height);
            let to = (top.0 + shift, top.1 + below);
            drawing.arrows.push(Arrow { from, to, label: String::new() });
        }
        drawing.put(trigger, x, 0);
        x += width + GAP_X;
    }
    drawing.height = below + actions.height;
    drawing.put(actions, shift, below);
    drawing
}

/// The middles of the upper and lower edge of an action's box.
type Edges = ((i32, i32), (i32, i32));

/// The actions of a block, in rows: each below those that it runs after.
fn block(flow: &Flow, block: &Block) -> (Drawing, BTreeMap<ActionId, Edges>) {
    let mut rows: Vec<Vec<ActionId>> = Vec::new();
    let mut row_of: BTreeMap<ActionId, usize> = BTreeMap::new();
    for id in flow::graph::order(flow, block) {
        let before = flow.action(id).run_after.iter();
        let row = before.filter_map(|it| row_of.get(&it.predecessor)).max().map_or(0, |it| it + 1);
        row_of.insert(id, row);
        if rows.len() <= row {
            rows.resize_with(row + 1, Vec::new);
        }
        rows[row].push(id);
    }
    let rows: Vec<Vec<(ActionId, Drawing)>> = rows
        .into_iter()
        .map(|row| row.into_iter().map(|id| (id, action(flow, id))).collect())
        .collect();
    let width_of = |row: &[(ActionId, Drawing)]| {
        let gaps = i32::try_from(row.len().saturating_sub(1)).unwrap_or(0);
        row.iter().map(|(_, it)| it.width).sum::<i32>() + GAP_X * gaps
    };
    let width = rows.iter().map(|row| width_of(row)).max().unwrap_or(0);
    let mut drawing = Drawing { width, ..Drawing::default() };
    let mut edges: BTreeMap<ActionId, Edges> = BTreeMap::new();
    let mut y = 0;
    for row in rows {
        let mut x = (width - width_of(&row)) / 2;
        let height = row.iter().map(|(_, it)| it.height).max().unwrap_or(0);
        for (id, part) in row {
            let middle = x + part.width / 2;
            edges.insert(id, ((middle, y), (middle, y + part.height)));
            let next = x + part.width + GAP_X;
            drawing.put(part, x, y);
            x = next;
        }
        y += height + GAP_Y;
    }
    drawing.height = (y - GAP_Y).max(0);
    for (id, (top, _)) in &edges {
        for link in &flow.action(*id).run_after {
            let Some((_, bottom)) = edges.get(&link.predecessor) else { continue };
            drawing.arrows.push(Arrow { from: *bottom, to: *top, label: condition(link) });
        }
    }
    (drawing, edges)
}

fn action(flow: &Flow, id: ActionId) -> Drawing {
    let name = &flow.action(id).display;
    let caption = caption(flow, id);
    let branches = branches(flow, id);
    if branches.is_empty() {
        return leaf(name, caption.as_deref(), "action");
    }
    let parts: Vec<(String, Drawing)> =
        branches.into_iter().map(|(label, inner)| (label, block(flow, inner).0)).collect();
    let width_of = |label: &str, part: &Drawing| part.width.max(text_width(label)) + 2 * PADDING;
    let gaps = GAP_X * i32::try_from(parts.len() - 1).unwrap_or(0);
    let inner = parts.iter().map(|(label, part)| width_of(label, part)).sum::<i32>() + gaps;
    let title = caption.map_or_else(|| name.clone(), |it| format!("{name} ({it})"));
    let width = (inner + 2 * PADDING).max(text_width(&title) + 2 * PADDING);
    let mut drawing = Drawing { width, ..Drawing::default() };
    drawing.text(width / 2, LINE + 2, "name", &title);
    let (mut x, y) = ((width - inner) / 2, LINE + PADDING);
    let tallest = parts.iter().map(|(_, it)| it.height).max().unwrap_or(0) + 2 * PADDING + LINE;
    for (label, part) in parts {
        let part_width = width_of(&label, &part);
        if !label.is_empty() {
            drawing.boxes.push(frame((x, y), (part_width, tallest), "branch", &label));
            drawing.text(x + part_width / 2, y + LINE, "label", &label);
        }
        let shift = (part_width - part.width) / 2;
        drawing.put(part, x + shift, y + LINE + PADDING);
        x += part_width + GAP_X;
    }
    drawing.height = y + tallest + PADDING;
    let own = frame((0, 0), (width, drawing.height), "group", name);
    drawing.boxes.insert(0, own);
    drawing
}

fn leaf(name: &str, caption: Option<&str>, class: &'static str) -> Drawing {
    let widest = text_width(name).max(caption.map_or(0, text_width));
    let width = (widest + 2 * PADDING).max(BOX_WIDTH_MIN);
    let lines = if caption.is_some() { 2 } else { 1 };
    let height = LINE * lines + PADDING;
    let mut drawing = Drawing { width, height, ..Drawing::default() };
    drawing.boxes.push(frame((0, 0), (width, height), class, name));
    drawing.text(width / 2, LINE + 2, "name", name);
    if let Some(caption) = caption {
        drawing.text(width / 2, 2 * LINE + 2, "caption", caption);
    }
    drawing
}

fn frame(
    (x, y): (i32, i32),
    (width, height): (i32, i32),
    class: &'static str,
    title: &str,
) -> Frame {
    Frame { x, y, width, height, class, title: title.to_owned() }
}

fn text_width(text: &str) -> i32 {
    LETTER * i32::try_from(text.chars().count().min(NAME_CHARS_MAX)).unwrap_or(0)
}

fn cut(text: &str) -> String {
    if text.chars().count() <= NAME_CHARS_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(NAME_CHARS_MAX - 1).collect();
    kept + "…"
}
