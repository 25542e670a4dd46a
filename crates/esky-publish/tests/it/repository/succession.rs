//! Releases that nobody would be offered.

use esky_publish::repository::{RepositoryError, Yank, yank};

use super::{Workshop, now};

fn not_newer(workshop: &Workshop, version: &str) -> (String, bool) {
    match workshop.release(version).unwrap_err() {
        RepositoryError::NotNewer { released, same, .. } => (released, same),
        other => panic!("{version}: {other}"),
    }
}

#[test]
fn a_version_that_is_not_newer_is_refused_before_patches_are_made() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    workshop.release("2.0").unwrap();
    assert_eq!(not_newer(&workshop, "1.5"), ("2.0".to_owned(), false));
    assert_eq!(not_newer(&workshop, "2.0rc1"), ("2.0".to_owned(), false));
    assert_eq!(not_newer(&workshop, "2.0.0"), ("2.0".to_owned(), true));
    assert_eq!(not_newer(&workshop, "1"), ("1.0".to_owned(), true));
    let error = workshop.release("v2.1").unwrap_err();
    assert!(
        error.hint().unwrap().contains("\"2.1\" would do"),
        "{error}"
    );
    workshop.release("2.1").unwrap();
    workshop.release("2.1+build1").unwrap();
    workshop.release("2.1+build2").unwrap();
}

#[test]
fn an_older_version_is_released_if_that_is_wanted() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    workshop.release("2.0").unwrap();
    let older = |version: &str| {
        let mut options = workshop.options(version);
        options.allow_older = true;
        workshop.release_as(&options)
    };
    older("1.1").unwrap();
    let error = older("1.1.0").unwrap_err();
    assert!(matches!(
        error,
        RepositoryError::NotNewer { same: true, .. }
    ));
}

#[test]
fn only_what_is_offered_on_the_same_channel_counts() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    workshop.release("2.0").unwrap();
    let mut beta = workshop.options("1.5");
    beta.channel = Some("beta".to_owned());
    workshop.release_as(&beta).unwrap();
    let reason = "it eats files".to_owned();
    let withdraw = Yank::Withdraw { reason };
    yank(
        &workshop.project,
        "2.0",
        &withdraw,
        &workshop.signers(),
        now(),
    )
    .unwrap();
    assert_eq!(not_newer(&workshop, "2.0.0"), ("2.0".to_owned(), true));
    workshop.release("1.5").unwrap();
}

#[test]
fn the_same_release_again_is_no_older_one() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    let second = workshop.release("2.0").unwrap();
    assert!(!second.already);
    assert!(workshop.release("2.0").unwrap().already);
}

#[test]
fn a_version_that_no_copy_may_install_is_refused() {
    let workshop = Workshop::new();
    let release = |version: &str, minimum: Option<&str>| {
        let mut options = workshop.options(version);
        options.minimum_version = minimum.map(str::to_owned);
        options.allow_older = true;
        workshop.release_as(&options)
    };
    let below = |error| matches!(error, RepositoryError::BelowMinimum { .. });
    assert!(below(release("1.0", Some("1.1")).unwrap_err()));
    release("2.0", Some("2.0")).unwrap();
    assert!(below(release("1.5", None).unwrap_err()));
    let error = release("2.1", Some("v2.1")).unwrap_err();
    assert!(matches!(error, RepositoryError::Name(_)), "{error}");
    release("2.1", None).unwrap();
}
