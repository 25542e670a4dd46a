"""Updating, in the original's way and in the modern one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Site, directory_name, make_app, make_package

import esky


def started_version(app_dir: Path) -> str:
    """The version that the original's rule starts."""
    parent = app_dir / "appdata" if (app_dir / "appdata").is_dir() else app_dir
    best = esky.get_best_version(parent)
    assert best is not None
    return esky.split_app_version(best)[1]


def test_an_app_knows_itself(app_dir: Path) -> None:
    app = esky.Esky(app_dir)
    assert (app.name, app.version, app.platform) == ("demo", "1.0", esky.get_platform())
    assert app.active_version is None
    assert app.appdir == os.fspath(app_dir)
    assert app.version_finder is None
    assert Path(app.get_abspath("lib/module.txt")) == app_dir / directory_name("1.0") / "lib/module.txt"
    assert app._get_versions_dir() == os.fspath(app_dir)


def test_the_running_program_is_enough_to_find_the_app(tmp_path: Path) -> None:
    make_app(tmp_path, "1.0", "1.1", appdata=True)
    app = esky.Esky(tmp_path / "appdata" / directory_name("1.0") / "prog")
    assert app.appdir == os.fspath(tmp_path)
    assert (app.active_version, app.version) == ("1.0", "1.1")
    assert Path(app.get_abspath("prog")).parent.name == directory_name("1.0")


def test_a_running_version_of_the_old_layout_is_found_beside_appdata(tmp_path: Path) -> None:
    make_app(tmp_path, "1.0")
    make_app(tmp_path, "1.1", appdata=True)
    app = esky.Esky(tmp_path / directory_name("1.0") / "prog")
    assert (app.active_version, app.version) == ("1.0", "1.1")
    assert Path(app.get_abspath("prog")).exists()


def test_attributes_can_be_set(app_dir: Path) -> None:
    app = esky.Esky(app_dir)
    app.active_version = "0.9"
    app.version = "1.5"
    app.name = "other"
    assert (app.active_version, app.version, app.name) == ("0.9", "1.5", "other")
    app.reinitialize()
    assert (app.version, app.name) == ("1.0", "demo")


@pytest.mark.parametrize("missing", ["nothing here", "empty"])
def test_a_directory_without_versions_is_broken(tmp_path: Path, missing: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(esky.EskyBrokenError) as caught:
        esky.Esky(tmp_path / missing)
    assert str(tmp_path / missing) in str(caught.value)
    assert caught.value.hint


def test_a_program_outside_any_app_is_broken(tmp_path: Path) -> None:
    (tmp_path / "prog").touch()
    with pytest.raises(esky.EskyBrokenError):
        esky.Esky(tmp_path / "prog")


def test_the_finder_follows_from_what_is_given(app_dir: Path, tmp_path: Path) -> None:
    assert isinstance(esky.Esky(app_dir, "https://example.com/").version_finder, esky.DefaultVersionFinder)
    assert isinstance(esky.Esky(app_dir, tmp_path).version_finder, esky.LocalVersionFinder)
    assert isinstance(esky.Esky(app_dir, os.fspath(tmp_path)).version_finder, esky.LocalVersionFinder)
    assert isinstance(esky.Esky(app_dir, tmp_path.as_uri()).version_finder, esky.LocalVersionFinder)
    finder = esky.VersionFinder()
    app = esky.Esky(app_dir.as_uri(), finder)
    assert app.version_finder is finder
    app.version_finder = "https://example.com/"
    assert isinstance(app.version_finder, esky.DefaultVersionFinder)


def test_without_a_finder_nothing_can_be_looked_for(app_dir: Path) -> None:
    app = esky.Esky(app_dir)
    for call in (app.find_update, app.auto_update, app.check, lambda: app.fetch_version("1.1")):
        with pytest.raises(esky.NoVersionFinderError):
            call()


def test_find_update_takes_the_newest_that_is_newer(app: esky.Esky, site: Site) -> None:
    make_package(site.directory, "1.10")
    make_package(site.directory, "1.9")
    make_package(site.directory, "2.0", name="other")
    assert app.find_update() == "1.10"
    app.version = "1.10"
    assert app.find_update() is None


def test_step_by_step_as_with_the_original(app: esky.Esky, app_dir: Path) -> None:
    version = app.find_update()
    assert version == "1.1"
    path = app.fetch_version(version)
    assert Path(path, "prog").exists()
    assert started_version(app_dir) == "1.0"
    app.install_version(version)
    app.reinitialize()
    assert app.version == "1.1"
    app.uninstall_version("1.0")
    assert app.cleanup() is True
    assert not app.needs_cleanup()
    assert not (app_dir / directory_name("1.0")).exists()
    assert started_version(app_dir) == "1.1"


def test_auto_update_tells_each_step_in_the_order_of_the_original(app: esky.Esky, app_dir: Path) -> None:
    statuses: list[dict[str, Any]] = []
    app.auto_update(statuses.append)
    names = [status["status"] for status in statuses]
    assert [name for index, name in enumerate(names) if name not in names[:index]] == [
        "searching",
        "found",
        "downloading",
        "ready",
        "installing",
        "cleaning up",
        "done",
    ]
    assert statuses[1] == {"status": "found", "new_version": "1.1"}
    downloading = [status for status in statuses if status["status"] == "downloading"]
    assert all(set(status) == {"status", "size", "received"} for status in downloading)
    assert {"status": "installing", "new_version": "1.1"} in statuses
    assert next(status for status in statuses if status["status"] == "ready")["path"]
    assert app.version == "1.1"
    assert (app_dir / directory_name("1.0")).exists(), "kept to go back to"


def test_auto_update_without_news_only_cleans_up(app: esky.Esky) -> None:
    app.version = "1.1"
    statuses: list[dict[str, Any]] = []
    assert app.auto_update(statuses.append) is None
    assert [status["status"] for status in statuses] == ["searching", "cleaning up", "done"]


def test_nothing_to_do_needs_no_lock(app: esky.Esky, app_dir: Path) -> None:
    app.version = "1.1"
    other = esky.Esky(app_dir)
    other.lock()
    app.auto_update()
    assert app.cleanup() is True
    other.unlock()


def test_a_clean_up_that_has_to_wait_is_no_failed_update(app: esky.Esky, app_dir: Path) -> None:
    app.version = "1.1"
    (app_dir / "updates" / "downloads").mkdir(parents=True)
    (app_dir / "updates" / "downloads" / "old.zip").write_bytes(b"")
    other = esky.Esky(app_dir)
    other.lock()
    statuses: list[dict[str, Any]] = []
    app.auto_update(statuses.append)
    assert statuses[-1] == {"status": "done"}
    with pytest.raises(esky.EskyLockedError):
        app.cleanup()
    other.unlock()
    assert app.cleanup() is True


def test_auto_update_tells_of_an_error_and_raises_it(app: esky.Esky, site: Site, app_dir: Path) -> None:
    (site.directory / f"{directory_name('1.1')}.zip").write_bytes(b"this is no zip file")
    statuses: list[dict[str, Any]] = []
    with pytest.raises(esky.Error) as caught:
        app.auto_update(statuses.append)
    assert statuses[-1]["status"] == "error"
    assert statuses[-1]["exception"] is caught.value
    assert "retrying" in [status["status"] for status in statuses]
    assert started_version(app_dir) == "1.0"


def test_an_exception_of_the_callback_comes_through(app: esky.Esky, app_dir: Path) -> None:
    def callback(status: dict[str, Any]) -> None:
        if status["status"] == "downloading":
            raise RuntimeError("no more, please")

    with pytest.raises(RuntimeError, match="no more, please"):
        app.auto_update(callback)
    assert started_version(app_dir) == "1.0"


def test_subclass_overrides_are_used_by_auto_update(app_dir: Path, site: Site) -> None:
    make_package(site.directory, "1.1")
    called: list[str] = []

    class Recording(esky.Esky):
        def find_update(self) -> str | None:
            called.append("find_update")
            return super().find_update()

        def fetch_version(self, version: str, callback: Any = None) -> str:
            called.append("fetch_version")
            return super().fetch_version(version, callback)

        def install_version(self, version: str) -> None:
            called.append("install_version")
            super().install_version(version)

        def reinitialize(self) -> None:
            called.append("reinitialize")
            super().reinitialize()

        def cleanup(self) -> bool:
            called.append("cleanup")
            return super().cleanup()

    Recording(app_dir, site.url).auto_update()
    assert called == [
        "find_update",
        "fetch_version",
        "install_version",
        "reinitialize",
        "cleanup",
    ]


def test_fetch_version_iter_yields_the_statuses(app: esky.Esky) -> None:
    iterator = app.fetch_version_iter("1.1")
    assert isinstance(iterator, Iterator)
    statuses = list(iterator)
    assert statuses[-1]["status"] == "ready"
    assert Path(statuses[-1]["path"], "prog").exists()
    assert {status["status"] for status in statuses[:-1]} <= {"downloading", "retrying"}
    again = list(app.fetch_version_iter("1.1"))
    assert again == statuses[-1:]


def test_a_dropped_iterator_leaves_the_app_unlocked(app: esky.Esky, app_dir: Path) -> None:
    iterator = app.fetch_version_iter("1.1")
    next(iterator)
    iterator.close()  # type: ignore[attr-defined]
    other = esky.Esky(app_dir)
    assert other.lock()
    other.unlock()


def test_the_modern_way(app: esky.Esky, app_dir: Path) -> None:
    events: list[esky.Event] = []
    update = app.check(progress=events.append)
    assert update is not None
    assert update.version == "1.1"
    update.download(progress=events.append)
    update.install(progress=events.append)
    phases = [event.phase for event in events]
    assert phases[:2] == ["searching", "found"]
    assert phases[-2:] == ["installing", "done"]
    assert phases.index("downloading") < phases.index("unpacking") < phases.index("ready")
    last = [event for event in events if event.phase == "downloading"][-1]
    assert last.bytes_done == last.bytes_total
    assert last.fraction == 1.0
    assert app.version == "1.1"
    assert app.check() is None
    assert {version.version: version.current for version in app.versions()} == {"1.0": False, "1.1": True}
    assert app.cleanup() is True
    assert [version.version for version in app.versions()] == ["1.1", "1.0"]
    assert started_version(app_dir) == "1.1"


def test_installing_downloads_by_itself(app: esky.Esky) -> None:
    update = app.check()
    assert update is not None
    update.install()
    assert app.version == "1.1"


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for a frozen program is a shell script")
def test_the_new_program_is_at_the_top(app: esky.Esky, app_dir: Path) -> None:
    app.auto_update()
    assert (app_dir / "prog").exists()
    inner = app.get_abspath("prog")
    assert subprocess.check_output([inner, "x"], text=True) == "1.1 x\n"


def test_verify_finds_damage(app: esky.Esky, app_dir: Path) -> None:
    app.auto_update()
    report = app.verify()
    assert report.ok
    assert report.checked > 0
    (app_dir / directory_name("1.1") / "lib" / "module.txt").write_text("changed")
    (app_dir / directory_name("1.1") / "prog").unlink()
    report = app.verify()
    assert not report.ok
    assert [Path(path).name for path in report.damaged] == ["module.txt"]
    assert "prog" in [Path(path).name for path in report.missing]


def test_a_version_in_use_stays(app: esky.Esky, app_dir: Path, site: Site) -> None:
    old = app_dir / directory_name("1.0")
    esky.lock_version_dir(old)
    try:
        app.install_version("1.1")
        make_package(site.directory, "1.2")
        app.install_version("1.2")
        with pytest.raises(esky.VersionLockedError):
            app.uninstall_version("1.0")
        assert app.cleanup() is False
        assert old.exists()
        assert any(version.in_use for version in app.versions() if version.version == "1.0")
    finally:
        esky.unlock_version_dir(old)
    assert app.cleanup() is True
    assert not old.exists()


def test_what_the_user_wrote_into_a_version_is_kept(app: esky.Esky, app_dir: Path, site: Site) -> None:
    settings = app_dir / directory_name("1.0") / "settings.ini"
    settings.write_text("color=blue")
    # This version has no file list, as those that the original installed: later times tell.
    later = settings.stat().st_mtime + 10
    os.utime(settings, (later, later))
    app.auto_update()
    app.confirm()
    make_package(site.directory, "1.2")
    app.auto_update()
    assert not (app_dir / directory_name("1.0")).exists()
    [kept] = app.kept_files()
    assert (kept.version, kept.files, kept.bytes) == ("1.0", 1, 10)
    assert Path(kept.directory, "settings.ini").read_text() == "color=blue"


def test_an_unknown_version_is_a_version_error(app: esky.Esky) -> None:
    with pytest.raises(esky.EskyVersionError):
        app.fetch_version("7.7")
    with pytest.raises(esky.EskyVersionError):
        app.install_version("7.7")


def test_a_local_directory_serves_too(app_dir: Path, tmp_path: Path) -> None:
    make_package(tmp_path / "packages", "1.2")
    app = esky.Esky(app_dir, tmp_path / "packages")
    app.auto_update()
    assert app.version == "1.2"


def test_locks_are_counted_and_exclude_others(app_dir: Path) -> None:
    first, second = esky.Esky(app_dir), esky.Esky(app_dir)
    assert first.lock()
    assert first.lock()
    first.unlock()
    with pytest.raises(esky.EskyLockedError):
        second.lock()
    first.unlock()
    assert second.lock()
    second.unlock()
    second.unlock()


def test_another_thread_of_the_same_object_is_kept_out(app_dir: Path) -> None:
    app = esky.Esky(app_dir)
    app.lock()
    caught: list[BaseException] = []

    def other() -> None:
        try:
            app.lock()
        except esky.EskyLockedError as error:
            caught.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    app.unlock()
    assert len(caught) == 1


def test_a_thread_without_the_lock_does_not_free_it(app_dir: Path) -> None:
    app = esky.Esky(app_dir)
    app.lock()
    thread = threading.Thread(target=app.unlock)
    thread.start()
    thread.join()
    with pytest.raises(esky.EskyLockedError):
        esky.Esky(app_dir).lock()
    app.unlock()
    assert esky.Esky(app_dir).lock()


def test_an_iterator_may_go_from_thread_to_thread(app: esky.Esky, app_dir: Path) -> None:
    iterator = app.fetch_version_iter("1.1")
    statuses = [next(iterator)]
    thread = threading.Thread(target=lambda: statuses.extend(iterator))
    thread.start()
    thread.join()
    assert statuses[-1]["status"] == "ready"
    assert esky.Esky(app_dir).lock()


def test_rights_are_never_taken(app_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = esky.Esky(app_dir)
    assert app.has_root() == esky.has_root()
    app.drop_root()
    monkeypatch.setattr(esky.sudo, "has_root", lambda: False)
    with pytest.raises(PermissionError) as caught:
        app.get_root()
    assert isinstance(caught.value, esky.InstallPermissionError)
    assert caught.value.hint
