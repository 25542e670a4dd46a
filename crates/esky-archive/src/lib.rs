//! Packages: zip files that hold one version of an app.
//!
//! Reading trusts nothing. [`Package::open`] goes through the whole index before a single byte is
//! unpacked: names, duplicates, links, sizes, overlaps and the layout. Whoever holds a `Package`
//! can unpack it without looking at a path again. [`Archive`] is the same for a zip file of anything else. There is no path and no disk in here: bytes come
//! from a `Read + Seek` and go to a [`TreeSink`].
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
