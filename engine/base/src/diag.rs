//! What is wrong with a file: the author's mistakes, each with its place and a way out.

use crate::{code, code::Code, span::Span};

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably a mistake; the flow runs.
    Warning,
    /// The flow would not do what it says.
    Error,
}

impl Severity {
    /// The word in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A second place that explains a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place, in the same file.
    pub span: Span,
    /// What is to be seen there.
    pub text: String,
}

/// An edit that mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The bytes to replace; empty to insert.
    pub span: Span,
    /// The new text.
    pub text: String,
    /// What the edit does, in a few words that begin with a verb.
    pub title: String,
    /// Whether the flow surely does what it did before, so that no person has to look at it.
    pub safe: bool,
    /// The word that is replaced, where the bytes may hold more than it.
    pub replaces: Option<String>,
}

/// One finding in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which rule found it.
    pub code: Code,
    /// How grave it is here.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop, values in backticks.
    pub message: String,
    /// The place.
    pub span: Span,
    /// Further places in the same file.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The edit that does it, when there is exactly one right one.
    pub fix: Option<Fix>,
    /// Where in the flow it is, by the names that designers show: `actions/Sync/actions/Create`.
    pub path: Option<String>,
}

impl Diagnostic {
    /// A finding with the code's usual severity.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity,
            message: message.into(),
            span,
            labels: Vec::new(),
            hint: None,
            fix: None,
            path: None,
        }
    }

    /// Lets the flow run all the same, whatever the code's usual severity is.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Points at a second place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Offers an edit that changes nothing of what the author meant.
    #[must_use]
    pub fn fix(mut self, span: Span, text: impl Into<String>, title: impl Into<String>) -> Self {
        self.fix =
            Some(Fix { span, text: text.into(), title: title.into(), safe: true, replaces: None });
        self
    }

    /// Says which of the known names was probably meant. Where it is only a slip of the fingers, one
    /// letter, and no other name is as near, it is an edit, too.
    #[must_use]
    pub fn meant<'a>(
        mut self,
        word: &str,
        near: &str,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut slips: Vec<&str> = known.filter(|it| crate::suggest::is_slip(word, it)).collect();
        slips.dedup();
        if slips == [near] {
            let (text, title) = (near.to_owned(), format!("Write `{near}`"));
            let replaces = Some(word.to_owned());
            self.fix = Some(Fix { span: self.span, text, title, safe: true, replaces });
        }
        self.hint(format!("did you mean `{near}`?"))
    }

    /// Offers an edit that a person should look at.
    #[must_use]
    pub fn unsafe_fix(
        mut self,
        span: Span,
        text: impl Into<String>,
        title: impl Into<String>,
    ) -> Self {
        self.fix =
            Some(Fix { span, text: text.into(), title: title.into(), safe: false, replaces: None });
        self
    }
}

/// Where readers put what they find; reading goes on.
#[derive(Clone, Debug, Default)]
pub struct Sink {
    found: Vec<Diagnostic>,
}

impl Sink {
    /// An empty sink.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|it| it.severity == Severity::Error)
    }

    /// The findings so far.
    pub fn found(&self) -> &[Diagnostic] {
        &self.found
    }

    /// All findings in the order of their places.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|it| (it.span.start, it.span.end, it.code.number));
        self.found
    }

    /// A key that the format does not have; `known` are those it has.
    pub fn unknown_key(&mut self, span: Span, key: &str, known: &[&str], place: &str) {
        let found =
            Diagnostic::new(code::UNKNOWN_KEY, span, format!("unknown key `{key}` in {place}"));
        self.push(match crate::suggest::closest(key, known.iter().copied()) {
            Some(near) => found.meant(key, near, known.iter().copied()),
            None => found.hint(format!("known keys: {}", known.join(", "))),
        });
    }

    /// A required key that is not there.
    pub fn missing_key(&mut self, span: Span, key: &str, place: &str) {
        self.push(
            Diagnostic::new(code::MISSING_KEY, span, format!("{place} needs the key `{key}`"))
                .hint(format!("add `{key}:`")),
        );
    }

    /// A value of another type than the format has there.
    pub fn wrong_type(&mut self, span: Span, what: &str, expected: &str, found: &str) {
        self.push(Diagnostic::new(
            code::WRONG_TYPE,
            span,
            format!("{what} must be {expected}, not {found}"),
        ));
    }
}
