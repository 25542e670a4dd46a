"""Repositories made by python-tuf, and the two clients that read them: python-tuf's and ours."""

from __future__ import annotations

import inspect
import os
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from conftest import Site

tuf_metadata = pytest.importorskip("tuf.api.metadata", reason="python-tuf is not installed")
ngclient = pytest.importorskip("tuf.ngclient", reason="python-tuf is not installed")
signer = pytest.importorskip("securesystemslib.signer", reason="securesystemslib is not installed")

CLIENT = os.environ.get("ESKY_TUF_CLIENT", "")
needs_client = pytest.mark.skipif(
    not CLIENT, reason="ESKY_TUF_CLIENT does not name our client; `cargo xtask test` does"
)
EXPIRES = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=10)
KEYS = {
    "ed25519": signer.CryptoSigner.generate_ed25519,
    "ecdsa": signer.CryptoSigner.generate_ecdsa,
    "rsa": signer.CryptoSigner.generate_rsa,
}


def python_client(root: bytes, site: Site, place: Path) -> ngclient.Updater:
    metadata, targets = place / "metadata", place / "targets"
    for directory in (metadata, targets):
        directory.mkdir(parents=True, exist_ok=True)
    (metadata / "root.json").write_bytes(root)
    # Later versions want to be told.
    told = {"bootstrap": root} if "bootstrap" in inspect.signature(ngclient.Updater).parameters else {}
    return ngclient.Updater(
        metadata_dir=str(metadata),
        metadata_base_url=f"{site.url}metadata/",
        target_base_url=f"{site.url}targets/",
        target_dir=str(targets),
        **told,
    )


class OurClient:
    """Our client as a program, with its directories."""

    def __init__(self, site: Site, place: Path, root: bytes) -> None:
        self.site, self.place = site, place
        self.place.mkdir()
        (place / "first-root").write_bytes(root)
        assert self.run("init", str(place / "first-root")) == 0

    def run(self, *words: str) -> int:
        done = subprocess.run(
            [CLIENT, "--metadata-dir", str(self.place / "metadata"), *words],
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stderr)
        return done.returncode

    def refresh(self) -> int:
        return self.run("--metadata-url", f"{self.site.url}metadata", "refresh")

    def try_download(self, target: str) -> int:
        words = ["--metadata-url", f"{self.site.url}metadata", "--target-base-url", f"{self.site.url}targets"]
        words += ["--target-dir", str(self.place / "targets"), "--target-name", target, "download"]
        return self.run(*words)

    def download(self, target: str) -> bytes:
        assert self.try_download(target) == 0
        return next((self.place / "targets").iterdir()).read_bytes()


class PythonRepository:
    """A repository of four roles, one key each, and a delegation, made by python-tuf."""

    def __init__(self, site: Site, kind: str, consistent: bool) -> None:
        self.site = site
        self.keys = {role: KEYS[kind]() for role in ("root", "timestamp", "snapshot", "targets", "helper")}
        self.root = tuf_metadata.Root(expires=EXPIRES, consistent_snapshot=consistent)
        for role in ("root", "timestamp", "snapshot", "targets"):
            self.root.add_key(self.keys[role].public_key, role)
        self.targets = tuf_metadata.Targets(expires=EXPIRES)
        self.helper = tuf_metadata.Targets(expires=EXPIRES)
        self.snapshot = tuf_metadata.Snapshot(expires=EXPIRES)
        self.timestamp = tuf_metadata.Timestamp(expires=EXPIRES)
        key = self.keys["helper"].public_key
        role = tuf_metadata.DelegatedRole("helper", [key.keyid], 1, True, ["sub/*"])
        self.targets.delegations = tuf_metadata.Delegations({key.keyid: key}, {"helper": role})

    def add(self, path: str, content: bytes) -> None:
        role = self.helper if path.startswith("sub/") else self.targets
        info = tuf_metadata.TargetFile.from_data(path, content, ["sha256", "sha512"])
        role.targets[path] = info
        directory, _, name = path.rpartition("/")
        if self.root.consistent_snapshot:
            name = f"{info.hashes['sha256']}.{name}"
        place = self.site.directory / "targets" / directory / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def write(self, role: str, signed: object) -> bytes:
        metadata = tuf_metadata.Metadata(signed)
        metadata.sign(self.keys[role])
        data: bytes = metadata.to_bytes()
        self.place_of(role).write_bytes(data)
        return data

    def place_of(self, role: str) -> Path:
        """Where the newest file of a role is served."""
        version = self.root.consistent_snapshot or role == "root"
        number = getattr(self, role).version
        name = f"{number}.{role}.json" if version and role != "timestamp" else f"{role}.json"
        place = self.site.directory / "metadata" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def publish(self) -> bytes:
        root = self.write("root", self.root)
        for role in ("helper", "targets"):
            self.describe(role, self.write(role, getattr(self, role)))
        self.describe("snapshot", self.write("snapshot", self.snapshot))
        self.write("timestamp", self.timestamp)
        return root

    def describe(self, role: str, data: bytes) -> None:
        """Lets the metadata above a role name these bytes."""
        version = getattr(self, role).version
        if role == "snapshot":
            self.timestamp.snapshot_meta = tuf_metadata.MetaFile.from_data(version, data, ["sha256"])
        else:
            self.snapshot.meta[f"{role}.json"] = tuf_metadata.MetaFile.from_data(version, data, ["sha512"])
