"""Repositories of ours read by others, and those of others read by us: python-tuf and tufup."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from conftest import Site, Workshop

tuf_metadata = pytest.importorskip("tuf.api.metadata", reason="python-tuf is not installed")
exceptions = pytest.importorskip("tuf.api.exceptions", reason="python-tuf is not installed")
ngclient = pytest.importorskip("tuf.ngclient", reason="python-tuf is not installed")
signer = pytest.importorskip("securesystemslib.signer", reason="securesystemslib is not installed")

CLIENT = os.environ.get("ESKY_TUF_CLIENT", "")
needs_client = pytest.mark.skipif(
    not CLIENT, reason="ESKY_TUF_CLIENT does not name our client; `cargo xtask test` does"
)
EXPIRES = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=10)


# --- Ours, read by python-tuf


def python_client(root: bytes, site: Site, place: Path) -> ngclient.Updater:
    metadata, targets = place / "metadata", place / "targets"
    for directory in (metadata, targets):
        directory.mkdir(parents=True, exist_ok=True)
    (metadata / "root.json").write_bytes(root)
    return ngclient.Updater(
        metadata_dir=str(metadata),
        metadata_base_url=f"{site.url}metadata/",
        target_base_url=f"{site.url}targets/",
        target_dir=str(targets),
    )


def test_python_tuf_reads_our_repository_after_every_kind_of_change(
    workshop: Workshop, site: Site, tmp_path: Path
) -> None:
    package = workshop.release("1.0")
    first_root = (workshop.repository / "metadata/1.root.json").read_bytes()
    target = f"demo/stable/{package.parent.name}/{package.name.split('.', 1)[1]}"
    changes: list[list[str]] = [
        [],
        ["refresh"],
        ["yank", "1.0"],
        ["rotate", "release"],
        ["rotate", "root"],
        ["rotate", "recovery"],
    ]
    for number, words in enumerate(changes):
        if words:
            workshop.run(*words)
        shutil.copytree(workshop.repository, site.directory, dirs_exist_ok=True)
        updater = python_client(first_root, site, tmp_path / f"client-{number}")
        updater.refresh()
        info = updater.get_targetinfo(target)
        assert info is not None
        assert Path(updater.download_target(info)).read_bytes() == package.read_bytes()


# --- python-tuf's, read by ours


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

    def download(self, target: str) -> bytes:
        words = ["--metadata-url", f"{self.site.url}metadata", "--target-base-url", f"{self.site.url}targets"]
        words += ["--target-dir", str(self.place / "targets"), "--target-name", target, "download"]
        assert self.run(*words) == 0
        return next((self.place / "targets").iterdir()).read_bytes()


KEYS = {
    "ed25519": signer.CryptoSigner.generate_ed25519,
    "ecdsa": signer.CryptoSigner.generate_ecdsa,
    "rsa": signer.CryptoSigner.generate_rsa,
}


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
        version = self.root.consistent_snapshot or role == "root"
        name = f"{metadata.signed.version}.{role}.json" if version and role != "timestamp" else f"{role}.json"
        place = self.site.directory / "metadata" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        data: bytes = metadata.to_bytes()
        place.write_bytes(data)
        return data

    def publish(self) -> bytes:
        root = self.write("root", self.root)
        for role in ("helper", "targets"):
            data = self.write(role, getattr(self, role))
            self.snapshot.meta[f"{role}.json"] = tuf_metadata.MetaFile.from_data(1, data, ["sha512"])
        data = self.write("snapshot", self.snapshot)
        self.timestamp.snapshot_meta = tuf_metadata.MetaFile.from_data(1, data, ["sha256"])
        self.write("timestamp", self.timestamp)
        return root


@needs_client
@pytest.mark.parametrize("consistent", [True, False])
@pytest.mark.parametrize("kind", sorted(KEYS))
def test_our_client_reads_what_python_tuf_made(site: Site, tmp_path: Path, kind: str, consistent: bool) -> None:
    repository = PythonRepository(site, kind, consistent)
    repository.add("a b+c.txt", b"at the top")
    repository.add("sub/x.bin", b"delegated")
    client = OurClient(site, tmp_path / "client", repository.publish())
    assert client.refresh() == 0
    assert client.download("a b+c.txt") == b"at the top"
    shutil.rmtree(tmp_path / "client/targets")
    assert client.download("sub/x.bin") == b"delegated"


@needs_client
@pytest.mark.parametrize("kind", sorted(KEYS))
def test_both_refuse_what_was_changed_after_signing(site: Site, tmp_path: Path, kind: str) -> None:
    repository = PythonRepository(site, kind, True)
    repository.add("x", b"content")
    root = repository.publish()
    for number, name in enumerate(["timestamp.json", "1.snapshot.json", "1.targets.json"]):
        path = site.directory / "metadata" / name
        good = path.read_bytes()
        path.write_bytes(good.replace(b'"version":1', b'"version":2').replace(b'"version": 1', b'"version": 2'))
        assert path.read_bytes() != good
        client = OurClient(site, tmp_path / f"ours-{number}", root)
        assert client.refresh() == 1, name
        with pytest.raises(exceptions.RepositoryError):
            python_client(root, site, tmp_path / f"theirs-{number}").refresh()
        path.write_bytes(good)
        assert client.refresh() == 0, "an honest answer afterwards"


# --- tufup's


@needs_client
def test_our_client_reads_a_repository_of_tufup(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tufup = pytest.importorskip("tufup.repo", reason="tufup is not installed")
    workplace = tmp_path / "workplace"
    workplace.mkdir()
    monkeypatch.chdir(workplace)
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "program").write_text("#!/bin/sh\n")
    repository = tufup.Repository(app_name="demo", repo_dir=site.directory, keys_dir=workplace / "keys")
    repository.initialize()
    repository.add_bundle(new_version="1.0", new_bundle_dir=bundle)
    repository.publish_changes(private_key_dirs=[workplace / "keys"])
    root = site.directory / "metadata/1.root.json"
    client = OurClient(site, tmp_path / "client", (root if root.exists() else root.with_name("root.json")).read_bytes())
    assert client.refresh() == 0
    assert client.download("demo-1.0.tar.gz") == (site.directory / "targets/demo-1.0.tar.gz").read_bytes()
