//! Tables of digests inside a file over pages of the same file, as code signatures of Mach-O have them. They cannot be
//! predicted from the old file, but they follow from the bytes before them: applying computes them.

use sha2::{Digest, Sha256};

use crate::error::{Damage, Error, Result};
use crate::streams::varint::{Reader, put};

/// How errors name the stream.
const NAME: &str = "the list of digests";
const SIZE: u32 = 32;
/// No file has more tables.
const MOST_TABLES: u64 = 64;
/// Log2 of the sizes that pages may have.
const PAGES: std::ops::RangeInclusive<u64> = 10..=24;

/// A table of SHA-256 digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Where the table is.
    pub(crate) at: u32,
    /// Where the bytes are that it is about: before the table.
    pub(crate) start: u32,
    pub(crate) size: u32,
    /// Log2 of the size of pages; the last one may be shorter.
    pub(crate) page: u32,
}

impl Table {
    fn pages(&self) -> u32 {
        self.size.div_ceil(1 << self.page)
    }

    fn end(&self) -> u32 {
        self.at + SIZE * self.pages()
    }

    /// Whether the table lies in the file and behind both its own pages and the table before it.
    fn fits(&self, before: u32, file_size: u64) -> bool {
        let bytes_end = u64::from(self.start) + u64::from(self.size);
        let end = u64::from(self.at) + u64::from(SIZE) * u64::from(self.pages());
        self.size > 0 && self.start >= before && bytes_end <= u64::from(self.at) && end <= file_size
    }
}

/// Keeps those of the tables that hold what they should.
pub(crate) fn keep_true(file: &[u8], tables: Vec<Table>) -> Vec<Table> {
    let mut before = 0;
    let right = |table: &Table| {
        let fits = table.fits(before, file.len() as u64) && holds(file, table);
        if fits {
            before = table.end();
        }
        fits
    };
    tables.into_iter().filter(right).collect()
}

fn holds(file: &[u8], table: &Table) -> bool {
    let bytes = &file[table.start as usize..(table.start + table.size) as usize];
    let digests = file[table.at as usize..table.end() as usize].chunks(SIZE as usize);
    let pages = bytes.chunks(1 << table.page);
    pages
        .zip(digests)
        .all(|(page, digest)| Sha256::digest(page)[..] == *digest)
}

/// Puts zeros in place of the tables.
pub(crate) fn blank(file: &mut [u8], tables: &[Table]) {
    for table in tables {
        if let Some(bytes) = file.get_mut(table.at as usize..table.end() as usize) {
            bytes.fill(0);
        }
    }
}

/// The tables as a stream.
pub(crate) fn write(tables: &[Table]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for table in tables {
        for number in [table.at, table.start, table.size, table.page] {
            put(&mut bytes, number.into());
        }
    }
    bytes
}

/// Reads and checks `count` tables for a file of this size.
pub(crate) fn read(count: u64, bytes: &[u8], file_size: u64) -> Result<Vec<Table>> {
    let outside = Error::Damaged(Damage::OutOfBounds { stream: NAME });
    if count > MOST_TABLES {
        return Err(outside);
    }
    let mut reader = Reader::new(bytes, NAME);
    let mut tables: Vec<Table> = Vec::new();
    for _ in 0..count {
        let mut number = || reader.number_to(file_size).map(|number| number as u32);
        let table = Table {
            at: number()?,
            start: number()?,
            size: number()?,
            page: number()?,
        };
        let before = tables.last().map_or(0, Table::end);
        if !PAGES.contains(&table.page.into()) || !table.fits(before, file_size) {
            return Err(outside);
        }
        tables.push(table);
    }
    reader.finish()?;
    Ok(tables)
}

/// Fills in the tables while the file passes by.
#[derive(Debug)]
pub(crate) struct Filling {
    tables: std::vec::IntoIter<Table>,
    table: Option<Table>,
    position: u64,
    page: Sha256,
    digests: Vec<u8>,
}

impl Filling {
    pub(crate) fn new(tables: Vec<Table>) -> Self {
        let mut tables = tables.into_iter();
        Self {
            table: tables.next(),
            tables,
            position: 0,
            page: Sha256::new(),
            digests: Vec::new(),
        }
    }

    /// Memory that filling in takes for a file of this size.
    pub(crate) fn memory(file_size: u64) -> u64 {
        file_size >> (PAGES.start() - 6)
    }

    /// Passes bytes on, those of tables replaced.
    pub(crate) fn pass(
        &mut self,
        mut bytes: &[u8],
        mut on: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        while !bytes.is_empty() {
            let (length, role) = self.next(bytes.len());
            let (part, rest) = bytes.split_at(length);
            match role {
                Role::Other => on(part)?,
                Role::Page { last } => {
                    self.page.update(part);
                    on(part)?;
                    if last {
                        self.digests.extend(self.page.finalize_reset());
                    }
                }
                Role::Table { from } => on(self.digests.get(from..from + length).unwrap_or(part))?,
            }
            self.position += length as u64;
            bytes = rest;
            if self
                .table
                .is_some_and(|table| self.position >= table.end().into())
            {
                self.table = self.tables.next();
                self.digests.clear();
            }
        }
        Ok(())
    }

    /// What the next bytes are, and how many of at most `most` are that.
    fn next(&self, most: usize) -> (usize, Role) {
        let Some(table) = self.table else {
            return (most, Role::Other);
        };
        let position = self.position;
        let [start, at, end] = [table.start, table.at, table.end()].map(u64::from);
        let pages_end = start + u64::from(table.size);
        let until =
            |border: u64| usize::try_from(border - position).map_or(most, |room| room.min(most));
        if position < start {
            (until(start), Role::Other)
        } else if position < pages_end {
            let page = ((position - start) >> table.page) + 1;
            let border = (start + (page << table.page)).min(pages_end);
            let length = until(border);
            let last = position + length as u64 == border;
            (length, Role::Page { last })
        } else if position < at {
            (until(at), Role::Other)
        } else {
            let from = (position - at) as usize;
            (until(end), Role::Table { from })
        }
    }
}

enum Role {
    Other,
    Page { last: bool },
    Table { from: usize },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (Vec<u8>, Vec<Table>) {
        let mut file = Vec::new();
        let mut tables = Vec::new();
        for round in 0..2u32 {
            let start = file.len() as u32 + 5;
            file.extend((0..2500 + 1000 * round).map(|step| ((step * 7) >> 3) as u8));
            let table = Table {
                at: file.len() as u32 + 3,
                start,
                size: 2300,
                page: 10,
            };
            file.extend([9; 3]);
            for page in file.clone()[start as usize..][..2300].chunks(1024) {
                file.extend(Sha256::digest(page));
            }
            tables.push(table);
        }
        file.extend([1, 2, 3]);
        (file, tables)
    }

    #[test]
    fn tables_are_filled_in_however_the_file_is_cut() {
        let (file, tables) = file();
        assert_eq!(keep_true(&file, tables.clone()), tables);
        let mut blanked = file.clone();
        blank(&mut blanked, &tables);
        assert_ne!(blanked, file);
        for size in [1, 7, 1000, 100_000] {
            let mut filling = Filling::new(tables.clone());
            let mut filled = Vec::new();
            for part in blanked.chunks(size) {
                let add = |bytes: &[u8]| {
                    filled.extend_from_slice(bytes);
                    Ok(())
                };
                filling.pass(part, add).unwrap();
            }
            assert!(filled == file, "in parts of {size}");
        }
    }

    #[test]
    fn tables_that_hold_something_else_are_left_alone() {
        let (mut file, tables) = file();
        file[tables[0].at as usize] ^= 1;
        assert_eq!(keep_true(&file, tables.clone()), tables[1..]);
    }

    #[test]
    fn tables_come_back_and_are_checked() {
        let (file, tables) = file();
        let bytes = write(&tables);
        let size = file.len() as u64;
        assert_eq!(read(2, &bytes, size).unwrap(), tables);
        assert!(read(2, &bytes, u64::from(tables[1].at)).is_err());
        assert!(read(1, &bytes, size).is_err());
        let backwards = write(&[tables[1], tables[0]]);
        assert!(read(2, &backwards, size).is_err());
    }
}
