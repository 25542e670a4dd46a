//! The app of the campaigns: two programs, a few files, a link; packages of its versions, and trees at several points of
//! its life.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use esky_format::name::current_platform;
use esky_format::settings::Confirm;
use esky_publish::PackOptions;

/// A file that no version brought; it must never change.
pub(crate) const FOREIGN: (&str, &str) = ("notes of the user.txt", "do not touch\n");

/// Files that the user and the app have written into version 1.0: new ones, and one of the release that was edited.
pub(crate) const USERS_FILES: [(&str, &str); 3] = [
    ("settings.ini", "color=blue\n"),
    ("plugins/mine/plugin.py", "print('mine')\n"),
    ("library/same.txt", "edited by the user\n"),
];

/// What the app is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// At its top are scripts, different in each version: every update has to replace them.
    Scripts,
    /// At its top is the real start-up program; the app confirms itself.
    Real,
    /// As before, and the start-up program watches the app.
    Watched,
}

/// Packages of an app, and its version 1.0 as it is after unzipping.
pub(crate) struct Story {
    holder: tempfile::TempDir,
    kind: Kind,
    subject: PathBuf,
    pub(crate) installed: PathBuf,
    /// Where the package of 2.0 is.
    pub(crate) packages: PathBuf,
    /// Where the package of 3.0 is, which crashes at every start.
    pub(crate) bad_packages: PathBuf,
}

impl Story {
    pub(crate) fn with(kind: Kind) -> Self {
        let holder = tempfile::tempdir().unwrap();
        let root = holder.path().canonicalize().unwrap();
        let story = Self {
            holder,
            kind,
            subject: PathBuf::from(env!("CARGO_BIN_EXE_crash-subject")),
            installed: root.join("app"),
            packages: root.join("packages"),
            bad_packages: root.join("bad packages"),
        };
        let first = story.pack("1.0", &["prog", "oldtool"], &root.join("first"));
        story.pack("2.0", &["prog", "newtool"], &story.packages);
        story.pack("3.0", &["prog", "newtool"], &story.bad_packages);
        esky_testkit::apps::extract(&first, &story.installed);
        fs::write(story.installed.join(FOREIGN.0), FOREIGN.1).unwrap();
        story
    }

    /// The same with another program for everything that is done to the app.
    pub(crate) fn of(self, subject: &Path) -> Self {
        let subject = subject.to_owned();
        Self { subject, ..self }
    }

    /// A copy of 1.0 on which the commands of the subject were carried out, one after the other. `start` runs the program
    /// at the top, whatever comes of it; `damage VERSION` scratches a version, `forbid VERSION` takes permission bits away.
    pub(crate) fn after(&self, commands: &[&[&str]]) -> PathBuf {
        let place = tempfile::tempdir_in(self.holder.path()).unwrap().keep();
        let tree = place.join("app");
        copy(&self.installed, &tree);
        for words in commands {
            if let ["damage", version] = words {
                damage(&tree.join(directory_name(version)));
                continue;
            }
            if let ["write", version] = words {
                write_users_files(&tree.join(directory_name(version)));
                continue;
            }
            if let ["forbid", version] = words {
                forbid(&tree, &tree.join(directory_name(version)));
                continue;
            }
            let mut command = self.command(words, &tree);
            let status = command.output().unwrap().status;
            assert!(
                words == &["start"] || status.success(),
                "{words:?}: {status}"
            );
        }
        tree
    }

    /// The command of the subject in these words, for an app directory. `good` and `bad` stand for the packages.
    pub(crate) fn command(&self, words: &[&str], tree: &Path) -> Command {
        if words == ["start"] {
            return Command::new(tree.join("prog"));
        }
        let mut command = Command::new(&self.subject);
        command.arg(words[0]).arg(tree);
        for word in &words[1..] {
            match *word {
                "good" => command.arg(&self.packages),
                "bad" => command.arg(&self.bad_packages),
                word => command.arg(word),
            };
        }
        command
    }

    fn pack(&self, version: &str, programs: &[&str], output: &Path) -> PathBuf {
        let root = self.holder.path();
        let frozen = root.join(format!("frozen-{version}"));
        fs::create_dir_all(frozen.join("library/empty")).unwrap();
        for program in programs {
            executable(&frozen.join(program), &inner_program(program, version));
        }
        let library = frozen.join("library");
        fs::write(library.join("same.txt"), "the same in all\n").unwrap();
        fs::write(
            library.join("changed.txt"),
            format!("changed in {version}\n"),
        )
        .unwrap();
        fs::write(library.join(format!("only-{version}.txt")), version).unwrap();
        symlink("same.txt", library.join("link.txt")).unwrap();
        let bootstrap = match self.kind {
            Kind::Real | Kind::Watched => bootstrap().to_owned(),
            Kind::Scripts => {
                let path = root.join(format!("bootstrap-{version}"));
                executable(
                    &path,
                    &format!("#!/bin/sh\necho start-up program of {version}\n"),
                );
                path
            }
        };
        fs::create_dir_all(output).unwrap();
        let mut options = PackOptions::new(&frozen, "demo", version, &bootstrap, output);
        options.programs = Some(programs.iter().map(ToString::to_string).collect());
        options.platform = Some(current_platform().to_owned());
        options.trial.confirm = match self.kind {
            Kind::Watched => Confirm::Bootstrap,
            Kind::Scripts | Kind::Real => Confirm::App,
        };
        if version == "2.0" {
            // Campaigns kill two starts of it and then look at a third; these must not end its trial.
            options.trial.max_tries = 4;
        }
        esky_publish::pack(&options, &mut |_| ControlFlow::Continue(()))
            .unwrap()
            .path
    }
}

/// `demo-VERSION.PLATFORM`.
pub(crate) fn directory_name(version: &str) -> String {
    format!("demo-{version}.{}", current_platform())
}

pub(crate) fn copy(tree: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([tree, to]).status();
    assert!(status.unwrap().success());
}

/// Version 3.0 ends badly at every start.
fn inner_program(program: &str, version: &str) -> String {
    let code = if version == "3.0" { 1 } else { 0 };
    format!("#!/bin/sh\necho {program} {version}\nexit {code}\n")
}

/// One of each kind of damage.
fn write_users_files(version: &Path) {
    for (path, content) in USERS_FILES {
        let path = version.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn damage(version: &Path) {
    fs::write(version.join("library/changed.txt"), "scratched").unwrap();
    fs::remove_file(version.join("prog")).unwrap();
    fs::remove_file(version.join("library/link.txt")).unwrap();
    fs::remove_dir(version.join("library/empty")).unwrap();
}

/// Neither the program of the version nor the one at the top can be executed, and more is locked away.
fn forbid(tree: &Path, version: &Path) {
    let modes = [
        (version.join("library/same.txt"), 0),
        (version.join("library"), 0o600),
        (version.join("prog"), 0),
        (tree.join("prog"), 0o644),
    ];
    for (path, mode) in modes {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn bootstrap() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    BUILT.get_or_init(|| esky_testkit::bootstrap::build(target))
}
