//! Checks taken out of a copy of the sources: each must be missed by a test of the laboratory, or nobody would notice
//! that it is gone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use esky_crashlab::check;
use esky_crashlab::model::Model;
use esky_crashlab::states::{self, Persistence};
use esky_install::VersionLock;

use crate::figures::Figure;
use crate::scenarios::{FAILED, UPDATE, UPDATED};
use crate::story::{Kind, Story, directory_name};

/// A check, where it stands, and what stands there without it.
struct Dropped {
    check: &'static str,
    file: &'static str,
    with: &'static str,
    without: &'static str,
    /// Whether the laboratory notices, given a story whose subject lacks the check.
    is_noticed: fn(&Story) -> bool,
}

const DROPPED: &[Dropped] = &[
    Dropped {
        check: "every file is hashed again before the commit",
        file: "esky-install/src/install.rs",
        with: "    synced?;\n    intact\n",
        without: "    synced?;\n    intact.or(Ok(()))\n",
        is_noticed: a_power_cut_in_staging_is_not_noticed,
    },
    Dropped {
        check: "a version in use is not removed",
        file: "esky-install/src/lock.rs",
        with: "Ok(held) => Ok(held.map(|held| Self(Some(held)))),",
        without: "Ok(_) => Ok(Some(Self(None))),",
        is_noticed: a_running_version_is_removed,
    },
    Dropped {
        check: "a held version is not offered",
        file: "esky-install/src/decisions.rs",
        with: ".find(|held| held.version == version)",
        without: ".find(|_| false)",
        is_noticed: a_failed_version_comes_back,
    },
    Dropped {
        check: "the version to go back to is kept",
        file: "esky-install/src/cleanup.rs",
        with: "if is_best || (is_version && view.is_recorded(dir)) {",
        without: "if is_best || (is_version && false) {",
        is_noticed: there_is_nothing_to_go_back_to,
    },
];

#[test]
fn every_dropped_check_is_noticed() {
    let sources = Sources::copy();
    let missed: Vec<&str> = DROPPED
        .iter()
        .filter(|dropped| {
            let subject = sources.build_without(dropped);
            let story = |kind| Story::with(kind).of(&subject);
            !(dropped.is_noticed)(&story(Kind::Real))
        })
        .map(|dropped| dropped.check)
        .collect();
    let (all, missed_count) = (DROPPED.len(), missed.len());
    Figure::Planted.print("checks dropped", all, all - missed_count, missed_count);
    assert!(missed.is_empty(), "{missed:#?}");
}

fn a_power_cut_in_staging_is_not_noticed(story: &Story) -> bool {
    let mut noticed = false;
    UPDATE.scenario(story, &story.installed, |scenario| {
        let (recording, _) = scenario.record().unwrap();
        let before = Model::of(&story.installed).unwrap();
        let check = |tree: &Path, promised| UPDATE.look_at(scenario, tree, promised, true);
        let weak = Persistence::Weak;
        noticed = states::leads_to_a_violation(&before, &recording, weak, &check).unwrap();
    });
    noticed
}

fn a_running_version_is_removed(story: &Story) -> bool {
    let tree = story.after(UPDATED);
    let old = tree.join(directory_name("1.0"));
    let _running = VersionLock::shared(&old).unwrap();
    let _ = story.command(&["update", "bad"], &tree).output().unwrap();
    !old.join("prog").exists()
}

fn a_failed_version_comes_back(story: &Story) -> bool {
    let tree = story.after(FAILED);
    for words in [&["cleanup"][..], &["update", "bad"]] {
        let _ = story.command(words, &tree).output().unwrap();
    }
    check::starts_one_of(&tree, &["2.0"]).is_err()
}

fn there_is_nothing_to_go_back_to(story: &Story) -> bool {
    check::can_go_back(&story.after(&[&["update", "good"]])).is_err()
}

/// The subject's name in the copy; that of the tests is not replaced.
const SUBJECT: &str = "crash-subject-unchecked";

/// A target of tests without any.
const NO_TESTS: &str = "none";

/// A copy of the workspace's sources, to be built with something taken out.
struct Sources {
    root: PathBuf,
}

impl Sources {
    fn copy() -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dropped checks");
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let script = "rm -rf \"$2/sources\" && mkdir -p \"$2/sources\" && cd \"$1\" && \
            cp -a Cargo.toml Cargo.lock .cargo crates examples xtask \"$2/sources\" && cd \"$2/sources/crates\" && \
            mv \"$3/$4.rs\" \"$3/$5.rs\" && touch \"$6\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "copy"]).arg(workspace).arg(&root);
        shell.args(["esky-crashlab/src/bin", "crash-subject", SUBJECT]);
        shell.arg(format!("esky-format/tests/{NO_TESTS}.rs"));
        assert!(shell.status().unwrap().success());
        Self { root }
    }

    /// The subject without one of its checks. The sources are whole again afterwards.
    fn build_without(&self, dropped: &Dropped) -> PathBuf {
        let file = self.root.join("sources/crates").join(dropped.file);
        let whole = fs::read_to_string(&file).unwrap();
        let found = whole.matches(dropped.with).count();
        assert_eq!(
            found, 1,
            "{}: the check stands elsewhere now",
            dropped.check
        );
        fs::write(&file, whole.replace(dropped.with, dropped.without)).unwrap();
        let built = self.build();
        fs::write(&file, whole).unwrap();
        built
    }

    /// Into the directory where the tests were built, and with the features that dependencies have there, for which cargo needs to see
    /// a target of tests: so only our own crates are compiled.
    fn build(&self) -> PathBuf {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["build", "--quiet", "--workspace", "--bin", SUBJECT])
            .args(["--test", NO_TESTS, "--target-dir"])
            .arg(&target)
            .current_dir(self.root.join("sources"));
        assert!(cargo.status().unwrap().success(), "the copy does not build");
        target.join("debug").join(SUBJECT)
    }
}
