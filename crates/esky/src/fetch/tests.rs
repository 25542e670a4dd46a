//! The loop and its budget, on a network and with a clock that are made up.

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use esky_fs::Place;

use super::clock::Clock;
use super::{FetchLimit, Fetcher, OpenPackage, Span, open_package_at};
use crate::{
    CancelToken, Error, Event, HttpFault, Monitor, Request, Response, Result, RetryPolicy,
    Transport,
};

const URL: &str = "http://host/file";

/// Time that passes only where a test says so.
#[derive(Clone, Default)]
struct Time(Arc<AtomicU64>);

impl Time {
    fn pass(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap();
        self.0.fetch_add(nanoseconds, Ordering::SeqCst);
    }
}

impl Clock for Time {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn pause(&self, pause: Duration, cancel: &CancelToken) -> Result<()> {
        cancel.check()?;
        self.pass(pause);
        Ok(())
    }
}

/// A server with one file, on a line that is bad in one way or another.
#[derive(Clone)]
struct Network {
    file: Arc<Vec<u8>>,
    /// Bytes of each read.
    piece: usize,
    /// Time that each read takes.
    pace: Duration,
    /// Bytes after which each connection breaks.
    breaks_after: u64,
    /// Each connection breaks so many bytes later than the one before.
    breaks_later: u64,
    has_ranges: bool,
    /// Answers that come before any of the file.
    first: Arc<Mutex<Vec<HttpFault>>>,
    time: Time,
    requests: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
}

impl Network {
    fn with(size: usize) -> Self {
        Self {
            file: Arc::new((0..size).map(|at| (at % 251) as u8 + 1).collect()),
            piece: 4096,
            pace: Duration::ZERO,
            breaks_after: u64::MAX,
            breaks_later: 0,
            has_ranges: true,
            first: Arc::default(),
            time: Time::default(),
            requests: Arc::default(),
            sent: Arc::default(),
        }
    }

    fn fetcher(&self) -> Fetcher {
        self.watched(&Monitor::silent())
    }

    fn watched(&self, monitor: &Monitor) -> Fetcher {
        let transport: Arc<dyn Transport> = Arc::new(self.clone());
        Fetcher::with_clock(&transport, monitor, Arc::new(self.time.clone()))
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    fn minutes(&self) -> u64 {
        self.time.now().as_secs() / 60
    }

    /// Fetches the whole file into memory, and checks it.
    fn read(&self) -> Result<()> {
        let found = self.fetcher().small_file(URL, 1 << 40)?;
        assert!(found.bytes == *self.file);
        Ok(())
    }

    /// Downloads the file as a package, and checks it.
    fn download(&self, package: &Path) -> Result<()> {
        self.fetcher().package(URL, None, &place(package))?;
        assert!(esky_fs::read_limited(package, 1 << 40)? == *self.file);
        Ok(())
    }
}

impl Transport for Network {
    fn open(&self, request: &Request) -> Result<Response> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let mut first = self.first.lock().unwrap();
        if !first.is_empty() {
            return Err(Error::http(URL, first.remove(0)));
        }
        let size = self.file.len() as u64;
        let range = request.range.as_ref().filter(|_| self.has_ranges);
        let start = range.map_or(0, |range| range.offset);
        let end = range.and_then(|range| Some(start + range.length?));
        Ok(Response {
            reader: Box::new(Line {
                network: self.clone(),
                at: start,
                end: end.unwrap_or(size).min(size),
                left: self.breaks_after.saturating_add(number * self.breaks_later),
            }),
            total: Some(size),
            final_url: URL.to_owned(),
            partial: range.is_some(),
            validator: self.has_ranges.then(|| "\"x\"".to_owned()),
        })
    }

    fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy::default()
    }
}

struct Line {
    network: Network,
    at: u64,
    end: u64,
    left: u64,
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let most = self.left.min(self.end - self.at).min(buffer.len() as u64);
        let count = most.min(self.network.piece as u64) as usize;
        let at = self.at as usize;
        buffer[..count].copy_from_slice(&self.network.file[at..at + count]);
        self.at += count as u64;
        self.left -= count as u64;
        self.network.time.pass(self.network.pace);
        self.network.sent.fetch_add(count as u64, Ordering::SeqCst);
        Ok(count)
    }
}

fn status(code: u16, retry_after: Option<u64>) -> HttpFault {
    let retry_after = retry_after.map(Duration::from_secs);
    HttpFault::Status { code, retry_after }
}

fn place(path: &Path) -> Place {
    let directory = Place::open(path.parent().unwrap()).unwrap();
    directory.join(path.file_name().unwrap())
}

fn gave_up(result: Result<()>) -> FetchLimit {
    match result {
        Err(error @ Error::GaveUp { limit, .. }) => {
            assert!(
                error.hint().is_some() && error.to_string().contains(URL),
                "{error}"
            );
            limit
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_fails_for_a_passing_reason_is_repeated_after_a_pause() {
    let network = Network::with(1000);
    *network.first.lock().unwrap() = vec![
        status(503, Some(7)),
        status(429, None),
        HttpFault::Connection("reset".to_owned()),
    ];
    network.read().unwrap();
    assert_eq!((network.requests(), network.time.now().as_secs()), (4, 10));
}

#[test]
fn a_file_in_memory_is_gone_on_with_where_it_broke_off() {
    let network = Network {
        breaks_after: 300_000,
        ..Network::with(1_000_000)
    };
    network.read().unwrap();
    assert_eq!((network.requests(), network.sent()), (4, 1_000_000));
}

#[test]
fn a_server_that_sends_no_parts_sends_everything_again() {
    let network = Network {
        breaks_after: 400_000,
        breaks_later: 400_000,
        has_ranges: false,
        ..Network::with(1_000_000)
    };
    network.read().unwrap();
    assert_eq!((network.requests(), network.sent()), (3, 2_200_000));
}

/// The second generation of mobile networks: 5 KB a second, and the connection breaks every few seconds.
#[test]
fn a_slow_connection_that_drops_all_the_time_gets_there() {
    for seconds in [1, 5, 20] {
        let directory = tempfile::tempdir().unwrap();
        let network = Network {
            piece: 1000,
            pace: Duration::from_millis(200),
            breaks_after: 5000 * seconds,
            ..Network::with(20_000_000)
        };
        network.download(&directory.path().join("package")).unwrap();
        assert_eq!(network.sent(), 20_000_000);
        assert!(network.minutes() >= 66);
    }
}

#[test]
fn one_more_byte_for_each_attempt_is_no_progress() {
    let directory = tempfile::tempdir().unwrap();
    let network = Network {
        breaks_after: 1,
        ..Network::with(1_000_000)
    };
    let package = directory.path().join("package");
    let error = network.download(&package).unwrap_err();
    assert!(error.to_string().contains("reset"), "{error}");
    assert_eq!(network.requests(), 4);
}

#[test]
fn a_server_that_sends_a_byte_now_and_then_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let network = Network {
        piece: 1,
        pace: Duration::from_secs(3),
        ..Network::with(1_000_000)
    };
    let package = directory.path().join("package");
    let slow = |result: Result<()>| match result {
        Err(Error::Http {
            fault:
                fault @ HttpFault::TooSlow {
                    bytes: 40,
                    seconds: 120,
                },
            ..
        }) => assert!(!fault.is_transient()),
        other => panic!("{other:?}"),
    };
    slow(network.download(&package));
    slow(network.download(&package));
    assert_eq!(network.minutes(), 4);
    let part = directory.path().join("package.part");
    let kept = esky_fs::metadata(&part).unwrap().unwrap().size;
    assert_eq!(kept, 80, "what has arrived is kept");

    let fetcher = network.fetcher();
    let again = || fetcher.package(URL, None, &place(&package)).map(|_| ());
    slow(again());
    slow(again());
    let limit = FetchLimit::Speed {
        bytes: 40,
        seconds: 120,
    };
    assert_eq!(gave_up(again()), limit);
}

#[test]
fn a_transfer_that_this_side_holds_back_is_not_too_slow() {
    let network = Network {
        piece: 10,
        pace: Duration::from_millis(100),
        ..Network::with(50_000)
    };
    let transport: Arc<dyn Transport> = Arc::new(crate::ThrottledTransport::new(
        Arc::new(network.clone()),
        100,
    ));
    assert_eq!(transport.rate_limit(), Some(100));
    let error = network.read().unwrap_err();
    assert!(matches!(
        error,
        Error::Http {
            fault: HttpFault::TooSlow { .. },
            ..
        }
    ));
}

#[test]
fn metadata_that_drags_on_for_ever_is_given_up() {
    let network = Network {
        piece: 400,
        pace: Duration::from_secs(1),
        ..Network::with(16_000_000)
    };
    assert_eq!(gave_up(network.read()), FetchLimit::Time(601));
    assert_eq!(network.minutes(), 10);
}

#[test]
fn a_server_that_starts_anew_for_ever_is_given_up() {
    let network = Network {
        breaks_after: 0,
        breaks_later: 20_000,
        has_ranges: false,
        ..Network::with(100_000_000)
    };
    let limit = gave_up(network.read());
    assert!(
        matches!(limit, FetchLimit::Waste(bytes) if bytes < 100_000_000),
        "{limit}"
    );
}

#[test]
fn all_files_of_an_update_spend_one_budget() {
    let network = Network {
        breaks_after: 0,
        ..Network::with(1000)
    };
    let monitor = Monitor::silent().for_one_update();
    let mut files = 0;
    let limit = loop {
        files += 1;
        let read = network.watched(&monitor).small_file(URL, 1 << 20);
        match read.map(drop) {
            Err(Error::Http { .. }) => {}
            settled => break gave_up(settled),
        }
    };
    assert_eq!((files, limit), (11, FetchLimit::Failures(41)));
    network
        .fetcher()
        .small_file(URL, 1 << 20)
        .map(drop)
        .unwrap_err();
}

#[test]
fn requests_that_bring_next_to_nothing_come_to_an_end() {
    let network = Network::with(1000);
    let fetcher = network.fetcher();
    let limit = loop {
        match fetcher.small_file(URL, 1 << 20).map(drop) {
            Ok(()) => {}
            settled => break gave_up(settled),
        }
    };
    // A thousand, and those that their bytes have earned.
    assert_eq!(limit, FetchLimit::Requests(1323));
    assert_eq!(network.requests(), 1322);
}

#[test]
fn after_some_failures_only_whole_packages_are_tried_and_then_none() {
    let network = Network::with(1000);
    let fetcher = network.fetcher();
    let budget = fetcher.budget();
    for _ in 0..8 {
        assert!(budget.allows_patches());
        budget.package_failed(true, URL).unwrap();
    }
    assert!(!budget.allows_patches());
    for _ in 8..19 {
        budget.package_failed(false, URL).unwrap();
    }
    let limit = gave_up(budget.package_failed(false, URL));
    assert_eq!(limit, FetchLimit::Packages(20));
}

#[test]
fn a_span_breaks_off_and_goes_on() {
    let network = Network {
        breaks_after: 40_000,
        ..Network::with(1_000_000)
    };
    let (mut bytes, told) = (Vec::new(), Mutex::new(Vec::new()));
    let span = Span {
        start: 500_000,
        end: 650_000,
        total: Some(1_000_000),
        validator: None,
    };
    let mut write = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    let event = |arrived| {
        told.lock().unwrap().push(arrived);
        None::<Event>
    };
    network
        .fetcher()
        .span(URL, &span, &mut write, &event)
        .unwrap();
    assert!(bytes == network.file[500_000..650_000]);
    assert_eq!((network.requests(), network.sent()), (4, 150_000));
    assert_eq!(told.lock().unwrap().last(), Some(&150_000));
}

#[test]
fn a_server_without_parts_gives_no_span() {
    let network = Network {
        has_ranges: false,
        ..Network::with(1000)
    };
    let span = Span {
        start: 10,
        end: 20,
        total: None,
        validator: None,
    };
    let fetched = network
        .fetcher()
        .span(URL, &span, &mut |_| Ok(()), &|_| None);
    let wrong = |fault: &HttpFault| matches!(fault, HttpFault::WrongRange);
    assert!(matches!(fetched, Err(Error::Http { fault, .. }) if wrong(&fault)));
    assert_eq!(network.requests(), 1);
}

/// A package that is read in one go from end to end, as for an app that lost everything.
#[test]
fn reading_on_in_a_remote_file_takes_few_requests() {
    let network = Network::with(20_000_000);
    let opened = open_package_at(&network.fetcher(), URL).unwrap();
    let OpenPackage { mut reader, .. } = opened.unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(bytes == *network.file);
    assert!(network.requests() < 25, "{}", network.requests());
}

#[test]
fn a_remote_file_survives_a_bad_line() {
    let network = Network {
        breaks_after: 20_000,
        ..Network::with(1_000_000)
    };
    let opened = open_package_at(&network.fetcher(), URL).unwrap();
    let OpenPackage { mut reader, .. } = opened.unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(bytes == *network.file);
}

#[test]
fn a_cancelled_pause_ends_the_work() {
    let network = Network::with(1000);
    *network.first.lock().unwrap() = vec![status(503, None)];
    let cancel = CancelToken::new();
    let own = cancel.clone();
    let monitor = Monitor::new(move |event| {
        if matches!(event, Event::Retrying { .. }) {
            own.cancel();
        }
    });
    let fetched = network
        .watched(&monitor.with_cancel(cancel))
        .small_file(URL, 1 << 20);
    assert!(matches!(fetched, Err(Error::Cancelled)));
}
