//! Several processes that refresh with one cache: none fails because of another, and the record of the newest metadata
//! seen never becomes older.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use esky::{
    Error, HttpFault, Monitor, Place, Repository, RepositoryPlaces, Request, Response, Result,
    Transport,
};
use esky_testkit::repository::{Vendor, now};
use esky_trust::{Json, Role};

/// What a server shows now.
type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A server that answers at once, and lets something happen between an answer and its arrival.
struct Shelf {
    files: Files,
    requests: AtomicUsize,
    meanwhile: Box<dyn Fn(usize) + Send + Sync>,
}

impl Transport for Shelf {
    fn open(&self, request: &Request) -> Result<Response> {
        let name = request.url.trim_start_matches("shelf://metadata/");
        let found = self.files.lock().unwrap().get(name).cloned();
        (self.meanwhile)(self.requests.fetch_add(1, Ordering::SeqCst));
        let Some(bytes) = found else {
            return Err(Error::Http {
                url: request.url.clone(),
                fault: HttpFault::Status {
                    code: 404,
                    retry_after: None,
                },
            });
        };
        Ok(Response {
            total: Some(bytes.len() as u64),
            reader: Box::new(Cursor::new(bytes)),
            final_url: request.url.clone(),
            partial: false,
            validator: None,
        })
    }
}

fn refresh(
    root: &[u8],
    cache: &Path,
    files: &Files,
    meanwhile: impl Fn(usize) + Send + Sync + 'static,
) -> Result<Repository> {
    let places = RepositoryPlaces {
        metadata_url: "shelf://metadata/".to_owned(),
        targets_url: "shelf://targets/".to_owned(),
        cache: Place::open(cache.parent().unwrap())?.join(cache.file_name().unwrap()),
    };
    let shelf = Shelf {
        files: Arc::clone(files),
        requests: AtomicUsize::new(0),
        meanwhile: Box::new(meanwhile),
    };
    let mut repository = Repository::open(root, places, Arc::new(shelf))?;
    repository.refresh(now(), &Monitor::silent())?;
    Ok(repository)
}

/// The version in a file of metadata; 0 without a file. What is there is always whole.
fn version_of(path: &Path) -> u64 {
    let Ok(bytes) = fs::read(path) else { return 0 };
    let json = Json::parse(&bytes).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    let signed = json.as_object().unwrap()["signed"].as_object().unwrap();
    match signed["version"] {
        Json::Integer(version) => u64::try_from(version).unwrap(),
        ref other => panic!("{other:?}"),
    }
}

fn versions(cache: &Path) -> [u64; 4] {
    Role::ALL.map(|role| version_of(&cache.join(format!("{}.json", role.name()))))
}

/// What its owner does while a slow client refreshes.
type Publication = fn(&mut Vendor);

const PUBLICATIONS: &[(&str, Publication)] = &[
    ("targets", Vendor::publish_targets),
    ("a snapshot", Vendor::publish_snapshot),
    ("a timestamp", |vendor| drop(vendor.publish_timestamp())),
    ("a root", |vendor| drop(vendor.publish_root())),
    ("a root and targets", |vendor| {
        vendor.publish_root();
        vendor.publish_targets();
    }),
    ("new keys for all", |vendor| {
        for role in Role::ALL {
            vendor.rotate(role);
        }
        vendor.publish_root();
        vendor.publish_targets();
    }),
];

/// At each request of a slow client another one sees what was published since, and keeps it.
#[test]
fn whoever_is_overtaken_puts_nothing_older_in_place_of_what_is_newer() {
    for (what, publish) in PUBLICATIONS {
        for knows_first in [false, true] {
            let mut requests = 1;
            let mut number = 0;
            while number < requests {
                requests = overtaken_at(number, *publish, knows_first, what);
                number += 1;
            }
            assert!(requests >= 4, "{what}: {requests}");
        }
    }
}

/// Gives the number of requests of the slow client.
fn overtaken_at(number: usize, publish: Publication, knows_first: bool, what: &str) -> usize {
    let holder = tempfile::tempdir().unwrap();
    let cache = holder.path().join("cache");
    let mut vendor = Vendor::new();
    let root: Arc<[u8]> = vendor.file("root", 1).into();
    let files: Files = Arc::default();
    let show = |vendor: &Vendor, files: &Files| {
        files.lock().unwrap().extend(vendor.files.clone());
    };
    if knows_first {
        show(&vendor, &files);
        refresh(&root, &cache, &files, |_| ()).unwrap();
    }
    vendor.publish_root();
    vendor.publish_targets();
    show(&vendor, &files);
    let vendor = Arc::new(Mutex::new(vendor));
    let (counted, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new([0; 4])));
    let slow = refresh(&root, &cache, &files, {
        let (root, cache, files) = (Arc::clone(&root), cache.clone(), Arc::clone(&files));
        let (vendor, counted, seen) = (vendor.clone(), counted.clone(), seen.clone());
        move |request| {
            counted.fetch_max(request + 1, Ordering::SeqCst);
            if request == number {
                let mut vendor = vendor.lock().unwrap();
                publish(&mut vendor);
                show(&vendor, &files);
                refresh(&root, &cache, &files, |_| ()).unwrap();
                *seen.lock().unwrap() = versions(&cache);
            }
            assert!(at_least(versions(&cache), *seen.lock().unwrap()));
        }
    });
    let place = format!("{what}, at request {number}, knows_first: {knows_first}");
    let slow = slow.unwrap_or_else(|error| panic!("{place}: {error}"));
    let seen = *seen.lock().unwrap();
    assert!(at_least(versions(&cache), seen), "{place}: {seen:?} before");
    assert!(slow.targets().is_some());
    let newest = refresh(&root, &cache, &files, |_| ()).unwrap();
    assert_eq!(versions(&cache)[3], newest.targets().unwrap().version);
    assert!(at_least(versions(&cache), seen), "{place}: {seen:?} before");
    counted.load(Ordering::SeqCst)
}

fn at_least(now: [u64; 4], before: [u64; 4]) -> bool {
    now.iter().zip(before).all(|(now, before)| *now >= before)
}

/// After a new key the numbers may begin again; the slow client has seen the old ones only.
#[test]
fn numbers_that_a_new_key_has_ended_do_not_come_back() {
    for number in 0..4 {
        let holder = tempfile::tempdir().unwrap();
        let cache = holder.path().join("cache");
        let mut vendor = Vendor::new();
        let root: Arc<[u8]> = vendor.file("root", 1).into();
        vendor.publish_later(1000);
        let files: Files = Arc::new(Mutex::new(vendor.files.clone()));
        for role in [Role::Timestamp, Role::Snapshot] {
            vendor.rotate(role);
        }
        vendor.publish_root();
        (vendor.snapshot.version, vendor.timestamp.version) = (5, 5);
        vendor.publish_targets();
        let healed = vendor.files.clone();
        let slow = refresh(&root, &cache, &files, {
            let (root, cache, files) = (Arc::clone(&root), cache.clone(), Arc::clone(&files));
            move |request| {
                if request == number {
                    files.lock().unwrap().extend(healed.clone());
                    refresh(&root, &cache, &files, |_| ()).unwrap();
                    assert_eq!(versions(&cache)[1..3], [5, 5]);
                }
            }
        });
        slow.unwrap_or_else(|error| panic!("at request {number}: {error}"));
        refresh(&root, &cache, &files, |_| ()).unwrap();
        assert_eq!(versions(&cache)[1..3], [5, 5], "at request {number}");
    }
}

#[test]
fn the_record_never_becomes_older_while_many_refresh_and_more_is_published() {
    const CLIENTS: usize = 6;
    const STATES: usize = 60;
    let holder = tempfile::tempdir().unwrap();
    let cache = holder.path().join("cache");
    let mut vendor = Vendor::new();
    let root = vendor.file("root", 1).to_vec();
    let files: Files = Arc::new(Mutex::new(vendor.files.clone()));
    let (done, refreshed) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    refresh(&root, &cache, &files, |_| ()).unwrap();
                    refreshed.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        scope.spawn(|| {
            let mut before = [0; 4];
            while !done.load(Ordering::SeqCst) {
                let found = versions(&cache);
                assert!(at_least(found, before), "{found:?} after {before:?}");
                before = found;
            }
        });
        for state in 0..STATES {
            if state % 10 == 9 {
                vendor.publish_root();
            }
            vendor.publish_targets();
            files.lock().unwrap().extend(vendor.files.clone());
            let so_far = refreshed.load(Ordering::SeqCst);
            while refreshed.load(Ordering::SeqCst) < so_far + 2 {
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::SeqCst);
    });
    refresh(&root, &cache, &files, |_| ()).unwrap();
    let served = |role: Role, name: &str| {
        let path = cache.join(format!("{}.json", role.name()));
        assert_eq!(fs::read(path).unwrap(), vendor.files[name], "{name}");
    };
    served(Role::Timestamp, "timestamp.json");
    served(
        Role::Root,
        &format!("{}.root.json", vendor.root.version - 1),
    );
    assert_eq!(leftovers(&cache), Vec::<PathBuf>::new());
}

fn leftovers(cache: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "new"))
        .collect()
}

/// A process that is killed while it writes leaves a file on its way, and its lock is free.
#[test]
fn what_a_killed_process_has_left_in_the_cache_is_removed_by_the_next_that_writes() {
    let holder = tempfile::tempdir().unwrap();
    let cache = holder.path().join("cache");
    let mut vendor = Vendor::new();
    let root = vendor.file("root", 1).to_vec();
    let files: Files = Arc::new(Mutex::new(vendor.files.clone()));
    for limit in 0.. {
        vendor.publish_targets();
        files.lock().unwrap().extend(vendor.files.clone());
        let armed = esky_fs::faults::arm(esky_fs::faults::Plan::StopAfter(limit));
        let refreshed = refresh(&root, &cache, &files, |_| ());
        drop(armed);
        let before = versions(&cache);
        refresh(&root, &cache, &files, |_| ()).unwrap();
        assert!(at_least(versions(&cache), before));
        assert_eq!(leftovers(&cache), Vec::<PathBuf>::new());
        if refreshed.is_ok() {
            assert!(limit > 10, "few operations: {limit}");
            break;
        }
    }
}
