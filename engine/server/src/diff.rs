//! What has changed between two texts, line by line, in unified form.

/// Lines around a change that are shown.
const AROUND: usize = 3;
/// Lines that are compared one with another; larger changes are shown as a whole.
const CELLS_MAX: usize = 4_000_000;

/// A line that stayed, went or came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit<'a> {
    Kept(&'a str),
    Gone(&'a str),
    Come(&'a str),
}

/// The difference; empty if there is none.
pub(crate) fn unified(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let edits = edits(&old, &new);
    let is_kept = |it: &Edit<'_>| matches!(it, Edit::Kept(_));
    let changed: Vec<usize> = (0..edits.len()).filter(|n| !is_kept(&edits[*n])).collect();
    let mut text = String::new();
    let mut rest = changed.as_slice();
    while let Some(first) = rest.first() {
        // Changes that are near each other are shown together.
        let gap = rest.windows(2).position(|pair| 2 * AROUND < pair[1] - pair[0] - 1);
        let (hunk, later) = rest.split_at(gap.map_or(rest.len(), |it| it + 1));
        let last = hunk.last().copied().unwrap_or(*first);
        let (from, to) = (first.saturating_sub(AROUND), (last + AROUND + 1).min(edits.len()));
        show(&edits, from, to, &mut text);
        rest = later;
    }
    text
}

fn show(edits: &[Edit<'_>], from: usize, to: usize, text: &mut String) {
    let count = |edits: &[Edit<'_>]| {
        let old = edits.iter().filter(|it| !matches!(it, Edit::Come(_))).count();
        let new = edits.iter().filter(|it| !matches!(it, Edit::Gone(_))).count();
        (old, new)
    };
    let (before, hunk) = (&edits[..from], &edits[from..to]);
    let ((old_before, new_before), (old, new)) = (count(before), count(hunk));
    let start = |before: usize, lines: usize| if lines == 0 { before } else { before + 1 };
    let (old_start, new_start) = (start(old_before, old), start(new_before, new));
    let head = format!("@@ -{old_start},{old} +{new_start},{new} @@\n");
    text.push_str(&head);
    for edit in hunk {
        let (sign, line) = match edit {
            Edit::Kept(line) => (' ', line),
            Edit::Gone(line) => ('-', line),
            Edit::Come(line) => ('+', line),
        };
        text.push(sign);
        text.push_str(line);
        text.push('\n');
    }
}

/// The shortest way from one text to the other: what they have in common at both ends, and the longest
/// common subsequence of what is between.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Edit<'a>> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let ends = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    let (old_middle, new_middle) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let mut edits: Vec<Edit<'a>> = old[..start].iter().map(|it| Edit::Kept(it)).collect();
    middle(old_middle, new_middle, &mut edits);
    edits.extend(old[old.len() - end..].iter().map(|it| Edit::Kept(it)));
    edits
}

fn middle<'a>(old: &[&'a str], new: &[&'a str], edits: &mut Vec<Edit<'a>>) {
    let width = new.len() + 1;
    if CELLS_MAX < (old.len() + 1).saturating_mul(width) {
        edits.extend(old.iter().map(|it| Edit::Gone(it)));
        edits.extend(new.iter().map(|it| Edit::Come(it)));
        return;
    }
    // How many lines the rests have in common, from the end.
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for row in (0..old.len()).rev() {
        for column in (0..new.len()).rev() {
            common[row * width + column] = if old[row] == new[column] {
                common[(row + 1) * width + column + 1] + 1
            } else {
                common[(row + 1) * width + column].max(common[row * width + column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    while row < old.len() || column < new.len() {
        let is_same = old.get(row).is_some_and(|it| new.get(column) == Some(it));
        let goes = row < old.len()
            && (column == new.len()
                || common[row * width + column + 1] <= common[(row + 1) * width + column]);
        if is_same {
            edits.push(Edit::Kept(old[row]));
            (row, column) = (row + 1, column + 1);
        } else if goes {
            edits.push(Edit::Gone(old[row]));
            row += 1;
        } else {
            edits.push(Edit::Come(new[column]));
            column += 1;
        }
    }
}
