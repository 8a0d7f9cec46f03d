//! How strings of a document are read and what they give, whole trees included.

use serde_json::{Value, json};

use super::world::World;
use crate::{Dialect, Looks, Notation, Template, Tree};

#[derive(Debug, PartialEq)]
enum Gives {
    Value(Value),
    Fails(String),
}

fn check(text: &str, dialect: Dialect, notation: Notation, expected: &Value) {
    let (template, _) = Template::parse(text, dialect);
    let actual = template
        .eval(&World::of_examples())
        .map_or_else(|error| Gives::Fails(error.message), Gives::Value);
    let fails = expected.get("fails").and_then(Value::as_str);
    let expected = fails
        .map_or_else(|| Gives::Value(expected.clone()), |message| Gives::Fails(message.to_owned()));
    assert_eq!((template.notation(), actual), (notation, expected), "{text}");
}

#[test]
fn notations_of_wdl() {
    let rows = [
        ("plain", Notation::Literal, json!("plain")),
        ("@", Notation::Literal, json!("@")),
        ("user@example.com", Notation::Literal, json!("user@example.com")),
        ("@@odata.type", Notation::Literal, json!("@odata.type")),
        ("a @@{b}", Notation::Literal, json!("a @{b}")),
        ("@@{a}@{b}", Notation::Literal, json!("@{a}@{b}")),
        ("@1", Notation::Expression, json!(1)),
        ("@{1}", Notation::Interpolation, json!("1")),
        ("@{1}@@{2}@{'}'}", Notation::Interpolation, json!("1@{2}}")),
        ("n: @{variables('count')}!", Notation::Interpolation, json!("n: 5!")),
        (
            "@{null}@{true}@{1.0}@{body('Get_item')}",
            Notation::Interpolation,
            json!("True1{\"id\":7,\"title\":\"A title\"}"),
        ),
        ("{{a}} $.b", Notation::Literal, json!("{{a}} $.b")),
        ("$.actions", Notation::Literal, json!("$.actions")),
        (
            "@f(",
            Notation::Expression,
            json!({ "fails":
            "Unable to parse template language expression '@f(': this has no closing `)`: found the end." }),
        ),
        (
            "x @{y",
            Notation::Interpolation,
            json!({ "fails":
            "Unable to parse template language expression 'x @{y': this has no closing `}`." }),
        ),
    ];
    for (text, notation, expected) in rows {
        check(text, Dialect::Wdl, notation, &expected);
    }
}

#[test]
fn notations_of_ours() {
    let rows = [
        ("$$.a", Notation::Literal, json!("$.a")),
        ("$$[0]", Notation::Literal, json!("$[0]")),
        ("$filter", Notation::Literal, json!("$filter")),
        ("$.variables.count", Notation::JsonPath, json!(5)),
        ("\\{{a}}", Notation::Literal, json!("{{a}}")),
        ("{{variables.count}}", Notation::Handlebars, json!("5")),
        ("@concat('{{', 'a')", Notation::Expression, json!("{{a")),
        ("@{concat('{{', 'a')}", Notation::Interpolation, json!("{{a")),
        ("@@{{a}}", Notation::Literal, json!("@{{a}}")),
        (
            "@{1} {{a}}",
            Notation::Handlebars,
            json!({ "fails":
            "Unable to parse template language expression '@{1} {{a}}': \
             a text is written with `@{…}` or with `{{…}}`, not with both." }),
        ),
    ];
    for (text, notation, expected) in rows {
        check(text, Dialect::Flowright, notation, &expected);
    }
}

#[test]
fn access_and_its_errors() {
    let see = "Please see https://aka.ms/logicexpressions for usage details.";
    let rows = [
        ("@body('Get_item')?['TITLE']", json!("A title")),
        ("@body('Get_item')?['x']?['y']", json!(null)),
        ("@outputs('Get_item')?['body/title']", json!("A title")),
        ("@outputs('Get_item')?['body/x']", json!(null)),
        ("@outputs('Get_item')?['nothing/x']", json!(null)),
        ("@createArray(1, 2)[1]", json!(2)),
        ("@createArray(1, 2)?[2]", json!(null)),
        (
            "@body('Get_item')['x']",
            json!({ "fails": format!(
            "The template language expression 'body('Get_item')['x']' cannot be evaluated because \
             property 'x' doesn't exist, available properties are 'id, title'. {see}") }),
        ),
        (
            "@createArray(1, 2)[2]",
            json!({ "fails": format!(
            "The template language expression 'createArray(1, 2)[2]' cannot be evaluated because \
             array index '2' is outside bounds (0, 1) of array. {see}") }),
        ),
        (
            "@createArray(1)?['a']",
            json!({ "fails": format!(
            "The template language expression 'createArray(1)?['a']' cannot be evaluated because \
             property 'a' cannot be selected. Array elements can only be selected using an integer \
             index. {see}") }),
        ),
        (
            "@variables('count')?['a']",
            json!({ "fails": format!(
            "The template language expression 'variables('count')?['a']' cannot be evaluated \
             because property 'a' cannot be selected. Property selection is not supported on \
             values of type 'Integer'. {see}") }),
        ),
        (
            "@outputs('Compose').a",
            json!({ "fails": format!(
            "The template language expression 'outputs('Compose').a' cannot be evaluated because \
             property 'a' cannot be selected. Property selection is not supported on values of \
             type 'String'. {see}") }),
        ),
    ];
    for (text, expected) in rows {
        check(text, Dialect::Wdl, Notation::Expression, &expected);
    }
}

#[test]
fn failures_of_functions() {
    let rows = [
        (
            "@body('Nothing')",
            json!({ "fails":
            "The action 'Nothing' referenced by 'body' is not defined in the template." }),
        ),
        ("@status()", json!(200)),
        ("@echo(1, 'a')", json!([1, "a"])),
        ("@broken()", json!({ "fails": "it is broken" })),
        (
            "@nope(1)",
            json!({ "fails": "The template function 'nope' is not defined or not valid." }),
        ),
        (
            "@length(null)",
            json!({ "fails":
            "The template language function 'length' expects its parameter to be an array or a \
             string. The provided value is of type 'Null'. Please see \
             https://aka.ms/logicexpressions#length for usage details." }),
        ),
        (
            "@if('a', 1, 2)",
            json!({ "fails":
            "The template language function 'if' expects its first parameter to be of type \
             boolean. The provided value is of type 'String'. Please see \
             https://aka.ms/logicexpressions#if for usage details." }),
        ),
        (
            "@div(1, 0)",
            json!({ "fails":
            "Attempt to divide an integral or decimal value by zero in function 'div'." }),
        ),
        (
            "@less(1, 'a')",
            json!({ "fails":
            "The template language function 'less' expects two parameter of matching types. The \
             function was invoked with values of type 'Integer' and 'String' that do not match. \
             Please see https://aka.ms/logicexpressions#less for usage details." }),
        ),
    ];
    for (text, expected) in rows {
        check(text, Dialect::Wdl, Notation::Expression, &expected);
    }
}

#[test]
fn trees_compute_keys_and_values() {
    let document = json!({
        "@@odata.type": "#x",
        "k@{variables('count')}": ["@variables('count')", 1, null, { "plain": "$$.a" }],
        "$filter": "@{parameters('env')}",
    });
    let (tree, errors) = Tree::from_value(&document, Dialect::Flowright);
    assert_eq!(errors, []);
    let mut seen = Vec::new();
    tree.templates(&mut |placed| seen.push(placed.template.source().to_owned()));
    assert_eq!(seen, ["k@{variables('count')}", "@variables('count')", "@{parameters('env')}"]);
    assert_eq!(tree.constant(), None);
    let expected = json!({
        "@odata.type": "#x",
        "k5": [5, 1, null, { "plain": "$.a" }],
        "$filter": "test",
    });
    assert_eq!(tree.eval(&World::of_examples()), Ok(expected));
    let (constant, _) = Tree::from_value(&json!({ "a": ["@@b", 1] }), Dialect::Wdl);
    assert_eq!(constant.constant(), Some(json!({ "a": ["@b", 1] })));
}

#[test]
fn templates_go_between_threads() {
    fn goes<T: Send + Sync + Clone>() {}
    goes::<Template>();
    goes::<Tree>();
}

#[test]
fn records_and_outputs_are_read_by_those_who_may() {
    for (text, reads) in [
        ("plain", false),
        ("@triggerBody()?['status']", false),
        ("@body('A')?['x']", false),
        ("@outputs('A')", false),
        ("$.actions.A.body", true),
        ("$.trigger.body.name", false),
        ("$.actions..inputs", true),
        ("{{variables.total}} of {{trigger.body.name}}", false),
        ("{{actions.A.inputs.x}}", true),
        ("{{#each variables.list}}{{../actions.A.status}}{{/each}}", true),
        ("@concat('a', string(actions('A')))", true),
        ("@ACTION()['inputs']", true),
        ("so @{length(result('Scope'))}", true),
        ("@result('Scope')[0]['inputs']", true),
    ] {
        let (template, errors) = Template::parse(text, Dialect::Flowright);
        assert!(errors.is_empty(), "{text}: {errors:?}");
        let looks = Looks::of(&template);
        assert_eq!(looks.records, reads, "{text}");
    }
    for (text, any, names) in [
        ("plain", false, ""),
        ("@item()?['outputs']", false, ""),
        ("@body('A')?['x']", false, "A"),
        ("@{outputs('b')} and @{actionBody('A')}", false, "A b"),
        ("@if(true, 1, ACTIONOUTPUTS('A'))", false, "A"),
        ("@formDataValue('F', 'x')", false, "F"),
        ("@outputs(variables('name'))", true, ""),
        ("@concat(body(concat('A', 'B')), body('C'))", true, "C"),
        ("{{variables.total}}", false, ""),
    ] {
        let (template, errors) = Template::parse(text, Dialect::Flowright);
        assert!(errors.is_empty(), "{text}: {errors:?}");
        let looks = Looks::of(&template);
        let found: Vec<&str> = looks.outputs.iter().map(String::as_str).collect();
        assert_eq!((looks.any_outputs, found.join(" ").as_str()), (any, names), "{text}");
    }
}
