//! Tables that fit the terminal.

use std::{
    io::IsTerminal as _,
    process::{Command, Stdio},
};

use crate::print::{Tone, line, safe, tone};

/// Characters of a line if nobody tells.
const WIDTH_USUAL: usize = 100;
/// Between two columns.
const GAP: &str = "  ";
/// What a column keeps of its text, however narrow the terminal is.
const COLUMN_MIN: usize = 8;

/// One cell: its text and its colour.
pub(crate) type Cell = (String, Option<Tone>);

/// Prints rows below their heads. On a terminal, the widest columns are cut until a row fits.
pub(crate) fn print(heads: &[&str], rows: &[Vec<Cell>]) {
    let length = |text: &str| text.chars().count();
    let mut widths: Vec<usize> = heads.iter().map(|it| length(it)).collect();
    let rows: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| row.iter().map(|(text, color)| (one_line(text), *color)).collect())
        .collect();
    for row in &rows {
        for (width, (text, _)) in widths.iter_mut().zip(row) {
            *width = (*width).max(length(text));
        }
    }
    if let Some(most) = width() {
        narrow(&mut widths, most);
    }
    let head: Vec<Cell> = heads.iter().map(|it| ((*it).to_owned(), Some(Tone::Faint))).collect();
    for row in std::iter::once(&head).chain(&rows) {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(index, ((text, color), width))| {
            let cut = cut(text, *width);
            let padded = if index + 1 == row.len() { cut } else { format!("{cut:<width$}") };
            color.map_or_else(|| padded.clone(), |it| tone(it, &padded))
        });
        line(cells.collect::<Vec<_>>().join(GAP).trim_end());
    }
}

fn one_line(text: &str) -> String {
    safe(text).replace(['\n', '\t'], " ")
}

/// Takes from the widest column until all fit.
fn narrow(widths: &mut [usize], most: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    while most < widths.iter().sum::<usize>() + gaps {
        match widths.iter_mut().max() {
            Some(widest) if COLUMN_MIN < *widest => *widest -= 1,
            _ => return,
        }
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Characters of a line of the terminal; none if it is none.
fn width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let told = std::env::var("COLUMNS").ok().and_then(|it| it.parse().ok());
    told.or_else(asked).filter(|it| 0 < *it).or(Some(WIDTH_USUAL))
}

/// What the terminal says of itself: `rows columns`.
fn asked() -> Option<usize> {
    let size = Command::new("stty").arg("size").stdin(Stdio::inherit()).output().ok()?;
    String::from_utf8(size.stdout).ok()?.split_whitespace().nth(1)?.parse().ok()
}
