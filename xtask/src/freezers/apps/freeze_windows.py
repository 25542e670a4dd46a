"""Freezes a script on Windows: FREEZER SCRIPT DIRECTORY."""

import sys

freezer, script, directory = sys.argv[1:]


def with_cx_freeze():
    from cx_Freeze import Executable, setup

    setup(
        name="hello",
        version="1",
        executables=[Executable(script, target_name="hello")],
        options={"build_exe": {"build_exe": directory, "silent_level": 1}},
        script_args=["build_exe"],
    )


def with_py2exe(bundle_files, zipfile):
    import py2exe
    from py2exe.dllfinder import DllFinder

    bind_image = DllFinder.bind_image
    # Some of Wine's system libraries are no files; on Windows all are.
    DllFinder.bind_image = lambda self, name: {dll for dll in bind_image(self, name) if dll is not None}
    options = {"dist_dir": directory, "bundle_files": bundle_files}
    py2exe.freeze(console=[{"script": script, "dest_base": "hello"}], zipfile=zipfile, options=options)


def with_pyinstaller(kind):
    import PyInstaller.__main__

    places = [f"--distpath={directory}", f"--workpath={directory}-work", f"--specpath={directory}-work"]
    PyInstaller.__main__.run(["--log-level=ERROR", "--noconfirm", "--name=hello", kind, *places, script])


FREEZERS = {
    "cx_Freeze": with_cx_freeze,
    "py2exe-3": lambda: with_py2exe(3, "library.zip"),
    "py2exe-1": lambda: with_py2exe(1, None),
    "PyInstaller-onedir": lambda: with_pyinstaller("--onedir"),
    "PyInstaller-onefile": lambda: with_pyinstaller("--onefile"),
}
FREEZERS[freezer]()
