//! Why a place below a directory that is held open is not touched.

use std::io;

/// What is there is nothing that esky puts there.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[cfg_attr(
    windows,
    expect(
        dead_code,
        reason = "there a place is its path, and nothing is refused yet"
    )
)]
pub(crate) enum Refusal {
    /// A symbolic link, there or on the way.
    #[error("it is a symbolic link or lies behind one, and none is followed here")]
    Link,
    /// A FIFO, a device, a socket.
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
