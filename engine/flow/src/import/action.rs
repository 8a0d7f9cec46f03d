//! The frame of an action: what all types have in common.

use base::ActionName;
use serde_json::Map;
use yaml::{Key, Node};

use super::{Import, any_case};
use crate::{
    builder::{After, Link, Named},
    check,
    fields::Fields,
    model::{Action, ActionId, Block},
    policy::RetryPolicy,
};

impl Import {
    /// Reads an object of actions.
    pub(crate) fn actions(&mut self, node: Option<&Node>) -> Block {
        let Some(node) = node else { return Block::default() };
        let mut links = Vec::new();
        for entry in self.builder.reader.mapping(node, "`actions`") {
            links.push(self.action(&entry.key, &entry.value));
        }
        self.builder.block(links)
    }

    fn action(&mut self, key: &Key, node: &Node) -> Link {
        let name = ActionName::new(&key.text);
        check::name(&mut self.builder.reader.sink, &key.text, key.span, "action");
        let parent = self.builder.parent();
        let id = self.builder.open(&name, key.span);
        let mut fields =
            Fields::new(&mut self.builder.reader, node, &format!("action `{}`", key.text));
        fields.at = key.span;
        let after = fields.given("runAfter");
        let after = After::Named(after.map(|it| self.run_after(it)).unwrap_or_default());
        let kind = self.kind(id, &mut fields);
        let reader = &mut self.builder.reader;
        let description = fields.given("description").and_then(Node::as_str).map(str::to_owned);
        let inputs = fields.given("inputs").filter(|it| it.as_map().is_some());
        let retry =
            fields.given("retryPolicy").or(inputs.and_then(|it| any_case(it, "retryPolicy")));
        let retry = retry.and_then(|it| RetryPolicy::read(reader, it));
        let is_until = matches!(kind, crate::ActionKind::Until(_));
        let limit = fields.given("limit").filter(|_| !is_until);
        let timeout = limit.and_then(|it| any_case(it, "timeout"));
        let timeout = timeout.and_then(|it| reader.duration(it, "`timeout`"));
        let tracked_properties = fields.given("trackedProperties").map(|it| reader.tree(it));
        let options = options(&mut fields);
        let runtime = Runtime::read(fields.given("runtimeConfiguration"));
        let action = Action {
            name,
            display: key.text.clone(),
            name_span: key.span,
            span: key.span.to(node.span),
            description,
            run_after: Vec::new(),
            kind,
            parent,
            timeout,
            retry,
            secure_inputs: runtime.secure_inputs,
            secure_outputs: runtime.secure_outputs,
            tracked_properties,
            static_result: runtime.static_result,
            minimum_item_count: runtime.minimum_item_count,
            options,
            cloud: Map::new(),
        };
        self.builder.close(id, action);
        Link { id, after }
    }

    fn run_after(&mut self, node: &Node) -> Vec<Named> {
        let mut named = Vec::new();
        for entry in self.builder.reader.mapping(node, "`runAfter`") {
            let (name, span) = (entry.key.text.clone(), entry.key.span);
            named.push(Named { name, span, statuses: self.builder.statuses(&entry.value) });
        }
        named
    }

    fn kind(&mut self, id: ActionId, fields: &mut Fields<'_>) -> crate::ActionKind {
        let reader = &mut self.builder.reader;
        let node = fields.required(reader, "type");
        let ty = node.and_then(|it| Some((reader.deployed_text(it, "`type`")?, it.span)));
        let (type_name, span) = ty.unwrap_or((String::new(), fields.at));
        let is_loop = ["foreach", "until"].iter().any(|it| it.eq_ignore_ascii_case(&type_name));
        self.builder.enter(id, is_loop, fields.at);
        let kind = self.read_kind(&type_name, span, fields);
        self.builder.leave();
        kind
    }
}

/// `operationOptions`, words with commas, beside the inputs or in them.
pub(crate) fn options(fields: &mut Fields<'_>) -> Vec<String> {
    let inner = fields.given("inputs").and_then(|it| any_case(it, "operationOptions"));
    let text =
        fields.given("operationOptions").or(inner).and_then(Node::as_str).unwrap_or_default();
    text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

/// What `runtimeConfiguration` says.
#[derive(Default)]
pub(crate) struct Runtime {
    pub(crate) secure_inputs: bool,
    pub(crate) secure_outputs: bool,
    pub(crate) static_result: Option<String>,
    pub(crate) minimum_item_count: Option<usize>,
}

impl Runtime {
    pub(crate) fn read(node: Option<&Node>) -> Self {
        let Some(node) = node else { return Self::default() };
        let secure = any_case(node, "secureData").and_then(|it| any_case(it, "properties"));
        let secure = secure.and_then(Node::as_seq).unwrap_or_default();
        let is_secure = |side: &str| {
            secure.iter().filter_map(Node::as_str).any(|it| it.eq_ignore_ascii_case(side))
        };
        let result = any_case(node, "staticResult");
        let enabled = result.and_then(|it| any_case(it, "staticResultOptions")?.as_str());
        let enabled = enabled.is_some_and(|it| it.eq_ignore_ascii_case("Enabled"));
        let static_result =
            result.filter(|_| enabled).and_then(|it| any_case(it, "name")?.as_str());
        let paging = any_case(node, "paginationPolicy");
        let minimum = paging.and_then(|it| any_case(it, "minimumItemCount")?.as_i64());
        Self {
            secure_inputs: is_secure("inputs"),
            secure_outputs: is_secure("outputs"),
            static_result: static_result.map(str::to_owned),
            minimum_item_count: minimum.and_then(|it| usize::try_from(it).ok()),
        }
    }
}
