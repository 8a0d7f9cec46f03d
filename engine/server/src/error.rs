//! From trouble to HTTP statuses, in one table: who has to do what.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use journal::StoreError;
use serde_json::json;
use worker::{AdmitError, Rejected};

/// An answer that is not what the caller wanted.
pub(crate) struct Problem {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    pub retry_after_seconds: Option<u32>,
}

impl Problem {
    /// The caller has to change the request.
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after_seconds: None }
    }

    /// The caller has to come back.
    fn later(status: u16, code: &'static str, message: impl Into<String>, seconds: u32) -> Self {
        Self { retry_after_seconds: Some(seconds), ..Self::new(status, code, message) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
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
            AdmitError::Trigger(_) => Self::new(400, "InvalidRequestContent", message),
            AdmitError::QueueFull(_) => Self::later(429, "TooManyWaitingRuns", message, 10),
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

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        Self::new(rejected.status, rejected.code, rejected.message)
    }
}
