//! The permission bits of what is created.

/// The permission bits of a new file. The umask has no say: it is that of whoever happens to run the update, and others want to
/// start the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// These.
    Exactly(u32),
    /// For files that everybody who may change the directory may change, such as the state of an app: `0644`, and the right to
    /// write for the directory's group and for others if they have it in the directory (one with the sticky bit grants nothing).
    Shared,
}

impl Mode {
    /// What the system is told; whatever the umask takes away of it is given back.
    #[cfg(unix)]
    pub(crate) fn at_creation(self) -> u32 {
        match self {
            Self::Exactly(mode) => mode,
            Self::Shared => 0o644,
        }
    }
}

impl From<u32> for Mode {
    fn from(mode: u32) -> Self {
        Self::Exactly(mode)
    }
}
