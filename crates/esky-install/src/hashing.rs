//! SHA-256 of data on its way to the disk and of files on the disk.

use crate::error::{Damage, Error, Result};
use esky_fs::{Kind, Place, metadata};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub(crate) const BUFFER_SIZE: usize = 128 << 10;
/// Below this a second thread costs more than it brings.
const PARALLEL_FROM: u64 = 4 << 20;
const MAX_THREADS: usize = 4;

pub(crate) type Hash = [u8; 32];

/// A file and what it should contain.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) path: Place,
    pub(crate) size: u64,
    pub(crate) sha256: Hash,
}

/// Copies exactly `size` bytes and hashes them on the way. `entry` names the source in errors.
/// **Ordered later** (see esky-fs): what is at `path` after a crash or an error is any part of it.
pub(crate) fn copy_and_hash(
    entry: &str,
    read: &mut dyn Read,
    size: u64,
    file: &mut File,
    path: &Place,
) -> Result<Hash> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_SIZE.min(usize::try_from(size).unwrap_or(BUFFER_SIZE) + 1)];
    let mut done = 0_u64;
    loop {
        let count = read_some(entry, read, &mut buffer)?;
        if count == 0 {
            break;
        }
        done += count as u64;
        if done > size {
            return Err(Error::damaged(
                path,
                Damage::Size {
                    expected: size,
                    found: done,
                },
            ));
        }
        hasher.update(&buffer[..count]);
        esky_fs::write_all(file, &buffer[..count], path)?;
    }
    if done != size {
        return Err(Error::damaged(
            path,
            Damage::Size {
                expected: size,
                found: done,
            },
        ));
    }
    Ok(hasher.finalize().into())
}

/// Reads until the buffer is full or the data ends.
fn read_some(entry: &str, read: &mut dyn Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => {
                return Err(Error::Source {
                    path: entry.to_owned(),
                    source,
                });
            }
        }
    }
    Ok(filled)
}

/// Size and hash of a file.
pub(crate) fn hash_file(path: &Place, counter: &AtomicU64) -> Result<(u64, Hash)> {
    let mut file = esky_fs::open_for_read(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_SIZE];
    let mut size = 0;
    loop {
        let count = read_some(&path.path().to_string_lossy(), &mut file, &mut buffer)?;
        if count == 0 {
            return Ok((size, hasher.finalize().into()));
        }
        hasher.update(&buffer[..count]);
        size += count as u64;
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// What is wrong with a file, if anything. The size is looked at first: it is free.
pub(crate) fn check_file(expected: &Expected, counter: &AtomicU64) -> Result<Option<Damage>> {
    let Some(found) = metadata(&expected.path)? else {
        return Ok(Some(Damage::Missing));
    };
    if found.kind != Kind::File {
        return Ok(Some(Damage::Kind));
    }
    if found.size != expected.size {
        return Ok(Some(Damage::Size {
            expected: expected.size,
            found: found.size,
        }));
    }
    let (_, sha256) = hash_file(&expected.path, counter)?;
    Ok((sha256 != expected.sha256).then_some(Damage::Content))
}

/// Checks many files on a few threads; the results are in the order of the files.
/// `progress` is called on this thread with bytes done and bytes total.
pub(crate) fn check_files(
    files: &[Expected],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Option<Damage>>> {
    let total = files.iter().map(|file| file.size).sum();
    let done = AtomicU64::new(0);
    let next = AtomicUsize::new(0);
    let work = |report: &mut dyn FnMut()| -> Result<Vec<(usize, Option<Damage>)>> {
        let mut results = Vec::new();
        while let Some((index, file)) = take_next(files, &next) {
            results.push((index, check_file(file, &done)?));
            report();
        }
        Ok(results)
    };
    let mut results = std::thread::scope(|scope| -> Result<Vec<_>> {
        let helpers: Vec<_> = (1..threads(total))
            .map(|_| scope.spawn(|| work(&mut || {})))
            .collect();
        let mut results = work(&mut || progress(done.load(Ordering::Relaxed), total))?;
        for helper in helpers {
            results.extend(
                helper
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?,
            );
        }
        Ok(results)
    })?;
    progress(total, total);
    results.sort_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, damage)| damage).collect())
}

fn take_next<'a>(files: &'a [Expected], next: &AtomicUsize) -> Option<(usize, &'a Expected)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    files.get(index).map(|file| (index, file))
}

fn threads(total: u64) -> usize {
    if total < PARALLEL_FROM {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, |count| count.get().min(MAX_THREADS))
}
