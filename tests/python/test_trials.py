"""New versions on trial: who confirms them, what is told when one is undone, and what the user decides."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Site, directory_name, make_app, make_package

import esky
from esky import util

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for a frozen program is a shell script")
SETTINGS = "esky-settings 1\nconfirm {who}\nconfirm-after {seconds}\nmax-tries 3\n"


def offer(site: Site, version: str, who: str = "app", seconds: int = 60) -> None:
    text = SETTINGS.format(who=who, seconds=seconds).encode()
    make_package(site.directory, version, extra={"esky-files/settings.txt": text})


@pytest.fixture
def app(tmp_path: Path, site: Site) -> esky.Esky:
    """Version 1.0, updated to 1.1, which is on trial."""
    offer(site, "1.1")
    app = esky.Esky(make_app(tmp_path / "app", "1.0"), site.url)
    app.auto_update()
    return app


def count_starts(app: esky.Esky, marks: bytes) -> None:
    """What the bootstrap does when it starts a version on trial."""
    state = Path(app.appdir, "esky-state")
    trials = [path for path in state.glob("tries-*")] or [state / "tries-1"]
    with trials[0].open("ab") as file:
        file.write(marks)


def test_a_new_version_is_on_trial(app: esky.Esky) -> None:
    decisions = app.decisions()
    assert decisions.trial == esky.OnTrial("1.1", tries=0, max_tries=3, confirm_after=60)
    assert decisions.fallback == "1.0"
    assert app.last_rollback() is None


def test_confirming_ends_the_trial(app: esky.Esky) -> None:
    assert app.confirm() is True
    assert app.confirm() is False
    assert app.decisions().trial is None
    count_starts(app, b"sss")
    app.reinitialize()
    assert app.version == "1.1"


def test_a_version_that_does_not_come_up_is_undone_and_not_offered_again(app: esky.Esky, site: Site) -> None:
    count_starts(app, b"sss")
    app.reinitialize()
    assert app.version == "1.0"
    undone = app.last_rollback()
    assert undone is not None
    assert undone.version == "1.1"
    assert "3 times" in undone.reason
    assert abs(undone.time - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=5)
    assert app.find_update() is None
    with pytest.raises(esky.VersionHeldError) as caught:
        app.install_version("1.1")
    assert caught.value.hint
    offer(site, "1.2")
    assert app.find_update() == "1.2"
    assert app.unhold("1.1") is True
    assert app.unhold("1.1") is False


def test_the_user_goes_back(app: esky.Esky) -> None:
    assert app.roll_back(reason="I liked it better before") == "1.0"
    assert app.version == "1.0"
    undone = app.last_rollback()
    assert undone is not None
    assert undone.reason == "I liked it better before"
    assert [held.version for held in app.decisions().held] == ["1.1"]
    with pytest.raises(esky.EskyVersionError):
        app.roll_back()


def test_the_user_pins_a_version(app: esky.Esky, site: Site) -> None:
    offer(site, "1.2")
    app.pin("1.0")
    assert (app.version, app.decisions().pinned) == ("1.0", "1.0")
    assert app.find_update() is None
    assert app.check() is None
    app.unpin()
    assert app.find_update() == "1.2"


def test_the_user_skips_a_version(app: esky.Esky, site: Site) -> None:
    offer(site, "1.2")
    app.skip("1.2")
    assert app.find_update() is None
    assert app.decisions().skipped == ("1.2",)
    offer(site, "1.3")
    assert app.find_update() == "1.3"


def test_the_fallback_of_a_trial_cannot_be_uninstalled(app: esky.Esky) -> None:
    with pytest.raises(esky.VersionLockedError):
        app.uninstall_version("1.0")


def test_only_what_is_damaged_is_fetched_again(app: esky.Esky, site: Site) -> None:
    # Without a list of files in the package there is nothing to repair by.
    with pytest.raises(esky.VerifyError):
        app.repair()
    assert app.verify().ok


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert happened()


class Program:
    """A stand-in for a frozen program inside version 1.1, which is on trial: Python code that believes to be frozen."""

    def __init__(self, app: esky.Esky, body: str) -> None:
        self.app = app
        self.path = Path(app.appdir, directory_name("1.1"), "prog")
        header = f"import sys\nsys.frozen = True\nsys.executable = {os.fspath(self.path)!r}\nimport esky, time\n"
        script = self.path.with_suffix(".py")
        script.write_text(header + textwrap.dedent(body))
        self.path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')

    def command(self, *arguments: str) -> list[str]:
        """Started as the start-up program starts a version that confirms itself: it names the process."""
        return ["sh", "-c", 'ESKY_TRIAL=$$ exec "$@"', "sh", os.fspath(self.path), *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=60, check=False)

    @property
    def is_confirmed(self) -> bool:
        return self.app.decisions().trial is None


@POSIX_ONLY
@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "sys.exit(0)",
        "sys.exit(3)",
        "raise SystemExit(1)",
        "raise SystemExit('fatal')",
        "import asyncio\nasync def main(): raise SystemExit(1)\nasyncio.run(main())",
        "raise RuntimeError('broken')",
        "import atexit; atexit.register(lambda: 1 / 0)",
        "import os; os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    ],
)
def test_no_way_to_end_confirms_an_app_that_confirms_itself(app: esky.Esky, body: str) -> None:
    """Only the parent knows how a program has ended, and here nobody watches."""
    program = Program(app, f"esky.run_startup_hooks()\n{body}\n")
    program.run()
    assert not program.is_confirmed


CHILDREN = {
    "fork": "import os\nif os.fork() == 0: sys.stdin.read()\nelse: os._exit(1)\n",
    "another copy": (
        "import os, subprocess\n"
        "if sys.argv[1:] != ['child']: subprocess.Popen([sys.executable, 'child']); os._exit(1)\n"
        "sys.stdin.read()\n"
    ),
}


@POSIX_ONLY
@pytest.mark.parametrize("way", CHILDREN)
def test_a_child_that_stays_up_confirms_nothing_for_a_parent_that_fails(tmp_path: Path, site: Site, way: str) -> None:
    offer(site, "1.1", seconds=1)
    app = esky.Esky(make_app(tmp_path / "app", "1.0"), site.url)
    app.auto_update()
    program = Program(app, f"esky.run_startup_hooks()\n{CHILDREN[way]}")
    with subprocess.Popen(program.command(), stdin=subprocess.PIPE) as parent:
        assert parent.wait(timeout=60) == 1
        time.sleep(2.5)  # as long again as it would take
        assert not program.is_confirmed


@POSIX_ONLY
def test_a_program_that_stays_up_is_confirmed_while_it_runs(tmp_path: Path, site: Site) -> None:
    offer(site, "1.1", seconds=1)
    app = esky.Esky(make_app(tmp_path / "app", "1.0"), site.url)
    app.auto_update()
    program = Program(app, "esky.run_startup_hooks()\nsys.stdin.read()\n")
    with subprocess.Popen(program.command(), stdin=subprocess.PIPE) as running:
        wait_until(lambda: program.is_confirmed)
        running.kill()


@POSIX_ONLY
def test_an_app_may_confirm_itself_and_only_itself(app: esky.Esky) -> None:
    hooks = "esky.run_startup_hooks(confirm=False)\n"
    silent = Program(app, hooks)
    silent.run()
    assert not silent.is_confirmed
    speaking = Program(app, hooks + "print(esky.confirm(), esky.confirm())\nimport os; os._exit(1)\n")
    # The buffer is lost with os._exit, so it is flushed by hand.
    script = speaking.path.with_suffix(".py")
    script.write_text(script.read_text().replace("esky.confirm())", "esky.confirm(), flush=True)"))
    assert speaking.run().stdout == "True False\n"
    assert speaking.is_confirmed


@POSIX_ONLY
def test_an_app_without_the_hooks_is_confirmed_when_it_opens_itself_and_stays_up(tmp_path: Path, site: Site) -> None:
    offer(site, "1.1", seconds=1)
    app = esky.Esky(make_app(tmp_path / "app", "1.0"), site.url)
    app.auto_update()
    program = Program(app, "esky.Esky(sys.executable)\nsys.stdin.read()\n")
    with subprocess.Popen(program.command(), stdin=subprocess.PIPE) as running:
        wait_until(lambda: program.is_confirmed)
        running.kill()


@POSIX_ONLY
def test_an_app_that_was_not_started_by_its_start_up_program_is_not_confirmed(tmp_path: Path, site: Site) -> None:
    offer(site, "1.1", seconds=1)
    app = esky.Esky(make_app(tmp_path / "app", "1.0"), site.url)
    app.auto_update()
    program = Program(app, "esky.run_startup_hooks()\ntime.sleep(2.5)\n")
    subprocess.run([program.path], timeout=60, check=True)
    assert not program.is_confirmed


@POSIX_ONLY
def test_a_child_of_multiprocessing_cannot_speak_for_the_app(app: esky.Esky) -> None:
    body = """
        import multiprocessing
        def child(queue): queue.put(esky.confirm())
        if __name__ == "__main__":
            esky.run_startup_hooks()
            context = multiprocessing.get_context("fork")
            queue = context.Queue()
            process = context.Process(target=child, args=(queue,))
            process.start()
            print(queue.get())
            process.join()
    """
    program = Program(app, body)
    assert program.run().stdout == "False\n"
    assert not program.is_confirmed


@POSIX_ONLY
def test_a_start_that_only_cleans_up_confirms_nothing(app: esky.Esky) -> None:
    program = Program(app, "esky.run_startup_hooks()\n")
    assert program.run("--esky-spawn-cleanup").returncode == 0
    assert not program.is_confirmed


@POSIX_ONLY
@pytest.mark.parametrize(("arguments", "left"), [("", False), ("confirm=False", True)])
def test_a_watched_app_may_keep_the_word_to_itself(tmp_path: Path, site: Site, arguments: str, left: bool) -> None:
    offer(site, "1.1", who="bootstrap", seconds=1)
    app = esky.Esky(make_app(tmp_path / "app", "1.0"), site.url)
    app.auto_update()
    program = Program(app, f"esky.run_startup_hooks({arguments})\ntime.sleep(2)\n")
    program.run()
    assert not program.is_confirmed, "that is for the start-up program"
    assert any(Path(app.appdir, "esky-state").glob("left-to-app-*")) is left


@POSIX_ONLY
def test_the_version_that_came_back_records_why(app: esky.Esky) -> None:
    count_starts(app, b"sss")
    program = Path(app.appdir, directory_name("1.0"), "prog")
    script = program.with_suffix(".py")
    script.write_text(
        f"import sys\nsys.frozen = True\nsys.executable = {os.fspath(program)!r}\nimport esky\n"
        "esky.run_startup_hooks()\nundone = esky.Esky(sys.executable).last_rollback()\nprint(undone.version)\n"
    )
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("1.1\n", "")
    assert not any(path.name.startswith("tries-") for path in Path(app.appdir, "esky-state").iterdir())
    assert util.parse_version(app.version) == util.parse_version("1.1"), "this object has not looked again"
