//! What a template says that it refers to.

use crate::{Dialect, Template, What};

fn check(text: &str, expected: &[&str]) {
    let (template, _) = Template::parse(text, Dialect::Flowright);
    let shown = |what: What| match what {
        What::Function { name, arguments } => format!("{name}/{arguments}"),
        What::Action { name, by } => format!("action {name} by {by}"),
        What::Result { name } => format!("result {name}"),
        What::Variable { name } => format!("variable {name}"),
        What::Parameter { name } => format!("parameter {name}"),
        What::Items { name } => format!("items {name}"),
        What::Item => "item".to_owned(),
        What::IterationIndexes { name } => format!("iterationIndexes {name}"),
        What::Root { name } => format!("root {name}"),
    };
    let uses = template.uses().into_iter();
    let actual: Vec<_> = uses.map(|it| format!("{} {}", it.range.start, shown(it.what))).collect();
    assert_eq!(actual, expected, "{text}");
}

#[test]
fn every_notation_is_looked_through() {
    check("plain", &[]);
    check("@BODY('X')?['y']", &["1 BODY/1", "6 action X by body"]);
    check(
        "a @{variables('v')} @{nope(item())}",
        &["4 variables/1", "14 variable v", "22 nope/1", "27 item/0", "27 item"],
    );
    check("@items(variables('n'))", &["1 items/1", "7 variables/1", "17 variable n"]);
    check("$.actions.X.body", &["0 action X by $.actions"]);
    check("$.parameters.p", &["0 parameter p"]);
    check("$.item.a[?@.b==$.variables.v]", &["0 item", "0 variable v"]);
    check("$.nope.a", &["0 root nope"]);
    check(
        "{{body.a}} {{actions.X.body}} {{toUpper items.L.n}}",
        &["0 root body", "11 action X by $.actions", "30 toUpper/1", "30 items L"],
    );
    check(
        "{{#each actions.X.body}}{{name}} {{@root.variables.v}}{{/each}}",
        &["0 action X by $.actions", "33 variable v"],
    );
}
