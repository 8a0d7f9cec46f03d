//! A run as spans, in the JSON of the OpenTelemetry protocol.

use base::{RunId, Status, Timestamp, digest::sha256_hex, http::TRACEPARENT};
use flow::{ActionKind, actions::api_connection::Target};
use interp::{Plan, Run};
use journal::Path;
use serde_json::{Map, Value, json};

use crate::{admit::Origin, metrics::connection};

/// Spans of one run; those of further actions are left out, and the run says how many.
const SPANS_MAX: usize = 1_000;

/// The trace that a run belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    run: RunId,
    trace: String,
    /// The span of whoever has caused the run.
    parent: Option<String>,
    /// Whether whoever has caused it wants to see it.
    pub is_sampled: bool,
}

impl Context {
    /// The trace of whoever sent the event, if it says so; otherwise one of its own.
    pub(crate) fn of(run: &RunId, trigger_outputs: &Value) -> Self {
        let headers = trigger_outputs.get("headers").and_then(Value::as_object);
        let mut headers = headers.into_iter().flatten();
        let given = headers.find(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT));
        let given = given.and_then(|(_, value)| parse(value.as_str()?));
        let (trace, parent, is_sampled) = match given {
            Some((trace, parent, is_sampled)) => (trace, Some(parent), is_sampled),
            None => (id(&format!("trace {run}"), 32), None, true),
        };
        Self { run: run.clone(), trace, parent, is_sampled }
    }

    pub(super) fn into_trace(self) -> String {
        self.trace
    }

    /// What a service is told whom an action asks.
    pub(crate) fn traceparent(&self, path: &Path) -> String {
        let flags = u8::from(self.is_sampled);
        format!("00-{}-{}-{flags:02}", self.trace, self.span(path))
    }

    /// The id of an action's span, or of the run's.
    fn span(&self, path: &Path) -> String {
        id(&format!("{}:{path}", self.run), 16)
    }
}

/// So many digits of a digest.
fn id(of: &str, digits: usize) -> String {
    let mut id = sha256_hex(of.as_bytes());
    id.truncate(digits);
    id
}

/// Trace, span and whether it is sampled, of a header as version 00 of Trace Context has it; later
/// versions may have more behind it.
fn parse(header: &str) -> Option<(String, String, bool)> {
    let mut parts = header.trim().split('-');
    let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let flags = parts.next()?;
    let is_id = |text: &str, digits: usize| {
        let is_digit = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
        text.len() == digits && text.bytes().all(is_digit) && text.bytes().any(|it| it != b'0')
    };
    let is_known = version == "00" && parts.next().is_none();
    let is_later = version != "00" && version != "ff" && version.len() == 2;
    let flags = u8::from_str_radix(flags, 16).ok().filter(|_| flags.len() == 2)?;
    let is_good = (is_known || is_later) && is_id(trace, 32) && is_id(span, 16);
    is_good.then(|| (trace.to_owned(), span.to_owned(), flags & 1 == 1))
}

/// The spans of a run that has ended, its own first.
pub(super) fn of_run(context: &Context, origin: &Origin, plan: &Plan, run: &Run) -> Vec<Value> {
    let (Some(began), Some(end)) = (run.began(), run.end()) else { return Vec::new() };
    let mut spans = Vec::new();
    let mut left_out = 0_usize;
    for (id, action) in plan.flow.actions.iter().enumerate() {
        for (passes, record) in run.records(id) {
            if record.status == Status::Skipped {
                continue;
            }
            if SPANS_MAX <= spans.len() {
                left_out += 1;
                continue;
            }
            let path = plan.path(id, passes);
            let asks = !record.attempts.is_empty();
            let mut attributes = vec![
                ("flowright.flow", origin.flow.clone().into()),
                ("flowright.run", origin.run.as_str().into()),
                ("flowright.action", action.display.clone().into()),
                ("flowright.path", path.as_str().into()),
                ("flowright.kind", action.kind.key().into()),
                ("flowright.status", record.status.name().into()),
                ("flowright.code", record.code.as_ref().into()),
            ];
            if let ActionKind::ApiConnection(call) = &action.kind {
                attributes.push(("flowright.connection", connection(&action.kind).into()));
                if let Target::Operation(operation) = &call.target {
                    attributes.push(("flowright.operation", operation.clone().into()));
                }
            }
            if asks {
                attributes.push(("flowright.attempts", record.attempts.len().into()));
            }
            let what = Span {
                id: context.span(&path),
                parent: Some(context.span(&Path::run())),
                name: &action.display,
                kind: if asks { CLIENT } else { INTERNAL },
                time: (record.start, record.end),
                code: is_bad(record.status).then_some(record.code.as_ref()),
            };
            spans.push(what.to_json(&context.trace, attributes));
        }
    }
    let code = end.error.as_ref().and_then(|it| it.get("code")).and_then(Value::as_str);
    let mut attributes = vec![
        ("flowright.flow", origin.flow.clone().into()),
        ("flowright.version", origin.sha.clone().into()),
        ("flowright.run", origin.run.as_str().into()),
        ("flowright.trigger", run.trigger().into()),
        ("flowright.status", end.status.name().into()),
    ];
    if let Some(code) = code {
        attributes.push(("flowright.code", code.into()));
    }
    if 0 < left_out {
        attributes.push(("flowright.spans_left_out", left_out.into()));
    }
    let what = Span {
        id: context.span(&Path::run()),
        parent: context.parent.clone(),
        name: &origin.flow,
        kind: SERVER,
        time: (began, end.at),
        code: is_bad(end.status).then(|| code.unwrap_or_else(|| end.status.name())),
    };
    spans.insert(0, what.to_json(&context.trace, attributes));
    spans
}

const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;

const fn is_bad(status: Status) -> bool {
    match status {
        Status::Failed | Status::TimedOut => true,
        Status::Succeeded | Status::Skipped | Status::Cancelled => false,
    }
}

struct Span<'a> {
    id: String,
    parent: Option<String>,
    name: &'a str,
    kind: u8,
    time: (Timestamp, Timestamp),
    /// Code of the trouble it ended in.
    code: Option<&'a str>,
}

impl Span<'_> {
    fn to_json(&self, trace: &str, with: Vec<(&str, Value)>) -> Value {
        // A tick is 100 nanoseconds; numbers of 64 bits are text in this JSON.
        let nanoseconds = |at: Timestamp| (i128::from(at.ticks()) * 100).to_string();
        let mut span = json!({
            "traceId": trace,
            "spanId": self.id,
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": nanoseconds(self.time.0),
            "endTimeUnixNano": nanoseconds(self.time.1.max(self.time.0)),
            "attributes": attributes(with),
            "status": self.code.map_or(json!({ "code": 1 }), |it| json!({ "code": 2, "message": it })),
        });
        if let Some(parent) = &self.parent {
            span["parentSpanId"] = parent.clone().into();
        }
        span
    }
}

fn attributes<'a>(all: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let one = |(key, value): (&str, Value)| {
        let mut typed = Map::new();
        match value {
            Value::Number(number) => typed.insert("intValue".to_owned(), number.to_string().into()),
            other => typed.insert("stringValue".to_owned(), other),
        };
        json!({ "key": key, "value": typed })
    };
    all.into_iter().map(one).collect()
}

/// `ExportTraceServiceRequest`.
pub(super) fn request(resource: &[(String, String)], spans: &[Value]) -> Value {
    let about = resource.iter().map(|(key, value)| (key.as_str(), Value::from(value.as_str())));
    let scope = json!({ "name": "flowright", "version": env!("CARGO_PKG_VERSION") });
    json!({ "resourceSpans": [{
        "resource": { "attributes": attributes(about) },
        "scopeSpans": [{ "scope": scope, "spans": spans }],
    }] })
}

#[cfg(test)]
mod tests {
    use base::RunId;
    use journal::Path;
    use serde_json::json;

    use super::Context;

    #[test]
    fn a_run_continues_the_trace_of_its_event() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let check = |header: &str, expected: Option<bool>| {
            let outputs = json!({ "headers": { "TraceParent": header } });
            let context = Context::of(&RunId::new("r"), &outputs);
            let continued = (context.trace == trace).then_some(context.is_sampled);
            assert_eq!(continued, expected, "{header}");
            assert_eq!(context.parent.is_some(), expected.is_some(), "{header}");
        };
        let span = "b7ad6b7169203331";
        check(&format!("00-{trace}-{span}-01"), Some(true));
        check(&format!("00-{trace}-{span}-00"), Some(false));
        check(&format!("cc-{trace}-{span}-01-what-comes"), Some(true));
        check(&format!("00-{trace}-{span}-01-more"), None);
        check(&format!("ff-{trace}-{span}-01"), None);
        check(&format!("00-{trace}-0000000000000000-01"), None);
        check(&format!("00-{}-{span}-01", trace.to_uppercase()), None);
        check(&format!("00-{trace}-{span}-1"), None);
        check("", None);
    }

    #[test]
    fn ids_follow_from_run_and_path() {
        let context = Context::of(&RunId::new("r"), &json!({}));
        let path = Path::new([("Loop", 3)], "Ask");
        let header = context.traceparent(&path);
        assert_eq!(header, Context::of(&RunId::new("r"), &json!({})).traceparent(&path));
        assert_ne!(header, Context::of(&RunId::new("s"), &json!({})).traceparent(&path));
        assert_ne!(header, context.traceparent(&Path::new([("Loop", 4)], "Ask")));
        assert_eq!(header.len(), 55);
        assert!(header.starts_with("00-") && header.ends_with("-01"), "{header}");
    }
}
