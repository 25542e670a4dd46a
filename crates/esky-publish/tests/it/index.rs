//! The page for a plain static host.

use crate::app::{App, pack};
use esky_publish::{Error, write_index};
use std::fs;

fn pack_with_index(app: &App, version: &str) -> String {
    let mut options = app.options();
    options.version = version.into();
    options.index = true;
    pack(&options).unwrap();
    fs::read_to_string(app.output().join("index.html")).unwrap()
}

#[test]
fn every_package_is_listed_with_the_newest_first() {
    let app = App::new();
    pack_with_index(&app, "1.9");
    let page = pack_with_index(&app, "1.10");
    let at = |version: &str| {
        let link = format!("<a href=\"app-{version}.linux-x86_64.zip\">");
        page.find(&link).unwrap()
    };
    assert!(at("1.10") < at("1.9"));
}

#[test]
fn packages_made_at_once_are_all_listed() {
    let app = App::new();
    let output = app.output();
    fs::create_dir(&output).unwrap();
    let name = |number: usize| format!("app-1.{number}.linux-x86_64.zip");
    let (name, output) = (&name, &output);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            scope.spawn(move || {
                for number in (writer..100).step_by(4) {
                    fs::write(output.join(name(number)), "a package").unwrap();
                    write_index(output).unwrap();
                }
            });
        }
    });
    let page = fs::read_to_string(output.join("index.html")).unwrap();
    let missing: Vec<usize> = (0..100)
        .filter(|number| !page.contains(&name(*number)))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(fs::read_dir(output).unwrap().count(), 101);
}

#[test]
fn package_that_is_gone_leaves_the_page() {
    let app = App::new();
    pack_with_index(&app, "1.0");
    fs::remove_file(app.output().join("app-1.0.linux-x86_64.zip")).unwrap();
    assert!(!pack_with_index(&app, "1.1").contains("app-1.0"));
}

#[test]
fn page_of_someone_else_is_left_alone() {
    let app = App::new();
    fs::create_dir(app.output()).unwrap();
    let page = app.output().join("index.html");
    fs::write(&page, "<h1>My app</h1>").unwrap();
    let error = write_index(&app.output()).unwrap_err();
    assert!(matches!(error, Error::ForeignIndex { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(&page).unwrap(), "<h1>My app</h1>");
}
