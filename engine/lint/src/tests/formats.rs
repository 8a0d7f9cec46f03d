//! What the formats for other programs have to hold.

use base::{Severity, Source};
use serde_json::Value;

use super::{around, findings};
use crate::{
    FileFindings,
    baseline::{Baseline, statistics},
    fix, report,
    rules::TABLE,
};

/// Findings of several severities, one with an edit, one with a second place.
fn found() -> Vec<FileFindings> {
    let text = around(
        "- { name: \"Ä, 100% & <b>\", compose: no }\n- { name: B, compose: \"@UTCNOW()\" }\n\
         - { name: B, compose: \"@nothing()\" }",
    );
    let mut all = findings(&text);
    assert_eq!(all.len(), 1);
    all[0].source = all[0].source.renamed("a b/ä.yaml");
    all[0].found[0].severity = Severity::Info;
    all
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The needed rules of the schema of SARIF 2.1.0, by hand.
fn check_sarif(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert!(driver["name"].is_string());
    let rules = driver["rules"].as_array().unwrap();
    assert_eq!(rules.len(), TABLE.len());
    let levels = ["none", "note", "warning", "error"];
    for rule in rules {
        assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string(), "{rule}");
        assert!(
            rule["fullDescription"]["text"].as_str().is_some_and(|it| !it.is_empty()),
            "{rule}"
        );
        assert!(rule["help"]["text"].as_str().is_some_and(|it| it.starts_with("# ")), "{rule}");
        let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
        assert!(levels.contains(&level), "{rule}");
        let name = rule["name"].as_str().unwrap();
        assert!(name.chars().all(char::is_alphanumeric) && name.starts_with(char::is_uppercase));
    }
    assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().unwrap()));
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(result["message"]["text"].is_string());
        assert!(levels.contains(&result["level"].as_str().unwrap()));
        let prints = result["partialFingerprints"].as_object().unwrap();
        assert!(prints.values().all(Value::is_string) && !prints.is_empty());
        for location in result["locations"].as_array().unwrap() {
            check_place(&location["physicalLocation"]);
        }
        for it in result.get("relatedLocations").and_then(Value::as_array).into_iter().flatten() {
            assert!(it["id"].is_u64() && it["message"]["text"].is_string());
            check_place(&it["physicalLocation"]);
        }
        for it in result.get("fixes").and_then(Value::as_array).into_iter().flatten() {
            let change = &it["artifactChanges"][0];
            check_uri(&change["artifactLocation"]);
            let replacement = &change["replacements"][0];
            check_region(&replacement["deletedRegion"]);
            assert!(replacement["insertedContent"]["text"].is_string());
        }
    }
}

fn check_place(place: &Value) {
    check_uri(&place["artifactLocation"]);
    check_region(&place["region"]);
}

fn check_uri(place: &Value) {
    let uri = place["uri"].as_str().unwrap();
    assert!(uri.is_ascii() && !uri.contains([' ', '<', '>', '"', '\\']), "{uri}");
}

fn check_region(region: &Value) {
    let number = |key: &str| region[key].as_u64().unwrap();
    assert!(1 <= number("startLine") && 1 <= number("startColumn"), "{region}");
    let (start, end) = (number("startLine"), number("endLine"));
    assert!(
        start < end || (start == end && number("startColumn") <= number("endColumn")),
        "{region}"
    );
}

#[test]
fn sarif_is_as_its_schema_says() {
    let all = found();
    let log = parsed(&report::sarif(&all, "1.2.3"));
    check_sarif(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), all[0].found.len());
    assert!(results.iter().any(|it| it.get("fixes").is_some()), "{log:#}");
    assert!(results.iter().any(|it| it.get("relatedLocations").is_some()), "{log:#}");
    let place = &results[0]["locations"][0];
    assert_eq!(place["physicalLocation"]["artifactLocation"]["uri"], "a%20b/%C3%A4.yaml");
    assert!(place["logicalLocations"][0]["fullyQualifiedName"].is_string());
    check_sarif(&parsed(&report::sarif(&[], "0.0.0")));
}

#[test]
fn github_escapes_and_begins_with_errors() {
    let text = report::github(&found());
    let lines: Vec<&str> = text.lines().collect();
    let kinds: Vec<&str> = lines.iter().map(|it| it.split(' ').next().unwrap()).collect();
    assert_eq!(kinds, ["::error", "::error", "::warning", "::notice"], "{text}");
    assert!(lines.iter().all(|it| it.contains(" file=a b/ä.yaml,line=")), "{text}");
    let hostile = found().into_iter().map(|mut it| {
        it.source = it.source.renamed("a,b:c\nd%.yaml");
        it
    });
    let text = report::github(&hostile.collect::<Vec<_>>());
    assert!(text.contains("file=a%2Cb%3Ac%0Ad%25.yaml,"), "{text}");
}

#[test]
fn gitlab_has_what_it_needs() {
    let value = parsed(&report::gitlab(&found()));
    let mut prints = std::collections::BTreeSet::new();
    for it in value.as_array().unwrap() {
        for key in ["check_name", "description", "fingerprint", "severity"] {
            assert!(it[key].as_str().is_some_and(|it| !it.is_empty()), "{it}");
        }
        assert!(
            ["info", "minor", "major", "critical", "blocker"]
                .contains(&it["severity"].as_str().unwrap())
        );
        assert_eq!(it["location"]["path"], "a b/ä.yaml");
        assert!(it["location"]["positions"]["begin"]["line"].is_u64());
        assert!(prints.insert(it["fingerprint"].to_string()), "fingerprints differ");
    }
    assert_eq!(prints.len(), 4);
}

#[test]
fn junit_is_xml_and_never_empty() {
    let text = report::junit(&found());
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "), "{text}");
    assert_eq!(text.matches("<testcase ").count(), 4);
    assert_eq!(text.matches("<failure ").count(), 4);
    assert!(text.contains("tests=\"4\" failures=\"4\""), "{text}");
    for tag in ["testsuites", "testsuite", "testcase", "failure"] {
        let (opened, closed) = (format!("<{tag} "), format!("</{tag}>"));
        assert_eq!(text.matches(&opened).count(), text.matches(&closed).count(), "{tag}");
    }
    let hostile = FileFindings {
        source: Source::new("\u{1b}<&\".yaml", ""),
        found: found()[0].found.clone(),
    };
    let text = report::junit(&[hostile]);
    assert!(text.contains("name=\"\\u{1b}&lt;&amp;&quot;.yaml\""), "{text}");
    assert!(report::junit(&[]).contains("tests=\"1\" failures=\"0\""));
}

#[test]
fn rdjson_counts_columns_in_bytes() {
    let value = parsed(&report::rdjson(&found()));
    let first = &value["diagnostics"][0];
    assert_eq!(first["location"]["path"], "a b/ä.yaml");
    // `Ä` has two bytes.
    let column = first["location"]["range"]["start"]["column"].as_u64().unwrap();
    let json = parsed(&report::json(&found()).collect::<String>());
    assert_eq!(Some(column), json[0]["column"].as_u64().map(|it| it + 1));
    for it in value["diagnostics"].as_array().unwrap() {
        assert!(["ERROR", "WARNING", "INFO"].contains(&it["severity"].as_str().unwrap()));
        assert!(it["code"]["value"].is_string() && it["message"].is_string());
        assert!(it["suggestions"].is_array());
    }
    assert_eq!(value["source"]["name"], "flowright");
}

#[test]
fn json_lines_are_the_array() {
    let lines: String = report::jsonl(&found()).collect();
    let lines: Vec<Value> = lines.lines().map(parsed).collect();
    assert_eq!(Value::Array(lines.clone()), parsed(&report::json(&found()).collect::<String>()));
    assert_eq!(lines[0]["path"], "actions/%C3%84".replace("%C3%84", "Ä,_100%_&_<b>"));
    assert!(lines.iter().any(|it| it["fix"]["safe"] == Value::Bool(true)));
}

#[test]
fn a_baseline_knows_findings_wherever_their_lines_go() {
    let actions = "- { name: A, compose: \"@nothing()\" }\n- { name: B, compose: no }";
    let known = Baseline::of(&findings(&around(actions)));
    assert_eq!(known.count(), 2);
    let known = Baseline::read(&known.to_text()).unwrap();
    let mut later = findings(&around(&format!("- {{ name: New, compose: yes }}\n{actions}")));
    assert_eq!(known.take_out(&mut later), 0);
    let left: Vec<&str> = later[0].found.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(left, ["`yes` is text here, but `true` in YAML 1.1"]);
    let mut mended = findings(&around("- { name: B, compose: no }"));
    assert_eq!(known.take_out(&mut mended), 1);
    assert!(mended.is_empty());
    for text in
        ["", "{}", "{\"version\": 2}", "{\"version\": 1}", "{\"version\":1,\"files\":{\"a\":1}}"]
    {
        assert!(Baseline::read(text).is_err(), "{text}");
    }
}

#[test]
fn statistics_begin_with_the_most() {
    let text = around(
        "- { name: A, compose: no }\n- { name: B, compose: on }\n- { name: C, compose: \"@x()\" }",
    );
    let all: Vec<String> = statistics(&findings(&text))
        .iter()
        .map(|(count, severity, slug)| format!("{count} {} {slug}", severity.name()))
        .collect();
    assert_eq!(all, ["2 warning ambiguous-scalar", "1 error unknown-function"]);
}

#[test]
fn comments_are_written_where_they_can_stand() {
    let text = around(
        "- name: A # keep\n  compose: no\n- name: B\n  compose: |\n    one\n    @{nothing()}\n- { name: C, compose: \"@nothing()\" }",
    );
    let found = findings(&text);
    let edited = fix::suppress(&found[0].source, &found[0].found, "for now");
    let expected = around(
        "- name: A # keep\n  # lint: ignore[ambiguous-scalar] for now\n  compose: no\n- name: B\n  compose: |\n    one\n    @{nothing()}\n\
         # lint: ignore[unknown-function] for now\n- { name: C, compose: \"@nothing()\" }",
    );
    assert_eq!((edited.text.as_str(), edited.count), (expected.as_str(), 2));
    assert_eq!(findings(&edited.text)[0].found.len(), 1, "only what stands in a text is left");
}
