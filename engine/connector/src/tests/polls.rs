//! The shipped polling triggers, pass by pass.

use base::{Failure, Outcome};
use serde_json::{Value, json};

use super::{call, dynamics, referrals};
use crate::{
    Connection, Trigger,
    poll::{inputs, poll, read, start},
};

fn trigger<'a>(connection: &'a Connection, id: &str) -> &'a Trigger {
    connection.connector.trigger(id).unwrap()
}

fn found(items: &Value) -> Outcome {
    Outcome::succeeded(json!({ "statusCode": 200, "headers": {}, "body": { "value": items } }))
}

#[test]
fn referrals_are_asked_for_since_the_last_change() {
    let connection = referrals();
    let trigger = trigger(&connection, "ReferralsChanged");
    assert_eq!(poll(trigger).unwrap().operation, "GetAllReferrals");
    let nothing = Value::Null;
    let call = call(&nothing);
    let filter =
        |state: &Value| inputs(&connection, trigger, &call, state).unwrap()["$filter"].clone();

    let state = start(&connection, trigger, &call).unwrap();
    assert_eq!(filter(&state), "updatedDateTime ge 2026-01-05T10:00:00.0000000Z");

    let first = json!([
        { "id": "a", "eTag": "\"1\"", "updatedDateTime": "2026-01-05T10:01:00Z" },
        { "id": "b", "eTag": "\"7\"", "updatedDateTime": "2026-01-05T10:04:00Z" },
    ]);
    let answer = read(&connection, trigger, (&call, &state), &found(&first)).unwrap();
    let keys: Vec<_> = answer.events.iter().map(|it| it.dedupe_key.clone().unwrap()).collect();
    assert_eq!(keys, ["a|\"1\"", "b|\"7\""]);
    assert_eq!(answer.events[1].outputs, json!({ "body": first[1] }));
    // Five minutes back would be before the start.
    assert_eq!(filter(&answer.state), "updatedDateTime ge 2026-01-05T10:00:00.0000000Z");

    let later = json!([{ "id": "a", "eTag": "\"2\"", "updatedDateTime": "2026-01-05T11:00:00Z" }]);
    let answer = read(&connection, trigger, (&call, &answer.state), &found(&later)).unwrap();
    assert_eq!(filter(&answer.state), "updatedDateTime ge 2026-01-05T10:55:00.0000000Z");

    let quiet = read(&connection, trigger, (&call, &answer.state), &found(&json!([]))).unwrap();
    assert_eq!((quiet.events.len(), &quiet.state), (0, &answer.state));
}

#[test]
fn rows_are_asked_for_with_the_wishes_of_the_flow() {
    let connection = dynamics();
    let trigger = trigger(&connection, "RowsModified");
    let wishes = json!({ "entityName": "opportunities", "$filter": "statecode eq 0" });
    let call = call(&wishes);
    let state = start(&connection, trigger, &call).unwrap();
    assert_eq!(
        inputs(&connection, trigger, &call, &state).unwrap(),
        json!({
            "entityName": "opportunities",
            "$select": null,
            "$filter": "modifiedon ge 2026-01-05T10:00:00.0000000Z and (statecode eq 0)",
            "$orderby": "modifiedon asc",
        })
    );
    let rows = json!([{ "@odata.etag": "W/\"5\"", "modifiedon": "2026-01-05T10:01:00Z" }]);
    let answer = read(&connection, trigger, (&call, &state), &found(&rows)).unwrap();
    assert_eq!(answer.events[0].dedupe_key.as_deref(), Some("opportunities|W/\"5\""));
}

#[test]
fn trouble_moves_nothing() {
    let connection = dynamics();
    let trigger = trigger(&connection, "RowsModified");
    let check = |wishes: Value, outcome: Outcome, expected: &str| {
        let call = call(&wishes);
        let failure = read(&connection, trigger, (&call, &json!({})), &outcome).unwrap_err();
        assert_eq!(failure.message, expected);
    };
    let wishes = json!({ "entityName": "accounts" });
    check(wishes.clone(), Outcome::failed(Failure::new("429", "too many")), "too many");
    check(wishes, found(&json!("x")), "the items of `RowsModified` are not a list");
    check(
        json!({}),
        found(&json!([])),
        "required parameter `entityName` of `RowsModified` is missing",
    );
}
