//! Which pass of each loop around an action: made and compared for every action of every pass.

use std::{cmp::Ordering, fmt, ops::Deref};

/// Loops in each other up to which nothing is allocated.
const FEW: usize = 4;

/// Which pass of each loop around an action, outermost first.
#[derive(Clone)]
pub struct Passes(Kept);

#[derive(Clone)]
enum Kept {
    Few { count: usize, all: [u32; FEW] },
    Many(Vec<u32>),
}

impl Passes {
    /// Of what no loop is around.
    pub const fn new() -> Self {
        Self(Kept::Few { count: 0, all: [0; FEW] })
    }

    /// The passes of a loop's own, and one pass of it.
    #[must_use]
    pub fn and(&self, pass: u32) -> Self {
        let mut longer = self.clone();
        longer.push(pass);
        longer
    }

    fn push(&mut self, pass: u32) {
        match &mut self.0 {
            Kept::Few { count, all } => match all.get_mut(*count) {
                Some(next) => {
                    *next = pass;
                    *count += 1;
                }
                None => self.0 = Kept::Many([all.as_slice(), &[pass]].concat()),
            },
            Kept::Many(all) => all.push(pass),
        }
    }
}

impl Deref for Passes {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        match &self.0 {
            Kept::Few { count, all } => all.get(..*count).unwrap_or(all),
            Kept::Many(all) => all,
        }
    }
}

impl From<&[u32]> for Passes {
    fn from(passes: &[u32]) -> Self {
        passes.iter().copied().collect()
    }
}

impl FromIterator<u32> for Passes {
    fn from_iter<I: IntoIterator<Item = u32>>(passes: I) -> Self {
        let mut all = Self::new();
        for pass in passes {
            all.push(pass);
        }
        all
    }
}

impl Default for Passes {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq for Passes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Passes {}

impl PartialOrd for Passes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Passes {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            // What is not taken is 0 in both, so that the arrays differ where the passes do.
            (Kept::Few { count: mine, all }, Kept::Few { count: theirs, all: others }) => {
                all.cmp(others).then_with(|| mine.cmp(theirs))
            }
            _ => (**self).cmp(&**other),
        }
    }
}
