//! What strings are put together of, and what their values pass through.

use crate::check::{Paths, Piece, Root, Unknown};
use crate::{Dialect, Template};

/// The pieces of a string in one line: texts in quotes, values as `root.path|function|…`.
fn shown(text: &str, paths: Paths) -> String {
    let (template, errors) = Template::parse(text, Dialect::Flowright);
    assert!(errors.is_empty(), "{text}: {errors:?}");
    let pieces = template.pieces(&Unknown, paths).into_iter().map(|piece| match piece {
        Piece::Text(text) => format!("'{text}'"),
        Piece::Value(range, origins) => {
            assert!(text.get(range).is_some(), "{text}");
            let all = origins.into_iter().map(|it| {
                let root = match it.root {
                    Root::Trigger => "trigger".to_owned(),
                    Root::Action(name) => format!("action {name}"),
                    Root::Variable(name) => format!("variable {name}"),
                    Root::Parameter(name) => format!("parameter {name}"),
                    Root::Setting => "setting".to_owned(),
                    Root::Item => "item".to_owned(),
                    Root::Items(name) => format!("items {name}"),
                };
                let path: Vec<String> = it.path.iter().map(|name| format!(".{name}")).collect();
                let path = path.concat();
                let through =
                    it.through.iter().map(|it| format!("|{}{}", it.function, it.argument));
                format!("{root}{path}{}", through.collect::<String>())
            });
            format!("({})", all.collect::<Vec<_>>().join(" "))
        }
    });
    pieces.collect::<Vec<_>>().join(" ")
}

#[test]
fn values_are_told_by_root_path_and_functions() {
    for (text, expected) in [
        ("plain", "'plain'"),
        ("@triggerBody()?['a']['b']", "(trigger.body.a.b)"),
        ("@triggerOutputs()?['body/a/b']", "(trigger.body.a.b)"),
        ("@trigger()?['outputs']?['headers']", "(trigger.headers)"),
        ("@body('A b')?['x'][0]['y']", "(action A b.body.x.y)"),
        ("@actions('A')?['outputs']?['body']", "(action A.body)"),
        ("@variables('v')", "(variable v)"),
        ("@parameters('p')['q']", "(parameter p.q)"),
        ("@items('L')?['a']", "(items L.a)"),
        ("@appsetting('X')", "(setting)"),
        ("@utcNow()", "()"),
        ("@toUpper(trim(item()?['a']))", "(item.a|trim0|toUpper0)"),
        ("@first(body('A'))?['x']", "(action A.body.x|first0)"),
        ("a @{item()} b", "'a ' (item) ' b'"),
        ("@concat('a ', item(), concat(' b ', variables('v')))", "'a ' (item) ' b ' (variable v)"),
        ("@if(equals(item(), 1), variables('v'), 'x')", "(variable v|if1)"),
        ("@mapValue(item(), json('{}'), variables('v'))", "(variable v|mapValue2)"),
        ("@equals(item(), variables('v'))", "(item|equals0 variable v|equals1)"),
        ("$.trigger.body.a", "(trigger.body.a)"),
        ("$.actions.A.body.list[*].name", "(action A.body.list)"),
        ("$.variables.v", "(variable v)"),
        ("{{trigger.body.a}} and {{variables.v}}", "(trigger.body.a) ' and ' (variable v)"),
        (
            "{{#each trigger.body.list}}{{this.a}},{{@index}}{{/each}}",
            "(trigger.body.list.a) ',' ()",
        ),
        ("@variables(item())", "(item|variables0)"),
    ] {
        assert_eq!(shown(text, Paths::Run), expected, "{text}");
    }
}

#[test]
fn paths_of_mappings_begin_at_the_item() {
    for (text, expected) in [
        ("$.details.value", "(item.details.value)"),
        ("$.trigger.body", "(item.trigger.body)"),
        ("{{a.b}}", "(item.a.b)"),
        ("@item()?['a']", "(item.a)"),
        ("@parameters('p')", "(parameter p)"),
    ] {
        assert_eq!(shown(text, Paths::Item), expected, "{text}");
    }
}

#[test]
fn calls_are_found_with_their_arguments() {
    let text = "@if(equals(item(), null), json(concat('{\"a\":', variables('v'), '}')), xpath(xml('<a/>'), '//b'))";
    let (template, _) = Template::parse(text, Dialect::Flowright);
    let calls = template.calls(&["json", "xpath"], &Unknown, Paths::Run);
    let names: Vec<(&str, Vec<usize>)> = calls
        .iter()
        .map(|it| (it.function.as_str(), it.arguments.iter().map(Vec::len).collect()))
        .collect();
    assert_eq!(names, [("json", vec![3]), ("xpath", vec![1, 1])]);
    assert_eq!(text.get(calls[1].range.clone()), Some("xpath(xml('<a/>'), '//b')"));
}
