"""Metadata changed in every place, signed as it is, and read by python-tuf and by us: the verdicts are the same.

Where they are not, the reason stands here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Site

from foreign import OurClient, PythonRepository, needs_client, python_client

formats = pytest.importorskip("securesystemslib.formats", reason="securesystemslib is not installed")

TARGET = "sub/x.bin"
ROLES = ("root", "timestamp", "snapshot", "targets", "helper")
REMOVED = "removed"
VALUES: tuple[Any, ...] = (None, "", "1", 0, 1, 2, -1, 2**53 + 2, True, [], {}, [1], {"x": 1}, "helper")
Place = tuple[Any, ...]


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """The way to every value below this one."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in below:
        yield (*above, name)
        yield from places(inner, (*above, name))


def changes(signed: Any) -> Iterator[tuple[Place, Any, Any]]:
    """Each place with what is done to it, and the result; every place is removed, and gets some of the values."""
    for number, place in enumerate(places(signed)):
        for value in (REMOVED, *(VALUES[(number + step) % len(VALUES)] for step in (0, 5, 9))):
            changed = copy.deepcopy(signed)
            inner = changed
            for name in place[:-1]:
                inner = inner[name]
            if value is REMOVED:
                del inner[place[-1]]
            else:
                inner[place[-1]] = value
            yield place, value, changed


class Bench:
    """A repository in which one file after the other is changed, and fresh clients for each."""

    def __init__(self, site: Site, place: Path) -> None:
        self.site, self.place, self.runs = site, place, 0
        self.repository = PythonRepository(site, "ed25519", True)
        self.repository.add(TARGET, b"content")
        self.first_root = self.repository.publish()
        self.repository.root.version = 2
        self.repository.write("root", self.repository.root)

    def honest(self, role: str) -> Any:
        return json.loads(self.repository.place_of(role).read_bytes())["signed"]

    def serve(self, role: str, signed: Any) -> None:
        key = self.repository.keys[role]
        signature = key.sign(formats.encode_canonical(signed).encode())
        file = {"signed": signed, "signatures": [{"keyid": signature.keyid, "sig": signature.signature}]}
        data = json.dumps(file).encode()
        self.repository.place_of(role).write_bytes(data)
        if role in ("targets", "helper"):
            self.repository.describe(role, data)
            self.repository.describe("snapshot", self.repository.write("snapshot", self.repository.snapshot))
        if role == "snapshot":
            self.repository.describe("snapshot", data)
        if role in ("snapshot", "targets", "helper"):
            self.repository.write("timestamp", self.repository.timestamp)

    def verdicts(self) -> tuple[bool, bool]:
        """Whether python-tuf and we bring the target."""
        self.runs += 1
        ours = OurClient(self.site, self.place / f"ours-{self.runs}", self.first_root)
        return self.python_brings(), ours.try_download(TARGET) == 0

    def python_brings(self) -> bool:
        updater = python_client(self.first_root, self.site, self.place / f"theirs-{self.runs}")
        try:
            updater.refresh()
            info = updater.get_targetinfo(TARGET)
            if info is None:
                return False
            updater.download_target(info)
        except Exception:
            return False
        return True


FLAGS = {"consistent_snapshot", "terminating"}


def explanation(place: Place, value: Any, only_ours: bool) -> str:
    """Why one of the two accepts what the other refuses; empty where nobody knows."""
    member = place[-1]
    if only_ours:
        if value is None:
            return "a member that is null counts as absent"
        if (member, value) == ("terminating", REMOVED):
            return "a role that does not say so does not end the search"
    else:
        if member in FLAGS and not isinstance(value, bool):
            return "a flag is true or false, and nothing that Python takes for it"
        if value is True and member in ("version", "threshold"):
            return "true is not 1"
        if member == "version" and value == 2**53 + 2:
            return "the version is higher than all readers of JSON can tell apart"
    return ""


@needs_client
@pytest.mark.parametrize("role", ROLES)
def test_metadata_changed_in_every_place_gets_the_same_verdict(site: Site, tmp_path: Path, role: str) -> None:
    bench = Bench(site, tmp_path)
    assert bench.verdicts() == (True, True)
    honest = bench.honest(role)
    accepted = refused = 0
    unexplained = []
    for place, value, changed in changes(honest):
        bench.serve(role, changed)
        theirs, ours = bench.verdicts()
        accepted, refused = accepted + ours, refused + (not ours)
        if theirs != ours and not explanation(place, value, only_ours=ours):
            unexplained.append((place, value, "we do" if ours else "python-tuf does"))
    assert not unexplained, "only one accepts:\n" + "\n".join(map(str, unexplained))
    assert accepted > 0
    assert refused > 0
