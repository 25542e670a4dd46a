//! Patches between directories and files on disk.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // tests may fail loudly, also in their helpers

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_patch::{Applied, Error, Limits, Made, Result};
use tempfile::TempDir;

/// A folder of its own for one test.
struct Scene(TempDir);

impl Scene {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    fn write(&self, relative: &str, content: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Two versions of an app.
    fn versions(&self) {
        for version in ["old", "new"] {
            self.write(&format!("{version}/same"), "stays");
            self.write(&format!("{version}/lib/changed"), version);
        }
        self.write("old/gone", "goes");
        self.write("new/came/here", "comes");
        make_executable(&self.path("new/lib/changed"));
        link("lib/changed", &self.path("new/link"));
    }

    fn make(&self, old: &str, new: &str) -> Result<Made> {
        let mut go_on = |_, _| ControlFlow::Continue(());
        esky_patch::make(
            &self.path(old),
            &self.path(new),
            &self.path("patch"),
            &mut go_on,
        )
    }

    fn apply(&self, old: &str) -> Result<Applied> {
        let mut go_on = |_, _| ControlFlow::Continue(());
        let (old, patch, result) = (self.path(old), self.path("patch"), self.path("result"));
        esky_patch::apply(&old, &patch, &result, &Limits::default(), &mut go_on)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) {}

#[cfg(unix)]
fn link(target: &str, path: &Path) {
    std::os::unix::fs::symlink(target, path).unwrap();
}

#[cfg(not(unix))]
fn link(_target: &str, path: &Path) {
    fs::write(path, "no link").unwrap();
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_directory_becomes_the_next_one() {
    let scene = Scene::new();
    scene.versions();
    scene.make("old", "new").unwrap();
    let applied = scene.apply("old").unwrap();
    assert_eq!((applied.kept, applied.removed), (1, 1));
    assert_eq!(text(&scene.path("result/same")), "stays");
    assert_eq!(text(&scene.path("result/lib/changed")), "new");
    assert_eq!(text(&scene.path("result/came/here")), "comes");
    assert!(!scene.path("result/gone").exists());
    assert_eq!(scene.names(), ["new", "old", "patch", "result"]);
}

#[cfg(unix)]
#[test]
fn programs_and_links_stay_what_they_are() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    scene.versions();
    scene.make("old", "new").unwrap();
    scene.apply("old").unwrap();
    let mode = |path: &str| fs::metadata(scene.path(path)).unwrap().permissions().mode();
    assert_eq!(mode("result/lib/changed") & 0o111, 0o111);
    assert_eq!(mode("result/same") & 0o111, 0);
    let target = fs::read_link(scene.path("result/link")).unwrap();
    assert_eq!(target, Path::new("lib/changed"));
}

#[test]
fn a_file_becomes_another_one() {
    let scene = Scene::new();
    scene.write("old", "a file");
    scene.write("new", "another file");
    scene.make("old", "new").unwrap();
    scene.apply("old").unwrap();
    assert_eq!(text(&scene.path("result")), "another file");
}

#[test]
fn a_file_and_a_directory_have_no_patch() {
    let scene = Scene::new();
    scene.versions();
    scene.write("file", "a file");
    let result = scene.make("file", "new");
    assert!(matches!(result, Err(Error::FileAndDirectory { .. })));
    assert!(!scene.path("patch").exists());
}

#[test]
fn what_is_there_already_stays() {
    let scene = Scene::new();
    scene.versions();
    scene.make("old", "new").unwrap();
    scene.write("result/mine", "mine");
    let result = scene.apply("old");
    assert!(matches!(result, Err(Error::AlreadyThere { .. })));
    assert_eq!(text(&scene.path("result/mine")), "mine");
}

#[test]
fn an_edited_old_file_is_noticed_though_the_patch_leaves_it_alone() {
    let scene = Scene::new();
    scene.versions();
    scene.make("old", "new").unwrap();
    scene.write("old/same", "edits");
    let result = scene.apply("old");
    assert!(matches!(result, Err(Error::OtherTree { .. })), "{result:?}");
    assert_eq!(scene.names(), ["new", "old", "patch"]);
}

#[test]
fn a_damaged_patch_leaves_nothing_behind() {
    let scene = Scene::new();
    scene.versions();
    scene.make("old", "new").unwrap();
    let mut patch = fs::read(scene.path("patch")).unwrap();
    let last = patch.len() - 1;
    patch[last] ^= 1;
    fs::write(scene.path("patch"), patch).unwrap();
    assert!(matches!(scene.apply("old"), Err(Error::Apply { .. })));
    assert_eq!(scene.names(), ["new", "old", "patch"]);
}

#[test]
fn cancelling_leaves_nothing_behind() {
    let scene = Scene::new();
    scene.versions();
    scene.make("old", "new").unwrap();
    let mut stop = |_, _| ControlFlow::Break(());
    let (old, new) = (scene.path("old"), scene.path("new"));
    let made = esky_patch::make(&old, &new, &scene.path("other"), &mut stop);
    assert!(matches!(made, Err(Error::Cancelled)));
    let (patch, result) = (scene.path("patch"), scene.path("result"));
    let applied = esky_patch::apply(&old, &patch, &result, &Limits::default(), &mut stop);
    assert!(matches!(applied, Err(Error::Cancelled)), "{applied:?}");
    assert_eq!(scene.names(), ["new", "old", "patch"]);
}

#[test]
#[cfg(unix)]
fn a_path_that_no_system_but_this_takes_makes_no_patch() {
    let scene = Scene::new();
    scene.versions();
    scene.write("new/a:b", "1");
    let error = scene.make("old", "new").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a:b: the path has a drive letter or a colon"),
        "{error}"
    );
    assert!(error.hint().is_some());
    assert!(!scene.path("patch").exists());
}

#[test]
fn directories_deeper_than_versions_have_make_no_patch() {
    let scene = Scene::new();
    scene.versions();
    scene.write(&format!("new/{}x", "d/".repeat(64)), "1");
    let error = scene.make("old", "new").unwrap_err();
    assert!(matches!(error, Error::Path { .. }), "{error}");
}
