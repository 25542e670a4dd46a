//! Which arm64 instructions hold addresses: branches, `adr`, literal loads, and `adrp` with what uses it.
//!
//! After the encodings in the Arm Architecture Reference Manual, section C4.

use super::kind::operand_scale;
use super::read::ReadAt;
use super::{Finder, Kind, Place, Reference};

/// How many instructions behind an `adrp` those that use it are looked for.
const REACH: u64 = 24;

/// Finds the references of the code between two places in a file.
pub(super) fn find(finder: &mut Finder<'_>, start: u32, end: u32) {
    let start = start.next_multiple_of(4);
    for at in (start..end & !3).step_by(4) {
        let Some(word) = finder.file.u32(at.into()) else {
            return;
        };
        if is_adrp(word) {
            find_page(finder, at, word, end);
        } else if let Some(kind) = kind_of(word) {
            finder.add(at, kind);
        }
    }
}

fn kind_of(word: u32) -> Option<Kind> {
    if word & 0x7c00_0000 == 0x1400_0000 {
        Some(Kind::Branch26)
    } else if word & 0xff00_0010 == 0x5400_0000
        || word & 0x7e00_0000 == 0x3400_0000
        || word & 0x3b00_0000 == 0x1800_0000
    {
        Some(Kind::Branch19)
    } else if word & 0x7e00_0000 == 0x3600_0000 {
        Some(Kind::Branch14)
    } else if word & 0x9f00_0000 == 0x1000_0000 {
        Some(Kind::Near21)
    } else {
        None
    }
}

fn is_adrp(word: u32) -> bool {
    word & 0x9f00_0000 == 0x9000_0000
}

/// Follows the register that an `adrp` sets to the instructions that add a place in the page.
fn find_page(finder: &mut Finder<'_>, at: u32, word: u32, end: u32) {
    let Some(place) = Place::new(&finder.analysis.layout, at, 0) else {
        return;
    };
    let pages = (word >> 29 & 3 | word >> 3 & 0x1f_fffc) << 11;
    let page = (place.address & !0xfff).wrapping_add((pages as i32 >> 11 << 12) as u32);
    let register = word & 31;
    let mut first = None;
    for step in 1..=REACH {
        let user = u64::from(at) + 4 * step;
        let Some(word) = finder.file.u32(user).filter(|_| user < end.into()) else {
            break;
        };
        if let Some(in_page) = place_in_page(word, register) {
            let target = page.wrapping_add(in_page);
            first = first.or(Some(target));
            finder.push(Reference {
                at: user as u32,
                target,
                kind: Kind::InPage12,
            });
        }
        if sets(word, register) || ends_block(word) {
            break;
        }
    }
    finder.push(Reference {
        at,
        target: first.unwrap_or(page),
        kind: Kind::Page21,
    });
}

/// The offset that an `add`, load or store with this base register has.
fn place_in_page(word: u32, register: u32) -> Option<u32> {
    let is_add = word & 0xffc0_0000 == 0x9100_0000;
    let is_access = word & 0x3b00_0000 == 0x3900_0000;
    let uses = word >> 5 & 31 == register && (is_add || is_access);
    uses.then(|| (word >> 10 & 0xfff) << operand_scale(word))
}

/// Whether an instruction surely gives the register another value. Most that have it as the lowest five bits do; stores and
/// branches do not.
fn sets(word: u32, register: u32) -> bool {
    let store = word & 0x3b40_0000 == 0x3900_0000 && word & 0x0080_0000 == 0;
    let branch = word & 0x1c00_0000 == 0x1400_0000;
    word & 31 == register && !store && !branch
}

fn ends_block(word: u32) -> bool {
    let jump = word & 0xfc00_0000 == 0x1400_0000;
    let through_register = word & 0xfe00_0000 == 0xd600_0000;
    jump || through_register
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_with_addresses_are_known() {
        assert_eq!(kind_of(0x9400_0000), Some(Kind::Branch26));
        assert_eq!(kind_of(0x1400_0001), Some(Kind::Branch26));
        assert_eq!(kind_of(0x5400_0041), Some(Kind::Branch19));
        assert_eq!(kind_of(0xb400_0040), Some(Kind::Branch19));
        assert_eq!(kind_of(0x5800_0040), Some(Kind::Branch19));
        assert_eq!(kind_of(0x3600_0040), Some(Kind::Branch14));
        assert_eq!(kind_of(0x1000_0040), Some(Kind::Near21));
        assert_eq!(kind_of(0xd65f_03c0), None);
        assert!(is_adrp(0x9000_0000));
    }

    #[test]
    fn what_uses_a_page_is_told_by_its_register() {
        assert_eq!(place_in_page(0x9100_4000, 0), Some(0x10));
        assert_eq!(place_in_page(0xf940_0801, 0), Some(0x10));
        assert_eq!(place_in_page(0x9100_4020, 0), None);
        assert!(sets(0x9100_4000, 0));
        assert!(!sets(0xf900_0800, 0));
        assert!(ends_block(0xd65f_03c0));
    }
}
