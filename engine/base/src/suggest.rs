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
        let distance = edits(&wanted, &near);
        // A third of the letters may differ, never all: `x` is not `y`.
        let longest = wanted.len().max(near.len());
        let allowed = (longest / 3).max(1).min(longest - 1);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
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
    !is_short && digits(&a) == digits(&b) && edits(&a, &b) == 1
}

/// Shorter words are near to too many others.
const SLIP_CHARS_MIN: usize = 4;

/// Longer words are not compared: the comparison costs the product of the lengths.
const WORD_CHARS_MAX: usize = 80;

/// Edit distance that counts a swap of neighbours as one edit (optimal string alignment).
fn edits(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut rows = vec![0; (a.len() + 1) * width];
    let at = |i: usize, j: usize| i * width + j;
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            let least = if i == 0 || j == 0 {
                i + j
            } else {
                let differs = usize::from(a[i - 1] != b[j - 1]);
                let mut least = (rows[at(i - 1, j)] + 1)
                    .min(rows[at(i, j - 1)] + 1)
                    .min(rows[at(i - 1, j - 1)] + differs);
                if 1 < i && 1 < j && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[at(i - 2, j - 2)] + 1);
                }
                least
            };
            rows[at(i, j)] = least;
        }
    }
    rows.last().copied().unwrap_or(0)
}
