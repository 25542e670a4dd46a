//! One hash over a whole tree.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Kind, Tree, pass};
use crate::error::Result;

/// Adds up the files of a tree to one hash: SHA-256 over all paths, kinds and hashes, sorted by path.
#[derive(Clone, Debug, Default)]
pub struct TreeDigest {
    files: BTreeMap<String, (Kind, [u8; 32])>,
}

impl TreeDigest {
    /// Adds a file with the SHA-256 of its content.
    pub fn add(&mut self, path: &str, kind: Kind, sha256: [u8; 32]) {
        self.files.insert(path.to_owned(), (kind, sha256));
    }

    /// The hash over all files.
    pub fn finish(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (path, (kind, sha256)) in &self.files {
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path);
            hash.update([kind.number()]);
            hash.update(sha256);
        }
        hash.finalize().into()
    }
}

impl Kind {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::File => 0,
            Self::Program => 1,
            Self::Link => 2,
        }
    }
}

/// The hash of one file's content.
pub(super) fn of_file(tree: &dyn Tree, index: usize, size: u64) -> Result<[u8; 32]> {
    let mut hash = Sha256::new();
    pass(tree, index, 0, size, |bytes| {
        hash.update(bytes);
        Ok(())
    })?;
    Ok(hash.finalize().into())
}
