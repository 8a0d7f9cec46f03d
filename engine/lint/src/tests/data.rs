//! Where values come from, seen by what rules say of them: through expressions, variables, lists, mappings.

use super::project::lint;

const SERVICE: &str = "connector: crm
version: 1.0.0
http: { baseUrl: 'https://crm.example.com' }
operations:
  List:
    effect: read
    request: GET /{table}
    params: { table: { type: string, required: true }, $filter: { type: string }, $top: { type: integer }, id: { type: string } }
    returns: { type: object, properties: { value: { type: array, items: { type: object } } } }
  Soql:
    effect: read
    request: GET /query
    params: { q: { type: string } }
  Send:
    effect: action
    request: POST /mails
    params: { html: { type: string } }
  GetSecret: { effect: read, request: GET /secret, returns: { type: object } }
";

/// The findings of one rule in actions behind a request, as `line severity`; actions begin in line 5.
fn found(rule: &str, actions: &str) -> Vec<String> {
    let indented: Vec<String> = actions.lines().map(|it| format!("  {it}")).collect();
    let flow = format!(
        "flow: F\nconnections: {{ c: crm }}\nparameters: {{ key: {{ type: string, secure: true }}, open: {{ type: string }} }}\n\
         triggers: [{{ name: T, request: {{ schema: {{ type: object, properties: {{ n: {{ type: integer }}, s: {{ type: string }}, k: {{ enum: [a, b] }}, list: {{ type: array }} }} }} }} }}]\nactions:\n{}\n",
        indented.join("\n")
    );
    let mapping = "mapping: m\nfields:\n  plain: $.s\n  number: { from: $.n, as: integer }\n  \
                   known: { from: $.s, values: { a: x }, otherwise: y }\n";
    let all =
        lint(&[("connector.yaml", SERVICE), ("flow.yaml", &flow), ("m.mapping.yaml", mapping)]);
    let of_rule = all.iter().filter(|it| it.contains(&format!("[{rule}]")));
    let short = of_rule.map(|it| {
        let mut parts = it.splitn(4, ':').skip(1);
        let line = parts.next().unwrap();
        let severity = parts.nth(1).unwrap().split('[').next().unwrap();
        format!("{line}{severity}")
    });
    short.collect()
}

/// Actions that give a call this filter.
fn filter(before: &str, value: &str) -> String {
    format!("{before}- {{ name: L, call: c.List, with: {{ table: t, $filter: {value} }} }}")
}

#[test]
fn text_of_the_trigger_is_followed_wherever_it_goes() {
    for (before, value) in [
        ("", "\"s eq '@{triggerBody()?['s']}'\""),
        ("", "\"@concat('s eq ''', toUpper(trim(triggerBody()?['s'])), '''')\""),
        ("", "\"s eq '{{trigger.body.s}}'\""),
        ("", "$.trigger.body.s"),
        ("- { name: C, compose: \"@triggerBody()?['s']\" }\n", "\"s eq '@{outputs('C')}'\""),
        (
            "- { name: C, compose: { a: \"@triggerBody()?['s']\", b: 1 } }\n",
            "\"s eq '@{outputs('C')?['a']}'\"",
        ),
        (
            "- { name: V, initialize: { name: v, type: string, value: \"@triggerBody()?['s']\" } }\n",
            "\"s eq '@{variables('v')}'\"",
        ),
        (
            "- { name: V, initialize: { name: v, type: string } }\n- { name: S, append: { name: v, value: \"{{trigger.body.s}}\" } }\n",
            "\"s eq '@{variables('V')}'\"",
        ),
        ("- { name: M, map: m, from: \"@triggerBody()\" }\n", "\"s eq '@{body('M')?['plain']}'\""),
        (
            "- { name: S, select: { x: \"@item()?['s']\" }, from: \"@triggerBody()?['list']\" }\n",
            "\"s eq '@{first(body('S'))?['x']}'\"",
        ),
        (
            "- { name: P, parseJson: \"@triggerBody()?['s']\", schema: {} }\n",
            "\"s eq '@{body('P')?['deep']}'\"",
        ),
        (
            "- { name: J, join: ',', from: \"@triggerBody()?['list']\" }\n",
            "\"s in (@{body('J')})\"",
        ),
    ] {
        let actions = filter(before, value);
        let line = 6 + before.lines().count();
        let all = found("injection", &actions);
        assert_eq!(all.len(), 1, "{actions}: {all:?}");
        assert!(all[0].eq(&format!("{line} error")), "{actions}: {all:?}");
    }
}

#[test]
fn what_cannot_be_any_text_is_harmless() {
    for (before, value) in [
        ("", "\"@concat('s eq ', odataLiteral(triggerBody()?['s']))\""),
        ("", "\"s eq '@{replace(triggerBody()?['s'], '''', '''''')}'\""),
        ("", "\"s eq '@{encodeUriComponent(triggerBody()?['s'])}'\""),
        ("", "\"n eq @{triggerBody()?['n']}\""),
        ("", "\"n eq @{int(triggerBody()?['s'])}\""),
        ("", "\"k eq '@{triggerBody()?['k']}'\""),
        ("", "\"n eq @{length(triggerBody()?['s'])}\""),
        ("", "\"d eq @{formatDateTime(triggerBody()?['s'], 'yyyy-MM-dd')}\""),
        ("", "\"s eq '@{if(equals(triggerBody()?['s'], 'x'), 'a', 'b')}'\""),
        ("", "\"s eq '@{parameters('open')}'\""),
        (
            "- { name: C, compose: { a: \"@triggerBody()?['s']\", b: 1 } }\n",
            "\"b eq @{outputs('C')?['b']}\"",
        ),
        (
            "- { name: M, map: m, from: \"@triggerBody()\" }\n",
            "\"s eq '@{body('M')?['known']}' and n eq @{body('M')?['number']}\"",
        ),
        (
            "- { name: G, call: c.List, with: { table: x } }\n",
            "\"s eq '@{first(body('G')?['value'])?['s']}'\"",
        ),
        (
            "- { name: C, compose: \"@odataLiteral(triggerBody()?['s'])\" }\n",
            "\"s eq @{outputs('C')}\"",
        ),
    ] {
        let actions = filter(before, value);
        assert_eq!(found("injection", &actions), Vec::<String>::new(), "{actions}");
    }
}

#[test]
fn every_notation_has_its_own_escape() {
    for (action, expected) in [
        (
            "call: c.Soql, with: { q: \"SELECT Id FROM Lead WHERE Name = '@{triggerBody()?['s']}'\" }",
            1,
        ),
        ("call: c.List, with: { table: \"@triggerBody()?['s']\" }", 0),
        ("call: c.Send, with: { html: \"<p>@{triggerBody()?['s']}</p>\" }", 1),
        ("call: c.Send, with: { html: \"<p>@{encodeXmlValue(triggerBody()?['s'])}</p>\" }", 0),
        ("call: c.Send, with: { html: \"@{triggerBody()?['s']}\" }", 0),
        ("compose: \"@json(concat('{\\\"a\\\":\\\"', triggerBody()?['s'], '\\\"}'))\"", 1),
        ("compose: \"@json(triggerBody()?['s'])\"", 0),
        ("compose: \"@xpath(xml('<a/>'), concat('//b[.=', triggerBody()?['s'], ']'))\"", 1),
        ("http: { method: GET, uri: \"https://h.example.com/a/@{triggerBody()?['s']}\" }", 1),
        (
            "http: { method: GET, uri: \"https://h.example.com/a/@{urlPath(triggerBody()?['s'])}\" }",
            0,
        ),
        (
            "http: { method: GET, uri: \"https://h.example.com/a\", queries: { q: \"@triggerBody()?['s']\" } }",
            0,
        ),
        (
            "respond: { status: 200, headers: { Content-Type: text/html }, body: \"Hi @{triggerBody()?['s']}\" }",
            1,
        ),
        ("respond: { status: 200, body: \"Hi @{triggerBody()?['s']}\" }", 0),
    ] {
        let all = found("injection", &format!("- {{ name: A, {action} }}"));
        assert_eq!(all.len(), expected, "{action}: {all:?}");
    }
}

#[test]
fn hosts_are_not_for_callers_to_choose() {
    for (actions, expected) in [
        ("- { name: A, http: { method: GET, uri: $.trigger.body.s } }", 1),
        ("- { name: A, http: { method: GET, uri: \"https://@{triggerBody()?['s']}/x\" } }", 1),
        (
            "- { name: A, http: { method: GET, uri: \"https://@{encodeUriComponent(triggerBody()?['s'])}.example.com/x\" } }",
            0,
        ),
        (
            "- { name: A, http: { method: GET, uri: \"https://h.example.com/@{triggerBody()?['s']}\" } }",
            0,
        ),
        (
            "- { name: A, http: { method: GET, uri: \"@{parameters('open')}/@{triggerBody()?['s']}\" } }",
            0,
        ),
        (
            "- { name: V, initialize: { name: v, type: string, value: \"@triggerBody()?['s']\" } }\n- { name: A, http: { method: GET, uri: \"@variables('v')\" } }",
            1,
        ),
        (
            "- name: I\n  if: { startsWith: [$.trigger.body.s, 'https://h.example.com/'] }\n  then:\n    - { name: A, http: { method: GET, uri: $.trigger.body.s } }",
            0,
        ),
    ] {
        assert_eq!(found("ssrf", actions).len(), expected, "{actions}");
    }
}

#[test]
fn secrets_are_followed_to_where_they_can_be_read() {
    const KEY: &str = "@parameters('key')";
    for (actions, expected) in [
        (format!("- {{ name: A, compose: \"{KEY}\" }}"), &["6 error"][..]),
        (format!("- {{ name: A, compose: \"{KEY}\", secure: [inputs] }}"), &[]),
        (format!("- {{ name: A, initialize: {{ name: v, type: string, value: \"{KEY}\" }} }}"), &["6 error"]),
        (format!("- {{ name: A, respond: {{ status: 200, body: {{ a: \"{KEY}\" }} }} }}"), &["6 error"]),
        (format!("- {{ name: A, terminate: {{ status: Failed, message: \"{KEY}\" }} }}"), &["6 error"]),
        (format!("- {{ name: A, call: c.List, with: {{ table: t, id: \"{KEY}\" }} }}"), &["6 warning"]),
        (format!("- {{ name: A, call: c.List, with: {{ table: t, id: \"{KEY}\" }}, secure: [inputs] }}"), &[]),
        (format!("- {{ name: A, http: {{ method: GET, uri: \"https://h.example.com?k={KEY}\" }} }}").replace("=@parameters('key')", "=@{parameters('key')}"), &["6 warning"]),
        (format!("- {{ name: A, http: {{ method: GET, uri: 'https://h.example.com', headers: {{ Authorization: \"{KEY}\" }} }} }}"), &[]),
        (format!("- {{ name: A, http: {{ method: GET, uri: 'https://h.example.com', authentication: {{ type: Raw, value: \"{KEY}\" }} }} }}"), &[]),
        ("- { name: A, compose: \"@length(parameters('key'))\" }".into(), &[]),
        ("- { name: A, compose: \"@sha256(parameters('key'))\" }".into(), &[]),
        ("- { name: A, compose: \"@base64(concat('u:', parameters('key')))\" }".into(), &["6 error"]),
        ("- { name: A, compose: \"@parameters('open')\" }".into(), &[]),
        ("- { name: A, compose: \"@equals(parameters('key'), 'x')\" }".into(), &[]),
        (format!("- {{ name: A, compose: \"{KEY}\", secure: [outputs] }}\n- {{ name: B, compose: \"@outputs('A')\" }}"), &["7 error"]),
        ("- { name: A, call: c.GetSecret, secure: [inputs, outputs] }\n- { name: B, compose: \"@body('A')\" }".into(), &["7 warning"]),
    ] {
        assert_eq!(found("secret-leak", &actions), expected, "{actions}");
    }
}

#[test]
fn endless_data_ends() {
    let mut actions = String::from(
        "- { name: V, initialize: { name: v, type: object, value: \"@triggerBody()\" } }\n",
    );
    for nth in 0..40 {
        let set = format!(
            "- {{ name: S{nth}, set: {{ name: v, value: \"@setProperty(variables('v')?['a{nth}'], 'x', variables('v')?['b']?['c'])\" }} }}\n"
        );
        actions.push_str(&set);
    }
    actions.push_str(
        "- { name: L, call: c.List, with: { table: t, $filter: \"s eq '@{variables('v')}'\" } }",
    );
    assert_eq!(found("injection", &actions).len(), 1);
}
