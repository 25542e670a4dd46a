"""Apps to play with: app directories, packages and web servers, all made of nothing."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import esky

# A shell starts what runs in the background with SIGINT ignored, and programs started from there inherit that.
# With a handler here they get the default instead, as programs do that a person starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

PLATFORM = esky.get_platform()
LOCKFILE_TEXT = "this file is used by esky to lock the version dir\n"
SCRIPT = '#!/bin/sh\necho {version} "$@"\n'
PROGRAM = "prog.exe" if sys.platform == "win32" else "prog"


def directory_name(version: str, name: str = "demo") -> str:
    return f"{name}-{version}.{PLATFORM}"


def program_of(version: str) -> bytes:
    """What passes for the program of a version; on Windows only real ones do, and what follows one does not matter."""
    if sys.platform == "win32":
        return Path(sys.executable).read_bytes() + version.encode()
    return SCRIPT.format(version=version).encode()


def version_files(version: str, extra: dict[str, bytes] | None = None) -> dict[str, bytes]:
    """The files of a version directory, by path."""
    return {
        "prog": SCRIPT.format(version=version).encode(),
        "lib/module.txt": f"module of {version}".encode(),
        "esky-files/lockfile.txt": LOCKFILE_TEXT.encode(),
        "esky-files/bootstrap-manifest.txt": b"prog\n",
        **(extra or {}),
    }


def write_version(parent: Path, version: str, name: str = "demo") -> Path:
    directory = parent / directory_name(version, name)
    for path, content in version_files(version).items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (directory / "prog").chmod(0o755)
    return directory


def make_app(root: Path, *versions: str, appdata: bool = False) -> Path:
    """An app directory with some versions in it."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "prog").write_text(SCRIPT.format(version="bootstrap"))
    (root / "prog").chmod(0o755)
    for version in versions:
        write_version(root / "appdata" if appdata else root, version)
    return root


def make_package(
    directory: Path, version: str, name: str = "demo", extra: dict[str, bytes] | None = None, prefix: str = ""
) -> Path:
    """A package as the original's tools write it."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{directory_name(version, name)}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        files = {
            "prog": SCRIPT.format(version="bootstrap").encode(),
            **{f"{directory_name(version, name)}/{file}": data for file, data in version_files(version, extra).items()},
        }
        for file, data in files.items():
            entry = zipfile.ZipInfo(prefix + file)
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if file.endswith("prog") else 0o100644) << 16
            archive.writestr(entry, data)
    return path


@dataclass
class Site:
    """A web server for a directory; `special` answers single paths in its own way."""

    directory: Path
    url: str = ""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    special: dict[str, Callable[[http.server.BaseHTTPRequestHandler], None]] = field(default_factory=dict)

    def paths(self) -> list[str]:
        return [path for path, _headers in self.requests]


class _Handler(http.server.SimpleHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        self.site.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        special = self.site.special.get(self.path)
        if special is not None:
            special(self)
        else:
            super().do_GET()

    def log_message(self, *_args: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in the middle are part of these tests."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    directory = tmp_path / "site"
    directory.mkdir()
    site = Site(directory)
    handler = type("Handler", (_Handler,), {"site": site})
    server = _Server(("127.0.0.1", 0), lambda *args: handler(*args, directory=os.fspath(directory)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture
def app_dir(tmp_path: Path) -> Path:
    """An installed demo 1.0."""
    return make_app(tmp_path / "app", "1.0")


@pytest.fixture
def app(app_dir: Path, site: Site) -> esky.Esky:
    """An installed demo 1.0 whose site offers 1.1."""
    make_package(site.directory, "1.1")
    return esky.Esky(app_dir, site.url)


class SilentServer:
    """Takes connections and never answers."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._clients: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def wait_for_request(self) -> None:
        """Returns when a client has asked for something, so that it waits for the answer now."""
        client, _address = self._listener.accept()
        self._clients.append(client)
        client.recv(1)

    def close(self) -> None:
        for connection in (*self._clients, self._listener):
            connection.close()


@pytest.fixture
def silent_server() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Workshop:
    """A developer's machine: sources, keys, and a signed repository."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repository = root / "repo"
        self.run("init", "--app", "demo")

    def run(self, *words: str) -> dict[str, object]:
        config = str(self.root / "config")
        environment = {"XDG_CONFIG_HOME": config, "APPDATA": config, "ESKY_ROOT_PASSPHRASE": "correct horse"}
        if sys.platform == "win32":
            # Without it Python does not start.
            environment["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
        done = subprocess.run(
            [sys.executable, "-m", "esky", *words, "--json"],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def release(self, version: str, *options: str) -> Path:
        frozen = self.root / "dist"
        frozen.mkdir(exist_ok=True)
        program = frozen / PROGRAM
        program.write_bytes(program_of(version))
        program.chmod(0o755)
        answer = self.run("release", str(frozen), "--version", version, *options)
        return Path(str(answer["path"]))


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    root = tmp_path / "workshop"
    root.mkdir()
    return Workshop(root)
