//! Packages: zip files that hold one version of an app.
//!
//! Reading trusts nothing. [`Package::open`] goes through the whole index before a single byte is
//! unpacked: names, duplicates, links, sizes, overlaps and the layout. The caller unpacks a `Package`
//! without checking a path again. [`Archive`] does the same for a zip file that is not a package. This crate
//! does not use the disk: it reads from a `Read + Seek` and writes to a [`TreeSink`].
//!
//! Writing is deterministic: the same entries give the same bytes on every machine, whatever the
//! number of cores. [`ZipWriter`] deflates in blocks on all of them with bounded memory.

mod archive;
mod collision;
mod content;
mod error;
mod index;
mod layout;
mod limits;
mod local;
mod names;
mod package;
mod raw;
mod unpack;
mod write;

pub use archive::{Archive, Selection};
pub use collision::collision_key;
pub use error::{EntryFault, Error, PackageFault, Result, SinkError};
pub use limits::Limits;
pub use package::{Entry, Kind, Package};
pub use unpack::{Progress, TreeSink};
pub use write::{Compression, ZipWriter};
