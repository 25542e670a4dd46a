//! One update, step by step.

use crate::engine::UpdateEngine;
use crate::{Esky, InstalledVersion, Monitor, Result};

/// A newer version that was found and not installed yet.
#[derive(Debug, Clone)]
pub struct Update {
    app: Esky,
    version: String,
}

impl Update {
    /// A version that [`Esky::search`] or a caller of its own has found.
    pub fn new(app: Esky, version: String) -> Self {
        Self { app, version }
    }

    /// The version it leads to.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Fetches and unpacks it; the app goes on running as it is. After an interruption, what has arrived is used.
    pub fn download(&self, monitor: &Monitor) -> Result<()> {
        self.app.fetch_version(&self.version, monitor)?;
        Ok(())
    }

    /// Makes it the version that starts next, downloading it first if that was not done.
    pub fn install(&self, monitor: &Monitor) -> Result<InstalledVersion> {
        UpdateEngine::new(&self.app, monitor).install_found(&self.version)
    }
}
