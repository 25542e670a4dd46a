//! `esky info` on packages and app directories, sound and broken ones.

use std::fs;

use esky_format::name::current_platform;

use crate::repository::{initialized, release};
use crate::support::Scene;

#[test]
fn a_package_is_described() {
    let scene = Scene::new();
    let package = scene.package("1.0");
    let reply = scene.run(["info", package.to_str().unwrap()]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, ""));
    let text = scene.filter(&reply.stdout);
    let platform = current_platform();
    let expected = format!(
        "package [DIR]/site/demo-1.0.{platform}.zip
  name      demo
  version   1.0
  platform  {platform}
  layout    flat
  programs  demo
"
    );
    assert!(text.starts_with(&expected), "{text}");
}

#[test]
fn a_package_is_described_in_json() {
    let scene = Scene::new();
    let package = scene.package("1.0");
    let document = scene
        .run(["info", "--json", package.to_str().unwrap()])
        .json();
    assert_eq!(document["kind"], "package");
    assert_eq!(document["programs"], serde_json::json!(["demo"]));
    assert_eq!(document["size"], fs::metadata(&package).unwrap().len());
    for key in [
        "path",
        "name",
        "version",
        "platform",
        "layout",
        "files",
        "unpacked_size",
    ] {
        assert!(!document[key].is_null(), "{key}");
    }
}

#[test]
fn a_link_to_a_package_is_followed() {
    let scene = Scene::new();
    let package = scene.package("1.0");
    std::os::unix::fs::symlink(&package, scene.path("latest")).unwrap();
    assert_eq!(
        scene.run(["info", "latest", "--json"]).json()["version"],
        "1.0"
    );
}

#[test]
fn an_app_directory_is_described_with_the_reason_for_what_starts() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let reply = scene.run(["info", app_dir.to_str().unwrap()]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, ""));
    let platform = current_platform();
    assert_eq!(
        scene.filter(&reply.stdout),
        format!(
            "app directory [DIR]/app
  name      demo
  platform  {platform}
  layout    flat
  starts    1.0, because it is the newest complete version and there is no valid state record
versions
  1.0  starts
"
        )
    );
}

#[test]
fn an_app_directory_is_described_in_json() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let document = scene
        .run(["info", "--json", app_dir.to_str().unwrap()])
        .json();
    assert_eq!(document["kind"], "app-directory");
    assert_eq!(document["starts"]["version"], "1.0");
    let version = &document["versions"][0];
    assert_eq!(version["version"], "1.0");
    assert_eq!(
        (&version["complete"], &version["starts"]),
        (&true.into(), &true.into())
    );
    assert_eq!(version["in_use"], false);
}

#[test]
fn a_package_cut_short_is_named_with_the_fault() {
    let scene = Scene::new();
    let package = scene.package("1.0");
    let bytes = fs::read(&package).unwrap();
    fs::write(&package, &bytes[..bytes.len() / 2]).unwrap();
    let reply = scene.run(["info", package.to_str().unwrap()]);
    assert_eq!((reply.code, reply.stdout.as_str()), (1, ""));
    let text = scene.filter(&reply.stderr);
    assert!(
        text.starts_with("error: package [DIR]/site/demo-1.0."),
        "{text}"
    );
    assert!(text.contains("truncated"), "{text}");
    assert!(text.contains("\nhint: fetch the package again\n"), "{text}");
}

#[test]
fn something_else_than_a_package_is_named_in_json() {
    let scene = Scene::new();
    scene.write("page.zip", "<html>404</html>");
    let reply = scene.run(["info", "page.zip", "--json"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (1, ""));
    let error = &reply.json()["error"];
    assert_eq!(
        (&error["operation"], &error["path"]),
        (&"info".into(), &"page.zip".into())
    );
    assert_eq!(error["cause"], "package page.zip: not a zip file");
}

#[test]
fn a_path_where_nothing_is_gives_a_hint() {
    let scene = Scene::new();
    let reply = scene.run(["info", "nowhere"]);
    assert_eq!(reply.code, 1);
    assert_eq!(
        reply.stderr,
        "error: cannot open nowhere: No such file or directory (os error 2)
hint: check the spelling of the path
"
    );
}

#[test]
fn a_directory_without_versions_is_no_app_directory() {
    let scene = Scene::new();
    fs::create_dir(scene.path("empty")).unwrap();
    let reply = scene.run(["info", "empty"]);
    assert_eq!(reply.code, 1);
    assert!(
        reply.stderr.contains("empty holds no version of an app"),
        "{}",
        reply.stderr
    );
}

/// Two apps were unzipped into one directory: which of them is meant cannot be told.
#[test]
fn two_apps_in_one_directory_are_named() {
    let scene = Scene::new();
    initialized(&scene);
    let signed = release(&scene, "1.0", &["--json"]).json();
    let package = scene.path("").join(signed["path"].as_str().unwrap());
    esky_testkit::apps::extract(&package, &scene.path("app"));
    let version = format!("demo-1.0.{}", esky_format::name::current_platform());
    let other = scene.path("app").join(version.replace("demo", "other"));
    std::fs::create_dir_all(other.join("esky-files")).unwrap();
    let manifest = "esky-files/bootstrap-manifest.txt";
    std::fs::write(other.join(manifest), "prog\n").unwrap();
    for words in [
        &["info", "app"][..],
        &["list", "app"],
        &["update", "app", "repo"],
    ] {
        let reply = scene.run(words.iter().copied());
        assert_eq!(reply.code, 1, "{reply:?}");
        assert!(
            reply.stderr.contains("several apps: demo, other"),
            "{reply:?}"
        );
        assert!(reply.stderr.contains("a directory of its own"), "{reply:?}");
    }
}
