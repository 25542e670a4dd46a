//! `esky.toml`: which app this is and where its repository lies.

use std::path::{Path, PathBuf};

use esky_format::name::check_app_name;
use esky_format::path::{check_relative, check_visible};
use esky_fs::FileLock;
use serde::Deserialize;

use super::error::{RepositoryError, RepositoryResult};
use super::layout;

const FILE: &str = "esky.toml";
const LIMIT: u64 = 64 << 10;
const FILE_MODE: u32 = 0o644;
/// Lies among the packages that are on their way, so that it is on no server.
const LOCK: &str = "lock";
/// Keeps the directory out of version control, whatever the project's own rules are.
const GIT_IGNORE: (&str, &[u8]) = (".gitignore", b"*\n");

/// What `esky.toml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The file.
    pub path: PathBuf,
    /// Name of the app.
    pub app: String,
    /// The directory of the repository, which is put on a server as it is.
    pub repository: PathBuf,
    /// The channel of releases that name none.
    pub channel: String,
    /// Where users' copies find the repository, if that is known.
    pub url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    app: String,
    #[serde(default = "default_repository")]
    repository: PathBuf,
    #[serde(default = "default_channel")]
    channel: String,
    url: Option<String>,
}

fn default_repository() -> PathBuf {
    PathBuf::from("repo")
}

pub(super) fn default_channel() -> String {
    "stable".to_owned()
}

/// Nobody else changes the repository while this lives.
pub(super) struct Locked {
    _lock: FileLock,
}

impl Project {
    /// A project with the usual names, in a directory that has none yet.
    pub(super) fn new(directory: &Path, app: &str, url: Option<&str>) -> RepositoryResult<Self> {
        check_app_name(app)?;
        let project = Self {
            path: directory.join(FILE),
            app: app.to_owned(),
            repository: directory.join(default_repository()),
            channel: default_channel(),
            url: url.map(ToOwned::to_owned),
        };
        project.check()?;
        Ok(project)
    }

    /// Reads the `esky.toml` of a directory, or of the nearest one above that has one.
    pub fn find(directory: &Path) -> RepositoryResult<Self> {
        let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        for place in absolute.ancestors() {
            let path = place.join(FILE);
            if let Some(bytes) = esky_fs::read_optional(&path, LIMIT)? {
                return Self::read(path, place, &bytes);
            }
        }
        Err(RepositoryError::NoProject {
            directory: absolute,
        })
    }

    fn read(path: PathBuf, directory: &Path, bytes: &[u8]) -> RepositoryResult<Self> {
        let said: Said = toml::from_slice(bytes).map_err(|fault| RepositoryError::BadProject {
            path: path.clone(),
            reason: fault.to_string(),
        })?;
        let project = Self {
            path,
            app: said.app,
            repository: directory.join(said.repository),
            channel: said.channel,
            url: said.url,
        };
        project.check()?;
        Ok(project)
    }

    /// The names become parts of file names.
    fn check(&self) -> RepositoryResult<()> {
        for (what, name) in [("app", &self.app), ("channel", &self.channel)] {
            let fault = match check_relative(name).and_then(|()| check_visible(name)) {
                Err(fault) => fault.to_string(),
                Ok(()) if name.contains('/') => "it holds a slash".to_owned(),
                Ok(()) => continue,
            };
            return Err(RepositoryError::BadProject {
                path: self.path.clone(),
                reason: format!("{what} = {name:?} cannot be part of a file name: {fault}"),
            });
        }
        Ok(())
    }

    /// Writes the file, durably.
    pub(super) fn write(&self) -> RepositoryResult<()> {
        let quote = |text: &str| toml::Value::from(text).to_string();
        let mut text = format!(
            "# What esky knows about this app. It belongs into version control; keys do not.\n\
             app = {}\n\
             # The signed repository. Put the whole directory on a web server, as it is.\n\
             repository = \"repo\"\n\
             # Releases go to this channel unless another is named.\n\
             channel = {}\n",
            quote(&self.app),
            quote(&self.channel)
        );
        match &self.url {
            Some(url) => text += &format!("url = {}\n", quote(url)),
            None => {
                text += "# Where the repository can be found on the web:\n# url = \"https://example.com/updates\"\n"
            }
        }
        esky_fs::write_durable(&self.path, text.as_bytes(), FILE_MODE)?;
        Ok(())
    }

    /// Keeps others from changing the repository.
    pub(super) fn lock(&self) -> RepositoryResult<Locked> {
        let staging = self.staging();
        esky_fs::create_dir_all(&staging)?;
        let (name, rule) = GIT_IGNORE;
        if !esky_fs::exists(&staging.join(name))? {
            esky_fs::write_durable(&staging.join(name), rule, FILE_MODE)?;
        }
        let lock = FileLock::try_exclusive_or_create(&staging.join(LOCK))?;
        let lock = lock.ok_or_else(|| RepositoryError::Locked {
            path: self.repository.clone(),
        })?;
        // Only who holds the lock writes there, and what killed processes have left would be on the server.
        esky_fs::remove_temporaries(&layout::metadata(&self.repository));
        Ok(Locked { _lock: lock })
    }

    /// Removes what a run left there that was broken off. Needs the lock.
    pub(super) fn clear_staging(&self) -> RepositoryResult<()> {
        let staging = self.staging();
        for name in esky_fs::read_dir_names(&staging)? {
            if name != LOCK && name != GIT_IGNORE.0 {
                esky_fs::remove_tree(&staging.join(name))?;
            }
        }
        Ok(())
    }

    /// The directory of `esky.toml`.
    pub(super) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Where packages are made.
    pub(super) fn staging(&self) -> PathBuf {
        layout::staging(self.directory(), &self.repository)
    }
}

/// A name for the app of a directory: that of its `pyproject.toml`, else that of the directory.
pub fn guess_app(directory: &Path) -> RepositoryResult<Option<String>> {
    #[derive(Deserialize)]
    struct PyProject {
        project: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let bytes = esky_fs::read_optional(&directory.join("pyproject.toml"), LIMIT)?;
    let parsed = bytes.and_then(|bytes| toml::from_slice::<PyProject>(&bytes).ok());
    if let Some(parsed) = parsed {
        return Ok(Some(parsed.project.name));
    }
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let name = absolute.file_name().and_then(|name| name.to_str());
    Ok(name.map(ToOwned::to_owned))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests lay out files")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_from_any_directory_below() {
        let holder = tempfile::tempdir().unwrap();
        let root = std::path::absolute(holder.path()).unwrap();
        for url in [None, Some("https://example.com/\"quoted\"")] {
            let project = Project::new(&root, "my \"app\"x", url);
            assert!(project.is_err(), "quotes are no part of file names");
            let project = Project::new(&root, "my app", url).unwrap();
            project.write().unwrap();
            let below = root.join("src/deep");
            std::fs::create_dir_all(&below).unwrap();
            assert_eq!(Project::find(&below).unwrap(), project);
        }
    }

    #[test]
    fn mistakes_in_the_file_are_named() {
        let holder = tempfile::tempdir().unwrap();
        for (text, part) in [
            ("ap = \"x\"", "ap"),
            ("app = 1", "string"),
            ("app = \"a/b\"", "slash"),
            ("app = \"..\"", "app"),
            ("app = \"x\"\nchannel = \"con\"", "channel"),
        ] {
            std::fs::write(holder.path().join(FILE), text).unwrap();
            let error = Project::find(holder.path()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_directory_without_a_project_says_how_to_make_one() {
        let holder = tempfile::tempdir().unwrap();
        let error = Project::find(holder.path()).unwrap_err();
        assert!(error.hint().unwrap().contains("esky init"), "{error}");
    }

    #[test]
    fn two_commands_do_not_change_a_repository_at_once() {
        let holder = tempfile::tempdir().unwrap();
        let project = Project::new(holder.path(), "app", None).unwrap();
        let first = project.lock().unwrap();
        assert!(matches!(
            project.lock(),
            Err(RepositoryError::Locked { .. })
        ));
        drop(first);
        project.lock().unwrap();
    }

    #[test]
    fn the_name_of_a_python_project_is_that_of_the_app() {
        let holder = tempfile::tempdir().unwrap();
        let place = holder.path().join("sources");
        std::fs::create_dir(&place).unwrap();
        assert_eq!(guess_app(&place).unwrap().as_deref(), Some("sources"));
        let text = "[project]\nname = \"hello\"\nversion = \"1\"\n";
        std::fs::write(place.join("pyproject.toml"), text).unwrap();
        assert_eq!(guess_app(&place).unwrap().as_deref(), Some("hello"));
    }
}
