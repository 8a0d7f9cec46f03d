//! Types of the cloud's whose work is done by a part of Azure that a flow only names: an integration
//! account, an inline code runtime, a document service.
//!
//! Here each is a call like any other: its type is the operation, its inputs are the parameters, and
//! a connection says who carries it out.

/// A type, and the connector that stands for the part of Azure behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hosted {
    /// The type as the cloud's documents write it.
    pub type_name: &'static str,
    /// The connector, which gives its connection the same name in imported flows.
    pub connector: &'static str,
}

const DOCUMENTS: &str = "documents";
const INLINE_CODE: &str = "inline-code";
const INTEGRATION_ACCOUNT: &str = "integration-account";

/// Every such type.
pub const TABLE: &[Hosted] = &[
    hosted("AS2Decode", INTEGRATION_ACCOUNT),
    hosted("AS2Encode", INTEGRATION_ACCOUNT),
    hosted("CSharpScriptCode", INLINE_CODE),
    hosted("ChunkText", DOCUMENTS),
    hosted("ChunkTextWithMetadata", DOCUMENTS),
    hosted("EdifactDecode", INTEGRATION_ACCOUNT),
    hosted("EdifactEncode", INTEGRATION_ACCOUNT),
    hosted("FlatFileDecoding", INTEGRATION_ACCOUNT),
    hosted("FlatFileEncoding", INTEGRATION_ACCOUNT),
    hosted("IntegrationAccountArtifactLookup", INTEGRATION_ACCOUNT),
    hosted("JavaScriptCode", INLINE_CODE),
    hosted("Liquid", INTEGRATION_ACCOUNT),
    hosted("ParseDocument", DOCUMENTS),
    hosted("ParseDocumentWithMetadata", DOCUMENTS),
    hosted("PowershellCode", INLINE_CODE),
    hosted("RosettaNetDecode", INTEGRATION_ACCOUNT),
    hosted("RosettaNetEncode", INTEGRATION_ACCOUNT),
    hosted("RosettaNetWaitForResponse", INTEGRATION_ACCOUNT),
    hosted("RuleExecute", INTEGRATION_ACCOUNT),
    hosted("SwiftMTDecode", INTEGRATION_ACCOUNT),
    hosted("SwiftMTEncode", INTEGRATION_ACCOUNT),
    hosted("X12Decode", INTEGRATION_ACCOUNT),
    hosted("X12Encode", INTEGRATION_ACCOUNT),
    hosted("XmlCompose", INTEGRATION_ACCOUNT),
    hosted("XmlParse", INTEGRATION_ACCOUNT),
    hosted("XmlValidation", INTEGRATION_ACCOUNT),
    hosted("Xslt", INTEGRATION_ACCOUNT),
];

const fn hosted(type_name: &'static str, connector: &'static str) -> Hosted {
    Hosted { type_name, connector }
}

/// The entry of a type, which definitions write in any case.
pub fn find(type_name: &str) -> Option<Hosted> {
    TABLE.iter().find(|it| it.type_name.eq_ignore_ascii_case(type_name)).copied()
}

/// The connector of functions that lie beside a workflow of Logic Apps Standard.
pub const LOCAL_FUNCTIONS: &str = "local-functions";
/// What the connector of an Azure function is called: this and the id of its app.
pub const FUNCTION_APP: &str = "function-app";
/// What the connector of an API behind Azure API Management is called: this and its id.
pub const API_MANAGEMENT: &str = "api-management";
/// What the connectors that are built into Logic Apps Standard are called: this and a name.
pub const SERVICE_PROVIDERS: &str = "/serviceProviders/";

/// The type that a call of a connector has in the cloud, where that is not a connector's call: the
/// operation is none if method and path are called.
pub fn type_of(connector: &str, operation: Option<&str>) -> Option<&'static str> {
    let is = |name: &str| connector == name || connector.starts_with(&format!("{name}:"));
    if connector.starts_with(SERVICE_PROVIDERS) {
        return Some("ServiceProvider");
    }
    match operation {
        None if is(FUNCTION_APP) => Some("Function"),
        None if is(API_MANAGEMENT) => Some("ApiManagement"),
        Some(_) if connector == LOCAL_FUNCTIONS => Some("InvokeFunction"),
        Some(name) => find(name).filter(|it| it.connector == connector).map(|it| it.type_name),
        None => None,
    }
}
