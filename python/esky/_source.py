"""Finders as the native core sees them.

A finder that comes with esky and was not changed is the core's own.  Any other is asked in Python: the core calls the
methods of `PythonFinder` in the thread of the caller.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from . import _esky
from ._progress import Callback, Status
from .errors import EskyVersionError
from .finder import VersionFinder, _NativeVersionFinder

_METHODS = ("find_versions", "fetch_version", "fetch_version_iter", "has_version", "needs_cleanup", "cleanup")


def is_native(finder: VersionFinder) -> bool:
    """Whether a finder does nothing in its own way but open addresses."""
    if not isinstance(finder, _NativeVersionFinder):
        return False
    return all(
        getattr(getattr(finder, name), "__func__", None) is getattr(_NativeVersionFinder, name) for name in _METHODS
    )


def source_of(
    finder: VersionFinder | None, app: Any, observe: Callback | None = None, *, cleans_up: bool = False
) -> _esky.Source | None:
    """What a call of the native core takes versions from.

    `observe` gets the statuses that a finder written in Python tells; without it the task yields them.  With
    `cleans_up` the finder is asked to clean up even if it does not say that it needs to.
    """
    if finder is None:
        return None
    if isinstance(finder, _NativeVersionFinder) and is_native(finder):
        return _esky.Source.native(finder._native, finder._opener())
    adapter = PythonFinder(finder, app, observe, cleans_up)
    base, opener = None, None
    if isinstance(finder, _NativeVersionFinder):
        base, opener = finder._native, finder._opener()
    return _esky.Source.python(adapter, bool(getattr(finder, "is_verified", False)), base, opener)


class PythonFinder:
    """A finder written in Python, as the native core asks it."""

    def __init__(self, finder: VersionFinder, app: Any, observe: Callback | None, cleans_up: bool) -> None:
        self._finder = finder
        self._app = app
        self._observe = observe
        self._cleans_up = cleans_up

    def find_versions(self) -> list[str]:
        """The versions that can be fetched."""
        return list(self._finder.find_versions(self._app))

    def has_version(self, version: str) -> str | None:
        """The directory of a version that was fetched already."""
        path = self._finder.has_version(self._app, version)
        return str(path) if path else None

    def fetch(self, version: str) -> Generator[Status, None, str]:
        """Fetches a version, yielding statuses, and returns its directory."""
        if self._observe is not None:
            return str(self._finder.fetch_version(self._app, version, self._observe))
        path: str | None = None
        for status in self._finder.fetch_version_iter(self._app, version):
            if status.get("status") == "ready":
                path = status.get("path", path)
            else:
                yield status
        path = path or self.has_version(version)
        if not path:
            raise EskyVersionError(f"version {version} was fetched but is not there")
        return path

    def needs_cleanup(self) -> bool:
        """Whether `cleanup` is to be called."""
        # A finder written for the original may have something to do and not say so.
        return self._cleans_up or bool(self._finder.needs_cleanup(self._app))

    def cleanup(self) -> None:
        """Removes what was left behind by fetching."""
        self._finder.cleanup(self._app)
