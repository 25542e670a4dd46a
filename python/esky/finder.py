"""Where versions come from.

Subclass `VersionFinder` to get them from anywhere, or `DefaultVersionFinder` and override `open_url` to keep its
rules and only change how an address is opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, Union

from . import _esky
from ._esky import VersionGraph
from ._progress import Callback, Status, current_monitor, run, tell
from .errors import EskyVersionError

__all__ = ["DefaultVersionFinder", "LocalVersionFinder", "SignedVersionFinder", "VersionFinder", "VersionGraph"]

Headers = Union[Mapping[str, str], Callable[[str], Mapping[str, str]]]


class _HasAppDirectory(Protocol):
    """What a finder needs to know of an app: an `Esky`, or anything with an `appdir`."""

    @property
    def appdir(self) -> str: ...


class VersionFinder:
    """Finds and fetches versions of an app.  This base class knows none."""

    is_verified = False
    """Whether all that comes from it is what the app's developer has signed.  An app that was released with
    `esky release` takes versions from no other finder."""

    def needs_cleanup(self, app: Any) -> bool:
        """Whether `cleanup` would do anything."""
        return False

    def cleanup(self, app: Any) -> None:
        """Removes what was left behind by fetching."""

    def find_versions(self, app: Any) -> list[str]:
        """The versions that can be fetched, in any order."""
        raise NotImplementedError

    def fetch_version(self, app: Any, version: str, callback: Callback | None = None) -> str:
        """Fetches and unpacks a version, and returns the directory it is in."""
        for status in self.fetch_version_iter(app, version):
            if callback is not None:
                callback(status)
        path = self.has_version(app, version)
        if not isinstance(path, str):
            raise EskyVersionError(f"version {version} was fetched but is not there")
        return path

    def fetch_version_iter(self, app: Any, version: str) -> Iterator[Status]:
        """Fetches a version, yielding a status dictionary at each step; the last one is `ready`."""
        if type(self).fetch_version is VersionFinder.fetch_version:
            raise NotImplementedError
        statuses: list[Status] = []
        path = self.fetch_version(app, version, statuses.append)
        yield from (status for status in statuses if status.get("status") != "ready")
        yield {"status": "ready", "path": path}

    def has_version(self, app: Any, version: str) -> str | bool:
        """The directory of a version that was fetched already, or False."""
        raise NotImplementedError


class _NativeVersionFinder(VersionFinder):
    """A finder whose work is done by the native core."""

    _native: _esky.Finder

    def _opener(self) -> Callable[[str], Any] | None:
        """The `open_url` of a subclass, if it has its own."""
        return None

    def needs_cleanup(self, app: Any) -> bool:
        return self._native.needs_cleanup(native_app(app))

    def cleanup(self, app: Any) -> None:
        run(self._native.cleanup(native_app(app)))

    def find_versions(self, app: Any) -> list[str]:
        monitor = current_monitor()
        task = self._native.find_versions(native_app(app), monitor.cancel, self._opener())
        return list(run(task, monitor))

    def fetch_version_iter(self, app: Any, version: str) -> Iterator[Status]:
        monitor = current_monitor()
        task = self._native.fetch_version(native_app(app), version, monitor.cancel, self._opener())
        with task:
            for told in task:
                status = tell(told, monitor)
                if status is not None:
                    yield status
            yield {"status": "ready", "path": task.result()}

    def has_version(self, app: Any, version: str) -> str | Literal[False]:
        return self._native.has_version(native_app(app), version) or False


class _WebVersionFinder(_NativeVersionFinder):
    """What finders that ask a server have in common."""

    def __init__(
        self,
        download_url: str | None = None,
        *,
        headers: Headers | None = None,
        proxy: str | None = "environment",
        timeout: float = 30.0,
        retries: int = 3,
        limit_rate: int | None = None,
    ) -> None:
        if download_url is None:
            raise ValueError(f"{type(self).__name__} needs a download_url")
        self._headers = headers
        self._options = (proxy, timeout, retries)
        self._limit_rate = limit_rate
        self.download_url = download_url

    @property
    def download_url(self) -> str:
        """The address.  When another one is assigned, what was found so far is forgotten."""
        return self._download_url

    @download_url.setter
    def download_url(self, url: str) -> None:
        native = self._make(str(url))
        native.set_headers(self._headers)
        self._native, self._download_url = native, str(url)

    def _make(self, url: str) -> _esky.Finder:
        raise NotImplementedError

    def open_url(self, url: str) -> Any:
        """Opens an address for reading.  Override this to fetch in your own way.

        What it returns needs `read(size)`; `size` (the length, or None), `url` or `geturl()` (the address after
        redirects) and `close()` are used when they are there.
        """
        return self._native.open_url(url)

    def _opener(self) -> Callable[[str], Any] | None:
        own = getattr(self.open_url, "__func__", self.open_url)
        return None if own is _WebVersionFinder.open_url else self.open_url


class DefaultVersionFinder(_WebVersionFinder):
    """Finds versions on a web page that links to packages.

    `headers` are sent with each request: a mapping, for the host of `download_url` and no other; or a function from
    any address to a mapping, for more hosts or a token that changes.  `proxy` is an address, None for no proxy, or
    left out to take it from the environment.  `timeout` is how many seconds a server may keep silent, `limit_rate` how
    many bytes a second are taken at most.
    """

    def _make(self, url: str) -> _esky.Finder:
        return _esky.Finder.http(url, *self._options, self._limit_rate)

    @property
    def version_graph(self) -> VersionGraph:
        """The links known so far.

        A subclass that finds versions in its own way adds them here, `version_graph.add_link("", "1.1", url, 40)` say;
        then `fetch_version` gets them from there.
        """
        return self._native.graph()


class SignedVersionFinder(_WebVersionFinder):
    """Finds versions in the signed repository of an app that was released with `esky release`.

    `download_url` is the address of the repository, `channel` another channel than the one that the app was released
    on.  When every way to a version takes more bytes than `download_limit`, `DownloadLimitError` is raised before any
    travels.  The other options are those of `DefaultVersionFinder`.  All that comes is verified from the root of trust
    in the app, however it was fetched.
    """

    is_verified = True

    def __init__(
        self,
        download_url: str | None = None,
        *,
        channel: str | None = None,
        headers: Headers | None = None,
        proxy: str | None = "environment",
        timeout: float = 30.0,
        retries: int = 3,
        limit_rate: int | None = None,
        download_limit: int | None = None,
    ) -> None:
        self._channel = channel
        self._download_limit = download_limit
        super().__init__(
            download_url, headers=headers, proxy=proxy, timeout=timeout, retries=retries, limit_rate=limit_rate
        )

    def _make(self, url: str) -> _esky.Finder:
        return _esky.Finder.signed(url, self._channel, self._options, self._limit_rate, self._download_limit)

    def notes(self, version: str) -> str | None:
        """What the developer says is new in a version that was found.  It is plain text for people, not markup."""
        return self._native.notes(version)


class LocalVersionFinder(_NativeVersionFinder):
    """Finds versions in a local directory of packages."""

    def __init__(self, source_dir: str | os.PathLike[str]) -> None:
        self.download_url = os.fspath(source_dir)
        self._native = _esky.Finder.local(self.download_url)

    def open_url(self, url: str) -> BinaryIO:
        """Opens a file of the directory."""
        return open(os.path.join(self.download_url, url), "rb")  # the caller closes it


def _is_file_address(text: str) -> bool:
    if text[:6].lower() != "file:/":
        return False
    # Two slashes and a name are a file of another machine: Windows can read it, elsewhere the native core explains it.
    other = text[5:7] == "//" and text[7:8] != "/" and not text[7:].startswith("localhost/")
    return os.name == "nt" or not other


def local_path(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    if not _is_file_address(text):
        return text
    # Imported late, as few programs need it and it takes as long as all the rest.
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    return url2pathname(urlsplit(text).path)


def as_finder(finder: VersionFinder | str | os.PathLike[str] | None, app: _esky.App) -> VersionFinder | None:
    """The finder for what was given as the place where versions come from."""
    if isinstance(finder, os.PathLike):
        directory: str | None = os.fspath(finder)
    elif not isinstance(finder, str):
        return finder
    elif _is_file_address(finder):
        directory = local_path(finder)
    else:
        directory = finder if "://" not in finder and os.path.isdir(finder) else None
    if app.is_signed():
        return SignedVersionFinder(str(finder) if directory is None else Path(directory).absolute().as_uri())
    return DefaultVersionFinder(str(finder)) if directory is None else LocalVersionFinder(directory)


def native_app(app: _HasAppDirectory | _esky.App) -> _esky.App:
    """The native app of whatever was passed as the app."""
    native = getattr(app, "_native", app)
    return native if isinstance(native, _esky.App) else _esky.App(os.fspath(app.appdir))  # type: ignore[union-attr]
