//! Mappings beside the schemas of their two sides: every fault is found once, with the way out.

use super::project::lint;

const CRM: &str = "connector: crm
version: 1.0.0
http: { baseUrl: 'https://crm.example.com' }
schemas:
  Deal:
    type: object
    properties:
      id: { type: string, readOnly: true }
      title: { type: string, maxLength: 80 }
      status: { type: string, enum: [New, Active, Closed] }
      amount: { type: number }
      probability: { type: integer }
      closes: { type: string, format: date-time }
      remark: { type: [string, 'null'], maxLength: 80 }
      tags: { type: array, items: { type: string } }
      customer: { type: object, properties: { name: { type: string, maxLength: 80 }, city: { type: string } } }
  Row:
    type: object
    required: [topic, account]
    properties:
      topic: { type: string, maxLength: 100 }
      account: { type: string, maxLength: 100 }
      stage: { type: string, enum: [open, won, lost] }
      rank: { type: integer }
      estimated: { type: number }
      closedate: { type: string, format: date }
      description: { type: [string, 'null'], maxLength: 100 }
      isactive: { type: boolean }
      labels: { type: array, items: { type: string } }
      createdon: { type: string, readOnly: true }
";

const FLOW: &str = "flow: F\ntriggers: [{ name: T, manual: }]\nactions:\n- { name: M, map: m, from: \"@triggerBody()\" }\n\
                    - { name: C, compose: \"@body('M')\" }\n";

/// What is said about a mapping of deals to rows with these fields, which begin in line 5.
fn check(fields: &str, expected: &[&str]) {
    let indented: Vec<String> = fields.lines().map(|it| format!("  {it}")).collect();
    let mapping =
        format!("mapping: m\nfrom: crm#Deal\nto: crm#Row\nfields:\n{}\n", indented.join("\n"));
    let found = lint(&[("connector.yaml", CRM), ("flow.yaml", FLOW), ("m.mapping.yaml", &mapping)]);
    let found: Vec<&str> =
        found.iter().filter_map(|it| it.strip_prefix("m.mapping.yaml:")).collect();
    assert_eq!(found, expected, "{fields}");
}

const RIGHT: &str = "topic: $.title
account: $.customer.name
stage: { from: $.status, values: { New: open, Active: open, Closed: won } }
rank: $.probability
estimated: { from: $.amount, as: money, compare: money }
closedate: { from: $.closes, as: date, compare: date }
description: $.remark
isactive: \"@equals(item()?['status'], 'Active')\"
labels: $.tags";

/// The right mapping with other lines for some fields.
fn with(lines: &[(&str, &str)]) -> String {
    let mut all: Vec<String> = RIGHT.lines().map(str::to_owned).collect();
    for (field, line) in lines {
        let at = all.iter().position(|it| it.starts_with(&format!("{field}:")));
        match (at, line.is_empty()) {
            (Some(at), true) => drop(all.remove(at)),
            (Some(at), false) => all[at] = (*line).to_owned(),
            (None, _) => all.push((*line).to_owned()),
        }
    }
    all.join("\n")
}

#[test]
fn what_fits_is_silent() {
    check(RIGHT, &[]);
    check(&with(&[("rank", "rank: { from: $.title, as: integer }")]), &[]);
    check(&with(&[("labels", "labels: { from: $.title, as: list }")]), &[]);
    check(&with(&[("description", "description: { from: $.amount, as: text }")]), &[]);
    check(
        &with(&[("stage", "stage: { from: $.status, values: { New: open }, otherwise: lost }")]),
        &[],
    );
    check(&with(&[("topic", "topic: \"{{title}} of {{customer.name}}\"")]), &[]);
    check(
        &with(&[(
            "topic",
            "topic: \"@concat(item()?['title'], ' ', item()?['customer']?['name'])\"",
        )]),
        &[],
    );
    check(&with(&[("rank", "rank: null")]), &[]);
}

#[test]
fn six_faults_are_six_findings() {
    let fields = with(&[
        ("topic", "topic: $.titel"),
        ("account", "acount: $.customer.name"),
        ("stage", "stage: { from: $.status, values: { New: opne, Active: won, Closed: lost } }"),
        ("rank", "rank: $.title"),
        ("estimated", "estimated: { from: $.closes, as: date }"),
        ("createdon", "createdon: $.closes"),
    ]);
    check(
        &fields,
        &[
            "5:10: error[mapping-unknown-field]: `crm#Deal` has no field `titel` (did you mean `title`?)",
            "6:3: error[mapping-unknown-field]: `crm#Row` has no field `acount` (did you mean `account`?)",
            "7:3: error[invalid-choice]: `stage` of `crm#Row` cannot be `opne` (did you mean `open`?)",
            "8:3: error[type-mismatch]: `rank` of `crm#Row` takes integer, not string (write `as: integer`)",
            "9:3: error[type-mismatch]: `estimated` of `crm#Row` takes number, not timestamp",
            "14:3: error[mapping-read-only-target]: `createdon` of `crm#Row` can only be read \
             (leave it out: the service sets it)",
        ],
    );
}

#[test]
fn six_other_faults_are_six_findings() {
    let fields = with(&[
        ("topic", ""),
        ("account", "account: $.customer.nmae"),
        ("stage", "stage: opened"),
        ("rank", "rank: $.amount"),
        ("closedate", "closedate: $.closes"),
        ("isactive", "isactive: $.status"),
    ]);
    check(
        &fields,
        &[
            "3:5: error[mapping-required-unmapped]: `crm#Row` must have `topic`, which no field makes \
             (add `topic:` to `fields`)",
            "5:12: error[mapping-unknown-field]: `crm#Deal` has no field `customer.nmae` (did you mean `name`?)",
            "6:3: error[invalid-choice]: `stage` of `crm#Row` cannot be `opened` (did you mean `open`?)",
            "7:3: warning[mapping-lossy]: a number with a fraction is written to a field of whole numbers \
             (round it in an expression, such as `@int(first(split(string(…), '.')))`)",
            "9:3: warning[mapping-lossy]: an instant is written to a field of dates \
             (write `as: date` and `compare: date`)",
            "11:3: error[type-mismatch]: `isactive` of `crm#Row` takes boolean, not string \
             (write `as: boolean`)",
        ],
    );
}

#[test]
fn six_faults_in_expressions_are_six_findings() {
    let fields = with(&[
        ("topic", "topic: \"@toUpper(item()?['titel'])\""),
        ("account", "account: \"{{customer.nam}}\""),
        (
            "stage",
            "stage: { from: $.status, values: { Nwe: open, New: open, Active: won, Closed: lost } }",
        ),
        ("rank", "rank: \"@concat('1', item()?['probability'])\""),
        ("estimated", "estimated: { from: $.customer, as: number }"),
        ("description", "description: \"@toLower(item()?['remark'])\""),
    ]);
    check(
        &fields,
        &[
            "5:20: error[mapping-unknown-field]: `crm#Deal` has no field `titel` (did you mean `title`?)",
            "6:13: error[mapping-unknown-field]: `crm#Deal` has no field `customer.nam` (did you mean `name`?)",
            "7:3: warning[invalid-choice]: the source is never `Nwe` (did you mean `New`?)",
            "8:3: error[type-mismatch]: `rank` of `crm#Row` takes integer, not string (write `as: integer`)",
            "9:3: error[type-mismatch]: `as: number` cannot be made of object",
            "11:26: warning[possibly-null]: `item()?['remark']` may be null, which `toLower` does not take \
             (write `coalesce(…, '')`)",
        ],
    );
}

#[test]
fn what_is_added_later_or_only_compared_is_not_missing() {
    let mapping = "mapping: m\nfrom: crm#Deal\nto: crm#Row\nfields: { topic: $.title, createdon: $.closes }\n";
    let said = |actions: &str| {
        let flow = format!("flow: F\ntriggers: [{{ name: T, manual: }}]\nactions:\n{actions}");
        let found =
            lint(&[("connector.yaml", CRM), ("flow.yaml", &flow), ("m.mapping.yaml", mapping)]);
        let slugs = found.iter().filter_map(|it| it.split_once(']')?.0.split_once(": "));
        slugs.map(|(_, slug)| slug.to_owned()).collect::<Vec<_>>()
    };
    let map = "- { name: M, map: m, from: \"@triggerBody()\" }\n";
    assert_eq!(said(map), ["error[mapping-required-unmapped", "error[mapping-read-only-target"]);
    let union =
        "- { name: U, compose: \"@union(body('M'), json('{\\\"account\\\":\\\"x\\\"}'))\" }\n";
    assert_eq!(
        said(&format!("{map}{union}")),
        ["warning[mapping-required-unmapped", "error[mapping-read-only-target"]
    );
    let compare =
        "- { name: C, compare: \"@triggerBody()\", with: \"@triggerBody()\", using: m }\n";
    assert_eq!(said(compare), Vec::<String>::new());
}

#[test]
fn the_way_back_leads_back() {
    let forth = |rest: &str| {
        format!(
            "mapping: m\nfrom: crm#Deal\nto: crm#Row\nreverse: back\nfields:\n  topic: $.title\n  account: $.customer.name\n{rest}"
        )
    };
    let back = |rest: &str| {
        format!("mapping: back\nfrom: crm#Row\nto: crm#Deal\nfields:\n  title: $.topic\n{rest}")
    };
    let flow = "flow: F\ntriggers: [{ name: T, manual: }]\nactions: []\n";
    let said = |forth: &str, back: &str| {
        let mut files =
            vec![("connector.yaml", CRM), ("flow.yaml", flow), ("m.mapping.yaml", forth)];
        if !back.is_empty() {
            files.push(("back.mapping.yaml", back));
        }
        let found = lint(&files);
        found.into_iter().filter(|it| it.contains("mapping-not-reversible")).collect::<Vec<_>>()
    };
    assert_eq!(said(&forth(""), &back("  customer/name: $.account\n")), Vec::<String>::new());
    assert_eq!(
        said(&forth(""), &back("  customer/name: $.description\n")),
        ["m.mapping.yaml:7:3: warning[mapping-not-reversible]: `back` makes `customer/name` of \
          `description`, not of `account` (let both name the same pair)"]
    );
    assert_eq!(
        said(&forth("  rank: $.probability\n"), &back("")),
        [
            "m.mapping.yaml:7:3: warning[mapping-not-reversible]: `back` does not make `customer/name`, \
          `probability` (map it back, or suppress this with the reason why it goes one way)"
        ]
    );
    assert_eq!(
        said(&forth(""), ""),
        [
            "m.mapping.yaml:6:3: warning[mapping-not-reversible]: there is no mapping `back`, which is to \
          be the way back (known: `m`)"
        ]
    );
    // The id is made by the service: it goes one way.
    let with_id = forth("  description: $.id\n");
    assert_eq!(said(&with_id, &back("  customer/name: $.account\n")), Vec::<String>::new());
}

/// What is said about a whole mapping file, without the place of the file.
fn whole(mapping: &str) -> Vec<String> {
    let found = lint(&[("connector.yaml", CRM), ("flow.yaml", FLOW), ("m.mapping.yaml", mapping)]);
    let own = found.iter().filter_map(|it| it.strip_prefix("m.mapping.yaml:"));
    own.map(str::to_owned).collect()
}

/// The line, the rule and the suggestion of each finding.
fn short(found: &[String]) -> Vec<String> {
    let all = found.iter().map(|it| {
        let line = it.split(':').next().unwrap();
        let slug = it.split(['[', ']']).nth(1).unwrap();
        let meant = it.split("did you mean `").nth(1).and_then(|it| it.split('`').next());
        format!("{line} {slug} {}", meant.unwrap_or("-"))
    });
    all.collect()
}

#[test]
fn slips_in_the_words_of_a_mapping_are_one_finding_each() {
    for (mapping, expected) in [
        (
            "mapping: m
form: crm#Deal
to: crm#Row
fields:
  topic: { from: $.title, as: txet }
  account: { form: $.customer.name }
  rank: \"@toUper('x')\"
  labels: \"@concat('a'\"
  isactive: \"@parameters('on')\"
",
            [
                "2 unknown-key from",
                "5 wrong-type text",
                "6 unknown-key from",
                "7 unknown-function toUpper",
                "8 expression-syntax -",
                "9 unknown-parameter -",
            ],
        ),
        (
            "mapping: m
from: crm#Dael
to: crm#Row
fields:
  topic: $.title
  topic: $.remark
  account: { from: $.customer.name, compare: ignorCase }
  rank: { from: $.probability, as: integer, requird: true }
  labels: @item()
  isactive: \"@equals(1)\"
",
            [
                "2 mapping-unknown-field Deal",
                "6 duplicate-key -",
                "7 wrong-type ignoreCase",
                "8 unknown-key required",
                "9 unquoted-expression -",
                "10 wrong-argument-count -",
            ],
        ),
    ] {
        let found = whole(mapping);
        assert_eq!(short(&found), expected, "{found:#?}");
    }
    let found = whole("mapping: m\nfrom: crm#Deal\nto: crm#Row\nfeilds:\n  topic: $.title\n");
    assert_eq!(short(&found), ["4 unknown-key fields"], "{found:#?}");
    let found = whole("mapping: m\nfrom: crm#Deal\nto: crm#Row\nfields: {}\n");
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn slips_in_the_fields_of_a_mapping_are_one_finding_each() {
    let head = "mapping: m\nfrom: crm#Deal\nto: crm#Row\nfields:\n";
    for (mapping, expected) in [
        (
            format!(
                "{head}  topic: $.title
  account: $.customer
  stage: {{ from: $.status, values: {{ New: open, Active: won }}, otherwise: loost }}
  rank: five
  description: \"@item()?['customer']?['nmae']\"
  closedate: \"@formatDateTime(item()?['closed'], 'yyyy-MM-dd')\"
  isactive: {{ from: \"@empty(item()?['title'])\", when: \"@length(item()?['title'])\" }}
"
            ),
            [
                "6 type-mismatch -",
                "7 invalid-choice lost",
                "8 type-mismatch -",
                "9 mapping-unknown-field name",
                "10 mapping-unknown-field closes",
                "11 non-boolean-condition -",
            ],
        ),
        (
            format!(
                "{head}  topic: $.tags.name
  account: \"{{{{custmer.name}}}}\"
  stage: {{ from: $.status, values: {{ Actve: open }}, otherwise: lost }}
  rank: $.amuont
  Labels: $.tags
  createdon: $.closes
"
            ),
            [
                "5 type-mismatch -",
                "6 mapping-unknown-field customer",
                "7 invalid-choice Active",
                "8 mapping-unknown-field amount",
                "9 mapping-unknown-field labels",
                "10 mapping-read-only-target -",
            ],
        ),
    ] {
        let found = whole(&mapping);
        assert_eq!(short(&found), expected, "{found:#?}");
    }
}
