//! Packages.

use std::io::{Cursor, Read};
use std::ops::ControlFlow;

use esky_archive::{Archive, Compression, Limits, Package, SinkError, TreeSink, ZipWriter};

use crate::format::{assert_safe, assert_stays_inside};

const MOST: u64 = 1 << 20;

/// Whatever is unpacked stays inside, has the size that was promised, and is no more than the limit: of a package, and of any
/// zip file.
pub(crate) fn package(bytes: &[u8]) {
    archive(bytes);
    let limits = Limits::default().with_unpacked_size(MOST);
    let Ok(mut package) = Package::open("fuzzed", Cursor::new(bytes), &limits) else {
        return;
    };
    let mut sink = Sink::default();
    let unpacked = package.unpack(&mut sink, &mut |_| ControlFlow::Continue(()));
    assert!(sink.size <= MOST);
    if unpacked.is_ok() {
        assert_eq!(sink.size, package.unpacked_size());
    }
}

fn archive(bytes: &[u8]) {
    let limits = Limits::default().with_unpacked_size(MOST);
    let Ok(mut archive) = Archive::open("fuzzed", Cursor::new(bytes), &limits) else {
        return;
    };
    let names: Vec<_> = archive.names().map(|name| Some(name.to_owned())).collect();
    let Ok(selection) = archive.select(names) else {
        return;
    };
    let (mut sink, size) = (Sink::default(), selection.size());
    let unpacked = selection.unpack(&mut sink, &mut |_| ControlFlow::Continue(()));
    assert!(sink.size <= MOST);
    if unpacked.is_ok() {
        assert_eq!(sink.size, size);
    }
}

pub(crate) fn package_seeds() -> Vec<Vec<u8>> {
    let seed = |compression, prefix: &str| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()), compression);
        let version = format!("{prefix}demo-1.0.linux-x86_64");
        let program = b"#!/bin/sh\n".as_slice();
        zip.file("prog", 0o755, 10, &mut &*program).unwrap();
        zip.directory(&format!("{version}/lib"), 0o755).unwrap();
        let text = [b'x'; 300].as_slice();
        zip.file(&format!("{version}/lib/a.txt"), 0o644, 300, &mut &*text)
            .unwrap();
        zip.symlink(&format!("{version}/lib/link"), "a.txt")
            .unwrap();
        let manifest = format!("{version}/esky-files/bootstrap-manifest.txt");
        zip.file(&manifest, 0o644, 5, &mut &b"prog\n"[..]).unwrap();
        zip.finish().unwrap().into_inner()
    };
    vec![
        seed(Compression::Deflated, ""),
        seed(Compression::Stored, ""),
        seed(Compression::Deflated, "appdata/"),
    ]
}

/// Counts, and keeps nothing.
#[derive(Default)]
struct Sink {
    size: u64,
}

impl Sink {
    fn take(&mut self, path: &str, size: u64, content: &mut dyn Read) -> Result<(), SinkError> {
        assert_safe(path);
        let read = std::io::copy(content, &mut std::io::sink())?;
        assert_eq!(read, size, "{path}");
        self.size += read;
        Ok(())
    }
}

impl TreeSink for Sink {
    fn directory(&mut self, path: &str, _: u32) -> Result<(), SinkError> {
        assert_safe(path);
        Ok(())
    }

    fn file(
        &mut self,
        path: &str,
        _: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        self.take(path, size, content)
    }

    fn symlink(&mut self, path: &str, target: &str) -> Result<(), SinkError> {
        assert_safe(path);
        assert_stays_inside(path, target);
        Ok(())
    }

    fn program(
        &mut self,
        path: &str,
        _: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        self.take(path, size, content)
    }
}
