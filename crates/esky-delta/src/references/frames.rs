//! `.eh_frame` and its index: which unwinding rules belong to which code. After the Linux Standard Base, chapter 10.6.

use super::read::ReadAt;
use super::{Finder, Kind};

/// A pointer of 32 bits counted from itself.
const RELATIVE_4: u8 = 0x1b;
/// A pointer of 64 bits counted from itself.
const RELATIVE_8: u8 = 0x10;
/// Signed 32 bits counted from the index.
const INDEXED_4: u8 = 0x3b;

/// No number of 64 bits takes more bytes.
const LONGEST_NUMBER: usize = 10;

/// Finds the references of the index at this place, and of the frames that it leads to.
pub(super) fn find(finder: &mut Finder<'_>, index: u32) -> Option<()> {
    let file = finder.file;
    let [1, RELATIVE_4, 3, INDEXED_4] = file.array::<4>(index.into())? else {
        return None;
    };
    let frames = finder.add(index + 4, Kind::Relative32(0))?;
    let count = file.u32(u64::from(index) + 8)?;
    let address = finder.analysis.layout.address_of(index)?;
    let base = finder.base(address);
    let table = u64::from(index) + 12;
    for entry in 0..u64::from(count) {
        let at = u32::try_from(table + 8 * entry).ok()?;
        finder.add(at, Kind::Based32(base))?;
        finder.add(at + 4, Kind::Based32(base))?;
    }
    let start = finder.analysis.layout.place_of(frames)?;
    find_frames(finder, start, file.len() as u32);
    Some(())
}

/// What a common entry says about the entries that follow its rules.
#[derive(Clone, Copy, Default)]
struct Common {
    at: u32,
    pointers: u8,
    language_data: Option<u8>,
}

/// Finds the references of the frames between two places.
pub(super) fn find_frames(finder: &mut Finder<'_>, start: u32, end: u32) -> Option<()> {
    let mut at = start;
    let mut common = Common::default();
    while at < end {
        finder.look(8)?;
        let length = finder
            .file
            .u32(at.into())
            .filter(|&length| length > 0 && length < u32::MAX)?;
        let next = at
            .checked_add(4)?
            .checked_add(length)
            .filter(|&next| next <= end)?;
        let back = finder.file.u32(u64::from(at) + 4)?;
        if back == 0 {
            common = read_common(finder, at).unwrap_or_default();
        } else {
            let of = (at + 4).checked_sub(back)?;
            if of != common.at {
                common = read_common_again(finder, of);
            }
            find_entry(finder, at, &common);
        }
        at = next;
    }
    Some(())
}

fn find_entry(finder: &mut Finder<'_>, at: u32, common: &Common) -> Option<()> {
    finder.add(at + 4, Kind::Backwards32);
    let width = pointer_width(common.pointers)?;
    finder.add(at + 8, Kind::Relative32(0));
    let mut cursor = Cursor::new(finder.file, u64::from(at) + 8 + 2 * width);
    cursor.leb()?;
    let data = common.language_data.and_then(pointer_width);
    if data.is_some() && finder.file.u32(cursor.at)? != 0 {
        finder.add(cursor.at.try_into().ok()?, Kind::Relative32(0));
    }
    Some(())
}

fn pointer_width(encoding: u8) -> Option<u64> {
    match encoding & 0x7f {
        RELATIVE_4 => Some(4),
        RELATIVE_8 => Some(8),
        _ => None,
    }
}

fn read_common_again(finder: &mut Finder<'_>, at: u32) -> Common {
    let known = finder.analysis.references.len();
    let common = read_common(finder, at).unwrap_or_default();
    finder.analysis.references.truncate(known);
    common
}

fn read_common(finder: &mut Finder<'_>, at: u32) -> Option<Common> {
    let mut common = Common {
        at,
        ..Common::default()
    };
    let mut cursor = Cursor::new(finder.file, u64::from(at) + 9);
    let mut augmentation = Vec::new();
    loop {
        match cursor.byte()? {
            0 => break,
            byte if augmentation.len() < 8 => augmentation.push(byte),
            _ => return None,
        }
    }
    for _ in 0..3 {
        cursor.leb()?;
    }
    let (b'z', letters) = augmentation.split_first()? else {
        return None;
    };
    cursor.leb()?;
    for letter in letters {
        match letter {
            b'R' => common.pointers = cursor.byte()?,
            b'L' => common.language_data = Some(cursor.byte()?),
            b'P' => {
                let width = pointer_width(cursor.byte()?)?;
                finder.add(cursor.at.try_into().ok()?, Kind::Relative32(0));
                cursor.at += width;
            }
            b'S' => {}
            _ => return None,
        }
    }
    Some(common)
}

struct Cursor<'a> {
    file: &'a [u8],
    at: u64,
}

impl<'a> Cursor<'a> {
    fn new(file: &'a [u8], at: u64) -> Self {
        Self { file, at }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.file.u8(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Steps over a number of variable length.
    fn leb(&mut self) -> Option<()> {
        for _ in 0..LONGEST_NUMBER {
            if self.byte()? < 0x80 {
                return Some(());
            }
        }
        None
    }
}
