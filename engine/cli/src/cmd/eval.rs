//! `flowright eval`: what an expression gives, and why.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    ops::Range,
    path::Path,
};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use anyhow::Context as _;
use cli::{
    batch::{self, Setting, to_json},
    document::{Document, MEMBERS},
    input,
};
use expr::{
    Dialect, EvalError, Explained, Notation, Outcome as Became, SyntaxError, Template, What,
    functions,
};
use serde_json::{Value, json};
use worker::{Clock as _, SystemClock};

use crate::{
    Outcome,
    args::EvalArgs,
    print::{self, Tone, line, note, safe, tone},
    tree::short,
};

/// Bytes of a context file.
const CONTEXT_BYTES_MAX: usize = 16 << 20;
/// Characters of a part in an explanation.
const PART_CHARS_MAX: usize = 60;

pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<Outcome> {
    let clock = SystemClock::default();
    let seed = RandomState::new().build_hasher().finish();
    let Some(expression) = args.expression.as_deref() else {
        return run_batch(&Setting { now: &|| clock.now(), seed });
    };
    let context = match &args.context {
        Some(file) => read_context(file)?,
        None => Value::Null,
    };
    warn_of_unknown(&context);
    let document = Document::new(context, clock.now(), seed).map_err(anyhow::Error::msg)?;
    let (template, faults) = read(expression);
    if !faults.is_empty() {
        for fault in &faults {
            report(args.json, expression, &Trouble::of_syntax(fault));
        }
        return Ok(Outcome::Bad);
    }
    let became = if args.explain {
        let explained = expr::explain(&template, &document);
        if args.json {
            line(to_value(&explained).to_string());
        } else {
            print_tree(&explained, 0);
        }
        explained.outcome
    } else {
        expr::exact(&template, &document).map_or_else(Became::Error, Became::Value)
    };
    match became {
        Became::Value(_) if args.explain => Ok(Outcome::Good),
        Became::Value(value) => {
            match value.json() {
                Some(Value::String(text)) if !args.json => line(text),
                _ => line(to_json(&value)),
            }
            Ok(Outcome::Good)
        }
        Became::Error(error) => {
            if !(args.explain && args.json) {
                report(args.json, expression, &Trouble::of_eval(&error, &template));
            }
            Ok(Outcome::Bad)
        }
        Became::Unevaluated => Ok(Outcome::Bad),
    }
}

fn run_batch(setting: &Setting<'_>) -> anyhow::Result<Outcome> {
    match batch::run(std::io::stdin().lock(), std::io::stdout().lock(), setting) {
        Ok(counts) if counts.broken == 0 => Ok(Outcome::Good),
        Ok(counts) => {
            note(format!("{} of the lines could not be read", counts.broken));
            Ok(Outcome::Bad)
        }
        // Whoever read had enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Outcome::Good),
        Err(error) => Err(error).context("the batch could not go on"),
    }
}

/// Reads a string of a flow; a text that is a call is meant as one.
fn read(text: &str) -> (Template, Vec<SyntaxError>) {
    let (template, faults) = Template::parse(text, Dialect::Flowright);
    if template.notation() != Notation::Literal {
        return (template, faults);
    }
    let word: String = text.trim_start().chars().take_while(|it| it.is_alphanumeric()).collect();
    let rest = text.trim_start().strip_prefix(&word).unwrap_or_default();
    if word.is_empty() || !rest.trim_start().starts_with('(') {
        return (template, faults);
    }
    let (call, broken) = Template::parse_expression(text);
    // Of prose with parentheses nothing more is asked; of a known function, that it is written well.
    if broken.is_empty() || functions::find(&word).is_some() {
        return (call, broken);
    }
    (template, faults)
}

/// What went wrong, whether the text is at fault or the data.
struct Trouble {
    code: String,
    message: String,
    range: Option<Range<usize>>,
    hint: Option<String>,
}

impl Trouble {
    fn of_syntax(fault: &SyntaxError) -> Self {
        Self {
            code: fault.code.slug.to_owned(),
            message: fault.message.clone(),
            range: Some(fault.range.clone()),
            hint: fault.hint.clone(),
        }
    }

    fn of_eval(error: &EvalError, template: &Template) -> Self {
        Self {
            code: error.code.clone(),
            message: error.message.clone(),
            range: error.range.clone(),
            hint: hint(error, template),
        }
    }
}

/// What to do about a failed evaluation, if its place tells.
fn hint(error: &EvalError, template: &Template) -> Option<String> {
    if error.message.contains("doesn't exist, available properties") {
        return Some("`?['…']` gives null where there is no such property".to_owned());
    }
    if error.message.contains("on values of type 'Null'") {
        return Some("`?['…']` of null gives null".to_owned());
    }
    let range = error.range.as_ref()?;
    let name = template.uses().into_iter().find_map(|found| match found.what {
        What::Function { name, .. } if found.range == *range => Some(name),
        _ => None,
    })?;
    let Some(function) = functions::find(&name) else {
        let near = base::suggest::closest(&name, functions::TABLE.iter().map(|it| it.name));
        return near.map(|near| format!("did you mean `{near}`?"));
    };
    let params = function.params.iter().map(|param| match param.kind {
        functions::Kind::Required => param.name.to_owned(),
        functions::Kind::Optional => format!("{}?", param.name),
        functions::Kind::Rest => format!("{}…", param.name),
    });
    let params = params.collect::<Vec<_>>().join(", ");
    Some(format!("`{}({params})`: {}", function.name, function.summary.trim_end_matches('.')))
}

fn report(as_json: bool, text: &str, trouble: &Trouble) {
    if as_json {
        let range = trouble.range.as_ref().map(|it| json!([it.start, it.end]));
        let error = json!({
            "code": trouble.code, "message": trouble.message, "range": range, "hint": trouble.hint,
        });
        return line(json!({ "error": error }));
    }
    let range = trouble.range.clone().unwrap_or(0..text.len());
    let start = floor(text, range.start);
    let place = start..floor(text, range.end).max(start);
    let snippet =
        Snippet::source(text).path("expression").annotation(AnnotationKind::Primary.span(place));
    let title = Level::ERROR.primary_title(safe(&trouble.message)).id(trouble.code.as_str());
    let group = title.element(snippet);
    let group = match &trouble.hint {
        Some(hint) => group.element(Level::HELP.message(safe(hint))),
        None => group,
    };
    let renderer = if print::colored() { Renderer::styled() } else { Renderer::plain() };
    note(renderer.render(&[group]));
}

/// The nearest place at or before an offset where a character begins.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn print_tree(part: &Explained, depth: usize) {
    let words = part.source.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut source: String = words.chars().take(PART_CHARS_MAX).collect();
    if source.len() < words.len() {
        source.push('…');
    }
    let shown = match &part.outcome {
        // As JSON: `5` and `"5"` differ.
        Became::Value(value) => tone(Tone::Accent, short(&to_json(value).into())),
        // A failure is told once, where it happened.
        Became::Error(error) if part.children.iter().any(|it| fails_by(it, error)) => {
            tone(Tone::Bad, "fails")
        }
        Became::Error(error) => tone(Tone::Bad, format!("error: {}", safe(&error.message))),
        Became::Unevaluated => tone(Tone::Faint, "not evaluated"),
    };
    let equals = tone(Tone::Faint, "=");
    line(format!("{}{} {equals} {shown}", "  ".repeat(depth), safe(&source)));
    for child in &part.children {
        print_tree(child, depth + 1);
    }
}

fn fails_by(part: &Explained, cause: &EvalError) -> bool {
    matches!(&part.outcome, Became::Error(error) if error.message == cause.message)
}

fn to_value(part: &Explained) -> Value {
    let mut value = json!({ "range": [part.range.start, part.range.end], "source": part.source });
    match &part.outcome {
        Became::Value(it) => value["value"] = it.clone().into_value(),
        Became::Error(it) => value["error"] = json!({ "code": it.code, "message": it.message }),
        Became::Unevaluated => value["unevaluated"] = Value::Bool(true),
    }
    value["children"] = part.children.iter().map(to_value).collect();
    value
}

/// A file with JSON or YAML; `-` is standard input.
fn read_context(file: &Path) -> anyhow::Result<Value> {
    let text = input::text(file, CONTEXT_BYTES_MAX)?;
    if let Ok(value) = serde_json::from_str(&text) {
        return Ok(value);
    }
    serde_yaml::from_str(&text)
        .with_context(|| format!("`{}` is neither JSON nor YAML", file.display()))
}

/// A misspelled member would otherwise be a context that is silently empty.
fn warn_of_unknown(context: &Value) {
    for name in context.as_object().into_iter().flat_map(|it| it.keys()) {
        if MEMBERS.contains(&name.as_str()) {
            continue;
        }
        let near = base::suggest::closest(name, MEMBERS);
        let near = crate::choice::meant(near);
        let text = format!("the context has a member `{}` that nothing reads{near}", safe(name));
        note(format!("{}: {text}", tone(Tone::Warn, "warning")));
    }
}
