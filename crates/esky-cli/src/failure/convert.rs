//! The libraries' errors as failures of the command: exit code, what it was about, hint.

use esky_fs::ErrorKind;
use esky_publish::repository::RepositoryError;

use super::Failure;
use crate::exit;

impl From<esky_fs::Error> for Failure {
    fn from(error: esky_fs::Error) -> Self {
        Self::from_error(&error)
            .about_path(error.path())
            .with_hint(disk_hint(&error))
    }
}

/// Library hints speak of apps; a person at the command line may as well have mistyped a path.
fn disk_hint(error: &esky_fs::Error) -> Option<String> {
    match error.kind() {
        ErrorKind::NotFound => Some("check the spelling of the path".to_owned()),
        _ => error.hint(),
    }
}

impl From<esky_archive::Error> for Failure {
    fn from(error: esky_archive::Error) -> Self {
        Self::from_error(&error).with_hint(error.hint())
    }
}

impl From<esky_install::Error> for Failure {
    fn from(error: esky_install::Error) -> Self {
        use esky_install::Error as Fault;
        let failure = Self::from_error(&error).with_hint(error.hint());
        match &error {
            Fault::Disk(disk) => failure.about_path(disk.path()).with_hint(disk_hint(disk)),
            Fault::Locked { path, .. } => failure.about_path(path).exit_with(exit::LOCKED),
            Fault::UnknownVersion { path, .. } => failure
                .about_path(path)
                .with_hint(Some("see `esky list APPDIR` for those that are there")),
            Fault::Held { version, .. } => failure.with_hint(Some(format!(
                "allow it again with `esky unhold APPDIR {version}`"
            ))),
            Fault::Pinned { .. } => {
                failure.with_hint(Some("let it update again with `esky unpin APPDIR`"))
            }
            Fault::AppDirMissing { path }
            | Fault::NotADirectory { path }
            | Fault::NoVersions { path }
            | Fault::NotSafeForRoot { path, .. }
            | Fault::NotInVersionDirectory { path }
            | Fault::VersionInUse { path, .. }
            | Fault::AlreadyInstalled { path, .. }
            | Fault::LastVersion { path, .. }
            | Fault::Damaged { path, .. }
            | Fault::BadFileList { path, .. }
            | Fault::BadManifest { path, .. }
            | Fault::BadSettings { path, .. }
            | Fault::NothingToGoBackTo { path }
            | Fault::NoFileList { path, .. }
            | Fault::StateRecord { path, .. } => failure.about_path(path),
            _ => failure,
        }
    }
}

impl From<esky::Error> for Failure {
    fn from(error: esky::Error) -> Self {
        use esky::Error as Fault;
        let hint = error.hint();
        let times = error.times();
        let failure = match error {
            Fault::Install(error) => error.into(),
            Fault::Disk(error) => error.into(),
            Fault::Cancelled => Self::from_error(&error).exit_with(exit::CANCELLED),
            Fault::Http { ref url, ref fault } => Self::from_error(&error)
                .about(url)
                .with_hint(credentials_hint(fault).or(hint)),
            Fault::GaveUp { ref url, .. } => Self::from_error(&error).about(url).with_hint(hint),
            Fault::VersionNotFound { ref place, .. } => {
                Self::from_error(&error).about(place).with_hint(hint)
            }
            _ => Self::from_error(&error).with_hint(hint),
        };
        failure.in_local_time(&times)
    }
}

/// Where the command takes what the library takes elsewhere.
fn credentials_hint(fault: &esky::HttpFault) -> Option<String> {
    let wanted = matches!(
        fault,
        esky::HttpFault::Status {
            code: 401 | 403,
            ..
        }
    );
    wanted.then(|| "the server wants credentials; give them by `--header NAME:VALUE`".to_owned())
}

impl From<RepositoryError> for Failure {
    fn from(error: RepositoryError) -> Self {
        let hint = error.hint();
        match error {
            RepositoryError::Pack(error) => error.into(),
            RepositoryError::Patch(error) => error.into(),
            RepositoryError::Disk(error) => error.into(),
            RepositoryError::Locked { ref path } => Self::from_error(&error)
                .about_path(path)
                .with_hint(hint)
                .exit_with(exit::LOCKED),
            _ => Self::from_error(&error).with_hint(hint),
        }
    }
}

impl From<esky_publish::Error> for Failure {
    fn from(error: esky_publish::Error) -> Self {
        use esky_publish::Error as Fault;
        let failure = Self::from_error(&error).with_hint(error.hint());
        match &error {
            Fault::Disk(disk) => failure.about_path(disk.path()).with_hint(disk_hint(disk)),
            Fault::Cancelled { .. } => failure.exit_with(exit::CANCELLED),
            Fault::WrongPlatform { path, .. }
            | Fault::BootstrapPlatform { path, .. }
            | Fault::MissingBootstrap { path }
            | Fault::BadBootstrap { path }
            | Fault::ForeignIndex { path }
            | Fault::OutputInside { output: path }
            | Fault::Archive { path, .. } => failure.about_path(path),
            _ => failure,
        }
    }
}

impl From<esky_patch::Error> for Failure {
    fn from(error: esky_patch::Error) -> Self {
        use esky_patch::Error as Fault;
        let failure = Self::from_error(&error).with_hint(error.hint());
        match &error {
            Fault::Disk(disk) => failure.about_path(disk.path()).with_hint(disk_hint(disk)),
            Fault::Cancelled => failure.exit_with(exit::CANCELLED),
            Fault::Special { path } | Fault::NotUtf8 { path } | Fault::AlreadyThere { path } => {
                failure.about_path(path)
            }
            Fault::Apply { patch, .. }
            | Fault::OtherTree { patch, .. }
            | Fault::Inspect { patch, .. } => failure.about_path(patch),
            Fault::FileAndDirectory { file, .. } => failure.about_path(file),
            Fault::Make { new, .. } => failure.about_path(new),
            _ => failure,
        }
    }
}
