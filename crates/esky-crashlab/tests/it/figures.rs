//! What the tests print for `cargo xtask crash`: rows of a table, each beginning with the kind of proof that it is.

/// Kinds of proof; the command adds up each kind.
#[derive(Clone, Copy)]
pub(crate) enum Figure {
    /// Runs with a call that was killed, torn or failed.
    Faults,
    /// Different trees that a power cut could leave.
    Trees,
    /// Power cuts on a real file system.
    Disk,
    /// Faults that were planted, and those that were found.
    Planted,
}

impl Figure {
    /// `| kind | what | calls, faults or steps | runs, trees or finds | wrong |`
    pub(crate) fn print(self, what: &str, of: usize, done: usize, wrong: usize) {
        let kind = match self {
            Self::Faults => "fault",
            Self::Trees => "power cut",
            Self::Disk => "real disk",
            Self::Planted => "planted",
        };
        println!("| {kind} | {what} | {of} | {done} | {wrong} |");
    }
}
