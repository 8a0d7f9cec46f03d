//! Chores as functions, so that a test can say whether they have been done.

mod functions;
mod rules;

/// Every file that is made from the code, by its path in the repository, and its text.
pub fn generated() -> Vec<(&'static str, String)> {
    vec![
        ("docs/reference/functions.md", functions::page()),
        ("docs/reference/rules.md", rules::page()),
        ("docs/reference/connector.schema.json", format!("{:#}\n", connector::file_schema())),
    ]
}
