//! `OAuth` settings of connection parameters as ways to get tokens.

use serde_json::{Map, Value, json};

use super::{
    authentication::{add, connection},
    connection::own,
};
use crate::{
    model::{ConnectionParam, ParamKind},
    policy,
};

/// Where Microsoft's directory gives tokens.
const AAD: &str = "https://login.microsoftonline.com";
/// Where Facebook asks people, and gives tokens.
const FACEBOOK: (&str, &str) =
    ("https://www.facebook.com/dialog/oauth", "https://graph.facebook.com/oauth/access_token");
/// Fields that every request for a token has.
const USUAL: &[&str] =
    &["client_id", "client_secret", "code", "grant_type", "redirect_uri", "refresh_token"];

/// What a provider's settings come to.
#[derive(Default)]
struct Provider {
    authorize: Option<String>,
    token: Option<String>,
    scope: String,
    /// Further fields of the form that refreshes a token.
    form: Map<String, Value>,
    /// Id and secret of the application, where the settings name other parameters than ours.
    who: Map<String, Value>,
}

/// The settings of one `oAuthSettings`.
struct Settings<'d>(&'d Value);

impl Settings<'_> {
    /// A custom parameter; names are written in any case.
    fn custom(&self, name: &str) -> Option<String> {
        let all = self.0.get("customParameters").and_then(Value::as_object)?;
        let mut all = all.iter();
        let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name))?.1;
        let value = found.get("value").unwrap_or(found);
        value.as_str().map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned)
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer).and_then(Value::as_str)
    }

    fn provider(&self) -> String {
        self.text("/identityProvider").unwrap_or("oauth2").to_ascii_lowercase()
    }

    fn scope(&self) -> String {
        let scopes = self.0.get("scopes").and_then(Value::as_array).into_iter().flatten();
        let scopes: Vec<&str> = scopes.filter_map(Value::as_str).map(str::trim).collect();
        scopes.join(&self.custom("scopeListDelimiter").unwrap_or_else(|| " ".to_owned()))
    }
}

/// The ways in which a provider gives tokens. The first is the usual one: an application of a
/// directory acts for itself, any other for somebody who agreed.
pub(super) fn ways(settings: &Value, params: &mut Vec<ConnectionParam>) -> Vec<Value> {
    let settings = Settings(settings);
    let name = settings.provider();
    let is_directory = name.starts_with("aad");
    let provider = if is_directory {
        directory(&settings, params)
    } else if name == "facebook" {
        let (authorize, token) = FACEBOOK;
        Provider {
            authorize: Some(authorize.to_owned()),
            token: Some(token.to_owned()),
            scope: settings.scope(),
            ..Provider::default()
        }
    } else {
        generic(&settings, params)
    };
    let token = provider.token.clone().unwrap_or_else(|| {
        let mut param = own("tokenUrl", ParamKind::Uri, "Address that gives tokens.");
        param.required = true;
        add(params, param);
        connection("tokenUrl")
    });
    if !provider.who.contains_key("clientId") {
        add(params, own("clientId", ParamKind::String, "Id of your application there."));
    }
    if !provider.who.contains_key("clientSecret") {
        add(params, own("clientSecret", ParamKind::Secret, "Secret of your application."));
    }
    add(params, own("refreshToken", ParamKind::Secret, "A refresh token that you have."));
    let way = |grant: &str| provider.way(grant, &token);
    let login = provider.authorize.is_some().then(|| way("authorizationCode"));
    let (refresh, own) = (way("refreshToken"), way("clientCredentials"));
    if is_directory {
        [Some(own), login, Some(refresh)].into_iter().flatten().collect()
    } else {
        [login, Some(refresh), Some(own)].into_iter().flatten().collect()
    }
}

impl Provider {
    /// One way, as connector files write it.
    fn way(&self, grant: &str, token: &str) -> Value {
        let mut way = json!({ "name": grant, "type": "oauth2", "grant": grant, "tokenUrl": token });
        if !self.scope.is_empty() {
            way["scope"] = self.scope.replace('@', "@@").into();
        }
        if !self.form.is_empty() && grant == "refreshToken" {
            way["form"] = Value::Object(self.form.clone());
        }
        if let Some(authorize) = self.authorize.as_ref().filter(|_| grant == "authorizationCode") {
            way["authorizeUrl"] = authorize.as_str().into();
        }
        for (key, value) in &self.who {
            way[key.as_str()] = value.clone();
        }
        way
    }
}

/// Microsoft's directory: the resource decides the scope.
fn directory(settings: &Settings<'_>, params: &mut Vec<ConnectionParam>) -> Provider {
    let login = settings.custom("loginUri").unwrap_or_else(|| AAD.to_owned());
    let login =
        login.trim_end_matches('/').replace("login.windows.net", "login.microsoftonline.com");
    let mut tenant = own("tenantId", ParamKind::String, "Tenant of the directory.");
    tenant.default = settings.custom("tenantId").filter(|it| it != "common").map(Value::from);
    tenant.required = tenant.default.is_none();
    add(params, tenant);
    let base = format!("{login}/@{{connection('tenantId')}}/oauth2/v2.0");
    let resource = settings
        .custom("resourceUri")
        .or_else(|| settings.text("/properties/AzureActiveDirectoryResourceId").map(str::to_owned));
    let scope = match resource {
        Some(resource) => format!("{}/.default", resource.trim_end_matches('/')),
        None => settings.scope(),
    };
    Provider {
        authorize: Some(format!("{base}/authorize")),
        token: Some(format!("{base}/token")),
        scope,
        ..Provider::default()
    }
}

/// Any other provider: addresses as they are, or templates.
fn generic(settings: &Settings<'_>, params: &mut Vec<ConnectionParam>) -> Provider {
    let mut provider = Provider { scope: settings.scope(), ..Provider::default() };
    let authorize = settings.custom("authorizationUrlTemplate").map(|it| filled(&it, params));
    provider.authorize = authorize.or_else(|| settings.custom("authorizationUrl"));
    let token = settings.custom("refreshUrlTemplate");
    let token = token.or_else(|| settings.custom("tokenUrlTemplate"));
    let token = token.map(|it| filled(&it, params));
    provider.token =
        token.or_else(|| settings.custom("refreshUrl")).or_else(|| settings.custom("tokenUrl"));
    let body = settings.custom("refreshBodyTemplate").unwrap_or_default();
    for (name, value) in body.split('&').filter_map(|it| it.split_once('=')) {
        let plain = value.trim_matches(['{', '}']).to_ascii_lowercase();
        let (place, key) = match name {
            "client_id" if plain != "clientid" => (&mut provider.who, "clientId"),
            "client_secret" if plain != "clientsecret" => (&mut provider.who, "clientSecret"),
            "scope" => {
                let scope = provider.scope.replace('@', "@@");
                provider.form.insert(name.to_owned(), scope.into());
                continue;
            }
            name if USUAL.contains(&name) => continue,
            name => (&mut provider.form, name),
        };
        place.insert(key.to_owned(), filled(value, params).into());
    }
    provider
}

/// A text in which `{Name}` stands for what the connection has.
fn filled(text: &str, params: &mut Vec<ConnectionParam>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(&before.replace('@', "@@"));
        let Some((name, after)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        let is_known = |it: &&ConnectionParam| {
            let plain = it.name.rsplit(':').next().unwrap_or_default();
            plain.eq_ignore_ascii_case(name)
        };
        let param = params.iter().find(is_known).map(|it| it.name.clone());
        let param = param.unwrap_or_else(|| {
            add(params, own(name, ParamKind::String, "Asked for by what gives tokens."));
            name.to_owned()
        });
        filled.extend(["@{connection(", &policy::quote(&param), ")}"]);
        rest = after;
    }
    filled.push_str(&rest.replace('@', "@@"));
    filled
}
