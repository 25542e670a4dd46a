"""What is on disk of a version."""

from __future__ import annotations

from . import _esky


def ready(native: _esky.App, version: str) -> str | None:
    """Where a version is that need not be fetched any more."""
    found = (installed for installed in native.versions() if installed.version == version)
    whole = (installed.path for installed in found if installed.complete and installed.obstacle is None)
    return next(whole, None) or native.staged(version)


def damaged(native: _esky.App, version: str) -> _esky.InstalledVersion | None:
    """A version that is installed and cannot be started."""
    found = (installed for installed in native.versions() if installed.version == version)
    return next((installed for installed in found if installed.obstacle is not None), None)


def is_there(native: _esky.App, version: str) -> bool:
    """Whether a version is installed, or fetched and ready to be."""
    if any(installed.version == version for installed in native.versions()):
        return True
    return native.staged(version) is not None
