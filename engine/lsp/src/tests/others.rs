//! Hovering, signatures, symbols, folding, findings and edits of text.

use lsp_types::{HoverContents, Position, Range, TextDocumentContentChangeEvent};

use super::{FLOW, changed, open, project, with_action};
use crate::{Text, findings, folding, hover, lenses, signature_help, symbols};

fn hovered(text: &str) -> String {
    let mut project = project();
    let (file, at) = open(&mut project, "flows/sync/flow.yaml", text);
    match hover(&project, &file, at).map(|it| it.contents) {
        Some(HoverContents::Markup(text)) => text.value,
        other => format!("{other:?}"),
    }
}

#[test]
fn hovers() {
    for (text, wanted) in [
        (changed("connections:", "conn‸ections:"), "The connections that the flow uses"),
        (changed("foreach:", "fore‸ach:"), "Runs a block for each item of this list."),
        (changed("call: crm.ListRecords", "call: crm.List‸Records"), "List rows"),
        (
            changed("entityName: accounts", "entity‸Name: accounts"),
            "Name of the table in the plural",
        ),
        (changed("@concat(", "@con‸cat("), "concat("),
        (changed("body('Rows')", "body('Ro‸ws')"), "**Rows**"),
        (changed("?['id'])\"\n", "?['i‸d'])\"\n"), "`id`: `string"),
        (changed("{ Each row:", "{ Ea‸ch row:"), "**Each row**"),
        (
            changed("$.actions.Get_the_referral", "$.actions.Get‸_the_referral"),
            "**Get the referral**",
        ),
        (changed("variables('total')", "variables('to‸tal')"), "`total`: `integer`"),
        (with_action("  - name: x\n    retryPolicy: { type: fix‸ed }\n"), "How the pauses grow."),
    ] {
        let found = hovered(&text);
        assert!(found.contains(wanted), "{found}\n{text}");
    }
}

#[test]
fn signatures() {
    let check = |value: &str, wanted: Option<(&str, u32)>| {
        let mut project = project();
        let text = with_action(&format!("  - name: x\n    compose: \"{value}\"\n"));
        let (file, at) = open(&mut project, "flows/sync/flow.yaml", &text);
        let help = signature_help(&project, &file, at);
        let found = help.as_ref().map(|it| {
            let name = it.signatures.first().unwrap().label.split('(').next().unwrap();
            (name, it.active_parameter.unwrap())
        });
        assert_eq!(found, wanted, "{value}");
    };
    check("@substring(‸", Some(("substring", 0)));
    check("@substring('a,b', ‸)", Some(("substring", 1)));
    check("@concat(substring('a', 1), ‸", Some(("concat", 1)));
    check("@concat(substring('a', ‸", Some(("substring", 1)));
    check("@{replace('a', 'b', ‸", Some(("replace", 2)));
    check("@concat('a')‸", None);
    check("plain (‸", None);
}

#[test]
fn outlines() {
    let mut project = project();
    let (file, _) = open(&mut project, "flows/sync/flow.yaml", FLOW);
    let all = symbols(&file);
    let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Event",
            "field",
            "crm",
            "partnerCenter",
            "Count",
            "Get the referral",
            "Rows",
            "Fields",
            "Each row",
            "End"
        ]
    );
    let inside = all.iter().find(|it| it.name == "Each row").unwrap().children.as_ref().unwrap();
    assert_eq!(inside.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["Add", "Say"]);
    let folds: Vec<(u32, u32)> =
        folding(&file).iter().map(|it| (it.start_line, it.end_line)).collect();
    assert!(folds.contains(&(1, 2)) && folds.contains(&(3, 5)), "{folds:?}");
    let lenses = lenses(&file, "/p/flow.yaml");
    let titles: Vec<String> =
        lenses.iter().map(|it| it.command.as_ref().unwrap().title.clone()).collect();
    assert_eq!(titles.iter().filter(|it| *it == "Run up to here").count(), 6);
    assert!(titles.contains(&"Run".to_owned()) && titles.contains(&"Test".to_owned()));
}

#[test]
fn findings_are_of_the_text_that_is_open() {
    let told = |name: &str, text: &str| -> Vec<String> {
        let mut project = project();
        let (file, _) = open(&mut project, name, text);
        let found = findings(&project, &file);
        let own = found.into_iter().find(|(source, _)| source.name() == name).unwrap();
        own.1.into_iter().map(|it| it.code.slug.to_owned()).collect()
    };
    let flow = "flows/sync/flow.yaml";
    let usual = told(flow, FLOW);
    for (from, to, slug) in [
        ("call: crm.ListRecords", "call: crm.ListRecrds", "unknown-operation"),
        ("entityName: accounts", "entityNam: accounts", "bad-input"),
        ("body('Rows')", "body('Rws')", "unknown-action-reference"),
        ("foreach:", "forech:", "unknown-key"),
        ("map: fields", "map: field", "mapping-unknown-field"),
        ("  - name: Rows", "  - name: [Rows", "invalid-yaml"),
    ] {
        let found = told(flow, &changed(from, to));
        assert!(
            found.iter().any(|it| it == slug) && !usual.iter().any(|it| it == slug),
            "{found:?}"
        );
    }
    assert_eq!(told("flowright.yaml", "flws: [x]\n"), ["unknown-key"]);
    assert_eq!(told("flows/environments/production.yaml", "parameter: {}\n"), ["unknown-key"]);
    assert!(!told("connectors/x/connector.yaml", "connector: x\nversio: 1\n").is_empty());
    assert!(!told("flows/sync/tests/a.test.yaml", "tests: [{ nam: x }]\n").is_empty());
}

#[test]
fn texts_are_changed_as_editors_count() {
    let mut text = Text::new("a😀b\nü: 1\n");
    assert_eq!(text.position(5), Position::new(0, 3));
    assert_eq!(text.offset(Position::new(0, 3)), 5);
    assert_eq!(text.offset(Position::new(0, 99)), 6);
    assert_eq!(text.offset(Position::new(9, 0)), 13);
    let change = |range: Range, text: &str| TextDocumentContentChangeEvent {
        range: Some(range),
        range_length: None,
        text: text.to_owned(),
    };
    let range =
        |a: u32, b: u32, c: u32, d: u32| Range::new(Position::new(a, b), Position::new(c, d));
    text.apply(vec![change(range(0, 3, 1, 1), "x"), change(range(0, 0, 0, 1), "")]);
    assert_eq!(text.as_str(), "😀x: 1\n");
    text.apply(vec![TextDocumentContentChangeEvent {
        range: None,
        range_length: None,
        text: "new".to_owned(),
    }]);
    assert_eq!(text.as_str(), "new");
}

#[test]
fn paths_are_addresses_and_back() {
    use std::{path::PathBuf, str::FromStr as _};

    use crate::uri::{path_of, uri_of};

    for (path, uri) in [
        ("/a/b.yaml", "file:///a/b.yaml"),
        ("/a b/ü#.yaml", "file:///a%20b/%C3%BC%23.yaml"),
        ("c:/a/b.yaml", "file:///c:/a/b.yaml"),
    ] {
        let made = uri_of(&PathBuf::from(path)).unwrap();
        assert_eq!(made.as_str(), uri);
        assert_eq!(path_of(&made), Some(PathBuf::from(path)));
    }
    for uri in ["untitled:x", "https://example.com/x.yaml", "file:///a%2", "file:///%ff"] {
        let uri = lsp_types::Uri::from_str(uri);
        assert_eq!(uri.ok().and_then(|it| path_of(&it)), None);
    }
}
