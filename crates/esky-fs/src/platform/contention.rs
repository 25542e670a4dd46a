//! What to do when Windows refuses: somebody else has the file open, or it is marked as read-only.
//!
//! Virus scanners, indexers and backup programs open new files for a moment, and as long as they do, the file can be
//! neither replaced nor removed, and perhaps not read. So refusals are met with a bounded number of new tries, with growing
//! pauses; after that the error says which file it was. The patience is the same for every operation but one, and it does not
//! depend on the error number: a file that is open is refused with "sharing violation" when it is opened, and with "access
//! denied" when another one is to take its place. A program that runs is refused in the same way, but for as long as it runs.

use std::io;
use std::time::Duration;

const ACCESS_DENIED: i32 = 5;
const SHARING_VIOLATION: i32 = 32;
const LOCK_VIOLATION: i32 = 33;
const DELETE_PENDING: i32 = 303;
const USER_MAPPED_FILE: i32 = 1224;

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(256);
/// About a quarter of a second in all: it is a matter of rights, a running program, or a name that is about to go.
const TRIES_WHILE_DENIED: u32 = 8;

/// How long somebody is waited for who has the file open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// About two seconds.
    Usual,
    /// About ten seconds: to give up would throw away a whole download.
    Long,
}

impl Patience {
    fn tries(self) -> u32 {
        match self {
            Self::Usual => 16,
            Self::Long => 47,
        }
    }
}

/// How other programs use a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Nobody, as far as can be seen.
    Nobody,
    /// Somebody has it open, and may close it soon.
    Open,
    /// It is that of a running program.
    Running,
}

/// What is asked of the system between the tries.
pub(super) trait Refused {
    /// Waits.
    fn pause(&mut self, time: Duration);

    /// Takes away the mark "read-only", if the file has it; says whether it had.
    fn make_writable(&mut self) -> bool;

    /// Tells how other programs use the file.
    fn used_by(&mut self) -> Use;
}

/// Does something to a file until it works, fails for another reason, or has been refused too often. Whoever is refused
/// because somebody uses the file gets the error that says so ([`is_busy`]).
pub(super) fn persist<R: Refused, T>(
    refused: &mut R,
    patience: Patience,
    mut action: impl FnMut(&mut R) -> io::Result<T>,
) -> io::Result<T> {
    let (mut held, mut denied, mut pause) = (0, 0, FIRST_PAUSE);
    let mut was_marked = false;
    loop {
        let mut error = match action(refused) {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if is_denied(&error) && !was_marked && refused.make_writable() {
            was_marked = true;
            continue;
        }
        match reason(&error, refused) {
            Some(Use::Open) => {
                held += 1;
                error = as_busy(error);
            }
            Some(Use::Running) => {
                denied += 1;
                error = as_busy(error);
            }
            Some(Use::Nobody) => denied += 1,
            None => return Err(error),
        }
        if held >= patience.tries() || denied >= TRIES_WHILE_DENIED {
            return Err(error);
        }
        refused.pause(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The use of the file for which the system refused the action; `None` if the error has another cause.
fn reason(error: &io::Error, refused: &mut impl Refused) -> Option<Use> {
    match is_busy(error) {
        true => Some(Use::Open),
        false => is_denied(error).then(|| refused.used_by()),
    }
}

fn as_busy(error: io::Error) -> io::Error {
    match is_busy(&error) {
        true => error,
        false => io::Error::from_raw_os_error(SHARING_VIOLATION),
    }
}

fn is_denied(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ACCESS_DENIED)
}

/// Whether somebody else has the file.
pub(super) fn is_busy(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(SHARING_VIOLATION | LOCK_VIOLATION | DELETE_PENDING | USER_MAPPED_FILE)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file on a system with the documented rules of Windows, and somebody who has it open.
    #[derive(Default)]
    struct File {
        /// How long a scanner keeps it, which shares nothing.
        scanned_for: Duration,
        /// How long its name stays after it was removed, because somebody has it open.
        pending_for: Duration,
        runs: bool,
        read_only: bool,
        not_ours: bool,
        waited: Duration,
        done: bool,
    }

    impl File {
        fn settle(&mut self, refusal: Option<i32>) -> io::Result<()> {
            self.done = refusal.is_none();
            refusal.map_or(Ok(()), |number| Err(io::Error::from_raw_os_error(number)))
        }

        fn is_scanned(&self) -> bool {
            self.waited < self.scanned_for
        }

        /// `MoveFileExW` over it, which has one word for everything.
        fn replace(&mut self) -> io::Result<()> {
            let is_refused = self.is_scanned()
                || self.waited < self.pending_for
                || self.runs
                || self.read_only
                || self.not_ours;
            self.settle(is_refused.then_some(ACCESS_DENIED))
        }

        /// `CreateFileW` for reading.
        fn open(&mut self) -> io::Result<()> {
            let refusal = match (self.is_scanned(), self.waited < self.pending_for) {
                (true, _) => Some(SHARING_VIOLATION),
                (false, true) => Some(DELETE_PENDING),
                (false, false) => self.not_ours.then_some(ACCESS_DENIED),
            };
            self.settle(refusal)
        }
    }

    impl Refused for File {
        fn pause(&mut self, time: Duration) {
            self.waited += time;
        }

        fn make_writable(&mut self) -> bool {
            std::mem::take(&mut self.read_only)
        }

        fn used_by(&mut self) -> Use {
            match (self.is_scanned(), self.runs) {
                (true, _) => Use::Open,
                (false, true) => Use::Running,
                (false, false) => Use::Nobody,
            }
        }
    }

    type Action = fn(&mut File) -> io::Result<()>;
    const ACTIONS: [Action; 2] = [File::replace, File::open];

    fn tried(mut file: File, patience: Patience, action: Action) -> (File, Option<i32>) {
        let error = persist(&mut file, patience, action).err();
        (file, error.and_then(|error| error.raw_os_error()))
    }

    fn scanned_for(milliseconds: u64) -> File {
        File {
            scanned_for: Duration::from_millis(milliseconds),
            ..File::default()
        }
    }

    #[test]
    fn a_scanner_is_waited_for_whatever_is_done_to_the_file() {
        for action in ACTIONS {
            for milliseconds in [1, 40, 300, 1500] {
                let (file, error) = tried(scanned_for(milliseconds), Patience::Usual, action);
                assert_eq!((file.done, error), (true, None), "{milliseconds}");
            }
            let (file, error) = tried(scanned_for(7000), Patience::Long, action);
            assert_eq!((file.done, error), (true, None));
        }
    }

    #[test]
    fn who_keeps_the_file_for_ever_is_not_waited_for_for_ever_and_is_told() {
        let limits = [(Patience::Usual, 2..4), (Patience::Long, 8..12)];
        for (patience, seconds) in limits {
            for action in ACTIONS {
                let (file, error) = tried(scanned_for(u64::MAX), patience, action);
                assert_eq!(error, Some(SHARING_VIOLATION));
                assert!(is_busy(&io::Error::from_raw_os_error(SHARING_VIOLATION)));
                let waited = file.waited.as_secs();
                assert!(seconds.contains(&waited), "{waited} s of {patience:?}");
            }
        }
    }

    #[test]
    fn a_name_that_is_about_to_go_is_waited_for() {
        for action in ACTIONS {
            let file = File {
                pending_for: Duration::from_millis(100),
                ..File::default()
            };
            let (file, error) = tried(file, Patience::Usual, action);
            assert_eq!((file.done, error), (true, None));
        }
    }

    #[test]
    fn a_read_only_file_is_made_writable_and_not_waited_for() {
        let file = File {
            read_only: true,
            ..File::default()
        };
        let (file, error) = tried(file, Patience::Usual, File::replace);
        assert_eq!((file.done, error), (true, None));
        assert_eq!(file.waited, Duration::ZERO);
    }

    #[test]
    fn a_running_program_is_busy_and_somebody_elses_file_is_not() {
        let runs = File {
            runs: true,
            ..File::default()
        };
        let (file, error) = tried(runs, Patience::Usual, File::replace);
        assert_eq!(error, Some(SHARING_VIOLATION));
        assert!(!file.done && file.waited < Duration::from_secs(1));
        for action in ACTIONS {
            let not_ours = File {
                not_ours: true,
                ..File::default()
            };
            let (file, error) = tried(not_ours, Patience::Long, action);
            assert_eq!(error, Some(ACCESS_DENIED));
            assert!(file.waited < Duration::from_secs(1));
        }
    }

    #[test]
    fn other_errors_are_told_at_once() {
        let mut file = File::default();
        let error = persist(&mut file, Patience::Usual, |_| -> io::Result<()> {
            Err(io::Error::from_raw_os_error(112))
        });
        assert_eq!(error.unwrap_err().raw_os_error(), Some(112));
        assert_eq!(file.waited, Duration::ZERO);
    }
}
