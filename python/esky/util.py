"""Names, versions and directories: the functions of the original that apps call."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import tee
from typing import TypeVar

from . import _esky
from ._zips import create_zipfile, deep_extract_zipfile, extract_zipfile, zipfile_common_prefix_dir

__all__ = [
    "ESKY_APPDATA_DIR",
    "ESKY_CONTROL_DIR",
    "LOCAL_HTTP_PORT",
    "appdir_from_executable",
    "appexe_from_executable",
    "common_prefix",
    "copy_ownership_info",
    "create_zipfile",
    "deep_extract_zipfile",
    "extract_zipfile",
    "files_differ",
    "get_all_versions",
    "get_backup_filename",
    "get_best_version",
    "get_original_filename",
    "get_platform",
    "is_core_dependency",
    "is_installed_version_dir",
    "is_locked_version_dir",
    "is_uninstalled_version_dir",
    "is_version_dir",
    "join_app_version",
    "lock_version_dir",
    "pairwise",
    "parse_version",
    "really_rename",
    "really_rmtree",
    "split_app_version",
    "unlock_version_dir",
    "version_dir_from_executable",
    "zipfile_common_prefix_dir",
]

ESKY_CONTROL_DIR = "esky-files"
ESKY_APPDATA_DIR = "appdata"
LOCAL_HTTP_PORT = 8000

_MANIFEST = "bootstrap-manifest.txt"
_MANIFEST_UNINSTALLED = "bootstrap-manifest-old.txt"
_PARTIAL_MARKER = "bootstrap"
_BUNDLE_PROGRAMS = os.path.join("Contents", "MacOS")

T = TypeVar("T")


# --- Names and versions


def get_platform() -> str:
    """The platform of this process as it stands in directory names, `linux-x86_64` say."""
    return _esky.get_platform()


def split_app_version(name: str) -> tuple[str, str, str]:
    """Splits `NAME-VERSION.PLATFORM` into its three parts."""
    return _esky.split_app_version(name)


def join_app_version(name: str, version: str, platform: str = "") -> str:
    """Joins name, version and platform to `NAME-VERSION.PLATFORM`."""
    return _esky.join_app_version(name, version, platform or get_platform())


def parse_version(version: str) -> tuple[str, ...]:
    """A key by which versions compare: `parse_version("1.9") < parse_version("1.10")`."""
    return _esky.parse_version(version)


# --- Version directories


def is_version_dir(path: str | os.PathLike[str]) -> bool:
    """Whether a directory is a version, whole or not yet installed to the end."""
    return os.path.exists(os.path.join(path, ESKY_CONTROL_DIR, _MANIFEST))


def is_installed_version_dir(path: str | os.PathLike[str]) -> bool:
    """Whether a version directory is installed to the end."""
    return is_version_dir(path) and not os.path.exists(os.path.join(path, ESKY_CONTROL_DIR, _PARTIAL_MARKER))


def is_uninstalled_version_dir(path: str | os.PathLike[str]) -> bool:
    """Whether a directory was a version and is now waiting to be removed."""
    return os.path.exists(os.path.join(path, ESKY_CONTROL_DIR, _MANIFEST_UNINSTALLED))


def get_all_versions(
    appdir: str | os.PathLike[str], include_partial_installs: bool = False, appname: str | None = None
) -> list[str]:
    """The names of the version directories right inside a directory, best first."""
    found = [name for name in _list(appdir) if _is_candidate(appdir, name, appname)]
    found.sort(key=lambda name: (parse_version(split_app_version(name)[1]), name), reverse=True)
    if len(found) == 1 or include_partial_installs:
        return found
    return [name for name in found if is_installed_version_dir(os.path.join(appdir, name))]


def get_best_version(
    appdir: str | os.PathLike[str], include_partial_installs: bool = False, appname: str | None = None
) -> str | None:
    """The name of the best version directory right inside a directory, or None.

    A single version is taken even if its installation was not finished: there is nothing better to start.
    """
    versions = get_all_versions(appdir, include_partial_installs, appname)
    return versions[0] if versions else None


def _list(directory: str | os.PathLike[str]) -> list[str]:
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_candidate(appdir: str | os.PathLike[str], name: str, appname: str | None) -> bool:
    found_name, version, platform = split_app_version(name)
    if not version or not platform or (appname is not None and found_name != appname):
        return False
    return is_version_dir(os.path.join(appdir, name))


# --- From a program to its app


def version_dir_from_executable(executable: str | os.PathLike[str]) -> str:
    """The version directory that a frozen program is in."""
    directory = os.path.dirname(os.path.abspath(executable))
    walk = directory
    while os.path.dirname(walk) != walk:
        _name, version, platform = split_app_version(os.path.basename(walk))
        if version and platform and os.path.isdir(os.path.join(walk, ESKY_CONTROL_DIR)):
            return walk
        walk = os.path.dirname(walk)
    return _without_bundle(directory)


def appdir_from_executable(executable: str | os.PathLike[str]) -> str:
    """The top directory of the app that a frozen program (`sys.executable`) belongs to."""
    appdir = os.path.dirname(version_dir_from_executable(executable))
    if os.path.basename(appdir) == ESKY_APPDATA_DIR:
        appdir = os.path.dirname(appdir)
    return appdir


def appexe_from_executable(executable: str | os.PathLike[str]) -> str:
    """The start-up program at the top of the app for a frozen program: what to run to start the app anew."""
    appdir = appdir_from_executable(executable)
    name = os.path.basename(os.fspath(executable))
    if sys.platform == "darwin" and os.path.dirname(os.path.abspath(executable)).endswith(_BUNDLE_PROGRAMS):
        return os.path.join(appdir, _BUNDLE_PROGRAMS, name)
    return os.path.join(appdir, name)


def _without_bundle(directory: str) -> str:
    if sys.platform == "darwin" and directory.endswith(_BUNDLE_PROGRAMS):
        return os.path.dirname(os.path.dirname(os.path.dirname(directory)))
    return directory


def get_original_filename(backup: str) -> str | None:
    """The name a backup file had before (`a.b` for `a.old.b`), or None if it is no backup name."""
    directory, base = os.path.split(backup)
    parts = base.split(".")
    if "old" not in parts[1:]:
        return None
    del parts[parts.index("old", 1)]
    return os.path.join(directory, ".".join(parts))


def get_backup_filename(filename: str) -> str:
    """A name beside a file that is not taken: `a.old.b` for `a.b`."""
    directory, base = os.path.split(filename)
    stem, dot, extension = base.rpartition(".")
    if not dot:
        stem, extension = base, ""
    while True:
        stem += ".old"
        candidate = os.path.join(directory, f"{stem}.{extension}" if dot else stem)
        if not os.path.lexists(candidate):
            return candidate


# --- Locks on versions in use

_VERSION_LOCKS: dict[str, _esky.VersionLock] = {}


def lock_version_dir(path: str | os.PathLike[str]) -> None:
    """Keeps a version directory from being removed while this process lives."""
    key = os.path.realpath(path)
    if key not in _VERSION_LOCKS:
        _VERSION_LOCKS[key] = _esky.VersionLock.shared(key)


def unlock_version_dir(path: str | os.PathLike[str]) -> None:
    """Undoes `lock_version_dir`."""
    lock = _VERSION_LOCKS.pop(os.path.realpath(path), None)
    if lock is not None:
        lock.release()


def is_locked_version_dir(path: str | os.PathLike[str]) -> bool:
    """Whether any process has a version directory in use."""
    if not os.path.isdir(os.path.join(path, ESKY_CONTROL_DIR)):
        return False
    return _esky.VersionLock.is_held(os.fspath(path))


# --- Files


def files_differ(
    file1: str | os.PathLike[str], file2: str | os.PathLike[str], start: int = 0, stop: int | None = None
) -> bool:
    """Whether two files differ between two offsets.  Negative offsets count from the end."""
    with open(file1, "rb") as first, open(file2, "rb") as second:
        first_range = _byte_range(os.path.getsize(file1), start, stop)
        if first_range != _byte_range(os.path.getsize(file2), start, stop):
            return True
        offset, remaining = first_range[0], first_range[1] - first_range[0]
        first.seek(offset)
        second.seek(offset)
        while remaining > 0:
            block = first.read(min(remaining, 64 * 1024))
            if not block or block != second.read(len(block)):
                return bool(block)
            remaining -= len(block)
    return False


def _byte_range(size: int, start: int, stop: int | None) -> tuple[int, int]:
    first, last, _step = slice(start, stop).indices(size)
    return first, max(first, last)


def really_rename(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Renames, waiting up to a second for Windows programs (virus scanners, say) that hold the file."""
    _patiently(lambda: os.rename(source, target))


def really_rmtree(path: str | os.PathLike[str]) -> None:
    """Removes a directory tree, waiting up to a second for Windows programs that hold a file in it."""
    _patiently(lambda: shutil.rmtree(path))


def _patiently(action: Callable[[], object]) -> None:
    attempts = 100 if sys.platform == "win32" else 1
    for attempt in range(1, attempts + 1):
        try:
            action()
        except OSError:
            if attempt == attempts:
                raise
            time.sleep(0.01)
        else:
            return


def copy_ownership_info(source: str, target: str, relative: str = "") -> None:
    """Gives everything in `target` the owner and group of what has the same name in `source`."""
    if sys.platform == "win32":
        return
    here = os.path.join(target, relative) if relative else target
    model = os.path.join(source, relative) if relative else source
    info = os.stat(model if os.path.exists(model) else source)
    if not os.path.islink(here):
        os.chown(here, info.st_uid, info.st_gid)
    if os.path.isdir(here) and not os.path.islink(here):
        for name in os.listdir(here):
            copy_ownership_info(source, target, os.path.join(relative, name))


_CORE_DEPENDENCY = re.compile(r"(lib)?python\d.*|Microsoft.*\.CRT.*|Python.*", re.IGNORECASE)


def is_core_dependency(filename: str) -> bool:
    """Whether a file is part of the Python runtime itself."""
    return _CORE_DEPENDENCY.match(os.path.basename(filename)) is not None


# --- Sequences


def pairwise(iterable: Iterable[T]) -> Iterator[tuple[T, T]]:
    """Each item with the one after it."""
    first, second = tee(iterable)
    next(second, None)
    return zip(first, second)


def common_prefix(sequences: Iterable[Sequence[T]]) -> list[T]:
    """The items that all sequences begin with."""
    prefix: list[T] = []
    for column in zip(*sequences):
        if any(item != column[0] for item in column):
            break
        prefix.append(column[0])
    return prefix
