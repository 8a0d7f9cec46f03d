//! The tests of this crate: one `check` a boundary, many rows.

mod check;
mod condition;
mod corpus;
mod dates;
mod examples;
mod explain;
mod handlebars;
mod jsonpath;
mod limits;
mod messages;
mod number_format;
mod origins;
mod parse;
mod rewrite;
mod row;
mod schema;
mod soql;
mod soundness;
mod template;
mod uses;
mod world;
mod xml;
