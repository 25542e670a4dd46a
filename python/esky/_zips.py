"""Zip files for the app's own use, safe against names that lead out of the target directory.

`zipfile` is imported late: few programs need it, and it would double the time that importing esky takes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from . import _esky
from .errors import FileError, PackageError

if TYPE_CHECKING:
    import zipfile

NameFilter = Callable[[str], "str | None"]

# As for packages: `Limits` of the crate esky-archive.
_MOST_ENTRIES = 65_535
_MOST_BYTES = 8 << 30
_LONGEST_LINK = 4096


def extract_zipfile(source: Any, target: str | os.PathLike[str], name_filter: NameFilter | None = None) -> None:
    """Extracts a zip file (a path or a file object).

    `name_filter` gets each name and returns the name to extract to, or None to leave it out.  Modes (without setuid,
    setgid and sticky bits) and symbolic links are kept.  A name or link that leads out of the target, more than 65,535
    entries or 8 GiB, and anything else that is wrong with the file is a `PackageError`; for a name, a link or a size
    nothing is written at all.  Something in the way is a `FileError`.
    """
    with _open(source) as archive:
        plan: list[tuple[zipfile.ZipInfo, str]] = []
        _check_size(source, archive)
        for info in archive.infolist():
            name = info.filename if name_filter is None else name_filter(info.filename)
            if name is None or name.endswith("/") or not name:
                continue
            with _faults(source):
                _check(source, archive, info, name)
            plan.append((info, os.path.join(target, *name.split("/"))))
        # Links come last, so that no file is ever written through one.
        plan.sort(key=lambda item: _is_link(item[0]))
        with _faults(source):
            os.makedirs(target, exist_ok=True)
            for info, path in plan:
                _extract(archive, info, path)


def deep_extract_zipfile(source: Any, target: str | os.PathLike[str], name_filter: NameFilter | None = None) -> None:
    """Extracts a zip file without the directory that all its names begin with, if there is one."""
    prefix = zipfile_common_prefix_dir(source)

    def without_prefix(name: str) -> str | None:
        inner = name[len(prefix) :]
        return inner if name_filter is None or not inner else name_filter(inner)

    extract_zipfile(source, target, without_prefix)


def zipfile_common_prefix_dir(source: Any) -> str:
    """The directory that all names in a zip file begin with, with a slash at its end; empty if there is none."""
    with _open(source) as archive:
        directories = [name.split("/")[:-1] for name in archive.namelist() if not name.endswith("/")]
    prefix = ""
    for column in zip(*directories):
        if len(set(column)) > 1:
            break
        prefix += column[0] + "/"
    return prefix


def create_zipfile(
    source: str | os.PathLike[str],
    target: Any,
    get_zipinfo: Callable[[str], zipfile.ZipInfo | None] | None = None,
    members: Iterable[str] | None = None,
    compress: bool | int | None = None,
) -> None:
    """Writes the files of a directory (or only `members`) to a zip file.

    `get_zipinfo` may give the entry of a name; where it returns None the file is left out.
    """
    import zipfile

    compression = zipfile.ZIP_STORED if compress is False or compress == 0 else zipfile.ZIP_DEFLATED
    names = sorted(_members(source)) if members is None else list(members)
    with zipfile.ZipFile(target, "w", compression=compression) as archive:
        for name in names:
            path = os.path.join(source, name)
            entry = _entry(path, name) if get_zipinfo is None else get_zipinfo(name)
            if entry is None:
                continue
            if os.path.islink(path):
                archive.writestr(entry, os.readlink(path))
                continue
            with open(path, "rb") as data, archive.open(_compressed(entry, compression), "w") as out:
                shutil.copyfileobj(data, out, 256 * 1024)


def _open(source: Any) -> zipfile.ZipFile:
    import zipfile

    with _faults(source):
        return zipfile.ZipFile(source)


@contextlib.contextmanager
def _faults(source: Any) -> Iterator[None]:
    """Turns what `zipfile` and the system raise into errors of esky."""
    import zipfile

    name = _name(source)
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        message = f"cannot extract {name}: {error.filename} is in the way"
        raised = FileError(
            error.errno, message, path=error.filename, hint="Remove it, or extract to another directory."
        )
        raise raised from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, UnicodeError) as error:
        raise PackageError(f"{name} is not a zip file, or is damaged: {error}", path=name) from error
    except (NotImplementedError, RuntimeError) as error:
        # Unknown methods, encrypted entries and, as RecursionError, names of too many directories.
        raise PackageError(f"{name} cannot be extracted: {error}", path=name) from error


def _check_size(source: Any, archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    size = sum(info.file_size for info in entries)
    if len(entries) > _MOST_ENTRIES or size > _MOST_BYTES:
        limit = f"{_MOST_ENTRIES} entries and {_MOST_BYTES} bytes"
        message = f"{_name(source)} has {len(entries)} entries of {size} bytes, and {limit} are allowed"
        raise PackageError(message, path=_name(source))


def _name(source: Any) -> str:
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else str(getattr(source, "name", "the zip file"))


def _check(source: Any, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> None:
    try:
        _esky.check_relative(name)
        if _is_link(info):
            _esky.check_link(name, _link_target(archive, info))
    except ValueError as error:
        raise PackageError(f"{_name(source)} holds the unsafe name {name!r}: {error}", path=_name(source)) from error


def _link_target(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    if info.file_size > _LONGEST_LINK:
        raise ValueError(f"the link's target has {info.file_size} bytes")
    return archive.read(info).decode("utf-8")


def _is_link(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if _is_link(info):
        os.symlink(_link_target(archive, info), path)
        return
    with archive.open(info) as data, open(path, "wb") as out:
        shutil.copyfileobj(data, out, 256 * 1024)
    mode = info.external_attr >> 16 & 0o777
    if mode:
        os.chmod(path, mode)


def _members(directory: str | os.PathLike[str]) -> Iterable[str]:
    for parent, directories, files in os.walk(directory):
        links = [name for name in directories if os.path.islink(os.path.join(parent, name))]
        for name in [*files, *links]:
            yield os.path.relpath(os.path.join(parent, name), directory).replace(os.sep, "/")


def _entry(path: str, name: str) -> zipfile.ZipInfo:
    import zipfile

    entry = zipfile.ZipInfo(name.replace(os.sep, "/"))
    entry.external_attr = os.lstat(path).st_mode << 16
    entry.create_system = 3
    entry.compress_type = zipfile.ZIP_STORED if os.path.islink(path) else zipfile.ZIP_DEFLATED
    return entry


def _compressed(entry: zipfile.ZipInfo, compression: int) -> zipfile.ZipInfo:
    import zipfile

    if compression == zipfile.ZIP_STORED:
        entry.compress_type = compression
    return entry
