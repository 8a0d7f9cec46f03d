//! What differs between two texts, line by line, as `diff -u` writes it.

/// Lines shown before and after a difference.
const CONTEXT: usize = 3;
/// Cells of the table that finds the longest common lines; larger texts differ as a whole.
const CELLS_MAX: usize = 16_000_000;

/// One line of both texts or of one of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line<'t> {
    Same(&'t str),
    Removed(&'t str),
    Added(&'t str),
}

/// The difference of two versions of a file; empty if there is none.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let lines = compare(&split(before), &split(after));
    let mut out = format!("--- {name}\n+++ {name}\n");
    let is_changed: Vec<bool> = lines.iter().map(|it| !matches!(it, Line::Same(_))).collect();
    let mut at = 0;
    while let Some(first) = is_changed.iter().skip(at).position(|it| *it).map(|it| it + at) {
        let start = first.saturating_sub(CONTEXT).max(at);
        let mut end = first + 1;
        // Differences that are near each other are shown together.
        while let Some(next) = is_changed.iter().skip(end).take(2 * CONTEXT + 1).position(|it| *it)
        {
            end += next + 1;
        }
        let end = (end + CONTEXT).min(lines.len());
        hunk(&mut out, &lines, start, end);
        at = end;
    }
    out
}

fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn compare<'t>(before: &[&'t str], after: &[&'t str]) -> Vec<Line<'t>> {
    let common =
        |a: &mut dyn Iterator<Item = (&&'t str, &&'t str)>| a.take_while(|(a, b)| a == b).count();
    let head = common(&mut before.iter().zip(after));
    let (before_rest, after_rest) =
        (before.get(head..).unwrap_or_default(), after.get(head..).unwrap_or_default());
    let tail = common(&mut before_rest.iter().rev().zip(after_rest.iter().rev()));
    let old = before_rest.get(..before_rest.len() - tail).unwrap_or_default();
    let new = after_rest.get(..after_rest.len() - tail).unwrap_or_default();
    let mut lines: Vec<Line<'t>> = before.iter().take(head).map(|it| Line::Same(it)).collect();
    lines.extend(middle(old, new));
    lines.extend(before.iter().skip(before.len() - tail).map(|it| Line::Same(it)));
    lines
}

/// The difference by the longest common subsequence of lines.
fn middle<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    let removed = old.iter().map(|it| Line::Removed(it));
    let added = new.iter().map(|it| Line::Added(it));
    if old.is_empty() || new.is_empty() || CELLS_MAX / (new.len() + 1) <= old.len() {
        return removed.chain(added).collect();
    }
    let width = new.len() + 1;
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    let at = |lengths: &[u32], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let best = if a == b {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(cell) = lengths.get_mut(i * width + j) {
                *cell = best;
            }
        }
    }
    let mut lines = Vec::new();
    let (mut i, mut j) = (0, 0);
    loop {
        match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b => {
                lines.push(Line::Same(a));
                (i, j) = (i + 1, j + 1);
            }
            (Some(a), b) if b.is_none() || at(&lengths, i, j + 1) <= at(&lengths, i + 1, j) => {
                lines.push(Line::Removed(a));
                i += 1;
            }
            (_, Some(b)) => {
                lines.push(Line::Added(b));
                j += 1;
            }
            (_, None) => return lines,
        }
    }
}

fn hunk(out: &mut String, lines: &[Line<'_>], start: usize, end: usize) {
    let count = |lines: &[Line<'_>], added: bool| {
        let skipped = |it: &&Line<'_>| match it {
            Line::Same(_) => true,
            Line::Removed(_) => !added,
            Line::Added(_) => added,
        };
        lines.iter().filter(skipped).count()
    };
    let before = lines.get(..start).unwrap_or_default();
    let shown = lines.get(start..end).unwrap_or_default();
    let place = |added: bool| {
        let length = count(shown, added);
        let first = count(before, added) + usize::from(0 < length);
        format!("{first},{length}")
    };
    let head = format!("@@ -{} +{} @@\n", place(false), place(true));
    out.push_str(&head);
    for line in shown {
        let (mark, text) = match line {
            Line::Same(text) => (' ', text),
            Line::Removed(text) => ('-', text),
            Line::Added(text) => ('+', text),
        };
        out.push(mark);
        out.push_str(text);
        if !text.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}
