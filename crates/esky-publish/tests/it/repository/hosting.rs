//! Where the repository lies, and what happens to its files there.

use std::fs;
use std::path::{Path, PathBuf};

use esky_fs::Operation;
use esky_fs::faults::{Plan, arm};
use esky_publish::repository::{Health, RepositoryError, Yank, refresh, status, yank};

use super::reader::offered;
use super::{Workshop, now};

const EXDEV: i32 = 18;
const RULE: &str = "* -text\n";

impl Workshop {
    fn first_root(&self) -> Vec<u8> {
        fs::read(self.metadata("1.root.json")).unwrap()
    }

    fn read_by_an_app(&self) -> Result<Vec<String>, String> {
        let root = self.first_root();
        offered(&self.project.repository, &root, now())
    }

    fn attributes(&self) -> PathBuf {
        self.project.repository.join(".gitattributes")
    }

    /// What a checkout with `core.autocrlf=true` makes of a repository that has no `.gitattributes`.
    fn check_out_with_other_line_ends(&self) {
        fs::remove_file(self.attributes()).unwrap();
        for entry in fs::read_dir(self.metadata("")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace('\n', "\r\n")).unwrap();
        }
    }

    fn status(&self) -> (Health, Vec<String>) {
        let status = status(&self.project, &self.signers(), &[], now()).unwrap();
        (status.health(), status.altered)
    }
}

#[test]
fn git_is_told_to_leave_the_bytes_alone() {
    let workshop = Workshop::new();
    let attributes = || fs::read_to_string(workshop.attributes()).unwrap();
    assert!(attributes().ends_with(RULE));
    fs::remove_file(workshop.attributes()).unwrap();
    workshop.release("1.0").unwrap();
    assert!(attributes().ends_with(RULE));
    fs::write(workshop.attributes(), "*.json -text\n").unwrap();
    workshop.release("1.1").unwrap();
    assert_eq!(attributes(), "*.json -text\n", "a person's own rule stays");
}

#[test]
fn line_ends_that_git_has_changed_are_noticed_and_restored() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    assert_eq!(workshop.status(), (Health::Good, vec![]));
    let before = fs::read(workshop.metadata("2.targets.json")).unwrap();
    workshop.check_out_with_other_line_ends();
    assert!(workshop.read_by_an_app().is_err());
    let altered = ["2.snapshot.json", "2.targets.json"].map(str::to_owned);
    assert_eq!(workshop.status(), (Health::Altered, altered.to_vec()));
    let refreshed = refresh(&workshop.project, &workshop.signers(), now()).unwrap();
    assert_eq!(refreshed.restored, altered);
    assert_eq!(workshop.status(), (Health::Good, vec![]));
    assert_eq!(workshop.read_by_an_app(), Ok(vec!["1.0".to_owned()]));
    assert_eq!(
        fs::read(workshop.metadata("2.targets.json")).unwrap(),
        before
    );
}

#[test]
fn whatever_is_published_next_restores_line_ends() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    workshop.check_out_with_other_line_ends();
    workshop.release("1.1").unwrap();
    assert_eq!(workshop.read_by_an_app().unwrap(), ["1.0", "1.1"]);
    workshop.check_out_with_other_line_ends();
    let reason = "it crashes".to_owned();
    let withdraw = Yank::Withdraw { reason };
    yank(
        &workshop.project,
        "1.1",
        &withdraw,
        &workshop.signers(),
        now(),
    )
    .unwrap();
    assert_eq!(workshop.read_by_an_app().unwrap(), ["1.0"]);
}

#[test]
fn metadata_with_other_bytes_is_neither_called_good_nor_signed_for() {
    for name in ["2.targets.json", "2.snapshot.json"] {
        let workshop = Workshop::new();
        workshop.release("1.0").unwrap();
        let path = workshop.metadata(name);
        let mut bytes = fs::read(&path).unwrap();
        bytes.push(b' ');
        fs::write(&path, &bytes).unwrap();
        let refused = |error: &RepositoryError| matches!(error, RepositoryError::Metadata { path, .. } if path.ends_with(name));
        let signers = workshop.signers();
        let error = status(&workshop.project, &signers, &[], now()).unwrap_err();
        assert!(refused(&error), "{error}");
        let error = refresh(&workshop.project, &signers, now()).unwrap_err();
        assert!(refused(&error), "{error}");
        assert!(error.hint().unwrap().contains("restore it"), "{error}");
        assert!(refused(&workshop.release("1.1").unwrap_err()));
        assert!(!workshop.metadata("3.snapshot.json").exists());
    }
}

/// Each rename of a package fails once, as from a staging directory on another file system.
#[test]
fn packages_reach_a_repository_on_another_file_system() {
    let packages = |log: Vec<(Operation, PathBuf)>| -> Vec<u64> {
        let renames = log.into_iter().zip(0..).filter(|((operation, path), _)| {
            *operation == Operation::Rename && path.to_string_lossy().contains("/targets/")
        });
        renames.map(|(_, number)| number).collect()
    };
    let counted = Workshop::new();
    counted.release("1.0").unwrap();
    let armed = arm(Plan::Count);
    counted.release("1.1").unwrap();
    let numbers = packages(armed.log());
    drop(armed);
    assert!(numbers.len() >= 2, "the package and the compact package");
    for number in numbers {
        let workshop = Workshop::new();
        workshop.release("1.0").unwrap();
        let armed = arm(Plan::FailOnce(number, EXDEV));
        let released = workshop.release("1.1");
        drop(armed);
        assert!(released.unwrap().path.is_file());
        assert_eq!(workshop.read_by_an_app().unwrap(), ["1.0", "1.1"]);
        assert_eq!(hidden(&workshop.project.repository), Vec::<PathBuf>::new());
    }
}

/// As when the web root is another disk, and `repo` a link into it.
#[cfg(target_os = "linux")]
#[allow(clippy::print_stderr)]
#[test]
fn a_repository_that_is_a_link_to_another_file_system_is_released_into() {
    use std::os::unix::fs::{MetadataExt, symlink};
    let workshop = Workshop::new();
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    let memory = Path::new("/dev/shm");
    if device(memory).is_none_or(|found| Some(found) == device(workshop.app.place())) {
        eprintln!("SKIPPED a repository on another file system: there is none at /dev/shm");
        return;
    }
    let root = tempfile::tempdir_in(memory).unwrap();
    let web = root.path().join("hello");
    let repository = &workshop.project.repository;
    super::copy(repository, &web);
    fs::remove_dir_all(repository).unwrap();
    symlink(&web, repository).unwrap();
    workshop.release("1.0").unwrap();
    workshop.release("1.1").unwrap();
    assert_eq!(workshop.read_by_an_app().unwrap(), ["1.0", "1.1"]);
    let beside = fs::read_dir(root.path()).unwrap();
    assert_eq!(
        beside.count(),
        1,
        "nothing else lies where the server looks"
    );
}

fn hidden(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() {
            found.extend(hidden(&path));
        } else if name.starts_with('.') && name != ".gitattributes" {
            found.push(path);
        }
    }
    found
}
