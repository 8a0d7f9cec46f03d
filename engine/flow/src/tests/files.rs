//! Mappings, packages, environments and projects.

use base::{Duration, Source};
use serde_json::json;

use super::{around_actions, lines, show};
use crate::{
    environment::{self, Setting},
    mapping::{self, Comparison, Conversion},
    package, project,
};

fn source(text: &str) -> Source {
    Source::new("x.yaml", text)
}

#[test]
fn mappings_are_read() {
    let source = source(
        "mapping: referral-to-opportunity\nfrom: partner-center-referrals#Referral\nto: dynamics-365#opportunity\n\
         reverse: opportunity-to-referral\nfields:\n  name: $.name\n  topic: \"{{name}} ({{id}})\"\n  \
         status:\n    from: $.status\n    as: integer\n    values: { New: 1, Active: 2 }\n    otherwise: 9\n    default: 0\n    \
         when: { equals: [$.type, Shared] }\n    required: true\n    compare: exact\n  \
         \"new_@{parameters('suffix')}\": { from: \"@item()?['x']\", compare: ignoreMark }\n",
    );
    let (mapping, found) = mapping::read(&source);
    assert_eq!(lines(&source, &found), Vec::<String>::new());
    assert_eq!(mapping.name, "referral-to-opportunity");
    assert_eq!(mapping.from.unwrap().0, "partner-center-referrals#Referral");
    assert_eq!(mapping.reverse.as_deref(), Some("opportunity-to-referral"));
    let sources: Vec<_> = mapping.fields.iter().map(|it| show::tree(&it.source)).collect();
    assert_eq!(sources, ["«$.name»", "«{{name}} ({{id}})»", "«$.status»", "«@item()?['x']»"]);
    let status = &mapping.fields[2];
    assert_eq!(status.convert, Some(Conversion::Integer));
    assert_eq!(json!(status.values), json!({ "New": 1, "Active": 2 }));
    assert_eq!(status.otherwise.as_ref().map(show::tree).as_deref(), Some("9"));
    assert_eq!(status.when.as_ref().map(show::condition).unwrap(), "equals(«$.type», \"Shared\")");
    assert!(status.required);
    assert!(matches!(&mapping.fields[3].target, expr::Key::Computed(_)));
    assert_eq!(mapping.fields[3].compare, Comparison::IgnoreMark);
}

#[test]
fn faults_of_mappings_are_placed() {
    let source = source(
        "mapping: m\nfields:\n  a: { as: text }\n  b: { from: $.b, as: txt, otherwise: 1, comparre: text }\n",
    );
    let (_, found) = mapping::read(&source);
    assert_eq!(
        lines(&source, &found),
        [
            "3:3 missing-key field `a` needs the key `from` (add `from:`)",
            "4:23 wrong-type `as` cannot be `txt` (did you mean `text`?)",
            "4:28 missing-key field `b` has `otherwise` but no `values` \
             (use `default` for the value when the source is null)",
            "4:42 unknown-key unknown key `comparre` in field `b` (did you mean `compare`?)",
        ]
    );
}

#[test]
fn packages_hold_a_flow_and_its_mappings() {
    let flow = Source::new(
        "a/flow.yaml",
        &around_actions(
            "- { name: A, map: contact, from: 1 }\n- { name: B, compare: 1, with: 2, using: kontact }",
        ),
    );
    let mapping =
        Source::new("a/contact.mapping.yaml", "mapping: contact\nfields: { a: $.a, b: }\n");
    let package = package::read(&flow, &[("contact".to_owned(), mapping)]);
    let shown: Vec<_> = package.diagnostics.iter().map(|(it, found)| lines(it, found)).collect();
    let expected = "6:44 mapping-unknown-field there is no mapping `kontact` beside this flow \
                    (did you mean `contact`?)";
    assert_eq!(shown, [vec![expected.to_owned()], vec![]]);
    assert!(package.has_errors() && package.mappings["contact"].fields.len() == 2);
    let json = Source::new("b/workflow.json", r#"{"definition":{"triggers":{},"actions":{}}}"#);
    assert_eq!(package::read(&json, &[]).flow.name, "b");
}

#[test]
fn environments_name_secrets() {
    let source = source(
        "parameters: { url: \"https://${env:HOST}/a$${x}\", n: 1, list: [a, '${file:/run/s}'] }\n\
         connections:\n  crm:\n    connector: dynamics-365\n    params: { secret: \"${secret:crm}\", scope: [a] }\n",
    );
    let (environment, found) = environment::read(&source);
    assert_eq!(lines(&source, &found), Vec::<String>::new());
    let mut references = Vec::new();
    let settings = environment.parameters.iter().chain(&environment.connections[0].params);
    for it in settings {
        it.setting.references(&mut |it| {
            let at = source.location(it.span.start);
            references.push(format!("{}:{} {:?} {}", at.line, at.column, it.store, it.name));
        });
    }
    assert_eq!(references, ["1:29 Env HOST", "1:67 File /run/s", "5:24 Secret crm"]);
    assert_eq!(environment.parameters[1].setting, Setting::Value(json!(1)));
    assert_eq!(environment.connections[0].connector.as_deref(), Some("dynamics-365"));
}

#[test]
fn environments_say_how_requests_travel() {
    let source = source(
        "connections:\n  crm:\n    auth: app\n    allowHosts: [crm.internal, 'http://10.0.0.1:81']\n    \
         proxy: \"http://me:${secret:proxy}@proxy:3128\"\n    caCertificate: \"${file:ca.pem}\"\n",
    );
    let (environment, found) = environment::read(&source);
    assert_eq!(lines(&source, &found), Vec::<String>::new());
    let crm = &environment.connections[0];
    assert_eq!(crm.auth.as_ref().map(|it| it.0.as_str()), Some("app"));
    assert_eq!(crm.allow_hosts, ["crm.internal", "http://10.0.0.1:81"]);
    let mut named = Vec::new();
    for setting in [&crm.proxy, &crm.ca_certificate] {
        setting.as_ref().unwrap().references(&mut |it| named.push(it.name.clone()));
    }
    assert_eq!(named, ["proxy", "ca.pem"]);

    let faulty = "connections:\n  crm:\n    auth: [a]\n    allowHosts: ['a/b']\n    proxy: 1\n";
    let source = Source::new("e.yaml", faulty);
    let (_, found) = environment::read(&source);
    assert_eq!(
        lines(&source, &found),
        [
            "3:11 wrong-type `auth` must be text, not a list",
            "4:18 wrong-type `a/b` is neither a host nor an origin (write `api.example.com` or `https://api.example.com:8443`)",
            "5:12 wrong-type `proxy` must be text, not a number",
        ]
    );
}

#[test]
fn environments_limit_connections() {
    let check = |limits: &str, expected: (Option<usize>, Option<(usize, i64)>), told: &[&str]| {
        let text = format!("connections:\n  crm:\n    limits: {limits}\n");
        let source = source(&text);
        let (environment, found) = environment::read(&source);
        let quota = environment.connections[0].quota;
        let rate = quota.rate.map(|it| (it.calls, it.per.ticks() / 10_000_000));
        assert_eq!((quota.concurrency, rate), expected, "{limits}");
        assert_eq!(lines(&source, &found), told, "{limits}");
    };
    check("{}", (None, None), &[]);
    check("{ concurrency: 3 }", (Some(3), None), &[]);
    check("{ rate: { calls: 10, per: PT1M } }", (None, Some((10, 60))), &[]);
    check(
        "{ concurrency: 0 }",
        (None, None),
        &["3:28 limit-exceeded `concurrency` must be from 1 to 1000000"],
    );
    check(
        "{ rate: { calls: many, per: hour } }",
        (None, None),
        &[
            "3:30 wrong-type `calls` must be a whole number, not text",
            "3:41 invalid-time `per` is not an ISO 8601 duration: `hour` \
             (write `PT30S`, `PT5M`, `PT1H` or `P1D`)",
        ],
    );
}

#[test]
fn references_must_be_whole() {
    let source =
        source("parameters: { a: '${vault:x}', b: '${env:}', c: 'x ${env:Y' }\nconections: {}\n");
    let (_, found) = environment::read(&source);
    let hint = "(write `${env:NAME}`, `${file:path}` or `${secret:name}`; `$${` is plain `${`)";
    assert_eq!(
        lines(&source, &found),
        [
            format!("1:19 wrong-type `${{vault:x}}` is not a reference {hint}"),
            format!("1:36 wrong-type `${{env:}}` is not a reference {hint}"),
            format!("1:52 wrong-type `${{env:Y` is not a reference {hint}"),
            "2:1 unknown-key unknown key `conections` in the environment \
             (did you mean `connections`?)"
                .to_owned(),
        ]
    );
}

#[test]
fn projects_have_usual_places() {
    let paths = |project: &crate::Project| {
        let flows: Vec<_> = project.flows.iter().map(|it| it.path.as_str()).collect();
        let connectors: Vec<_> = project.connectors.iter().map(|it| it.path.as_str()).collect();
        format!("{flows:?} {connectors:?} {}", project.environments.path)
    };
    let (project, _) = project::read(&source(""));
    assert_eq!(paths(&project), r#"["flows"] ["connectors"] environments"#);
    let text = "flows: [a, b/c]\nconnectors: [x]\nenvironments: env\nenvironment: dev\n\
                http: { allowHosts: [localhost] }\nlint: { ignore: [possibly-null] }\n";
    let (project, found) = project::read(&source(text));
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(paths(&project), r#"["a", "b/c"] ["x"] env"#);
    assert_eq!((project.environment.as_deref(), project.lint.is_some()), (Some("dev"), true));
    assert_eq!(project.http.allow_hosts, ["localhost"]);
    let faulty = source("flows: ['*/flows']\n");
    let (_, found) = project::read(&faulty);
    let expected = "1:9 wrong-type an item of `flows` must be a folder, not a pattern: `*/flows` \
                    (every flow below the folder is taken)";
    assert_eq!(lines(&faulty, &found), [expected]);
    for host in ["localhost:8080", "https://x.example/path", "*.example", "a b"] {
        let faulty = source(&format!("http: {{ allowHosts: [good.example, '{host}'] }}\n"));
        let (project, found) = project::read(&faulty);
        let message = format!("`{host}` is neither a host nor an origin");
        assert_eq!(found.iter().map(|it| &it.message).collect::<Vec<_>>(), [&message]);
        assert_eq!(project.http.allow_hosts, ["good.example"]);
    }
    for host in ["[::1]", "https://x.example:8443", "10.0.0.1"] {
        let (project, found) =
            project::read(&source(&format!("http: {{ allowHosts: ['{host}'] }}")));
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(project.http.allow_hosts, [host]);
    }
}

#[test]
fn projects_say_how_long_runs_are_kept() {
    let day = Duration::seconds(86_400);
    let usual = project::Retention::default();
    let cases: &[(&str, Option<Duration>, Option<u64>)] = &[
        ("", usual.age, usual.bytes),
        ("retention: { age: P90D }", Some(Duration::seconds(90 * 86_400)), usual.bytes),
        ("retention: { age: forever, bytes: unlimited }", None, None),
        ("retention: { bytes: 500MB, age: P1D }", Some(day), Some(500_000_000)),
        ("retention: { bytes: 2 TB }", usual.age, Some(2_000_000_000_000)),
        ("retention: { bytes: 1000000 }", usual.age, Some(1_000_000)),
    ];
    for (text, age, bytes) in cases {
        let (project, found) = project::read(&source(text));
        assert!(found.is_empty(), "{text}: {found:?}");
        assert_eq!((project.retention.age, project.retention.bytes), (*age, *bytes), "{text}");
    }
    for (text, expected) in [
        ("retention: { age: 28 days }", "`age` is not an ISO 8601 duration: `28 days`"),
        ("retention: { bytes: 10 }", "`bytes` is no size of at least 1 MB: `10`"),
        ("retention: { bytes: lots }", "`bytes` is no size of at least 1 MB: `lots`"),
        (
            "retention: { bytes: 99999999999TB }",
            "`bytes` is no size of at least 1 MB: `99999999999TB`",
        ),
    ] {
        let (project, found) = project::read(&source(text));
        assert_eq!(found.iter().map(|it| it.message.as_str()).collect::<Vec<_>>(), [expected]);
        assert_eq!(project.retention, usual, "{text}: what is wrong does not delete more");
    }
}
