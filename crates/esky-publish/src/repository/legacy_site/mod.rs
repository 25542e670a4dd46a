//! A site for installed copies that still carry the original esky: zips, patches in its format, and a page of links.
//!
//! What it can read, and what it would trip over, is told in `docs/design/legacy.md`. The package is the one that was released,
//! with its root of trust in it: a copy that has taken it believes nobody else from then on.

mod flatten;
mod patches;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_format::name::AppVersion;

use super::error::{RepositoryError, RepositoryResult};
use super::patches::PatchMade;
use super::project::Project;
use super::repack;
use super::served::move_into_place;
use crate::directories::create_readable;
use crate::{PackOptions, Progress, pack, write_index};

/// What goes to such a site.
#[derive(Clone, Debug)]
pub struct LegacySiteOptions {
    /// The package that was released.
    pub package: PathBuf,
    /// The directory of the site. Old packages in it get patches.
    pub directory: PathBuf,
    /// From how many of them.
    pub patches: usize,
}

/// What was put there.
#[derive(Clone, Debug)]
pub struct LegacySite {
    /// The package.
    pub package: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Links of the package that are copies here: old clients make text files of links.
    pub copied_links: u64,
    /// The patches, those from newer versions first.
    pub patches: Vec<PatchMade>,
    /// The page of links; `None` if there is a page of somebody else's, which is left alone.
    pub index: Option<PathBuf>,
}

/// Why a package cannot go to such a site.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LegacySiteFault {
    /// Clients up to 0.9.9 look for versions with a pattern.
    #[error(
        "old clients would not find version {version}: they know letters, digits, dots and underscores"
    )]
    Version {
        /// The version.
        version: String,
    },
    /// Links that lead in a circle, or to nothing.
    #[error("the link {path} leads nowhere")]
    Link {
        /// The link.
        path: String,
    },
}

impl LegacySiteFault {
    /// What a person can do about it.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Version { version } => {
                let known = version.replace(['-', '~'], "").replace('+', ".");
                format!("give the release another version, such as {known}")
            }
            Self::Link { .. } => "remove it from the directory that is released".to_owned(),
        }
    }
}

/// Puts a package and patches that lead to it into a site, and lists them.
///
/// Every file is there as a whole or not at all; the page comes last. A run that was broken off is finished by the same call.
pub fn legacy_site(
    project: &Project,
    options: &LegacySiteOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> RepositoryResult<LegacySite> {
    let _lock = project.lock()?;
    project.clear_staging()?;
    let staging = project.staging();
    let packing = repack::unpack(&options.package, &staging.join("new"))?;
    check_version(&packing.version)?;
    let copied_links = flatten::flatten(&packing.directory)?;
    let packed = pack(
        &PackOptions {
            output_dir: staging.clone(),
            ..packing
        },
        progress,
    )?;
    create_readable(&options.directory)?;
    let package = place(&packed.path, &options.directory, &packed.app)?;
    let patches = patches::make(&package, options, &staging, progress)?;
    let index = match write_index(&options.directory) {
        Ok(index) => Some(index),
        Err(crate::Error::ForeignIndex { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    project.clear_staging()?;
    Ok(LegacySite {
        package,
        size: packed.size,
        copied_links,
        patches,
        index,
    })
}

fn check_version(version: &str) -> Result<(), LegacySiteFault> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_';
    match version.bytes().all(is_known) {
        true => Ok(()),
        false => Err(LegacySiteFault::Version {
            version: version.to_owned(),
        }),
    }
}

/// Moves the package into the site, unless it is there. One with other contents is not replaced: copies may have it.
fn place(staged: &Path, directory: &Path, app: &AppVersion) -> RepositoryResult<PathBuf> {
    let path = directory.join(app.package_name());
    if esky_fs::exists(&path)? {
        if is_same(staged, &path)? {
            return Ok(path);
        }
        let target = path.display().to_string();
        return Err(RepositoryError::AlreadyReleased { target });
    }
    move_into_place(staged, &path)?;
    Ok(path)
}

fn is_same(one: &Path, other: &Path) -> RepositoryResult<bool> {
    Ok(patches::hash(one)? == patches::hash(other)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_old_clients_do_not_see_are_refused() {
        for version in ["1.0", "1.0rc1", "2026.11", "1_0"] {
            assert_eq!(check_version(version), Ok(()), "{version}");
        }
        for version in ["1.0-rc1", "1.0+x", "1.0~1", "1.0\u{e9}"] {
            assert!(check_version(version).is_err(), "{version}");
        }
    }
}
