"""Finders written in Python, and how the native ones reach the web."""

from __future__ import annotations

import io
import shutil
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Site, directory_name, make_package, write_version

import esky


class DirectoryFinder(esky.VersionFinder):
    """Unpacks versions from a directory, as an app of the original's days would do it."""

    def __init__(self, source: Path, target: Path) -> None:
        self.source = source
        self.target = target
        self.cleaned = 0

    def find_versions(self, app: Any) -> list[str]:
        return [esky.split_app_version(path.stem)[1] for path in self.source.glob(f"{app.name}-*.zip")]

    def fetch_version_iter(self, app: Any, version: str) -> Any:
        yield {"status": "downloading", "size": 10, "received": 0}
        self.unpack(app, version)
        yield {"status": "ready", "path": self.has_version(app, version)}

    def unpack(self, app: Any, version: str) -> None:
        directory = write_version(self.target, version)
        # What goes to the top of the app directory waits in here, as it did with the original.
        (directory / "esky-files" / "bootstrap").mkdir()
        shutil.copy(directory / "prog", directory / "esky-files" / "bootstrap" / "prog")

    def has_version(self, app: Any, version: str) -> str | bool:
        path = self.target / directory_name(version)
        return str(path) if path.exists() else False

    def cleanup(self, app: Any) -> None:
        self.cleaned += 1


@pytest.fixture
def finder(tmp_path: Path) -> DirectoryFinder:
    make_package(tmp_path / "packages", "1.1")
    return DirectoryFinder(tmp_path / "packages", tmp_path / "unpacked")


def test_a_finder_in_python_does_the_whole_update(app_dir: Path, finder: DirectoryFinder) -> None:
    app = esky.Esky(app_dir, finder)
    statuses: list[dict[str, Any]] = []
    app.auto_update(statuses.append)
    assert [status["status"] for status in statuses] == [
        "searching",
        "found",
        "downloading",
        "ready",
        "installing",
        "cleaning up",
        "done",
    ]
    assert app.version == "1.1"
    assert finder.cleaned == 1


def test_its_statuses_become_events(app_dir: Path, finder: DirectoryFinder) -> None:
    update = esky.Esky(app_dir, finder).check()
    assert update is not None
    events: list[esky.Event] = []
    update.download(progress=events.append)
    assert events[0] == esky.Event("downloading", 0, 10, "1.1")
    assert events[-1].phase == "ready"


def test_what_was_downloaded_is_not_fetched_again(app_dir: Path, finder: DirectoryFinder) -> None:
    app = esky.Esky(app_dir, finder)
    update = app.check()
    assert update is not None
    update.download()
    events: list[esky.Event] = []
    update.install(progress=events.append)
    assert [event.phase for event in events] == ["installing", "done"]
    assert app.version == "1.1"


def test_a_cancelled_token_stops_it_between_two_steps(app_dir: Path, finder: DirectoryFinder) -> None:
    update = esky.Esky(app_dir, finder).check()
    assert update is not None
    token = esky.CancelToken()
    with pytest.raises(esky.CancelledError):
        update.download(progress=lambda _event: token.cancel(), cancel=token)


def test_overriding_only_fetch_version_is_enough(app_dir: Path, finder: DirectoryFinder) -> None:
    class Whole(DirectoryFinder):
        fetch_version_iter = esky.VersionFinder.fetch_version_iter

        def fetch_version(self, app: Any, version: str, callback: Callable[[Any], Any] | None = None) -> str:
            if callback is not None:
                callback({"status": "downloading", "size": None, "received": 0})
            self.unpack(app, version)
            return str(self.has_version(app, version))

    app = esky.Esky(app_dir, Whole(finder.source, finder.target))
    statuses = list(app.fetch_version_iter("1.1"))
    assert [status["status"] for status in statuses] == ["downloading", "ready"]
    app.install_version("1.1")
    app.reinitialize()
    assert app.version == "1.1"


def test_a_finder_that_adds_to_the_usual_way_fetches_as_it_does(app: esky.Esky, site: Site) -> None:
    """Its own method runs inside the update, and calls the native one from there."""
    called: list[str] = []

    class Telling(esky.DefaultVersionFinder):
        def fetch_version(self, app: Any, version: str, callback: Callable[[Any], Any] | None = None) -> str:
            called.append(f"before {version}")
            path = super().fetch_version(app, version, callback)
            called.append(f"after {version}")
            return path

    app.version_finder = Telling(site.url)
    statuses: list[str] = []
    assert app.auto_update(lambda status: statuses.append(status["status"])) == "1.1"
    assert called == ["before 1.1", "after 1.1"]
    assert "downloading" in statuses
    assert statuses.count("ready") == 1


def test_what_a_finder_raises_comes_through_as_it_is(app_dir: Path, finder: DirectoryFinder) -> None:
    class OwnError(Exception):
        pass

    error = OwnError("the shop is closed")

    class Closed(DirectoryFinder):
        def unpack(self, app: Any, version: str) -> None:
            raise error

    app = esky.Esky(app_dir, Closed(finder.source, finder.target))
    with pytest.raises(OwnError) as caught:
        app.auto_update()
    assert caught.value is error
    assert app.lock(), "nothing is at work any more"
    app.unlock()


def test_a_damaged_version_is_fetched_anew_by_a_finder_that_gives_no_parts(
    app_dir: Path, finder: DirectoryFinder
) -> None:
    app = esky.Esky(app_dir, finder)
    assert app.auto_update() == "1.1"
    program = app_dir / directory_name("1.1") / "prog"
    program.unlink()
    shutil.rmtree(finder.target)
    app.reinitialize()
    assert app.version == "1.0"
    assert app.auto_update() == "1.1"
    assert program.exists()


def test_the_base_class_knows_nothing(app_dir: Path) -> None:
    app = esky.Esky(app_dir, esky.VersionFinder())
    with pytest.raises(NotImplementedError):
        app.find_update()
    with pytest.raises(NotImplementedError):
        list(esky.VersionFinder().fetch_version_iter(app, "1.1"))
    assert not esky.VersionFinder().needs_cleanup(app)


def test_an_own_open_url_serves_everything(app_dir: Path, tmp_path: Path) -> None:
    package = make_package(tmp_path, "1.1").read_bytes()
    opened: list[str] = []
    closed: list[str] = []

    class Stream(io.BytesIO):
        size: int | None = None

        def close(self) -> None:
            if not self.closed:
                closed.append("closed")
            super().close()

    class Finder(esky.DefaultVersionFinder):
        def open_url(self, url: str) -> Any:
            opened.append(url)
            if url == "made-up://nowhere/":
                return Stream(f'<a href="{directory_name("1.1")}.zip">x</a>'.encode())
            stream = Stream(package)
            stream.size = len(package)
            return stream

    app = esky.Esky(app_dir, Finder("made-up://nowhere/"))
    app.auto_update()
    assert app.version == "1.1"
    assert opened == ["made-up://nowhere/", f"made-up://nowhere/{directory_name('1.1')}.zip"]
    assert len(closed) == 2


def test_an_own_open_url_may_wrap_ours(app: esky.Esky, site: Site) -> None:
    seen: list[tuple[str, int | None]] = []

    class Finder(esky.DefaultVersionFinder):
        def open_url(self, url: str) -> Any:
            stream = super().open_url(url)
            seen.append((stream.geturl(), stream.size))
            return stream

    app.version_finder = Finder(site.url)
    app.auto_update()
    assert app.version == "1.1"
    package_size = (site.directory / f"{directory_name('1.1')}.zip").stat().st_size
    assert seen[-1] == (f"{site.url}{directory_name('1.1')}.zip", package_size)


def test_an_own_open_url_may_use_urllib(app: esky.Esky, site: Site) -> None:
    class Finder(esky.DefaultVersionFinder):
        def open_url(self, url: str) -> Any:
            return urllib.request.urlopen(url)

    app.version_finder = Finder(site.url)
    app.auto_update()
    assert app.version == "1.1"


def test_an_own_open_url_may_tell_the_path_alone(app: esky.Esky, site: Site) -> None:
    class Answer:
        def __init__(self, url: str) -> None:
            self._answer = urllib.request.urlopen(url)
            self.read, self.close = self._answer.read, self._answer.close

        def geturl(self) -> str:
            return urllib.parse.urlsplit(self._answer.url).path

    class Finder(esky.DefaultVersionFinder):
        def open_url(self, url: str) -> Any:
            return Answer(url)

    app.version_finder = Finder(site.url)
    app.auto_update()
    assert app.version == "1.1"


def test_an_open_url_set_on_the_object_counts(app: esky.Esky, site: Site) -> None:
    finder = esky.DefaultVersionFinder(site.url)
    opened: list[str] = []

    def open_url(url: str) -> Any:
        opened.append(url)
        return urllib.request.urlopen(url)

    finder.open_url = open_url  # type: ignore[method-assign]
    app.version_finder = finder
    assert app.find_update() == "1.1"
    assert opened == [site.url]


def test_an_os_error_of_open_url_is_a_network_error(app: esky.Esky) -> None:
    class Finder(esky.DefaultVersionFinder):
        def open_url(self, url: str) -> Any:
            raise OSError("the cable is out")

    app.version_finder = Finder("made-up://nowhere/")
    with pytest.raises(esky.NetworkError, match="the cable is out") as caught:
        app.find_update()
    assert caught.value.url == "made-up://nowhere/"


def test_any_other_exception_of_open_url_comes_through(app: esky.Esky) -> None:
    class Finder(esky.DefaultVersionFinder):
        def open_url(self, url: str) -> Any:
            raise ZeroDivisionError("a fault of the app")

    app.version_finder = Finder("made-up://nowhere/")
    with pytest.raises(ZeroDivisionError):
        app.find_update()


def test_headers_are_sent_with_every_request(app: esky.Esky, site: Site) -> None:
    app.version_finder = esky.DefaultVersionFinder(site.url, headers={"Authorization": "Bearer 1"})
    app.auto_update()
    assert len(site.requests) >= 2
    assert all(headers.get("authorization") == "Bearer 1" for _path, headers in site.requests)


def test_fixed_headers_stay_with_their_host(app: esky.Esky, site: Site) -> None:
    package = f"{directory_name('1.1')}.zip"
    elsewhere = site.url.replace("127.0.0.1", "localhost") + package
    (site.directory / "index.html").write_text(f'<a href="{elsewhere}">1.1</a>')
    app.version_finder = esky.DefaultVersionFinder(site.url, headers={"Authorization": "Bearer 1"})
    app.auto_update()
    assert app.version == "1.1"
    sent = {path: headers.get("authorization") for path, headers in site.requests}
    assert sent == {"/": "Bearer 1", f"/{package}": None}


def test_headers_may_be_asked_for_each_time(app: esky.Esky, site: Site) -> None:
    asked: list[str] = []

    def headers(url: str) -> dict[str, str]:
        asked.append(url)
        return {"X-Count": str(len(asked))}

    app.version_finder = esky.DefaultVersionFinder(site.url, headers=headers)
    app.auto_update()
    assert asked == [site.url, f"{site.url}{directory_name('1.1')}.zip"]
    assert [sent.get("x-count") for _path, sent in site.requests] == ["1", "2"]


def test_an_exception_of_the_headers_function_comes_through(app: esky.Esky, site: Site) -> None:
    def headers(url: str) -> dict[str, str]:
        raise LookupError("no token")

    app.version_finder = esky.DefaultVersionFinder(site.url, headers=headers)
    with pytest.raises(LookupError, match="no token"):
        app.find_update()


def test_the_graph_shows_what_was_found(app: esky.Esky, site: Site) -> None:
    finder = app.version_finder
    assert isinstance(finder, esky.DefaultVersionFinder)
    assert finder.version_graph.get_versions("1.0") == []
    app.find_update()
    assert finder.version_graph.get_best_path("1.0", "1.1") == [f"{site.url}{directory_name('1.1')}.zip"]


def test_links_put_into_the_graph_are_fetched(app: esky.Esky, site: Site) -> None:
    package = f"{directory_name('1.1')}.zip"

    class Finder(esky.DefaultVersionFinder):
        def find_versions(self, app: esky.Esky) -> list[str]:
            self.version_graph.add_link("", "1.1", f"files/{package}", 40)
            return self.version_graph.get_versions(app.version)

    (site.directory / "files").mkdir()
    (site.directory / package).rename(site.directory / "files" / package)
    app.version_finder = Finder(site.url)
    app.auto_update()
    assert app.version == "1.1"
    assert site.paths() == [f"/files/{package}"]


def test_links_put_into_the_graph_outlive_a_new_look_at_the_page(app: esky.Esky, site: Site) -> None:
    finder = esky.DefaultVersionFinder(site.url)
    graph = finder.version_graph
    graph.add_link("", "1.2", "http://elsewhere/1.2.zip", 40)
    assert finder.find_versions(app) == ["1.1", "1.2"]
    (site.directory / f"{directory_name('1.1')}.zip").unlink()
    assert finder.find_versions(app) == ["1.2"]
    assert graph.get_versions("1.0") == ["1.2"]


def test_another_address_may_be_assigned(app: esky.Esky, site: Site) -> None:
    finder = esky.DefaultVersionFinder(site.url + "nothing/", headers={"X-Mine": "1"})
    finder.download_url = site.url
    assert finder.download_url == site.url
    assert finder.find_versions(app) == ["1.1"]
    assert site.requests[-1][1]["x-mine"] == "1"


def test_opening_a_url_by_hand(site: Site) -> None:
    (site.directory / "hello.txt").write_text("hello world")
    finder = esky.DefaultVersionFinder(site.url)
    with finder.open_url(site.url + "hello.txt") as stream:
        assert stream.size == 11
        assert stream.read(5) == b"hello"
        assert stream.read() == b" world"
        assert stream.read(5) == b""
    with pytest.raises(ValueError, match="closed"):
        stream.read()


def test_a_local_finder_opens_its_files(tmp_path: Path) -> None:
    package = make_package(tmp_path, "1.1")
    with esky.LocalVersionFinder(tmp_path).open_url(package.name) as file:
        assert zipfile.is_zipfile(io.BytesIO(file.read()))


def test_bad_options_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="download_url"):
        esky.DefaultVersionFinder()
    with pytest.raises(ValueError, match="timeout"):
        esky.DefaultVersionFinder("http://localhost/", timeout=-1)
