//! What the user of this process may do with a file.

use crate::{Located, platform};

/// A right that permission bits give or refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// To read a file.
    Read,
    /// To write a file, or the names in a directory.
    Write,
    /// To run a file as a program.
    Execute,
}

/// Whether the user of this process has the right; not for what is not there.
pub fn has_right(at: &(impl Located + ?Sized), right: Right) -> bool {
    platform::has_right(at.location(), right)
}

/// Whether the user of this process may change the permission bits: its owner, and root.
pub fn may_set_mode(at: &(impl Located + ?Sized)) -> bool {
    platform::may_set_mode(at.location())
}
