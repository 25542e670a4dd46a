"""How bdist_esky puts the start-up hooks into scripts: nothing else of a script may change."""

from __future__ import annotations

import re
import sys
import types

import pytest

from esky.bdist_esky import Executable
from esky.bdist_esky.executable import with_startup_hooks

STARTUP_HOOKS = "import esky; esky.run_startup_hooks()"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("print(1)\n", "HOOKS\nprint(1)\n"),
        ("", "HOOKS\n"),
        ('"""Text."""\n\nimport os\n', '"""Text."""\nHOOKS\nimport os\n'),
        ('"""Text."""\nimport os\n', '"""Text."""\nHOOKS\nimport os\n'),
        ('"""Two\nlines."""\nfrom __future__ import annotations\n\n\nx = 1\n', None),
        ("#!/usr/bin/python\n# coding: latin-1\n\nx = 1\n", "#!/usr/bin/python\n# coding: latin-1\nHOOKS\nx = 1\n"),
        ("#!/usr/bin/python\nx = 1\n", "#!/usr/bin/python\nHOOKS\nx = 1\n"),
        ("@print\ndef f(): pass\n", "HOOKS\n@print\ndef f(): pass\n"),
        ('"""Only text."""', '"""Only text."""\nHOOKS\n'),
    ],
)
def test_startup_hooks_come_first_and_keep_the_header_and_the_line_numbers(source, expected):
    made = with_startup_hooks(source.encode(), "script.py").decode()
    if expected is None:
        expected = '"""Two\nlines."""\nfrom __future__ import annotations\nHOOKS\n\nx = 1\n'
    assert made == expected.replace("HOOKS", STARTUP_HOOKS)
    compile(made, "script.py", "exec")


def test_startup_hooks_leave_other_encodings_as_they_are():
    source = "# coding: latin-1\n\nname = 'Jörg'\n".encode("latin-1")
    made = with_startup_hooks(source, "script.py")
    assert b"J\xf6rg" in made
    assert with_startup_hooks(b"\xef\xbb\xbfx = 1\n", "script.py").count(b"\xef\xbb\xbf") == 1


def stubbed(source: bytes) -> dict:
    """What a script has made of its names, with a stub in the place of esky."""
    names: dict = {}
    code = compile(source, "script.py", "exec")
    hooks = types.SimpleNamespace(run_startup_hooks=lambda **_arguments: names.setdefault("hooked", True))
    before = sys.modules.get("esky")
    sys.modules["esky"] = hooks
    try:
        exec(code, names)
    finally:
        sys.modules["esky"] = before
    return names


@pytest.mark.parametrize("plane", range(3))
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "marked"])
def test_no_character_of_a_script_is_changed_by_the_hooks(plane, mark):
    for start in range(plane << 16, (plane + 1) << 16, 0x800):
        if 0xD800 <= start < 0xE000:
            continue
        text = "".join(chr(code) for code in range(start, start + 0x800) if chr(code) not in '\0\r\n"\\')
        source = f'# {text}\n"""{text}"""\nfrom __future__ import annotations\n# {text}\nx = """{text}"""; y = 1\n'
        names = stubbed(with_startup_hooks(mark + source.encode(), "script.py"))
        assert names["hooked"]
        assert names["__doc__"] == text
        assert names["x"] == text


@pytest.mark.parametrize(
    ("encoding", "letters"),
    [
        ("latin-1", "\x85é"),
        ("koi8-r", "\u0445Ё"),
        ("shift_jis", "入表ソ"),
        ("gbk", "全中"),
        ("utf-8", "\u0445\u2028\x1c"),
    ],
)
@pytest.mark.parametrize(
    "head", ["# coding: {}\n", "#!/usr/bin/python\n# -*- coding: {} -*-\n", "# a comment\n# vim: fileencoding={}\n"]
)
@pytest.mark.parametrize("gap", ["", "\n", "# a comment\n"])
def test_scripts_keep_the_encoding_that_they_declare(encoding, letters, head, gap):
    source = f'{head.format(encoding)}{gap}x = "{letters}"\n'.encode(encoding)
    assert stubbed(with_startup_hooks(source, "script.py"))["x"] == letters


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "script",
    [
        '"""doc"""|x = 1',
        '"""doc|more"""||from __future__ import annotations|from __future__ import (|    division,|)||x = 1',
        "x = 1",
        "\f|\f# page|x = 1",
        '"""doc""" \\||x = 1',
        "# comment||@str|def x(): pass|",
        "",
        "# only a comment",
        '"""only a doc string"""',
        'x = """a|\x0bb|\x0cc|\x85d"""',
    ],
)
def test_line_ends_of_scripts_stay_and_the_hooks_come_first(end, script):
    source = script.replace("|", end).encode()
    made = with_startup_hooks(source, "script.py")
    names = stubbed(made)
    assert names["hooked"]
    plain: dict = {}
    exec(compile(source, "script.py", "exec"), plain)
    assert names.get("__doc__") == plain.get("__doc__")
    assert str(names.get("x"))[:12] == str(plain.get("x"))[:12]
    expected = end.encode() if "|" in script else b"\n"
    assert set(re.findall(rb"\r\n|\r|\n", made)) == {expected}


def test_code_that_is_given_as_text_keeps_the_encoding_that_it_declares(tmp_path):
    code = '# coding: latin-1\nx = "é"\n'
    path = tmp_path / "script.py"
    path.write_bytes(code.encode("latin-1"))
    with open(path, "rb") as file:
        for given in (code, file):
            made = with_startup_hooks(Executable([given], name="hello").source(), "hello.py")
            assert stubbed(made)["x"] == "é"
