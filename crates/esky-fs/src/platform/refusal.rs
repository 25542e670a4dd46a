//! Why a place below a directory that is held open is not touched.

use std::io;

/// What is there is nothing that esky puts there.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// A symbolic link or a junction, there or on the way.
    #[cfg_attr(
        windows,
        error("it is a link or junction or lies behind one, and none is followed here")
    )]
    #[cfg_attr(
        not(windows),
        error("it is a symbolic link or lies behind one, and none is followed here")
    )]
    Link,
    /// A FIFO, a device, a socket.
    #[cfg(unix)]
    #[error("it is not a regular file")]
    Special,
    /// A path such as `../x`.
    #[error("the path leads out of the directory")]
    Outside,
}

impl Refusal {
    pub(crate) fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        Self::other(refusal)
    }
}
