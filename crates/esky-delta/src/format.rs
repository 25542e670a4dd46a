//! What a patch looks like: see `docs/design/patch-format.md`.

pub(crate) mod blocks;
pub(crate) mod container;
pub(crate) mod layout;

pub(crate) use container::{Container, Header, Packing, Stream, StreamId};
