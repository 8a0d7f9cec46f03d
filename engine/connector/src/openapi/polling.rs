//! Triggers that are asked: by the service's own protocol, or by a policy.

use std::collections::BTreeMap;

use base::Duration;

use super::{Import, subscription::tree};
use crate::{
    model::{Operation, Param, Place},
    policy::{self, of_answer, quote},
    trigger::{Cursor, FOLLOW, Poll},
};

/// How often a service is asked if the flow does not say.
const EVERY: Duration = Duration::seconds(60);
/// How often at most.
const EVERY_MIN: Duration = Duration::seconds(1);
/// Set once the service has been asked: the first answer of a policy says only where to go on from.
const ASKED: &str = "$asked";

/// The service's own protocol: 200 is an event, 202 is none, `Location` is where to ask next.
pub(super) fn native(operation: &str, is_batch: bool) -> Poll {
    // An empty list is no event, although it comes with 200.
    let is_empty = if is_batch {
        "or(equals(body(), json('[]')), equals(bodyAt('value'), json('[]')))"
    } else {
        "equals(body(), json('[]'))"
    };
    let items =
        format!("@if(or(not(equals(status(), 200)), {is_empty}), null, createArray(body()))");
    Poll {
        every: EVERY,
        every_min: EVERY_MIN,
        operation: operation.to_owned(),
        with: tree("@inputs()"),
        items: super::template(&items),
        cursor: vec![Cursor {
            name: FOLLOW.to_owned(),
            next: super::template("@headers('Location')"),
            initial: super::template("@null"),
        }],
        overlap: Duration::ZERO,
        dedupe: None,
        whole: true,
        filter: None,
    }
}

impl Import<'_> {
    /// The policy's protocol: parameters of the query by what the last answer with items said.
    pub(super) fn policy_poll(
        &mut self,
        id: &str,
        operations: &mut BTreeMap<String, Operation>,
        declared: &policy::Poll,
    ) -> Option<Poll> {
        let Some(data) = of_answer(&declared.items) else {
            self.report.warn(format!("`{id}`: the list of new items is not in the answer"));
            return None;
        };
        let mut with = "inputs()".to_owned();
        let mut cursor = Vec::new();
        for (name, value) in &declared.query {
            let Some(next) = value.to_poll_expression() else {
                self.report.warn(format!("`{id}`: what `{name}` is set to cannot be computed"));
                return None;
            };
            let operation = operations.get_mut(id)?;
            if operation.param(name).is_none() {
                let schema = serde_json::json!({ "type": "string" });
                operation.params.push(Param::new(name, Place::Query, schema));
            }
            let name_text = quote(name);
            // What has no value yet is what the flow says.
            with = format!(
                "setProperty({with}, {name_text}, coalesce(state({name_text}), input({name_text})))"
            );
            cursor.push(Cursor {
                name: name.clone(),
                next: super::template(&format!("@if(empty({data}), null, {next})")),
                initial: super::template("@null"),
            });
        }
        cursor.push(Cursor {
            name: ASKED.to_owned(),
            next: super::template("@true"),
            initial: super::template("@null"),
        });
        let operation = operations.get_mut(id)?;
        if operation.paginate.is_none() {
            operation.paginate = declared.paginate();
        }
        let items = format!(
            "@if(or(equals(state({}), null), empty({data})), null, createArray(body()))",
            quote(ASKED)
        );
        Some(Poll {
            every: EVERY,
            every_min: EVERY_MIN,
            operation: id.to_owned(),
            with: tree(&format!("@{with}")),
            items: super::template(&items),
            cursor,
            overlap: Duration::ZERO,
            dedupe: None,
            whole: true,
            filter: None,
        })
    }
}
