"""Root and the apps of other users: the library refuses, the command becomes the owner."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from conftest import make_app, make_package

import esky
import esky.__main__

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="needs root, to give a directory away"
)

OWNER = 61_001
GROUP = 61_000


@pytest.fixture
def app_dir(tmp_path: Path) -> Path:
    """An app of somebody else, with an update in ``packages`` beside it."""
    directory = make_app(tmp_path / "app", "1.0")
    make_package(tmp_path / "packages", "1.1")
    for path in [directory, *directory.rglob("*")]:
        os.lchown(path, OWNER, GROUP)
    for above in [tmp_path, *tmp_path.parents]:
        if above.stat().st_uid == 0 and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o055)
    return directory


def test_a_process_of_root_does_not_change_the_app_of_somebody_else(app_dir: Path) -> None:
    app = esky.Esky(app_dir, app_dir.with_name("packages"))
    assert app.find_update() == "1.1"
    before = sorted(app_dir.rglob("*"))
    with pytest.raises(esky.InstallPermissionError) as caught:
        app.auto_update()
    assert caught.value.errno == errno.EPERM
    assert caught.value.path == os.fspath(app_dir)
    assert "owner of the app directory" in (caught.value.hint or "")
    assert sorted(app_dir.rglob("*")) == before
    # The command within a program of somebody else's is no different.
    assert esky.__main__.main(["update", os.fspath(app_dir), os.fspath(app_dir.with_name("packages"))]) == 1
    assert os.geteuid() == 0


def test_the_command_run_by_root_becomes_the_owner(app_dir: Path) -> None:
    command = [sys.executable, "-m", "esky", "update", app_dir, app_dir.with_name("packages")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"Acting as the user with id {OWNER}, who owns ")
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in app_dir.rglob("*")}
    assert owners == {(OWNER, GROUP)}


def test_all_threads_of_the_command_lose_the_rights_of_root(app_dir: Path) -> None:
    body = """
        import os, sys, threading
        import esky.__main__
        gate, seen = threading.Event(), []
        def look():
            gate.wait()
            seen.append(os.getresuid())
        earlier = threading.Thread(target=look)
        earlier.start()
        sys.argv = ["esky", "why", sys.argv[1]]
        esky.__main__.main()
        gate.set()
        earlier.join()
        print(seen, os.getresuid(), os.getgroups())
    """
    command = [sys.executable, "-c", textwrap.dedent(body), app_dir]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    ids = (OWNER, OWNER, OWNER)
    assert done.stdout.splitlines()[-1] == f"[{ids}] {ids} [{GROUP}]", done.stderr
