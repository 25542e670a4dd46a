"""Repositories of ours read by others, and those of others read by us: python-tuf and tufup."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import Site, Workshop

from foreign import KEYS, OurClient, PythonRepository, needs_client, python_client

exceptions = pytest.importorskip("tuf.api.exceptions", reason="python-tuf is not installed")


# --- Ours, read by python-tuf


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
