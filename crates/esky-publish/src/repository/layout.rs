//! The names of a repository's files.

use std::path::{Path, PathBuf};

use esky_trust::{Hashes, Role};

const METADATA: &str = "metadata";
const TARGETS: &str = "targets";
/// Every byte of metadata is signed for.
pub(super) const GIT_ATTRIBUTES: (&str, &[u8]) = (
    ".gitattributes",
    b"# Every byte here is signed for. git must not change line ends.\n* -text\n",
);
/// The only file that is ever replaced.
pub(super) const TIMESTAMP: &str = "timestamp.json";

/// Directory of the metadata.
pub(super) fn metadata(repository: &Path) -> PathBuf {
    repository.join(METADATA)
}

/// Where a package is: its hash stands before its name. `None` if no hash is known that names could begin with.
pub(super) fn target(repository: &Path, target: &str, hashes: &Hashes) -> Option<PathBuf> {
    let prefix = hashes.file_name_prefix()?;
    let (directory, file) = target.rsplit_once('/').unwrap_or(("", target));
    let directory = repository.join(TARGETS).join(directory);
    Some(directory.join(format!("{prefix}.{file}")))
}

/// Where a file is that is named without its hash, for clients that ask for no other names.
pub(super) fn plain_target(repository: &Path, target: &str) -> PathBuf {
    repository.join(TARGETS).join(target)
}

/// Where packages are made: beside `esky.toml`, and never served. A repository that lies elsewhere, on another file system
/// even, is where a web server looks, and so may be what is beside it.
pub(super) fn staging(project: &Path, repository: &Path) -> PathBuf {
    let name = repository.file_name().unwrap_or_default();
    let mut name = name.to_owned();
    name.push(".staging");
    project.join(name)
}

/// Name of a version of a role's metadata.
pub(super) fn versioned(role: Role, version: u64) -> String {
    match role {
        Role::Timestamp => TIMESTAMP.to_owned(),
        role => format!("{version}.{role}.json"),
    }
}

/// The version in such a name.
pub(super) fn version_in(name: &str, role: Role) -> Option<u64> {
    let number = name.strip_suffix(".json")?.strip_suffix(role.name())?;
    let number = number.strip_suffix('.')?;
    let version = number.parse().ok()?;
    (versioned(role, version) == name).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names_that_would_be_written() {
        assert_eq!(version_in("12.root.json", Role::Root), Some(12));
        for name in [
            "012.root.json",
            "root.json",
            "1.roots.json",
            "+1.root.json",
            ".root.json",
        ] {
            assert_eq!(version_in(name, Role::Root), None, "{name}");
        }
    }

    #[test]
    fn a_package_has_its_hash_before_its_name() {
        let hashes = Hashes::from_sha256(&[0xab; 32]);
        let path = target(Path::new("repo"), "app/stable/x/app.zip", &hashes);
        let expected = format!("repo/targets/app/stable/x/{}.app.zip", "ab".repeat(32));
        assert_eq!(path, Some(PathBuf::from(expected)));
    }

    #[test]
    fn staging_stands_beside_the_project_file() {
        for repository in ["a/repo", "/srv/www/repo"] {
            let staging = staging(Path::new("a"), Path::new(repository));
            assert_eq!(staging, Path::new("a/repo.staging"));
        }
    }
}
