//! A small app in a temporary directory, and questions to ask about it.

use esky_format::file_list::{Entry, FileList, Kind};
use esky_format::name::AppVersion;
use esky_format::settings::Settings;
use esky_format::state::{Status, active_slot, tries_name};
use esky_install::{AppDir, Result, UpdateLock};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const PLATFORM: &str = "linux-x86_64";
pub(crate) const FILES: [(&str, u32); 4] = [
    ("prog", 0o755),
    ("lib/data.bin", 0o644),
    ("lib/deep/text.txt", 0o640),
    ("empty", 0o644),
];
/// Apps for Windows have no symbolic links: there it takes a right to make one.
pub(crate) const LINK: Option<(&str, &str)> = if cfg!(unix) {
    Some(("lib/link", "data.bin"))
} else {
    None
};
const DIRECTORIES: [&str; 3] = ["esky-files", "lib", "lib/deep"];

pub(crate) fn app_version(version: &str) -> AppVersion {
    AppVersion {
        name: "demo".into(),
        version: version.into(),
        platform: PLATFORM.into(),
    }
}

/// What a file of a version contains.
pub(crate) fn content(version: &str, path: &str) -> Vec<u8> {
    match path {
        "empty" => Vec::new(),
        "lib/data.bin" => format!("data of {version} ").repeat(100).into_bytes(),
        _ => format!("{path} of {version}").into_bytes(),
    }
}

/// The files at the top; only version 1 has `tool`, and `libboot.so` is the same in all.
pub(crate) fn programs(version: &str) -> Vec<(&'static str, u32, Vec<u8>)> {
    let mut programs = vec![
        (
            "prog",
            0o755,
            format!("bootstrap of {version}").into_bytes(),
        ),
        ("libboot.so", 0o755, b"library".to_vec()),
    ];
    if version == "1" {
        programs.push(("tool", 0o755, b"tool".to_vec()));
    }
    programs
}

pub(crate) struct App {
    directory: TempDir,
}

impl App {
    /// An app directory as unzipping packages one after the other would leave it.
    pub(crate) fn with_versions(versions: &[&str]) -> Self {
        Self::with_versions_in("", versions)
    }

    pub(crate) fn with_versions_in(versions_dir: &str, versions: &[&str]) -> Self {
        let app = Self {
            directory: quick_directory(),
        };
        for version in versions {
            app.put(versions_dir, version);
        }
        app
    }

    /// Puts a complete version there without any help of the code under test.
    pub(crate) fn put(&self, versions_dir: &str, version: &str) -> PathBuf {
        let app = app_version(version);
        let path = self.root().join(versions_dir).join(app.directory_name());
        let mut entries = Vec::new();
        for directory in DIRECTORIES {
            fs::create_dir_all(path.join(directory)).unwrap();
            set_mode(&path.join(directory), 0o755);
            entries.push(Entry {
                path: directory.into(),
                kind: Kind::Directory { mode: 0o755 },
            });
        }
        let lock_file = ("esky-files/lockfile.txt", 0o644);
        for (name, mode) in FILES.into_iter().chain([lock_file]) {
            let bytes = content(version, name);
            write(&path.join(name), &bytes, mode);
            let (size, sha256) = (bytes.len() as u64, Sha256::digest(&bytes).into());
            entries.push(Entry {
                path: name.into(),
                kind: Kind::File { mode, size, sha256 },
            });
        }
        if let Some((link, target)) = LINK {
            make_link(target, &path.join(link));
            entries.push(Entry {
                path: link.into(),
                kind: Kind::Symlink {
                    target: target.into(),
                },
            });
        }
        let mut manifest = String::new();
        for (name, mode, bytes) in programs(version) {
            write(&self.root().join(name), &bytes, mode);
            manifest += &format!("{name}\n");
            let (size, sha256) = (bytes.len() as u64, Sha256::digest(&bytes).into());
            entries.push(Entry {
                path: name.into(),
                kind: Kind::Program { mode, size, sha256 },
            });
        }
        fs::write(
            path.join("esky-files/file-list.txt"),
            FileList { app, entries }.write(),
        )
        .unwrap();
        fs::write(path.join("esky-files/bootstrap-manifest.txt"), manifest).unwrap();
        path
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn open(&self) -> AppDir {
        AppDir::open(self.root()).unwrap()
    }

    pub(crate) fn version_dir(&self, version: &str) -> PathBuf {
        self.root().join(app_version(version).directory_name())
    }

    /// What a start of the current version leaves, as the bootstrap writes it.
    pub(crate) fn count_start(&self) {
        self.mark(b"s");
    }

    pub(crate) fn mark(&self, marks: &[u8]) {
        let slots = self.open().snapshot().unwrap().slots;
        let Some((_, slot)) = active_slot(&slots) else {
            return;
        };
        if let Status::Trial(trial) = slot.status {
            let path = self.root().join("esky-state").join(tries_name(trial.id));
            let mut bytes = fs::read(&path).unwrap_or_default();
            bytes.extend_from_slice(marks);
            fs::write(path, bytes).unwrap();
        }
    }

    /// The version that would start. It must be whole.
    pub(crate) fn starts(&self) -> String {
        let version = self.open().best().unwrap().app.version;
        self.assert_whole(&version);
        version
    }

    /// Every file of the version is there with every byte, and there are programs at the top to start it with.
    pub(crate) fn assert_whole(&self, version: &str) {
        let app = self.open();
        let found = app
            .versions()
            .unwrap()
            .into_iter()
            .find(|found| found.app.version == version);
        let path = found.unwrap_or_else(|| panic!("no version {version}")).path;
        for (name, _) in FILES {
            assert_eq!(
                fs::read(path.join(name)).unwrap(),
                content(version, name),
                "{name} of {version}"
            );
        }
        if let Some((link, target)) = LINK {
            assert_eq!(fs::read_link(path.join(link)).unwrap(), Path::new(target));
        }
        assert!(path.join("esky-files/lockfile.txt").is_file());
        for (name, ..) in programs("2") {
            let bytes = fs::read(self.root().join(name)).unwrap();
            let known = ["1", "2", "3", "4", "5", "6"]
                .iter()
                .flat_map(|version| programs(version));
            assert!(
                known
                    .into_iter()
                    .any(|program| program.0 == name && program.2 == bytes),
                "{name} is a mixture"
            );
        }
    }

    /// All paths below the app directory, with contents; the state record by its meaning.
    pub(crate) fn everything(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(self.root(), "", &mut found);
        found.retain(|path, _| !path.starts_with("esky-state/slot-"));
        let slots = self.open().snapshot().unwrap().slots;
        let record =
            active_slot(&slots).map(|(_, slot)| format!("{} {:?}", slot.current, slot.fallback));
        found.insert("state record".into(), format!("{record:?}").into_bytes());
        found
    }
}

fn collect(directory: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            found.insert(format!("{name}/"), Vec::new());
            collect(&entry.path(), &format!("{name}/"), found);
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// In memory where there is such a place: thousands of syncs cost nothing there.
fn quick_directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// Stages a version as an unpacker would.
pub(crate) fn stage(app: &AppDir, version: &str) -> Result<PathBuf> {
    stage_with(app, version, None)
}

/// The same with what the developer decided for it.
pub(crate) fn stage_with(
    app: &AppDir,
    version: &str,
    settings: Option<&Settings>,
) -> Result<PathBuf> {
    let mut staging = app.stage(&app_version(version))?;
    if let Some(text) = settings.map(Settings::write) {
        let path = "esky-files/settings.txt";
        staging.add_file(path, 0o644, text.len() as u64, &mut text.as_bytes())?;
    }
    staging.add_directory("lib", 0o755)?;
    for (name, mode) in FILES {
        let bytes = content(version, name);
        staging.add_file(name, mode, bytes.len() as u64, &mut &*bytes)?;
    }
    if let Some((link, target)) = LINK {
        staging.add_symlink(link, target)?;
    }
    for (name, mode, bytes) in programs(version) {
        staging.add_program(name, mode, bytes.len() as u64, &mut &*bytes)?;
    }
    staging.finish()
}

pub(crate) fn install(app: &AppDir, version: &str) -> Result<UpdateLock> {
    stage(app, version)?;
    let lock = app.lock()?;
    app.install(version, &lock)?;
    Ok(lock)
}

/// Stages and installs a version that is to confirm itself.
pub(crate) fn install_on_trial(app: &AppDir, version: &str) -> Result<()> {
    stage_with(app, version, Some(&Settings::default()))?;
    app.install(version, &app.lock()?)?;
    Ok(())
}

pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).unwrap();
    set_mode(path, mode);
}

#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
pub(crate) fn set_mode(_path: &Path, _mode: u32) {}

#[cfg(unix)]
fn make_link(target: &str, path: &Path) {
    let _ = fs::remove_file(path);
    std::os::unix::fs::symlink(target, path).unwrap();
}

#[cfg(windows)]
fn make_link(target: &str, path: &Path) {
    std::os::windows::fs::symlink_file(target, path).unwrap();
}

/// Marks a file so that not even root can remove it, or takes the mark away; says whether that can be done here.
#[cfg(target_os = "linux")]
pub(crate) fn set_immutable(path: &Path, immutable: bool) -> bool {
    let mark = if immutable { "+i" } else { "-i" };
    let done = std::process::Command::new("chattr")
        .arg(mark)
        .arg(path)
        .output();
    done.is_ok_and(|done| done.status.success())
}
