//! Nothing that is read or computed is without a bound.

use serde_json::{Value, json};

use super::world::World;
use crate::{Dialect, Template};

fn check_refused(text: &str) {
    let (template, errors) = Template::parse(text, Dialect::Flowright);
    let codes: Vec<_> = errors.iter().map(|error| error.code.slug).collect();
    assert!(codes.contains(&"limit-exceeded"), "{codes:?}");
    assert!(template.eval(&World::of_examples()).is_err());
}

#[test]
fn texts_are_bounded() {
    check_refused(&format!("@{}1{}", "not(".repeat(10_000), ")".repeat(10_000)));
    check_refused(&format!("@f(){}", "[1]".repeat(1_000)));
    check_refused(&format!("@f{}", "[f".repeat(20_000)));
    check_refused(&format!("@concat('{}')", "a".repeat(70_000)));
    check_refused(&format!("{}x{}", "{{#if true}}".repeat(40), "{{/if}}".repeat(40)));
    check_refused(&format!("{{{{concat {}1{}}}}}", "(not ".repeat(3_000), ")".repeat(3_000)));
    check_refused(&format!("{{{{concat {}}}}}", "[".repeat(10_000)));
    check_refused(&format!("{{{{a}}}}{}", " ".repeat(17_000)));
    check_refused(&format!("$.a{}", ".b".repeat(3_000)));
}

fn check_stopped(text: &str, world: &World) {
    let (template, errors) = Template::parse(text, Dialect::Flowright);
    assert_eq!(errors, [], "{text}");
    let error = template.eval(world).unwrap_err();
    assert_eq!(error.code, "ExpressionLimitExceeded", "{text}: {}", error.message);
}

#[test]
fn evaluation_is_bounded() {
    let long = "x".repeat(1 << 20);
    let items: Vec<Value> = (0..2_000).map(Value::from).collect();
    let world = World::new(json!({ "variables": { "long": long, "items": items } }));
    check_stopped("@range(1, 9000000000)", &world);
    check_stopped("@replace(variables('long'), 'x', variables('long'))", &world);
    check_stopped("@join(variables('items'), variables('long'))", &world);
    let nested = "{{#each @root.variables.items}}".repeat(4);
    let closed = "{{/each}}".repeat(4);
    check_stopped(&format!("{nested}{closed}"), &world);
    check_stopped("{{#each variables.items}}{{@root.variables.long}}{{/each}}", &world);
    let searches = "{{#each variables.items}}{{#each @root.variables.items}}\
                    {{#if (contains @root.variables.items 'x')}}y{{/if}}{{/each}}{{/each}}";
    check_stopped(searches, &world);
}

#[test]
fn values_are_not_nested_without_end() {
    let mut value = json!([]);
    let (template, _) = Template::parse("@createArray(variables('v'))", Dialect::Wdl);
    for depth in 1..1_000 {
        let world = World::new(json!({ "variables": { "v": value } }));
        match template.eval(&world) {
            Ok(deeper) => value = deeper,
            Err(error) => {
                assert_eq!(error.code, "ExpressionLimitExceeded");
                assert_eq!(depth, 128);
                return;
            }
        }
    }
    panic!("it went on");
}
