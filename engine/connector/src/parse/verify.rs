//! Reads how deliveries prove where they come from, and what asks whether an address is ours.

use base::{Diagnostic, Duration, code};
use expr::{Dialect, Template, Tree};
use yaml::{Mapping, Node};

use super::reader::Reader;
use crate::trigger::{
    Digest, Handshake, Hmac, Jwt, RsaCertificateUrl, TokenAlgorithm, Verify, Written,
};

/// How old a delivery may be, and how far clocks may be apart, if nothing is said.
const TOLERANCE_DEFAULT: Duration = Duration::seconds(300);

#[derive(Clone, Copy)]
pub(crate) enum Scheme {
    None,
    UrlSecret,
    RsaCertificateUrl,
    Hmac,
    Jwt,
    Basic,
}

pub(crate) const SCHEMES: &[(&str, Scheme)] = &[
    ("none", Scheme::None),
    ("urlSecret", Scheme::UrlSecret),
    ("rsaCertificateUrl", Scheme::RsaCertificateUrl),
    ("hmac", Scheme::Hmac),
    ("jwt", Scheme::Jwt),
    ("basic", Scheme::Basic),
];

impl Scheme {
    /// The keys that it has besides `scheme`, and which of them must be there.
    pub(crate) const fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::None | Self::UrlSecret => (&[], &[]),
            Self::RsaCertificateUrl => (
                &[
                    "signatureHeaders",
                    "prefix",
                    "algorithmHeader",
                    "algorithms",
                    "certificateHeader",
                    "certificateHosts",
                    "trustAnchors",
                    "issuerContains",
                ],
                &["signatureHeaders", "algorithms", "certificateHosts", "trustAnchors"],
            ),
            Self::Hmac => (
                &[
                    "algorithm",
                    "encoding",
                    "header",
                    "prefix",
                    "secretEncoding",
                    "secrets",
                    "signature",
                    "signed",
                    "timestamp",
                    "tolerance",
                ],
                &["algorithm", "secrets"],
            ),
            Self::Jwt => (
                &[
                    "algorithms",
                    "audience",
                    "claims",
                    "header",
                    "issuer",
                    "keysUrl",
                    "prefix",
                    "token",
                    "tolerance",
                ],
                &["algorithms", "audience", "issuer", "keysUrl"],
            ),
            Self::Basic => (&["username", "password"], &[]),
        }
    }
}

pub(crate) const HANDSHAKE_KEYS: &[&str] =
    &["body", "headers", "method", "status", "verified", "when"];
pub(crate) const HANDSHAKE_METHODS: &[&str] = &["GET", "HEAD", "OPTIONS", "POST", "PUT"];

impl Reader {
    pub(super) fn verify(&mut self, node: &Node) -> Option<Verify> {
        let map = self.entries(node, "`verify`")?;
        if map.get("scheme").is_none() {
            self.sink.missing_key(node.span, "scheme", "`verify`");
        }
        let scheme = self.choice(map, "scheme", SCHEMES)?;
        let (known, required) = scheme.keys();
        let known: Vec<&str> = std::iter::once("scheme").chain(known.iter().copied()).collect();
        self.object(node, "`verify`", &known)?;
        for key in required.iter().filter(|key| map.get(key).is_none()) {
            self.sink.missing_key(node.span, key, "`verify`");
        }
        match scheme {
            Scheme::None => Some(Verify::None),
            Scheme::UrlSecret => Some(Verify::UrlSecret),
            Scheme::RsaCertificateUrl => self.rsa_certificate_url(node, map),
            Scheme::Hmac => self.keyed_digest(node, map),
            Scheme::Jwt => self.jwt(node, map),
            Scheme::Basic => Some(Verify::Basic {
                username: self.template_or(map, "username", "@connection('username')"),
                password: self.template_or(map, "password", "@connection('password')"),
            }),
        }
    }

    fn rsa_certificate_url(&mut self, node: &Node, map: &Mapping) -> Option<Verify> {
        let place = "`verify`";
        let algorithm_header = self.required_text(map, ("algorithmHeader", place), node.span);
        let certificate_header = self.required_text(map, ("certificateHeader", place), node.span);
        let signed = RsaCertificateUrl {
            signature_headers: self.texts(map, "signatureHeaders"),
            prefix: self.text(map, "prefix").unwrap_or_default(),
            algorithm_header,
            algorithms: self.rsa_algorithms(map),
            certificate_header,
            allow_hosts: self.template(map, "certificateHosts")?,
            trust_anchors: self.template(map, "trustAnchors")?,
            issuer_contains: self.template_or(map, "issuerContains", ""),
        };
        Some(Verify::RsaCertificateUrl(Box::new(signed)))
    }

    /// The algorithms that are believed; only one can be checked, and weaker ones never are.
    fn rsa_algorithms(&mut self, map: &Mapping) -> Vec<String> {
        let names = self.texts(map, "algorithms");
        if let Some(node) = map.get("algorithms") {
            for name in names.iter().filter(|it| *it != "rsa-sha256") {
                self.unknown_word(node.span, "`algorithms`", name, std::iter::once("rsa-sha256"));
            }
        }
        names.into_iter().filter(|it| it == "rsa-sha256").collect()
    }

    fn keyed_digest(&mut self, node: &Node, map: &Mapping) -> Option<Verify> {
        let signature = self.brought(node, map, "signature", None)?;
        let written = self.choice(map, "encoding", Written::DIGESTS).unwrap_or(Written::Hex);
        let of_secrets = self.choice(map, "secretEncoding", Written::ALL);
        Some(Verify::Hmac(Box::new(Hmac {
            signature,
            prefix: self.text(map, "prefix").unwrap_or_default(),
            digest: self.choice(map, "algorithm", Digest::ALL)?,
            written,
            secrets: self.tree(map.get("secrets")?),
            secret_written: of_secrets.unwrap_or(Written::Text),
            signed: self.template(map, "signed"),
            timestamp: self.template(map, "timestamp"),
            tolerance: self.duration(map, "tolerance").unwrap_or(TOLERANCE_DEFAULT),
        })))
    }

    fn jwt(&mut self, node: &Node, map: &Mapping) -> Option<Verify> {
        let token = self.brought(node, map, "token", Some("Authorization"))?;
        let is_usual = map.get("token").is_none() && map.get("header").is_none();
        let usual = if is_usual { "Bearer " } else { "" };
        Some(Verify::Jwt(Box::new(Jwt {
            token,
            prefix: self.text(map, "prefix").unwrap_or_else(|| usual.to_owned()),
            keys_url: self.template(map, "keysUrl")?,
            algorithms: self.token_algorithms(map),
            issuer: self.listed(map, "issuer")?,
            audience: self.listed(map, "audience")?,
            claims: self.templates(map, "claims"),
            tolerance: self.duration(map, "tolerance").unwrap_or(TOLERANCE_DEFAULT),
        })))
    }

    /// Where a proof stands: what an expression gives, or a header.
    fn brought(
        &mut self,
        node: &Node,
        map: &Mapping,
        key: &str,
        usual: Option<&str>,
    ) -> Option<Template> {
        if let Some(template) = self.template(map, key) {
            return Some(template);
        }
        let named = self.text(map, "header");
        let Some(name) = named.as_deref().or(usual) else {
            let message = format!("`verify` needs `header` or `{key}`");
            self.sink.push(Diagnostic::new(code::MISSING_KEY, node.span, message));
            return None;
        };
        let name = name.replace('\'', "''");
        Some(Template::parse(&format!("@headers('{name}')"), Dialect::Wdl).0)
    }

    /// A text or a list of texts, which may be computed.
    fn listed(&mut self, map: &Mapping, key: &str) -> Option<Tree> {
        map.get(key).map(|it| self.tree(it))
    }

    fn token_algorithms(&mut self, map: &Mapping) -> Vec<TokenAlgorithm> {
        let names = self.texts(map, "algorithms");
        let mut found = Vec::with_capacity(names.len());
        for name in &names {
            let known = TokenAlgorithm::ALL.iter().find(|(known, _)| known == name);
            if known.is_none() {
                let span = map.get("algorithms").map_or_else(Default::default, |it| it.span);
                let known = TokenAlgorithm::ALL.iter().map(|it| it.0);
                self.unknown_word(span, "`algorithms`", name, known);
            }
            found.extend(known.map(|(_, algorithm)| *algorithm));
        }
        found
    }

    pub(super) fn handshakes(&mut self, map: &Mapping) -> Vec<Handshake> {
        let Some(node) = map.get("handshake") else { return Vec::new() };
        let items = node.as_seq().unwrap_or(std::slice::from_ref(node));
        items.iter().filter_map(|it| self.handshake(it)).collect()
    }

    fn handshake(&mut self, node: &Node) -> Option<Handshake> {
        let map = self.object(node, "`handshake`", HANDSHAKE_KEYS)?;
        if map.get("when").is_none() {
            self.sink.missing_key(node.span, "when", "`handshake`");
        }
        let method = self.text(map, "method").unwrap_or_else(|| "POST".to_owned());
        if !HANDSHAKE_METHODS.contains(&method.as_str()) {
            let span = map.get("method").map_or(node.span, |it| it.span);
            self.unknown_word(span, "`method`", &method, HANDSHAKE_METHODS.iter().copied());
        }
        Some(Handshake {
            method,
            when: self.template(map, "when")?,
            verified: self.flag(map, "verified"),
            status: self.statuses(map, "status").first().copied().unwrap_or(200),
            headers: self.templates(map, "headers"),
            body: map.get("body").map(|it| self.tree(it)),
        })
    }
}
