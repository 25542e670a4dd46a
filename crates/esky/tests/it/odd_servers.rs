//! Servers, and networks in front of them, that are odd rather than bad: encodings that nobody asked for, login pages,
//! proxies with rules of their own, addresses that are nearly right.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use esky::{
    AddressFault, Error, HttpFault, HttpOptions, HttpTransport, Monitor, Proxy, ProxyFault,
    SignedVersionFinder, SystemTransport, Transport,
};
use esky_testkit::apps::Release;
use esky_testkit::proxy::{ProxyServer, Rule};
use esky_testkit::server::{Fault, Server};

use crate::signed_updates::Stage;
use crate::story::{Story, quick_options};

/// A signed 1.0 is installed, 1.1 is offered.
fn offering() -> Stage {
    let stage = Stage::with(&Release::new("1.0").size(20_000));
    stage.site.release(&Release::new("1.1").size(20_000));
    stage
}

/// An update through another transport or from another address.
fn update(stage: &Stage, url: &str, options: HttpOptions) -> esky::Result<Option<String>> {
    let transport: Arc<dyn Transport> = Arc::new(SystemTransport::new(options)?);
    let finder = SignedVersionFinder::new(url, transport);
    stage.open(Arc::new(finder)).auto_update(&Monitor::silent())
}

fn fault_of(error: Error) -> HttpFault {
    match error {
        Error::Http { fault, .. } => fault,
        Error::NoUsablePackage { mut causes, .. } => fault_of(causes.remove(0)),
        other => panic!("{other}"),
    }
}

/// The files below the work area that hold a page.
fn pages_kept(stage: &Stage) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut directories = vec![stage.place.appdir().join("updates")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => directories.push(path),
                false if fs::read_to_string(&path).is_ok_and(|text| text.contains("<form")) => {
                    pages.push(path);
                }
                false => {}
            }
        }
    }
    pages
}

#[test]
fn what_a_server_encodes_unasked_is_decoded() {
    for encoding in ["gzip", "deflate", "identity"] {
        let stage = offering();
        stage.server.fault_everywhere(Fault::Encoded(encoding));
        assert_eq!(
            stage.update().unwrap().as_deref(),
            Some("1.1"),
            "{encoding}"
        );
        stage.stands_at("1.1");
    }
}

#[test]
fn an_encoding_that_cannot_be_undone_is_named() {
    for encoding in ["br", "zstd"] {
        let stage = offering();
        stage.server.fault_everywhere(Fault::Encoded(encoding));
        let error = stage.update().unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&format!("`Content-Encoding: {encoding}`")),
            "{text}"
        );
        assert!(error.hint().unwrap().contains("as they are"));
        stage.stands_at("1.0");
    }
}

#[test]
fn what_is_not_encoded_as_it_says_is_named() {
    let stage = offering();
    let answer = Fault::answer("200 OK", "Content-Encoding: gzip\r\n", "{\"signed\": {}}");
    stage.server.fault("/metadata/timestamp.json", answer);
    let fault = fault_of(stage.update().unwrap_err());
    assert!(matches!(fault, HttpFault::BadEncoding { .. }), "{fault}");
}

#[test]
fn the_limits_of_metadata_are_those_of_the_decoded_bytes() {
    let stage = offering();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b' '; 32 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 64 << 10, "small on its way");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bomb.len()
    );
    let answer = [head.as_bytes(), &bomb].concat();
    stage
        .server
        .fault("/metadata/timestamp.json", Fault::Raw(answer));
    let fault = fault_of(stage.update().unwrap_err());
    assert!(matches!(fault, HttpFault::TooLarge { .. }), "{fault}");
}

#[test]
fn a_download_that_was_begun_plain_is_not_continued_encoded() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1").size(50_000));
    let path = story.package_path("1.1");
    story
        .server
        .fault_once(&path, Fault::CloseAfter(20_000))
        .fault(&path, Fault::Encoded("gzip"));
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}

#[test]
fn an_answer_that_a_proxy_has_changed_on_the_way_is_used() {
    let stage = offering();
    stage
        .server
        .fault_everywhere(Fault::As("203 Non-Authoritative Information"));
    assert_eq!(stage.update().unwrap().as_deref(), Some("1.1"));
}

#[test]
fn an_answer_without_a_file_is_explained() {
    for (code, name) in [(204, "no content"), (202, "accepted")] {
        let stage = offering();
        stage.server.fault_everywhere(Fault::Status(code));
        let error = stage.update().unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.hint().unwrap().contains("no file"));
    }
}

#[test]
fn a_login_page_in_the_place_of_metadata_is_recognised_and_not_kept() {
    let stage = offering();
    stage.server.fault_everywhere(Fault::login_page());
    let error = stage.update().unwrap_err();
    let text = error.to_string();
    let host = stage.server.address().to_string();
    assert!(
        text.contains(&format!("received a web page from {host}")) && text.contains("login"),
        "{text}"
    );
    assert_eq!(pages_kept(&stage), [""; 0].map(PathBuf::from));
    stage.server.fault_everywhere(Fault::As("200 OK"));
    assert_eq!(stage.update().unwrap().as_deref(), Some("1.1"));
}

#[test]
fn a_redirect_to_a_login_page_names_the_host_that_answered() {
    let stage = offering();
    let portal = Server::empty();
    portal.fault("/login", Fault::login_page());
    stage
        .server
        .fault_everywhere(Fault::Redirect(portal.url("/login")));
    let fault = fault_of(stage.update().unwrap_err());
    let HttpFault::WebPage { host } = fault else {
        panic!("{fault}");
    };
    assert_eq!(host, portal.address().to_string());
}

#[test]
fn a_login_page_in_the_place_of_packages_is_recognised_and_not_kept() {
    let stage = offering();
    for package in stage.all_packages("1.1") {
        let path = package.strip_prefix(stage.site.repository()).unwrap();
        let path = format!("/{}", path.display());
        stage.server.fault(&path, Fault::login_page());
    }
    let fault = fault_of(stage.update().unwrap_err());
    assert!(matches!(fault, HttpFault::WebPage { .. }), "{fault}");
    assert_eq!(pages_kept(&stage), [""; 0].map(PathBuf::from));
    stage.stands_at("1.0");
}

#[test]
fn a_login_page_in_the_place_of_a_listing_is_not_no_news() {
    let story = Story::new();
    story.server.fault("/", Fault::login_page());
    let error = story.fails_saying(&["received a web page", "login"]);
    assert!(error.hint().unwrap().contains("browser"));
}

#[test]
fn a_network_that_wants_a_login_by_its_status_says_so() {
    let stage = offering();
    stage.server.fault_everywhere(Fault::Status(511));
    let error = stage.update().unwrap_err();
    assert!(error.to_string().contains("requires a login"), "{error}");
}

fn through(proxy: &ProxyServer) -> HttpOptions {
    HttpOptions {
        proxy: Proxy::Url(proxy.url().replace("http://", "http://me:secret@")),
        ..quick_options()
    }
}

fn proxy_fault(error: Error) -> ProxyFault {
    match fault_of(error) {
        HttpFault::Proxy { proxy, fault } => {
            assert!(proxy.address.starts_with("127.0.0.1:"), "{proxy}");
            assert_eq!(proxy.variable, None);
            *fault
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_proxy_that_refuses_is_told_from_the_server() {
    let stage = offering();
    for (code, url) in [
        (403, "http://host.invalid/"),
        (502, "https://host.invalid/"),
    ] {
        let proxy = ProxyServer::start(Rule::Refuse(code), stage.server.address());
        let fault = proxy_fault(update(&stage, url, through(&proxy)).unwrap_err());
        let refusal = match fault {
            ProxyFault::Answered { code, .. } => (code, "http:"),
            ProxyFault::Refused { code, server, .. } => {
                assert_eq!(server, "host.invalid:443");
                (code, "https:")
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(refusal.0, code);
        assert!(url.starts_with(refusal.1));
    }
}

#[test]
fn a_proxy_that_wants_another_password_says_so_for_both_kinds_of_requests() {
    let stage = offering();
    let rule = Rule::Login {
        offered: "Basic realm=\"x\"",
        accepted: "another",
    };
    let proxy = ProxyServer::start(rule, stage.server.address());
    for url in ["http://host.invalid/", "https://host.invalid/"] {
        let error = update(&stage, url, through(&proxy)).unwrap_err();
        let text = error.to_string();
        assert!(!text.contains("secret"), "{text}");
        let fault = proxy_fault(error);
        let expected = ProxyFault::PasswordRequired {
            given: true,
            schemes: vec!["Basic".to_owned()],
        };
        assert_eq!(fault, expected);
    }
}

#[test]
fn a_time_to_come_back_may_be_a_date_of_the_server_or_of_a_proxy() {
    const DATE: &str = "Fri, 31 Dec 9999 23:59:59 GMT";
    let stage = offering();
    let asks_for_hours = |error: Error| {
        let fault = fault_of(error);
        assert!(fault.is_transient(), "{fault}");
        fault.retry_after().unwrap().as_secs() > 3600
    };
    let proxy = ProxyServer::start(Rule::Busy(DATE), stage.server.address());
    for url in ["http://host.invalid/", "https://host.invalid/"] {
        let error = update(&stage, url, through(&proxy)).unwrap_err();
        assert!(asks_for_hours(error), "{url}");
    }
    assert_eq!(proxy.seen().len(), 2 * 3, "asked again as a server is");
    let headers = format!("Retry-After: {DATE}\r\n");
    let busy = Fault::answer("503 Busy", &headers, "");
    stage.server.fault_everywhere(busy);
    assert!(asks_for_hours(stage.update().unwrap_err()));
}

#[test]
fn a_proxy_that_accepts_the_password_is_passed() {
    let stage = offering();
    let rule = Rule::Login {
        offered: "Basic",
        accepted: "Basic bWU6c2VjcmV0",
    };
    let proxy = ProxyServer::start(rule, stage.server.address());
    let done = update(&stage, "http://host.invalid/", through(&proxy));
    assert_eq!(done.unwrap().as_deref(), Some("1.1"));
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let stage = offering();
    let proxy = ProxyServer::start(Rule::Pass, stage.server.address());
    let options = through(&proxy);
    let address = proxy.address().to_string();
    drop(proxy);
    for url in ["http://host.invalid/", "https://host.invalid/"] {
        let error = update(&stage, url, options.clone()).unwrap_err();
        assert!(error.to_string().contains(&address), "{error}");
        let fault = proxy_fault(error);
        assert!(matches!(fault, ProxyFault::Unreachable(_)), "{fault:?}");
    }
}

#[test]
fn a_next_root_that_a_store_behind_a_proxy_forbids_is_absent() {
    let stage = offering();
    stage
        .server
        .fault("/metadata/2.root.json", Fault::Status(403));
    let proxy = ProxyServer::start(Rule::Pass, stage.server.address());
    let done = update(&stage, "http://host.invalid/", through(&proxy));
    assert_eq!(done.unwrap().as_deref(), Some("1.1"));
}

#[test]
fn an_address_without_its_scheme_is_completed_before_anybody_is_asked() {
    let stage = offering();
    let address = stage.server.address().to_string();
    let error = update(&stage, &address, quick_options()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&address), "{text}");
    assert!(
        text.contains(&format!("did you mean https://{address}")),
        "{text}"
    );
    let fault = fault_of(error);
    assert!(
        matches!(&fault, HttpFault::Address(fault) if matches!(**fault, AddressFault::NoScheme { .. })),
        "{fault}"
    );
    assert!(stage.server.seen().is_empty());
}

#[test]
fn addresses_of_files_may_have_one_slash() {
    let stage = offering();
    let address = format!("file:{}", stage.site.repository().display());
    let done = update(&stage, &address, quick_options());
    assert_eq!(done.unwrap().as_deref(), Some("1.1"));
}

#[test]
fn a_transport_for_the_web_opens_no_files() {
    let transport = HttpTransport::new(quick_options()).unwrap();
    assert!(transport.check_address("/srv/site").is_err());
}
