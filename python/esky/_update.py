"""`Update`: a newer version that was found, to be downloaded and installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._esky import CancelToken
from ._progress import Progress, monitored

if TYPE_CHECKING:
    from ._app import Esky


class Update:
    """A newer version of an app.  `Esky.check` returns it."""

    def __init__(self, app: Esky, version: str) -> None:
        self._app = app
        self._version = version

    @property
    def version(self) -> str:
        """The version it brings."""
        return self._version

    def __repr__(self) -> str:
        return f"<Update to {self._version} of {self._app!r}>"

    def download(self, progress: Progress | None = None, cancel: CancelToken | None = None) -> str:
        """Downloads, checks and unpacks it beside the running version; returns the directory.

        `progress` is called with an `Event` at each step, in the thread of the caller.  A download that broke off
        goes on where it stopped.
        """
        with monitored(progress, cancel):
            return self._app.fetch_version(self._version)

    def install(self, progress: Progress | None = None, cancel: CancelToken | None = None) -> None:
        """Makes it the version that starts next, downloading it first if that was not done.

        The running program goes on with its own version; `Esky.relaunch` starts the new one.
        """
        with monitored(progress, cancel):
            self._app._install_update(self._version)
