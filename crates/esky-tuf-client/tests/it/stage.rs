//! A repository on a server, and the program with its directories.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use esky_testkit::repository::Vendor;
use esky_testkit::server::{Fault, Server};
use esky_trust::{Json, MetaFile, Object, TargetFile, percent_encode};
use tempfile::TempDir;

pub(crate) struct Stage {
    pub(crate) vendor: Vendor,
    pub(crate) server: Server,
    directory: TempDir,
}

impl Stage {
    /// A repository, and a client that trusts its first root and has asked for nothing yet.
    pub(crate) fn new() -> Self {
        let stage = Self::untouched();
        stage.trust_first_root();
        stage
    }

    pub(crate) fn trust_first_root(&self) {
        let root = self.path("root-file");
        fs::write(&root, self.vendor.file("root", 1)).unwrap();
        assert_eq!(self.run(["init".as_ref(), root.as_os_str()]), 0);
    }

    pub(crate) fn untouched() -> Self {
        let stage = Self {
            vendor: Vendor::new(),
            server: Server::empty(),
            directory: tempfile::tempdir().unwrap(),
        };
        stage.serve();
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts what the vendor has published on the server.
    pub(crate) fn serve(&self) {
        for (name, bytes) in &self.vendor.files {
            self.server
                .page(&format!("/metadata/{name}"), bytes.clone());
        }
    }

    /// Publishes top-level targets that are changed as JSON before they are signed.
    pub(crate) fn publish_edited_targets(&mut self, edit: impl FnOnce(&mut Object)) {
        let version = self.vendor.targets.version;
        self.vendor.publish_targets();
        let mut signed = signed_part(self.vendor.file("targets", version));
        edit(&mut signed);
        let bytes = self.vendor.signed_json("targets", &Json::Object(signed));
        let meta = MetaFile::describe(version, &bytes);
        self.vendor
            .snapshot
            .meta
            .insert("targets.json".into(), meta);
        self.vendor.publish_snapshot();
        let name = match self.vendor.root.consistent_snapshot {
            true => format!("{version}.targets.json"),
            false => "targets.json".to_owned(),
        };
        self.vendor.files.insert(name, bytes);
        self.serve();
    }

    /// Takes a file of metadata off the server.
    pub(crate) fn withhold(&self, name: &str) {
        let path = format!("/metadata/{name}");
        self.server.fault(&path, Fault::Status(404));
    }

    /// Offers a target with its content.
    pub(crate) fn offer(&mut self, path: &str, content: &[u8]) {
        self.vendor.add_target(path, content);
        self.vendor.publish_targets();
        self.serve();
        self.put(path, content, content);
    }

    /// Offers a target in the metadata of a role that is delegated to.
    pub(crate) fn offer_delegated(&mut self, role: &str, path: &str, content: &[u8]) {
        let targets = &mut self.vendor.delegated.get_mut(role).unwrap().targets;
        targets.insert(path.to_owned(), TargetFile::describe(content));
        self.vendor.publish_targets();
        self.serve();
        self.put(path, content, content);
    }

    /// Puts bytes where a client looks for the content of a target.
    pub(crate) fn put(&self, path: &str, content: &[u8], bytes: &[u8]) {
        let hashes = TargetFile::describe(content).hashes;
        let hash = hashes.file_name_prefix().unwrap();
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let slash = if directory.is_empty() { "" } else { "/" };
        let directory = percent_encode(directory).replace("%2F", "/");
        let name = percent_encode(name);
        let path = format!("/targets/{directory}{slash}{hash}.{name}");
        self.server.page(&path, bytes);
    }

    /// The program with its metadata directory.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_esky-tuf-client"));
        command.arg("--metadata-dir").arg(self.path("metadata"));
        command
    }

    /// Runs the program with its metadata directory and these words.
    pub(crate) fn run<'a>(&self, words: impl IntoIterator<Item = &'a OsStr>) -> i32 {
        let output = self.command().args(words).output().unwrap();
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        output.status.code().unwrap()
    }

    pub(crate) fn refresh(&self) -> i32 {
        let url = self.server.url("/metadata");
        self.run(["--metadata-url", &url, "refresh"].map(OsStr::new))
    }

    pub(crate) fn download(&self, names: &[&str]) -> i32 {
        let (metadata, targets) = (self.server.url("/metadata"), self.server.url("/targets"));
        let directory = self.path("targets");
        let mut words = vec!["--metadata-url", &metadata, "--target-base-url", &targets];
        words.extend(["--target-dir", directory.to_str().unwrap()]);
        for name in names {
            words.extend(["--target-name", name]);
        }
        words.push("download");
        self.run(words.into_iter().map(OsStr::new))
    }

    /// The names of the files of metadata that were asked for, since the first `after` requests.
    pub(crate) fn requests(&self, after: usize) -> Vec<String> {
        let seen = self.server.seen();
        let paths = seen[after..].iter().map(|request| request.target.clone());
        paths
            .map(|path| path.trim_start_matches("/metadata/").to_owned())
            .collect()
    }

    /// What is in the directory of trusted metadata, by role.
    pub(crate) fn trusted(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.path("metadata")).unwrap();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let path = entry.unwrap().path();
                let role = path
                    .file_name()?
                    .to_str()?
                    .strip_suffix(".json")?
                    .to_owned();
                Some((role, fs::read(&path).unwrap()))
            })
            .collect();
        files.sort();
        files
    }

    pub(crate) fn roles(&self) -> Vec<String> {
        self.trusted().into_iter().map(|(role, _)| role).collect()
    }

    /// The roles that are trusted, each with its version.
    pub(crate) fn versions(&self) -> Vec<(String, i128)> {
        let trusted = self.trusted().into_iter();
        trusted
            .map(|(role, bytes)| match signed_part(&bytes)["version"] {
                Json::Integer(version) => (role, version),
                ref other => panic!("{role} has the version {other:?}"),
            })
            .collect()
    }

    /// Refreshing fails and leaves these versions trusted.
    pub(crate) fn refuses_but_trusts(&self, expected: &[(&str, i128)]) {
        assert_eq!(self.refresh(), 1);
        self.trusts(expected);
    }

    pub(crate) fn trusts(&self, expected: &[(&str, i128)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(role, version)| ((*role).to_owned(), *version))
            .collect();
        assert_eq!(self.versions(), expected);
    }

    /// The contents of all downloaded targets, sorted.
    pub(crate) fn downloaded(&self) -> Vec<Vec<u8>> {
        let Ok(entries) = fs::read_dir(self.path("targets")) else {
            return Vec::new();
        };
        let mut contents: Vec<_> = entries
            .map(|entry| fs::read(entry.unwrap().path()).unwrap())
            .collect();
        contents.sort();
        contents
    }
}

/// What is signed in a file of metadata.
pub(crate) fn signed_part(bytes: &[u8]) -> Object {
    let file = Json::parse(bytes).unwrap();
    let signed = file.as_object().unwrap()["signed"].as_object();
    signed.unwrap().clone()
}
