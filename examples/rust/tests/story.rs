//! The life of the example: released by the `esky` command, installed, and from then on updated by itself.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // tests look at the disk by themselves, and may panic

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use esky::AppDir;
use esky_cli::Environment;
use esky_testkit::server::Server;
use tempfile::TempDir;

/// What a version's program is.
enum Program<'a> {
    /// The example as it was built.
    Example,
    Script(&'a str),
}

/// A developer's machine, a web server, and a person with the app.
struct Story {
    place: TempDir,
    bootstrap: PathBuf,
    server: Server,
}

impl Story {
    /// 1.0 is released and installed.
    fn begin() -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("project/repo")).unwrap();
        let story = Self {
            bootstrap: esky_testkit::bootstrap::build(Path::new(env!("CARGO_TARGET_TMPDIR"))),
            server: Server::start(place.path().join("project/repo")),
            place,
        };
        fs::remove_dir(story.path("project/repo")).unwrap();
        let project = story.path("project");
        story.esky([
            "init".as_ref(),
            project.as_os_str(),
            "--app".as_ref(),
            "hello".as_ref(),
        ]);
        story.release("1.0", &Program::Example);
        esky_testkit::apps::extract(&story.package("1.0"), &story.path("app"));
        story
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Runs the `esky` command, which must succeed.
    fn esky<'a>(&self, words: impl IntoIterator<Item = &'a std::ffi::OsStr>) {
        let environment = Environment {
            key_dir: Some(self.path("keys")),
            root_passphrase: Some("correct horse".to_owned().into()),
            bootstrap: Some(self.bootstrap.clone()),
            ..Environment::default()
        };
        let words = words.into_iter().map(OsString::from);
        let quiet = ["--quiet", "--json"].map(OsString::from);
        let arguments = std::iter::once("esky".into()).chain(words).chain(quiet);
        let code = esky_cli::run(arguments.collect(), environment);
        assert_eq!(code, 0);
    }

    fn release(&self, version: &str, program: &Program<'_>) {
        let frozen = self.path("build");
        fs::create_dir_all(frozen.join("bin")).unwrap();
        let place = frozen.join("bin/hello");
        match program {
            Program::Example => {
                let copied = Command::new("cp")
                    .arg(env!("CARGO_BIN_EXE_hello"))
                    .arg(&place)
                    .status();
                assert!(copied.unwrap().success());
            }
            Program::Script(text) => fs::write(&place, format!("#!/bin/sh\n{text}\n")).unwrap(),
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(frozen.join("notes.txt"), format!("notes of {version}\n")).unwrap();
        let project = self.path("project");
        self.esky([
            "release".as_ref(),
            frozen.as_os_str(),
            "--version".as_ref(),
            version.as_ref(),
            "--exe".as_ref(),
            "bin/hello".as_ref(),
            "--project".as_ref(),
            project.as_os_str(),
        ]);
    }

    /// The package for a first installation.
    fn package(&self, version: &str) -> PathBuf {
        let mut found = files_below(&self.path("project/repo/targets"));
        let name = format!(".hello-{version}.");
        found.retain(|path| {
            let file = path.file_name().unwrap().to_str().unwrap();
            file.contains(&name) && file.ends_with(".zip")
        });
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("app/hello"));
        command.args(arguments).env_remove("LD_LIBRARY_PATH");
        for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command
    }

    fn update(&self) -> Command {
        self.command(&["update", &self.server.url("/")])
    }

    fn app_dir(&self) -> AppDir {
        AppDir::open(&self.path("app")).unwrap()
    }

    /// The versions on disk, oldest first.
    fn versions(&self) -> Vec<String> {
        let order = self.app_dir().start_order().unwrap().into_iter();
        let mut versions: Vec<String> = order.map(|choice| choice.version.app.version).collect();
        versions.sort();
        versions
    }
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => vec![path],
        })
        .collect()
}

fn said(mut command: Command) -> String {
    let output: Output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn code(mut command: Command) -> Option<i32> {
    command.output().unwrap().status.code()
}

/// Waits for what a process that nobody waits for is to do.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn it_updates_itself_starts_anew_and_comes_back_from_a_broken_release() {
    let story = Story::begin();
    assert_eq!(said(story.command(&[])), "hello 1.0\n");
    assert_eq!(said(story.update()), "hello 1.0\n", "nothing newer");

    story.release("1.1", &Program::Example);
    assert_eq!(said(story.update()), "hello 1.1\n", "it was started anew");
    let whole = story.package("1.1");
    let whole = whole.strip_prefix(story.path("project/repo")).unwrap();
    let fetched = story.server.seen_at(&format!("/{}", whole.display()));
    assert!(fetched.is_empty(), "it was updated by a patch");
    let trial = story.app_dir().decisions().unwrap().trial;
    assert_eq!(trial, None, "it has confirmed itself");
    assert_eq!(story.versions(), ["1.0", "1.1"]);

    story.release("1.2", &Program::Script("exit 3"));
    assert_eq!(code(story.update()), Some(3));
    for _ in 0..2 {
        assert_eq!(code(story.command(&[])), Some(3));
    }
    assert_eq!(said(story.command(&[])), "hello 1.1\n");
    assert_eq!(
        said(story.update()),
        "hello 1.1\n",
        "it is not offered again"
    );
    let held = story.app_dir().decisions().unwrap().held;
    assert_eq!(held.first().unwrap().version, "1.2");

    story.release("1.3", &Program::Example);
    assert_eq!(said(story.update()), "hello 1.3\n");
    wait_until("it cleans up after itself", || {
        story.versions() == ["1.1", "1.3"]
    });

    let environment = r#"echo "$LD_LIBRARY_PATH,$KEPT,$ESKY_TRIAL""#;
    story.release("1.4", &Program::Script(environment));
    let old = story.app_dir().best().unwrap().path.join("lib");
    let paths = std::env::join_paths([&old, Path::new("/opt/other")]).unwrap();
    let mut update = story.update();
    update.env("LD_LIBRARY_PATH", paths).env("KEPT", "yes");
    assert_eq!(
        said(update),
        "/opt/other,yes,\n",
        "no trace of the old version"
    );
}
