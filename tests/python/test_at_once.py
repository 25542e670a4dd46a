"""Several updaters of one app at once: processes, threads with an app object each, threads with one in common."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
import threading
import zipfile
from pathlib import Path

import pytest
from conftest import Site, Workshop, make_package

import esky

ROUNDS = 5
CODE = textwrap.dedent(
    """
    import sys
    import esky
    app = esky.Esky(sys.argv[1], sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        app.auto_update()
        print(app.version)
    except esky.EskyLockedError:
        print("locked")
    """
)


@pytest.fixture
def fresh(workshop: Workshop, site: Site, tmp_path: Path) -> Path:
    """A signed 1.0 as a user has it; the site offers 1.1."""
    place = tmp_path / "fresh"
    with zipfile.ZipFile(workshop.release("1.0")) as package:
        package.extractall(place)
    workshop.release("1.1")
    shutil.copytree(workshop.repository, site.directory, dirs_exist_ok=True)
    return place


def is_whole(app_dir: Path, site: Site) -> bool:
    """1.1 is there, and the newest metadata seen is kept."""
    app = esky.Esky(app_dir)
    kept = app_dir / "updates/metadata/timestamp.json"
    served = site.directory / "metadata/timestamp.json"
    leftovers = list((app_dir / "updates").rglob("*.new"))
    newest = kept.read_bytes() == served.read_bytes()
    return app.version == "1.1" and app.verify("1.1").ok and newest and not leftovers


def test_of_two_processes_one_updates_and_the_other_is_told_or_has_nothing_left_to_do(
    fresh: Path, site: Site, tmp_path: Path
) -> None:
    for number in range(ROUNDS):
        app_dir = tmp_path / f"app-{number}"
        shutil.copytree(fresh, app_dir, symlinks=True)
        command = [sys.executable, "-c", CODE, str(app_dir), site.url]
        pipe = subprocess.PIPE
        processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [process.communicate() for process in processes]
        assert [process.returncode for process in processes] == [0, 0], answers
        said = {out.strip() for out, _err in answers}
        assert "1.1" in said, answers
        assert said <= {"1.1", "locked"}, answers
        assert is_whole(app_dir, site)


@pytest.mark.parametrize("shared", [False, True])
def test_threads_update_like_processes(shared: bool, fresh: Path, site: Site, tmp_path: Path) -> None:
    for number in range(ROUNDS):
        app_dir = tmp_path / f"app-{number}"
        shutil.copytree(fresh, app_dir, symlinks=True)
        one = esky.Esky(app_dir, site.url)
        apps = [one if shared else esky.Esky(app_dir, site.url) for _ in range(4)]
        started = threading.Barrier(len(apps))
        said: list[str] = []

        def update(app: esky.Esky, said: list[str] = said, started: threading.Barrier = started) -> None:
            started.wait()
            try:
                app.auto_update()
                said.append(app.version)
            except esky.EskyLockedError:
                said.append("locked")

        threads = [threading.Thread(target=update, args=(app,)) for app in apps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(said) == len(apps)
        assert "1.1" in said
        assert set(said) <= {"1.1", "locked"}
        assert is_whole(app_dir, site)


def test_a_finder_that_is_asked_directly_waits_for_nobody(app: esky.Esky, app_dir: Path, site: Site) -> None:
    finder = esky.DefaultVersionFinder(site.url)
    other = esky.Esky(app_dir)
    other.lock()
    with pytest.raises(esky.EskyLockedError):
        finder.fetch_version(app, "1.1")
    with pytest.raises(esky.EskyLockedError):
        finder.cleanup(app)
    other.unlock()
    finder.fetch_version(app, "1.1")


def test_what_another_process_has_updated_meanwhile_is_left_as_it_is(
    app: esky.Esky, app_dir: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the search and the lock another one installs something newer."""
    found = app.find_update()
    assert found == "1.1"
    make_package(site.directory, "1.2")
    esky.Esky(app_dir, site.url).auto_update()
    monkeypatch.setattr(app, "find_update", lambda: found)
    statuses: list[str] = []
    app.auto_update(lambda status: statuses.append(status["status"]))
    assert app.version == "1.2"
    assert "downloading" not in statuses
    assert not list(app_dir.glob("demo-1.1*"))
