//! From trouble to HTTP statuses, in one table: who has to do what.

use std::borrow::Cow;

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{ALLOW, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use interp::again::RetryError;
use journal::StoreError;
use serde_json::json;
use worker::{AdmitError, CallBackError, Rejected, RepeatError};

/// An answer that is not what the caller wanted.
pub(crate) struct Problem {
    pub status: u16,
    pub code: Cow<'static, str>,
    pub message: String,
    pub retry_after_seconds: Option<u32>,
    /// The method that would be right, if that is the trouble.
    pub allow: Option<String>,
}

impl Problem {
    /// The caller has to change the request.
    pub(crate) fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            retry_after_seconds: None,
            allow: None,
        }
    }

    /// As answers have it.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        json!({ "code": self.code, "message": self.message })
    }

    /// The caller has to come back.
    pub(crate) fn later(
        status: u16,
        code: &'static str,
        message: impl Into<String>,
        seconds: u32,
    ) -> Self {
        Self { retry_after_seconds: Some(seconds), ..Self::new(status, code, message) }
    }
}

/// Why a request was refused that might have been taken in at another time: a word of
/// `flowright_refused_total`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal(pub &'static str);

impl Refusal {
    fn of(code: &str) -> Option<Self> {
        let reason = match code {
            "TooManyWaitingRuns" => "turn",
            "TooBusy" => "busy",
            "StoreUnavailable" => "store",
            "Stopping" => "stopping",
            "RequestTimeout" => "slow",
            _ => return None,
        };
        Some(Self(reason))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({ "error": self.to_json() });
        let mut response = (status, Json(body)).into_response();
        if let Some(refusal) = Refusal::of(&self.code) {
            response.extensions_mut().insert(refusal);
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(Ok(method)) = self.allow.map(HeaderValue::try_from) {
            response.headers_mut().insert(ALLOW, method);
        }
        response
    }
}

impl From<AdmitError> for Problem {
    fn from(error: AdmitError) -> Self {
        let message = error.to_string();
        match &error {
            AdmitError::UnknownFlow(_) | AdmitError::UnknownTrigger(..) => {
                Self::new(404, "TriggerNotFound", message)
            }
            AdmitError::FlowOff(_) => Self::new(409, "WorkflowTriggerIsNotEnabled", message),
            AdmitError::Trigger(failure) => Self::new(400, failure.code.clone(), message),
            AdmitError::QueueFull(_) => Self::later(429, "TooManyWaitingRuns", message, 10),
            AdmitError::Busy(_) => Self::later(503, "TooBusy", message, 5),
            AdmitError::Store(source) => {
                let error: &dyn std::error::Error = source.as_ref();
                tracing::error!(error, "An event could not be stored.");
                Self::later(503, "StoreUnavailable", message, 10)
            }
            AdmitError::Stopping => Self::later(503, "Stopping", message, 5),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownRun(_) => Self::new(404, "RunNotFound", error.to_string()),
            StoreError::Fenced
            | StoreError::IllegalEvent { .. }
            | StoreError::Corrupt(_)
            | StoreError::Io(_) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "The store failed.");
                Self::later(503, "StoreUnavailable", "the store failed", 10)
            }
        }
    }
}

impl From<RepeatError> for Problem {
    fn from(error: RepeatError) -> Self {
        let message = error.to_string();
        match error {
            RepeatError::Open(_) => Self::new(409, "RunHasNotEnded", message),
            RepeatError::NoFlow(_) => Self::new(409, "FlowNotDeployed", message),
            RepeatError::NoTrigger(..) => Self::new(409, "TriggerNotFound", message),
            RepeatError::Retry(RetryError::UnknownAction(_)) => {
                Self::new(404, "ActionNotFound", message)
            }
            RepeatError::Retry(RetryError::NothingFailed) => {
                Self::new(409, "NothingFailed", message)
            }
            RepeatError::Retry(RetryError::Missing(_)) => {
                Self::new(409, "VersionConflict", message)
            }
            RepeatError::Retry(RetryError::NotReached(_)) => {
                Self::new(409, "ActionNotReached", message)
            }
            RepeatError::Event(failure) => Self::new(400, failure.code, message),
            RepeatError::NotWhole => Self::new(400, "InvalidRequestContent", message),
            RepeatError::Admit(error) => error.into(),
            RepeatError::Store(error) => error.into(),
        }
    }
}

impl From<CallBackError> for Problem {
    fn from(error: CallBackError) -> Self {
        let message = error.to_string();
        match error {
            CallBackError::Unknown => Self::new(404, "CallbackNotFound", message),
            CallBackError::NotAwaited => Self::new(410, "CallbackNotAwaited", message),
            CallBackError::Approval => Self::new(400, "NotAnAnswer", message),
            CallBackError::Stopping => Self::later(503, "Stopping", message, 5),
            CallBackError::Store(source) => source.into(),
        }
    }
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        let problem = Self::new(rejected.status, rejected.code, rejected.message);
        Self { allow: rejected.allow, ..problem }
    }
}
