//! Where a request goes on when the service says that what it asks for is elsewhere.

use base::{ErrorClass, Failure, HttpRequest, HttpResponse};
use url::Url;

/// As many as browsers follow, halved; a service that needs more goes in circles.
pub(crate) const REDIRECTS_MAX: usize = 10;

/// Headers that may be told to anybody.
const OPEN: &[&str] = &["accept", "accept-language"];

/// The next request; `None` if the answer is for the caller. What changes something is repeated only
/// where the service itself says that it has not done it (307, 308), and only there. A proof of who
/// asks stays at its origin.
pub(crate) fn next(
    request: &HttpRequest,
    response: &HttpResponse,
) -> Result<Option<HttpRequest>, Failure> {
    let repeats = matches!(response.status, 307 | 308);
    if !repeats && !matches!(response.status, 301..=303) {
        return Ok(None);
    }
    let Some(location) = response.header("location") else { return Ok(None) };
    let Ok(from) = Url::parse(&request.url) else { return Ok(None) };
    let to = from.join(location).map_err(|error| {
        refused(&format!("the service answered with a `Location` that is no address: {error}"))
    })?;
    let same = from.origin() == to.origin();
    let reads = matches!(request.method.as_str(), "GET" | "HEAD");
    let may_go_on = reads || (repeats && same);
    if !may_go_on {
        return Ok(None);
    }
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(refused("the service sends what is encrypted on to an address that is not"));
    }
    let mut next = HttpRequest { url: to.to_string(), ..request.clone() };
    if !same {
        next.headers.retain(|(name, _)| OPEN.iter().any(|open| open.eq_ignore_ascii_case(name)));
    }
    Ok(Some(next))
}

/// The failure of a service that goes in circles.
pub(crate) fn too_many() -> Failure {
    let message = format!("the service has sent the request on more than {REDIRECTS_MAX} times");
    Failure::of_class(ErrorClass::Permanent, "TooManyRedirects", message)
}

fn refused(message: &str) -> Failure {
    Failure::of_class(ErrorClass::Permission, "RedirectRefused", message)
}
