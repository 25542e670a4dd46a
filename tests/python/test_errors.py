"""What goes wrong comes as a typed exception with the file or address and a hint, and the old version stays."""

from __future__ import annotations

import errno
import http.server
import os
import pickle
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from conftest import Site, directory_name, make_app, make_package

import esky


def test_every_error_is_an_esky_error_with_details() -> None:
    for name in esky.errors.__all__:
        error_type = getattr(esky, name)
        assert issubclass(error_type, esky.Error)
        error = error_type("text", hint="do this", path="/p", url="http://u/")
        assert (error.hint, error.path, error.url) == ("do this", "/p", "http://u/")


def test_errors_of_the_system_are_os_errors_with_a_plain_text() -> None:
    error = esky.DiskFullError(errno.ENOSPC, "no room for /x", hint="free some", path="/x")
    assert isinstance(error, OSError)
    assert error.errno == errno.ENOSPC
    assert str(error) == "no room for /x"
    assert issubclass(esky.InstallPermissionError, PermissionError)
    assert issubclass(esky.NetworkError, OSError)
    assert issubclass(esky.VerifyError, esky.PackageError)


def test_code_that_expects_a_version_error_sees_a_bad_package_too() -> None:
    assert issubclass(esky.PackageError, esky.EskyVersionError)


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(esky.PackageError("bad", hint="h", path="/p")))
    assert isinstance(error, esky.PackageError)
    assert (str(error), error.hint, error.path) == ("bad", "h", "/p")


def test_a_missing_page_is_a_network_error(app: esky.Esky, site: Site) -> None:
    app.version_finder = site.url + "nothing/here/"
    with pytest.raises(esky.NetworkError) as caught:
        app.find_update()
    assert caught.value.url == site.url + "nothing/here/"
    assert "404" in str(caught.value)
    assert caught.value.hint


def test_nobody_at_the_address_is_a_network_error(app: esky.Esky) -> None:
    app.version_finder = esky.DefaultVersionFinder("http://127.0.0.1:1/", retries=0)
    with pytest.raises(esky.NetworkError):
        app.find_update()


def test_a_proxy_may_be_given(app: esky.Esky, site: Site) -> None:
    app.version_finder = esky.DefaultVersionFinder("http://made-up.example/", proxy=site.url, retries=0)
    with pytest.raises(esky.NetworkError):
        app.find_update()
    assert site.paths() == ["http://made-up.example/"]


def test_a_package_that_is_no_zip_file_is_a_package_error(app: esky.Esky, site: Site) -> None:
    (site.directory / f"{directory_name('1.1')}.zip").write_bytes(b"hello")
    with pytest.raises(esky.PackageError) as caught:
        app.fetch_version("1.1")
    assert f"{directory_name('1.1')}.zip" in str(caught.value)


def test_a_package_under_a_wrong_name_is_a_package_error(app: esky.Esky, site: Site) -> None:
    (site.directory / f"{directory_name('1.1')}.zip").rename(site.directory / f"{directory_name('1.2')}.zip")
    with pytest.raises(esky.PackageError, match=r"1\.1"):
        app.fetch_version("1.2")


def test_a_package_that_leaves_its_directory_is_a_package_error(app: esky.Esky, site: Site, tmp_path: Path) -> None:
    make_package(site.directory, "1.1", extra={"../../../evil": b"x"})
    with pytest.raises(esky.PackageError):
        app.auto_update()
    assert not list(tmp_path.rglob("evil"))
    assert app.version == "1.0"


def test_a_server_that_ends_early_is_a_network_error(app: esky.Esky, site: Site) -> None:
    def short(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"too little")

    site.special[f"/{directory_name('1.1')}.zip"] = short
    app.version_finder = esky.DefaultVersionFinder(site.url, retries=0)
    with pytest.raises(esky.NetworkError) as caught:
        app.fetch_version("1.1")
    assert caught.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="directories have no mode there")
def test_a_read_only_app_directory_is_a_permission_error() -> None:
    # Root may write everywhere, so the work is done by a process that gives its rights away.
    body = """
        import errno, os, sys, traceback
        import esky
        os.chmod(sys.argv[1], 0o555)
        if os.geteuid() == 0:
            os.setuid(65534)
        try:
            esky.Esky(sys.argv[1], sys.argv[2]).auto_update()
        except esky.InstallPermissionError as error:
            assert error.errno == errno.EACCES
            print(error.path, error.hint)
        print(esky.Esky(sys.argv[1]).version)
    """
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        app_dir = make_app(Path(place) / "app", "1.0")
        make_package(Path(place) / "packages", "1.1")
        command = [sys.executable, "-c", textwrap.dedent(body), app_dir, Path(place) / "packages"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        app_dir.chmod(0o755)
    assert done.stderr == ""
    assert done.stdout.startswith(os.fspath(app_dir))
    assert done.stdout.endswith("\n1.0\n")


def test_a_lock_of_the_original_keeps_us_out(tmp_path: Path) -> None:
    make_app(tmp_path, "1.0")
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked" / f"some-other-host-{os.getpid()}-1").touch()
    with pytest.raises(esky.EskyLockedError) as caught:
        esky.Esky(tmp_path).lock()
    assert caught.value.hint
    assert caught.value.path


def test_a_fault_inside_the_core_is_an_internal_error() -> None:
    error = esky.errors._from_native("internal", "text", "report it", None, None, None)
    assert isinstance(error, esky.InternalError)
    assert error.hint == "report it"
    assert type(esky.errors._from_native("not known", "text", None, None, None, None)) is esky.Error
