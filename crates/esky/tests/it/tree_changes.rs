//! Whatever becomes of the files, links and directories of a version, its patch gives it at the first try.

use std::collections::BTreeMap;

use esky::Way;
use esky_publish::repository::{CompactMade, PatchOutcome};
use esky_testkit::apps::{Node, Place, Release, extract};
use proptest::prelude::*;
use proptest::sample::select;

use crate::plans::Kind;
use crate::signed_updates::Stage;

/// What may be under a name.
#[derive(Clone, Copy, Debug)]
enum What {
    Nothing,
    File(u8),
    EmptyFile,
    Private(u8),
    Executable(u8),
    EmptyDirectory(u32),
    Directory(u8),
    /// A link to one of [`TARGETS`].
    Link(usize),
}

/// What links lead to, from the top of the version; all of it is there in every version.
const TARGETS: [&str; 5] = [
    "lib/version.txt",
    "prog",
    "lib",
    "steady/link",
    "steady/deep/up",
];

const ALL: [What; 14] = [
    What::Nothing,
    What::File(1),
    What::File(2),
    What::EmptyFile,
    What::Private(1),
    What::Executable(1),
    What::EmptyDirectory(0o755),
    What::EmptyDirectory(0o700),
    What::Directory(1),
    What::Directory(2),
    What::Link(0),
    What::Link(2),
    What::Link(3),
    What::Link(4),
];

/// Names that are the same to some file systems.
const SPELLINGS: [[&str; 2]; 4] = [
    ["Letter", "letter"],
    ["lib/Under.TXT", "lib/under.txt"],
    // Composed and decomposed.
    ["caf\u{e9}", "cafe\u{301}"],
    ["\u{c5}ngstr\u{f6}m/deep", "A\u{30a}ngstro\u{308}m/deep"],
];

fn version(number: &str, tree: &BTreeMap<String, What>) -> Release {
    let mut release = Release::new(number)
        .size(120_000)
        .link("steady/link", "../lib/version.txt")
        .link("steady/deep/up", "../link")
        .link("steady/deep/directory", "../../lib");
    for (path, what) in tree {
        release = add(release, path, *what);
    }
    release
}

fn add(release: Release, path: &str, what: What) -> Release {
    let file = |release: Release, path: &str, content: u8, mode| {
        let bytes = vec![content; 300];
        release.node(path, Node::File { bytes, mode })
    };
    match what {
        What::Nothing => release,
        What::File(content) => file(release, path, content, 0o644),
        What::EmptyFile => release.file(path, ""),
        What::Private(content) => file(release, path, content, 0o600),
        What::Executable(content) => file(release, path, content, 0o755),
        What::EmptyDirectory(mode) => release.node(path, Node::Directory(mode)),
        What::Directory(content) => {
            let inside = file(release, &format!("{path}/file"), content, 0o644);
            let inside = inside.link(&format!("{path}/link"), "file");
            inside.node(&format!("{path}/empty"), Node::Directory(0o750))
        }
        What::Link(target) => {
            let up = "../".repeat(path.matches('/').count());
            release.link(path, &format!("{up}{}", TARGETS[target]))
        }
    }
}

/// Releases all of them, each with a patch from the one before. Updates to the last from the first by all the patches, and from the
/// last but one by one.
fn updates_at_the_first_try(trees: &[BTreeMap<String, What>]) {
    let numbers: Vec<String> = (0..trees.len())
        .map(|number| format!("1.{number}"))
        .collect();
    let mut stage = Stage::with(&version(&numbers[0], &trees[0]));
    let releases = numbers.iter().zip(trees).skip(1);
    let patches: Vec<bool> = releases
        .map(|(number, tree)| is_released_with_patch(&stage, &version(number, tree)))
        .collect();
    let last = numbers.last().unwrap();
    for from in [0, trees.len() - 2] {
        stage.place = Place::new();
        let installed = &stage.of_kind(&numbers[from], Kind::Zip)[0];
        extract(installed, &stage.place.appdir());
        let (updated, ways) = stage.ways().unwrap();
        assert_eq!(updated.as_ref(), Some(last));
        let by_patches = patches[from..].iter().all(|there| *there);
        let chain = Way::Patches(patches.len() - from);
        // A patch alone is published only if it is smaller than the changed files; several together may be larger.
        let expected: &[Way] = match (by_patches, chain) {
            (true, Way::Patches(1)) => &[chain],
            (true, _) => &[chain, Way::ChangedFiles],
            (false, _) => &[Way::ChangedFiles],
        };
        assert!(
            ways.len() == 1 && expected.contains(&ways[0]),
            "from {}: {ways:?}",
            numbers[from]
        );
        stage.equals_package(last);
    }
}

/// Whether there is a patch. There is one unless the changed files are no larger.
fn is_released_with_patch(stage: &Stage, version: &Release) -> bool {
    let released = stage
        .site
        .release_with(version, |options| options.patches.count = 1);
    assert!(
        matches!(released.compact, CompactMade::Published { .. }),
        "{:?}",
        released.compact
    );
    match &released.patches[0].outcome {
        PatchOutcome::Published { .. } => true,
        PatchOutcome::Larger { .. } => false,
        failed => panic!("{failed:?}"),
    }
}

#[test]
fn anything_may_become_anything() {
    // The second patch leaves all that the first one has written as it is.
    let mut trees: [BTreeMap<String, What>; 4] = Default::default();
    for (one, before) in ALL.iter().enumerate() {
        for (two, after) in ALL.iter().enumerate() {
            for place in ["", "in/here/"] {
                let path = format!("{place}{one}-{two}");
                for (tree, what) in trees.iter_mut().zip([before, after, after, before]) {
                    tree.insert(path.clone(), *what);
                }
            }
        }
    }
    updates_at_the_first_try(&trees);
}

#[test]
fn names_may_change_in_case_and_composition_only() {
    let with = |spelling: usize, what: [What; 4]| -> BTreeMap<String, What> {
        let names = SPELLINGS.iter().map(|names| names[spelling].to_owned());
        names.zip(what).collect()
    };
    let files = [What::File(1); 4];
    let others = [
        What::Directory(1),
        What::Link(0),
        What::EmptyFile,
        What::Executable(2),
    ];
    updates_at_the_first_try(&[with(0, files), with(1, files), with(0, files)]);
    updates_at_the_first_try(&[with(0, others), with(1, others), with(1, files)]);
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        Just(What::Nothing),
        (0u8..3).prop_map(What::File),
        Just(What::EmptyFile),
        (0u8..3).prop_map(What::Private),
        (0u8..3).prop_map(What::Executable),
        select(vec![0o755, 0o750, 0o700]).prop_map(What::EmptyDirectory),
        (0u8..3).prop_map(What::Directory),
        (0..TARGETS.len()).prop_map(What::Link),
    ]
}

/// A few names, each with anything under it, in one of its spellings.
fn tree() -> impl Strategy<Value = BTreeMap<String, What>> {
    let plain = ["a", "b/inner", "c/deep/er", "lib/d"].map(|name| [name, name]);
    let names: Vec<[&str; 2]> = plain.into_iter().chain(SPELLINGS).collect();
    let one = |names: [&'static str; 2]| (select(names.to_vec()), what());
    let all: Vec<_> = names.into_iter().map(one).collect();
    all.prop_map(|nodes| {
        let nodes = nodes.into_iter();
        nodes.map(|(name, what)| (name.to_owned(), what)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_leads_to_any_other(trees in [tree(), tree(), tree()]) {
        updates_at_the_first_try(&trees);
    }
}
