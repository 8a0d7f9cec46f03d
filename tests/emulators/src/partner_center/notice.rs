//! Notifications: what they say and how they are signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::json;

use super::webhooks::Registration;
use super::{CERTIFICATE_PATH, Service};
use crate::clock::seven_digits;
use crate::courier::Delivery;

/// What a notification says.
pub(super) struct Notice<'a> {
    pub(super) event: &'a str,
    pub(super) resource_name: &'a str,
    pub(super) resource_uri: &'a str,
    pub(super) resource_id: &'a str,
    pub(super) changed: Timestamp,
}

impl Service {
    /// Signs and queues a notification; returns the index of its delivery.
    pub(super) fn send(&self, notice: &Notice<'_>, to: &Registration) -> usize {
        let body = json!({
            "EventName": notice.event,
            "ResourceUri": notice.resource_uri,
            "ResourceName": notice.resource_name,
            "AuditUri": null,
            "ResourceChangeUtcDate": seven_digits(notice.changed, "+00:00"),
        });
        let mut delivery = Delivery::new(notice.event, notice.resource_id, &to.url, &body);
        let signature = self.signing.sign(&delivery.body);
        let header = if to.ms_signature_header { "x-ms-signature" } else { "Authorization" };
        delivery.headers.extend([
            (header.to_owned(), format!("Signature {}", STANDARD.encode(signature))),
            ("X-MS-Certificate-Url".to_owned(), format!("{}{CERTIFICATE_PATH}", self.url)),
            ("X-MS-Signature-Algorithm".to_owned(), "rsa-sha256".to_owned()),
        ]);
        self.courier.queue(delivery)
    }
}
