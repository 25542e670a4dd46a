//! Several at once, as real processes: updaters, clean-ups, and instances that start while an update commits.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use esky_crashlab::check;

use crate::scenarios::UPDATED;
use crate::story::{Kind, Story, copy, directory_name};

const ROUNDS: usize = 8;
const INSTANCES: usize = 20;

#[test]
fn of_two_updaters_one_does_it_and_the_other_is_told() {
    let story = Story::with(Kind::Real);
    for _ in 0..ROUNDS {
        let tree = story.after(&[]);
        let outputs = at_once(&[&["update", "good"], &["update", "good"]], &story, &tree);
        assert!(
            outputs.iter().any(|output| output.status.success()),
            "{outputs:?}"
        );
        for output in outputs.iter().filter(|output| !output.status.success()) {
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(words.contains("is changing the app directory"), "{words}");
        }
        check::starts_one_of(&tree, &["2.0"]).unwrap();
        check::can_go_back(&tree).unwrap();
    }
}

#[test]
fn an_update_and_a_cleanup_do_not_harm_each_other() {
    let story = Story::with(Kind::Real);
    let before = story.after(UPDATED);
    for _ in 0..ROUNDS {
        let tree = story.after(&[]).with_file_name("again");
        copy(&before, &tree);
        at_once(
            &[&["update", "bad"], &["cleanup"], &["cleanup"]],
            &story,
            &tree,
        );
        check::starts_one_of(&tree, &["2.0", "3.0"]).unwrap();
        let output = story.command(&["update", "bad"], &tree).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        check::starts_one_of(&tree, &["3.0"]).unwrap();
        check::can_go_back(&tree).unwrap();
    }
}

#[test]
fn every_instance_that_starts_while_an_update_commits_is_the_old_or_the_new_version() {
    // Watched, so that the instances confirm the new version as those of a good app do.
    let story = Story::with(Kind::Watched);
    for _ in 0..ROUNDS {
        let tree = story.after(&[]);
        let updated = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..INSTANCES {
                scope.spawn(|| {
                    while !updated.load(Ordering::Relaxed) {
                        start(&tree);
                    }
                });
            }
            let output = story.command(&["update", "good"], &tree).output();
            updated.store(true, Ordering::Relaxed);
            let output = output.unwrap();
            assert!(output.status.success(), "{output:?}");
        });
        check::starts_one_of(&tree, &["2.0"]).unwrap();
    }
}

#[test]
fn a_running_version_keeps_its_files_through_updates_and_cleanups() {
    let story = Story::with(Kind::Real);
    let tree = story.after(&[]);
    let old = tree.join(directory_name("1.0"));
    let running = esky_install::VersionLock::shared(&old).unwrap();
    for words in [
        &["update", "good"][..],
        &["confirm"],
        &["update", "bad"],
        &["cleanup"],
    ] {
        let output = story.command(words, &tree).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        check::is_whole(&tree, "1.0").unwrap();
    }
    drop(running);
    let output = story.command(&["cleanup"], &tree).output().unwrap();
    assert!(output.status.success() && !old.exists(), "{output:?}");
}

/// Says which version it was, or fails.
fn start(tree: &Path) {
    let output = Command::new(tree.join("prog")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && ["prog 1.0\n", "prog 2.0\n"].contains(&said.as_ref()),
        "a torn start: {output:?}"
    );
}

fn at_once(commands: &[&[&str]], story: &Story, tree: &Path) -> Vec<Output> {
    thread::scope(|scope| {
        let run = |words: &'_ [&str]| story.command(words, tree).output().unwrap();
        let running: Vec<_> = commands
            .iter()
            .map(|words| scope.spawn(move || run(words)))
            .collect();
        running
            .into_iter()
            .map(|running| running.join().unwrap())
            .collect()
    })
}
