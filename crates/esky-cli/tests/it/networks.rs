//! An installed app whose network is in the way: what `esky update` says, in words and as JSON.

use std::ffi::OsStr;
use std::path::PathBuf;

use esky_testkit::apps::{Place, Release, extract};
use esky_testkit::proxy::{ProxyServer, Rule};
use esky_testkit::server::{Fault, Server};
use esky_testkit::signed_site::SignedSite;
use esky_testkit::tls::{Authority, Identity, TlsServer, VALID};

use crate::support::{Reply, Scene, command};

/// A signed app at 1.0, and the server of its repository, which offers 1.1.
struct Installed {
    site: SignedSite,
    server: Server,
    place: Place,
    scene: Scene,
}

impl Installed {
    fn new() -> Self {
        let site = SignedSite::new();
        let first = site.release(&Release::new("1.0"));
        let place = Place::new();
        extract(&first.path, &place.appdir());
        site.release(&Release::new("1.1"));
        Self {
            server: Server::start(site.repository()),
            site,
            place,
            scene: Scene::new(),
        }
    }

    /// `esky update` with these options and variables.
    fn update(&self, source: &str, options: &[&str], variables: &[(&str, &str)]) -> Reply {
        let app = self.place.appdir();
        let arguments = [OsStr::new("update"), app.as_os_str(), OsStr::new(source)];
        let options = options.iter().map(OsStr::new);
        let mut command = command(arguments.into_iter().chain(options));
        command.envs(variables.iter().copied());
        Reply::from(command.output().unwrap())
    }

    /// The error as a person and as a program sees it, which must be the same.
    fn refused(&self, source: &str, variables: &[(&str, &str)]) -> (i32, String) {
        let spoken = self.update(source, &["-q"], variables);
        let written = self.update(source, &["--json"], variables);
        assert_eq!(written.code, spoken.code, "{spoken:?}");
        let error = written.json()["error"].clone();
        let (cause, hint) = (error["cause"].as_str(), error["hint"].as_str());
        let text = format!("error: {}\nhint: {}\n", cause.unwrap(), hint.unwrap());
        assert_eq!(spoken.stderr, text);
        (spoken.code, text)
    }

    fn trust(&self, authority: &Authority) -> PathBuf {
        self.scene.write("authorities.pem", authority.pem())
    }
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

const DIRECT: [(&str, &str); 1] = [("no_proxy", "*")];

#[test]
fn a_store_that_sends_everything_compressed_updates_the_app() {
    let app = Installed::new();
    app.server.fault_everywhere(Fault::Encoded("gzip"));
    let reply = app.update(&app.server.url("/"), &[], &DIRECT);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert!(reply.stdout.contains("from 1.0 to 1.1"), "{reply:?}");
}

#[test]
fn an_encoding_that_nobody_asked_for_is_named_with_its_header() {
    let app = Installed::new();
    app.server.fault_everywhere(Fault::Encoded("br"));
    let (_, text) = app.refused(&app.server.url("/"), &DIRECT);
    assert_says(&text, &["`Content-Encoding: br`", "timestamp.json"]);
}

#[test]
fn a_login_page_is_told_with_the_host_that_sent_it() {
    let app = Installed::new();
    let portal = Server::empty();
    portal.fault("/login", Fault::login_page());
    let redirect = Fault::Redirect(portal.url("/login"));
    app.server.fault_everywhere(redirect);
    let (code, text) = app.refused(&app.server.url("/"), &DIRECT);
    assert_eq!(code, 1);
    let host = portal.address().to_string();
    assert_says(
        &text,
        &[
            "received a web page from",
            &host,
            "does this network require a login, or is the address wrong?",
        ],
    );
}

#[test]
fn an_address_without_its_scheme_is_a_question() {
    let app = Installed::new();
    let address = app.server.address().to_string();
    let (code, text) = app.refused(&address, &DIRECT);
    assert_eq!(code, 2);
    let asked = format!("did you mean https://{address} or http://{address}?");
    assert_says(&text, &[&asked]);
    let (_, text) = app.refused("example.com/x", &DIRECT);
    assert_says(&text, &["did you mean https://example.com/x?"]);
    let (_, text) = app.refused("", &DIRECT);
    assert_says(&text, &["no address is given"]);
}

#[test]
fn a_file_address_with_one_slash_is_read() {
    let app = Installed::new();
    let address = format!("file:{}", app.site.repository().display());
    let reply = app.update(&address, &[], &DIRECT);
    assert_eq!(reply.code, 0, "{reply:?}");
}

#[test]
fn a_proxy_that_refuses_is_named_with_the_variable_that_names_it() {
    let app = Installed::new();
    let proxy = ProxyServer::start(Rule::Refuse(403), app.server.address());
    let address = proxy.address().to_string();
    for (variable, source) in [
        ("http_proxy", "http://releases.example/"),
        ("HTTPS_PROXY", "https://releases.example/"),
        ("ALL_PROXY", "https://releases.example/"),
    ] {
        let (code, text) = app.refused(source, &[(variable, &proxy.url())]);
        assert_eq!(code, 1);
        let named = format!("{address} (from the variable {variable})");
        assert_says(&text, &[&named, "403 (forbidden)"]);
    }
}

#[test]
fn a_proxy_that_requires_a_password_says_where_to_write_it() {
    let app = Installed::new();
    let rule = Rule::Login {
        offered: "Basic realm=\"office\"",
        accepted: "Basic bWU6c2VjcmV0",
    };
    let proxy = ProxyServer::start(rule, app.server.address());
    let address = proxy.address().to_string();
    for (variable, source) in [
        ("http_proxy", "http://releases.example/"),
        ("https_proxy", "https://releases.example/"),
    ] {
        let (_, text) = app.refused(source, &[(variable, &proxy.url())]);
        let place = format!("in the variable {variable}: http://NAME:PASSWORD@{address}");
        assert_says(&text, &["requires a name and a password (407)", &place]);
        let wrong = proxy.url().replace("//", "//me:wrong@");
        let (_, text) = app.refused(source, &[(variable, &wrong)]);
        assert_says(
            &text,
            &["does not accept the name and the password", variable],
        );
        assert!(!text.contains("wrong@"), "{text}");
    }
    let right = proxy.url().replace("//", "//me:secret@");
    let reply = app.update("http://releases.example/", &[], &[("http_proxy", &right)]);
    assert_eq!(reply.code, 0, "{reply:?}");
}

#[test]
fn hosts_in_a_block_of_no_proxy_are_reached_without_the_proxy() {
    let app = Installed::new();
    let proxy = ProxyServer::start(Rule::Refuse(403), app.server.address());
    let variables = [
        ("http_proxy", proxy.url()),
        ("NO_PROXY", "10.0.0.0/8,127.0.0.0/8".into()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let reply = app.update(&app.server.url("/"), &[], &variables);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert!(proxy.seen().is_empty());
}

/// A server in front of the repository, with an identity that the authority has issued.
fn encrypted(app: &Installed, identity: Identity) -> TlsServer {
    TlsServer::start(identity, app.server.address())
}

#[test]
fn an_encrypted_server_with_a_good_certificate_updates_the_app_through_a_proxy_too() {
    let app = Installed::new();
    let authority = Authority::new("Example Authority");
    let names = ["localhost", "releases.example"];
    let server = encrypted(&app, authority.issue(&names, VALID));
    let trusted = app.trust(&authority);
    let trusted = ("SSL_CERT_FILE", trusted.to_str().unwrap());
    let check = app.update(&server.url("localhost", "/"), &["--check"], &[trusted]);
    assert_eq!(check.code, 0, "{check:?}");
    let proxy = ProxyServer::start(Rule::Pass, server.address());
    let variables = [trusted, ("https_proxy", &proxy.url())];
    let reply = app.update("https://releases.example/", &[], &variables);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(proxy.seen()[0].target, "releases.example:443");
}

#[test]
fn an_expired_certificate_is_told_in_local_time() {
    let app = Installed::new();
    let authority = Authority::new("Example Authority");
    let server = encrypted(&app, authority.issue(&["localhost"], (2000, 2001)));
    let trusted = app.trust(&authority);
    let variables = [
        ("SSL_CERT_FILE", trusted.to_str().unwrap()),
        ("TZ", "XYZ-3"),
    ];
    let (_, text) = app.refused(&server.url("localhost", "/"), &variables);
    assert_says(
        &text,
        &[
            "the certificate of the server expired on 2001-01-01 03:00 +0300 (issued by Example Authority)",
        ],
    );
}

#[test]
fn an_authority_between_that_has_expired_is_told_from_the_server() {
    let app = Installed::new();
    let authority = Authority::new("Example Authority");
    let identity = authority.issue_through("Between", (2000, 2001), &["localhost"]);
    let server = encrypted(&app, identity);
    let trusted = app.trust(&authority);
    let variables = [("SSL_CERT_FILE", trusted.to_str().unwrap())];
    let (_, text) = app.refused(&server.url("localhost", "/"), &variables);
    assert_says(
        &text,
        &["the certificate of the authority Between expired on"],
    );
}

#[test]
fn a_certificate_for_other_hosts_says_for_which() {
    let app = Installed::new();
    let authority = Authority::new("Example Authority");
    let names = ["releases.example", "*.cdn.example", "192.0.2.7"];
    let server = encrypted(&app, authority.issue(&names, VALID));
    let trusted = app.trust(&authority);
    let variables = [("SSL_CERT_FILE", trusted.to_str().unwrap())];
    let (_, text) = app.refused(&server.url("localhost", "/"), &variables);
    assert_says(
        &text,
        &["is for releases.example, *.cdn.example, 192.0.2.7, not for localhost"],
    );
}

#[test]
fn a_self_signed_certificate_and_an_unknown_authority_are_told_apart() {
    let app = Installed::new();
    let other = app.trust(&Authority::new("Another Authority"));
    let variables = [("SSL_CERT_FILE", other.to_str().unwrap())];
    let server = encrypted(&app, Identity::self_signed(&["localhost"], true));
    let (_, text) = app.refused(&server.url("localhost", "/"), &variables);
    assert_says(&text, &["is self-signed (by a lonely server)"]);
    let company = Authority::new("Company Proxy");
    let server = encrypted(&app, company.issue(&["localhost"], VALID));
    let (_, text) = app.refused(&server.url("localhost", "/"), &variables);
    assert_says(
        &text,
        &[
            "issued by Company Proxy, an authority that this system does not know",
            "company's proxy",
        ],
    );
}

#[test]
fn a_machine_without_authorities_is_told_what_to_install() {
    let app = Installed::new();
    let server = encrypted(&app, Identity::self_signed(&["localhost"], false));
    let empty = app.scene.write("authorities.pem", "");
    let variables = [("SSL_CERT_FILE", empty.to_str().unwrap())];
    let (_, text) = app.refused(&server.url("localhost", "/"), &variables);
    assert_says(&text, &["ca-certificates"]);
}

/// Makes the cache say that updates were checked for in the far future.
fn checked_in_2100(app: &Installed) {
    let cache = app.place.appdir().join("updates/metadata");
    std::fs::create_dir_all(&cache).unwrap();
    std::fs::write(cache.join("last-refresh"), "2100-01-01T00:00:00Z\n").unwrap();
}

#[test]
fn a_clock_that_was_set_back_is_told_and_the_update_is_made() {
    let app = Installed::new();
    checked_in_2100(&app);
    let utc = [DIRECT[0], ("TZ", "UTC0")];
    let reply = app.update(&app.server.url("/"), &[], &utc);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert!(reply.stdout.contains("from 1.0 to 1.1"), "{reply:?}");
    assert_says(
        &reply.stderr,
        &[
            "the clock of this machine says",
            "the last check for updates on 2100-01-01 00:00 +0000",
        ],
    );
    let again = app.update(&app.server.url("/"), &[], &utc);
    assert!(!again.stderr.contains("clock"), "{again:?}");
}

#[test]
fn a_certificate_of_the_future_points_to_a_clock_that_was_set_back() {
    let app = Installed::new();
    let authority = Authority::new("Example Authority");
    let server = encrypted(&app, authority.issue(&["localhost"], (2150, 2200)));
    let trusted = app.trust(&authority);
    let variables = [("SSL_CERT_FILE", trusted.to_str().unwrap()), ("TZ", "UTC0")];
    let (_, text) = app.refused(&server.url("localhost", "/"), &variables);
    assert_says(
        &text,
        &[
            "is valid only from 2150-01-01 00:00 +0000 on",
            "the clock may be wrong",
        ],
    );
    checked_in_2100(&app);
    let (_, text) = app.refused(&server.url("localhost", "/"), &variables);
    assert_says(
        &text,
        &[
            "is valid only from 2150-01-01",
            "earlier than the last check for updates on 2100-01-01",
        ],
    );
}

#[test]
fn what_has_expired_says_since_when_in_local_time() {
    let app = Installed::new();
    let zone = [DIRECT[0], ("TZ", "XYZ-3")];
    app.update(&app.server.url("/"), &["--check"], &zone);
    app.site.refresh_in(-60);
    let (_, text) = app.refused(&app.server.url("/"), &zone);
    assert_says(
        &text,
        &["timestamp metadata expired on", "last checked on", "+0300"],
    );
    assert!(!text.contains("Z;"), "{text}");
}

#[test]
fn keys_that_changed_more_than_64_times_are_followed_to_the_newest() {
    let app = Installed::new();
    for _ in 0..66 {
        app.site.rotate();
    }
    app.site.release(&Release::new("1.2"));
    let reply = app.update(&app.server.url("/"), &[], &DIRECT);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert!(reply.stdout.contains("from 1.0 to 1.2"), "{reply:?}");
}
