//! The index of a zip file: found from its end, read in one pass, every number checked.

use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};

use crate::error::{EntryFault, Error, PackageFault, Result};
use crate::limits::Limits;
use crate::raw::{self, RawEntry, Shape, u16_at, u32_at, u64_at};

/// Deflate cannot pack more than this many bytes into one.
const DEFLATE_MAX_RATIO: u64 = 1032;

/// What the index of a zip file says.
pub(crate) struct Index {
    pub(crate) entries: Vec<RawEntry>,
    /// Where the index starts, and so where all data must have ended.
    pub(crate) start: u64,
}

/// Reads the index of the package called `package`.
pub(crate) fn read<R: Read + Seek>(
    package: &str,
    reader: &mut R,
    limits: &Limits,
) -> Result<Index> {
    let fault = |fault| Error::Package {
        package: package.to_owned(),
        fault,
    };
    let read = |source| Error::Read {
        package: package.to_owned(),
        source,
    };
    let end = find_end(reader).map_err(read)?.map_err(fault)?;
    end.check(limits).map_err(fault)?;
    reader.seek(SeekFrom::Start(end.start)).map_err(read)?;
    let mut entries = EntryReader {
        package,
        bytes: BufReader::new(reader.take(end.size)),
        shift: end.shift,
        start: end.start,
    };
    let mut index = Index {
        entries: Vec::new(),
        start: end.start,
    };
    let mut unpacked = 0_u64;
    for _ in 0..end.count {
        let entry = entries.next()?;
        unpacked = unpacked.saturating_add(entry.size);
        limits.check_unpacked(unpacked).map_err(fault)?;
        index.entries.push(entry);
    }
    entries.finish()?;
    Ok(index)
}

/// Where the index is, from the record at the end of the file.
struct End {
    start: u64,
    size: u64,
    count: u64,
    /// What was put in front of the zip file (an unpacking program, say); all offsets move by it.
    shift: u64,
}

impl End {
    fn check(&self, limits: &Limits) -> Result<(), PackageFault> {
        limits.check_index(self.count, self.size)?;
        if self.count.saturating_mul(raw::CENTRAL_HEADER_SIZE as u64) > self.size {
            return Err(PackageFault::Index("it is too small for its entries"));
        }
        Ok(())
    }
}

/// The longest comment a zip file can end with.
const MAX_COMMENT: u64 = u16::MAX as u64;

fn find_end<R: Read + Seek>(reader: &mut R) -> std::io::Result<Result<End, PackageFault>> {
    let length = reader.seek(SeekFrom::End(0))?;
    let tail_size = length.min(MAX_COMMENT + raw::END_SIZE as u64);
    let tail_start = length - tail_size;
    reader.seek(SeekFrom::Start(tail_start))?;
    let mut tail = Vec::new();
    reader.take(tail_size).read_to_end(&mut tail)?;
    let Some(at) = end_record(&tail) else {
        return Ok(Err(without_end(reader, length)?));
    };
    let record = &tail[at..];
    let position = tail_start + at as u64;
    if let Some(located) = locator(reader, position)? {
        return end64(reader, &located, position);
    }
    Ok(end32(record, position))
}

/// The last record whose comment ends exactly where the file ends.
fn end_record(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(raw::END_SIZE)?;
    (0..=last).rev().find(|&at| {
        u32_at(tail, at) == raw::END
            && at + raw::END_SIZE + usize::from(u16_at(tail, at + 20)) == tail.len()
    })
}

fn without_end<R: Read + Seek>(reader: &mut R, length: u64) -> std::io::Result<PackageFault> {
    let mut start = Vec::new();
    reader.seek(SeekFrom::Start(0))?;
    reader.take(4.min(length)).read_to_end(&mut start)?;
    Ok(if u32_at(&start, 0) == raw::LOCAL_HEADER {
        PackageFault::Truncated
    } else {
        PackageFault::NotZip
    })
}

fn end32(record: &[u8], position: u64) -> Result<End, PackageFault> {
    if u16_at(record, 4) != 0 || u16_at(record, 6) != 0 || u16_at(record, 8) != u16_at(record, 10) {
        return Err(PackageFault::MultiPart);
    }
    let count = u64::from(u16_at(record, 10));
    let size = u64::from(u32_at(record, 12));
    placed(position, size, u64::from(u32_at(record, 16)), count)
}

/// The index ends where the end record starts; a difference to its announced place is a prefix.
fn placed(end: u64, size: u64, announced: u64, count: u64) -> Result<End, PackageFault> {
    let start = end
        .checked_sub(size)
        .ok_or(PackageFault::Index("it is larger than the file"))?;
    let shift = start
        .checked_sub(announced)
        .ok_or(PackageFault::Index("it is not where the end record says"))?;
    Ok(End {
        start,
        size,
        count,
        shift,
    })
}

fn locator<R: Read + Seek>(reader: &mut R, end: u64) -> std::io::Result<Option<Vec<u8>>> {
    let size = raw::END64_LOCATOR_SIZE as u64;
    let Some(at) = end.checked_sub(size) else {
        return Ok(None);
    };
    reader.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    reader.take(size).read_to_end(&mut bytes)?;
    Ok((u32_at(&bytes, 0) == raw::END64_LOCATOR).then_some(bytes))
}

fn end64<R: Read + Seek>(
    reader: &mut R,
    locator: &[u8],
    end: u64,
) -> std::io::Result<Result<End, PackageFault>> {
    // The record stands directly in front of the locator: ours and everyone's writers leave its
    // extensible part empty, so nothing has to be searched.
    let Some(at) = end.checked_sub((raw::END64_LOCATOR_SIZE + raw::END64_SIZE) as u64) else {
        return Ok(Err(PackageFault::Index("the zip64 end record is missing")));
    };
    reader.seek(SeekFrom::Start(at))?;
    let mut record = Vec::new();
    reader
        .take(raw::END64_SIZE as u64)
        .read_to_end(&mut record)?;
    if u32_at(&record, 0) != raw::END64 || u64_at(locator, 8) > at {
        return Ok(Err(PackageFault::Index("the zip64 end record is missing")));
    }
    if u32_at(&record, 16) != 0 || u64_at(&record, 24) != u64_at(&record, 32) {
        return Ok(Err(PackageFault::MultiPart));
    }
    let (count, size, announced) = (
        u64_at(&record, 32),
        u64_at(&record, 40),
        u64_at(&record, 48),
    );
    Ok(placed(at, size, announced, count))
}

/// Reads the entries of an index one by one.
struct EntryReader<'a, R> {
    package: &'a str,
    bytes: BufReader<R>,
    shift: u64,
    start: u64,
}

impl<R: Read> EntryReader<'_, R> {
    fn next(&mut self) -> Result<RawEntry> {
        let header = self.take(raw::CENTRAL_HEADER_SIZE)?;
        if u32_at(&header, 0) != raw::CENTRAL_HEADER {
            return Err(self.damaged("an entry has no signature"));
        }
        let name = self.take(usize::from(u16_at(&header, 28)))?;
        let extra = self.take(usize::from(u16_at(&header, 30)))?;
        self.take(usize::from(u16_at(&header, 32)))?;
        let shown = String::from_utf8_lossy(&name).into_owned();
        let entry = self.entry(&header, name, &extra);
        entry.map_err(|fault| Error::Entry {
            package: self.package.to_owned(),
            entry: shown,
            fault,
        })
    }

    fn entry(&self, header: &[u8], name: Vec<u8>, extra: &[u8]) -> Result<RawEntry, EntryFault> {
        let mut name = String::from_utf8(name).map_err(|_| EntryFault::NotUtf8)?;
        let slash = name.ends_with('/');
        if slash {
            name.pop();
        }
        let sizes = Sizes::read(header, extra)?;
        let header_at = sizes.header.checked_add(self.shift);
        let entry = RawEntry {
            name,
            flags: u16_at(header, 8),
            method: u16_at(header, 10),
            checksum: u32_at(header, 16),
            packed: sizes.packed,
            size: sizes.size,
            header: header_at
                .filter(|&at| at < self.start)
                .ok_or(EntryFault::LocalHeader("it lies outside the file"))?,
            data: None,
            shape: shape(u32_at(header, 38) >> 16, slash)?,
            mode: u32_at(header, 38) >> 16 & 0o777,
        };
        check(&entry)?;
        Ok(entry)
    }

    fn finish(mut self) -> Result<()> {
        let mut rest = [0; 1];
        match self.bytes.read(&mut rest) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.damaged("it has more entries than announced")),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn take(&mut self, size: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; size];
        match self.bytes.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(self.damaged("it ends in the middle of an entry"))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn damaged(&self, what: &'static str) -> Error {
        Error::Package {
            package: self.package.to_owned(),
            fault: PackageFault::Index(what),
        }
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::Read {
            package: self.package.to_owned(),
            source,
        }
    }
}

/// The three numbers that may have moved to the zip64 extra field.
struct Sizes {
    size: u64,
    packed: u64,
    header: u64,
}

impl Sizes {
    fn read(header: &[u8], extra: &[u8]) -> Result<Self, EntryFault> {
        let mut zip64 = zip64_field(extra).unwrap_or_default();
        let mut wide = |narrow: u32| -> Result<u64, EntryFault> {
            if narrow != raw::IN_ZIP64 {
                return Ok(u64::from(narrow));
            }
            let value = zip64.split_off(..8);
            value
                .map(|value| u64_at(value, 0))
                .ok_or(EntryFault::LocalHeader("its 64-bit sizes are missing"))
        };
        Ok(Self {
            size: wide(u32_at(header, 24))?,
            packed: wide(u32_at(header, 20))?,
            header: wide(u32_at(header, 42))?,
        })
    }
}

fn zip64_field(mut extra: &[u8]) -> Option<&[u8]> {
    while extra.len() >= 4 {
        let size = usize::from(u16_at(extra, 2));
        let field = extra.get(4..4 + size)?;
        if u16_at(extra, 0) == raw::ZIP64_TAG {
            return Some(field);
        }
        extra = &extra[4 + size..];
    }
    None
}

fn shape(mode: u32, slash: bool) -> Result<Shape, EntryFault> {
    match mode & raw::TYPE_MASK {
        0 if slash => Ok(Shape::Directory),
        0 => Ok(Shape::File),
        raw::TYPE_FILE if !slash => Ok(Shape::File),
        raw::TYPE_DIRECTORY => Ok(Shape::Directory),
        raw::TYPE_SYMLINK if !slash => Ok(Shape::Symlink),
        _ => Err(EntryFault::Special(mode)),
    }
}

fn check(entry: &RawEntry) -> Result<(), EntryFault> {
    if entry.flags & raw::FLAGS_ENCRYPTED != 0 {
        return Err(EntryFault::Encrypted);
    }
    if entry.shape == Shape::Directory && entry.size != 0 {
        return Err(EntryFault::DirectoryContent);
    }
    let possible = match entry.method {
        raw::STORED => entry.size == entry.packed,
        raw::DEFLATED => entry.size <= entry.packed.saturating_mul(DEFLATE_MAX_RATIO),
        method => return Err(EntryFault::Method(method)),
    };
    possible.then_some(()).ok_or(EntryFault::Impossible {
        declared: entry.size,
        packed: entry.packed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::index_of_distant_entries;

    /// A file of zeros with something at its end.
    struct Sparse {
        zeros: u64,
        end: Vec<u8>,
        position: u64,
    }

    impl Read for Sparse {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some(at) = self.position.checked_sub(self.zeros) else {
                return Err(ErrorKind::Unsupported.into());
            };
            let count = (&self.end[at as usize..]).read(buffer)?;
            self.position += count as u64;
            Ok(count)
        }
    }

    impl Seek for Sparse {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.position = match to {
                SeekFrom::Start(position) => position,
                _ => self.zeros + self.end.len() as u64,
            };
            Ok(self.position)
        }
    }

    #[test]
    fn sizes_and_places_beyond_32_bits() {
        let zeros = 12 << 30;
        let comment = vec![b' '; usize::from(u16::MAX)];
        let mut end = index_of_distant_entries(zeros);
        let length = end.len();
        end[length - 2..].copy_from_slice(&u16::MAX.to_le_bytes());
        end.extend(comment);
        let mut reader = Sparse {
            zeros,
            end,
            position: 0,
        };
        let limits = Limits::default().with_unpacked_size(u64::MAX);
        let index = read("far.zip", &mut reader, &limits).unwrap();
        let numbers: Vec<_> = index
            .entries
            .iter()
            .map(|entry| (entry.size, entry.packed, entry.header))
            .collect();
        assert_eq!(index.start, zeros);
        assert_eq!(numbers, [(5 << 30, 5 << 30, 0), (7, 7, 6 << 30)]);
    }
}
