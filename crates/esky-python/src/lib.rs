//! The Python module `esky._esky`: conversions, exceptions, and getting out of Python's way while work goes on.
//!
//! No rules live here. Work that may take time becomes a `task::Task`: it runs on a thread of its own that never
//! touches Python, while the calling thread waits without the interpreter's lock, hands events over and notices
//! Ctrl-C. What must run in Python (a finder's `open_url`, say) is asked of the calling thread through `bridge`.

mod app;
mod bridge;
mod cancel;
mod command;
mod failure;
mod finder;
mod graph;
mod names;
mod running;
mod source;
mod stream;
mod task;
mod transport;
mod version_lock;
mod zip;

use pyo3::prelude::*;

/// The native core of the package `esky`.
#[pymodule]
fn _esky(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<app::App>()?;
    module.add_class::<app::Decisions>()?;
    module.add_class::<app::InstalledVersion>()?;
    module.add_class::<app::KeptFiles>()?;
    module.add_class::<app::UpdateLock>()?;
    module.add_class::<app::VerifyReport>()?;
    module.add_class::<cancel::CancelToken>()?;
    module.add_class::<finder::Finder>()?;
    module.add_class::<graph::VersionGraph>()?;
    module.add_class::<stream::UrlStream>()?;
    module.add_class::<source::Source>()?;
    module.add_class::<task::Task>()?;
    module.add_class::<version_lock::VersionLock>()?;
    module.add_class::<zip::ZipFile>()?;
    names::register(module)?;
    running::register(module)?;
    command::register(module)
}
