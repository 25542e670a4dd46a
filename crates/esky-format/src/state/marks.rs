//! The marks that the starts of a trial leave: one appended byte each, so that counting needs no rewriting.

/// A start began and was not confirmed yet.
pub const TRY_COUNTED: u8 = b's';
/// The program could not be started at all: it is missing or no program for this system.
pub const TRY_FAILED: u8 = b'f';
/// As much of the marks as is looked at, in bytes. Longer than any trial.
pub const MARK_LIMIT: usize = 256;

/// What the marks of a trial say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Starts counted.
    pub tries: u32,
    /// The program could not be started.
    pub launch_failed: bool,
    /// The trial was confirmed.
    pub confirmed: bool,
}

impl Marks {
    /// Reads the bytes of the tries file. A byte that nobody writes counts as a start: after a crash on a file system
    /// that keeps lengths without data it is all that is left of one.
    pub fn parse(tries: &[u8], confirmed: bool) -> Self {
        let failed = tries.contains(&TRY_FAILED);
        let counted = tries.iter().filter(|mark| **mark != TRY_FAILED).count();
        Self {
            tries: u32::try_from(counted).unwrap_or(u32::MAX),
            launch_failed: failed,
            confirmed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_one_start() {
        assert_eq!(Marks::parse(b"ss", false).tries, 2);
        assert_eq!(
            Marks::parse(b"", true),
            Marks {
                confirmed: true,
                ..Marks::default()
            }
        );
    }

    #[test]
    fn a_program_that_cannot_be_started_is_told_apart() {
        let marks = Marks::parse(b"sf", false);
        assert_eq!((marks.tries, marks.launch_failed), (1, true));
    }

    #[test]
    fn a_mark_whose_data_was_lost_still_counts() {
        assert_eq!(Marks::parse(&[0, 0, b's'], false).tries, 3);
    }
}
