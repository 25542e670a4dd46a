//! A repository on a server, and the program with its directories.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use esky_testkit::repository::Vendor;
use esky_testkit::server::Server;
use esky_trust::{TargetFile, percent_encode};
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
        let root = stage.path("root-file");
        fs::write(&root, stage.vendor.file("root", 1)).unwrap();
        assert_eq!(stage.run(["init".as_ref(), root.as_os_str()]), 0);
        stage
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

    /// Offers a target with its content.
    pub(crate) fn offer(&mut self, path: &str, content: &[u8]) {
        self.vendor.add_target(path, content);
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

    /// Runs the program with its metadata directory and these words.
    pub(crate) fn run<'a>(&self, words: impl IntoIterator<Item = &'a OsStr>) -> i32 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_esky-tuf-client"));
        command
            .arg("--metadata-dir")
            .arg(self.path("metadata"))
            .args(words);
        let output = command.output().unwrap();
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
