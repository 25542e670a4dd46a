"""What a frozen app does first: hold its version in use, and answer the words esky puts on its command line.

`--esky-spawn-cleanup` comes from an app that has ended and wants its old version removed, be it of this version of esky
or of the original.  What follows it is never decoded: the original put a pickle there.
"""

from __future__ import annotations

import os
import sys

from . import _esky
from ._frozen import freezer_directory, is_frozen, program_path
from ._relaunch import forget_variables, spawn_detached
from .errors import Error
from .util import is_version_dir, lock_version_dir, version_dir_from_executable

SPAWN_CLEANUP = "--esky-spawn-cleanup"
SPAWN_SUDO = "--esky-spawn-sudo"
SLAVE_PROCESS = "--esky-slave-proc"

# Set by the start-up program for the process that it starts, and for no other.
_TRIAL_VARIABLE = "ESKY_TRIAL"
_UNFROZEN_HELPER = "import esky; esky.run_startup_hooks()"

_hooks_have_run = False
_begun = False
_running: _esky.RunningApp | None = None


def run_startup_hooks(*, confirm: bool = True, private_variables: tuple[str, ...] = ()) -> None:
    """Call this first thing in a frozen app.

    It holds the version of this program in use for the life of the process, so that no update removes it.  If the
    version is on trial after an update, the start-up program confirms it when this program has stayed up for a while or
    has ended with exit code 0; with `confirm=False` only the app does that, by `esky.confirm()`.  And when the program
    was started only to clean up after an update, it does that and exits.  In a program that is not frozen, or does not
    lie in an app directory, it does nothing that matters.

    `private_variables` are environment variables of a freezer that esky does not know; they do not go to the programs
    that esky starts, the next version of the app among them.
    """
    global _hooks_have_run
    _hooks_have_run = True
    forget_variables(private_variables)
    if sys.argv[1:2] == [SLAVE_PROCESS]:
        del sys.argv[1:3]
    if is_frozen():
        _begin(sys.argv, confirm=confirm)
    elif sys.argv[1:2] == [SPAWN_CLEANUP]:
        _clean_up_and_exit((sys.argv[2:3] or [""])[0])
    elif sys.argv[1:2] == [SPAWN_SUDO]:
        # Old code asks for its helper with more rights here.  It takes our end for a refusal.
        sys.exit(1)


def begin_without_hooks() -> None:
    """For apps that do not call the start-up hooks: without this no update of theirs would ever be confirmed."""
    if is_frozen() and not _begun:
        _begin(sys.argv[:1], confirm=True)


def confirm() -> bool:
    """Says that this version of the app has come up, so that its trial is over and it is not undone.

    Returns False if it is not on trial, and in a child process of `multiprocessing`, which cannot speak for the app.
    """
    if not is_frozen() or _is_multiprocessing_child():
        return False
    begin_without_hooks()
    return _running is not None and _running.confirm()


def running_app() -> _esky.RunningApp | None:
    """The app that this frozen program belongs to, once the hooks have run."""
    return _running


def spawn_cleanup(appdir: str) -> None:
    """Starts a process that cleans up when this one has ended."""
    if _running is not None:
        _running.clean_up_at_exit()
    else:
        spawn_detached([sys.executable, "-c", _UNFROZEN_HELPER, SPAWN_CLEANUP, appdir])


def check_hooks() -> None:
    """Raises `OSError` if this program would not understand `--esky-spawn-cleanup`, and so would start as usual."""
    if is_frozen() and not _hooks_have_run:
        raise OSError("call esky.run_startup_hooks() at the start of the program to use cleanup_at_exit()")


def can_clean_up_at_exit() -> bool:
    """Whether `check_hooks` would let `cleanup_at_exit` pass."""
    return not is_frozen() or _hooks_have_run


def _begin(arguments: list[str], *, confirm: bool) -> None:
    global _begun, _running
    _begun = True
    program = os.path.abspath(program_path())
    variables = list(os.environ.items())
    exit_code, app = _esky.run_startup_hooks(program, arguments, variables, freezer_directory(), confirm)
    # What this process starts must not take itself for the one that the start-up program has started.
    os.environ.pop(_TRIAL_VARIABLE, None)
    if exit_code is not None:
        sys.exit(exit_code)
    _running = app
    _hold_version(program)


def _hold_version(program: str) -> None:
    """Also in the books of `esky.util`, whose functions may be asked about it."""
    version_dir = version_dir_from_executable(program)
    if is_version_dir(version_dir):
        try:
            lock_version_dir(version_dir)
        except Error:
            # Without write access to anything, or on a file system without locks, the app must start all the same.
            return


def _is_multiprocessing_child() -> bool:
    multiprocessing = sys.modules.get("multiprocessing")
    return multiprocessing is not None and multiprocessing.parent_process() is not None


def _clean_up_and_exit(target: str) -> None:
    try:
        _esky.clean_up_patiently(target)
    except (Error, OSError):
        sys.exit(1)
    sys.exit(0)
