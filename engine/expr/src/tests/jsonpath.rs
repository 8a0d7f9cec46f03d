//! The `JSONPath` door.

use serde_json::{Value, json};

use super::world::World;
use crate::{Dialect, Template};

fn world() -> World {
    World::new(json!({
        "actions": { "List": { "status": "Succeeded", "outputs": { "body": { "value": [
            { "id": 1, "price": 50, "tags": ["a"] },
            { "id": 2, "price": 150, "tags": ["a", "b"] },
        ], "0": "zero" } } } },
        "variables": { "limit": 100, "name": "x" },
        "item": { "n": null },
    }))
}

fn check(path: &str, expected: &Value) {
    let (template, errors) = Template::parse(path, Dialect::Flowright);
    assert_eq!(errors, [], "{path}");
    assert_eq!(template.eval(&world()).as_ref(), Ok(expected), "{path}");
}

fn check_refused(path: &str, expected: &str) {
    let (template, errors) = Template::parse(path, Dialect::Flowright);
    assert_eq!(errors.first().map(|error| error.message.as_str()), Some(expected), "{path}");
    assert!(template.eval(&world()).is_err(), "{path}");
}

#[test]
fn singular_paths_give_the_value_or_null() {
    check("$.actions.List.body.value[0].id", &json!(1));
    check("$.actions.List.body.value[-1]['id']", &json!(2));
    check("$.actions['List'].body.value[7]", &json!(null));
    check("$.actions.List.body['0']", &json!("zero"));
    check("$.actions.List.body.value['0']", &json!(null));
    check("$.actions.Nothing.body", &json!(null));
    check("$.actions.List.status", &json!("Succeeded"));
    check("$.item.n", &json!(null));
    check("$.item", &json!({ "n": null }));
}

#[test]
fn other_paths_give_a_list() {
    check("$.actions.List.body.value[*].id", &json!([1, 2]));
    check("$.actions.List.body.value[?@.price>100].id", &json!([2]));
    check("$.actions.List.body.value[?@.price>$.variables.limit].id", &json!([2]));
    check("$.actions.List.body.value[?length(@.tags)==2].id", &json!([2]));
    check("$.actions.List.body..price", &json!([50, 150]));
    check("$.actions.List.body.value[0:1].id", &json!([1]));
    check("$.actions.List.body.value[0,1].id", &json!([1, 2]));
    check("$.actions.List.nothing[*]", &json!([]));
    check("$.variables.*", &json!([100, "x"]));
}

#[test]
fn what_is_wrong_or_dear_is_refused() {
    check_refused("$.a[", "`$.a[` is not a JSONPath of RFC 9535");
    check_refused("$..a", "this JSONPath does not name a root");
    check_refused("$[0]", "this JSONPath does not name a root");
    check_refused("$.item[?@[?@>1]]", "a filter inside a filter is not supported");
    check_refused("$.item..a..b..c", "a JSONPath descends at most 2 times");
    check_refused("$.item[?length(@.*)<3]", "`length` takes a query that gives one value");
    check_refused("$.item[?length(@[1, 2])<3]", "`length` takes a query that gives one value");
    for path in ["count(@..*)", "length(@.a)", "value(@.a)"] {
        let (_, errors) = Template::parse(&format!("$.item[?{path}]"), Dialect::Flowright);
        assert_eq!(errors.len(), 1, "{path}");
    }
}
