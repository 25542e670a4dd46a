//! What the process says to its caller by its exit code. The same table stands in `--help` and in docs/cli.md.

/// Done, or there was nothing wrong.
pub(crate) const SUCCESS: i32 = 0;
/// Something failed; the error was printed and nothing was left half done.
pub(crate) const FAILURE: i32 = 1;
/// The command line itself is wrong.
pub(crate) const USAGE: i32 = 2;
/// `update --check` found nothing newer.
pub(crate) const NO_UPDATE: i32 = 3;
/// `verify` found damaged or missing files.
pub(crate) const DAMAGED: i32 = 4;
/// Another updater holds the app directory.
pub(crate) const LOCKED: i32 = 5;
/// `status` found that something has to be signed again.
pub(crate) const DUE: i32 = 6;
/// Cancelled by Ctrl-C, as shells count it (128 + SIGINT); the same as when the system ends the process.
pub(crate) const CANCELLED: i32 = 130;

/// What every code means, for `--help` and the manual pages.
pub(crate) const MEANINGS: [(i32, &str); 8] = [
    (SUCCESS, "done"),
    (FAILURE, "failed; the error says what and why"),
    (USAGE, "the command line is wrong"),
    (NO_UPDATE, "`update --check` found no update"),
    (DAMAGED, "`verify` found damaged or missing files"),
    (LOCKED, "another updater is at work on the app directory"),
    (DUE, "`status` found something that has to be signed again"),
    (CANCELLED, "stopped by Ctrl-C"),
];

/// The table below `--help`.
pub(crate) fn help() -> String {
    let lines = MEANINGS
        .iter()
        .map(|(code, meaning)| format!("\n  {code:>3}  {meaning}"));
    "Exit codes:".to_owned() + &lines.collect::<String>()
}
