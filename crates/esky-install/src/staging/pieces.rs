//! Files that are staged piece by piece, and files that are taken over from another version.

use super::{Staging, check, refuse_collision, usable_file_mode};
use crate::error::{EntryFault, Error, Result};
use crate::hashing::hash_file;
use crate::programs::below;
use esky_format::file_list::Kind;
use esky_format::layout::{BOOTSTRAP_DIR, CONTROL_DIR, FILE_LIST, MANIFEST, MANIFEST_UNINSTALLED};
use esky_fs::{Located, Place};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::sync::atomic::AtomicU64;

/// A file of a version that is being written. It counts when [`Staging::complete`] has it back.
#[derive(Debug)]
pub struct StagedFile {
    path: String,
    is_program: bool,
    mode: u32,
    place: Place,
    file: File,
    hash: Sha256,
    size: u64,
}

impl StagedFile {
    /// The next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        esky_fs::write_all(&mut self.file, bytes, &self.place)?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }
}

impl Staging {
    /// Begins a file, or a program for the top of the app directory. The manifest and the list of files cannot be written
    /// this way.
    pub fn create(&mut self, path: &str, is_program: bool, mode: u32) -> Result<StagedFile> {
        let (place, mode) = self.place_for(path, is_program, mode)?;
        let file = refuse_collision(path, esky_fs::create_new_file(&place, mode))?;
        Ok(StagedFile {
            path: path.to_owned(),
            is_program,
            mode,
            place,
            file,
            hash: Sha256::new(),
            size: 0,
        })
    }

    /// Ends a file.
    pub fn complete(&mut self, file: StagedFile) {
        let sha256 = file.hash.finalize().into();
        self.record_content(&file.path, file.is_program, (file.mode, file.size, sha256));
    }

    /// Takes a file over from elsewhere on this machine, sharing its blocks where the file system can, and tells the hash of
    /// what was taken.
    pub fn add_copy(
        &mut self,
        path: &str,
        is_program: bool,
        mode: u32,
        from: &(impl Located + ?Sized),
    ) -> Result<[u8; 32]> {
        let (place, mode) = self.place_for(path, is_program, mode)?;
        drop(refuse_collision(
            path,
            esky_fs::copy_file(from, &place, mode),
        )?);
        let (size, sha256) = hash_file(&place, &AtomicU64::new(0))?;
        self.record_content(path, is_program, (mode, size, sha256));
        Ok(sha256)
    }

    /// Size and hash of a file that was staged.
    pub fn content(&self, path: &str, is_program: bool) -> Option<(u64, [u8; 32])> {
        match self.entries.get(&(is_program, path.to_owned()))? {
            Kind::File { size, sha256, .. } | Kind::Program { size, sha256, .. } => {
                Some((*size, *sha256))
            }
            Kind::Directory { .. } | Kind::Symlink { .. } => None,
        }
    }

    fn place_for(&mut self, path: &str, is_program: bool, mode: u32) -> Result<(Place, u32)> {
        check(path)?;
        if !is_program && is_reserved(path) {
            return Err(Error::entry(path, EntryFault::Reserved));
        }
        if is_program {
            esky_fs::create_dir_all(&self.dir.programs())?;
        }
        self.make_parent(path, is_program)?;
        Ok((below(&self.base(is_program), path), usable_file_mode(mode)))
    }

    fn record_content(
        &mut self,
        path: &str,
        is_program: bool,
        (mode, size, sha256): (u32, u64, [u8; 32]),
    ) {
        let kind = match is_program {
            true => Kind::Program { mode, size, sha256 },
            false => Kind::File { mode, size, sha256 },
        };
        self.entries.insert((is_program, path.to_owned()), kind);
    }
}

fn is_reserved(path: &str) -> bool {
    let in_control = path
        .strip_prefix(CONTROL_DIR)
        .and_then(|rest| rest.strip_prefix('/'));
    in_control.is_some_and(|name| {
        [MANIFEST, MANIFEST_UNINSTALLED, FILE_LIST].contains(&name)
            || name.starts_with(BOOTSTRAP_DIR)
    })
}
