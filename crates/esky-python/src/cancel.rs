//! Python's side of a cancel token.

use pyo3::prelude::*;

use crate::failure::Failure;

/// Stops the work it was given to, from any thread.
#[pyclass(frozen, module = "esky")]
pub(crate) struct CancelToken(pub(crate) esky::CancelToken);

#[pymethods]
impl CancelToken {
    #[new]
    fn new() -> Self {
        Self(esky::CancelToken::new())
    }

    /// Stops the work at the next safe point.
    fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether `cancel` was called.
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Raises `CancelledError` if `cancel` was called.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        self.0
            .check()
            .map_err(|error| Failure::from(error).into_exception(py))
    }

    fn __repr__(&self) -> String {
        let state = if self.0.is_cancelled() {
            "cancelled"
        } else {
            "not cancelled"
        };
        format!("<CancelToken {state}>")
    }
}
