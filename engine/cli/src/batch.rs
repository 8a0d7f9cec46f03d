//! Evaluates line by line: a JSON object a line in, a JSON object a line out.

use std::{
    io::{BufRead as _, BufReader, BufWriter, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

use base::{Timestamp, limits};
use expr::{Dialect, EvalError, Operand, SyntaxError, Template, Tree};
use serde_json::{Map, Value, json};

use crate::document::Document;

/// Bytes of one line; the context of a large run is a few.
const LINE_BYTES_MAX: usize = limits::RESPONSE_BYTES_MAX;

/// What a batch knows that its lines do not say.
pub struct Setting<'a> {
    /// What time it is, for lines whose context has no `now`.
    pub now: &'a dyn Fn() -> Timestamp,
    /// What random numbers are drawn from.
    pub seed: u64,
}

/// What became of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that gave a value.
    pub values: usize,
    /// Lines whose evaluation failed.
    pub failures: usize,
    /// Lines that could not be read.
    pub broken: usize,
}

/// Answers every line, in order, as soon as it has come; stops only when a stream fails.
///
/// A line is `{id, expression | template, context}`: an expression has no leading `@`, a template is
/// a whole string or an object or a list with strings in it, in Power Automate's notation unless
/// `dialect` is `flowright`. Empty lines are passed over.
pub fn run(input: impl Read, output: impl Write, setting: &Setting<'_>) -> std::io::Result<Counts> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut output = BufWriter::with_capacity(1 << 16, output);
    let (mut line, mut counts) = (Vec::new(), Counts::default());
    for number in 1_u64.. {
        line.clear();
        let whole = match read_line(&mut input, &mut line)? {
            Line::End => break,
            Line::Whole => true,
            Line::TooLong => false,
        };
        if whole && line.trim_ascii().is_empty() {
            continue;
        }
        let asked = if whole { read(&line) } else { Err(too_long()) };
        let answer = match asked {
            Ok(asked) => answer(asked, number, setting, &mut counts),
            Err(fault) => broken(None, number, &fault, &mut counts),
        };
        output.write_all(answer.as_bytes())?;
        output.write_all(b"\n")?;
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(counts)
}

enum Line {
    /// There is none.
    End,
    Whole,
    TooLong,
}

/// Reads up to the end of the line; what is too long is passed over.
fn read_line(input: &mut BufReader<impl Read>, line: &mut Vec<u8>) -> std::io::Result<Line> {
    let (mut any, mut whole) = (false, true);
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let piece = end.map_or(buffer, |end| buffer.get(..end).unwrap_or_default());
        whole &= line.len() + piece.len() <= LINE_BYTES_MAX;
        if whole {
            line.extend_from_slice(piece);
        }
        let taken = end.map_or(buffer.len(), |end| end + 1);
        input.consume(taken);
        if end.is_some() {
            break;
        }
    }
    Ok(match (any, whole) {
        (false, _) => Line::End,
        (true, true) => Line::Whole,
        (true, false) => Line::TooLong,
    })
}

fn too_long() -> String {
    format!("a line has at most {LINE_BYTES_MAX} bytes")
}

fn read(line: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(asked)) => Ok(asked),
        Ok(other) => Err(format!("a line is a JSON object, not {}", base::value::kind(&other))),
        Err(error) => Err(format!("the line is not JSON: {error}")),
    }
}

fn answer(
    mut asked: Map<String, Value>,
    number: u64,
    setting: &Setting<'_>,
    counts: &mut Counts,
) -> String {
    let id = asked.remove("id");
    let seed = setting.seed.wrapping_add(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let context = asked.remove("context").unwrap_or_default();
    let prepared = Subject::read(&asked).and_then(|subject| {
        Document::new(context, (setting.now)(), seed).map(|document| (subject, document))
    });
    let (subject, document) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => return broken(id, number, &fault, counts),
    };
    // One line must not take the others with it, whatever is found wrong with the evaluator.
    let value = catch_unwind(AssertUnwindSafe(|| subject.eval(&document))).unwrap_or_else(|_| {
        let code = "InternalServerError".to_owned();
        Err(EvalError { code, ..EvalError::template("the evaluator stopped; this is a bug") })
    });
    let key = match &id {
        Some(id) => format!("\"id\":{id}"),
        None => format!("\"line\":{number}"),
    };
    match value {
        Ok(value) => {
            counts.values += 1;
            format!("{{{key},\"value\":{}}}", to_json(&value))
        }
        Err(error) => {
            counts.failures += 1;
            let error = json!({ "code": error.code, "message": error.message });
            format!("{{{key},\"error\":{error}}}")
        }
    }
}

fn broken(id: Option<Value>, number: u64, fault: &str, counts: &mut Counts) -> String {
    counts.broken += 1;
    let mut answer = Map::new();
    answer.extend(id.map(|id| ("id".to_owned(), id)));
    answer.insert("line".into(), number.into());
    answer.insert("error".into(), json!({ "code": "InvalidLine", "message": fault }));
    Value::Object(answer).to_string()
}

/// What a line asks for.
enum Subject {
    String(Template),
    /// It fails when it is evaluated, and says why.
    Broken(Template),
    Tree(Tree),
}

impl Subject {
    fn of((template, faults): (Template, Vec<SyntaxError>)) -> Self {
        if faults.is_empty() { Self::String(template) } else { Self::Broken(template) }
    }

    fn read(asked: &Map<String, Value>) -> Result<Self, String> {
        let dialect = match asked.get("dialect").map(Value::as_str) {
            None | Some(Some("wdl")) => Dialect::Wdl,
            Some(Some("flowright")) => Dialect::Flowright,
            Some(_) => return Err("`dialect` is `wdl` or `flowright`".to_owned()),
        };
        match (asked.get("expression"), asked.get("template")) {
            (Some(Value::String(text)), None) => Ok(Self::of(Template::parse_expression(text))),
            (Some(_), None) => Err("`expression` is a text".to_owned()),
            (None, Some(Value::String(text))) => Ok(Self::of(Template::parse(text, dialect))),
            (None, Some(value)) => Ok(Self::Tree(Tree::from_value(value, dialect).0)),
            (Some(_), Some(_)) => Err("a line has `expression` or `template`, not both".to_owned()),
            (None, None) => Err("a line has `expression` or `template`".to_owned()),
        }
    }

    fn eval(&self, document: &Document) -> Result<Operand<'static>, EvalError> {
        match self {
            Self::String(template) => expr::exact(template, document),
            Self::Broken(template) => template.eval(document).map(Into::into),
            Self::Tree(tree) => tree.eval(document).map(Into::into),
        }
    }
}

/// A value as JSON; a decimal keeps all its digits, what is no number at all is a text.
pub fn to_json(value: &Operand<'_>) -> String {
    match value {
        Operand::Json(value) => value.to_string(),
        Operand::Decimal(decimal) => {
            let (digits, short) = (decimal.to_string(), value.clone().into_value().to_string());
            // `5` is written `5.0`, as by the cloud; that loses nothing.
            if short.strip_suffix(".0") == Some(&digits) { short } else { digits }
        }
        Operand::Exact(_) => value.to_text().into_owned(),
        Operand::NonFinite(_) => value.clone().into_value().to_string(),
    }
}
