//! What came of asking a service.

use serde_json::Value;

use crate::{
    failure::{ErrorClass, Failure},
    http::retry_after,
    time::Timestamp,
};

/// The answer to an effect. A failure keeps the response it was read from.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Outcome {
    /// Outputs as flows see them: `{statusCode, headers, body}`; none if nothing came back.
    pub outputs: Option<Value>,
    /// Set if the answer is not a success.
    pub failure: Option<Failure>,
}

impl Outcome {
    /// A success.
    pub const fn succeeded(outputs: Value) -> Self {
        Self { outputs: Some(outputs), failure: None }
    }

    /// A failure without a response.
    pub const fn failed(failure: Failure) -> Self {
        Self { outputs: None, failure: Some(failure) }
    }

    /// The outcome of a plain HTTP exchange from outputs `{statusCode, headers, body}`: 400 and
    /// above is a failure of the class of its status, with what `Retry-After` asks for.
    pub fn of_response(outputs: Value, now: Timestamp) -> Self {
        let mut outcome = Self::succeeded(outputs);
        let status = outcome.status_code().unwrap_or(200);
        if 400 <= status {
            let code = crate::http::status_name(status);
            let message = format!("the service answered with status {status} ({code})");
            let pause = outcome.header("retry-after").and_then(|it| retry_after(it, now));
            let mut failure = Failure::of_class(ErrorClass::of_status(status), code, message);
            failure.retry_after = pause;
            outcome.failure = Some(failure);
        }
        outcome
    }

    /// `statusCode` of the outputs, if they have one.
    pub fn status_code(&self) -> Option<u16> {
        let status = self.outputs.as_ref()?.get("statusCode")?.as_u64()?;
        u16::try_from(status).ok()
    }

    /// A header of the outputs, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.outputs.as_ref()?.get("headers")?.as_object()?;
        headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?.1.as_str()
    }
}
