//! `bidiff-peer diff OLD NEW PATCH` and `bidiff-peer patch OLD PATCH NEW`: the bidiff and bipatch crates, their patches
//! packed by zstd, as their documentation advises.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Cursor};

/// The strongest level that needs no more memory than usual.
const LEVEL: i32 = 19;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["diff", old, new, patch] => diff(old, new, patch),
        ["patch", old, patch, new] => apply(old, patch, new),
        _ => Err("usage: bidiff-peer diff OLD NEW PATCH | patch OLD PATCH NEW".into()),
    }
}

fn diff(old: &str, new: &str, patch: &str) -> Result<(), Box<dyn Error>> {
    let (old, new) = (fs::read(old)?, fs::read(new)?);
    let mut packed = zstd::Encoder::new(BufWriter::new(File::create(patch)?), LEVEL)?;
    bidiff::simple_diff(&old, &new, &mut packed)?;
    packed.finish()?.into_inner()?;
    Ok(())
}

fn apply(old: &str, patch: &str, new: &str) -> Result<(), Box<dyn Error>> {
    let patch = BufReader::new(zstd::Decoder::new(File::open(patch)?)?);
    let mut result = bipatch::Reader::new(patch, Cursor::new(fs::read(old)?))?;
    let mut new = BufWriter::new(File::create(new)?);
    io::copy(&mut result, &mut new)?;
    new.into_inner()?;
    Ok(())
}
