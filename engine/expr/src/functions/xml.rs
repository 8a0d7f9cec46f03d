//! Functions about XML: making it, asking it, names and texts that may stand in it.

use std::borrow::Cow;

use base::value::envelope;
use serde_json::Value;

use super::{Answer, Arguments, Eval, Function, Origin, required};
use crate::operand::Operand;
use crate::text;
use crate::types::Type;
use crate::xml::{self, Document, Found, Shown};

const CONVERSION: &str = "Conversion";
const MANIPULATION: &str = "Manipulation";
const KIND: &str = "application/xml;charset=utf-8";

pub(super) const DECODE_XML_NAME: Function = Function {
    name: "decodeXmlName",
    family: CONVERSION,
    origin: Origin::Microsoft,
    summary: "A name as it was before `encodeXmlName`.",
    params: &[required("name", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(decode_xml_name),
    examples: &[
        ("decodeXmlName('Order_x0020_no')", "\"Order no\""),
        ("decodeXmlName('Order')", "\"Order\""),
    ],
};

pub(super) const DECODE_XML_VALUE: Function = Function {
    name: "decodeXmlValue",
    family: CONVERSION,
    origin: Origin::Microsoft,
    summary: "A text with the references of XML resolved; what is none stays.",
    params: &[required("value", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(decode_xml_value),
    examples: &[
        ("decodeXmlValue('a &lt; b &amp; &#x63;')", "\"a < b & c\""),
        ("decodeXmlValue('R&D')", "\"R&D\""),
    ],
};

pub(super) const ENCODE_XML_NAME: Function = Function {
    name: "encodeXmlName",
    family: CONVERSION,
    origin: Origin::Microsoft,
    summary: "A text as a name of XML: characters that may not stand there as `_x0020_`.",
    params: &[required("name", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(encode_xml_name),
    examples: &[
        ("encodeXmlName('Order no')", "\"Order_x0020_no\""),
        ("encodeXmlName('1st')", "\"_x0031_st\""),
    ],
};

pub(super) const ENCODE_XML_VALUE: Function = Function {
    name: "encodeXmlValue",
    family: CONVERSION,
    origin: Origin::Microsoft,
    summary: "A text that may stand in XML, in elements and in attributes.",
    params: &[required("value", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(encode_xml_value),
    examples: &[
        ("encodeXmlValue('a < b & \"c\"')", "\"a &lt; b &amp; &quot;c&quot;\""),
        ("encodeXmlValue('plain')", "\"plain\""),
    ],
};

pub(super) const XML: Function = Function {
    name: "xml",
    family: CONVERSION,
    origin: Origin::Microsoft,
    summary: "XML from its text, or from an object with one property.",
    params: &[required("value", Type::Any)],
    returns: Type::Xml,
    eval: Eval::Pure(xml),
    examples: &[
        (
            "xml('<a/>')",
            "{\"$content-type\":\"application/xml;charset=utf-8\",\"$content\":\"PGEgLz4=\"}",
        ),
        (
            "string(xml(json('{\"a\":{\"@id\":1,\"b\":[\"x\",\"y\"]}}')))",
            "\"<a id=\\\"1\\\"><b>x</b><b>y</b></a>\"",
        ),
    ],
};

pub(super) const XPATH: Function = Function {
    name: "xpath",
    family: MANIPULATION,
    origin: Origin::Microsoft,
    summary: "What an XPath 1.0 query finds in XML: a list of nodes, a text, a number or a boolean.",
    params: &[required("xml", Type::Any), required("xpath", Type::String)],
    returns: Type::Any,
    eval: Eval::Pure(xpath),
    examples: &[
        ("xpath(xml('<a><b>1</b><b>2</b></a>'), '//b/text()')", "[\"1\",\"2\"]"),
        ("xpath(xml('<a><b>1</b><b>2</b></a>'), 'sum(//b)')", "3.0"),
        (
            "xpath(xml('<a><b/></a>'), '/a/b')",
            "[{\"$content-type\":\"application/xml;charset=utf-8\",\"$content\":\"PGIgLz4=\"}]",
        ),
    ],
};

fn xml<'a>(args: &mut Arguments<'a>) -> Answer<'a> {
    let value = args.take(0);
    let text = match value.json() {
        Some(Value::String(text)) => xml::read(text).map(|document| document.write(0)),
        Some(Value::Object(map)) => match value.json().and_then(text::envelope) {
            Some((kind, content)) => return Ok(relabelled(kind, content)),
            None => xml::from_json(map),
        },
        _ => return Err(args.mismatch(0, "be a string or an object", value.kind())),
    };
    match text {
        Ok(text) => Ok(envelope(KIND, text.as_bytes()).into()),
        Err(fault) => Err(args.failure(&format!(
            "parameter is not valid. The provided value cannot be converted to XML: '{fault}'"
        ))),
    }
}

/// Bytes as XML; nobody looks into them yet.
fn relabelled(kind: &str, content: &str) -> Operand<'static> {
    let kind = if kind.contains("xml") { kind } else { KIND };
    serde_json::json!({ "$content-type": kind, "$content": content }).into()
}

/// The JSON form of XML in its envelope, for `json`.
pub(super) fn json_of(args: &Arguments<'_>, kind: &str, content: &str) -> Answer<'static> {
    match read(kind, content) {
        Ok(document) => Ok(xml::to_json(&document).into()),
        Err(fault) => Err(args.failure(&format!(
            "parameter is not valid. The provided value cannot be converted from XML: '{fault}'"
        ))),
    }
}

fn read(kind: &str, content: &str) -> Result<Document, String> {
    let bytes = base::base64::decode_lenient(content).ok_or("its content is not base64")?;
    xml::read_bytes(kind, &bytes)
}

fn xpath(args: &mut Arguments<'_>) -> Answer<'static> {
    let (value, query) = (args.take(0), args.text(1)?);
    let document = match value.json() {
        // The body of an answer in XML is a text here.
        Some(Value::String(text)) => xml::read(text),
        Some(object) => match text::envelope(object) {
            Some((kind, content)) => read(kind, content),
            None => return Err(args.mismatch(0, "be XML", value.kind())),
        },
        None => return Err(args.mismatch(0, "be XML", value.kind())),
    };
    let document = document.map_err(|fault| {
        args.failure(&format!(
            "parameters are invalid: the 'xml' parameter must be a supported, well formed XML \
             object: '{fault}'"
        ))
    })?;
    match xml::find(&document, &query) {
        Ok(Found::Nodes(nodes)) => Ok(nodes.into_iter().map(shown).collect::<Vec<_>>().into()),
        Ok(Found::Text(text)) => Ok(text.into()),
        Ok(Found::Number(number)) => Ok(number.into()),
        Ok(Found::Truth(truth)) => Ok(truth.into()),
        Err(fault) => Err(args.failure(&format!(
            "parameters are invalid: the 'xpath' parameter must be a supported, well formed \
             XPath expression: '{fault}'"
        ))),
    }
}

fn shown(node: Shown) -> Value {
    match node {
        Shown::Xml(xml) => envelope(KIND, xml.as_bytes()),
        Shown::Text(text) => text.into(),
    }
}

fn encode_xml_name(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(xml::name::encode(&args.text(0)?).into())
}

fn decode_xml_name(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(xml::name::decode(&args.text(0)?).into())
}

fn encode_xml_value<'a>(args: &mut Arguments<'a>) -> Answer<'a> {
    let text = args.text(0)?;
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Ok(text.into());
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
    Ok(Cow::<str>::Owned(out).into())
}

fn decode_xml_value(args: &mut Arguments<'_>) -> Answer<'static> {
    let text = args.text(0)?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let reference =
            behind.split_once(';').and_then(|(name, after)| Some((xml::named(name)?, after)));
        if let Some((c, after)) = reference {
            out.push(c);
            rest = after;
        } else {
            out.push('&');
            rest = behind;
        }
    }
    out.push_str(rest);
    Ok(out.into())
}
