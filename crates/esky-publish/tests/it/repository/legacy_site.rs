//! Sites for copies that still carry the original esky.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_legacy::{Limits, Node, Tree};
use esky_publish::repository::{
    LegacySite, LegacySiteFault, LegacySiteOptions, PatchMade, PatchOutcome, RepositoryError,
    RepositoryResult, legacy_site,
};
use esky_testkit::apps::{extract, noise};
use esky_testkit::raw_zip::{FILE, PROGRAM, RawZip};

use super::Workshop;
use crate::app::{PLATFORM, elf};

impl Workshop {
    fn site(&self) -> PathBuf {
        self.app.place().join("site")
    }

    fn to_site(&self, package: &Path) -> RepositoryResult<LegacySite> {
        let options = LegacySiteOptions {
            package: package.to_owned(),
            directory: self.site(),
            patches: 5,
        };
        legacy_site(&self.project, &options, &mut |_| ControlFlow::Continue(()))
    }

    /// A package as the original's 0.9.8 wrote it.
    fn old_package(&self, version: &str) -> PathBuf {
        let directory = format!("app-{version}.{PLATFORM}");
        let path = |name: &str| format!("{directory}/{name}").into_bytes();
        let lock = b"this file is used by esky to lock the version dir\n";
        let zip = RawZip::new()
            .file(b"prog", PROGRAM, b"the old start-up program")
            .file(b"library.zip", FILE, b"its modules")
            .file(&path("prog"), PROGRAM, &elf(62))
            .file(&path("_internal/library.zip"), FILE, b"modules")
            .file(&path("version.txt"), FILE, version.as_bytes())
            .file(&path("esky-files/lockfile.txt"), FILE, lock)
            .file(
                &path("esky-files/bootstrap-manifest.txt"),
                FILE,
                b"library.zip\nprog\nprog\n",
            );
        fs::create_dir_all(self.site()).unwrap();
        let package = self.site().join(format!("{directory}.zip"));
        fs::write(&package, zip.finish()).unwrap();
        package
    }
}

/// What an old client has when it has unpacked a package.
fn unpacked(workshop: &Workshop, package: &Path) -> Tree {
    let place = workshop
        .app
        .place()
        .join("unpacked")
        .join(package.file_name().unwrap());
    extract(package, &place);
    Tree::of_directory(&place, &Limits::default()).unwrap()
}

fn digest(tree: &Tree) -> [u8; 16] {
    let mut go_on = || ControlFlow::Continue(());
    esky_legacy::digest(tree, &Limits::default(), &mut go_on).unwrap()
}

fn published(from: &str, patches: &[PatchMade]) -> u64 {
    let found = patches.iter().find(|patch| patch.from == from);
    match found.map(|patch| &patch.outcome) {
        Some(PatchOutcome::Published { size }) => *size,
        other => panic!("{from}: {other:?}"),
    }
}

#[test]
fn old_copies_find_a_package_and_patches_that_lead_to_it() {
    let workshop = Workshop::new();
    let old = ["0.9", "0.10"].map(|version| workshop.old_package(version));
    workshop.app.file("data.bin", &noise(200_000));
    let released = workshop.release("1.0").unwrap();
    let site = workshop.to_site(&released.path).unwrap();
    let new = unpacked(&workshop, &site.package);
    assert_eq!(site.patches[0].from, "0.10", "the newest first");
    for (version, package) in ["0.9", "0.10"].iter().zip(&old) {
        let size = published(version, &site.patches);
        let patch = workshop
            .site()
            .join(format!("app-1.0.{PLATFORM}.from-{version}.patch"));
        assert_eq!(fs::metadata(&patch).unwrap().len(), size);
        let patch = std::io::Cursor::new(fs::read(patch).unwrap());
        let mut go_on = || ControlFlow::Continue(());
        let old = unpacked(&workshop, package);
        let made = esky_legacy::apply(&old, patch, &Limits::default(), &mut go_on).unwrap();
        assert_eq!(digest(&made), digest(&new), "{version}");
    }
    let page = fs::read_to_string(site.index.unwrap()).unwrap();
    for name in [
        format!("<a href=\"app-1.0.{PLATFORM}.zip\">"),
        format!("<a href=\"app-1.0.{PLATFORM}.from-0.9.patch\">"),
    ] {
        assert!(page.contains(&name), "{page}");
    }
}

/// Old clients write the text of a link into a file, and make no empty directories.
#[cfg(unix)]
#[test]
fn links_are_copies_and_empty_directories_are_gone() {
    let workshop = Workshop::new();
    workshop.app.file("_internal/lib.so.1", b"library");
    workshop.app.link("_internal/lib.so", "lib.so.1");
    workshop.app.link("_internal/lib.so.old", "lib.so");
    workshop.app.link("modules", "_internal");
    fs::create_dir_all(workshop.app.directory().join("plugins/none")).unwrap();
    let released = workshop.release("1.0").unwrap();
    let site = workshop.to_site(&released.path).unwrap();
    assert_eq!(site.copied_links, 3);
    let tree = unpacked(&workshop, &site.package);
    let version = tree.directory(&format!("app-1.0.{PLATFORM}")).unwrap();
    for path in ["_internal/lib.so", "_internal/lib.so.old", "modules/lib.so"] {
        let Some(Node::File { content, .. }) = version.get(path) else {
            panic!("{path}");
        };
        assert_eq!(content.size(), 7, "{path}");
    }
    assert!(version.get("plugins").is_none());
    // The root of trust travels, so the copy believes its developer only from then on.
    assert!(version.get("esky-files/root.json").is_some());
}

#[cfg(unix)]
#[test]
fn a_link_in_a_circle_is_refused() {
    let workshop = Workshop::new();
    workshop.app.link("_internal/self", "..");
    let released = workshop.release("1.0").unwrap();
    let refused = workshop.to_site(&released.path).unwrap_err();
    assert!(
        matches!(
            refused,
            RepositoryError::LegacySite(LegacySiteFault::Link { .. })
        ),
        "{refused}"
    );
    assert!(!workshop.site().exists());
}

#[test]
fn a_version_that_old_clients_do_not_see_is_refused() {
    let workshop = Workshop::new();
    let released = workshop.release("1.0-rc1").unwrap();
    let refused = workshop.to_site(&released.path).unwrap_err();
    assert!(refused.hint().unwrap().contains("1.0rc1"), "{refused}");
    assert!(!workshop.site().exists());
}

#[test]
fn a_site_that_was_not_finished_is_finished() {
    let workshop = Workshop::new();
    workshop.old_package("0.9");
    let released = workshop.release("1.0").unwrap();
    let first = workshop.to_site(&released.path).unwrap();
    fs::remove_file(first.index.unwrap()).unwrap();
    let again = workshop.to_site(&released.path).unwrap();
    assert_eq!(
        (again.package, again.size),
        (first.package.clone(), first.size)
    );
    assert_eq!(again.patches, first.patches);
    assert!(again.index.unwrap().exists());
    fs::write(&first.package, b"another package").unwrap();
    let refused = workshop.to_site(&released.path).unwrap_err();
    assert!(
        matches!(refused, RepositoryError::AlreadyReleased { .. }),
        "{refused}"
    );
}

#[test]
fn a_page_of_somebody_else_and_a_damaged_package_do_no_harm() {
    let workshop = Workshop::new();
    let damaged = workshop.old_package("0.8");
    workshop.old_package("0.9");
    fs::write(&damaged, b"PK").unwrap();
    let page = workshop.site().join("index.html");
    fs::write(&page, "<html>my own page</html>").unwrap();
    let released = workshop.release("1.0").unwrap();
    let site = workshop.to_site(&released.path).unwrap();
    assert_eq!(site.index, None);
    assert_eq!(
        fs::read_to_string(&page).unwrap(),
        "<html>my own page</html>"
    );
    published("0.9", &site.patches);
    assert!(matches!(
        site.patches[1].outcome,
        PatchOutcome::Failed { .. }
    ));
}
