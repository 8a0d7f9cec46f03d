//! Patterns of paths, as `.gitignore` writes them.

/// A pattern: `*` and `?` within a name, `**` over folders, `[a-z]` for one of several characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<String>,
    /// Whether what it has is taken back: `!pattern`.
    negated: bool,
    /// Whether only folders are meant: `pattern/`.
    folders_only: bool,
}

impl Pattern {
    /// Reads a pattern; none if the line is empty or a comment.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (negated, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let line = line.strip_prefix('\\').unwrap_or(line);
        let (folders_only, line) =
            line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
        // With a slash in it the pattern begins at its folder, else it may stand at any depth.
        let anchored = line.contains('/');
        let line = line.strip_prefix('/').unwrap_or(line);
        let mut parts: Vec<String> = line.split('/').map(str::to_owned).collect();
        if !anchored {
            parts.insert(0, "**".to_owned());
        }
        Some(Self { parts, negated, folders_only })
    }

    /// Whether the pattern has a path, or a folder that the path lies in.
    pub fn matches(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').filter(|it| !it.is_empty() && *it != ".").collect();
        let folders = names.len().saturating_sub(usize::from(self.folders_only));
        (1..=folders).any(|count| matches(&self.parts, names.get(..count).unwrap_or_default()))
    }
}

impl Pattern {
    /// Whether what it has is taken back.
    pub const fn is_negated(&self) -> bool {
        self.negated
    }
}

/// Whether the last pattern that has a path ignores it.
pub fn ignores(patterns: &[Pattern], path: &str) -> bool {
    let last = patterns.iter().rev().find(|it| it.matches(path));
    last.is_some_and(|it| !it.negated)
}

fn matches(parts: &[String], names: &[&str]) -> bool {
    match parts {
        [] => names.is_empty(),
        [first, rest @ ..] if first == "**" => {
            // At the end it stands for everything inside, not for the folder itself.
            let least = usize::from(rest.is_empty());
            (least..=names.len()).any(|skipped| {
                let left = names.get(skipped..).unwrap_or_default();
                if rest.is_empty() { true } else { matches(rest, left) }
            })
        }
        [first, rest @ ..] => names.split_first().is_some_and(|(name, names)| {
            let pattern: Vec<char> = first.chars().collect();
            let name: Vec<char> = name.chars().collect();
            matches_name(&pattern, &name) && matches(rest, names)
        }),
    }
}

/// One name against one part. Goes back to the last `*` only, so that it takes no more than the
/// product of the lengths.
fn matches_name(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        let step = match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => class(pattern.get(at..).unwrap_or_default(), name.get(seen).copied()),
            Some('\\') => (pattern.get(at + 1) == name.get(seen)).then_some(2),
            Some(c) => (Some(c) == name.get(seen)).then_some(1),
            None => None,
        };
        match (step, star) {
            (Some(length), _) => {
                at += length;
                seen += 1;
            }
            (None, Some((star_at, from))) => {
                star = Some((star_at, from + 1));
                at = star_at + 1;
                seen = from + 1;
            }
            (None, None) => return false,
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|it| *it == '*'))
}

/// How long a class such as `[a-z]` is, if it has the character.
fn class(pattern: &[char], c: Option<char>) -> Option<usize> {
    let c = c?;
    let end = pattern.iter().skip(2).position(|it| *it == ']')? + 2;
    let inner = pattern.get(1..end)?;
    let (negated, inner) = match inner.split_first() {
        Some(('!' | '^', rest)) => (true, rest),
        _ => (false, inner),
    };
    let mut has = false;
    let mut at = 0;
    while let Some(first) = inner.get(at) {
        if let (Some('-'), Some(last)) = (inner.get(at + 1), inner.get(at + 2)) {
            has |= (*first..=*last).contains(&c);
            at += 3;
        } else {
            has |= *first == c;
            at += 1;
        }
    }
    (has != negated).then_some(end + 1)
}
