//! Apps small enough to be made in a moment: frozen directories, packages, installed app directories.

use std::fs;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_archive::{Limits, Package, SinkError, TreeSink};
use esky_format::name::{AppVersion, current_platform};
use esky_publish::{PackOptions, pack};
use tempfile::TempDir;

/// Name of the app that all builders make.
pub const NAME: &str = "demo";

/// A place for one test: packages in `packages()`, an installed app in `appdir()`.
#[derive(Debug)]
pub struct Place {
    directory: TempDir,
}

/// What a version is made of.
#[derive(Debug, Clone)]
pub struct Release {
    version: String,
    size: usize,
    appdata_dir: bool,
    platform: String,
    nodes: Vec<(String, Node)>,
}

/// What a freezer may put into a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A file.
    File {
        /// Its content.
        bytes: Vec<u8>,
        /// Its permission bits.
        mode: u32,
    },
    /// A symbolic link, by what it leads to.
    Link(String),
    /// A directory, by its permission bits.
    Directory(u32),
}

impl Release {
    /// A version with a program and a few small files.
    pub fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            size: 1000,
            appdata_dir: false,
            platform: current_platform().to_owned(),
            nodes: Vec::new(),
        }
    }

    /// For another platform than this one.
    #[must_use]
    pub fn for_platform(mut self, platform: &str) -> Self {
        self.platform = platform.to_owned();
        self
    }

    /// With a data file of so many bytes that do not compress.
    #[must_use]
    pub fn size(mut self, bytes: usize) -> Self {
        self.size = bytes;
        self
    }

    /// With one file more.
    #[must_use]
    pub fn file(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let (bytes, mode) = (bytes.into(), 0o644);
        self.node(path, Node::File { bytes, mode })
    }

    /// With one symbolic link more.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.node(path, Node::Link(target.to_owned()))
    }

    /// With one file, link or directory more. Directories come before what is in them.
    #[must_use]
    pub fn node(mut self, path: &str, node: Node) -> Self {
        self.nodes.push((path.to_owned(), node));
        self
    }

    /// In the layout of the original's 0.9.
    #[must_use]
    pub fn in_appdata(mut self) -> Self {
        self.appdata_dir = true;
        self
    }
}

impl Place {
    /// An empty place.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let place = Self { directory };
        fs::create_dir(place.packages()).expect("a directory for packages");
        place
    }

    /// A place with an installed app.
    pub fn with_installed(release: &Release) -> Self {
        let place = Self::new();
        let package = pack_into(release, &place.path("first"));
        extract(&package, &place.appdir());
        place
    }

    /// A path in this place.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where packages are, to be served.
    pub fn packages(&self) -> PathBuf {
        self.path("packages")
    }

    /// The installed app.
    pub fn appdir(&self) -> PathBuf {
        self.path("app")
    }

    /// Packs a version and offers the package.
    pub fn offer(&self, release: &Release) -> PathBuf {
        pack_into(release, &self.packages())
    }

    /// Offers a file under the name of a version's package.
    pub fn offer_bytes(&self, version: &str, bytes: &[u8]) -> PathBuf {
        let path = self.packages().join(package_name(version));
        fs::write(&path, bytes).expect("writing a package");
        path
    }

    /// The program inside a version, as `sys.executable` names it.
    pub fn program_of(&self, version: &str) -> PathBuf {
        self.appdir().join(directory_name(version)).join("prog")
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

/// `demo-VERSION.PLATFORM`.
pub fn directory_name(version: &str) -> String {
    app(version).directory_name()
}

/// `demo-VERSION.PLATFORM.zip`.
pub fn package_name(version: &str) -> String {
    app(version).package_name()
}

fn app(version: &str) -> AppVersion {
    AppVersion {
        name: NAME.to_owned(),
        version: version.to_owned(),
        platform: current_platform().to_owned(),
    }
}

/// Packs a version into a directory and gives the package.
pub fn pack_into(release: &Release, output: &Path) -> PathBuf {
    let work = tempfile::tempdir().expect("a temporary directory");
    let options = options(release, work.path(), output);
    let packed = pack(&options, &mut |_| ControlFlow::Continue(()));
    packed.expect("packing a test app").path
}

/// Freezes a version in `work`; the options with which it is packed.
pub(crate) fn options(release: &Release, work: &Path, output: &Path) -> PackOptions {
    let frozen = work.join("frozen");
    freeze(release, &frozen);
    let bootstrap = work.join("bootstrap");
    write_program(&bootstrap, "#!/bin/sh\nexit 0\n");
    let mut options = PackOptions::new(&frozen, NAME, &release.version, &bootstrap, output);
    options.platform = Some(release.platform.clone());
    options.appdata_dir = release.appdata_dir;
    options
}

fn freeze(release: &Release, directory: &Path) {
    fs::create_dir_all(directory.join("lib")).expect("a frozen directory");
    let script = format!("#!/bin/sh\necho {}\n", release.version);
    write_program(&directory.join("prog"), &script);
    fs::write(directory.join("lib/version.txt"), &release.version).expect("a file");
    fs::write(directory.join("lib/data.bin"), noise(release.size)).expect("a file");
    for (path, node) in &release.nodes {
        let path = directory.join(path);
        let parent = path.parent().expect("a directory above");
        fs::create_dir_all(parent).expect("a directory");
        make_node(&path, node);
    }
}

fn make_node(path: &Path, node: &Node) {
    match node {
        Node::File { bytes, mode } => {
            fs::write(path, bytes).expect("a file");
            set_mode(path, *mode);
        }
        Node::Link(target) => symlink(target, path).expect("a link"),
        Node::Directory(mode) => {
            fs::create_dir_all(path).expect("a directory");
            set_mode(path, *mode);
        }
    }
}

fn write_program(path: &Path, text: &str) {
    fs::write(path, text).expect("a program");
    set_mode(path, 0o755);
}

/// Bytes that do not compress, the same every time.
pub fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// Unpacks a package as `unzip` does: the result is an installed app.
pub fn extract(package: &Path, appdir: &Path) {
    let reader = BufReader::new(fs::File::open(package).expect("a package"));
    let name = package.display().to_string();
    let mut opened = Package::open(name, reader, &Limits::default()).expect("a good package");
    let inside = if opened.in_appdata() { "appdata" } else { "" };
    let version = appdir.join(inside).join(opened.app().directory_name());
    fs::create_dir_all(&version).expect("a version directory");
    let mut sink = Disk {
        appdir: appdir.to_owned(),
        version,
        directories: Vec::new(),
    };
    let unpacked = opened.unpack(&mut sink, &mut |_| ControlFlow::Continue(()));
    unpacked.expect("unpacking a good package");
    for (path, mode) in sink.directories.iter().rev() {
        set_mode(path, *mode);
    }
}

struct Disk {
    appdir: PathBuf,
    version: PathBuf,
    /// A directory gets its mode when everything is in it.
    directories: Vec<(PathBuf, u32)>,
}

impl TreeSink for Disk {
    fn directory(&mut self, path: &str, mode: u32) -> Result<(), SinkError> {
        let path = self.version.join(path);
        fs::create_dir_all(&path)?;
        self.directories.push((path, mode));
        Ok(())
    }

    fn file(
        &mut self,
        path: &str,
        mode: u32,
        _: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        write_content(&self.version.join(path), mode, content)
    }

    fn symlink(&mut self, path: &str, target: &str) -> Result<(), SinkError> {
        symlink(target, &self.version.join(path))
    }

    fn program(
        &mut self,
        path: &str,
        mode: u32,
        _: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        write_content(&self.appdir.join(path), mode, content)
    }
}

fn write_content(path: &Path, mode: u32, content: &mut dyn Read) -> Result<(), SinkError> {
    let mut file = fs::File::create(path)?;
    std::io::copy(content, &mut file)?;
    set_mode(path, mode);
    Ok(())
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("setting a mode");
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}

#[cfg(unix)]
fn symlink(target: &str, path: &Path) -> Result<(), SinkError> {
    Ok(std::os::unix::fs::symlink(target, path)?)
}

#[cfg(not(unix))]
fn symlink(_: &str, _: &Path) -> Result<(), SinkError> {
    Err("no symbolic links here".into())
}
