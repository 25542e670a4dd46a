"""How an app on trial shows that it has come up.

After an update the new version is on trial: it must be confirmed, else after a few starts the old one comes back.  In a
frozen program that runs the start-up hooks this happens by itself, when it has stayed up for a while or has ended well.
The app may do it earlier by `esky.confirm()`.
"""

from __future__ import annotations

import atexit
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from . import _esky
from ._progress import run
from .errors import Error

_begun = False


def begin(native: _esky.App, *, automatic: bool) -> None:
    """Records what a failed trial has led to, and sees to it that this version is confirmed if it is on trial."""
    global _begun
    if _begun:
        return
    _begun = True
    with suppress(Error):
        if native.has_failed_trial():
            run(native.record_rollback())
    seconds = _seconds_on_trial(native)
    if automatic and seconds is not None:
        _Watch(native).start(seconds)


def leave_alone() -> None:
    """For a start that is not one of the app's own, such as that which only cleans up: it confirms nothing."""
    global _begun
    _begun = True


def _seconds_on_trial(native: _esky.App) -> int | None:
    """After how many seconds this version counts as confirmed; None if there is nothing to do."""
    with suppress(Error):
        trial = native.decisions([]).trial
        if trial is not None:
            version, _tries, _most, seconds, watched_from_outside = trial
            if version == native.active_version and not watched_from_outside:
                return seconds
    return None


class _Watch:
    """Confirms the version that is running after some time, or when the program ends well before that."""

    def __init__(self, native: _esky.App) -> None:
        self._native = native
        self._exit_code: object = None

    def start(self, seconds: int) -> None:
        timer = threading.Timer(seconds, self._confirm)
        timer.daemon = True
        timer.start()
        atexit.register(self._at_exit)
        self._exit = sys.exit
        sys.exit = self._noted_exit  # as nothing else tells an exit function whether the program ends well

    def _confirm(self) -> None:
        # Without write access there is nothing to be done: whoever updates the app decides.
        with suppress(Error):
            self._native.confirm()

    def _at_exit(self) -> None:
        # Set by the interpreter for an exception that nobody caught, whatever sys.excepthook is now.
        crashed = getattr(sys, "last_type", None) is not None
        if not crashed and self._exit_code in (None, 0, False):
            self._confirm()

    def _noted_exit(self, status: object = None, /) -> NoReturn:
        self._exit_code = status
        self._exit(status)  # type: ignore[arg-type]
        raise SystemExit(status)  # in case that somebody has replaced it by something that returns
