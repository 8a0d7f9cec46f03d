//! The workflows in a deployment template of Azure Resource Manager.

use yaml::Node;

use crate::import::any_case;

/// A workflow that a template deploys.
pub(crate) struct Workflow<'a> {
    /// The whole resource.
    pub(crate) node: &'a Node,
    /// Its name; where that is computed, the parameter's default or name, else the text.
    pub(crate) name: String,
}

/// Every workflow of a template, in the order of the file; none if it is no template.
pub(crate) fn workflows(root: &Node) -> Vec<Workflow<'_>> {
    let mut found = Vec::new();
    let mut open = vec![(root, root)];
    while let Some((holder, template)) = open.pop() {
        for resource in resources(holder) {
            let ty = any_case(resource, "type").and_then(Node::as_str).unwrap_or_default();
            if ty.eq_ignore_ascii_case("Microsoft.Logic/workflows") {
                found.push(Workflow { node: resource, name: name(resource, template) });
            }
            // A resource holds others, or a whole template.
            open.push((resource, template));
            let inner = any_case(resource, "properties").and_then(|it| any_case(it, "template"));
            open.extend(inner.map(|it| (it, it)));
        }
    }
    found.sort_by_key(|it| it.node.span.start);
    found
}

/// A list, or since version 2.0 of the language an object.
fn resources(holder: &Node) -> Vec<&Node> {
    let Some(resources) = any_case(holder, "resources") else { return Vec::new() };
    match (resources.as_seq(), resources.as_map()) {
        (Some(list), _) => list.iter().collect(),
        (None, Some(named)) => named.iter().map(|it| &it.value).collect(),
        (None, None) => Vec::new(),
    }
}

fn name(resource: &Node, template: &Node) -> String {
    let text = any_case(resource, "name").and_then(Node::as_str).unwrap_or_default();
    let parameter = text.strip_prefix("[parameters('").and_then(|it| it.strip_suffix("')]"));
    let Some(parameter) = parameter else { return text.to_owned() };
    let declared = any_case(template, "parameters").and_then(|it| any_case(it, parameter));
    let default = declared.and_then(|it| any_case(it, "defaultValue")).and_then(Node::as_str);
    default.filter(|it| !it.starts_with('[')).unwrap_or(parameter).to_owned()
}
