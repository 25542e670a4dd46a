//! The native version finders.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use esky::{
    DefaultVersionFinder, FetchOptions, HttpOptions, LocalVersionFinder, Proxy, Request,
    RetryPolicy, SignedVersionFinder, ThrottledTransport, Transport, VersionFinder,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::app::App;
use crate::cancel::CancelToken;
use crate::graph::VersionGraph;
use crate::stream::UrlStream;
use crate::task::{PythonParts, Setting, Task, detached, header_list, is_answering};
use crate::transport::{Headers, PythonTransport};

/// What `proxy` says when it is left out.
const PROXY_FROM_ENVIRONMENT: &str = "environment";

/// A native version finder.
#[pyclass(frozen, module = "esky._esky")]
pub(crate) struct Finder {
    kind: Kind,
    headers: Mutex<Option<Py<PyAny>>>,
}

#[derive(Clone)]
enum Kind {
    Web {
        finder: Arc<DefaultVersionFinder>,
        transport: Arc<PythonTransport>,
    },
    Signed {
        finder: Arc<SignedVersionFinder>,
        transport: Arc<PythonTransport>,
    },
    Local(Arc<LocalVersionFinder>),
}

impl Kind {
    /// What asks servers, if servers are asked.
    fn transport(&self) -> Option<&Arc<PythonTransport>> {
        match self {
            Self::Web { transport, .. } | Self::Signed { transport, .. } => Some(transport),
            Self::Local(_) => None,
        }
    }
}

#[pymethods]
impl Finder {
    /// A finder for a page of links.
    #[staticmethod]
    fn http(
        py: Python<'_>,
        url: String,
        proxy: Option<String>,
        timeout: f64,
        retries: u32,
        limit_rate: Option<u64>,
    ) -> PyResult<Self> {
        let options = options(proxy, timeout, retries)?;
        let transport = Arc::new(detached(py, || PythonTransport::new(&url, options))?);
        let throttled = throttled(&transport, limit_rate)?;
        let finder = Arc::new(DefaultVersionFinder::new(url, throttled));
        Ok(Self::new(Kind::Web { finder, transport }))
    }

    /// A finder for a signed repository.
    #[staticmethod]
    fn signed(
        py: Python<'_>,
        url: String,
        channel: Option<String>,
        how: (Option<String>, f64, u32),
        limit_rate: Option<u64>,
        download_limit: Option<u64>,
    ) -> PyResult<Self> {
        let (proxy, timeout, retries) = how;
        let options = options(proxy, timeout, retries)?;
        let transport = Arc::new(detached(py, || PythonTransport::new(&url, options))?);
        let throttled = throttled(&transport, limit_rate)?;
        let mut finder = SignedVersionFinder::new(url, throttled).with_options(FetchOptions {
            most_bytes: download_limit,
            ..FetchOptions::default()
        });
        if let Some(channel) = channel {
            finder = finder.with_channel(channel);
        }
        let finder = Arc::new(finder);
        Ok(Self::new(Kind::Signed { finder, transport }))
    }

    /// What is new in a version that was found.
    fn notes(&self, version: &str) -> Option<String> {
        match &self.kind {
            Kind::Signed { finder, .. } => finder.notes(version),
            Kind::Web { .. } | Kind::Local(_) => None,
        }
    }

    /// A finder for a local directory.
    #[staticmethod]
    fn local(directory: PathBuf) -> Self {
        Self::new(Kind::Local(Arc::new(LocalVersionFinder::new(directory))))
    }

    /// Sets the headers to send: a mapping, a function from URL to mapping, or None.
    fn set_headers(&self, headers: &Bound<'_, PyAny>) -> PyResult<()> {
        let Some(transport) = self.kind.transport() else {
            return Ok(());
        };
        let is_function = headers.is_callable();
        transport.set_headers(if is_function {
            Headers::Function
        } else {
            Headers::Fixed(header_list(headers)?)
        });
        *self.header_function() = is_function.then(|| headers.clone().unbind());
        Ok(())
    }

    /// The links known so far; those that are added to it count.
    fn graph(&self) -> VersionGraph {
        match &self.kind {
            Kind::Web { finder, .. } => VersionGraph::from(finder.shared_graph()),
            Kind::Signed { .. } | Kind::Local(_) => VersionGraph::from(Arc::default()),
        }
    }

    /// Opens a URL as the finder itself does.
    fn open_url(&self, py: Python<'_>, url: String) -> PyResult<Py<UrlStream>> {
        let Some(transport) = self.kind.transport() else {
            return Err(PyTypeError::new_err("a local finder opens no URLs"));
        };
        let transport = transport.clone();
        let setting = Setting {
            python: self.parts(py, None),
            ..Setting::default()
        };
        // A token of its own, since the stream outlives the task that opens it.
        let cancel = esky::CancelToken::new();
        let task = Task::spawn(setting, move |_| {
            let response = transport.open(&Request::new(url, &cancel).accepting_pages())?;
            Ok(UrlStream::new(response))
        })?;
        task.finish(py)?.extract(py).map_err(PyErr::from)
    }

    /// The versions that can be fetched.
    #[pyo3(signature = (app, cancel=None, open_url=None))]
    fn find_versions(
        &self,
        py: Python<'_>,
        app: PyRef<'_, App>,
        cancel: Option<PyRef<'_, CancelToken>>,
        open_url: Option<Py<PyAny>>,
    ) -> PyResult<Task> {
        let (finder, directory) = (self.finder(), app.0.app_dir().clone());
        let setting = self.setting(py, cancel, open_url);
        Task::spawn(setting, move |monitor| {
            Ok(finder.find_versions(&directory, monitor)?)
        })
    }

    /// Fetches and unpacks a version; the result is its directory.
    #[pyo3(signature = (app, version, cancel=None, open_url=None))]
    fn fetch_version(
        &self,
        py: Python<'_>,
        app: PyRef<'_, App>,
        version: String,
        cancel: Option<PyRef<'_, CancelToken>>,
        open_url: Option<Py<PyAny>>,
    ) -> PyResult<Task> {
        let (finder, app) = (self.finder(), app.0.clone());
        let setting = self.setting(py, cancel, open_url);
        let held_by_caller = is_answering();
        Task::spawn(setting, move |monitor| {
            let path = match held_by_caller {
                true => finder.fetch_version(app.app_dir(), &version, monitor)?,
                false => app.fetch_from(&*finder, &version, monitor)?,
            };
            Ok(path.into_os_string())
        })
    }

    /// The directory of a version that was fetched already.
    fn has_version(
        &self,
        py: Python<'_>,
        app: PyRef<'_, App>,
        version: &str,
    ) -> PyResult<Option<OsString>> {
        let (finder, directory) = (self.finder(), app.0.app_dir().clone());
        Ok(detached(py, || finder.has_version(&directory, version))?.map(PathBuf::into_os_string))
    }

    /// Whether `cleanup` would do anything.
    fn needs_cleanup(&self, py: Python<'_>, app: PyRef<'_, App>) -> PyResult<bool> {
        let (finder, directory) = (self.finder(), app.0.app_dir().clone());
        detached(py, || finder.needs_cleanup(&directory))
    }

    /// Removes what fetching left behind.
    fn cleanup(&self, app: PyRef<'_, App>) -> PyResult<Task> {
        let (finder, app) = (self.finder(), app.0.clone());
        Task::spawn(Setting::default(), move |monitor| {
            let _guard = app.lock()?;
            let left = finder.cleanup(app.app_dir())?;
            monitor.emit_left(&left);
            Ok(())
        })
    }
}

impl Finder {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            headers: Mutex::new(None),
        }
    }

    pub(crate) fn finder(&self) -> Arc<dyn VersionFinder> {
        match &self.kind {
            Kind::Web { finder, .. } => finder.clone(),
            Kind::Signed { finder, .. } => finder.clone(),
            Kind::Local(finder) => finder.clone(),
        }
    }

    fn setting(
        &self,
        py: Python<'_>,
        cancel: Option<PyRef<'_, CancelToken>>,
        open_url: Option<Py<PyAny>>,
    ) -> Setting {
        Setting {
            cancel: cancel.map(|token| token.0.clone()),
            python: self.parts(py, open_url),
            ..Setting::default()
        }
    }

    /// What of this finder runs in Python.
    pub(crate) fn parts(&self, py: Python<'_>, open_url: Option<Py<PyAny>>) -> PythonParts {
        let headers = self.header_function();
        PythonParts {
            open_url,
            headers: headers.as_ref().map(|function| function.clone_ref(py)),
            finder: None,
        }
    }

    fn header_function(&self) -> MutexGuard<'_, Option<Py<PyAny>>> {
        self.headers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the finder asks through. The other handle stays, since headers may change.
fn throttled(
    transport: &Arc<PythonTransport>,
    limit_rate: Option<u64>,
) -> PyResult<Arc<dyn Transport>> {
    match limit_rate {
        None => Ok(transport.clone()),
        Some(0) => Err(PyValueError::new_err(
            "limit_rate is at least 1 byte a second",
        )),
        Some(rate) => Ok(Arc::new(ThrottledTransport::new(transport.clone(), rate))),
    }
}

fn options(proxy: Option<String>, timeout: f64, retries: u32) -> PyResult<HttpOptions> {
    let timeout = Duration::try_from_secs_f64(timeout)
        .map_err(|error| PyValueError::new_err(format!("timeout is not usable: {error}")))?;
    Ok(HttpOptions {
        proxy: match proxy {
            None => Proxy::None,
            Some(word) if word == PROXY_FROM_ENVIRONMENT => Proxy::FromEnvironment,
            Some(address) => Proxy::Url(address),
        },
        connect_timeout: timeout,
        read_timeout: timeout,
        retry: RetryPolicy {
            attempts: retries.saturating_add(1),
            ..RetryPolicy::default()
        },
        ..HttpOptions::default()
    })
}
