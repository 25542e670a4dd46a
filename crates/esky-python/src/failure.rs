//! Errors of the native crates as exceptions of `esky.errors`.

use std::io;
use std::path::Path;

use esky::Error as ClientError;
use esky_archive::Error as PackageError;
use esky_fs::ErrorKind as DiskFault;
use esky_install::Error as InstallError;
use esky_publish::Error as PublishError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The number of "operation not permitted", everywhere.
const EPERM: i32 = 1;

/// What an exception is made of. Workers make it, since they have no interpreter to make the exception itself.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Which class; `_KINDS` in `esky/errors.py` is the other side of this.
    kind: &'static str,
    message: String,
    hint: Option<Box<str>>,
    path: Option<Box<str>>,
    url: Option<Box<str>>,
    errno: Option<i32>,
    /// The times that the texts name, as they name them, and in seconds since 1970.
    times: Box<[(String, i64)]>,
}

impl Failure {
    /// A fault of ours.
    pub(crate) fn internal(what: &str) -> Self {
        let hint = "this is a fault in esky: please report it with this text";
        Self {
            hint: Some(hint.into()),
            ..Self::new("internal", what.to_owned())
        }
    }

    /// A failure of a class named as in `esky/errors.py`.
    pub(crate) fn new(kind: &'static str, message: String) -> Self {
        Self {
            kind,
            message,
            hint: None,
            path: None,
            url: None,
            errno: None,
            times: Box::default(),
        }
    }

    fn hint(self, hint: Option<String>) -> Self {
        let hint = hint.map(Into::into);
        Self { hint, ..self }
    }

    fn at(self, path: &Path) -> Self {
        Self {
            path: Some(path.to_string_lossy().into()),
            ..self
        }
    }

    fn about_url(self, url: &str) -> Self {
        Self {
            url: Some(url.into()),
            ..self
        }
    }

    fn numbered(self, error: &io::Error) -> Self {
        Self {
            errno: error.raw_os_error(),
            ..self
        }
    }

    /// The exception to raise.
    pub(crate) fn into_exception(self, py: Python<'_>) -> PyErr {
        self.build(py).unwrap_or_else(|error| error)
    }

    fn build(self, py: Python<'_>) -> PyResult<PyErr> {
        static FACTORY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let factory = FACTORY.import(py, "esky.errors", "_from_native")?;
        let exception = factory.call1((
            self.kind,
            self.message,
            self.hint.as_deref(),
            self.path.as_deref(),
            self.url.as_deref(),
            self.errno,
            self.times.into_vec(),
        ))?;
        Ok(PyErr::from_value(exception))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Install(inner) => inner.into(),
            ClientError::Disk(inner) => inner.into(),
            // With one cause its class says most; with several the news is that no way worked.
            ClientError::NoUsablePackage { mut causes, .. } if causes.len() == 1 => {
                causes.remove(0).into()
            }
            other => client_failure(&other),
        }
    }
}

fn client_failure(error: &ClientError) -> Failure {
    let times = error.times().into_iter();
    Failure {
        times: times
            .map(|time| (time.to_string(), time.to_unix()))
            .collect(),
        ..classified(error)
    }
}

fn classified(error: &ClientError) -> Failure {
    let failure = |kind| Failure::new(kind, error.to_string()).hint(error.hint());
    match error {
        ClientError::Cancelled => failure("cancelled"),
        ClientError::NoVersionFinder => failure("no-finder"),
        ClientError::VersionNotFound { place, .. } => failure("version").about_url(place),
        ClientError::NoUsablePackage { .. } => failure("version"),
        ClientError::Http { url, .. } | ClientError::GaveUp { url, .. } => {
            failure("network").about_url(url)
        }
        ClientError::Package(inner) => package_failure(failure("package"), inner),
        ClientError::Contents { package, .. } => failure("package").at(package),
        ClientError::Untrusted { url, .. } => failure("untrusted").about_url(url),
        ClientError::PinnedRoot { .. } | ClientError::TargetName { .. } => failure("untrusted"),
        ClientError::DownloadLimit { .. } => failure("download-limit"),
        ClientError::Stale { .. } => failure("stale"),
        ClientError::ClockBehind { source, .. } => Failure {
            message: error.to_string(),
            hint: error.hint().map(Into::into),
            ..classified(source)
        },
        ClientError::InTheWay { path } => failure("file").at(path),
        ClientError::UnsignedSource { app_dir } => failure("unsigned").at(app_dir),
        ClientError::NoTrustRoot => failure("unsigned"),
        _ => failure("other"),
    }
}

fn package_failure(failure: Failure, error: &PackageError) -> Failure {
    match error {
        PackageError::Read { package, source } => Failure {
            kind: kind_of(source),
            ..failure
        }
        .at(Path::new(package))
        .numbered(source),
        PackageError::Cancelled { .. } => Failure {
            kind: "cancelled",
            ..failure
        },
        PackageError::Package { package, .. }
        | PackageError::Entry { package, .. }
        | PackageError::Unexpected { package, .. }
        | PackageError::Sink { package, .. } => failure.at(Path::new(package)),
        _ => failure,
    }
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Disk(inner) => inner.into(),
            other => install_failure(&other),
        }
    }
}

fn install_failure(error: &InstallError) -> Failure {
    let failure = |kind| Failure::new(kind, error.to_string()).hint(error.hint());
    match error {
        InstallError::AppDirMissing { path }
        | InstallError::NotADirectory { path }
        | InstallError::NoVersions { path }
        | InstallError::NotInVersionDirectory { path } => failure("broken").at(path),
        InstallError::NotSafeForRoot { path, .. } => Failure {
            errno: Some(EPERM),
            ..failure("permission").at(path)
        },
        InstallError::Locked { path, .. } => failure("locked").at(path),
        InstallError::VersionInUse { path, .. } => failure("version-locked").at(path),
        InstallError::UnknownVersion { path, .. }
        | InstallError::AlreadyInstalled { path, .. }
        | InstallError::NothingToGoBackTo { path }
        | InstallError::LastVersion { path, .. } => failure("version").at(path),
        InstallError::Held { .. } | InstallError::Pinned { .. } => failure("held"),
        InstallError::SelfTest { .. } => failure("self-test"),
        InstallError::NeededAsFallback { .. } => failure("version-locked"),
        InstallError::BadSettings { path, .. } => failure("package").at(path),
        InstallError::Damaged { path, .. }
        | InstallError::BadFileList { path, .. }
        | InstallError::BadManifest { path, .. }
        | InstallError::NoFileList { path, .. } => failure("verify").at(path),
        InstallError::CannotStart { .. } => failure("verify"),
        InstallError::RecordBehindLink { path } => failure("broken").at(path),
        InstallError::Source { .. } | InstallError::BadEntry { .. } => failure("package"),
        _ => failure("other"),
    }
}

impl From<esky_fs::Error> for Failure {
    fn from(error: esky_fs::Error) -> Self {
        let kind = match error.kind() {
            DiskFault::Permission | DiskFault::ReadOnly => "permission",
            DiskFault::NoSpace => "disk-full",
            _ => "file",
        };
        Self::new(kind, error.to_string())
            .hint(error.hint())
            .at(error.path())
            .numbered(error.io_error())
    }
}

fn kind_of(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "permission",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk-full",
        _ => "file",
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Disk(inner) => inner.into(),
            PublishError::Cancelled { .. } => Self::new("cancelled", error.to_string()),
            other => Self::new("package", other.to_string()).hint(other.hint()),
        }
    }
}
