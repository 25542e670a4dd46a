//! What `open_url` gives to Python code that wraps it.

use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

use esky::{Error, HttpFault, Response};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::failure::Failure;
use crate::task::{Setting, Task};

type Reader = Box<dyn Read + Send>;

/// The answer of a server.
#[pyclass(frozen, module = "esky._esky")]
pub(crate) struct UrlStream {
    reader: Mutex<Option<Reader>>,
    size: Option<u64>,
    url: String,
}

#[pymethods]
impl UrlStream {
    /// The length of the body, if the server said it.
    #[getter]
    fn size(&self) -> Option<u64> {
        self.size
    }

    /// The address after redirects.
    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    /// The address after redirects.
    fn geturl(&self) -> &str {
        &self.url
    }

    /// Up to `size` bytes, or all that is left; empty at the end.
    #[pyo3(signature = (size=-1), text_signature = "($self, size=-1)")]
    fn read<'py>(&self, py: Python<'py>, size: i64) -> PyResult<Bound<'py, PyBytes>> {
        let reader = self
            .slot()
            .take()
            .ok_or_else(|| PyValueError::new_err("read of a closed stream"))?;
        let url = self.url.clone();
        // The reader travels to the worker and back; after Ctrl-C it stays there, and this stream is closed.
        let task = Task::spawn(Setting::default(), move |_| read_some(reader, size, &url))?;
        let chunk: Py<Chunk> = task.finish(py)?.extract(py)?;
        *self.slot() = chunk.get().take();
        Ok(PyBytes::new(py, &chunk.get().bytes))
    }

    /// Ends the connection.
    fn close(&self, py: Python<'_>) {
        let reader = self.slot().take();
        py.detach(|| drop(reader));
    }

    fn __enter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    #[pyo3(signature = (_kind, _value, _trace, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: Option<Bound<'_, PyAny>>,
        _value: Option<Bound<'_, PyAny>>,
        _trace: Option<Bound<'_, PyAny>>,
    ) {
        self.close(py);
    }
}

impl UrlStream {
    pub(crate) fn new(response: Response) -> Self {
        Self {
            reader: Mutex::new(Some(response.reader)),
            size: response.total,
            url: response.final_url,
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Reader>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was read, and the reader on its way back.
#[pyclass(frozen)]
struct Chunk {
    bytes: Vec<u8>,
    reader: Mutex<Option<Reader>>,
}

impl Chunk {
    fn take(&self) -> Option<Reader> {
        self.reader
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

fn read_some(mut reader: Reader, size: i64, url: &str) -> Result<Chunk, Failure> {
    let limit = u64::try_from(size).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    reader
        .by_ref()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| broken(url, &error))?;
    Ok(Chunk {
        bytes,
        reader: Mutex::new(Some(reader)),
    })
}

fn broken(url: &str, error: &io::Error) -> Failure {
    Failure::from(Error::Http {
        url: url.to_owned(),
        fault: HttpFault::Connection(error.to_string()),
    })
}
