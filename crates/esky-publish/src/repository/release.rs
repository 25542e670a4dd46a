//! A version into the repository.

use std::ops::ControlFlow;
use std::path::PathBuf;

use esky_format::name::{check_app_name, check_version};
use esky_trust::{Hashes, PackageKind, Release, Role, TargetFile, Time, Wanted, release_path};

use super::error::{RepositoryError, RepositoryResult};
use super::patches::{self, CompactMade, PatchMade, PatchOptions};
use super::project::Project;
use super::request::settle;
use super::signers::Signers;
use super::stage::{Change, StagedPackage};
use super::state::{Accept, State};
use super::{layout, repack, succession};
use crate::{PackOptions, Packed, Progress, TrustOptions, pack};

/// What to release.
#[derive(Clone, Debug)]
pub struct ReleaseOptions {
    /// Where the version comes from.
    pub source: Source,
    /// The channel; by default that of the project.
    pub channel: Option<String>,
    /// What is new, for people.
    pub notes: Option<String>,
    /// No version below this one may be installed any more.
    pub minimum_version: Option<String>,
    /// Release it also if copies with the newest version will not be offered it, for those with older ones.
    pub allow_older: bool,
    /// Which patches are made.
    pub patches: PatchOptions,
}

/// How far a release is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseStep {
    /// The version is being packed.
    Packing(Progress),
    /// The compact package and the patches are being made: bytes of the files in them.
    Patching(Progress),
}

/// Where a version comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A directory that a freezer made. The name, the output directory and whom the app trusts are the repository's to say.
    Directory(Box<PackOptions>),
    /// A package, which is packed anew with the root of trust in it.
    Package(PathBuf),
}

/// What was released.
#[derive(Clone, Debug)]
pub struct Released {
    /// The package, in the repository.
    pub path: PathBuf,
    /// Its name in the metadata.
    pub target: String,
    /// The channel that offers it.
    pub channel: String,
    /// What was packed.
    pub packed: Packed,
    /// The compact package.
    pub compact: CompactMade,
    /// The patches, those from newer versions first.
    pub patches: Vec<PatchMade>,
    /// Whether it was released before, exactly so; then nothing was changed.
    pub already: bool,
    /// The request that waits for signatures, where more must sign than are here. Nobody sees the version before.
    pub request: Option<PathBuf>,
}

/// Packs a directory, signs for the package, and makes it visible.
///
/// A crash at any instant leaves the repository as it was to everyone who reads it, or the release complete; the same
/// call finishes what is left.
pub fn release(
    project: &Project,
    options: &ReleaseOptions,
    signers: &Signers,
    now: Time,
    progress: &mut dyn FnMut(ReleaseStep) -> ControlFlow<()>,
) -> RepositoryResult<Released> {
    check_names(project, options)?;
    let _lock = project.lock()?;
    project.clear_staging()?;
    let state = State::read(&project.repository, Accept::Newest)?;
    signers.require_one(state.root(), Role::Targets)?;
    let channel = options.channel.as_ref().unwrap_or(&project.channel);
    let mut packing = |amount| progress(ReleaseStep::Packing(amount));
    let packed = pack_for(project, &state, options, channel, &mut packing)?;
    let (release, target, file) = describe(&packed, channel, options)?;
    let mut released = Released {
        path: layout::target(&project.repository, &target, &file.hashes).unwrap_or_default(),
        target: target.clone(),
        channel: channel.clone(),
        packed,
        compact: CompactMade::Nothing,
        patches: Vec::new(),
        already: false,
        request: None,
    };
    let known = state.targets().targets.get(&target);
    if known.is_some_and(|known| known.hashes != file.hashes) {
        return Err(RepositoryError::AlreadyReleased { target });
    }
    released.already = known == Some(&file);
    if !released.already {
        succession::check(&state, &release, options.allow_older)?;
        let path = released.packed.path.clone();
        let what = (&release, path.as_path());
        let mut patching = |amount| progress(ReleaseStep::Patching(amount));
        let extras = patches::make(project, &state, what, &options.patches, &mut patching)?;
        let mut packages = extras.packages;
        packages.push(StagedPackage { path, target, file });
        let mut targets = state.targets().clone();
        for package in &packages {
            let (target, file) = (package.target.clone(), package.file.clone());
            targets.targets.insert(target, file);
        }
        (released.compact, released.patches) = (extras.compact, extras.patches);
        let change = Change {
            targets: Some(targets),
            ..Change::default()
        };
        released.request = settle(project, &state, change, packages, signers, now)?;
    }
    project.clear_staging()?;
    released.packed.path.clone_from(&released.path);
    Ok(released)
}

/// What nobody could be offered is refused before any work.
fn check_names(project: &Project, options: &ReleaseOptions) -> RepositoryResult<()> {
    check_app_name(&project.app)?;
    if let Source::Directory(options) = &options.source {
        check_version(&options.version)?;
    }
    let minimum = options.minimum_version.as_deref();
    Ok(minimum.map_or(Ok(()), check_version)?)
}

fn pack_for(
    project: &Project,
    state: &State,
    options: &ReleaseOptions,
    channel: &str,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> RepositoryResult<Packed> {
    let trust = TrustOptions {
        root: state.root.to_bytes(),
        channel: channel.to_owned(),
    };
    let options = match &options.source {
        Source::Directory(options) => PackOptions {
            name: project.app.clone(),
            ..(**options).clone()
        },
        Source::Package(package) => repack::unpack(package, &project.staging().join("package"))?,
    };
    if options.name != project.app {
        return Err(RepositoryError::OtherApp {
            expected: project.app.clone(),
            found: options.name,
        });
    }
    let options = PackOptions {
        output_dir: project.staging(),
        index: false,
        trust: Some(trust),
        ..options
    };
    Ok(pack(&options, progress)?)
}

fn describe(
    packed: &Packed,
    channel: &str,
    options: &ReleaseOptions,
) -> RepositoryResult<(Release, String, TargetFile)> {
    let app = &packed.app;
    let release = Release {
        app: app.name.clone(),
        version: app.version.clone(),
        platform: app.platform.clone(),
        channel: channel.to_owned(),
        kind: PackageKind::Full,
        notes: options.notes.clone(),
        minimum_version: options.minimum_version.clone(),
        yanked: None,
    };
    let wanted = Wanted {
        app: &release.app,
        platform: &release.platform,
        channel: &release.channel,
    };
    let target = release_path(wanted, &app.package_name());
    let file = TargetFile {
        length: packed.size,
        hashes: Hashes::from_sha256(&packed.sha256),
        custom: Some(release.to_custom()?),
    };
    Ok((release, target, file))
}
