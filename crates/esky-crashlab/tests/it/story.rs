//! The app that the campaigns update: two programs, a few files, a link; 1.0 installed, 2.0 offered.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use esky_publish::PackOptions;

/// Version 1.0 as it is after unzipping, and a directory with the package of 2.0.
pub(crate) struct Story {
    _holder: tempfile::TempDir,
    pub(crate) installed: PathBuf,
    pub(crate) packages: PathBuf,
}

impl Story {
    pub(crate) fn new() -> Self {
        let holder = tempfile::tempdir().unwrap();
        let root = holder.path().canonicalize().unwrap();
        let packages = root.join("packages");
        let first = pack(&root, "1.0", &["prog", "oldtool"], &root.join("first"));
        pack(&root, "2.0", &["prog", "newtool"], &packages);
        let installed = root.join("app");
        esky_testkit::apps::extract(&first, &installed);
        Self {
            _holder: holder,
            installed,
            packages,
        }
    }
}

fn pack(root: &Path, version: &str, programs: &[&str], output: &Path) -> PathBuf {
    let frozen = root.join(format!("frozen-{version}"));
    fs::create_dir_all(frozen.join("library/empty")).unwrap();
    for program in programs {
        executable(
            &frozen.join(program),
            &format!("#!/bin/sh\necho {program} {version}\n"),
        );
    }
    fs::write(frozen.join("library/same.txt"), "the same in both\n").unwrap();
    fs::write(
        frozen.join("library/changed.txt"),
        format!("changed in {version}\n"),
    )
    .unwrap();
    fs::write(frozen.join(format!("library/only-{version}.txt")), version).unwrap();
    symlink("same.txt", frozen.join("library/link.txt")).unwrap();
    let bootstrap = root.join(format!("bootstrap-{version}"));
    executable(
        &bootstrap,
        &format!("#!/bin/sh\necho start-up program of {version}\n"),
    );
    fs::create_dir_all(output).unwrap();
    let mut options = PackOptions::new(&frozen, "demo", version, &bootstrap, output);
    options.programs = Some(programs.iter().map(ToString::to_string).collect());
    options.platform = Some(esky_format::name::current_platform().to_owned());
    esky_publish::pack(&options, &mut |_| ControlFlow::Continue(()))
        .unwrap()
        .path
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
