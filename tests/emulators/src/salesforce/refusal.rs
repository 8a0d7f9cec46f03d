//! What Salesforce says no with: an array of messages and codes.

use serde_json::{Value, json};

use crate::http::Answer;

/// A request that is not accepted.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) fields: Vec<String>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), fields: Vec::new() }
    }

    /// 400 about one field.
    pub(super) fn field(code: &'static str, message: &str, field: &str) -> Self {
        Self { fields: vec![field.to_owned()], ..Self::new(400, code, message) }
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(super) fn not_allowed(method: &str) -> Self {
        let message = format!("HTTP Method '{method}' not allowed.");
        Self::new(405, "METHOD_NOT_ALLOWED", &message)
    }

    pub(super) fn json_parser(message: &str) -> Self {
        Self::new(400, "JSON_PARSER_ERROR", message)
    }

    /// As the body of an answer.
    pub(super) fn to_json(&self) -> Value {
        let mut error = json!({ "message": self.message, "errorCode": self.code });
        if let (false, Some(error)) = (self.fields.is_empty(), error.as_object_mut()) {
            error.insert("fields".to_owned(), json!(self.fields));
        }
        json!([error])
    }

    pub(super) fn answer(&self) -> Answer {
        Answer::json(self.status, &self.to_json())
    }

    /// As the result of one record among many.
    pub(super) fn result(&self) -> Value {
        json!({
            "success": false,
            "errors": [{ "statusCode": self.code, "message": self.message, "fields": self.fields }],
        })
    }
}
