"""Apps with a root of trust, as their developers and their users see them."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from conftest import Site, Workshop, make_app

import esky


@pytest.fixture
def app_dir(workshop: Workshop, tmp_path: Path) -> Path:
    """Version 1.0 as a user has it."""
    place = tmp_path / "app"
    with zipfile.ZipFile(workshop.release("1.0")) as package:
        package.extractall(place)
    return place


def test_one_line_in_the_app_is_enough(workshop: Workshop, app_dir: Path, site: Site) -> None:
    notes = workshop.root / "notes.txt"
    notes.write_text("Faster.")
    workshop.release("1.1", "--notes", str(notes))
    shutil.copytree(workshop.repository, site.directory, dirs_exist_ok=True)
    app = esky.Esky(app_dir, site.url)
    assert isinstance(app.version_finder, esky.SignedVersionFinder)
    assert app.find_update() == "1.1"
    assert app.version_finder.notes("1.1") == "Faster."
    app.auto_update()
    assert esky.Esky(app_dir).version == "1.1"


@pytest.mark.parametrize("as_url", [False, True])
def test_a_repository_on_this_machine_is_verified_too(workshop: Workshop, app_dir: Path, as_url: bool) -> None:
    workshop.release("1.1")
    app = esky.Esky(app_dir, workshop.repository.as_uri() if as_url else workshop.repository)
    app.auto_update()
    assert app.version == "1.1"


def test_unsigned_finders_are_refused(app_dir: Path, tmp_path: Path) -> None:
    class Own(esky.VersionFinder):
        def find_versions(self, app: object) -> list[str]:
            raise AssertionError("it was asked")

    for finder in (esky.LocalVersionFinder(tmp_path), esky.DefaultVersionFinder("http://127.0.0.1:9/"), Own()):
        app = esky.Esky(app_dir, finder)
        for attempt in (app.find_update, app.auto_update, app.check, lambda app=app: app.fetch_version("1.1")):
            with pytest.raises(esky.UnsignedSourceError) as caught:
                attempt()
        assert caught.value.hint
    assert esky.Esky(app_dir).version == "1.0"


def test_unsigned_apps_cannot_verify(tmp_path: Path) -> None:
    app = esky.Esky(make_app(tmp_path / "app", "1.0"), esky.SignedVersionFinder("http://127.0.0.1:9/"))
    with pytest.raises(esky.UnsignedSourceError):
        app.find_update()


def test_a_damaged_package_is_not_needed_where_a_patch_leads(workshop: Workshop, app_dir: Path) -> None:
    package = workshop.release("1.1")
    package.write_bytes(b"damaged")
    app = esky.Esky(app_dir, workshop.repository)
    app.auto_update()
    assert app.version == "1.1"


def test_what_is_not_signed_is_not_used(workshop: Workshop, app_dir: Path) -> None:
    package = workshop.release("1.1")
    ways = list(package.parent.glob("*-1.1.*"))
    assert len(ways) == 3, "the package, the compact one, and a patch"
    for way in ways:
        way.write_bytes(way.read_bytes()[:-1] + b"x")
    app = esky.Esky(app_dir, workshop.repository)
    with pytest.raises(esky.EskyVersionError, match="is not the file that was signed for"):
        app.auto_update()
    assert esky.Esky(app_dir).version == "1.0"
    timestamp = workshop.repository / "metadata/timestamp.json"
    timestamp.write_text(timestamp.read_text().replace('"version": 3', '"version": 9'))
    with pytest.raises(esky.UntrustedError):
        app.find_update()
    assert esky.Esky(app_dir).version == "1.0"


def test_a_finder_fetches_in_its_own_way_and_is_verified_all_the_same(workshop: Workshop, app_dir: Path) -> None:
    workshop.release("1.1")
    asked = []

    class Own(esky.SignedVersionFinder):
        def open_url(self, url: str) -> object:
            asked.append(url)
            return (workshop.repository / url.removeprefix("stick://updates/")).open("rb")

    app = esky.Esky(app_dir, Own("stick://updates/"))
    app.auto_update()
    assert app.version == "1.1"
    assert "stick://updates/metadata/timestamp.json" in asked


def test_a_version_that_takes_too_much_is_not_fetched(workshop: Workshop, app_dir: Path) -> None:
    workshop.release("1.1")
    finder = esky.SignedVersionFinder(workshop.repository.as_uri(), download_limit=100)
    app = esky.Esky(app_dir, finder)
    with pytest.raises(esky.DownloadLimitError) as caught:
        app.auto_update()
    assert caught.value.hint
    assert esky.Esky(app_dir).version == "1.0"
    app.version_finder = esky.SignedVersionFinder(workshop.repository.as_uri(), download_limit=1_000_000)
    app.auto_update()
    assert app.version == "1.1"


def test_what_will_travel_is_told_beforehand(workshop: Workshop, app_dir: Path) -> None:
    workshop.release("1.1")
    app = esky.Esky(app_dir, esky.SignedVersionFinder(workshop.repository.as_uri(), limit_rate=10_000_000))
    update = app.check()
    assert update is not None
    events: list[esky.Event] = []
    update.download(progress=events.append)
    planned = [event for event in events if event.phase == "planned"]
    assert [event.message for event in planned] == ["a patch"]
    assert 0 < (planned[0].bytes_total or 0) < 10_000


def test_a_rate_of_nothing_is_refused() -> None:
    for finder in (esky.SignedVersionFinder, esky.DefaultVersionFinder):
        with pytest.raises(ValueError, match="limit_rate"):
            finder("http://127.0.0.1:9/", limit_rate=0)
