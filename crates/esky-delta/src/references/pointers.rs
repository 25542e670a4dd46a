//! Addresses in data where nothing lists them: any aligned word that is one.

use super::{Finder, Kind};

/// Finds the words between two places that are addresses in the executable. Only for executables whose image base is so
/// high that no other number looks like an address.
pub(super) fn find(finder: &mut Finder<'_>, start: u32, size: u32) {
    if finder.look(size.into()).is_none() {
        return;
    }
    let end = start.saturating_add(size);
    for at in (start.next_multiple_of(8)..end.saturating_sub(7)).step_by(8) {
        finder.add(at, Kind::Absolute64);
    }
}
