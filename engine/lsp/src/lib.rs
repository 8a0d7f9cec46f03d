//! What editors are told about a project: JSON Schemas, and a language server.

pub mod schema;
