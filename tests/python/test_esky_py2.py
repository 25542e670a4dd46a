"""esky for Python 2: what it asks the command, and what it makes of the answers."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[2] / "python" / "esky_py2" / "esky.py"
STARTS = {"starts": {"version": "1.0", "reason": "state"}, "name": "hello", "platform": "linux-x86_64"}
# Answers with what stands in answers.json under its first word, and notes what it was asked.
COMMAND = """#!{python}
import json, os, sys
directory = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
words = sys.argv[2:]
with open(os.path.join(directory, "asked"), "a") as file:
    file.write(" ".join(words) + chr(10))
with open(os.path.join(directory, "answers.json")) as file:
    answer, code = json.load(file)[" ".join(word for word in words[:2] if word.startswith("--") or word == words[0])]
print(json.dumps(answer))
sys.exit(code)
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for the command is a script")


@pytest.fixture(scope="module")
def esky2():
    """The module, under a name that leaves the real one alone."""
    spec = importlib.util.spec_from_file_location("esky2", MODULE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class App:
    """An app directory with a stand-in for the command in its version."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.version = root / "hello-1.0.linux-x86_64"
        (self.version / "esky-command").mkdir(parents=True)
        command = self.version / "esky-command" / "esky"
        command.write_text(COMMAND.format(python=sys.executable))
        command.chmod(stat.S_IRWXU)
        self.program = self.version / "hello"
        self.program.write_text("")
        self.answer({"info": (STARTS, 0)})

    def answer(self, answers) -> None:
        (self.version / "answers.json").write_text(json.dumps(answers))

    def asked(self) -> list[str]:
        return (self.version / "asked").read_text().splitlines()


@pytest.fixture
def app(tmp_path):
    return App(tmp_path)


def test_the_running_program_tells_the_app_and_its_version(esky2, app):
    found = esky2.Esky(str(app.program))
    assert (found.appdir, found.active_version) == (str(app.root), "1.0")
    assert (found.name, found.version, found.platform) == ("hello", "1.0", "linux-x86_64")
    assert app.asked() == [f"info {app.root}"]


def test_an_app_in_the_layout_of_esky_0_9_is_found_too(esky2, tmp_path):
    app = App(tmp_path / "appdata")
    assert esky2.Esky(str(app.program)).appdir == str(tmp_path)


def test_an_update_is_done_by_the_command(esky2, app):
    update = {"available": "1.1", "updated": True}
    newer = {**STARTS, "starts": {"version": "1.1", "reason": "state"}}
    app.answer({"info": (newer, 0), "update --check": ({"available": "1.1"}, 0), "update": (update, 0)})
    found = esky2.Esky(str(app.program), "http://localhost/")
    told = []
    found.auto_update(told.append)
    assert found.version == "1.1"
    assert [status["status"] for status in told] == ["searching", "found", "installing", "done"]
    assert f"update {app.root} http://localhost/" in app.asked()


def test_no_update_is_no_error(esky2, app):
    app.answer({"info": (STARTS, 0), "update --check": ({"available": None}, 3)})
    found = esky2.Esky(str(app.program), "http://localhost/")
    assert found.find_update() is None
    found.auto_update()
    assert not any(line.startswith("update " + str(app.root)) for line in app.asked())


def test_only_the_newest_version_can_be_installed(esky2, app):
    app.answer({"info": (STARTS, 0), "update --check": ({"available": "1.2"}, 0)})
    found = esky2.Esky(str(app.program), "http://localhost/")
    with pytest.raises(esky2.EskyVersionError, match=r"1\.1 is not the newest version"):
        found.install_version("1.1")
    found.install_version("1.0")


@pytest.mark.parametrize(("code", "name"), [(1, "Error"), (5, "EskyLockedError")])
def test_errors_of_the_command_are_exceptions_with_its_words(esky2, app, code, name):
    failed = {"error": {"operation": "update", "path": None, "cause": "it is cold", "hint": "Wear a coat."}}
    app.answer({"info": (STARTS, 0), "update --check": (failed, code)})
    found = esky2.Esky(str(app.program), "http://localhost/")
    told = []
    with pytest.raises(esky2.Error, match=r"it is cold \(Wear a coat\.\)") as caught:
        found.auto_update(told.append)
    assert type(caught.value).__name__ == name
    assert told[-1]["status"] == "error"


def test_what_is_missing_is_said(esky2, app, tmp_path):
    with pytest.raises(esky2.NoVersionFinderError):
        esky2.Esky(str(app.program)).find_update()
    shutil.rmtree(app.version / "esky-command")
    with pytest.raises(esky2.EskyBrokenError, match="esky-command"):
        esky2.Esky(str(app.program))
    stray = tmp_path / "stray"
    stray.write_text("")
    with pytest.raises(esky2.EskyBrokenError, match="not in a version directory"):
        esky2.Esky(str(stray))


def test_cleaning_up_says_whether_all_is_done(esky2, app):
    app.answer({"info": (STARTS, 0), "cleanup": ({"removed": [], "kept": ["0.9"], "complete": False}, 0)})
    assert esky2.Esky(str(app.program)).cleanup() is False


def test_the_next_version_starts_in_a_clean_environment(app):
    starter = app.root / "hello"
    starter.write_text('#!/bin/sh\necho "$@" "$_PYI_PLACE" "$KEPT"\n')
    starter.chmod(stat.S_IRWXU)
    code = f"import sys; sys.path.insert(0, {str(MODULE.parent)!r}); import esky; "
    code += f"esky.Esky({str(app.program)!r}).relaunch(['run', 'on'])"
    environment = {**os.environ, "_PYI_PLACE": "old", "KEPT": "kept"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("run on  kept\n", "")


def test_the_file_is_python_2():
    python = os.environ.get("PYTHON27")
    if not python:
        pytest.skip("there is no Python 2.7 that PYTHON27 names")
    subprocess.run([python, "-m", "py_compile", str(MODULE)], check=True)
