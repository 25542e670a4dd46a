//! What to do when Windows refuses: somebody else has the file open, or it is marked as read-only.
//!
//! Virus scanners, indexers and backup programs open new files for a moment, and as long as they do, the file can be
//! neither replaced nor removed. So refusals are met with a bounded number of new tries, with growing pauses; after that
//! the error says which file it was. A program that runs is refused in the same way, but for as long as it runs.

use std::io;
use std::time::Duration;

const ACCESS_DENIED: i32 = 5;
const SHARING_VIOLATION: i32 = 32;
const LOCK_VIOLATION: i32 = 33;
const DELETE_PENDING: i32 = 303;
const USER_MAPPED_FILE: i32 = 1224;

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(256);
/// About two seconds in all.
const TRIES_WHILE_HELD: u32 = 15;
/// About a quarter of a second in all: it is rather a matter of rights, or a running program.
const TRIES_WHILE_DENIED: u32 = 8;

/// What is asked of the system between the tries.
pub(super) trait Refused {
    /// Waits.
    fn pause(&mut self, time: Duration);

    /// Takes away the mark "read-only", if the file has it; says whether it had.
    fn make_writable(&mut self) -> bool;

    /// Whether the file is open in a way that keeps others from writing, as that of a running program is.
    fn is_in_use(&mut self) -> bool;
}

/// Does something to a file until it works, fails for another reason, or has been refused too often. Whoever is refused
/// because somebody uses the file gets the error that says so ([`is_busy`]).
pub(super) fn persist<R: Refused, T>(
    refused: &mut R,
    mut action: impl FnMut(&mut R) -> io::Result<T>,
) -> io::Result<T> {
    let (mut held, mut denied, mut pause) = (0, 0, FIRST_PAUSE);
    loop {
        let error = match action(refused) {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if is_busy(&error) {
            held += 1;
        } else if error.raw_os_error() == Some(ACCESS_DENIED) {
            if denied == 0 && refused.make_writable() {
                denied += 1;
                continue;
            }
            denied += 1;
        } else {
            return Err(error);
        }
        if held >= TRIES_WHILE_HELD {
            return Err(error);
        }
        if denied >= TRIES_WHILE_DENIED {
            return Err(if refused.is_in_use() {
                io::Error::from_raw_os_error(SHARING_VIOLATION)
            } else {
                error
            });
        }
        refused.pause(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
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
        replaced: bool,
    }

    impl File {
        /// `MoveFileExW` over it.
        fn replace(&mut self) -> io::Result<()> {
            let refusal = if self.waited < self.scanned_for {
                SHARING_VIOLATION
            } else if self.waited < self.pending_for || self.runs || self.read_only || self.not_ours
            {
                ACCESS_DENIED
            } else {
                self.replaced = true;
                return Ok(());
            };
            Err(io::Error::from_raw_os_error(refusal))
        }
    }

    impl Refused for File {
        fn pause(&mut self, time: Duration) {
            self.waited += time;
        }

        fn make_writable(&mut self) -> bool {
            std::mem::take(&mut self.read_only)
        }

        fn is_in_use(&mut self) -> bool {
            self.runs
        }
    }

    fn replaced(mut file: File) -> (File, Option<i32>) {
        let error = persist(&mut file, File::replace).err();
        (file, error.and_then(|error| error.raw_os_error()))
    }

    #[test]
    fn a_scanner_is_waited_for() {
        for scanned_for in [1, 40, 300, 1500].map(Duration::from_millis) {
            let (file, error) = replaced(File {
                scanned_for,
                ..File::default()
            });
            assert_eq!((file.replaced, error), (true, None), "{scanned_for:?}");
        }
    }

    #[test]
    fn who_keeps_the_file_for_ever_is_not_waited_for_for_ever() {
        let (file, error) = replaced(File {
            scanned_for: Duration::MAX,
            ..File::default()
        });
        assert_eq!(error, Some(SHARING_VIOLATION));
        assert!(is_busy(&io::Error::from_raw_os_error(SHARING_VIOLATION)));
        assert!(file.waited > Duration::from_secs(1) && file.waited < Duration::from_secs(4));
    }

    #[test]
    fn a_name_that_is_about_to_go_is_waited_for() {
        let pending_for = Duration::from_millis(100);
        let (file, error) = replaced(File {
            pending_for,
            ..File::default()
        });
        assert_eq!((file.replaced, error), (true, None));
    }

    #[test]
    fn a_read_only_file_is_made_writable_and_not_waited_for() {
        let (file, error) = replaced(File {
            read_only: true,
            ..File::default()
        });
        assert_eq!((file.replaced, error), (true, None));
        assert_eq!(file.waited, Duration::ZERO);
    }

    #[test]
    fn a_running_program_is_busy_and_somebody_elses_file_is_not() {
        let (file, error) = replaced(File {
            runs: true,
            ..File::default()
        });
        assert_eq!(error, Some(SHARING_VIOLATION));
        assert!(!file.replaced && file.waited < Duration::from_secs(1));
        let (_, error) = replaced(File {
            not_ours: true,
            ..File::default()
        });
        assert_eq!(error, Some(ACCESS_DENIED));
    }

    #[test]
    fn other_errors_are_told_at_once() {
        let mut file = File::default();
        let error = persist(&mut file, |_| -> io::Result<()> {
            Err(io::Error::from_raw_os_error(112))
        });
        assert_eq!(error.unwrap_err().raw_os_error(), Some(112));
        assert_eq!(file.waited, Duration::ZERO);
    }
}
