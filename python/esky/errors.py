"""What can go wrong, as types.

Every exception of esky is an `Error`.  It carries, where they are known, `hint` (what a person can do about it),
`path` (the file) and `url` (the address).  Those that come from the operating system or the network are an `OSError`
as well, so that code which catches `OSError` or `EnvironmentError` goes on working.
"""

from __future__ import annotations

import errno as _errno
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "CancelledError",
    "DiskFullError",
    "DownloadLimitError",
    "Error",
    "EskyBrokenError",
    "EskyLockedError",
    "EskyVersionError",
    "FileError",
    "InstallPermissionError",
    "InternalError",
    "NetworkError",
    "NoVersionFinderError",
    "PackageError",
    "SelfTestError",
    "StaleError",
    "UnsignedSourceError",
    "UntrustedError",
    "VerifyError",
    "VersionHeldError",
    "VersionLockedError",
]


class Error(Exception):
    """Base of all exceptions of esky."""

    hint: str | None
    path: str | None
    url: str | None

    def __init__(self, *args: Any, hint: str | None = None, path: str | None = None, url: str | None = None) -> None:
        super().__init__(*args)
        self.hint = hint
        self.path = path
        self.url = url


class EskyBrokenError(Error):
    """The app directory holds no version that could be started."""


class EskyLockedError(Error):
    """Another process or thread is updating this app."""


class VersionLockedError(Error):
    """The version is in use, or needed in case that the one on trial fails, and cannot be removed now."""


class EskyVersionError(Error):
    """The version is not known, or none of the ways to get it worked."""


class VersionHeldError(EskyVersionError):
    """The version failed before and is held, or another version is pinned."""


class SelfTestError(EskyVersionError):
    """The new version was run before its installation and did not pass its test.  It is held."""


class NoVersionFinderError(Error):
    """There is no version finder, so nothing can be looked for."""

    def __init__(self, *args: Any, **details: str | None) -> None:
        super().__init__(*(args or ("no version finder is set",)), **details)


class PackageError(EskyVersionError):
    """A package is damaged, not a package, or made for something else."""


class VerifyError(PackageError):
    """The files do not have the sizes and hashes that they should have."""


class UntrustedError(Error):
    """What a server sent is not what the developer of the app has signed.  Nothing of it was used."""


class StaleError(UntrustedError):
    """It cannot be checked for updates: what the repository says has expired.  The text tells when it last could be."""


class UnsignedSourceError(Error):
    """The app verifies what it takes and this finder does not, or the other way round."""


class DownloadLimitError(Error):
    """Every way to the version takes more bytes than the finder's `download_limit`.  Nothing of it was fetched."""


class CancelledError(Error):
    """The work was cancelled by its `CancelToken`."""


class InternalError(Error):
    """A fault inside esky.  Please report it."""


class _OperatingSystemError(Error, OSError):
    """An `Error` that is an `OSError`: its text is the message alone, the number is in `errno`."""

    def __str__(self) -> str:
        return str(self.strerror) if self.strerror is not None else super().__str__()


class NetworkError(_OperatingSystemError):
    """The server could not be reached or did not answer as it should."""


class FileError(_OperatingSystemError):
    """A file or directory could not be read or written."""


class InstallPermissionError(_OperatingSystemError, PermissionError):
    """This user may not write to the app directory."""


class DiskFullError(_OperatingSystemError):
    """There is no space left."""


_KINDS: dict[str, type[Error]] = {
    "broken": EskyBrokenError,
    "locked": EskyLockedError,
    "version-locked": VersionLockedError,
    "version": EskyVersionError,
    "held": VersionHeldError,
    "self-test": SelfTestError,
    "no-finder": NoVersionFinderError,
    "package": PackageError,
    "verify": VerifyError,
    "untrusted": UntrustedError,
    "stale": StaleError,
    "unsigned": UnsignedSourceError,
    "download-limit": DownloadLimitError,
    "cancelled": CancelledError,
    "internal": InternalError,
    "network": NetworkError,
    "file": FileError,
    "permission": InstallPermissionError,
    "disk-full": DiskFullError,
}
_ERRNO = {"permission": _errno.EACCES, "disk-full": _errno.ENOSPC, "file": _errno.EIO}


def _in_local_time(text: str, times: Sequence[tuple[str, int]]) -> str:
    # Imported late: few programs need it.
    from datetime import datetime, timezone

    for universal, seconds in times:
        local = datetime.fromtimestamp(seconds, timezone.utc).astimezone()
        text = text.replace(universal, local.strftime("%Y-%m-%d %H:%M %z"))
    return text


def _from_native(
    kind: str,
    message: str,
    hint: str | None,
    path: str | None,
    url: str | None,
    errno: int | None,
    times: Sequence[tuple[str, int]] = (),
) -> Error:
    """The exception for a failure of the native core, which calls this.

    `times` are those that the message names, as it names them and in seconds since 1970.
    """
    if times:
        message = _in_local_time(message, times)
    error_type = _KINDS.get(kind, Error)
    if issubclass(error_type, OSError):
        number = errno if errno is not None else _ERRNO.get(kind)
        # OSError picks a subclass of its own from the number only when called by that name, so this keeps our type.
        error = error_type(number, message, hint=hint, path=path, url=url)
        if path is not None:
            error.filename = path
        return error
    return error_type(message, hint=hint, path=path, url=url)
