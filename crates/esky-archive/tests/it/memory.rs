//! Unpacking holds a few buffers, however large a file is.

use esky_archive::{Compression, Limits, Package, SinkError, TreeSink, ZipWriter};
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;

use crate::craft::inside;

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

#[test]
#[cfg(target_os = "linux")]
fn unpacking_a_large_file_holds_at_most_32_mib() {
    const CHILD: &str = "ESKY_ARCHIVE_TEST_PACKAGE";
    if let Some(path) = std::env::var_os(CHILD) {
        let reader = File::open(path).unwrap();
        let mut package = Package::open("large.zip", reader, &Limits::default()).unwrap();
        package
            .unpack(&mut Discard, &mut |_| ControlFlow::Continue(()))
            .unwrap();
        assert!(peak_kilobytes() <= 32 << 10, "{} kB", peak_kilobytes());
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("large.zip");
    write_large(&path);
    // A process of its own: the peak of this one has the other tests in it.
    let test = "memory::unpacking_a_large_file_holds_at_most_32_mib";
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
