//! From a patch and the version that it starts from to a version directory that can be installed.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_format::file_list::{self, FileList, Limits as ListLimits};
use esky_format::layout::{CONTROL_DIR, FILE_LIST};
use esky_format::name::AppVersion;
use esky_install::{AppDir, StagedFile, Staging};
use esky_patch::{Entry, Kept, Kind, Patch, Place, Sink, TreeDigest, VersionFile};

use crate::error::{Error, Noted, Result};

/// Files get their real permissions from the list; until then a program can be told from a file.
const MODES: [(Kind, u32); 3] = [
    (Kind::File, 0o644),
    (Kind::Program, 0o755),
    (Kind::Link, 0o777),
];

/// Where the files of a new version go: straight into its directory, which nothing starts yet.
pub(crate) struct StagedVersion<'a> {
    staging: Staging,
    wanted: &'a AppVersion,
    progress: &'a dyn Fn(u64, u64) -> ControlFlow<()>,
    open: Option<Open>,
    outline: Option<Vec<u8>>,
    digest: TreeDigest,
    done: u64,
    total: u64,
    pub(crate) noted: Noted,
}

/// The file that is being written.
struct Open {
    entry: Entry,
    content: Content,
}

enum Content {
    File(StagedFile),
    /// A link, or the outline of the list: what is small and needed as a whole.
    Bytes(Vec<u8>),
}

impl<'a> StagedVersion<'a> {
    /// Begins a version whose files have so many bytes together.
    pub(crate) fn begin(
        app: &AppDir,
        wanted: &'a AppVersion,
        total: u64,
        progress: &'a dyn Fn(u64, u64) -> ControlFlow<()>,
    ) -> Result<Self> {
        app.require_space(total)?;
        Ok(Self {
            staging: app.stage(wanted)?,
            wanted,
            progress,
            open: None,
            outline: None,
            digest: TreeDigest::default(),
            done: 0,
            total,
            noted: Noted::default(),
        })
    }

    /// Takes over a file of the version that the patch starts from. [`Error::ChangedFile`] if it is not what that version brought.
    pub(crate) fn keep(&mut self, kept: Kept<'_>) -> Result<()> {
        let entry = kept.entry;
        match kept.place {
            Place::File(place) => self.copy(kept, place)?,
            Place::Bytes(bytes) => {
                self.begin_file(entry)?;
                self.add(bytes)?;
                self.complete()?;
            }
        }
        self.digest.add(&entry.path, entry.kind, *kept.sha256);
        Ok(())
    }

    /// Copies a file, and compares the copy with what the version brought.
    fn copy(&mut self, kept: Kept<'_>, place: &Path) -> Result<()> {
        let entry = kept.entry;
        let (path, is_program) = staged_path(entry)?;
        let copied = self
            .staging
            .add_copy(path, is_program, mode(entry.kind), place);
        let changed = || Error::ChangedFile {
            path: place.to_owned(),
            entry: entry.path.clone(),
        };
        match copied {
            Ok(sha256) if sha256 == *kept.sha256 => {}
            Ok(_) => return Err(changed()),
            Err(esky_install::Error::Disk(error))
                if error.kind() == esky_fs::ErrorKind::NotFound && error.path() == place =>
            {
                return Err(changed());
            }
            Err(error) => return Err(error.into()),
        }
        self.advance(entry.size)
    }

    /// Ends the version: makes its list and compares the whole with what the patch was made for.
    pub(crate) fn finish<R: Read>(mut self, patch: &Patch<R>) -> Result<PathBuf> {
        for (entry, sha256) in patch.written() {
            self.digest.add(&entry.path, entry.kind, *sha256);
        }
        if self.digest.finish() != patch.tree_digest() {
            return Err(Error::OtherVersion);
        }
        let list = self.list()?;
        let text = list.write();
        let path = format!("{CONTROL_DIR}/{FILE_LIST}");
        let size = text.len() as u64;
        let added = self
            .staging
            .add_file(&path, 0o644, size, &mut text.as_bytes());
        added?;
        // Directories without files are in no patch, but in the list.
        for entry in &list.entries {
            if let file_list::Kind::Directory { mode } = entry.kind {
                self.staging.add_directory(&entry.path, mode)?;
            }
        }
        self.advance(0)?;
        Ok(self.staging.finish()?)
    }

    /// The list of all files, from its outline and what was written.
    fn list(&mut self) -> Result<FileList> {
        let outline = self.outline.take().ok_or(Error::OtherVersion)?;
        let outline = FileList::parse(&outline, &ListLimits::default());
        let outline = outline.map_err(|_| Error::OtherVersion)?;
        if outline.app != *self.wanted {
            return Err(Error::OtherVersion);
        }
        let content =
            |entry: &file_list::Entry| self.staging.content(&entry.path, entry.kind.is_program());
        outline.fill_in(content).map_err(|_| Error::OtherVersion)
    }

    fn begin_file(&mut self, entry: &Entry) -> Result<()> {
        let is_outline = VersionFile::of(&entry.path) == VersionFile::Outline;
        let content = if is_outline || entry.kind == Kind::Link {
            if entry.size > ListLimits::default().bytes as u64 {
                return Err(Error::OtherVersion);
            }
            Content::Bytes(Vec::new())
        } else {
            let (path, is_program) = staged_path(entry)?;
            let mode = mode(entry.kind);
            Content::File(self.staging.create(path, is_program, mode)?)
        };
        self.open = Some(Open {
            entry: entry.clone(),
            content,
        });
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(open) = &mut self.open {
            match &mut open.content {
                Content::File(file) => file.write(bytes)?,
                Content::Bytes(known) => known.extend_from_slice(bytes),
            }
        }
        self.advance(bytes.len() as u64)
    }

    fn complete(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        match open.content {
            Content::File(file) => self.staging.complete(file),
            Content::Bytes(bytes) if open.entry.kind == Kind::Link => {
                let target = String::from_utf8(bytes).map_err(|_| Error::OtherVersion)?;
                let (path, _) = staged_path(&open.entry)?;
                self.staging.add_symlink(path, &target)?;
            }
            Content::Bytes(bytes) => self.outline = Some(bytes),
        }
        Ok(())
    }

    fn advance(&mut self, bytes: u64) -> Result<()> {
        self.done += bytes;
        match (self.progress)(self.done, self.total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    }
}

impl Sink for StagedVersion<'_> {
    fn begin(&mut self, entry: &Entry) -> io::Result<()> {
        let begun = self.begin_file(entry);
        self.noted.keep(begun)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let added = self.add(bytes);
        self.noted.keep(added)
    }

    fn end(&mut self) -> io::Result<()> {
        let completed = self.complete();
        self.noted.keep(completed)
    }
}

fn staged_path(entry: &Entry) -> Result<(&str, bool)> {
    match VersionFile::of(&entry.path) {
        VersionFile::Program(path) => Ok((path, true)),
        VersionFile::File(path) => Ok((path, false)),
        VersionFile::Outline => Err(Error::OtherVersion),
    }
}

fn mode(kind: Kind) -> u32 {
    let known = MODES.iter().find(|(known, _)| *known == kind);
    known.map_or(0o644, |(_, mode)| *mode)
}
