//! The Python side of a bridge: does what the worker asks for, on the thread that waits for it.

use std::collections::HashMap;

use pyo3::exceptions::{PyException, PyFileNotFoundError, PyOSError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use url::Url;

use super::finder::FinderSide;
use crate::bridge::{Call, CallFault, Opened, Reply};

/// What the app brought that runs in Python.
#[derive(Default)]
pub(crate) struct PythonParts {
    /// The finder's own `open_url`.
    pub(crate) open_url: Option<Py<PyAny>>,
    /// The finder's function from URL to headers.
    pub(crate) headers: Option<Py<PyAny>>,
    /// A finder written in Python.
    pub(crate) finder: Option<Py<PyAny>>,
}

impl PythonParts {
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        let clone = |part: &Option<Py<PyAny>>| part.as_ref().map(|part| part.clone_ref(py));
        Self {
            open_url: clone(&self.open_url),
            headers: clone(&self.headers),
            finder: clone(&self.finder),
        }
    }
}

/// What the app brought, and what of it is open now.
pub(super) struct PythonSide {
    open_url: Option<Py<PyAny>>,
    headers: Option<Py<PyAny>>,
    finder: FinderSide,
    streams: HashMap<u64, Py<PyAny>>,
    last_stream: u64,
}

impl PythonSide {
    pub(super) fn new(parts: PythonParts) -> Self {
        Self {
            open_url: parts.open_url,
            headers: parts.headers,
            finder: FinderSide::new(parts.finder),
            streams: HashMap::new(),
            last_stream: 0,
        }
    }

    /// Answers one call, and returns the status that a finder has told in it. A failure of the outside world goes back to the
    /// worker, which may try something else; any other exception is the app's, and ends the task.
    pub(super) fn answer(&mut self, py: Python<'_>, call: Call) -> PyResult<Option<Py<PyAny>>> {
        match call {
            Call::Finder(call) => return self.finder.answer(py, call),
            Call::Open { url, reply } => reply_with(py, &reply, self.open(py, &url))?,
            Call::Read {
                stream,
                size,
                reply,
            } => reply_with(py, &reply, self.read(py, stream, size))?,
            Call::Headers { url, reply } => {
                // Sending a request without its credentials helps nobody, so any failure here ends the task.
                let headers = self.ask_headers(py, &url)?;
                reply_with(py, &reply, Ok(headers))?;
            }
            Call::Close { stream } => self.close(py, stream)?,
        }
        Ok(None)
    }

    fn open(&mut self, py: Python<'_>, url: &str) -> PyResult<Opened> {
        let open_url = self
            .open_url
            .as_ref()
            .ok_or_else(|| PyOSError::new_err("there is no open_url"))?;
        let stream = open_url.bind(py).call1((url,))?;
        let opened = Opened {
            stream: self.last_stream + 1,
            size: size_of(&stream),
            url: final_url(&stream, url),
        };
        self.last_stream = opened.stream;
        self.streams.insert(opened.stream, stream.unbind());
        Ok(opened)
    }

    fn read(&self, py: Python<'_>, stream: u64, size: usize) -> PyResult<Vec<u8>> {
        let stream = self
            .streams
            .get(&stream)
            .ok_or_else(|| PyOSError::new_err("the stream is closed"))?;
        let data = stream.bind(py).call_method1(intern!(py, "read"), (size,))?;
        if let Ok(bytes) = data.cast::<PyBytes>() {
            return Ok(bytes.as_bytes().to_vec());
        }
        data.extract()
    }

    fn ask_headers(&self, py: Python<'_>, url: &str) -> PyResult<Vec<(String, String)>> {
        let Some(headers) = &self.headers else {
            return Ok(Vec::new());
        };
        let mapping = headers.bind(py).call1((url,))?;
        header_list(&mapping)
    }

    fn close(&mut self, py: Python<'_>, stream: u64) -> PyResult<()> {
        let Some(stream) = self.streams.remove(&stream) else {
            return Ok(());
        };
        let stream = stream.bind(py);
        let Ok(close) = stream.getattr(intern!(py, "close")) else {
            return Ok(());
        };
        // All bytes are here: that closing fails changes nothing.
        close.call0().map(drop).or_else(|error| {
            if error.is_instance_of::<PyException>(py) {
                Ok(())
            } else {
                Err(error)
            }
        })
    }
}

/// The pairs of a mapping (or of anything that `dict` takes).
pub(crate) fn header_list(mapping: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    if mapping.is_none() {
        return Ok(Vec::new());
    }
    let py = mapping.py();
    let dict = py.get_type::<pyo3::types::PyDict>().call1((mapping,))?;
    dict.call_method0(intern!(py, "items"))?
        .try_iter()?
        .map(|pair| pair?.extract())
        .collect()
}

fn reply_with<T>(py: Python<'_>, reply: &Reply<T>, result: PyResult<T>) -> PyResult<()> {
    let answer = match result {
        Err(error) if !error.is_instance_of::<PyOSError>(py) => return Err(error),
        other => other.map_err(|error| fault_of(py, &error)),
    };
    // A worker that no longer waits has given up itself.
    let _ = reply.send(answer);
    Ok(())
}

fn fault_of(py: Python<'_>, error: &PyErr) -> CallFault {
    let value = error.value(py);
    let status = match error.is_instance_of::<PyFileNotFoundError>(py) {
        true => Some(404),
        // As `urllib.error.HTTPError` has it.
        false => value
            .getattr(intern!(py, "code"))
            .and_then(|code| code.extract())
            .ok(),
    };
    CallFault {
        words: value.to_string(),
        status,
    }
}

/// `size`, as the original set it, or the header that it came from.
fn size_of(stream: &Bound<'_, PyAny>) -> Option<u64> {
    let py = stream.py();
    if let Ok(size) = stream
        .getattr(intern!(py, "size"))
        .and_then(|size| size.extract())
    {
        return size;
    }
    let headers = stream.getattr(intern!(py, "headers")).ok()?;
    let length: String = headers
        .call_method1(intern!(py, "get"), ("Content-Length",))
        .ok()?
        .extract()
        .ok()?;
    length.trim().parse().ok()
}

/// The address after redirects, or else the one asked for.
fn final_url(stream: &Bound<'_, PyAny>, asked: &str) -> String {
    let py = stream.py();
    let from_method = stream
        .call_method0(intern!(py, "geturl"))
        .and_then(|url| url.extract::<String>());
    let told = from_method.or_else(|_| {
        stream
            .getattr(intern!(py, "url"))
            .and_then(|url| url.extract())
    });
    // The raw answers of `requests` tell the path alone.
    told.map_or_else(
        |_| asked.to_owned(),
        |told| {
            Url::parse(asked)
                .and_then(|asked| asked.join(&told))
                .map_or(told, Into::into)
        },
    )
}
