//! The entries of a zip, as its index has them, byte for byte.

use esky_format::path::check_relative;

use crate::error::{Damage, Error, Result};

pub(super) const LOCAL_SIZE: usize = 30;
const CENTRAL_SIZE: usize = 46;
const END_SIZE: usize = 22;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const ENCRYPTED: u16 = 1;
const SIZES_BEHIND: u16 = 1 << 3;
/// A size that says: look into the zip64 field.
const ELSEWHERE: u32 = u32::MAX;

/// How an entry is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// One entry. What is not looked at is kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Version and system of the writer.
    created_by: u16,
    /// Version that is needed, and the byte behind it.
    needs: u16,
    flags: u16,
    method: u16,
    time: u32,
    pub(super) checksum: u32,
    pub(super) packed: u32,
    pub(super) size: u32,
    pub(super) offset: u32,
    internal: u16,
    external: u32,
    name: Vec<u8>,
    extra: Vec<u8>,
    comment: Vec<u8>,
}

/// What an entry has in a zip that is being written.
pub(super) struct Sizes {
    pub(super) checksum: u32,
    pub(super) packed: u32,
    pub(super) size: u32,
    pub(super) offset: u32,
}

impl Entry {
    pub(super) fn method(&self) -> Result<Method> {
        match self.method {
            0 => Ok(Method::Stored),
            8 => Ok(Method::Deflated),
            _ => Err(Damage::Zip("an entry is packed in an unknown way").into()),
        }
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.name.ends_with(b"/")
    }

    /// The name, if a file of the name may be put into a directory.
    pub(crate) fn path(&self) -> Result<&str> {
        let path = std::str::from_utf8(&self.name).map_err(|_| Damage::NotUtf8)?;
        check_relative(path).map_err(|fault| Error::Path {
            path: path.to_owned(),
            fault,
        })?;
        Ok(path)
    }

    /// Whether sizes and checksum stand behind the data, and not in front.
    pub(crate) fn has_sizes_behind(&self) -> bool {
        self.flags & SIZES_BEHIND != 0
    }

    pub(super) fn mode(&self) -> u32 {
        self.external >> 16 & 0o777
    }

    pub(super) fn put_local(&self, out: &mut Vec<u8>, sizes: Option<&Sizes>) {
        out.extend(b"PK\x03\x04");
        self.put_common(out, sizes);
        out.extend(&self.name);
        out.extend(&self.extra);
    }

    pub(super) fn put_central(&self, out: &mut Vec<u8>, sizes: &Sizes) {
        out.extend(CENTRAL.to_le_bytes());
        out.extend(self.created_by.to_le_bytes());
        self.put_common(out, Some(sizes));
        out.extend((self.comment.len() as u16).to_le_bytes());
        out.extend([0; 2]);
        out.extend(self.internal.to_le_bytes());
        out.extend(self.external.to_le_bytes());
        out.extend(sizes.offset.to_le_bytes());
        out.extend(&self.name);
        out.extend(&self.extra);
        out.extend(&self.comment);
    }

    fn put_common(&self, out: &mut Vec<u8>, sizes: Option<&Sizes>) {
        out.extend(self.needs.to_le_bytes());
        out.extend(self.flags.to_le_bytes());
        out.extend(self.method.to_le_bytes());
        out.extend(self.time.to_le_bytes());
        for number in sizes.map_or([0; 3], |sizes| [sizes.checksum, sizes.packed, sizes.size]) {
            out.extend(number.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend((self.extra.len() as u16).to_le_bytes());
    }
}

pub(super) fn put_end(out: &mut Vec<u8>, count: u16, size: u32, start: u32) {
    out.extend(END.to_le_bytes());
    out.extend([0; 4]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
}

/// The entries of a zip in the order of its index. Only zips that were written in one go are taken: nothing in front of
/// them, no comment, no zip64.
pub(crate) fn read(zip: &[u8]) -> Result<Vec<Entry>> {
    let end_at = zip.len().checked_sub(END_SIZE).ok_or(NO_ZIP)?;
    let end = zip.get(end_at..).ok_or(NO_ZIP)?;
    if u32_at(end, 0) != END || u16_at(end, 20) != 0 {
        return Err(NO_ZIP.into());
    }
    let (size, start) = (u32_at(end, 12) as usize, u32_at(end, 16) as usize);
    let count = u16_at(end, 10);
    if u32_at(end, 4) != 0 || u16_at(end, 8) != count {
        return Err(Damage::Zip("it is one of several parts").into());
    }
    if start.checked_add(size) != Some(end_at) {
        return Err(Damage::Zip("its index is not where it should be").into());
    }
    let mut index = zip.get(start..end_at).ok_or(NO_ZIP)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(entry(&mut index).ok_or(Damage::Zip("its index is damaged"))?);
    }
    check(&entries, index)?;
    Ok(entries)
}

const NO_ZIP: Damage = Damage::Zip("it is none, or has a comment");

fn check(entries: &[Entry], behind: &[u8]) -> Result<()> {
    if !behind.is_empty() {
        return Err(Damage::Zip("its index is damaged").into());
    }
    if entries.first().is_none_or(|entry| entry.offset != 0) {
        return Err(Damage::Zip("it does not begin with its first entry").into());
    }
    for entry in entries {
        entry.method()?;
        if entry.flags & ENCRYPTED != 0 {
            return Err(Damage::Zip("an entry is encrypted").into());
        }
        if [entry.packed, entry.size, entry.offset].contains(&ELSEWHERE) {
            return Err(Damage::Zip("it has sizes of 64 bits").into());
        }
    }
    Ok(())
}

fn entry(index: &mut &[u8]) -> Option<Entry> {
    let fixed = cut(index, CENTRAL_SIZE)?;
    if u32_at(fixed, 0) != CENTRAL {
        return None;
    }
    let mut text = |at| cut(index, usize::from(u16_at(fixed, at))).map(<[u8]>::to_vec);
    Some(Entry {
        created_by: u16_at(fixed, 4),
        needs: u16_at(fixed, 6),
        flags: u16_at(fixed, 8),
        method: u16_at(fixed, 10),
        time: u32_at(fixed, 12),
        checksum: u32_at(fixed, 16),
        packed: u32_at(fixed, 20),
        size: u32_at(fixed, 24),
        offset: u32_at(fixed, 42),
        internal: u16_at(fixed, 36),
        external: u32_at(fixed, 38),
        name: text(28)?,
        extra: text(30)?,
        comment: text(32)?,
    })
}

fn cut<'a>(bytes: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (part, rest) = bytes.split_at_checked(size)?;
    *bytes = rest;
    Some(part)
}

/// A number of which the caller knows that it is there.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    let bytes = bytes
        .get(at..at + 2)
        .and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}
