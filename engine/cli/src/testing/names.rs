//! Names in a test that the flow has to have.

use base::{Span, suggest};
use flow::Flow;
use worker::Project;

use super::Fault;

/// Actions and operations that a test may name.
pub(crate) struct Names<'a> {
    project: &'a Project,
    /// The tested flow, and the flows that it may call.
    flows: Vec<&'a Flow>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(project: &'a Project, flows: Vec<&'a Flow>) -> Self {
        Self { project, flows }
    }

    /// A fault if nothing has that name.
    pub(crate) fn check(&self, name: &str, span: Span, about: &str) -> Option<Fault> {
        let last = name.rsplit_once('/').map_or(name, |(_, action)| action);
        let is_action = |name: &str| self.flows.iter().any(|it| it.find(name).is_some());
        if is_action(name) || (name.contains('#') && is_action(last)) {
            return None;
        }
        let operation = name.split_once('.').and_then(|(connection, operation)| {
            let known = self.flows.iter().flat_map(|it| &it.connections);
            let connection =
                known.into_iter().find(|it| it.name.eq_ignore_ascii_case(connection))?;
            Some((connection, operation))
        });
        let Some((connection, operation)) = operation else {
            return Some(self.unknown(name, span, about));
        };
        // What a connector can do is not always known here.
        let connector = self.project.catalog.find(&connection.connector)?;
        if connector.operations.keys().any(|it| it.eq_ignore_ascii_case(operation)) {
            return None;
        }
        let near = suggest::closest(operation, connector.operations.keys().map(String::as_str));
        let near = near.map(|it| format!("; did you mean `{}.{it}`?", connection.name));
        let message = format!(
            "the connector `{}` has no operation `{operation}`{}",
            connector.name,
            near.unwrap_or_default()
        );
        Some(Fault::new(span, about, message))
    }

    fn unknown(&self, name: &str, span: Span, about: &str) -> Fault {
        let actions = self.flows.iter().flat_map(|it| &it.actions).map(|it| it.display.as_str());
        let connections = self.flows.iter().flat_map(|it| &it.connections);
        let operations = connections.flat_map(|it| {
            let connector = self.project.catalog.find(&it.connector);
            let operations = connector.into_iter().flat_map(|it| it.operations.keys());
            operations.map(move |operation| format!("{}.{operation}", it.name))
        });
        let operations: Vec<String> = operations.collect();
        let near = suggest::closest(name, actions.chain(operations.iter().map(String::as_str)));
        let near = near.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
        let message =
            format!("the flow has neither an action nor a connection with `{name}`{near}");
        Fault::new(span, about, message)
    }
}

/// Whether two names are the same, with blanks or underscores and in any case.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.replace(' ', "_").to_lowercase() == b.replace(' ', "_").to_lowercase()
}
