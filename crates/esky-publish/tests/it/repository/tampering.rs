//! What somebody slipped into the repository is not signed for.

use std::fs;

use esky_publish::repository::{PlayFault, RepositoryError};

use super::Workshop;

#[test]
fn metadata_that_was_changed_stops_the_next_release() {
    for name in [
        "1.root.json",
        "timestamp.json",
        "1.snapshot.json",
        "1.targets.json",
    ] {
        let workshop = Workshop::new();
        let path = workshop.metadata(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(
            &path,
            text.replace("\"spec_version\": \"1.0", "\"spec_version\": \"1.1"),
        )
        .unwrap();
        assert_ne!(fs::read_to_string(&path).unwrap(), text, "{name}");
        match workshop.release("1.0").unwrap_err() {
            RepositoryError::Metadata { path: named, .. } => {
                assert!(named.ends_with(name), "{named:?}")
            }
            // Who signs for a root is the root itself: it is found by playing it.
            RepositoryError::Play { .. } => assert_eq!(name, "1.root.json"),
            other => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn a_package_that_was_changed_or_lost_stops_the_next_release() {
    let workshop = Workshop::new();
    let package = workshop.release("1.0").unwrap().path;
    for remains in [Some(b"short"), None] {
        match remains {
            Some(bytes) => fs::write(&package, bytes).unwrap(),
            None => fs::remove_file(&package).unwrap(),
        }
        match workshop.release("1.1").unwrap_err() {
            RepositoryError::Play {
                fault: PlayFault::Missing { path },
                ..
            } => assert_eq!(path, package),
            other => panic!("{other}"),
        }
    }
    assert!(
        !workshop.metadata("3.targets.json").exists(),
        "nothing was published"
    );
}

#[test]
fn metadata_that_is_no_metadata_is_named() {
    for bytes in [&b""[..], b"{", b"[]", b"\xff\xfe"] {
        let workshop = Workshop::new();
        fs::write(workshop.metadata("timestamp.json"), bytes).unwrap();
        let error = workshop.release("1.0").unwrap_err();
        assert!(matches!(error, RepositoryError::Metadata { .. }), "{error}");
    }
}

#[test]
fn a_missing_repository_is_named() {
    let workshop = Workshop::new();
    fs::remove_dir_all(&workshop.project.repository).unwrap();
    let error = workshop.release("1.0").unwrap_err();
    assert!(
        matches!(error, RepositoryError::NoRepository { .. }),
        "{error}"
    );
}
