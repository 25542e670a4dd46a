//! Packages are ordinary zip files to the tools that people have.

use crate::craft::inside;
use esky_archive::{Compression, ZipWriter};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

const CHECK: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    names = archive.namelist()
    assert archive.read(names[1]) == b'0123456789' * 200000, names
    link = archive.getinfo(names[2])
    assert link.external_attr == 0xA1ED0000, hex(link.external_attr)
    assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in archive.infolist())
";

fn write(path: &Path) {
    let mut zip = ZipWriter::new(File::create(path).unwrap(), Compression::Deflated);
    let large = b"0123456789".repeat(200_000);
    zip.directory("empty", 0o755).unwrap();
    zip.file(&inside("ünï"), 0o755, 2_000_000, &mut large.as_slice())
        .unwrap();
    zip.symlink(&inside("link"), "ünï").unwrap();
    zip.finish().unwrap();
}

/// Whether the tool ran. If it is not here that is told past the test runner, which keeps what tests print to itself.
fn run(command: &mut Command) -> bool {
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command:?}: {said}");
            true
        }
        Err(error) => {
            let name = command.get_program().to_string_lossy().into_owned();
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{name}");
            let _ = writeln!(
                std::io::stdout(),
                "\nSKIPPED packages and {name}: it is not on this machine"
            );
            false
        }
    }
}

#[test]
fn python_reads_a_package() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.zip");
    write(&path);
    run(Command::new("python3").arg("-c").arg(CHECK).arg(&path));
}

#[test]
#[cfg(unix)]
fn unzip_makes_the_tree() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.zip");
    write(&path);
    let unzip = &mut Command::new("unzip");
    // Its default in this locale is to mangle names; a UTF-8 one is what people have.
    let ran = run(unzip
        .env("LC_ALL", "C.UTF-8")
        .arg("-q")
        .arg(&path)
        .current_dir(&directory));
    if !ran {
        return;
    }
    let version = directory.path().join(crate::craft::VERSION);
    let file = std::fs::metadata(version.join("link")).unwrap();
    assert_eq!(file.len(), 2_000_000);
    assert_eq!(file.permissions().mode() & 0o777, 0o755);
    let target = std::fs::read_link(version.join("link")).unwrap();
    assert_eq!(target, Path::new("ünï"));
    assert!(directory.path().join("empty").is_dir());
}
