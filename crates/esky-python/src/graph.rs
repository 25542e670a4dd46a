//! The graph of versions, for finders written in Python.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;

/// Versions, the links between them and what each link costs.
#[pyclass(frozen, subclass, module = "esky")]
pub(crate) struct VersionGraph(Arc<Mutex<esky::VersionGraph>>);

#[pymethods]
impl VersionGraph {
    #[new]
    fn new() -> Self {
        Self::from(Arc::default())
    }

    /// Adds a way from one version to another; the empty version stands for having nothing.
    fn add_link(&self, source: &str, target: &str, via: &str, cost: u64) {
        self.graph().add_link(source, target, via, cost);
    }

    /// Removes every link that goes by `via`.
    fn remove_all_links(&self, via: &str) {
        self.graph().remove_all_links(via);
    }

    /// The versions that can be reached from a version.
    fn get_versions(&self, source: &str) -> Vec<String> {
        self.graph().get_versions(source)
    }

    /// The cheapest way, as a list of `via`; None if there is none, `KeyError` if a version is not known.
    fn get_best_path(&self, source: &str, target: &str) -> PyResult<Option<Vec<String>>> {
        let graph = self.graph();
        let is_known = target == source || target.is_empty() || graph.knows(target);
        match is_known {
            true => Ok(graph.get_best_path(source, target)),
            false => Err(PyKeyError::new_err(target.to_owned())),
        }
    }

    /// The cheapest way to every version.
    fn get_best_paths(&self, source: &str) -> BTreeMap<String, Option<Vec<String>>> {
        self.graph().get_best_paths(source)
    }
}

impl VersionGraph {
    fn graph(&self) -> MutexGuard<'_, esky::VersionGraph> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Arc<Mutex<esky::VersionGraph>>> for VersionGraph {
    fn from(graph: Arc<Mutex<esky::VersionGraph>>) -> Self {
        Self(graph)
    }
}
