//! The local headers: where each entry's bytes lie, and that no two entries share one.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use crate::error::{EntryFault, Error, Result};
use crate::index::Index;
use crate::raw::{self, RawEntry, u16_at, u32_at};

/// Finds the data of every entry and brings the entries into the order of the file.
pub(crate) fn locate<R: Read + Seek>(
    package: &str,
    reader: &mut R,
    index: &mut Index,
) -> Result<()> {
    index.entries.sort_by_key(|entry| entry.header);
    let mut buffer = Vec::new();
    for entry in &mut index.entries {
        let faulty = |fault| Error::Entry {
            package: package.to_owned(),
            entry: entry.name.clone(),
            fault,
        };
        let header_size =
            read_header(reader, entry, &mut buffer).map_err(|problem| match problem {
                Problem::Fault(fault) => faulty(fault),
                Problem::Read(source) => Error::Read {
                    package: package.to_owned(),
                    source,
                },
            })?;
        entry.data = entry.header + header_size;
        let end = entry.data.checked_add(entry.packed);
        if end.is_none_or(|end| end > index.start) {
            return Err(faulty(EntryFault::LocalHeader("its data ends too late")));
        }
    }
    disjoint(package, &index.entries)
}

enum Problem {
    Fault(EntryFault),
    Read(std::io::Error),
}

impl From<EntryFault> for Problem {
    fn from(fault: EntryFault) -> Self {
        Self::Fault(fault)
    }
}

/// Checks the local header against the index; gives its size.
fn read_header<R: Read + Seek>(
    reader: &mut R,
    entry: &RawEntry,
    buffer: &mut Vec<u8>,
) -> Result<u64, Problem> {
    // One read brings the header and, except for a name with a slash more, the name.
    buffer.resize(raw::LOCAL_HEADER_SIZE + entry.name.len(), 0);
    reader
        .seek(SeekFrom::Start(entry.header))
        .map_err(Problem::Read)?;
    reader.read_exact(buffer).map_err(|error| {
        if error.kind() == ErrorKind::UnexpectedEof {
            Problem::Fault(EntryFault::LocalHeader("it lies outside the file"))
        } else {
            Problem::Read(error)
        }
    })?;
    let (header, name) = buffer.split_at(raw::LOCAL_HEADER_SIZE);
    if u32_at(header, 0) != raw::LOCAL_HEADER {
        return Err(EntryFault::LocalHeader("it has no signature").into());
    }
    let name_size = usize::from(u16_at(header, 26));
    if name != entry.name.as_bytes() || !(name.len()..=name.len() + 1).contains(&name_size) {
        return Err(EntryFault::LocalHeader("its name differs from the index").into());
    }
    agree(header, entry)?;
    Ok((raw::LOCAL_HEADER_SIZE + name_size) as u64 + u64::from(u16_at(header, 28)))
}

/// Two descriptions that differ would let two readers see two files.
fn agree(header: &[u8], entry: &RawEntry) -> Result<(), EntryFault> {
    let flags = u16_at(header, 6);
    if flags & raw::FLAGS_ENCRYPTED != 0 {
        return Err(EntryFault::Encrypted);
    }
    if u16_at(header, 8) != entry.method {
        return Err(EntryFault::LocalHeader("its method differs from the index"));
    }
    if flags & raw::FLAG_DESCRIPTOR != 0 {
        return Ok(());
    }
    let differs = |local: u32, indexed: u64| local != raw::IN_ZIP64 && u64::from(local) != indexed;
    if u32_at(header, 14) != entry.checksum
        || differs(u32_at(header, 18), entry.packed)
        || differs(u32_at(header, 22), entry.size)
    {
        return Err(EntryFault::LocalHeader("its sizes differ from the index"));
    }
    Ok(())
}

fn disjoint(package: &str, entries: &[RawEntry]) -> Result<()> {
    for pair in entries.windows(2) {
        if pair[0].data + pair[0].packed > pair[1].header {
            return Err(Error::Entry {
                package: package.to_owned(),
                entry: pair[1].name.clone(),
                fault: EntryFault::Overlap(pair[0].name.clone()),
            });
        }
    }
    Ok(())
}
