//! The configuration of lint: what a project's file says of it, with the rules that it names.

use base::{Diagnostic, Sink, Span, code, suggest};
use flow::lint::{Change as Said, Lint, Word};
use yaml::Node;

use crate::{
    glob::Pattern,
    rule::Rule,
    rules::TABLE,
    settings::{Change, Override, Settings},
};

/// What a project's file says of lint.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What is looked for.
    pub settings: Settings,
    /// Paths that are left out, as in `.gitignore`.
    pub exclude: Vec<Pattern>,
    /// The file of findings that were there before, if there is one.
    pub baseline: Option<String>,
}

/// What an option of a rule takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Number,
    Texts,
}

/// Every option of a rule.
const OPTIONS: &[(&str, &str, Takes)] = &[
    ("deep-nesting", "containers", Takes::Number),
    ("late-acknowledge", "seconds", Takes::Number),
    ("hardcoded-environment", "allow", Takes::Texts),
    ("insecure-transport", "allow", Takes::Texts),
];

/// Words for several rules at once.
const SETS: &[&str] = &["default", "pedantic", "all"];

/// The rules that a word stands for: a slug, a number or how numbers begin (`FL7`), `default`,
/// `pedantic` or `all`.
///
/// # Errors
/// Says what was probably meant.
pub fn rules(word: &str) -> Result<Vec<&'static Rule>, String> {
    let all = || TABLE.iter();
    let found: Vec<&'static Rule> = match word {
        "all" => all().collect(),
        "default" => all().filter(|it| !it.code.pedantic).collect(),
        "pedantic" => all().filter(|it| it.code.pedantic).collect(),
        _ => all()
            .filter(|it| {
                it.code.slug == word || (word.starts_with("FL") && it.code.number.starts_with(word))
            })
            .collect(),
    };
    if !found.is_empty() {
        return Ok(found);
    }
    let known = all().map(|it| it.code.slug).chain(SETS.iter().copied());
    Err(match suggest::closest(word, known) {
        Some(near) => format!("there is no rule `{word}`: did you mean `{near}`?"),
        None => format!("there is no rule `{word}`; the rules are those of `flowright explain`"),
    })
}

/// The configuration, and what is wrong with the names in it.
pub fn read(said: &Lint) -> (Config, Vec<Diagnostic>) {
    let mut sink = Sink::new();
    let patterns = |texts: &[String]| texts.iter().filter_map(|it| Pattern::parse(it)).collect();
    let mut settings = Settings::default().with(&change(&said.change, &mut sink));
    for part in &said.files {
        let change = change(&part.change, &mut sink);
        settings.override_with(Override { paths: patterns(&part.paths), change });
    }
    let exclude = patterns(&said.exclude);
    let config = Config { settings, exclude, baseline: said.baseline.clone() };
    (config, sink.into_sorted())
}

fn change(said: &Said, sink: &mut Sink) -> Change {
    let mut change = Change {
        select: said.select.as_ref().map(|it| named(it, sink)),
        extend: named(&said.extend, sink),
        ignore: named(&said.ignore, sink),
        target: said.target,
        ..Change::default()
    };
    for (word, severity) in &said.severity {
        let rules = named(std::slice::from_ref(word), sink);
        change.severities.extend(rules.iter().map(|it| (it.code.slug, *severity)));
    }
    for (rule, options) in &said.options {
        for (key, value) in options {
            option(rule, key, value, &mut change, sink);
        }
    }
    change
}

fn named(words: &[Word], sink: &mut Sink) -> Vec<&'static Rule> {
    let mut found = Vec::new();
    for word in words {
        match rules(&word.text) {
            Ok(rules) => found.extend(rules),
            Err(message) => wrong(word.span, message, sink),
        }
    }
    found
}

fn option(rule: &Word, key: &Word, value: &Node, change: &mut Change, sink: &mut Sink) {
    let of_rule = || OPTIONS.iter().filter(|(slug, _, _)| *slug == rule.text);
    let Some((slug, name, takes)) = of_rule().find(|(_, name, _)| *name == key.text) else {
        let known: Vec<&str> = of_rule().map(|(_, name, _)| *name).collect();
        if known.is_empty() {
            let message = match rules(&rule.text) {
                Ok(_) => format!("`{}` has no options", rule.text),
                Err(message) => message,
            };
            return wrong(rule.span, message, sink);
        }
        return sink.unknown_key(key.span, &key.text, &known, "these options");
    };
    let (fits, wanted) = match takes {
        Takes::Number => (value.as_i64().is_some_and(|it| 0 <= it), "a whole number"),
        Takes::Texts => {
            let items = value.as_seq();
            let fits = items.is_some_and(|it| it.iter().all(|it| it.as_str().is_some()));
            (fits, "a list of texts")
        }
    };
    if fits {
        let options = change.options.entry(slug).or_default();
        options.insert((*name).to_owned(), value.to_json());
    } else {
        sink.wrong_type(value.span, &format!("`{name}`"), wanted, value.kind_name());
    }
}

fn wrong(span: Span, message: String, sink: &mut Sink) {
    sink.push(Diagnostic::new(code::WRONG_TYPE, span, message));
}
