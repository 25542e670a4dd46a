//! `esky diff`, `esky patch` and `esky inspect`.

use std::fs;

use crate::support::Scene;

/// Two frozen versions and the patch between them.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.frozen("1.0");
    scene.frozen("1.1");
    let reply = scene.run(["diff", "frozen-1.0", "frozen-1.1", "-o", "p"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, "Comparing\n"));
    assert!(reply.stdout.starts_with("p\n  size "), "{}", reply.stdout);
    assert!(
        reply.stdout.contains("writes  1 file of"),
        "{}",
        reply.stdout
    );
    scene
}

#[test]
fn a_patch_turns_one_version_into_the_other() {
    let scene = scene();
    let reply = scene.run(["patch", "frozen-1.0", "p", "-o", "made"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, "Patching\n"));
    assert_eq!(
        reply.stdout,
        "made\n  2 files, 29 bytes: 1 patched, 1 copied, 0 gone\n"
    );
    for file in ["demo", "lib/data.txt"] {
        let made = fs::read(scene.path(&format!("made/{file}"))).unwrap();
        let wanted = fs::read(scene.path(&format!("frozen-1.1/{file}"))).unwrap();
        assert_eq!(made, wanted, "{file}");
    }
}

#[test]
fn files_have_patches_too() {
    let scene = scene();
    let arguments = ["diff", "frozen-1.0/lib/data.txt", "frozen-1.1/lib/data.txt"];
    let made = scene
        .run(arguments.iter().chain(&["-o", "q", "--json"]))
        .json();
    assert_eq!(made["written"], 1);
    assert_eq!(made["size"], fs::metadata(scene.path("q")).unwrap().len());
    let arguments = [
        "patch",
        "frozen-1.0/lib/data.txt",
        "q",
        "-o",
        "data",
        "--json",
    ];
    assert_eq!(scene.run(arguments).json()["written"], 1);
    let data = fs::read_to_string(scene.path("data")).unwrap();
    assert_eq!(data, "data of 1.1\n");
}

#[test]
fn what_a_patch_consists_of_is_told_and_drawn() {
    let scene = scene();
    let reply = scene.run(["inspect", "p"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, ""));
    assert!(reply.stdout.contains("  index "), "{}", reply.stdout);
    assert!(reply.stdout.contains("lib/data.txt\n"), "{}", reply.stdout);
    let document = scene
        .run(["inspect", "p", "--json", "--svg", "p.svg"])
        .json();
    let parts = document["parts"].as_array().unwrap();
    let sum: u64 = parts.iter().filter_map(|part| part["size"].as_u64()).sum();
    assert_eq!(document["size"], sum);
    assert_eq!(document["files"][0]["path"], "lib/data.txt");
    let picture = fs::read_to_string(scene.path("p.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.contains("lib/data.txt"));
}

#[test]
fn another_old_version_is_refused_with_a_hint() {
    let scene = scene();
    scene.write("frozen-1.0/lib/data.txt", "edited");
    let reply = scene.run(["patch", "frozen-1.0", "p", "-o", "made"]);
    assert_eq!(reply.code, 1);
    assert_eq!(
        reply.stderr,
        "Patching\nerror: cannot apply p to frozen-1.0: lib/data.txt is not the file that the patch was made from\n\
         hint: apply the patch to an unchanged copy of the old version\n"
    );
    assert!(!scene.path("made").exists());
}

#[test]
fn something_else_is_no_patch() {
    let scene = scene();
    scene.write("p", "no patch at all");
    for arguments in [
        &["inspect", "p"][..],
        &["patch", "frozen-1.0", "p", "-o", "made"],
    ] {
        let reply = scene.run(arguments);
        assert_eq!(reply.code, 1);
        assert!(reply.stderr.contains("not a patch"), "{}", reply.stderr);
    }
}

#[test]
fn a_patch_that_wants_too_much_memory_is_refused() {
    let scene = scene();
    let big: Vec<u8> = (0..3_000_000u32)
        .map(|step| (step.wrapping_mul(step) >> 9) as u8)
        .collect();
    scene.write("a", &big);
    scene.write("b", &big[1000..]);
    assert_eq!(scene.run(["diff", "a", "b", "-o", "q"]).code, 0);
    let reply = scene.run(["patch", "a", "q", "-o", "made", "--max-memory", "1"]);
    assert_eq!(reply.code, 1);
    assert!(reply.stderr.contains("bytes of memory"), "{}", reply.stderr);
}
