"""What a frozen app does first: hold its version in use, and answer the words esky puts on its command line.

`--esky-spawn-cleanup` comes from an app that has ended and wants its old version removed, be it of this version of esky
or of the original.  What follows it is never decoded: the original put a pickle there.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from . import _esky, _trial
from ._frozen import is_frozen, program_path
from ._relaunch import forget_variables, spawn_detached
from .errors import Error, EskyLockedError
from .util import (
    ESKY_CONTROL_DIR,
    appexe_from_executable,
    is_version_dir,
    lock_version_dir,
    version_dir_from_executable,
)

if TYPE_CHECKING:
    from ._app import Esky

SPAWN_CLEANUP = "--esky-spawn-cleanup"
SPAWN_SUDO = "--esky-spawn-sudo"
SLAVE_PROCESS = "--esky-slave-proc"

_CLEANUP_PATIENCE = 5.0
_UNFROZEN_HELPER = "import esky; esky.run_startup_hooks()"

_hooks_have_run = False


def run_startup_hooks(*, confirm: bool = True, private_variables: tuple[str, ...] = ()) -> None:
    """Call this first thing in a frozen app.

    It holds the version of this program in use for the life of the process, so that no update removes it.  If the
    version is on trial after an update, it is confirmed when the program has stayed up for a while or has ended well;
    with `confirm=False` the app does that itself, by `esky.confirm()`.  And when the program was started only to clean
    up after an update, it does that and exits.  In a program that is not frozen, or not inside an app directory, it
    does nothing that matters.

    `private_variables` are environment variables of a freezer that esky does not know; they do not go to the programs
    that esky starts, the next version of the app among them.
    """
    global _hooks_have_run
    _hooks_have_run = True
    forget_variables(private_variables)
    if is_frozen():
        _hold_version()
    _swallow_slave_process()
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    if word in (SPAWN_CLEANUP, SPAWN_SUDO):
        _trial.leave_alone()
    if word == SPAWN_CLEANUP:
        _clean_up_and_exit()
    if word == SPAWN_SUDO:
        # Old code asks for its helper with more rights here.  It takes our end for a refusal.
        sys.exit(1)
    native = _running_app()
    if native is not None:
        _trial.begin(native, automatic=confirm)


def confirm() -> bool:
    """Says that this version of the app has come up, so that its trial is over and it is not undone.

    Returns False if it is not on trial.  Call it when the app knows that it works; without it, that is assumed when the
    app has stayed up for a while or has ended well.
    """
    native = _running_app()
    return native is not None and native.confirm()


def spawn_cleanup(appdir: str) -> None:
    """Starts a process that cleans up when this one has ended."""
    if is_frozen():
        program = appexe_from_executable(program_path())
        command = [program if os.path.exists(program) else program_path(), SPAWN_CLEANUP]
    else:
        command = [sys.executable, "-c", _UNFROZEN_HELPER, SPAWN_CLEANUP, appdir]
    spawn_detached(command)


def check_hooks() -> None:
    """Raises `OSError` if this program would not understand `--esky-spawn-cleanup`, and so would start as usual."""
    if is_frozen() and not _hooks_have_run:
        raise OSError("call esky.run_startup_hooks() at the start of the program to use cleanup_at_exit()")


def _running_app() -> _esky.App | None:
    """The app that this frozen program belongs to."""
    if not is_frozen():
        return None
    try:
        return _esky.App(os.path.abspath(program_path()))
    except Error:
        return None


def _hold_version() -> None:
    version_dir = version_dir_from_executable(program_path())
    if not is_version_dir(version_dir):
        return
    try:
        lock_version_dir(version_dir)
    except Error:
        # Without write access to anything, or on a file system without locks, the app must start all the same.
        return
    _keep_from_children(version_dir)


def _keep_from_children(version_dir: str) -> None:
    """Closes the bootstrap's lock, which came to us through exec, in programs that we start.

    Else a long-lived child would keep this version in use after we have ended.
    """
    if sys.platform == "win32":
        return
    try:
        lock = os.stat(os.path.join(version_dir, ESKY_CONTROL_DIR, "lockfile.txt"))
        descriptors = [int(name) for name in os.listdir("/dev/fd")]
    except (OSError, ValueError):
        return
    for descriptor in descriptors:
        try:
            if os.path.samestat(os.fstat(descriptor), lock):
                os.set_inheritable(descriptor, False)
        except OSError:
            continue


def _swallow_slave_process() -> None:
    if sys.argv[1:2] == [SLAVE_PROCESS]:
        del sys.argv[1:3]


def _clean_up_and_exit() -> None:
    from ._app import Esky

    target = program_path() if is_frozen() else (sys.argv[2:3] or [""])[0]
    try:
        app = Esky(target)
        deadline = time.monotonic() + _CLEANUP_PATIENCE
        # The program that started us may still be on its way out and hold its version.
        while not _try_cleanup(app) and time.monotonic() < deadline:
            time.sleep(0.1)
    except (Error, OSError):
        sys.exit(1)
    sys.exit(0)


def _try_cleanup(app: Esky) -> bool:
    try:
        return app.cleanup()
    except EskyLockedError:
        return False


def can_clean_up_at_exit() -> bool:
    """Whether `check_hooks` would let `cleanup_at_exit` pass."""
    return not is_frozen() or _hooks_have_run
