"""The native packer, as `bdist_esky` and build scripts call it, and what comes of its packages."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from conftest import PROGRAM, directory_name, make_app

import esky
from esky import _esky

# Any program of this platform will do as a start-up program, as long as nobody starts it.
BOOTSTRAP = os.path.realpath(sys.executable)


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    directory = tmp_path / "frozen"
    directory.mkdir()
    shutil.copy(BOOTSTRAP, directory / PROGRAM)
    (directory / PROGRAM).chmod(0o755)
    (directory / "data.txt").write_text("data")
    return directory


def test_a_packed_version_can_be_installed_and_verified(frozen: Path, tmp_path: Path) -> None:
    packed = _esky.pack(
        os.fspath(frozen),
        "demo",
        "1.1",
        programs=[PROGRAM],
        output_dir=os.fspath(tmp_path / "out"),
        bootstrap=BOOTSTRAP,
    )
    assert packed["path"] == os.fspath(tmp_path / "out" / f"{directory_name('1.1')}.zip")
    assert packed["size"] == os.path.getsize(packed["path"])
    assert packed["programs"] == [PROGRAM]
    assert len(packed["sha256"]) == 64
    app = esky.Esky(make_app(tmp_path / "app", "1.0"), tmp_path / "out")
    app.auto_update()
    assert app.version == "1.1"
    assert app.verify().ok
    assert Path(app.get_abspath("data.txt")).read_text() == "data"


def test_what_cannot_be_packed_says_why(tmp_path: Path) -> None:
    with pytest.raises(esky.PackageError) as caught:
        _esky.pack(os.fspath(tmp_path / "missing"), "demo", "1.1", output_dir=os.fspath(tmp_path), bootstrap=BOOTSTRAP)
    assert str(tmp_path / "missing") in str(caught.value)
    assert caught.value.hint


def test_a_platform_without_a_start_up_program_says_so(
    frozen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ESKY_BOOTSTRAP", raising=False)
    with pytest.raises(FileNotFoundError, match="made-up"):
        _esky.pack(os.fspath(frozen), "demo", "1.1", output_dir=os.fspath(tmp_path), platform="made-up")
