//! How numbers and bytes become few bits.

pub(crate) mod adaptive;
pub(crate) mod coder;
pub(crate) mod literals;
pub(crate) mod logistic;
pub(crate) mod lzma;
pub(crate) mod mixing;
pub(crate) mod varint;
