//! What editors are told about a project: JSON Schemas, and a language server.

mod complete;
mod complete_expression;
mod cursor;
mod file;
mod findings;
mod hover;
mod names;
mod navigate;
mod notation;
mod outline;
mod project;
pub mod schema;
mod server;
mod structure;
mod text;
mod uri;

#[cfg(test)]
mod tests;

pub use complete::complete;
pub use file::File;
pub use findings::findings;
pub use hover::{hover, signature_help};
pub use navigate::{Target, definition, references, renamable, rename};
pub use project::{FileKind, FlowFile, Host, Project};
pub use server::serve;
pub use structure::{folding, lenses, symbols};
pub use text::Text;
