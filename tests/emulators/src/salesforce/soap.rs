//! The two calls of the SOAP API that clients sign in and out with.

use crate::http::Answer;
use crate::page::escape;

/// A call that was understood.
pub(super) enum Call {
    Login { username: String, password: String },
    Logout { session: String },
}

/// Reads an envelope; none when it is neither call.
pub(super) fn read(envelope: &str) -> Option<Call> {
    let document = roxmltree::Document::parse(envelope).ok()?;
    let text = |name: &str| {
        let node = document.descendants().find(|it| it.tag_name().name() == name)?;
        Some(node.text().unwrap_or_default().to_owned())
    };
    let called = |name: &str| document.descendants().any(|it| it.tag_name().name() == name);
    if called("login") {
        return Some(Call::Login { username: text("username")?, password: text("password")? });
    }
    called("logout").then(|| text("sessionId")).flatten().map(|session| Call::Logout { session })
}

pub(super) fn logged_in(
    session: &str,
    server_url: &str,
    (user, organization, username): (&str, &str, &str),
) -> Answer {
    let (session, server_url, username) = (escape(session), escape(server_url), escape(username));
    envelope(
        200,
        &format!(
            "<loginResponse><result><metadataServerUrl>{server_url}</metadataServerUrl>\
             <passwordExpired>false</passwordExpired><sandbox>false</sandbox>\
             <serverUrl>{server_url}</serverUrl><sessionId>{session}</sessionId>\
             <userId>{user}</userId><userInfo><organizationId>{organization}</organizationId>\
             <organizationName>Flowright Sandbox</organizationName>\
             <sessionSecondsValid>7200</sessionSecondsValid><userId>{user}</userId>\
             <userName>{username}</userName></userInfo></result></loginResponse>"
        ),
    )
}

pub(super) fn logged_out() -> Answer {
    envelope(200, "<logoutResponse/>")
}

pub(super) fn fault(code: &str, message: &str) -> Answer {
    let message = escape(message);
    envelope(
        500,
        &format!(
            "<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring>\
             <detail><sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode>\
             <sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>"
        ),
    )
}

fn envelope(status: u16, body: &str) -> Answer {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns=\"urn:partner.soap.sforce.com\" xmlns:sf=\"urn:fault.partner.soap.sforce.com\">\
         <soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    );
    Answer { status, ..Answer::bytes("text/xml; charset=utf-8", text.into_bytes()) }
}
