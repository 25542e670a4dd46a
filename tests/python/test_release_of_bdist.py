"""A package that bdist_esky wrote goes to `esky release`, and the installed app updates itself from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import Site, Workshop
from setuptools import Distribution

from esky.bdist_esky import Freezer, bdist_esky
from esky.bdist_esky import freezer as freezers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the frozen program is a shell script")

APP = """\
import sys

VERSION = "{version}"

if sys.argv[1:2] == ["update"]:
    import esky

    app = esky.Esky(__file__, sys.argv[2])
    app.auto_update()
print("demo", VERSION)
sys.exit({code})
"""


class InterpretingFreezer(Freezer):
    """Freezes into a shell script that has this Python run the script beside it."""

    name = "interpreting"
    module = "shutil"

    def freeze(self, job):
        for program in job.programs:
            script = Path(job.freeze_dir, "lib", f"{program.name}.py")
            script.parent.mkdir(exist_ok=True)
            shutil.copy(program.script, script)
            start = Path(job.freeze_dir, program.name)
            start.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$(dirname "$0")/lib/{program.name}.py" "$@"\n')
            start.chmod(0o755)


class EntryPoint:
    name = "interpreting"
    value = "here"

    def load(self):
        return InterpretingFreezer


@pytest.fixture(autouse=True)
def _freezer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freezers, "_entry_points", lambda: [EntryPoint()])


def freeze(workshop: Workshop, version: str, monkeypatch: pytest.MonkeyPatch, code: int = 0) -> Path:
    """The package that `python setup.py bdist_esky` writes."""
    sources = workshop.root / f"sources-{version}"
    sources.mkdir()
    (sources / "demo.py").write_text(APP.format(version=version, code=code))
    monkeypatch.chdir(sources)
    attributes = {
        "name": "demo",
        "version": version,
        "scripts": ["demo.py"],
        "packages": [],
        "options": {"bdist_esky": {"freezer_module": "interpreting"}},
        "cmdclass": {"bdist_esky": bdist_esky},
    }
    command = Distribution(attributes).get_command_obj("bdist_esky")
    command.ensure_finalized()
    command.run()
    (package,) = (sources / "dist").glob("*.zip")
    return package


def release(workshop: Workshop, site: Site, package: Path) -> Path:
    """The signed package, for first installations; the repository goes to the web server."""
    answer = workshop.run("release", str(package))
    shutil.copytree(workshop.repository, site.directory, dirs_exist_ok=True)
    return Path(str(answer["path"]))


def install(package: Path, place: Path) -> Path:
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            path = archive.extract(entry, place)
            os.chmod(path, entry.external_attr >> 16 & 0o777)
    return place / "demo"


def start(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def says(program: Path, *arguments: str) -> str:
    done = start(program, *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def test_an_installed_app_updates_itself_and_comes_back(
    workshop: Workshop, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = release(workshop, site, freeze(workshop, "1.0", monkeypatch))
    program = install(first, tmp_path / "app")
    assert says(program) == "demo 1.0\n"

    release(workshop, site, freeze(workshop, "1.1", monkeypatch))
    assert says(program, "update", site.url) == "demo 1.0\n"
    assert says(program) == "demo 1.1\n"

    release(workshop, site, freeze(workshop, "1.2", monkeypatch, code=3))
    says(program, "update", site.url)
    for _ in range(3):
        assert start(program).returncode == 3
    assert says(program) == "demo 1.1\n"
