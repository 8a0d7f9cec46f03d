//! Projects as text, and what is said about them.

mod alike;
mod config;
mod corpus;
mod data;
mod files;
mod fixes;
mod formats;
mod glob;
mod loops;
mod mapping;
mod mutations;
mod odd;
mod project;
mod report;
mod rules;
mod scoping;
mod services;
mod suppression;
mod table;

use base::Source;
use connector::Catalog;
use flow::package;

use crate::{FileFindings, FlowFile, Project, report::concise};

/// The findings of one flow, without connectors.
pub(crate) fn findings(text: &str) -> Vec<FileFindings> {
    let package = package::read(&Source::new("flow.yaml", text), &[]);
    let flows = [FlowFile { name: "test", package: &package }];
    crate::check(&Project { flows: &flows, catalog: &Catalog::default(), environment: None })
}

/// A flow around the text of its actions, which begin in line 4.
pub(crate) fn around(actions: &str) -> String {
    let indented: Vec<String> = actions.lines().map(|line| format!("  {line}")).collect();
    let indented = indented.join("\n");
    format!(
        "flow: Test\ntriggers: [{{ name: Start, recurrence: {{ frequency: Day, interval: 1 }} }}]\nactions:\n{indented}"
    )
}

/// What is said about a flow of these actions, which begin in line 4.
pub(crate) fn check(actions: &str, expected: &[&str]) {
    let report = concise(&findings(&around(actions)));
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines, expected, "{actions}");
}
