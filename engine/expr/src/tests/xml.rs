//! XML: what is read and refused, its JSON form, queries, limits.

use serde_json::json;

use super::world::World;
use crate::{Template, to_text};

/// What a query finds, elements as their XML; `!` and the message if it fails.
fn found(xml: &str, query: &str) -> String {
    let world = World::new(json!({ "variables": { "x": xml, "q": query } }));
    eval(&world, "xpath(xml(variables('x')), variables('q'))")
}

/// What `json` makes of XML.
fn as_json(xml: &str) -> String {
    eval(&World::new(json!({ "variables": { "x": xml } })), "json(xml(variables('x')))")
}

/// What `xml` makes of JSON.
fn as_xml(json: &str) -> String {
    eval(&World::new(json!({ "variables": { "x": json } })), "xml(json(variables('x')))")
}

fn eval(world: &World, expression: &str) -> String {
    match Template::parse_expression(expression).0.eval(world) {
        Ok(value) => match value.as_array() {
            Some(items) => items.iter().map(to_text).collect::<Vec<_>>().join(" | "),
            None => to_text(&value),
        },
        Err(error) => format!("!{}", error.message),
    }
}

fn check(actual: &str, expected: &str, about: &str) {
    match expected.strip_prefix('!') {
        Some(part) => {
            assert!(actual.starts_with('!') && actual.contains(part), "{about}: {actual}");
        }
        None => assert_eq!(actual, expected, "{about}"),
    }
}

#[test]
fn documents_become_json() {
    for (xml, expected) in [
        ("<a>1</a>", r#"{"a":"1"}"#),
        ("<a b='1'/>", r#"{"a":{"@b":"1"}}"#),
        ("<a b='1'>x</a>", r##"{"a":{"@b":"1","#text":"x"}}"##),
        ("<a><b/><c/><b>2</b></a>", r#"{"a":{"b":[null,"2"],"c":null}}"#),
        ("<a>\n  <b></b>\n</a>", r#"{"a":{"b":""}}"#),
        (
            "<a xml:space='preserve'> <b/> </a>",
            r##"{"a":{"@xml:space":"preserve","#text":[" "," "],"b":null}}"##,
        ),
        ("<a><?do it?></a>", r#"{"a":{"?do":"it"}}"#),
        ("<a>&lt;&#x41;&amp;&#10;</a>", r#"{"a":"<A&\n"}"#),
        ("<a b='x\ny\t&#9;z'/>", r#"{"a":{"@b":"x y \tz"}}"#),
        ("<a>1\r\n2\r3</a>", r#"{"a":"1\n2\n3"}"#),
        ("<_x0031_st_x0020_name/>", r#"{"1st name":null}"#),
        ("<p:a xmlns:p='u'><p:b p:c='1'/></p:a>", r#"{"p:a":{"@xmlns:p":"u","p:b":{"@p:c":"1"}}}"#),
        ("<a xmlns='u'><b xmlns=''/></a>", r#"{"a":{"@xmlns":"u","b":{"@xmlns":""}}}"#),
        (
            "<r xmlns:j='http://james.newtonking.com/projects/json'><a j:Array='true'>1</a></r>",
            r#"{"r":{"a":["1"]}}"#,
        ),
        ("\u{feff}<a/>", r#"{"a":null}"#),
    ] {
        check(&as_json(xml), expected, xml);
    }
}

#[test]
fn objects_become_documents() {
    for (json, expected) in [
        (r#"{"a":null}"#, "<a />"),
        (r#"{"a":""}"#, "<a></a>"),
        (r#"{"a":true}"#, "<a>true</a>"),
        (r#"{"a":[5.0]}"#, "<a>5</a>"),
        (r#"{"a":{"b":[1,2],"c":[]}}"#, "<a><b>1</b><b>2</b></a>"),
        (r#"{"a":{"b":[[1,2]]}}"#, "<a><b><b>1</b><b>2</b></b></a>"),
        (r##"{"a":{"#text":"x","@b":1}}"##, r#"<a b="1">x</a>"#),
        (r##"{"a":{"#cdata-section":"<"}}"##, "<a><![CDATA[<]]></a>"),
        (
            r#"{"?xml":{"@version":"1.0"},"?do":"it","a":1}"#,
            r#"<?xml version="1.0"?><?do it?><a>1</a>"#,
        ),
        (r#"{"p:a":{"@xmlns:p":"u"}}"#, r#"<p:a xmlns:p="u" />"#),
        (r#"{"a":{"@b":"\n\"<"}}"#, r#"<a b="&#xA;&quot;&lt;" />"#),
        (r#"{"p:a":1}"#, "!an unknown namespace prefix 'p'"),
        (r#"{"a":1,"b":2}"#, "!one root element"),
        (r#"{"a":[1,2]}"#, "!one root element"),
        (r#"{"@a":1}"#, "!cannot have attributes"),
        ("{}", "!no root element"),
        (r#"{"a":{"":1}}"#, "!without a name"),
        (r#"{"a":{"@b":{}}}"#, "!takes a text"),
        (r#"{"a":"\u0001"}"#, "!cannot be converted to XML"),
        (r##"{"a":{"#cdata-section":"]]>"}}"##, "!cannot be converted to XML"),
        ("[1]", "!be a string or an object"),
    ] {
        check(&as_xml(json), expected, json);
    }
}

#[test]
fn broken_documents_are_refused() {
    for (xml, expected) in [
        ("", "!cannot be converted to XML"),
        ("<a>", "!cannot be converted to XML"),
        ("<a></b>", "!cannot be converted to XML"),
        ("<a/><b/>", "!cannot be converted to XML"),
        ("<a b='1' b='2'/>", "!cannot be converted to XML"),
        ("<a>&nbsp;</a>", "!nbsp"),
        ("<?xml version='1.0'?><?xml version='1.0'?><a/>", "!very beginning"),
        (" <?xml version='1.0'?><a/>", "!very beginning"),
        ("<?xml version='1.1'?><a/>", "!version `1.1`"),
        ("<?xml version='1.0'encoding='utf-8'?><a/>", "!declaration"),
        ("<?xml version='1.0' standalone='maybe'?><a/>", "!declaration"),
        ("<?xml version='1.0' encoding='utf-16'?><a/>", "!byte order mark"),
        ("<?xml version='1.0' encoding='klingon'?><a/>", "!no encoding `klingon`"),
    ] {
        check(&as_json(xml), expected, xml);
    }
}

/// What is written of a document type, then the JSON form of that; `!` and the message if it fails.
#[test]
fn document_types_are_carried() {
    for (types, written, form) in [
        ("<!DOCTYPE a>", "<!DOCTYPE a[]>", r#"{"@name":"a"}"#),
        (
            "<!DOCTYPE\r\np:a\t[ ] >",
            "<!DOCTYPE p:a[ ]>",
            r#"{"@name":"p:a","@internalSubset":" "}"#,
        ),
        ("<!DOCTYPE a SYSTEM ''>", r#"<!DOCTYPE a SYSTEM ""[]>"#, r#"{"@name":"a"}"#),
        (
            "<!DOCTYPE a SYSTEM 'x\"y>'[]>",
            "<!DOCTYPE a SYSTEM 'x\"y>'[]>",
            r#"{"@name":"a","@system":"x\"y>"}"#,
        ),
        (
            "<!DOCTYPE a PUBLIC \"-//X'//\" 'file:///etc/passwd'>",
            r#"<!DOCTYPE a PUBLIC "-//X'//" "file:///etc/passwd"[]>"#,
            r#"{"@name":"a","@public":"-//X'//","@system":"file:///etc/passwd"}"#,
        ),
        (
            "<!DOCTYPE a [<!--]><!ENTITY--><?p ]>?><!NOTATION n SYSTEM ']>'>\r\n\r]>",
            "<!DOCTYPE a[<!--]><!ENTITY--><?p ]>?><!NOTATION n SYSTEM ']>'>\r\n\n]>",
            r#"{"@name":"a","@internalSubset":"<!--]><!ENTITY--><?p ]>?><!NOTATION n SYSTEM ']>'>\r\n\n"}"#,
        ),
        (
            "<!DOCTYPE a [<!ATTLIST a b (c|d) #IMPLIED>]>",
            "<!DOCTYPE a[<!ATTLIST a b (c|d) #IMPLIED>]>",
            r#"{"@name":"a","@internalSubset":"<!ATTLIST a b (c|d) #IMPLIED>"}"#,
        ),
    ] {
        let xml = format!("<?xml version='1.0'?> <?x?><!-- <!DOCTYPE b> -->\n{types}<!--c--><a/>");
        let expected =
            format!(r#"<?xml version="1.0"?><?x?><!-- <!DOCTYPE b> -->{written}<!--c--><a />"#);
        check(&found(&xml, "/"), &expected, types);
        check(&found(&expected, "/"), &expected, types);
        check(&found(&xml, "count(/node())"), "4", types);
        check(
            &as_json(&format!("{types}<a/>")),
            &format!(r#"{{"!DOCTYPE":{form},"a":null}}"#),
            types,
        );
    }
}

#[test]
fn document_types_that_act_or_are_broken_are_refused() {
    for (xml, expected) in [
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "!define entities"),
        ("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a/>", "!define entities"),
        ("<!DOCTYPE a [<!ENTITY % b 'c'>]><a/>", "!define entities"),
        ("<!DOCTYPE a [<!ELEMENT a EMPTY> %b;]><a/>", "!define entities"),
        ("<!DOCTYPE a [<!ELEMENT a %b;>]><a/>", "!type is not"),
        ("<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>", "!give values to attributes"),
        ("<!DOCTYPE a SYSTEM 'x'><a>&b;</a>", "!'b'"),
        ("<!DOCTYPE a [<![INCLUDE[]]>]><a/>", "!type is not"),
        ("<!DOCTYPE a [<!ELEMENT a 'b'>]><a/>", "!type is not"),
        ("<!DOCTYPE a [<!ELEMENT>]><a/>", "!type is not"),
        ("<!DOCTYPE a [<!ELEMENTa EMPTY>]><a/>", "!type is not"),
        ("<!DOCTYPE a [<!NOTATION n SYSTEM 'x]><a/>", "!type is not"),
        ("<!DOCTYPE a [<!--a--b-->]><a/>", "!type is not"),
        ("<!DOCTYPE a [<?xml version='1.0'?>]><a/>", "!type is not"),
        ("<!DOCTYPE a [x]><a/>", "!type is not"),
        ("<!DOCTYPE a [<a/>", "!type is not"),
        ("<!DOCTYPE a [<!--\u{1}-->]><a/>", "!type is not"),
        ("<!DOCTYPE a PUBLIC 'p'><a/>", "!type is not"),
        ("<!DOCTYPE a PUBLIC 'é' 's'><a/>", "!type is not"),
        ("<!DOCTYPE a PUBLIC 'p''s'><a/>", "!type is not"),
        ("<!DOCTYPE 1><a/>", "!type is not"),
        ("<!DOCTYPEa><a/>", "!type is not"),
        ("<!DOCTYPE>", "!type is not"),
        ("<!DOCTYPE a", "!type is not"),
        ("<!DOCTYPE a>", "!cannot be converted to XML"),
        ("<!doctype a><a/>", "!cannot be converted to XML"),
        ("<!DOCTYPE a><!DOCTYPE a><a/>", "!once, before"),
        ("<a/><!DOCTYPE a>", "!cannot be converted to XML"),
        ("<a><!DOCTYPE a></a>", "!cannot be converted to XML"),
        ("<!DOCTYPE a><?xml version='1.0'?><a/>", "!unexpected XML declaration at 1:13"),
        ("<!DOCTYPE a [\n]>\n<a></b>", "!3:"),
    ] {
        check(&as_json(xml), expected, xml);
    }
}

#[test]
fn objects_become_document_types() {
    for (parts, expected) in [
        (r#"{"@name":"a"}"#, "<!DOCTYPE a><a>1</a>"),
        (r#"{"@name":"a","@system":"x"}"#, r#"<!DOCTYPE a SYSTEM "x"><a>1</a>"#),
        (r#"{"@public":"p","@name":"a"}"#, r#"<!DOCTYPE a PUBLIC "p" ""><a>1</a>"#),
        (
            r#"{"@name":"a","@public":"p","@system":null,"@internalSubset":"<!ELEMENT a ANY>"}"#,
            r#"<!DOCTYPE a PUBLIC "p" ""[<!ELEMENT a ANY>]><a>1</a>"#,
        ),
        (r#"{"@name":"a","@internalSubset":"<!ENTITY b 'c'>"}"#, "!define entities"),
        (r#"{"@name":"a","@internalSubset":"]><a/><!--"}"#, "!type is not"),
        (r#"{"@name":"a [<!ELEMENT a ANY>]"}"#, "!type is not"),
        (r#"{"@name":"a","@public":"p\" \"q","@system":"s"}"#, "!type is not"),
        (r#"{"@name":"a","@system":"both ' and \""}"#, "!type is not"),
        (r#"{"@system":"a"}"#, "!has a `@name`"),
        (r#"{"@name":"a","b":1}"#, "!has `@name`, `@public`"),
        (r#"{"@name":["a"]}"#, "!takes a text"),
        ("null", "!has `@name`"),
        (r#"[{"@name":"a"},{"@name":"a"}]"#, "!once, before"),
    ] {
        check(&as_xml(&format!(r#"{{"!doctype":{parts},"a":1}}"#)), expected, parts);
    }
    check(&as_xml(r#"{"a":{"!DOCTYPE":{"@name":"a"}}}"#), "!once, before", "inside");
    check(&as_xml(r#"{"a":1,"!DOCTYPE":{"@name":"a"}}"#), "!", "behind");
    check(&as_xml(r#"{"!DOCTYPE":{"@name":"a"}}"#), "!no root element", "alone");
}

#[test]
fn queries() {
    const XML: &str =
        "<r xmlns:p='u' v='9'><a i='1'>x<![CDATA[y]]></a><!--c--><p:b>2</p:b><a>z</a></r>";
    for (query, expected) in [
        ("/r/a", r#"<a i="1">x<![CDATA[y]]></a> | <a>z</a>"#),
        ("//a/text()", "xy | z"),
        ("count(//text())", "3"),
        ("//@*", "9 | 1"),
        ("string(/r/@v)", "9"),
        ("string(//a)", "xy"),
        ("//comment()", "c"),
        ("//*[local-name()='b' and namespace-uri()='u']", r#"<p:b xmlns:p="u">2</p:b>"#),
        ("name(//*[.='2'])", "p:b"),
        ("//a[last()]", "<a>z</a>"),
        ("//a[2]/preceding-sibling::*[1]/text()", "2"),
        ("//a | //a[1]", r#"<a i="1">x<![CDATA[y]]></a> | <a>z</a>"#),
        ("boolean(//q)", "False"),
        ("sum(//@v) div 2", "4.5"),
        ("number('x')", "NaN"),
        ("/r/namespace::p", "u"),
        ("//q", ""),
        ("//p:b", "!prefix `p`"),
        ("//a[", "!well formed XPath"),
        ("$x", "!well formed XPath"),
        ("nope()", "!nope"),
        ("1 = 1", "True"),
    ] {
        check(&found(XML, query), expected, query);
    }
    check(&found("<?xml version='1.0'?><a/>", "/"), r#"<?xml version="1.0"?><a />"#, "/");
}

#[test]
fn bytes_are_read_in_their_encoding() {
    let world = |kind: &str, bytes: &[u8]| {
        World::new(json!({ "variables": { "x": base::value::envelope(kind, bytes) } }))
    };
    let utf16: Vec<u8> = "\u{feff}<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (kind, bytes, expected) in [
        ("application/xml", "<a>é</a>".as_bytes(), r#"{"a":"é"}"#),
        ("application/xml", utf16.as_slice(), r#"{"a":"é"}"#),
        ("text/xml; charset=ISO-8859-1", b"<a>\xe9</a>", r#"{"a":"é"}"#),
        (
            "application/xml",
            b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>",
            r#"{"?xml":{"@version":"1.0","@encoding":"iso-8859-1"},"a":"é"}"#,
        ),
        ("application/xml", b"<a>\xe9</a>", "!not valid in its encoding"),
        ("application/xml", b"\xff\xfe<", "!not valid in its encoding"),
    ] {
        check(&eval(&world(kind, bytes), "json(variables('x'))"), expected, kind);
    }
}

#[test]
fn everything_is_bounded() {
    let deep = format!("{}{}", "<a>".repeat(101), "</a>".repeat(101));
    check(&as_json(&deep), "!nest at most 100 deep", "deep");
    let deep = format!("{}1{}", "<a>".repeat(100), "</a>".repeat(100));
    let expected = format!("{}\"1\"{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    check(&as_json(&deep), &expected, "as deep as allowed");
    check(&as_xml(&expected), &deep, "as deep as allowed");
    check(&found(&deep, "string(/)"), "1", "as deep as allowed");
    let query = format!("{}1{}{}", "(".repeat(32), ")".repeat(32), " + 1".repeat(256));
    check(&found("<a/>", &query), "257", "as complicated as allowed");
    let query = format!("{}1{}", "-1 + (".repeat(32), ")".repeat(32));
    check(&found("<a/>", &query), "-31", "as complicated as allowed");
    let deepest = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    check(&as_json(&deepest), "!", "deepest");
    let deep = format!("{}1{}", r#"{"a":"#.repeat(110), "}".repeat(110));
    check(&as_xml(&deep), "!nest at most 100 deep", "deep JSON");
    let wide = format!("<r>{}</r>", "<a/>".repeat(100_001));
    check(&as_json(&wide), "!", "wide");
    let typed = format!("<!DOCTYPE a [{}]><a/>", "<!--'--><!ELEMENT a ANY>".repeat(100_000));
    check(&found(&typed, "count(/node())"), "1", "long document type");
    let typed = format!("<!DOCTYPE a [{}", "<!--'--><!ELEMENT a (".repeat(100_000));
    check(&as_json(&typed), "!type is not", "long document type without end");
    let typed = format!("<!DOCTYPE a [<!--{}-->]><a/>", "x".repeat(8 << 20));
    check(&as_json(&typed), "!at most 8388608 bytes", "too long document type");
    let wide = format!("<r>{}</r>", "<a/>".repeat(20_000));
    check(&found(&wide, "//*[//*[//*]]"), "!visits at most", "slow query");
    for query in ["(".repeat(5000), "(".repeat(100), "1+".repeat(2000), "-".repeat(3000)] {
        check(&found("<a/>", &query), "!", "query");
    }
    check(&found("<a/>", &format!("{}1", "1 or ".repeat(300))), "!too complicated", "operators");
    check(&found("<a/>", &format!("/a{}", "/..".repeat(1000))), "", "steps");
    check(&found("<a/>", &format!("/a{}", "[1]".repeat(1000))), "<a />", "predicates");
}

/// Whatever is put together: an answer or a failure; what was written is read again as the same.
#[test]
fn nothing_panics() {
    let pieces = "<a> </a> <b:c </b:c> xmlns:b='u' d='1' /> > <![CDATA[x]]> <!--y--> <?z?> <?xml?> &lt; & é \
                  ]]> <!DOCTYPE <!DOCTYPE\u{a0}a> [<!ELEMENT ]> <";
    let pieces: Vec<_> = pieces.split(' ').chain([" ", ""]).collect();
    for (a, b) in pieces.iter().flat_map(|a| pieces.iter().map(move |b| (a, b))) {
        for c in ["", a, "</a>", ">"] {
            let xml = format!("<r>{a}{b}{c}</r>");
            let written = found(&xml, "/");
            let again = found(&written, "/");
            assert!(written.starts_with('!') || written == again, "{xml}: {written}, {again}");
            assert!(!as_json(&format!("{a}{b}{c}")).is_empty());
        }
    }
    let words = "/ // . .. @ * a [ ] ( ) 1 'x' | = < - text() p: :: $ child:: é and".split(' ');
    let words: Vec<_> = words.collect();
    for (a, b) in words.iter().flat_map(|a| words.iter().map(move |b| (a, b))) {
        for c in ["", a, "]", "a"] {
            drop(found("<a b='1'>x</a>", &format!("{a}{b}{c}")));
        }
    }
}
