//! What can be wrong with a package, as data.

use std::io;

use esky_format::path::PathFault;

/// What a [`TreeSink`](crate::TreeSink) may fail with.
pub type SinkError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed operation on a package: which package, which entry, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The package as a whole is no good.
    #[error("package {package}: {fault}")]
    Package {
        /// The package's name.
        package: String,
        /// What is wrong with it.
        fault: PackageFault,
    },
    /// One entry of the package is no good.
    #[error("package {package}, entry {entry:?}: {fault}")]
    Entry {
        /// The package's name.
        package: String,
        /// The entry's name as it stands in the index.
        entry: String,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// Another package than the one that was asked for.
    #[error("package {package}: holds {part} {found:?}, but {expected:?} was asked for")]
    Unexpected {
        /// The package's name.
        package: String,
        /// `name`, `version` or `platform`.
        part: &'static str,
        /// What was asked for.
        expected: String,
        /// What the package holds.
        found: String,
    },
    /// The package could not be read.
    #[error("cannot read package {package}: {source}")]
    Read {
        /// The package's name.
        package: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The receiver of an entry refused it.
    #[error("cannot unpack {entry:?} of package {package}: {source}")]
    Sink {
        /// The package's name.
        package: String,
        /// The entry's path in the unpacked tree.
        entry: String,
        /// What the receiver said.
        #[source]
        source: SinkError,
    },
    /// The caller stopped the work.
    #[error("package {package}: unpacking was cancelled")]
    Cancelled {
        /// The package's name.
        package: String,
    },
    /// An entry's content could not be read while packing.
    #[error("cannot read {entry:?} while packing: {source}")]
    Content {
        /// The entry's path in the package.
        entry: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An entry's content changed while it was packed.
    #[error("cannot pack {entry:?}: it has {found} bytes, but {expected} were announced")]
    ContentSize {
        /// The entry's path in the package.
        entry: String,
        /// The announced size.
        expected: u64,
        /// The bytes that came, or the first number beyond the announced size.
        found: u64,
    },
    /// The package could not be written.
    #[error("cannot write {entry:?} to the package: {source}")]
    Write {
        /// The entry's path in the package.
        entry: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// What a person can do about it, if there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Package { fault, .. } => fault.hint()?,
            Self::Entry { fault, .. } => fault.hint()?,
            Self::Unexpected { part, .. } if *part == "platform" => {
                "the package was made for another system; pack or fetch the one for this system"
            }
            Self::Unexpected { .. } => "the file was probably renamed; pack it again",
            Self::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space on the disk"
            }
            Self::ContentSize { .. } => "do not change the directory while it is packed",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// What is wrong with a package as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackageFault {
    /// The file does not look like a zip file.
    #[error("not a zip file")]
    NotZip,
    /// A zip file whose end is missing.
    #[error("truncated: the index at the end of the zip file is missing")]
    Truncated,
    /// A zip file that is spread over several files.
    #[error("is one part of a multi-part zip file")]
    MultiPart,
    /// The index contradicts itself.
    #[error("the index is damaged: {0}")]
    Index(&'static str),
    /// More entries than allowed.
    #[error("has {found} entries, more than the {limit} allowed")]
    TooManyEntries {
        /// The entries the index announces.
        found: u64,
        /// The bound.
        limit: u64,
    },
    /// An index larger than allowed.
    #[error("has {found} bytes of index and paths, more than the {limit} allowed")]
    IndexTooLarge {
        /// The size of the index.
        found: u64,
        /// The bound.
        limit: u64,
    },
    /// More to unpack than allowed.
    #[error("unpacks to {found} bytes, more than the {limit} allowed")]
    TooLarge {
        /// The declared size of all files so far.
        found: u64,
        /// The bound.
        limit: u64,
    },
    /// No directory in it is a version of an app.
    #[error("holds no version directory (NAME-VERSION.PLATFORM/esky-files/bootstrap-manifest.txt)")]
    NoVersionDirectory,
    /// Two directories in it are versions of an app.
    #[error("holds two version directories, {0:?} and {1:?}")]
    TwoVersionDirectories(String, String),
    /// The list of the top-level programs is no good.
    #[error("bootstrap-manifest.txt: {0}")]
    Manifest(String),
    /// A program that the manifest names is missing.
    #[error("bootstrap-manifest.txt names {0:?}, which the package does not hold")]
    MissingProgram(String),
}

impl PackageFault {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotZip => "the server may have answered with a web page; look at the file",
            Self::Truncated | Self::Index(_) => "fetch the package again",
            Self::TooManyEntries { .. } | Self::IndexTooLarge { .. } | Self::TooLarge { .. } => {
                "whoever makes the app can leave out files that it does not need, or put many small files into one (a zip file, say)"
            }
            Self::NoVersionDirectory => "make packages with `esky pack`",
            _ => return None,
        })
    }
}

/// What is wrong with one entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// The name could not become a path on every system, or would leave the tree.
    #[error("{0}")]
    Path(PathFault),
    /// The name is not UTF-8.
    #[error("the name is not UTF-8")]
    NotUtf8,
    /// The name occurs twice.
    #[error("occurs twice")]
    Duplicate,
    /// The name differs from another one only in the case of its letters or in how accents are written.
    #[error("is the same file as {0:?} on systems that ignore case or how accents are written")]
    Collision(String),
    /// The entry lies below something that is not a directory.
    #[error("lies below {0:?}, which is not a directory")]
    BelowNonDirectory(String),
    /// The entry lies outside the folder that holds the app.
    #[error("lies outside the app's top folder {0:?}")]
    OutsidePrefix(String),
    /// The entry has a name that esky keeps for the work of installing.
    #[error("has a name that is reserved for the installation")]
    Reserved,
    /// A symbolic link among the programs at the top.
    #[error("is a symbolic link among the programs at the top")]
    ProgramLink,
    /// The link leads out of the tree.
    #[error("the link to {target:?} is refused: {fault}")]
    Link {
        /// Where it leads.
        target: String,
        /// Why it is refused.
        fault: PathFault,
    },
    /// The link's target is no text or too long.
    #[error("the link's target is not a path")]
    LinkTarget,
    /// Neither file, directory nor symbolic link.
    #[error("is a special file (mode {0:o})")]
    Special(u32),
    /// The entry is encrypted.
    #[error("is encrypted")]
    Encrypted,
    /// The entry is packed by an unknown method.
    #[error("is packed by method {0}; only stored and deflated entries are known")]
    Method(u16),
    /// A directory with content.
    #[error("is a directory, but has content")]
    DirectoryContent,
    /// More bytes are declared than the packed bytes could hold.
    #[error("declares {declared} bytes, more than {packed} packed bytes can hold")]
    Impossible {
        /// The declared size.
        declared: u64,
        /// The packed size.
        packed: u64,
    },
    /// The entry shares bytes with another one.
    #[error("overlaps with {0:?}")]
    Overlap(String),
    /// The entry's data is not where the index says.
    #[error("the local header is damaged: {0}")]
    LocalHeader(&'static str),
    /// The packed bytes end too early.
    #[error("its data is truncated")]
    Truncated,
    /// The packed bytes cannot be unpacked.
    #[error("its packed data is damaged")]
    Deflate,
    /// More bytes came out than declared.
    #[error("yields more than the {0} bytes it declares")]
    YieldsMore(u64),
    /// Fewer bytes came out than declared.
    #[error("yields only {found} of the {declared} bytes it declares")]
    YieldsLess {
        /// The declared size.
        declared: u64,
        /// What came out.
        found: u64,
    },
    /// The checksum is wrong.
    #[error("the checksum is wrong: {expected:08x} declared, {found:08x} found")]
    Checksum {
        /// The declared CRC-32.
        expected: u32,
        /// The CRC-32 of what came out.
        found: u32,
    },
}

impl EntryFault {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Checksum { .. } | Self::Deflate | Self::Truncated | Self::LocalHeader(_) => {
                "fetch the package again"
            }
            Self::Encrypted => "packages are not encrypted; pack the app again",
            Self::Method(_) => "make packages with `esky pack`",
            Self::Collision(_) | Self::Path(_) => "rename the file and pack the app again",
            _ => return None,
        })
    }
}
