//! The steps of a start against an app directory that exists only in memory.

use super::*;
use crate::platform::{Name, Reading};
use esky_format::start_files::{self, Look, Need, StartFile};
use esky_format::state::{Slot, Status, Trial};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
struct Memory {
    files: RefCell<BTreeMap<String, Vec<u8>>>,
    busy: BTreeSet<String>,
    unlockable: BTreeSet<String>,
    running: BTreeSet<String>,
    internal: bool,
    broken: BTreeMap<String, LaunchFault>,
    /// Files that are there and that nobody may read.
    unreadable: BTreeSet<String>,
    /// Versions that are removed at the moment in which they are locked.
    removed_at_lock: RefCell<BTreeSet<String>>,
    log: RefCell<Vec<String>>,
}

impl Memory {
    fn with(versions: &[&str]) -> Self {
        let memory = Self::default();
        versions.iter().for_each(|version| {
            memory.put(
                &format!("{}/esky-files/bootstrap-manifest.txt", path(version)),
                b"prog\n",
            )
        });
        memory
    }

    fn put(&self, path: &str, content: &[u8]) {
        self.files.borrow_mut().insert(path.into(), content.into());
    }

    fn put_trial(&self, current: &str, fallback: &str) {
        self.put_watched_trial(current, fallback, false);
    }

    fn put_watched_trial(&self, current: &str, fallback: &str, watched: bool) {
        let trial = Trial {
            id: 4,
            max_tries: 3,
            confirm_after: 60,
            watched,
        };
        let slot = Slot {
            status: Status::Trial(trial),
            fallback: Some(path(fallback)),
            ..Slot::good(5, path(current))
        };
        self.put("esky-state/slot-1", &slot.encode().unwrap());
    }

    fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }
}

fn path(version: &str) -> String {
    format!("demo-{version}.linux-x86_64")
}

impl Platform for Memory {
    type Lock = ();

    fn list(&self, directory: &str) -> Option<Vec<Name>> {
        let prefix = if directory.is_empty() {
            String::new()
        } else {
            format!("{directory}/")
        };
        let files = self.files.borrow();
        let inside = files.keys().filter_map(|path| path.strip_prefix(&prefix));
        let names: BTreeMap<&str, bool> = inside
            .map(|path| {
                path.split_once('/')
                    .map_or((path, false), |(name, _)| (name, true))
            })
            .collect();
        let name = |(text, is_directory): (&str, bool)| Name {
            text: text.to_owned(),
            is_directory,
        };
        Some(names.into_iter().map(name).collect())
    }

    fn exists(&self, path: &str) -> bool {
        self.files
            .borrow()
            .keys()
            .any(|file| file == path || file.starts_with(&format!("{path}/")))
    }

    fn look(&self, path: &str, _need: Need) -> Look {
        if self.unreadable.contains(path) {
            return Look::Unreadable;
        }
        self.files
            .borrow()
            .get(path)
            .map_or(Look::Absent, |content| Look::File {
                size: content.len() as u64,
                usable: true,
            })
    }

    fn read<'a>(&self, path: &str, buffer: &'a mut [u8]) -> Reading<'a> {
        if self.unreadable.contains(path) {
            return Reading::Unreadable;
        }
        let files = self.files.borrow();
        let Some(content) = files.get(path) else {
            return Reading::Absent;
        };
        let length = content.len().min(buffer.len());
        buffer[..length].copy_from_slice(&content[..length]);
        Reading::Bytes(&buffer[..length])
    }

    fn is_internal(&self) -> bool {
        self.internal
    }

    fn program_names(&self) -> Vec<String> {
        vec!["prog".into()]
    }

    fn has_program(&self, directory: &str) -> bool {
        self.broken.get(directory) != Some(&LaunchFault::NotFound)
    }

    fn is_running(&self, directory: &str) -> bool {
        self.running.contains(directory)
    }

    fn lock(&self, directory: &str, count: Option<&Count>) -> Locking<()> {
        if let Some(count) = count.filter(|_| !self.running.contains(directory)) {
            self.append(&count.path, count.mark);
        }
        if self.removed_at_lock.borrow_mut().remove(directory) {
            self.files
                .borrow_mut()
                .retain(|path, _| !path.starts_with(directory));
        }
        if self.busy.contains(directory) {
            Locking::Busy
        } else if self.unlockable.contains(directory) {
            Locking::Impossible
        } else {
            Locking::Held(())
        }
    }

    fn append(&self, path: &str, byte: u8) {
        let mark = char::from(byte);
        self.log.borrow_mut().push(format!("mark {path} {mark}"));
        self.files
            .borrow_mut()
            .entry(path.into())
            .or_default()
            .push(byte);
    }

    fn launch(
        &self,
        directory: &str,
        trial: Option<&OnTrial>,
        _lock: Option<()>,
    ) -> Result<i32, LaunchFault> {
        let how = match trial {
            None | Some(OnTrial::ByApp) => String::new(),
            Some(OnTrial::Watched(watch)) => {
                format!(" watched for {} s by {}", watch.seconds, watch.confirmed)
            }
        };
        self.log
            .borrow_mut()
            .push(format!("launch {directory}{how}"));
        self.broken
            .get(directory)
            .map_or(Ok(3), |fault| Err(*fault))
    }
}

#[test]
fn the_exit_code_of_the_best_version_comes_back() {
    let memory = Memory::with(&["1.0", "1.1"]);
    assert_eq!(start(&memory), Ok(3));
    assert_eq!(memory.log(), ["launch demo-1.1.linux-x86_64"]);
}

#[test]
fn a_version_that_does_not_start_is_followed_by_the_next() {
    let mut memory = Memory::with(&["1.0", "1.1"]);
    memory.broken.insert(path("1.1"), LaunchFault::NotFound);
    assert_eq!(start(&memory), Ok(3));
    assert_eq!(
        memory.log(),
        [
            "launch demo-1.1.linux-x86_64",
            "launch demo-1.0.linux-x86_64"
        ]
    );
}

#[test]
fn the_first_fault_is_reported_when_nothing_starts() {
    let mut memory = Memory::with(&["1.0", "1.1"]);
    memory.broken.insert(path("1.0"), LaunchFault::NotFound);
    memory.broken.insert(path("1.1"), LaunchFault::NotAProgram);
    let failure = start(&memory).unwrap_err();
    assert_eq!(
        failure,
        Failure::NothingStarts {
            directory: path("1.1"),
            fault: LaunchFault::NotAProgram
        }
    );
    assert_eq!(failure.to_string().lines().count(), 1);
}

#[test]
fn an_empty_app_directory_has_no_version() {
    assert_eq!(start(&Memory::default()), Err(Failure::NoVersion));
}

#[test]
fn a_version_that_somebody_removes_is_left_alone() {
    let mut memory = Memory::with(&["1.0", "1.1"]);
    memory.busy.insert(path("1.1"));
    assert_eq!(start(&memory), Ok(3));
    assert_eq!(memory.log(), ["launch demo-1.0.linux-x86_64"]);
}

#[test]
fn the_last_resort_is_a_version_that_stays_locked() {
    let mut memory = Memory::with(&["1.0"]);
    memory.busy.insert(path("1.0"));
    assert_eq!(start(&memory), Ok(3));
}

#[test]
fn a_version_without_a_lock_starts_all_the_same() {
    let mut memory = Memory::with(&["1.0"]);
    memory.unlockable.insert(path("1.0"));
    assert_eq!(start(&memory), Ok(3));
}

#[test]
fn a_version_removed_while_it_was_being_locked_is_not_started() {
    let memory = Memory::with(&["1.0", "1.1"]);
    memory.removed_at_lock.borrow_mut().insert(path("1.1"));
    assert_eq!(start(&memory), Ok(3));
    assert_eq!(memory.log(), ["launch demo-1.0.linux-x86_64"]);
}

#[test]
fn choosing_again_ends() {
    let memory = Memory::with(&["1", "2", "3", "4", "5"]);
    memory
        .removed_at_lock
        .borrow_mut()
        .extend(["1", "2", "3", "4", "5"].map(path));
    assert_eq!(start(&memory), Err(Failure::NoVersion));
}

#[test]
fn a_trial_is_counted_before_the_launch() {
    let memory = Memory::with(&["1.0", "1.1"]);
    memory.put_trial("1.1", "1.0");
    assert_eq!(start(&memory), Ok(3));
    assert_eq!(
        memory.log(),
        ["mark esky-state/tries-4 s", "launch demo-1.1.linux-x86_64"]
    );
}

#[test]
fn a_trial_that_failed_too_often_gives_way_to_the_fallback() {
    let memory = Memory::with(&["1.0", "1.1"]);
    memory.put_trial("1.1", "1.0");
    (0..4).for_each(|_| assert_eq!(start(&memory), Ok(3)));
    let launches: Vec<String> = memory
        .log()
        .into_iter()
        .filter(|line| line.starts_with("launch"))
        .collect();
    assert_eq!(launches[2], "launch demo-1.1.linux-x86_64");
    assert_eq!(launches[3], "launch demo-1.0.linux-x86_64");
}

#[test]
fn a_confirmed_or_running_trial_is_not_counted() {
    let confirmed = Memory::with(&["1.1"]);
    confirmed.put_trial("1.1", "1.0");
    confirmed.put("esky-state/confirmed-4", b"");
    let mut running = Memory::with(&["1.1"]);
    running.put_trial("1.1", "1.0");
    running.running.insert(path("1.1"));
    for memory in [confirmed, running] {
        assert_eq!(start(&memory), Ok(3));
        assert_eq!(memory.log(), ["launch demo-1.1.linux-x86_64"]);
    }
}

#[test]
fn a_program_that_cannot_be_started_ends_the_trial_in_the_same_run() {
    for fault in [LaunchFault::NotFound, LaunchFault::NotAProgram] {
        let mut memory = Memory::with(&["1.0", "1.1"]);
        memory.put_trial("1.1", "1.0");
        memory.broken.insert(path("1.1"), fault);
        assert_eq!(start(&memory), Ok(3));
        assert_eq!(
            memory.log(),
            [
                "mark esky-state/tries-4 s",
                "launch demo-1.1.linux-x86_64",
                "mark esky-state/tries-4 f",
                "launch demo-1.0.linux-x86_64"
            ]
        );
        assert_eq!(start(&memory), Ok(3));
        assert_eq!(memory.log()[4..], ["launch demo-1.0.linux-x86_64"]);
    }
}

#[test]
fn a_program_that_may_not_be_started_just_now_is_tried_again() {
    let mut memory = Memory::with(&["1.0", "1.1"]);
    memory.put_trial("1.1", "1.0");
    memory.broken.insert(path("1.1"), LaunchFault::NotPermitted);
    assert_eq!(start(&memory), Ok(3));
    assert!(!memory.log().contains(&"mark esky-state/tries-4 f".into()));
}

#[test]
fn a_program_that_only_the_old_version_has_says_nothing_about_the_trial() {
    let mut memory = Memory::with(&["1.0", "1.1"]);
    memory.put_trial("1.1", "1.0");
    memory.broken.insert(path("1.1"), LaunchFault::NotFound);
    let manifest = path("1.1") + "/esky-files/bootstrap-manifest.txt";
    memory.put(&manifest, b"another\n");
    assert_eq!(start(&memory), Ok(3));
    assert_eq!(memory.log(), ["launch demo-1.0.linux-x86_64"]);
}

#[test]
fn an_app_that_cannot_confirm_is_watched_while_it_is_on_trial() {
    let memory = Memory::with(&["1.0", "1.1"]);
    memory.put_watched_trial("1.1", "1.0", true);
    assert_eq!(start(&memory), Ok(3));
    assert_eq!(
        memory.log()[1],
        "launch demo-1.1.linux-x86_64 watched for 60 s by esky-state/confirmed-4"
    );
}

#[test]
fn a_start_for_the_purposes_of_esky_itself_is_no_part_of_a_trial() {
    let mut memory = Memory::with(&["1.0", "1.1"]);
    memory.put_watched_trial("1.1", "1.0", true);
    memory.internal = true;
    assert_eq!(start(&memory), Ok(3));
    assert_eq!(memory.log(), ["launch demo-1.1.linux-x86_64"]);
}

impl Memory {
    /// The list of files that load first, for a version that has one.
    fn list_start_files(&self, version: &str, files: &[(&str, u64)]) {
        let files: Vec<StartFile> = files
            .iter()
            .map(|(path, size)| StartFile {
                path: (*path).into(),
                size: *size,
                need: Need::Read,
            })
            .collect();
        let list = format!("{}/esky-files/start-files.txt", path(version));
        self.put(&list, start_files::write(&files).as_bytes());
    }
}

#[test]
fn a_version_with_a_damaged_file_gives_way_and_nothing_is_counted() {
    for content in [None, Some("short")] {
        let memory = Memory::with(&["1.0", "1.1"]);
        memory.put_trial("1.1", "1.0");
        memory.list_start_files("1.1", &[("lib/python.so", 9)]);
        if let Some(content) = content {
            memory.put(&(path("1.1") + "/lib/python.so"), content.as_bytes());
        }
        assert_eq!(start(&memory), Ok(3));
        assert_eq!(memory.log(), ["launch demo-1.0.linux-x86_64"]);
        memory.put(&(path("1.1") + "/lib/python.so"), b"nine byte");
        assert_eq!(start(&memory), Ok(3));
        assert_eq!(memory.log()[2], "launch demo-1.1.linux-x86_64");
    }
}

#[test]
fn a_damaged_version_starts_when_there_is_no_other() {
    let memory = Memory::with(&["1.1"]);
    memory.list_start_files("1.1", &[("lib/python.so", 9)]);
    assert_eq!(start(&memory), Ok(3));
    assert_eq!(memory.log(), ["launch demo-1.1.linux-x86_64"]);
}

#[test]
fn a_damaged_list_of_start_files_keeps_nothing_from_starting() {
    let memory = Memory::with(&["1.0", "1.1"]);
    memory.put(
        &(path("1.1") + "/esky-files/start-files.txt"),
        b"esky-start-f",
    );
    assert_eq!(start(&memory), Ok(3));
    assert_eq!(memory.log(), ["launch demo-1.1.linux-x86_64"]);
}

#[test]
fn a_held_version_does_not_start_because_the_record_cannot_be_read() {
    for spoilt in [&["slot-0", "slot-1"][..], &["slot-1"]] {
        let mut memory = Memory::with(&["1.0", "1.1"]);
        memory.put(
            "esky-state/slot-0",
            &Slot::good(4, path("1.1")).encode().unwrap(),
        );
        let mut slot = Slot::good(5, path("1.0"));
        slot.hold("1.1", "it crashed", 1);
        memory.put("esky-state/slot-1", &slot.encode().unwrap());
        memory.unreadable = spoilt
            .iter()
            .map(|name| format!("esky-state/{name}"))
            .collect();
        assert_eq!(start(&memory), Ok(3));
        assert_eq!(memory.log(), ["launch demo-1.0.linux-x86_64"], "{spoilt:?}");
    }
}

#[test]
fn a_version_that_may_not_be_looked_into_gives_way() {
    let mut memory = Memory::with(&["1.0", "1.1"]);
    memory
        .unreadable
        .insert(path("1.1") + "/esky-files/bootstrap-manifest.txt");
    assert_eq!(start(&memory), Ok(3));
    assert_eq!(memory.log(), ["launch demo-1.0.linux-x86_64"]);
}
