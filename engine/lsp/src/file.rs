//! One open file, and what the server asks of it everywhere.

use std::{collections::BTreeSet, rc::Rc};

use base::Source;
use expr::{Dialect, Template, Type};
use flow::{ActionId, Flow, Package};
use lint::{FlowFile as LintFile, Values};
use serde_json::Value;

use crate::{
    cursor::{Cursor, Step},
    outline::Node,
    project::{FileKind, Project},
    schema::{self, Known, made::Makings},
    text::Text,
};

/// One open file.
#[derive(Clone, Debug)]
pub struct File {
    /// What it is.
    pub kind: FileKind,
    /// Its name, relative to the project.
    pub name: String,
    /// Its text.
    pub text: Text,
}

/// A file as part of its project.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) project: &'a Project,
    pub(crate) file: &'a File,
}

impl<'a> View<'a> {
    /// The number of the flow that the file is, or is beside of.
    pub(crate) fn flow_number(&self) -> Option<usize> {
        self.project.flow_of(&self.file.name)
    }

    /// The flow that the file is, or is beside of, as it could be read last.
    pub(crate) fn flow(&self) -> Option<&'a Flow> {
        Some(&self.project.flows.get(self.flow_number()?)?.good)
    }

    /// The JSON Schema of the file, with what it says of itself. It is made when something that it is made
    /// of has changed, not for every key.
    pub(crate) fn schema(&self, root: &Node) -> Rc<Value> {
        let makings = Makings {
            kind: self.file.kind,
            known: match self.file.kind {
                FileKind::Flow => self.known(root),
                FileKind::Test => self.known_by_test(),
                FileKind::Environment | FileKind::Project => self.project.known.clone(),
                FileKind::Mapping | FileKind::Connector => Known::default(),
            },
            used: match self.file.kind {
                FileKind::Mapping => self.used(root),
                _ => BTreeSet::new(),
            },
        };
        let catalog = &self.project.catalog;
        self.project.made.of(makings, |Makings { kind, known, used }| match kind {
            FileKind::Flow => schema::flow(catalog, known),
            FileKind::Mapping => schema::mapping(catalog, used),
            FileKind::Environment => schema::environment(catalog, known),
            FileKind::Connector => schema::connector(),
            FileKind::Project => schema::project(known),
            FileKind::Test => schema::test(known),
        })
    }

    /// The connectors of a mapping: those of the project's connections, and those that it names.
    fn used(&self, root: &Node) -> BTreeSet<String> {
        let named = ["from", "to"].map(|it| root.get(it).and_then(Node::text));
        let named = named.into_iter().flatten().filter_map(|it| it.split_once('#'));
        let mut used: BTreeSet<String> = self.project.known.connectors();
        // A name that is being written is one of none.
        let named = named.filter(|(it, _)| self.project.catalog.find(it).is_some());
        used.extend(named.map(|(connector, _)| connector.to_owned()));
        used
    }

    /// What a test knows: the actions of the flow in the folder above.
    fn known_by_test(&self) -> Known {
        let mut known = self.project.known.clone();
        let folder = self.file.name.rsplit_once("/tests/").map_or("", |(folder, _)| folder);
        let flow = self.project.flow_of(&format!("{folder}/flow.yaml"));
        let flow = flow.and_then(|it| self.project.flows.get(it));
        let names = flow.into_iter().flat_map(|it| &it.good.actions).map(|it| it.display.clone());
        known.actions = names.collect();
        known
    }

    /// What this flow knows: its own connections and mappings.
    fn known(&self, root: &Node) -> Known {
        let mut known = Known {
            flows: self.project.known.flows.clone(),
            environments: self.project.known.environments.clone(),
            ..Known::default()
        };
        let connections = root.get("connections").map(Node::entries).unwrap_or_default();
        for it in connections {
            if let Some(connector) = it.value.text() {
                known.connections.entry(it.key.clone()).or_default().insert(connector.to_owned());
            }
        }
        let package = self.flow_number().and_then(|it| self.project.flows.get(it));
        if let Some(flow) = package {
            known.mappings = flow.package.mappings.keys().cloned().collect();
        }
        known
    }

    /// What an expression gives where it stands.
    pub(crate) fn type_of(&self, expression: &str, action: Option<&str>) -> Type {
        let (template, errors) = Template::parse(expression, Dialect::Flowright);
        if !errors.is_empty() {
            return Type::Any;
        }
        let Some(it) = self.flow_number().and_then(|it| self.project.flows.get(it)) else {
            return Type::Any;
        };
        let Some((source, _)) = it.package.diagnostics.first() else { return Type::Any };
        let action: Option<ActionId> = action.and_then(|name| it.good.find(name));
        self.with_values(source, (&it.package, &it.good), |values| values.of(&template, action))
    }

    /// What an action gives when it succeeds.
    pub(crate) fn outputs_of(&self, action: &str) -> Type {
        self.type_of(&format!("@outputs('{}')", action.replace('\'', "''")), None)
    }

    fn with_values(
        &self,
        source: &Source,
        (package, flow): (&Package, &Flow),
        ask: impl FnOnce(&Values<'_>) -> Type,
    ) -> Type {
        let flows: [LintFile<'_>; 0] = [];
        let project = lint::Project {
            flows: &flows,
            catalog: &self.project.catalog,
            environment: self.project.environment.as_ref(),
        };
        ask(&Values::new(&project, source, package, flow))
    }
}

/// The action that a cursor is in: its name, and the way to it.
pub(crate) fn action_at(cursor: &Cursor) -> Option<(String, Vec<Step>)> {
    (0..=cursor.path.len()).rev().find_map(|length| {
        let path = cursor.path.get(..length)?;
        let is_item = matches!(path.last(), Some(Step::Item(_)));
        let in_block = path.iter().rev().nth(1).is_some_and(|it| match it {
            Step::Key(key) => {
                ["actions", "scope", "then", "else", "default"].contains(&key.as_str())
            }
            Step::Item(_) => true,
        });
        let name = cursor.node(path)?.get("name")?.text()?;
        (is_item && in_block).then(|| (name.to_owned(), path.to_vec()))
    })
}

/// Every action of a file with what it is called, in the order of the file.
pub(crate) fn actions(root: &Node) -> Vec<(&str, &Node)> {
    let mut found = Vec::new();
    if let Some(block) = root.get("actions") {
        collect(block, &mut found);
    }
    found
}

fn collect<'n>(block: &'n Node, found: &mut Vec<(&'n str, &'n Node)>) {
    for item in block.items() {
        if let Some(branches) = item.get("parallel") {
            branches.items().iter().for_each(|it| collect(it, found));
            continue;
        }
        if let Some(name) = item.get("name").and_then(Node::text) {
            found.push((name, item));
        }
        for inside in blocks(item) {
            collect(inside, found);
        }
    }
}

/// The blocks inside of an action, as they are written.
pub(crate) fn blocks(action: &Node) -> Vec<&Node> {
    let own = ["scope", "then", "else", "actions", "default"].into_iter();
    let own = own.filter_map(|it| action.get(it));
    let cases = action.get("cases").map(Node::items).unwrap_or_default();
    own.chain(cases.iter().filter_map(|it| it.get("actions"))).collect()
}

/// The variables that a file declares: name and type.
pub(crate) fn variables(root: &Node) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (_, action) in actions(root) {
        let Some(declared) = action.get("initialize") else { continue };
        let all = if declared.items().is_empty() {
            std::slice::from_ref(declared)
        } else {
            declared.items()
        };
        for it in all {
            let text = |key: &str| it.get(key).and_then(Node::text).unwrap_or_default().to_owned();
            found.push((text("name"), text("type")));
        }
    }
    found
}

/// The parameters that a file declares: name and type.
pub(crate) fn parameters(root: &Node) -> Vec<(String, String)> {
    let declared = root.get("parameters").map(Node::entries).unwrap_or_default();
    let ty = |it: &Node| it.get("type").and_then(Node::text).unwrap_or_default().to_owned();
    declared.iter().map(|it| (it.key.clone(), ty(&it.value))).collect()
}

/// A name as expressions write it.
pub(crate) fn in_expressions(name: &str) -> String {
    name.replace(' ', "_")
}
