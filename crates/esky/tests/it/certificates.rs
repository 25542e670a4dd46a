//! Servers with certificates that are refused. The system's authorities are those of the machine that runs the tests, so
//! what needs an authority of the tests' own is tested by way of the command.

use esky::{
    CancelToken, CertificateFault, Error, HttpFault, HttpTransport, Request, Transport, Whose,
};
use esky_testkit::server::Server;
use esky_testkit::tls::{Authority, Identity, TlsServer, VALID};

use crate::story::quick_options;

/// Asks a server with this certificate for something.
fn refused(identity: Identity) -> Error {
    let behind = Server::empty();
    behind.page("/x", "never seen");
    let server = TlsServer::start(identity, behind.address());
    let transport = HttpTransport::new(quick_options()).unwrap();
    let request = Request::new(server.url("localhost", "/x"), &CancelToken::new());
    let error = transport.open(&request).unwrap_err();
    assert!(behind.seen().is_empty());
    error
}

fn fault(error: &Error) -> &CertificateFault {
    match error {
        Error::Http {
            fault: HttpFault::Certificate(fault),
            ..
        } => fault,
        other => panic!("{other}"),
    }
}

/// What no person should have to read.
fn assert_readable(error: &Error) {
    let text = error.to_string();
    for raw in ["Other", "Error(", "UNIX", "{", "CaUsed"] {
        assert!(!text.contains(raw), "{text}");
    }
    assert!(error.hint().is_some(), "{text}");
}

#[test]
fn an_expired_certificate_says_when_it_expired_and_who_issued_it() {
    let authority = Authority::new("Example Authority");
    let error = refused(authority.issue(&["localhost"], (2000, 2001)));
    let CertificateFault::Expired {
        whose,
        issuer,
        since,
    } = fault(&error)
    else {
        panic!("{error}");
    };
    assert_eq!(
        (whose, issuer.as_str(), since.to_string().as_str()),
        (&Whose::Server, "Example Authority", "2001-01-01T00:00:00Z")
    );
    assert_eq!(error.times(), [*since]);
    assert_readable(&error);
}

#[test]
fn a_certificate_of_the_future_makes_one_look_at_the_clock() {
    let authority = Authority::new("Example Authority");
    let error = refused(authority.issue(&["localhost"], (2150, 2200)));
    let CertificateFault::NotYetValid { from, now, .. } = fault(&error) else {
        panic!("{error}");
    };
    assert_eq!(from.to_string(), "2150-01-01T00:00:00Z");
    assert!(now < from);
    assert!(error.hint().unwrap().contains("clock"));
    assert_readable(&error);
}

#[test]
fn a_certificate_that_nobody_else_has_issued_is_self_signed() {
    for is_authority in [false, true] {
        let error = refused(Identity::self_signed(&["localhost"], is_authority));
        let subject = "a lonely server".to_owned();
        assert_eq!(fault(&error), &CertificateFault::SelfSigned { subject });
        assert_readable(&error);
    }
}

#[test]
fn an_authority_that_is_not_known_is_named() {
    let authority = Authority::new("Company Proxy");
    let error = refused(authority.issue(&["localhost"], VALID));
    let issuer = "Company Proxy".to_owned();
    assert_eq!(fault(&error), &CertificateFault::UnknownIssuer { issuer });
    assert!(error.hint().unwrap().contains("proxy"));
    assert_readable(&error);
}

#[test]
fn the_authority_at_the_end_of_the_chain_is_named() {
    let authority = Authority::new("Far Above");
    let error = refused(authority.issue_through("Between", VALID, &["localhost"]));
    let issuer = "Far Above".to_owned();
    assert_eq!(fault(&error), &CertificateFault::UnknownIssuer { issuer });
}
