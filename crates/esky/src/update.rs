//! One update, step by step.

use crate::{Esky, Event, InstalledVersion, Monitor, Result};

/// A newer version that was found and not installed yet.
#[derive(Debug, Clone)]
pub struct Update {
    app: Esky,
    version: String,
}

impl Update {
    pub(crate) fn new(app: Esky, version: String) -> Self {
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
        monitor.emit(Event::Installing {
            version: self.version.clone(),
        });
        let installed = self.app.install_version(&self.version, monitor)?;
        self.app.reinitialize()?;
        monitor.emit(Event::Done);
        Ok(installed)
    }
}
