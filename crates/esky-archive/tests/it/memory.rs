//! Unpacking holds a few buffers, however large a file is, and opening what the index is worth.

use esky_archive::{Compression, Limits, Package, SinkError, TreeSink, ZipWriter};
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;

use crate::craft::{file, good_and, inside};

/// Larger than all that unpacking may hold.
const LARGE: u64 = 36 << 20;

struct Discard;

impl TreeSink for Discard {
    fn directory(&mut self, _: &str, _: u32) -> Result<(), SinkError> {
        Ok(())
    }

    fn file(&mut self, _: &str, _: u32, _: u64, content: &mut dyn Read) -> Result<(), SinkError> {
        Ok(io::copy(content, &mut io::sink()).map(drop)?)
    }

    fn symlink(&mut self, _: &str, _: &str) -> Result<(), SinkError> {
        Ok(())
    }

    fn program(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        self.file(path, mode, size, content)
    }
}

const CHILD: &str = "ESKY_ARCHIVE_TEST_PACKAGE";

#[test]
#[cfg(target_os = "linux")]
fn unpacking_a_large_file_holds_at_most_32_mib() {
    if let Some(path) = std::env::var_os(CHILD) {
        let reader = File::open(path).unwrap();
        let mut package = Package::open("large.zip", reader, &Limits::default()).unwrap();
        package
            .unpack(&mut Discard, &mut |_| ControlFlow::Continue(()))
            .unwrap();
        assert!(peak_kilobytes() <= 32 << 10, "{} KiB", peak_kilobytes());
        return;
    }
    let test = "memory::unpacking_a_large_file_holds_at_most_32_mib";
    in_a_process_of_its_own(test, write_large);
}

/// The largest index that the reader accepts. Every path in it has the largest number of directories that a path may have.
#[test]
#[cfg(target_os = "linux")]
fn opening_an_index_of_deep_paths_holds_at_most_64_mib() {
    if let Some(path) = std::env::var_os(CHILD) {
        let reader = File::open(path).unwrap();
        let error = Package::open("deep.zip", reader, &Limits::default());
        let error = error.err().unwrap().to_string();
        assert!(error.contains("bytes of index and paths"), "{error}");
        assert!(peak_kilobytes() <= 64 << 10, "{} KiB", peak_kilobytes());
        return;
    }
    let test = "memory::opening_an_index_of_deep_paths_holds_at_most_64_mib";
    in_a_process_of_its_own(test, |path| {
        let deep = |number: u32| inside(&format!("{number}/{}x", "fourteen-bytes/".repeat(60)));
        let items: Vec<_> = (0..8000).map(|number| file(&deep(number), b"")).collect();
        std::fs::write(path, good_and(items)).unwrap();
    });
}

/// The peak of this process has the other tests in it.
fn in_a_process_of_its_own(test: &str, write: impl FnOnce(&std::path::Path)) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("package.zip");
    write(&path);
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

fn write_large(path: &std::path::Path) {
    let mut zip = ZipWriter::new(File::create(path).unwrap(), Compression::Stored);
    let mut add = |path: &str, bytes: &mut dyn Read, size: u64| {
        zip.file(path, 0o644, size, bytes).unwrap();
    };
    add("prog", &mut &b"start"[..], 5);
    add(&inside("large"), &mut io::repeat(7).take(LARGE), LARGE);
    let manifest = inside("esky-files/bootstrap-manifest.txt");
    add(&manifest, &mut &b"prog\n"[..], 5);
    zip.finish().unwrap();
}

fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}
