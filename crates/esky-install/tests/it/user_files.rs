//! What the user or the app has written into a version directory stays when the version goes.

use crate::fixture::{App, install};
use std::fs;
use std::path::{Path, PathBuf};

/// An app whose version 1 goes with the next clean-up.
struct Story {
    app: App,
}

impl Story {
    fn new() -> Self {
        Self {
            app: App::with_versions(&["1", "2"]),
        }
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.app.version_dir("1").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn kept(&self, path: &str) -> PathBuf {
        self.app.root().join("kept").join(path)
    }

    /// Installs the next version, so that version 1 is not needed any more, and cleans up.
    fn clean_up(&self) -> esky_install::Leftovers {
        let opened = self.app.open();
        let lock = install(&opened, "3").unwrap();
        let left = opened.cleanup(&lock, None).unwrap();
        assert!(!self.app.version_dir("1").exists(), "{left:?}");
        assert_eq!(self.app.starts(), "3");
        left
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn settings_and_plug_ins_beside_the_program_are_kept() {
    let story = Story::new();
    story.write("settings.ini", "color=blue");
    story.write("plugins/mine/plugin.py", "import this");
    story.write("lib/deep/notes.db", "notes");
    let left = story.clean_up();
    assert!(left.is_empty());
    assert_eq!(text(&story.kept("1/settings.ini")), "color=blue");
    assert_eq!(text(&story.kept("1/plugins/mine/plugin.py")), "import this");
    assert_eq!(text(&story.kept("1/lib/deep/notes.db")), "notes");
    let [kept] = &left.kept[..] else {
        panic!("{left:?}");
    };
    assert_eq!(
        (kept.version.as_str(), kept.files, kept.bytes),
        ("1", 3, 26)
    );
    assert_eq!(story.app.open().kept_files().unwrap(), left.kept);
    assert!(!story.kept("1/prog").exists(), "the release's own files go");
}

#[test]
fn a_file_of_the_release_that_was_edited_is_kept() {
    let story = Story::new();
    story.write("lib/deep/text.txt", "my own words");
    let same_size = "x".repeat("data of 1 ".len() * 100);
    story.write("lib/data.bin", &same_size);
    story.clean_up();
    assert_eq!(text(&story.kept("1/lib/deep/text.txt")), "my own words");
    assert_eq!(text(&story.kept("1/lib/data.bin")), same_size);
    assert!(!story.kept("1/empty").exists());
}

#[cfg(unix)]
#[test]
fn an_edited_file_with_other_permission_bits_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let story = Story::new();
    story.write("lib/deep/text.txt", "my own words");
    let directory = story.app.version_dir("1");
    for path in ["lib/deep/text.txt", "lib/data.bin"] {
        fs::set_permissions(directory.join(path), fs::Permissions::from_mode(0o600)).unwrap();
    }
    story.clean_up();
    assert_eq!(text(&story.kept("1/lib/deep/text.txt")), "my own words");
    assert!(
        !story.kept("1/lib/data.bin").exists(),
        "only its bits differ"
    );
}

#[test]
fn caches_that_python_writes_again_are_not_kept() {
    let story = Story::new();
    story.write("__pycache__/main.cpython-312.pyc", "");
    story.write("lib/__pycache__/data.cpython-312.pyc", "");
    let left = story.clean_up();
    assert_eq!(left.kept, []);
    assert!(!story.kept("").exists());
}

#[test]
fn what_was_kept_before_is_not_overwritten() {
    let story = Story::new();
    story.write("settings.ini", "new");
    story.write("plugins/a.py", "a");
    fs::create_dir_all(story.kept("1")).unwrap();
    fs::write(story.kept("1/settings.ini"), "old").unwrap();
    fs::write(
        story.kept("1/plugins"),
        "a file in the place of the directory",
    )
    .unwrap();
    story.clean_up();
    assert_eq!(text(&story.kept("1/settings.ini")), "old");
    assert_eq!(text(&story.kept("1-2/settings.ini")), "new");
    assert_eq!(text(&story.kept("1-2/plugins/a.py")), "a");
}

#[test]
fn a_directory_in_the_place_of_a_file_is_kept_whole() {
    let story = Story::new();
    fs::remove_file(story.app.version_dir("1").join("empty")).unwrap();
    story.write("empty/inside.txt", "inside");
    story.clean_up();
    assert_eq!(text(&story.kept("1/empty/inside.txt")), "inside");
}

/// The system refuses to move a file: nothing else of the version goes.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_moved_leaves_the_version_as_it_is() {
    let story = Story::new();
    story.write("settings.ini", "color=blue");
    let stuck = story.app.version_dir("1").join("settings.ini");
    if !crate::fixture::set_immutable(&stuck, true) {
        eprintln!("SKIPPED a_file_that_cannot_be_moved_leaves_the_version_as_it_is: needs root");
        return;
    }
    let opened = story.app.open();
    let lock = install(&opened, "3").unwrap();
    let left = opened.cleanup(&lock, None);
    crate::fixture::set_immutable(&stuck, false);
    let left = left.unwrap();
    assert_eq!(left.refused.len(), 1, "{left:?}");
    assert_eq!(text(&stuck), "color=blue");
    assert!(story.app.version_dir("1").join("lib/data.bin").exists());
    let left = opened.cleanup(&lock, None).unwrap();
    assert!(left.is_empty());
    assert_eq!(text(&story.kept("1/settings.ini")), "color=blue");
    assert!(!story.app.version_dir("1").exists());
}

/// As clients of the original left them: they wrote no list.
#[test]
fn without_a_list_what_was_written_after_the_installation_is_kept() {
    let story = Story::new();
    let directory = story.app.version_dir("1");
    fs::remove_file(directory.join("esky-files/file-list.txt")).unwrap();
    story.write("settings.ini", "color=blue");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(10);
    let file = fs::File::options()
        .append(true)
        .open(directory.join("settings.ini"))
        .unwrap();
    file.set_modified(later).unwrap();
    // A version with an open file is in use.
    drop(file);
    story.clean_up();
    assert_eq!(text(&story.kept("1/settings.ini")), "color=blue");
    assert!(!story.kept("1/lib").exists());
}

#[test]
fn a_version_that_is_fetched_anew_gives_back_what_was_in_it() {
    let story = Story::new();
    let opened = story.app.open();
    let lock = install(&opened, "3").unwrap();
    opened.uninstall("2", &lock).ok();
    story.write("settings.ini", "color=blue");
    opened.uninstall("1", &lock).unwrap();
    drop(lock);
    crate::fixture::stage(&opened, "1").unwrap();
    assert_eq!(text(&story.kept("1/settings.ini")), "color=blue");
}
