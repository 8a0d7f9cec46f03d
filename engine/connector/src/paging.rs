//! Answers that go on in further ones: where the next page is, and all pages as one.

use base::{ErrorClass, Failure, HttpResponse, Outcome};
use serde_json::{Value, json};
use url::Url;

use crate::{
    connection::Connection,
    model::{Operation, Paginate},
    request::Call,
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
}

impl<'a> Pages<'a> {
    /// No page yet; so many items are wanted.
    pub fn new(connection: &'a Connection, operation: &'a Operation, items_min: usize) -> Self {
        Self { connection, operation, items_min, items: Vec::new(), count: 0, bytes: 0 }
    }

    /// Takes the items of the page that was found at an address. Gives the address of the next page
    /// while there are fewer items than wanted; pages are kept whole, so that there may be more in
    /// the end.
    pub fn add(
        &mut self,
        call: &Call<'_>,
        address: &str,
        response: &HttpResponse,
    ) -> Result<Option<String>, Failure> {
        let (connection, operation) = (self.connection, self.operation);
        let Some(paginate) = &operation.paginate else { return Ok(None) };
        let answer = Answer::new(response);
        let scope = Scope { answer: Some(&answer), ..Scope::of_call(connection, call) };
        if let Value::Array(items) = scope.eval(&paginate.items)? {
            self.items.extend(items);
        }
        self.count += 1;
        self.bytes += response.body.len();
        let wanted = self.items.len() < self.items_min;
        let Some(link) = scope.text(&paginate.next_link)?.filter(|it| wanted && !it.is_empty())
        else {
            return Ok(None);
        };
        self.check_size(paginate)?;
        follow(connection, address, &link).map(Some)
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

    /// The outcome of the last page with the items of all.
    pub fn merge(self, mut last: Outcome) -> Outcome {
        if let Some(outputs) = &mut last.outputs
            && last.failure.is_none()
        {
            outputs["body"] = json!({ "value": self.items });
        }
        last
    }
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
