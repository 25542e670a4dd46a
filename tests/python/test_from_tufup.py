"""An app that was released with tufup moves to esky; its installed copies follow by tufup's own client."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import SCRIPT, Site, Workshop

import esky

tufup = pytest.importorskip("tufup.repo", reason="tufup is not installed")
tufup_client = pytest.importorskip("tufup.client", reason="tufup is not installed")
installing: ModuleType = pytest.importorskip("tufup.utils.platform_specific", reason="tufup is not installed")
exceptions = pytest.importorskip("tuf.api.exceptions", reason="python-tuf is not installed")
ngclient = pytest.importorskip("tuf.ngclient", reason="python-tuf is not installed")

PASSPHRASE = "of the old keys"


class OldWorkplace:
    """Where a developer used tufup for versions 1.0 and 1.1 of `demo`."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch, encrypted: tuple[str, ...] = ()) -> None:
        self.place = place
        self.place.mkdir()
        # tufup works in the current directory, and asks for passphrases there.
        monkeypatch.chdir(place)
        monkeypatch.setattr("getpass.getpass", lambda *_args: PASSPHRASE)
        self.repository = tufup.Repository(app_name="demo", encrypted_keys=list(encrypted))
        self.repository.save_config()
        self.repository.initialize()
        for version in ("1.0", "1.1"):
            self.add(version)

    def add(self, version: str) -> None:
        bundle = self.place / "bundle"
        (bundle / "lib").mkdir(parents=True, exist_ok=True)
        (bundle / "prog").write_text(SCRIPT.format(version=version))
        (bundle / "prog").chmod(0o755)
        (bundle / "lib/ballast").write_bytes(bytes(range(256)) * 256)
        (bundle / "lib/old.txt").write_text("only tufup's versions have it")
        self.repository.add_bundle(new_version=version, new_bundle_dir=bundle)
        self.repository.publish_changes(private_key_dirs=[self.place / "keystore"])

    def replace_key(self, name: str) -> None:
        keystore = self.place / "keystore"
        new = tufup.Keys.create_key_pair(keystore / f"new_{name}", encrypted=False)
        self.repository.replace_key(name, new, new_private_key_encrypted=False)
        self.repository.publish_changes(private_key_dirs=[keystore])

    def contents(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.place.rglob("*") if path.is_file()}


class NewWorkplace(Workshop):
    """Where the same developer uses esky from now on."""

    def __init__(self, root: Path, old: OldWorkplace) -> None:
        self.root = root
        self.root.mkdir()
        self.repository = root / "repo"
        self.imported = self.run("import", "tufup", str(old.place))

    def put_on(self, site: Site) -> None:
        shutil.copytree(self.repository, site.directory, dirs_exist_ok=True)


class InstalledCopy:
    """Version 1.0 as a user has it, with the files that tufup's client keeps."""

    def __init__(self, place: Path, old: OldWorkplace, site: Site) -> None:
        self.place, self.site = place, site
        self.app = place / "demo"
        for directory in ("demo", "metadata", "targets", "extracted"):
            (place / directory).mkdir(parents=True)
        archive = old.place / "repository/targets/demo-1.0.tar.gz"
        shutil.unpack_archive(archive, self.app)
        shutil.copy(archive, place / "targets")
        shutil.copy(old.place / "repository/metadata/root.json", place / "metadata")

    def client(self, **options: object) -> tufup_client.Client:
        return tufup_client.Client(
            app_name="demo",
            app_install_dir=self.app,
            current_version="1.0",
            metadata_dir=self.place / "metadata",
            metadata_base_url=f"{self.site.url}metadata/",
            target_dir=self.place / "targets",
            target_base_url=f"{self.site.url}targets/",
            extract_dir=self.place / "extracted",
            **options,
        )

    def update(self, monkeypatch: pytest.MonkeyPatch, purge: bool = False, **options: object) -> str:
        """Updates as tufup does on macOS: by copying over what is there. Tells to which version."""
        client = self.client(**options)
        found = client.check_for_updates()
        assert found is not None
        with monkeypatch.context() as patched:
            # tufup would start the app now.
            patched.setattr(installing.subprocess, "Popen", lambda *_args, **_options: None)
            with pytest.raises(SystemExit):
                client.download_and_apply_update(
                    skip_confirmation=True,
                    install=installing._install_update_mac,
                    purge_dst_dir=purge,
                    exclude_from_purge=None,
                )
        return str(found.version)

    def start(self) -> str:
        return subprocess.run([self.app / "prog"], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Site) -> OldWorkplace:
    old = OldWorkplace(tmp_path / "old", monkeypatch)
    shutil.copytree(old.place / "repository", site.directory, dirs_exist_ok=True)
    return old


@pytest.fixture
def copy(tmp_path: Path, old: OldWorkplace, site: Site) -> InstalledCopy:
    return InstalledCopy(tmp_path / "user", old, site)


@pytest.fixture
def new(tmp_path: Path, old: OldWorkplace, copy: InstalledCopy) -> NewWorkplace:
    """The import is done after the copy was installed."""
    assert copy.start() == "1.0"
    return NewWorkplace(tmp_path / "new", old)


@pytest.mark.parametrize("purge", [False, True])
def test_a_copy_crosses_the_bridge_and_is_updated_by_esky_from_then_on(
    new: NewWorkplace, copy: InstalledCopy, site: Site, monkeypatch: pytest.MonkeyPatch, purge: bool
) -> None:
    new.release("2.0", "--tufup-bridge")
    new.put_on(site)
    assert copy.update(monkeypatch, purge) == "2.0"
    assert (copy.app / "lib/old.txt").exists() is not purge
    assert copy.start() == "2.0"
    app = esky.Esky(copy.app, site.url)
    assert app.version == "2.0"
    assert app.find_update() is None
    new.release("2.1")
    new.put_on(site)
    app = esky.Esky(copy.app, site.url)
    assert isinstance(app.version_finder, esky.SignedVersionFinder)
    app.auto_update()
    assert copy.start() == "2.1"


def test_an_installed_bridge_is_intact(
    new: NewWorkplace, copy: InstalledCopy, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    new.release("2.0", "--tufup-bridge")
    new.put_on(site)
    copy.update(monkeypatch)
    verified = subprocess.run([sys.executable, "-m", "esky", "verify", copy.app], check=False)
    assert verified.returncode == 0


def test_later_releases_of_esky_do_not_disturb_copies_that_tufup_updates(
    new: NewWorkplace, copy: InstalledCopy, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tufup's client looks at the name of every target, and fails at one that it takes for its own and cannot read."""
    ballast = new.root / "dist/ballast"
    ballast.parent.mkdir()
    ballast.write_bytes(random.Random(1).randbytes(200_000))
    new.release("2.0", "--tufup-bridge")
    for version in ("2.1", "2.2"):
        # Large enough that a patch is worth while.
        ballast.write_bytes(ballast.read_bytes() + version.encode())
        new.release(version)
    new.put_on(site)
    assert copy.update(monkeypatch) == "2.0"
    app = esky.Esky(copy.app, site.url)
    app.auto_update()
    assert copy.start() == "2.2"


@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize("patch", [True, False])
def test_old_versions_are_offered_to_copies_as_before(
    new: NewWorkplace, copy: InstalledCopy, site: Site, prefix: bool, patch: bool
) -> None:
    new.put_on(site)
    config = ngclient.UpdaterConfig(prefix_targets_with_hash=prefix)
    client = copy.client(config=config)
    found = client.check_for_updates(patch=patch)
    assert str(found.version) == "1.1"
    assert client._trusted_set.root.version == 2
    assert client._download_updates(progress_hook=None)
    fetched = [path for path in site.paths() if "/targets/" in path]
    assert len(fetched) == 1
    plain = "/targets/demo-1.1" + (".patch" if patch else ".tar.gz")
    assert (fetched == [plain]) is not prefix


def test_a_copy_that_has_looked_before_goes_on(
    old: OldWorkplace, copy: InstalledCopy, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert str(copy.client().check_for_updates().version) == "1.1"
    new = NewWorkplace(tmp_path / "new", old)
    new.put_on(site)
    assert str(copy.client().check_for_updates().version) == "1.1"
    new.release("2.0", "--tufup-bridge")
    new.run("rotate", "release")
    new.run("rotate", "root")
    new.put_on(site)
    assert copy.update(monkeypatch) == "2.0"
    assert copy.start() == "2.0"


def test_copies_that_are_told_that_there_is_no_new_root_are_served_too(
    new: NewWorkplace, copy: InstalledCopy, site: Site
) -> None:
    new.put_on(site)
    site.special["/metadata/2.root.json"] = lambda handler: handler.send_error(404)
    client = copy.client()
    assert str(client.check_for_updates().version) == "1.1"
    assert client._trusted_set.root.version == 1
    assert client._download_updates(progress_hook=None)


def test_a_bridge_that_was_changed_is_not_installed(
    new: NewWorkplace, copy: InstalledCopy, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    new.release("2.0", "--tufup-bridge")
    for archive in (new.repository / "targets").glob("*demo-2.0.tar.gz"):
        good = archive.read_bytes()
        archive.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    new.put_on(site)
    with pytest.raises(exceptions.LengthOrHashMismatchError):
        copy.update(monkeypatch)
    assert copy.start() == "1.0"


def test_the_keys_of_tufup_are_taken_over_and_its_directory_is_left_alone(old: OldWorkplace, tmp_path: Path) -> None:
    before = old.contents()
    new = NewWorkplace(tmp_path / "new", old)
    assert old.contents() == before
    ids = {key["id"] for key in new.imported["keys"]}
    assert ids == set(old.repository.roles.root.signed.keys)
    newest = tufup.Metadata.from_file(str(new.repository / "metadata/2.root.json")).signed
    assert ids < set(newest.keys)


def test_an_app_whose_keys_were_replaced_by_tufup_moves_too(
    old: OldWorkplace, copy: InstalledCopy, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("root", "snapshot"):
        old.replace_key(name)
    new = NewWorkplace(tmp_path / "new", old)
    assert new.imported["root_version"] == 4
    new.release("2.0", "--tufup-bridge")
    new.put_on(site)
    assert copy.update(monkeypatch) == "2.0"
    assert copy.start() == "2.0"


def test_encrypted_keys_are_opened_by_their_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = OldWorkplace(tmp_path / "old", monkeypatch, encrypted=("root", "targets"))
    new = tmp_path / "new"
    new.mkdir()

    def run(typed: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "esky", "import", "tufup", str(old.place)]
        environment = {"XDG_CONFIG_HOME": str(new / "config"), "ESKY_ROOT_PASSPHRASE": "correct horse"}
        return subprocess.run(words, cwd=new, env=environment, input=typed, capture_output=True, text=True, check=False)

    for typed, part in (("", "is encrypted"), ("wrong\n", "the passphrase is wrong")):
        refused = run(typed)
        assert refused.returncode == 1
        assert part in refused.stderr
        assert not list(new.iterdir())
    done = run(f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert done.returncode == 0, done
    assert (new / "repo/metadata/2.root.json").is_file()
