//! Names of apps and versions: which are taken, and that what is taken is found by every copy.

use esky_testkit::apps::extract;
use esky_testkit::server::Server;

use crate::support::{Reply, Scene};

/// Packs a version of an app into `site/` and lists it there.
fn pack(scene: &Scene, name: &str, version: &str) -> Reply {
    let (frozen, bootstrap) = (scene.frozen(version), scene.bootstrap());
    let (frozen, bootstrap) = (frozen.to_str().unwrap(), bootstrap.to_str().unwrap());
    let what = ["pack", frozen, "--name", name, "--version", version];
    let how = ["-o", "site", "--index", "--bootstrap", bootstrap, "--json"];
    scene.run(what.into_iter().chain(how))
}

#[test]
fn every_name_that_pack_takes_is_found_on_the_page_that_it_writes() {
    let scene = Scene::new();
    let characters = (' '..='~').chain(['\u{e9}', '\u{dc}', '\u{448}', '\u{4e2d}', '\u{1f600}']);
    let names = characters.map(|character| format!("a{character}b (c)"));
    let packed: Vec<String> = names
        .filter(|name| pack(&scene, name, "1.0").code == 0)
        .collect();
    // Windows forbids nine of them in file names; a slash is one of these.
    assert!(packed.len() >= 100 - 9 - 1, "{packed:?}");
    let server = Server::start(scene.path("site"));
    for name in &packed {
        let page = server.url("/index.html");
        let reply = scene.run(["list", &page, "--name", name]);
        assert_eq!((reply.code, reply.stdout.as_str()), (0, "1.0\n"), "{name}");
    }
}

#[test]
fn an_app_with_all_characters_in_its_name_updates_itself() {
    let scene = Scene::new();
    let name = "My App~ (Pro) +!,;=@#%&'$[]{}^` \u{e9}\u{5165}\u{1f600}";
    let first = pack(&scene, name, "1.0");
    assert_eq!(first.code, 0, "{first:?}");
    let package = scene.path(first.json()["path"].as_str().unwrap());
    extract(&package, &scene.path("app"));
    assert_eq!(pack(&scene, name, "1.1").code, 0);
    let server = Server::start(scene.path("site"));
    for page in ["/index.html", "/"] {
        let reply = scene.run(["update", "app", &server.url(page), "--check"]);
        assert_eq!(reply.code, 0, "{reply:?}");
        assert!(reply.stdout.contains("1.1"), "{reply:?}");
    }
    let reply = scene.run(["update", "app", &server.url("/index.html")]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(reply.stdout, format!("updated {name} from 1.0 to 1.1\n"));
}
