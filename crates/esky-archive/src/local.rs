//! The local headers: where each entry's bytes lie, and that no two entries share one.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use crate::content::Problem;
use crate::error::{EntryFault, Error, Result};
use crate::index::Index;
use crate::raw::{self, RawEntry, u16_at, u32_at};

/// Brings the entries into the order of the file and makes sure that there is room for each of them, without reading
/// anything. Where exactly the data of an entry begins, its local header says: [`find_data`].
pub(crate) fn order(package: &str, index: &mut Index) -> Result<()> {
    index.entries.sort_by_key(|entry| entry.header);
    let least = |entry: &RawEntry| {
        let header = (raw::LOCAL_HEADER_SIZE + entry.name.len()) as u64;
        entry.header.checked_add(header)?.checked_add(entry.packed)
    };
    if let Some(last) = index.entries.last()
        && least(last).is_none_or(|end| end > index.start)
    {
        return Err(Error::Entry {
            package: package.to_owned(),
            entry: last.name.clone(),
            fault: EntryFault::LocalHeader("its data ends too late"),
        });
    }
    disjoint(package, &index.entries, least)
}

/// Finds the data of every entry and brings the entries into the order of the file.
pub(crate) fn locate<R: Read + Seek>(
    package: &str,
    reader: &mut R,
    index: &mut Index,
) -> Result<()> {
    index.entries.sort_by_key(|entry| entry.header);
    for entry in &mut index.entries {
        let found = find_data(reader, entry).and_then(|data| {
            let end = data.checked_add(entry.packed);
            let fits = end.is_some_and(|end| end <= index.start);
            fits.then_some(data)
                .ok_or(EntryFault::LocalHeader("its data ends too late").into())
        });
        let data = found.map_err(|problem| problem.error(package, &entry.name))?;
        entry.data = Some(data);
    }
    let end = |entry: &RawEntry| entry.data?.checked_add(entry.packed);
    disjoint(package, &index.entries, end)
}

/// Where the data of an entry begins, going by its local header, which must agree with the index.
pub(crate) fn find_data<R: Read + Seek>(reader: &mut R, entry: &RawEntry) -> Result<u64, Problem> {
    Ok(entry.header + read_header(reader, entry)?)
}

/// Checks the local header against the index; gives its size.
fn read_header<R: Read + Seek>(reader: &mut R, entry: &RawEntry) -> Result<u64, Problem> {
    // One read brings the header and, except for a name with a slash more, the name.
    let mut buffer = vec![0; raw::LOCAL_HEADER_SIZE + entry.name.len()];
    reader
        .seek(SeekFrom::Start(entry.header))
        .map_err(Problem::Read)?;
    reader.read_exact(&mut buffer).map_err(|error| {
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

fn disjoint(
    package: &str,
    entries: &[RawEntry],
    end: impl Fn(&RawEntry) -> Option<u64>,
) -> Result<()> {
    for pair in entries.windows(2) {
        if end(&pair[0]).is_none_or(|end| end > pair[1].header) {
            return Err(Error::Entry {
                package: package.to_owned(),
                entry: pair[1].name.clone(),
                fault: EntryFault::Overlap(pair[0].name.clone()),
            });
        }
    }
    Ok(())
}
