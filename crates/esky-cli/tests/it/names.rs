//! Names of apps and versions: which are taken, and that what is taken is found by every copy.

use esky_testkit::apps::extract;
use esky_testkit::server::Server;

use crate::repository::{release, run};
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

#[test]
fn init_takes_the_names_that_can_be_released_and_no_others() {
    for (name, near) in [
        ("my-app-2", Some("my_app_2")),
        ("my-tool.app", Some("my_tool.app")),
        ("my-cool_app", Some("my_cool_app")),
        ("C++ IDE", None),
        ("my-app2", None),
    ] {
        let scene = Scene::new();
        let init = |name: &str| run(&scene, &["init", "--app", name]).code;
        assert_eq!(init(name) == 0, near.is_none(), "{name}");
        assert_eq!(
            pack(&scene, name, "1.0").code == 0,
            near.is_none(),
            "{name}"
        );
        let Some(near) = near else {
            assert_eq!(release(&scene, "1.0", &[]).code, 0, "{name}");
            continue;
        };
        let reply = run(&scene, &["init", "--app", name]);
        assert!(
            reply.stderr.contains(&format!(
                "hint: {near:?} would do: the name of an app begins with"
            )),
            "{reply:?}"
        );
        assert!(
            !scene.path("config").exists(),
            "there are no keys for {name}"
        );
        assert_eq!(init(near), 0, "{near}");
        assert_eq!(release(&scene, "1.0", &[]).code, 0, "{near}");
    }
}

#[test]
fn a_directory_whose_name_no_app_can_have_is_told_what_to_say() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("demo-2")).unwrap();
    let reply = run(&scene, &["init", "demo-2"]);
    assert_eq!(reply.code, 1, "{reply:?}");
    assert!(
        reply
            .stderr
            .contains("hint: name the app with --app \"demo_2\": "),
        "{reply:?}"
    );
    assert!(!scene.path("demo-2/esky.toml").exists());
}

#[test]
fn versions_of_setuptools_scm_are_released_and_found() {
    let scene = Scene::new();
    let (first, second) = ("1.2.3.dev4+gabc", "1.2.3.dev5+g0de.d20261105");
    assert_eq!(run(&scene, &["init", "--app", "demo"]).code, 0);
    let released = release(&scene, first, &["--json"]);
    assert_eq!(released.code, 0, "{released:?}");
    let package = scene.path(released.json()["path"].as_str().unwrap());
    extract(&package, &scene.path("app"));
    assert_eq!(release(&scene, second, &[]).code, 0);
    let server = Server::start(scene.path("repo"));
    let reply = scene.run(["update", "app", &server.url("")]);
    let said = format!("updated demo from {first} to {second}\n");
    assert_eq!((reply.code, reply.stdout), (0, said), "{}", reply.stderr);

    for version in [first, second] {
        assert_eq!(pack(&scene, "plain", version).code, 0);
    }
    let site = Server::start(scene.path("site"));
    for page in ["/", "/index.html"] {
        let reply = scene.run(["list", &site.url(page), "--name", "plain"]);
        assert_eq!(reply.stdout, format!("{second}\n{first}\n"), "{reply:?}");
    }
}

#[test]
fn a_release_that_nobody_is_offered_is_refused_with_what_to_do() {
    let scene = Scene::new();
    assert_eq!(run(&scene, &["init", "--app", "demo"]).code, 0);
    assert_eq!(release(&scene, "1.0", &[]).code, 0);
    for (version, said) in [
        (
            "v1.1",
            "hint: \"1.1\" would do: a version begins with a digit",
        ),
        (
            "1.0.0",
            "1.0.0 is the same version as 1.0, which stable has for ",
        ),
        ("0.9", "0.9 is not newer than 1.0, which stable has for "),
        ("0.9", "--allow-older"),
    ] {
        let reply = release(&scene, version, &[]);
        assert_eq!(reply.code, 1, "{reply:?}");
        assert!(reply.stderr.contains(said), "{reply:?}");
    }
    assert_eq!(release(&scene, "0.9", &["--allow-older"]).code, 0);
}

#[test]
fn init_takes_only_addresses_that_copies_can_use() {
    let scene = Scene::new();
    for (url, says) in [
        ("example.com/x", "did you mean https://example.com/x?"),
        (
            "127.0.0.1:8766",
            "did you mean https://127.0.0.1:8766 or http://127.0.0.1:8766?",
        ),
        (
            "htps://example.com/x",
            "did you mean https://example.com/x?",
        ),
        ("site", "leads nowhere from where users' copies run"),
        ("", "no address is given"),
    ] {
        let reply = run(&scene, &["init", "--app", "demo", "--url", url]);
        assert_eq!(reply.code, 2, "{url}: {reply:?}");
        assert!(reply.stderr.contains(says), "{url}: {reply:?}");
    }
    assert!(!scene.path("esky.toml").exists() && !scene.path("config").exists());
    let url = " https://example.com/x\n";
    let reply = run(&scene, &["init", "--app", "demo", "--url", url]);
    assert_eq!(reply.code, 0, "{reply:?}");
    let project = std::fs::read_to_string(scene.path("esky.toml")).unwrap();
    assert!(
        project.contains("url = \"https://example.com/x\"\n"),
        "{project}"
    );
}
