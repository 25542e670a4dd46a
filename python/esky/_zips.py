"""Zip files for the app's own use.  They are read by the native core, under the rules for packages.

`zipfile` and `tempfile` are imported late: few programs need them, and they would double the time that importing esky
takes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from . import _esky

if TYPE_CHECKING:
    import zipfile

NameFilter = Callable[[str], "str | None"]


def extract_zipfile(source: Any, target: str | os.PathLike[str], name_filter: NameFilter | None = None) -> None:
    """Extracts a zip file (a path or a file object).

    `name_filter` gets each name and returns the name to extract to, or None to leave it out.  Modes (without setuid,
    setgid and sticky bits) and symbolic links are kept; files that are there are replaced.  A name or link that leads
    out of the target, two names that are one file on some system, more than 65,535 entries or 8 GiB, and anything else
    that is wrong with the file is a `PackageError`; unless it is the content of a file, nothing is written at all.
    Something else in the way is a `FileError`.
    """
    with _opened(source) as archive:
        paths = archive.names if name_filter is None else [name_filter(name) for name in archive.names]
        archive.extract(os.fspath(target), [None if not path or path.endswith("/") else path for path in paths])


def deep_extract_zipfile(source: Any, target: str | os.PathLike[str], name_filter: NameFilter | None = None) -> None:
    """Extracts a zip file without the directory that all its names begin with, if there is one."""
    prefix = zipfile_common_prefix_dir(source)

    def without_prefix(name: str) -> str | None:
        inner = name[len(prefix) :]
        return inner if name_filter is None or not inner else name_filter(inner)

    extract_zipfile(source, target, without_prefix)


def zipfile_common_prefix_dir(source: Any) -> str:
    """The directory that all names in a zip file begin with, with a slash at its end; empty if there is none."""
    with _opened(source) as archive:
        directories = [name.split("/")[:-1] for name in archive.names]
    prefix = ""
    for column in zip(*directories):
        if len(set(column)) > 1:
            break
        prefix += column[0] + "/"
    return prefix


@contextlib.contextmanager
def _opened(source: Any) -> Iterator[_esky.ZipFile]:
    """The zip file at a path, or in a file object, which is copied to disk because the core reads files only."""
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        yield _esky.ZipFile.open(path, path)
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="esky-") as directory:
        path = os.path.join(directory, "source.zip")
        with open(path, "wb") as copy:
            source.seek(0)
            shutil.copyfileobj(source, copy, 256 * 1024)
        archive = _esky.ZipFile.open(path, str(getattr(source, "name", "the zip file")))
        try:
            yield archive
        finally:
            # On Windows an open file cannot be removed.
            archive.close()


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
