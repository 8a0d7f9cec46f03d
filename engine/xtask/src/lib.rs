//! Chores as functions, so that a test can say whether they have been done.

mod functions;
mod rules;

use flow::shape::File;

/// Every file that is made from the code, by its path in the repository, and its text.
pub fn generated() -> Vec<(&'static str, String)> {
    let of_files = File::ALL.iter().map(|(_, file)| {
        let path = match file {
            File::Flow => "docs/reference/flow.schema.json",
            File::Mapping => "docs/reference/mapping.schema.json",
            File::Environment => "docs/reference/environment.schema.json",
            File::Project => "docs/reference/project.schema.json",
        };
        (path, format!("{:#}\n", file.schema()))
    });
    let mut all = vec![
        ("docs/reference/functions.md", functions::page()),
        ("docs/reference/rules.md", rules::page()),
        ("docs/reference/openapi.json", format!("{:#}\n", server::openapi::document())),
        ("docs/reference/connector.schema.json", format!("{:#}\n", connector::file_schema())),
        ("docs/reference/test.schema.json", format!("{:#}\n", flow::test_file::schema())),
    ];
    all.extend(of_files);
    all
}
