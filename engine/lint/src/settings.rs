//! What a check looks for: rules, how grave their findings are, and for which files that holds.

use std::{borrow::Cow, collections::BTreeMap};

use base::{Diagnostic, Severity, Timestamp};
use flow::lint::Target;
use serde_json::Value;

use crate::{glob::Pattern, rule::Rule, rules::TABLE};

/// What a check looks for.
#[derive(Clone, Debug)]
pub struct Settings {
    rules: Vec<&'static Rule>,
    severities: BTreeMap<&'static str, Severity>,
    options: Options,
    target: Target,
    now: Timestamp,
    heeds_comments: bool,
    overrides: Vec<Override>,
}

/// Options of rules by slug and key.
pub(crate) type Options = BTreeMap<&'static str, BTreeMap<String, Value>>;

/// What differs from other settings.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Only these rules, if given.
    pub select: Option<Vec<&'static Rule>>,
    /// These as well.
    pub extend: Vec<&'static Rule>,
    /// Not these.
    pub ignore: Vec<&'static Rule>,
    /// How grave findings of a rule are, by slug.
    pub severities: BTreeMap<&'static str, Severity>,
    /// Where the flows are to run, if given.
    pub target: Option<Target>,
    /// Options of rules.
    pub(crate) options: Options,
}

/// A change for some files.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    pub(crate) paths: Vec<Pattern>,
    pub(crate) change: Change,
}

/// What is told of times to come begins here where nobody says what time it is, so that it is the
/// same each time.
const NOW_USUAL: &str = "2026-01-01T00:00:00Z";

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: TABLE.iter().filter(|it| !it.code.pedantic).collect(),
            severities: BTreeMap::new(),
            options: Options::new(),
            target: Target::default(),
            now: Timestamp::parse(NOW_USUAL).unwrap_or_default(),
            heeds_comments: true,
            overrides: Vec::new(),
        }
    }
}

impl Settings {
    /// These rules as they are, and one more.
    #[must_use]
    pub fn and(self, wanted: &'static Rule) -> Self {
        self.with(&Change { extend: vec![wanted], ..Change::default() })
    }

    /// The same but for a change.
    #[must_use]
    pub fn with(mut self, change: &Change) -> Self {
        let has = |list: &[&Rule], rule: &Rule| list.iter().any(|it| it.code == rule.code);
        let base = change.select.as_deref().unwrap_or(&self.rules);
        let is_wanted =
            |it: &&Rule| (has(base, it) || has(&change.extend, it)) && !has(&change.ignore, it);
        let rules = TABLE.iter().filter(is_wanted).collect();
        self.rules = rules;
        self.severities.extend(&change.severities);
        self.target = change.target.unwrap_or(self.target);
        for (slug, options) in &change.options {
            self.options.entry(slug).or_default().extend(options.clone());
        }
        self
    }

    /// Checks for another place to run.
    #[must_use]
    pub fn for_target(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// Tells of times that come after this one.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    /// Shows what comments in the files would suppress.
    #[must_use]
    pub fn without_comments(self) -> Self {
        Self { heeds_comments: false, ..self }
    }

    /// The same but for a change for some files.
    pub(crate) fn override_with(&mut self, part: Override) {
        self.overrides.push(part);
    }

    /// The settings for a file: those for all files, with every change whose patterns have it.
    pub(crate) fn of_file(&self, name: &str) -> Cow<'_, Self> {
        let applies = |it: &&Override| it.paths.iter().any(|pattern| pattern.matches(name));
        let mut all = Cow::Borrowed(self);
        for part in self.overrides.iter().filter(applies) {
            all = Cow::Owned(all.into_owned().with(&part.change));
        }
        all
    }

    /// The rules, by number.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &'static Rule> + '_ {
        self.rules.iter().copied()
    }

    /// Whether a rule is looked for.
    pub(crate) fn has(&self, slug: &str) -> bool {
        self.rules.iter().any(|it| it.code.slug == slug)
    }

    /// The finding as it is reported here, unless its rule is left out.
    pub(crate) fn judge(&self, mut found: Diagnostic) -> Option<Diagnostic> {
        if let Some(severity) = self.severities.get(found.code.slug) {
            found.severity = *severity;
        }
        self.has(found.code.slug).then_some(found)
    }

    pub(crate) const fn target(&self) -> Target {
        self.target
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) const fn heeds_comments(&self) -> bool {
        self.heeds_comments
    }

    /// A number that a rule's finding depends on.
    pub(crate) fn number(&self, slug: &str, key: &str, usual: usize) -> usize {
        let given = self.option(slug, key).and_then(Value::as_u64);
        given.and_then(|it| usize::try_from(it).ok()).unwrap_or(usual)
    }

    /// Texts that a rule's finding depends on.
    pub(crate) fn texts(&self, slug: &str, key: &str) -> Vec<&str> {
        let given = self.option(slug, key).and_then(Value::as_array);
        given.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn option(&self, slug: &str, key: &str) -> Option<&Value> {
        self.options.get(slug)?.get(key)
    }
}
