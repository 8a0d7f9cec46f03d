//! "Did you mean": the known name that is nearest to an unknown one.

/// The closest of `known` to `word`, if it is close enough to be what was meant.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = word.to_lowercase().chars().collect();
    if wanted.is_empty() || WORD_CHARS_MAX < wanted.len() {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for name in known {
        let near: Vec<char> = name.to_lowercase().chars().take(WORD_CHARS_MAX + 1).collect();
        // A third of the letters may differ, never all: `x` is not `y`.
        let longest = wanted.len().max(near.len());
        let allowed = (longest / 3).max(1).min(longest - 1);
        // Only what is nearer than the nearest so far is of interest.
        let most = match best {
            Some((0, _)) => break,
            Some((least, _)) => allowed.min(least - 1),
            None => allowed,
        };
        if let Some(distance) = edits(&wanted, &near, most) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Whether two words of at least four letters differ in one edit, and not in a digit: what tells names
/// like `item1` and `item2` apart is meant.
pub fn is_slip(word: &str, meant: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (word.chars().collect(), meant.chars().collect());
    let digits =
        |it: &[char]| it.iter().filter(|it| it.is_ascii_digit()).copied().collect::<String>();
    let is_short = a.len().min(b.len()) < SLIP_CHARS_MIN || WORD_CHARS_MAX < a.len().max(b.len());
    !is_short && digits(&a) == digits(&b) && edits(&a, &b, 1) == Some(1)
}

/// Shorter words are near to too many others.
const SLIP_CHARS_MIN: usize = 4;

/// Longer words are not compared: the comparison costs the product of the lengths.
const WORD_CHARS_MAX: usize = 80;

/// Edit distance that counts a swap of neighbours as one edit (optimal string alignment); `None` if it
/// is more than `most`, which is found out early.
fn edits(a: &[char], b: &[char], most: usize) -> Option<usize> {
    if most < a.len().abs_diff(b.len()) {
        return None;
    }
    let width = b.len() + 1;
    let mut rows: [Vec<usize>; 3] = [vec![0; width], vec![0; width], (0..width).collect()];
    for (i, x) in (1..).zip(a) {
        // The row before the last one, the last one, and the one that is made in the place of the oldest.
        rows.rotate_left(1);
        let [before, last, row] = &mut rows;
        row[0] = i;
        for (j, y) in (1..).zip(b) {
            let mut least =
                (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + usize::from(x != y));
            if 1 < i && 1 < j && *x == b[j - 2] && a[i - 2] == *y {
                least = least.min(before[j - 2] + 1);
            }
            row[j] = least;
        }
        if row.iter().all(|it| most < *it) {
            return None;
        }
    }
    rows[2].last().copied().filter(|it| *it <= most)
}
