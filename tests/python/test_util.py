"""`esky.util`: directories, locks, files and zip files."""

from __future__ import annotations

import io
import stat
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PLATFORM, directory_name, make_app, write_version

import esky
from esky import util

MODES_AND_LINKS = pytest.mark.skipif(
    sys.platform == "win32", reason="files have no mode there, and links need a privilege"
)


def test_the_best_version_is_the_newest_installed_one(tmp_path: Path) -> None:
    make_app(tmp_path, "1.0", "1.9", "1.10")
    (tmp_path / directory_name("1.10") / "esky-files" / "bootstrap").mkdir()
    assert util.get_best_version(tmp_path) == directory_name("1.9")
    assert util.get_best_version(tmp_path, include_partial_installs=True) == directory_name("1.10")
    assert util.get_all_versions(tmp_path) == [directory_name("1.9"), directory_name("1.0")]


def test_a_single_version_counts_even_if_partial(tmp_path: Path) -> None:
    partial = write_version(tmp_path, "1.0")
    (partial / "esky-files" / "bootstrap").mkdir()
    assert util.get_best_version(tmp_path) == directory_name("1.0")


def test_versions_of_other_apps_do_not_count(tmp_path: Path) -> None:
    write_version(tmp_path, "1.0")
    write_version(tmp_path, "9.0", name="other")
    assert util.get_best_version(tmp_path, appname="demo") == directory_name("1.0")


def test_no_directory_means_no_version(tmp_path: Path) -> None:
    assert util.get_best_version(tmp_path / "missing") is None


def test_kinds_of_version_directories(tmp_path: Path) -> None:
    whole = write_version(tmp_path, "1.0")
    partial = write_version(tmp_path, "1.1")
    (partial / "esky-files" / "bootstrap").mkdir()
    removed = write_version(tmp_path, "0.9")
    (removed / "esky-files" / "bootstrap-manifest.txt").rename(removed / "esky-files" / "bootstrap-manifest-old.txt")
    assert [util.is_version_dir(path) for path in (whole, partial, removed)] == [True, True, False]
    assert [util.is_installed_version_dir(path) for path in (whole, partial, removed)] == [True, False, False]
    assert [util.is_uninstalled_version_dir(path) for path in (whole, partial, removed)] == [False, False, True]


@pytest.mark.parametrize("appdata", [False, True])
def test_a_program_leads_to_its_app(tmp_path: Path, appdata: bool) -> None:
    make_app(tmp_path, "1.0", appdata=appdata)
    inner = tmp_path / ("appdata" if appdata else ".") / directory_name("1.0") / "prog"
    assert Path(util.appdir_from_executable(inner)) == tmp_path
    assert Path(util.appexe_from_executable(inner)) == tmp_path / "prog"


def test_a_locked_version_is_seen_as_locked(tmp_path: Path) -> None:
    version = write_version(tmp_path, "1.0")
    assert not util.is_locked_version_dir(version)
    util.lock_version_dir(version)
    try:
        assert util.is_locked_version_dir(version)
    finally:
        util.unlock_version_dir(version)
    assert not util.is_locked_version_dir(version)


def test_files_differ_looks_at_the_range_only(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"one two three")
    second.write_bytes(b"one TWO three")
    assert util.files_differ(first, second)
    assert not util.files_differ(first, second, stop=4)
    assert not util.files_differ(first, second, start=7)
    assert not util.files_differ(first, second, start=-6)
    assert util.files_differ(first, second, start=4, stop=7)
    second.write_bytes(b"one")
    assert util.files_differ(first, second)


def test_backup_names_never_hit_an_existing_file(tmp_path: Path) -> None:
    original = str(tmp_path / "a.b")
    assert util.get_backup_filename(original) == str(tmp_path / "a.old.b")
    (tmp_path / "a.old.b").touch()
    assert util.get_backup_filename(original) == str(tmp_path / "a.old.old.b")
    assert util.get_original_filename(str(tmp_path / "a.old.b")) == original
    assert util.get_original_filename(original) is None


def test_renaming_and_removing(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    util.really_rename(tmp_path / "a", tmp_path / "c")
    util.really_rmtree(tmp_path / "c")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        util.really_rename(tmp_path / "a", tmp_path / "c")


def test_small_helpers() -> None:
    assert list(util.pairwise([1, 2, 3])) == [(1, 2), (2, 3)]
    assert util.common_prefix(["abcd", "abxy"]) == ["a", "b"]
    assert util.is_core_dependency("libpython3.11.so.1.0")
    assert not util.is_core_dependency("libz.so")
    assert esky.get_platform() == PLATFORM


def _zip_with(path: Path, entries: dict[str, tuple[int, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, (mode, data) in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3
            entry.external_attr = mode << 16
            archive.writestr(entry, data)
    return path


@MODES_AND_LINKS
def test_extracting_keeps_modes_and_links(tmp_path: Path) -> None:
    source = _zip_with(
        tmp_path / "a.zip",
        {"top/run": (0o100755, b"x"), "top/link": (0o120777, b"run"), "top/data": (0o100644, b"y")},
    )
    util.extract_zipfile(source, tmp_path / "flat")
    assert (tmp_path / "flat" / "top" / "run").exists()
    util.deep_extract_zipfile(source, tmp_path / "out", lambda name: None if name == "data" else name)
    assert stat.S_IMODE((tmp_path / "out" / "run").stat().st_mode) == 0o755
    assert (tmp_path / "out" / "link").readlink() == Path("run")
    assert not (tmp_path / "out" / "data").exists()


@pytest.mark.parametrize("name", ["../out", "/abs", "a/../../b", "c:/x"])
def test_a_name_that_leads_out_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    source = _zip_with(tmp_path / "a.zip", {"good": (0o100644, b""), name: (0o100644, b"")})
    with pytest.raises(esky.PackageError):
        util.extract_zipfile(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    source = _zip_with(tmp_path / "a.zip", {"link": (0o120777, b"../../etc/passwd")})
    with pytest.raises(esky.PackageError):
        util.extract_zipfile(source, tmp_path / "out")


def test_what_is_no_zip_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"hello")
    with pytest.raises(esky.PackageError) as caught:
        util.extract_zipfile(tmp_path / "a.zip", tmp_path / "out")
    assert caught.value.path == str(tmp_path / "a.zip")


@MODES_AND_LINKS
def test_setuid_bits_are_dropped(tmp_path: Path) -> None:
    source = _zip_with(tmp_path / "a.zip", {"run": (0o106755, b"x")})
    util.extract_zipfile(source, tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out" / "run").stat().st_mode) == 0o755


def test_more_than_is_allowed_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    source = _zip_with(tmp_path / "a.zip", {f"data-{number}": (0o100644, b"x") for number in range(3)})
    archive = bytearray(source.read_bytes())
    start = 0
    for _ in range(3):
        # Three sizes of nearly 4 GiB in the index.
        start = archive.index(b"PK\x01\x02", start) + 4
        archive[start + 20 : start + 24] = (0xFFFF_FFF0).to_bytes(4, "little")
    source.write_bytes(archive)
    with pytest.raises(esky.PackageError):
        util.extract_zipfile(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_name_of_very_many_directories_is_refused(tmp_path: Path) -> None:
    source = _zip_with(tmp_path / "a.zip", {"a/" * 5000 + "a": (0o100644, b"")})
    with pytest.raises(esky.PackageError):
        util.extract_zipfile(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe"])
def test_a_name_that_is_not_text_is_refused(tmp_path: Path, name: bytes) -> None:
    source = _zip_with(tmp_path / "a.zip", {"\u00e9" + "x" * (len(name) - 2): (0o100644, b"")})
    archive = source.read_bytes()
    source.write_bytes(archive.replace(("\u00e9" + "x" * (len(name) - 2)).encode(), name))
    with pytest.raises(esky.PackageError):
        util.extract_zipfile(source, tmp_path / "out")


def test_damaged_content_is_an_error_of_esky(tmp_path: Path) -> None:
    source = _zip_with(tmp_path / "a.zip", {"data": (0o100644, b"unmistakable")})
    source.write_bytes(source.read_bytes().replace(b"unmistakable", b"unmistakably"))
    with pytest.raises(esky.PackageError):
        util.extract_zipfile(source, tmp_path / "out")


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    source = _zip_with(tmp_path / "a.zip", {"top/data": (0o100644, b"x")})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "top").write_text("in the way")
    with pytest.raises(esky.FileError) as caught:
        util.extract_zipfile(source, tmp_path / "out")
    assert "top" in str(caught.value)
    assert caught.value.hint


def test_a_file_object_is_extracted_as_a_path_is(tmp_path: Path) -> None:
    data = _zip_with(tmp_path / "a.zip", {"top/data": (0o100644, b"x"), "top/more": (0o100644, b"y")}).read_bytes()
    source = io.BytesIO(data)
    source.read(10)
    assert util.zipfile_common_prefix_dir(source) == "top/"
    util.deep_extract_zipfile(source, tmp_path / "out")
    assert (tmp_path / "out" / "more").read_bytes() == b"y"
    with pytest.raises(esky.PackageError, match="the zip file"):
        util.extract_zipfile(io.BytesIO(data[:-30]), tmp_path / "out")


def test_the_filter_gets_the_names_of_files_and_may_give_others(tmp_path: Path) -> None:
    source = _zip_with(tmp_path / "a.zip", {"dir/": (0o040755, b""), "../out": (0o100644, b"x"), "b": (0o100644, b"")})
    seen: list[str] = []

    def rename(name: str) -> str | None:
        seen.append(name)
        return "in/here" if name == "../out" else None

    util.extract_zipfile(source, tmp_path / "out", rename)
    assert sorted(seen) == ["../out", "b"]
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["in", "here"]


@pytest.mark.parametrize("names", [("a", "a"), ("Readme", "README"), ("a", "a/b"), ("exe\u202etxt", "b"), ("con", "b")])
def test_names_that_are_unsafe_somewhere_are_refused_before_anything_is_written(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a name that occurs twice
        archive.writestr("good", b"")
        for name in names:
            archive.writestr(name, b"")
    with pytest.raises(esky.PackageError):
        util.extract_zipfile(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    source = _zip_with(tmp_path / "a.zip", {name: (0o100644, b"x" * 1000) for name in ("a", "b")})
    archive = bytearray(source.read_bytes())
    second = archive.index(b"PK\x01\x02", archive.index(b"PK\x01\x02") + 1)
    archive[second + 42 : second + 46] = bytes(4)
    source.write_bytes(archive)
    with pytest.raises(esky.PackageError):
        util.extract_zipfile(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_that_are_there_are_replaced(tmp_path: Path) -> None:
    source = _zip_with(tmp_path / "a.zip", {"top/data": (0o100644, b"new")})
    (tmp_path / "out" / "top").mkdir(parents=True)
    (tmp_path / "out" / "top" / "data").write_text("old and longer")
    util.extract_zipfile(source, tmp_path / "out")
    assert (tmp_path / "out" / "top" / "data").read_text() == "new"


@MODES_AND_LINKS
def test_nothing_is_written_through_links_in_the_target(tmp_path: Path) -> None:
    source = _zip_with(tmp_path / "a.zip", {"link": (0o100644, b"new"), "top/data": (0o100644, b"new")})
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "victim").write_text("old")
    (tmp_path / "out" / "link").symlink_to(tmp_path / "victim")
    (tmp_path / "out" / "top").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(esky.FileError):
        util.extract_zipfile(source, tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (tmp_path / "out" / "top").unlink()
    util.extract_zipfile(source, tmp_path / "out")
    assert (tmp_path / "victim").read_text() == "old"
    assert not (tmp_path / "out" / "link").is_symlink()


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir])
def test_what_is_no_file_is_an_error_of_esky(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a.zip")
    with pytest.raises(esky.FileError) as caught:
        util.extract_zipfile(tmp_path / "a.zip", tmp_path / "out")
    assert caught.value.path == str(tmp_path / "a.zip")


@MODES_AND_LINKS
def test_a_created_zip_file_can_be_extracted_again(tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "run").write_text("x")
    (source / "sub" / "run").chmod(0o755)
    (source / "link").symlink_to("sub")
    util.create_zipfile(source, tmp_path / "a.zip")
    util.extract_zipfile(tmp_path / "a.zip", tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out" / "sub" / "run").stat().st_mode) == 0o755
    assert (tmp_path / "out" / "link").is_symlink()
