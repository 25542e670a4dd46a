//! Jump tables: what compilers make of `switch` and `match`.

use super::read::ReadAt;
use super::{Finder, Kind};

/// A stretch of code: places in the file, and the address of the first.
#[derive(Clone, Copy)]
pub(super) struct Code {
    pub(super) start: u32,
    pub(super) end: u32,
    address: u32,
}

/// How far from the code that uses a table the code is that it leads to.
const NEAR: u32 = 1 << 18;
/// How many entries make a table.
const FEWEST: usize = 3;
/// No table is longer.
const LONGEST: u32 = 1 << 14;

/// No executable has more stretches of code.
pub(super) const MOST_CODE: usize = 64;

impl Code {
    pub(super) fn size(&self) -> u32 {
        self.end - self.start
    }

    pub(super) fn new(finder: &Finder<'_>, at: u32, size: u32) -> Option<Self> {
        Some(Self {
            start: at,
            end: at
                .checked_add(size)
                .filter(|&end| end as usize <= finder.file.len())?,
            address: finder.analysis.layout.address_of(at)?,
        })
    }

    fn holds(&self, address: u32) -> bool {
        address.wrapping_sub(self.address) < self.size()
    }
}

/// Tables of distances from the table itself, outside of code, that code takes the address of.
pub(super) fn find_relative(finder: &mut Finder<'_>, code: &[Code]) {
    let references = finder.analysis.references.iter();
    let mut tables: Vec<(u32, u32)> = references
        .filter(|reference| reference.target % 4 == 0)
        .filter(|reference| matches!(reference.kind, Kind::Relative32(4) | Kind::Page21))
        .filter(|reference| !code.iter().any(|code| code.holds(reference.target)))
        .map(|reference| (reference.target, reference.at))
        .collect();
    tables.sort_unstable();
    tables.dedup_by_key(|table| table.0);
    for (index, &(table, user)) in tables.iter().enumerate() {
        let next = tables.get(index + 1).map_or(u32::MAX, |next| next.0);
        let longest = ((next - table) / 4).min(LONGEST);
        let layout = &finder.analysis.layout;
        let (Some(at), Some(user)) = (layout.place_of(table), layout.address_of(user)) else {
            continue;
        };
        let leads = |entry: u32| {
            let value = finder.file.u32((at + 4 * entry).into());
            value.is_some_and(|value| {
                let target = table.wrapping_add(value);
                target.abs_diff(user) < NEAR && code.iter().any(|code| code.holds(target))
            })
        };
        let length = (0..longest).take_while(|&entry| leads(entry)).count();
        if length >= FEWEST {
            let base = finder.base(table);
            for entry in 0..length as u32 {
                finder.add(at + 4 * entry, Kind::Based32(base));
            }
        }
    }
}

/// Tables of addresses counted from the image, between the functions that use them.
pub(super) fn find_in_code(finder: &mut Finder<'_>, code: &Code) {
    let mut run = 0;
    for at in (code.start.next_multiple_of(4)..code.end.saturating_sub(3)).step_by(4) {
        let value = finder.file.u32(at.into()).unwrap_or(0);
        let own = code.address + (at - code.start);
        if code.holds(value) && value.abs_diff(own) < NEAR {
            run += 1;
            continue;
        }
        if run >= FEWEST as u32 {
            for entry in (1..=run).rev() {
                finder.add(at - 4 * entry, Kind::Image32);
            }
        }
        run = 0;
    }
}
