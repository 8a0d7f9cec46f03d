//! What a project says of lint, in words: which rules there are is lint's own matter.

use base::{Severity, Span};
use yaml::{Key, Kind, Node};

use crate::{
    fields::Fields,
    reader::Reader,
    shape::{LINT, LINT_FILES},
};

/// The object `lint` of a project's file.
#[derive(Clone, Debug, Default)]
pub struct Lint {
    /// Where it stands.
    pub span: Span,
    /// What holds for all files.
    pub change: Change,
    /// Patterns of files that are not reported.
    pub exclude: Vec<String>,
    /// The file of findings that are known.
    pub baseline: Option<String>,
    /// What differs for some files.
    pub files: Vec<Files>,
}

/// What differs for some files.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Patterns of their paths.
    pub paths: Vec<String>,
    /// What differs.
    pub change: Change,
}

/// Rules and what is said of them.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Only these.
    pub select: Option<Vec<Word>>,
    /// These as well.
    pub extend: Vec<Word>,
    /// Not these.
    pub ignore: Vec<Word>,
    /// How grave their findings are.
    pub severity: Vec<(Word, Severity)>,
    /// Whose limits hold.
    pub target: Option<Target>,
    /// What their findings depend on.
    pub options: Vec<(Word, Vec<(Word, Node)>)>,
}

/// A word that names rules or an option.
#[derive(Clone, Debug)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// Where flows are to run, which decides how much they may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Here.
    #[default]
    Flowright,
    /// In Power Automate.
    PowerAutomate,
    /// In Logic Apps.
    LogicApps,
}

impl Target {
    /// Every target by its name in configuration.
    pub const NAMES: &[(&str, Self)] = &[
        ("flowright", Self::Flowright),
        ("power-automate", Self::PowerAutomate),
        ("logic-apps", Self::LogicApps),
    ];
}

const SEVERITIES: &[(&str, Severity)] =
    &[("info", Severity::Info), ("warning", Severity::Warning), ("error", Severity::Error)];

/// Reads the object.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> Lint {
    let mut fields = Fields::new(reader, node, "`lint`").of(&LINT);
    let select = fields.given("select").map(|it| words(reader, it, "`select`"));
    let change = Change { select, ..change(reader, &mut fields) };
    let exclude = fields.given("exclude").map(|it| texts(reader, it, "`exclude`"));
    let baseline = fields.text(reader, "baseline");
    let files = fields.given("files");
    let files = files.map_or(&[][..], |it| reader.list(it, "`files`"));
    let files = files.iter().map(|it| read_files(reader, it)).collect();
    fields.finish(reader);
    Lint { span: node.span, change, exclude: exclude.unwrap_or_default(), baseline, files }
}

fn read_files(reader: &mut Reader, node: &Node) -> Files {
    let mut fields = Fields::new(reader, node, "an item of `files`").of(&LINT_FILES);
    let paths = fields.required(reader, "paths").map(|it| texts(reader, it, "`paths`"));
    let change = change(reader, &mut fields);
    fields.finish(reader);
    Files { paths: paths.unwrap_or_default(), change }
}

fn change(reader: &mut Reader, fields: &mut Fields<'_>) -> Change {
    let extend = fields.given("extend").map(|it| words(reader, it, "`extend`"));
    let ignore = fields.given("ignore").map(|it| words(reader, it, "`ignore`"));
    let target = fields.given("target");
    let target = target.and_then(|it| reader.choice(it, "`target`", Target::NAMES));
    let mut severity = Vec::new();
    if let Some(node) = fields.given("severity") {
        for entry in reader.mapping(node, "`severity`") {
            let grade = reader.choice(&entry.value, "a severity", SEVERITIES);
            severity.extend(grade.map(|it| (word(&entry.key), it)));
        }
    }
    let mut options = Vec::new();
    if let Some(node) = fields.given("options") {
        for entry in reader.mapping(node, "`options`") {
            let what = format!("the options of `{}`", entry.key.text);
            let all = reader.mapping(&entry.value, &what).iter();
            let all = all.map(|it| (word(&it.key), it.value.clone())).collect();
            options.push((word(&entry.key), all));
        }
    }
    let (extend, ignore) = (extend.unwrap_or_default(), ignore.unwrap_or_default());
    Change { select: None, extend, ignore, severity, target, options }
}

fn word(key: &Key) -> Word {
    Word { text: key.text.clone(), span: key.span }
}

fn texts(reader: &mut Reader, node: &Node, what: &str) -> Vec<String> {
    words(reader, node, what).into_iter().map(|it| it.text).collect()
}

/// A list of texts, or one alone.
fn words(reader: &mut Reader, node: &Node, what: &str) -> Vec<Word> {
    let items = match &node.kind {
        Kind::Str(_) => std::slice::from_ref(node),
        Kind::Null
        | Kind::Bool(_)
        | Kind::Int(_)
        | Kind::Float(_)
        | Kind::Seq(_)
        | Kind::Map(_) => reader.list(node, what),
    };
    let item = format!("an item of {what}");
    let words = items.iter().filter_map(|it| {
        let text = reader.text(it, &item)?;
        Some(Word { text, span: it.span })
    });
    words.collect()
}
