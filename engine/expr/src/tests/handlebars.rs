//! The Handlebars door.

use serde_json::json;

use super::world::World;
use crate::{Dialect, Template};

fn world() -> World {
    World::new(json!({
        "actions": { "Get item": { "outputs": { "body": {
            "name": "AT&T <b>", "list": [{ "n": "x" }, { "n": "y" }], "empty": [], "none": null,
            "map": { "a": 1, "b": 2 }, "yes": true, "big": 9_007_199_254_740_993_i64,
        } } } },
        "variables": { "name": "Contoso", "count": 2 },
        "trigger": { "outputs": { "body": { "EventName": "created" } } },
        "now": "2026-01-31T12:00:00Z",
    }))
}

fn check(text: &str, expected: &str) {
    let (template, errors) = Template::parse(text, Dialect::Flowright);
    assert_eq!(errors, [], "{text}");
    assert_eq!(template.eval(&world()), Ok(json!(expected)), "{text}");
}

fn check_refused(text: &str, expected: &str) {
    let (_, errors) = Template::parse(text, Dialect::Flowright);
    assert_eq!(errors.first().map(|error| error.message.as_str()), Some(expected), "{text}");
}

fn check_fails(text: &str, expected: &str) {
    let (template, errors) = Template::parse(text, Dialect::Flowright);
    assert_eq!(errors, [], "{text}");
    let error = template.eval(&world()).unwrap_err();
    assert_eq!(error.message, expected, "{text}");
}

const BODY: &str = "actions.[Get item].body";

#[test]
fn paths_and_functions() {
    check("Hello {{variables.name}}!", "Hello Contoso!");
    check("{{body.EventName}}|{{trigger.body.EventName}}", "created|created");
    check(&format!("{{{{{BODY}.name}}}}"), "AT&T <b>");
    check(&format!("{{{{{{{BODY}.name}}}}}}"), "AT&T <b>");
    check(&format!("{{{{{BODY}.list.0.n}}}}{{{{{BODY}.list.[1].n}}}}"), "xy");
    check(&format!("{{{{{BODY}.big}}}}"), "9007199254740993");
    check(&format!("[{{{{{BODY}.none}}}}]"), "[]");
    check("{{toUpper variables.name}}", "CONTOSO");
    check("{{length (createArray 1 2 (add variables.count 1))}}", "3");
    check("{{concat 'it\\'s' \" ok\" 1.5 true null}}", "it's ok1.5True");
    check("a {{! note }}b\\{{c}}", "a b{{c}}");
    check(&format!("{{{{lookup {BODY}.map 'b'}}}}"), "2");
}

#[test]
fn blocks() {
    check("{{#if (equals variables.count 2)}}two{{else}}other{{/if}}", "two");
    check("{{#if variables.nothing}}a{{else}}b{{/if}}", "b");
    check("{{#unless variables.nothing}}a{{/unless}}", "a");
    check(
        &format!(
            "{{{{#each {BODY}.list}}}}{{{{@index}}}}{{{{n}}}}{{{{#unless @last}}}},{{{{/unless}}}}{{{{/each}}}}"
        ),
        "0x,1y",
    );
    check(&format!("{{{{#each {BODY}.map}}}}{{{{@key}}}}={{{{this}}}};{{{{/each}}}}"), "a=1;b=2;");
    check(&format!("{{{{#each {BODY}.empty}}}}x{{{{else}}}}none{{{{/each}}}}"), "none");
    check(&format!("{{{{#each {BODY}.none}}}}x{{{{else}}}}none{{{{/each}}}}"), "none");
    check(
        &format!(
            "{{{{#each {BODY}.list as |it i|}}}}{{{{i}}}}{{{{it.n}}}}{{{{@root.variables.name}}}} {{{{/each}}}}"
        ),
        "0xContoso 1yContoso ",
    );
    check(
        &format!("{{{{#with {BODY}}}}}{{{{name}}}} {{{{../variables.name}}}}{{{{/with}}}}"),
        "AT&T <b> Contoso",
    );
    check(&format!("{{{{#each {BODY}.list}}}}{{{{toUpper n}}}}{{{{/each}}}}"), "XY");
    check("{{#if false}}a{{else if true}}b{{else}}c{{/if}}", "b");
    check("{{#each (split 'a,b' ',')}}[{{this}}]{{/each}}", "[a][b]");
}

#[test]
fn what_is_missing_is_an_error() {
    check_fails(
        "{{variables.nothing}}",
        "The template '{{variables.nothing}}' cannot be evaluated because there is no 'variables.nothing'.",
    );
    check_fails(
        "{{toUpper variables.nothing}}",
        "The template '{{toUpper variables.nothing}}' cannot be evaluated because there is no 'variables.nothing'.",
    );
    check_fails("{{nope 1}}", "The template function 'nope' is not defined or not valid.");
    check_fails(
        "{{#each 5}}x{{/each}}",
        "`each` goes over a list or an object, not over a Integer",
    );
}

#[test]
fn what_is_not_supported_is_refused() {
    check_refused("{{a", "this is not a Handlebars template that can be read");
    check_refused("{{#if a}}x", "this is not a Handlebars template that can be read");
    check_refused("{{> partial}}", "partials are not supported");
    check_refused("{{* inline}}", "decorators are not supported");
    check_refused("{{#foo a}}x{{/foo}}", "there is no block `foo`: `if`, `unless`, `each`, `with`");
    check_refused("{{concat a b=1}}", "named arguments are not supported");
    check_refused("{{concat 'it''s'}}", "`''` is not a quote in Handlebars");
    check_refused("{{@index}}", "`@index` stands only in `each`");
}
