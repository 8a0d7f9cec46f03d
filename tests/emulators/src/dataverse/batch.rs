//! `$batch`: several requests in one body, those in a change set all or none.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Refusal, Service, State, bad_request};
use crate::http::{Answer, Request, decode};

const PARTS_MAX: usize = 1_000;

impl Service {
    pub(super) fn batch(&self, state: &mut State, request: &Request) -> Result<Answer, Refusal> {
        if request.method != "POST" {
            return Err(super::route::not_allowed());
        }
        let boundary = boundary(request.header("content-type").unwrap_or_default())?;
        let parts = parts(&String::from_utf8_lossy(&request.body), &boundary)?;
        let go_on = request.prefers("odata.continue-on-error");
        let own = format!("batchresponse_{}", Uuid::new_v4());
        let (mut out, mut failed) = (String::new(), false);
        for part in parts {
            let (text, good) = if let Some(inner) = boundary_of(&part) {
                self.change_set(state, &part, &inner)?
            } else {
                let answer = self.perform(state, request, &part, &BTreeMap::new());
                (shown(&answer, None), answer.status < 400)
            };
            out.extend(["--", &own, "\r\n", &text]);
            failed |= !good;
            if failed && !go_on {
                break;
            }
        }
        out.extend(["--", &own, "--\r\n"]);
        let status = if failed && !go_on { 400 } else { 200 };
        let kind = format!("multipart/mixed; boundary={own}");
        Ok(Answer { status, ..Answer::bytes(&kind, out.into_bytes()) })
    }

    /// Performs a change set; one refusal undoes it and is its only answer.
    fn change_set(
        &self,
        state: &mut State,
        set: &Part,
        inner: &str,
    ) -> Result<(String, bool), Refusal> {
        let before = state.clone();
        let own = format!("changesetresponse_{}", Uuid::new_v4());
        let head = format!("Content-Type: multipart/mixed; boundary={own}\r\n\r\n");
        let (mut out, mut made) = (head, BTreeMap::new());
        for part in parts(&set.body, inner)? {
            let id = part.headers.get("content-id").cloned();
            let answer = if part.body.trim_start().to_ascii_uppercase().starts_with("GET ") {
                refused(&bad_request("a change set cannot read"))
            } else {
                self.perform(state, &Request::default(), &part, &made)
            };
            if answer.status >= 400 {
                *state = before;
                return Ok((shown(&answer, id.as_deref()), false));
            }
            let address = answer.headers.iter().find(|(name, _)| name == "odata-entityid");
            if let (Some(id), Some((_, address))) = (&id, address) {
                made.insert(format!("${id}"), address.clone());
            }
            out.extend(["--", &own, "\r\n", &shown(&answer, id.as_deref())]);
        }
        out.extend(["--", &own, "--\r\n"]);
        Ok((out, true))
    }

    /// One request of the batch; `made` are the addresses that earlier ones are called by.
    fn perform(
        &self,
        state: &mut State,
        outer: &Request,
        part: &Part,
        made: &BTreeMap<String, String>,
    ) -> Answer {
        match read(part, outer, made) {
            Err(refusal) => refused(&refusal),
            Ok(request) => self.answered(state, &request),
        }
    }
}

/// A part of a multipart body: its headers, in lower case, and what follows them.
struct Part {
    headers: BTreeMap<String, String>,
    body: String,
}

fn boundary(content_type: &str) -> Result<String, Refusal> {
    let wrong = || bad_request("the body must be `multipart/mixed` with a boundary");
    let mut fields = content_type.split(';').map(str::trim);
    if !fields.next().is_some_and(|it| it.eq_ignore_ascii_case("multipart/mixed")) {
        return Err(wrong());
    }
    let found = fields.find_map(|it| {
        let (name, value) = it.split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"').to_owned())
    });
    found.filter(|it| !it.is_empty()).ok_or_else(wrong)
}

/// The boundary of a part that is a change set.
fn boundary_of(part: &Part) -> Option<String> {
    boundary(part.headers.get("content-type")?).ok()
}

fn parts(body: &str, boundary: &str) -> Result<Vec<Part>, Refusal> {
    let body = body.replace("\r\n", "\n");
    let mark = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut pieces = body.split(mark.as_str()).skip(1);
    for piece in pieces.by_ref() {
        if piece.starts_with("--") {
            if parts.is_empty() {
                return Err(bad_request("the batch is empty"));
            }
            return Ok(parts);
        }
        let piece = piece.strip_prefix('\n').unwrap_or(piece);
        let (head, body) = piece.split_once("\n\n").unwrap_or((piece, ""));
        parts.push(Part { headers: headers(head), body: body.to_owned() });
        if parts.len() > PARTS_MAX {
            return Err(Refusal::new(400, "0x80072325", "a batch has at most a thousand requests"));
        }
    }
    Err(bad_request("the batch is not closed"))
}

fn headers(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned())).collect()
}

/// The request inside a part: `POST /api/data/v9.2/accounts HTTP/1.1`, headers, body.
fn read(part: &Part, outer: &Request, made: &BTreeMap<String, String>) -> Result<Request, Refusal> {
    let text = part.body.trim_start();
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let (first, rest) = head.split_once('\n').unwrap_or((head, ""));
    let mut words = first.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(bad_request("a part of the batch holds no request"));
    };
    let target = replaced(target.trim_start_matches('/'), made);
    let at = target.find("api/data/").and_then(|at| target.get(at..));
    let target = match at {
        Some(path) => format!("/{path}"),
        None => format!("/api/data/v9.2/{target}"),
    };
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut headers = headers(rest);
    if let Some(prefer) = outer.header("prefer").filter(|_| !headers.contains_key("prefer")) {
        headers.insert("prefer".to_owned(), prefer.to_owned());
    }
    Ok(Request {
        method: method.to_ascii_uppercase(),
        path: decode(path),
        query: query.to_owned(),
        headers,
        body: replaced_in_body(body.trim(), made).into_bytes(),
        target: target.clone(),
    })
}

/// An address that begins with `$1` as the one the first request has made.
fn replaced(target: &str, made: &BTreeMap<String, String>) -> String {
    let end = target.find(['/', '?', '(']).unwrap_or(target.len());
    let (name, rest) = target.split_at(end);
    match made.get(name) {
        Some(address) => format!("{address}{rest}"),
        None => target.to_owned(),
    }
}

fn replaced_in_body(body: &str, made: &BTreeMap<String, String>) -> String {
    let mut body = body.to_owned();
    for (name, address) in made {
        for quoted in [format!("\"{name}\""), format!("\"/{name}\"")] {
            body = body.replace(&quoted, &format!("\"{address}\""));
        }
    }
    body
}

fn refused(refusal: &Refusal) -> Answer {
    refusal.answer(false)
}

/// An answer as a part of the batch's own.
fn shown(answer: &Answer, content_id: Option<&str>) -> String {
    let mut text =
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n".to_owned();
    if let Some(id) = content_id {
        text.extend(["Content-ID: ", id, "\r\n"]);
    }
    let status = reqwest::StatusCode::from_u16(answer.status).ok();
    let reason = status.and_then(|it| it.canonical_reason()).unwrap_or("Unknown");
    text.extend(["\r\nHTTP/1.1 ", &answer.status.to_string(), " ", reason, "\r\n"]);
    for (name, value) in &answer.headers {
        text.extend([name.as_str(), ": ", value, "\r\n"]);
    }
    text.push_str("\r\n");
    text.push_str(&String::from_utf8_lossy(&answer.body));
    text.push_str("\r\n");
    text
}
