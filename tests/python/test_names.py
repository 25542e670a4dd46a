"""Names, versions, the graph and links: the answers of the original, one vector at a time."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import esky
from esky import VersionGraph, util

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "vectors.json").read_text())
# The original takes a local version for a pre-release. It could never offer one.
LOCAL = "1.0+x"


@pytest.mark.parametrize(("version", "parts"), VECTORS["parse_version"])
def test_version_keys_are_those_of_the_original(version: str, parts: list[str]) -> None:
    if version == LOCAL:
        parts = ["00000001", "*final", "*x"]
    assert list(util.parse_version(version)) == parts


def test_version_order_is_that_of_the_original() -> None:
    groups = [group for group in VECTORS["order_ascending_groups_equal_together"] if group != [LOCAL]]
    for lower, higher in util.pairwise(groups):
        assert util.parse_version(lower[0]) < util.parse_version(higher[0])
    for group in groups:
        assert len({util.parse_version(version) for version in group}) == 1


@pytest.mark.parametrize(("name", "parts"), VECTORS["split_app_version"])
def test_names_are_split_as_by_the_original(name: str, parts: list[str]) -> None:
    assert util.split_app_version(name) == tuple(parts)


def test_joining_fills_in_the_platform() -> None:
    assert util.join_app_version("demo", "1.0", "win32") == "demo-1.0.win32"
    assert util.join_app_version("demo", "1.0") == f"demo-1.0.{util.get_platform()}"
    assert "." not in util.get_platform()


@pytest.mark.parametrize("vector", VECTORS["graph"])
def test_graph_finds_the_paths_of_the_original(vector: dict[str, Any]) -> None:
    graph = VersionGraph()
    for source, target, via, cost in vector["links"]:
        graph.add_link(source, target, via, cost)
    assert graph.get_best_paths(vector["source"]) == vector["best_paths"]
    assert sorted(graph.get_versions(vector["source"])) == sorted(vector["versions"])


def test_graph_without_a_way_says_none_and_an_unknown_version_is_a_key_error() -> None:
    graph = VersionGraph()
    graph.add_link("0.1", "0.2", "patch", 1)
    assert graph.get_best_path("0.1", "0.2") == ["patch"]
    graph.remove_all_links("patch")
    assert graph.get_best_path("0.1", "0.2") is None
    with pytest.raises(KeyError):
        graph.get_best_path("0.1", "9.9")


def test_graph_can_be_subclassed() -> None:
    class Counting(VersionGraph):
        added = 0

        def add_link(self, source: str, target: str, via: str, cost: int) -> None:
            self.added += 1
            super().add_link(source, target, via, cost)

    graph = Counting()
    graph.add_link("", "1", "a.zip", 40)
    assert graph.added == 1
    assert graph.get_best_path("", "1") == ["a.zip"]


def test_every_public_name_is_there() -> None:
    for module in (esky, esky.errors, esky.finder, util):
        for name in module.__all__:
            assert getattr(module, name) is not None


def test_the_names_of_the_bootstrap_module_are_there() -> None:
    from esky import bootstrap

    assert bootstrap.pathjoin("a", "b") == str(Path("a") / "b")
    for name in bootstrap.__all__:
        assert getattr(bootstrap, name) is not None


def test_version_is_that_of_the_package() -> None:
    assert esky.__version__.count(".") == 2


def test_every_public_name_is_documented() -> None:
    modules = (esky, esky.bootstrap, esky.errors, esky.finder, esky.sudo, esky.util)
    for value in (getattr(module, name) for module in modules for name in module.__all__):
        # The original's names of functions of os.path are Python's own, and some have no documentation on Windows.
        if not callable(value) or value.__module__ == os.path.__name__:
            continue
        members = vars(value).items() if inspect.isclass(value) else ()
        for name, member in [("", value), *members]:
            if not name.startswith("_") and (callable(member) or inspect.isdatadescriptor(member)):
                assert inspect.getdoc(getattr(value, name) if name else value), (value, name)


def test_importing_changes_nothing_and_warns_of_nothing() -> None:
    code = """
        import os, signal, sys, threading
        before = dict(os.environ), signal.getsignal(signal.SIGINT), sys.path[:], sys.excepthook
        import esky, esky.bootstrap, esky.finder, esky.sudo, esky.util
        assert before == (dict(os.environ), signal.getsignal(signal.SIGINT), sys.path[:], sys.excepthook)
        assert threading.active_count() == 1
    """
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
