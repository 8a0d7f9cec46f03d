//! `flowright test`: runs flows on a clock of their own with replies in place of services, and
//! compares what they do with what their tests expect.

mod calls;
mod check;
mod coverage;
mod find;
mod names;
pub mod recorded;
mod recorder;
mod redacted;
pub mod report;
mod trial;
pub mod update;

use std::{
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use base::Span;
use serde_json::Value;

pub use coverage::{Branch, Coverage, Missed};
pub use find::{Suite, TestsOfFile, find};
pub use update::Edit;

use self::trial::{Found, Trial};

/// Something that is not as a test expects.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Where in the test file it is expected.
    pub span: Span,
    /// What it is about: `status`, `actions.Get_the_referral.status`, `calls`.
    pub about: String,
    /// What is wrong, on one line.
    pub message: String,
    /// More of it: reasons, inputs, differences.
    pub details: Vec<String>,
    /// What was expected, if it can be said in one value.
    pub wanted: Option<String>,
    /// What there is.
    pub actual: Option<Value>,
    /// The change of the test file that accepts what there is.
    pub edit: Option<Edit>,
}

impl Fault {
    /// Something that is wrong without two values that differ.
    pub(crate) fn new(span: Span, about: &str, message: impl Into<String>) -> Self {
        Self {
            span,
            about: about.to_owned(),
            message: message.into(),
            details: Vec::new(),
            wanted: None,
            actual: None,
            edit: None,
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    #[must_use]
    pub(crate) fn editing(mut self, edit: Option<Edit>) -> Self {
        self.edit = edit;
        self
    }
}

/// What came of one test.
#[derive(Debug)]
pub struct Verdict {
    /// Which file it is in, as an index into [`Suite::files`].
    pub file: usize,
    /// Which test of that file.
    pub test: usize,
    /// Everything that is not as expected; nothing if the test has passed.
    pub faults: Vec<Fault>,
    /// How long it took, in seconds of the real clock.
    pub seconds: f64,
    /// What its runs went through.
    pub coverage: Coverage,
    /// What a test that expects nothing could expect.
    pub offer: Option<Edit>,
}

impl Verdict {
    /// Whether everything was as expected.
    pub fn passed(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Runs those tests of a suite whose name has the text in it, several at a time.
pub fn run(suite: &Suite, filter: Option<&str>) -> Vec<Verdict> {
    let wanted = suite.selected(filter);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Verdict>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(wanted.len()) {
            scope.spawn(|| {
                while let Some((file, test)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdict = verdict(suite, *file, *test);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(verdict);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|it| (it.file, it.test));
    done
}

/// One test; a bug of the engine fails it and leaves the others alone.
fn verdict(suite: &Suite, file: usize, test: usize) -> Verdict {
    let begin = std::time::Instant::now();
    let trial = Trial::new(suite, &suite.files[file], test);
    let found = catch_unwind(AssertUnwindSafe(|| trial.carry_out())).unwrap_or_else(|_| {
        let fault = Fault::new(trial.span(), "engine", "the engine has a bug: it panicked");
        Found { faults: vec![fault], ..Found::default() }
    });
    let Found { faults, coverage, offer } = found;
    Verdict { file, test, faults, seconds: begin.elapsed().as_secs_f64(), coverage, offer }
}
