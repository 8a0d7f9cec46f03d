//! Answers that go on in further ones: how the next page is asked for, and all pages as one.

use base::{ErrorClass, Failure, HttpResponse, Outcome};
use serde_json::{Map, Value, json};
use url::Url;

use crate::{
    connection::Connection,
    encode::invalid,
    inputs::Inputs,
    model::{NextPage, Operation, Paginate},
    request::{Call, base_url},
    response,
    scope::{Answer, Scope},
};

/// Bytes of all pages of one call: a flow holds them as one value (the cloud: 100 MB).
const ALL_BYTES_MAX: usize = 100 << 20;

/// The pages of one call, one after the other.
#[derive(Debug)]
pub struct Pages<'a> {
    connection: &'a Connection,
    operation: &'a Operation,
    items_min: usize,
    items: Vec<Value>,
    count: usize,
    bytes: usize,
    /// How the page at hand was asked for, if it is not the first.
    asked: Option<Next>,
}

/// How the next page is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// At this address.
    Link(String),
    /// By the same operation with these inputs.
    Inputs(Value),
}

impl<'a> Pages<'a> {
    /// No page yet; so many items are wanted.
    pub const fn new(
        connection: &'a Connection,
        operation: &'a Operation,
        items_min: usize,
    ) -> Self {
        Self {
            connection,
            operation,
            items_min,
            items: Vec::new(),
            count: 0,
            bytes: 0,
            asked: None,
        }
    }

    /// Takes the items of the page that was found at an address. `call` is the call as the flow made
    /// it, whatever page this is. Says how the next page is asked for while there are fewer items
    /// than wanted; pages are kept whole, so that there may be more in the end.
    pub fn add(
        &mut self,
        call: &Call<'_>,
        address: &str,
        response: &HttpResponse,
    ) -> Result<Option<Next>, Failure> {
        let operation = self.operation;
        let Some(paginate) = &operation.paginate else { return Ok(None) };
        let answer = Answer::new(response);
        let inputs = Inputs::sort(operation, call.inputs)?;
        let scope = Scope {
            answer: Some(&answer),
            inputs: Some(&inputs.values),
            ..Scope::of_call(self.connection, call)
        };
        let mut found = 0;
        if let Value::Array(items) = scope.eval(&paginate.items)? {
            found = items.len();
            self.items.extend(items);
        }
        self.count += 1;
        self.bytes += response.body.len();
        if self.items_min <= self.items.len() {
            return Ok(None);
        }
        let next = self.next(paginate, (call, &inputs, &scope), (address, found))?;
        if next.is_some() {
            self.check_size(paginate)?;
            if next == self.asked {
                let message = "the service names the same page again and again";
                let class = ErrorClass::Permanent;
                return Err(Failure::of_class(class, "PaginationLoop", message));
            }
            self.asked.clone_from(&next);
        }
        Ok(next)
    }

    /// How the page after one of so many items is asked for; none if it was the last.
    fn next(
        &self,
        paginate: &Paginate,
        (call, inputs, scope): (&Call<'_>, &Inputs, &Scope<'_>),
        (address, found): (&str, usize),
    ) -> Result<Option<Next>, Failure> {
        if let Some(more) = &paginate.more
            && scope.eval(more)? != Value::Bool(true)
        {
            return Ok(None);
        }
        let text = |template| Ok::<_, Failure>(scope.text(template)?.filter(|it| !it.is_empty()));
        let link = match &paginate.next {
            NextPage::Link(link) => text(link)?,
            NextPage::Path(path) => match text(path)? {
                Some(path) => Some(below(&base_url(self.connection, scope)?, &path)),
                None => None,
            },
            NextPage::LinkHeader(relation) => {
                let header = scope.answer.map(|it| it.header("link"));
                header.as_ref().and_then(Value::as_str).and_then(|it| related(it, relation))
            }
            NextPage::Offset(param) | NextPage::Page(param) => {
                let given = |name: &str| inputs.values.get(name).and_then(whole);
                let size = paginate.page_size.as_deref().and_then(given);
                let is_short =
                    size.is_some_and(|size| i64::try_from(found).is_ok_and(|n| n < size));
                if found == 0 || (is_short && paginate.more.is_none()) {
                    return Ok(None);
                }
                let (first, done) = match &paginate.next {
                    NextPage::Offset(_) => (0, self.items.len()),
                    _ => (1, self.count),
                };
                let done = i64::try_from(done).unwrap_or(i64::MAX);
                let next = given(param).unwrap_or(first).saturating_add(done);
                return with(call.inputs, param, next.into()).map(|it| Some(Next::Inputs(it)));
            }
            NextPage::Cursor(param, next) => {
                let next = scope.eval(next)?;
                if next.is_null() || next == "" || next == false {
                    return Ok(None);
                }
                return with(call.inputs, param, next).map(|it| Some(Next::Inputs(it)));
            }
        };
        let link = link.map(|it| follow(self.connection, address, &it)).transpose()?;
        Ok(link.map(Next::Link))
    }

    fn check_size(&self, paginate: &Paginate) -> Result<(), Failure> {
        if self.count < paginate.pages_max && self.bytes < ALL_BYTES_MAX {
            return Ok(());
        }
        let message = format!(
            "there are more than {} items on {} pages, and more is not read",
            self.items.len(),
            self.count
        );
        Err(Failure::of_class(ErrorClass::Permanent, "PaginationLimitExceeded", message))
    }

    /// The outcome of the last page with the items of all in their place.
    pub fn merge(self, call: &Call<'_>, last: &HttpResponse) -> Outcome {
        let Self { connection, operation, items, .. } = self;
        let mut answer = Answer::new(last);
        let place = operation.paginate.as_ref().and_then(Paginate::items_at);
        let mut items = Some(Value::Array(items));
        if let Some(found) = place.as_deref().and_then(|it| at(&mut answer.body, it)) {
            *found = items.take().unwrap_or_default();
        }
        if let Some(items) = items {
            answer.body = json!({ "value": items });
        }
        response::read_answer((connection, operation), call, last, &answer)
    }
}

/// The value behind these members.
fn at<'v>(value: &'v mut Value, members: &[&str]) -> Option<&'v mut Value> {
    members.iter().try_fold(value, |value, name| value.get_mut(*name))
}

/// A whole number, also as text.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// The inputs with another value of one of them.
fn with(inputs: &Value, name: &str, value: Value) -> Result<Value, Failure> {
    let mut inputs = match inputs {
        Value::Object(inputs) => inputs.clone(),
        Value::Null => Map::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(invalid("the inputs of a page must be an object"));
        }
    };
    inputs.insert(name.to_owned(), value);
    Ok(Value::Object(inputs))
}

/// A path of the service as an address: one with a slash counts from the host, any other from the
/// base URL.
fn below(base: &str, path: &str) -> String {
    if path.starts_with('/') {
        let joined = Url::parse(base).and_then(|base| base.join(path));
        return joined.map_or_else(|_| path.to_owned(), String::from);
    }
    format!("{base}/{path}")
}

/// The target of a relation in a `Link` header: `<address>; rel="next", …`.
fn related(header: &str, relation: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let end = after.find('<').unwrap_or(after.len());
        let (params, next) = after.split_at_checked(end)?;
        let is_it = params.split(';').any(|param| {
            // What stands behind the last comma belongs to the next link.
            let param = param.trim().trim_end_matches(',').trim_end();
            let Some((name, value)) = param.split_once('=') else { return false };
            let relations = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && relations.split_ascii_whitespace().any(|it| it.eq_ignore_ascii_case(relation))
        });
        if is_it {
            return Some(target.trim().to_owned());
        }
        rest = next;
    }
    None
}

/// The absolute address of a link. Credentials go with it, so it must not lead elsewhere.
fn follow(connection: &Connection, address: &str, link: &str) -> Result<String, Failure> {
    let refused =
        |message: String| Failure::of_class(ErrorClass::Permanent, "LinkRefused", message);
    let next = Url::parse(address)
        .and_then(|address| address.join(link))
        .map_err(|error| refused(format!("the link to the next page cannot be read: {error}")))?;
    let origin = next.origin().ascii_serialization();
    let own = Url::parse(address).is_ok_and(|it| it.origin() == next.origin());
    let declared = connection.connector.http.follow_links_to.contains(&origin);
    if !(own || declared) || !next.username().is_empty() || next.password().is_some() {
        return Err(refused(format!("the link to the next page leads to `{origin}`")));
    }
    Ok(next.into())
}
