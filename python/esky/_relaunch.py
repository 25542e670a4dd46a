"""Starting the app anew, in the environment it would have had from the desktop."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from . import _esky
from ._frozen import freezer_directory, is_frozen, program_path
from .util import appdir_from_executable

_private_variables: set[str] = set()


def forget_variables(names: Iterable[str]) -> None:
    """Takes these variables for private to this program, beside those of the freezers that are known."""
    _private_variables.update(names)


def clean_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without what the freezer of this app put into it.

    PyInstaller, cx_Freeze and Nuitka programs set variables (`LD_LIBRARY_PATH` and the like) that are meant for
    themselves only.  Paths into a version of this app are removed from all variables.  Pass the result to
    `subprocess.Popen(env=…)` when starting programs that are not part of the app.
    """
    result = dict(os.environ if environment is None else environment)
    for private in _private_variables:
        result.pop(private, None)
    pairs = [(os.fsencode(name), os.fsencode(value)) for name, value in result.items()]
    for name, value in _esky.clean_environment(pairs, *_private_directories()):
        if value is None:
            result.pop(os.fsdecode(name), None)
        else:
            result[os.fsdecode(name)] = os.fsdecode(value)
    return result


def _private_directories() -> tuple[bytes | None, bytes | None]:
    """The app directory of the running program, and where its freezer keeps its files."""
    if not is_frozen():
        return None, None
    appdir = appdir_from_executable(os.path.realpath(program_path()))
    unpacked = freezer_directory()
    return os.fsencode(appdir), os.fsencode(unpacked) if unpacked else None


def relaunch(program: str, arguments: Sequence[str], *, beside: bool) -> NoReturn:
    """Ends this process, as a normal exit would, and starts `program` in its place.

    `beside`: as another process, for a program that must end because its parent waits for that.
    """
    command = [program, *arguments]
    environment = clean_environment()
    if beside:
        import subprocess

        subprocess.Popen(command, env=environment, close_fds=True)
        sys.exit(0)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os.execve(program, command, environment)


def spawn_detached(command: Sequence[str]) -> None:
    """Starts a program that goes on when this one ends, with nothing inherited from it."""
    import subprocess

    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
        options: dict[str, object] = {"creationflags": flags}
    else:
        options = {"start_new_session": True}
    process = subprocess.Popen(
        list(command),
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        **options,  # type: ignore[call-overload]
    )
    # It is meant to outlive us, so its object must not complain that nobody waited for it.
    process.returncode = 0
