//! An action's failure as data of the run: what the flow's error paths and people see.

use serde_json::{Value, json};

use crate::time::Duration;

/// What kind of trouble a service reported; decides whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Too many requests; the service says when to come back.
    Throttled,
    /// The service or the network had a moment of weakness.
    Transient,
    /// The credentials were not accepted.
    Auth,
    /// The record has changed since it was read.
    Conflict,
    /// There is no such record.
    NotFound,
    /// There is such a record already.
    AlreadyExists,
    /// More than one record answers to the key.
    Ambiguous,
    /// The caller may not do this.
    Permission,
    /// The request is not acceptable as it is.
    Validation,
    /// Anything else that will not change by itself.
    Permanent,
}

impl ErrorClass {
    /// Every class, as connector files spell them.
    pub const ALL: &[(&str, Self)] = &[
        ("throttled", Self::Throttled),
        ("transient", Self::Transient),
        ("auth", Self::Auth),
        ("conflict", Self::Conflict),
        ("notFound", Self::NotFound),
        ("alreadyExists", Self::AlreadyExists),
        ("ambiguous", Self::Ambiguous),
        ("permission", Self::Permission),
        ("validation", Self::Validation),
        ("permanent", Self::Permanent),
    ];

    /// The class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, class)| *class)
    }

    /// The name in connector files and in `error.class`.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, class)| *class == self).map_or("permanent", |(name, _)| name)
    }

    /// The class of a failing HTTP status when nobody knows better.
    pub const fn of_status(status: u16) -> Self {
        match status {
            408 | 429 => Self::Throttled,
            401 => Self::Auth,
            403 => Self::Permission,
            404 | 410 => Self::NotFound,
            409 | 412 => Self::Conflict,
            400..=499 => Self::Validation,
            500..=599 => Self::Transient,
            _ => Self::Permanent,
        }
    }

    /// Whether the same request may succeed later.
    pub const fn retryable(self) -> bool {
        match self {
            Self::Throttled | Self::Transient => true,
            Self::Auth
            | Self::Conflict
            | Self::NotFound
            | Self::AlreadyExists
            | Self::Ambiguous
            | Self::Permission
            | Self::Validation
            | Self::Permanent => false,
        }
    }
}

/// Why an action failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Code as the cloud writes it, such as `InvalidTemplate` or `ActionTimedOut`.
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// What the service said about the kind of trouble, if a service was asked.
    pub class: Option<ErrorClass>,
    /// When the service asks to be left alone until.
    pub retry_after: Option<Duration>,
    /// How often trying again makes sense at most, if the connector knows.
    pub retries_max: Option<u32>,
}

impl Failure {
    /// A failure of the engine's own finding, which a retry cannot mend.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            class: None,
            retry_after: None,
            retries_max: None,
        }
    }

    /// A failure that a service reported.
    pub fn of_class(
        class: ErrorClass,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { class: Some(class), ..Self::new(code, message) }
    }

    /// The `error` member of an action's record.
    pub fn to_json(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let (Some(class), Some(object)) = (self.class, error.as_object_mut()) {
            object.insert("class".to_owned(), class.name().into());
        }
        error
    }
}
