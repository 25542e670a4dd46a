"""What is to be frozen: scripts with their names, icons and kind of window."""

from __future__ import annotations

import ast
import inspect
import io
import os
import re
import sys
import textwrap
import tokenize
from codecs import BOM_UTF8
from typing import Any

STARTUP_HOOKS = "import esky; esky.run_startup_hooks({arguments})"

# What ends a line of Python's. str.splitlines() takes other characters for line ends too, whose bytes may be part of a
# letter: every encoding of sources leaves these two bytes to line ends.
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_BLANK_OR_COMMENT = re.compile(rb"[ \t\f]*(?:#|[\r\n]|\Z)")
# PEP 263: line 1 or, behind a comment or an empty line, line 2.
_ENCODING = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+")


class Executable(str):
    """One program of the application.

    ``script`` is the path of a script, or code: an open file, a function (it is called), or a list of code strings,
    open files and functions (their sources are joined). Code needs a ``name``.

    ``name`` is the program's name without ``.exe``, ``icon`` a file in the platform's icon format, ``gui_only`` says
    that the program opens no console (default: the script ends in ``.pyw``). A program with
    ``include_in_bootstrap_env=False`` is frozen but gets no start-up program at the top of the application.
    All other keywords go to the freezer.

    It is a ``str``, so that it can stand in the ``scripts`` of ``setup()``.
    """

    script: Any
    icon: str | None
    include_in_bootstrap_env: bool
    freezer_keywords: dict[str, Any]
    _name: str | None
    _gui_only: bool | None

    def __new__(cls, script: Any, *_arguments: Any, **_keywords: Any) -> Executable:
        # Commands that open every script must find a file: for code it is this one.
        return super().__new__(cls, script if isinstance(script, str) else __file__)

    def __init__(
        self,
        script: Any,
        name: str | None = None,
        icon: str | None = None,
        gui_only: bool | None = None,
        include_in_bootstrap_env: bool = True,
        **freezer_keywords: Any,
    ) -> None:
        super().__init__()
        if isinstance(script, Executable):
            name = name or script.stem
            gui_only = script.gui_only if gui_only is None else gui_only
            script = script.script
        if isinstance(script, os.PathLike):
            script = os.fspath(script)
        if name is None and not isinstance(script, str):
            raise TypeError("an Executable made of code needs a name: Executable(code, name='hello')")
        self.script = script
        self.icon = icon
        self.include_in_bootstrap_env = include_in_bootstrap_env
        self.freezer_keywords = freezer_keywords
        self._name = name
        self._gui_only = gui_only

    @property
    def name(self) -> str:
        """File name of the program, with ``.exe`` on Windows."""
        name = self.stem
        if sys.platform == "win32" and not name.endswith(".exe"):
            name += ".exe"
        return name

    @property
    def stem(self) -> str:
        """Name of the program without anything the platform adds."""
        if self._name is not None:
            return self._name
        base: str = os.path.basename(self.script)
        for suffix in (".pyw", ".py"):
            if base.endswith(suffix):
                return base[: -len(suffix)]
        return base

    @property
    def gui_only(self) -> bool:
        """Whether the program opens no console."""
        if self._gui_only is not None:
            return self._gui_only
        return isinstance(self.script, str) and self.script.endswith(".pyw")

    def source(self) -> bytes:
        """The program's Python code, in the encoding that it declares."""
        if isinstance(self.script, str):
            with open(self.script, "rb") as file:
                return file.read()
        code = _code_text(self.script)
        if inspect.isfunction(self.script):
            code += f"\n\n{self.script.__name__}()\n"
        return _encoded(code)


def _encoded(code: str) -> bytes:
    """The code in the encoding that it declares."""
    source = code.removeprefix("\ufeff").encode("utf-8")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    return source.decode("utf-8").encode(encoding)


def _decoded(source: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    return source.decode(encoding)


def _code_text(code: Any) -> str:
    if code is None:
        return ""
    if isinstance(code, str):
        return code
    if hasattr(code, "read"):
        text = code.read()
        return _decoded(text) if isinstance(text, bytes) else text
    if isinstance(code, (list, tuple)):
        return "\n\n\n".join(_code_text(item) for item in code)
    return textwrap.dedent(inspect.getsource(code))


def with_startup_hooks(source: bytes, file_name: str, private_variables: tuple[str, ...] = ()) -> bytes:
    """Make a script call ``esky.run_startup_hooks()`` before its first statement.

    ``private_variables`` are those that the freezer leaves in the environment and esky does not know of by itself.

    The call comes after the doc string and the ``from __future__`` imports, which must stay first. It takes the place
    of an empty line or comment if there is one, so that tracebacks still name the lines of the real script.
    """
    arguments = f"private_variables={private_variables!a}" if private_variables else ""
    call = STARTUP_HOOKS.format(arguments=arguments).encode("ascii")
    mark = BOM_UTF8 if source.startswith(BOM_UTF8) else b""
    lines = _LINE.findall(source[len(mark) :])
    first, header_end = _first_statement(ast.parse(source, file_name), len(lines))
    place = max(header_end, first - 1)
    for index in range(max(header_end, _leading_lines(lines)), first - 1):
        if _can_be_replaced(lines, index):
            lines[index] = call + (_line_end(lines[index]) or b"\n")
            return mark + b"".join(lines)
    end = (_line_end(lines[0]) if lines else b"") or b"\n"
    if place and not _line_end(lines[place - 1]):
        lines[place - 1] += end
    lines.insert(place, call + end)
    return mark + b"".join(lines)


def _leading_lines(lines: list[bytes]) -> int:
    """How many lines must stay in place: one that names the interpreter, and all up to one that names the encoding."""
    if len(lines) > 1 and _ENCODING.match(lines[1]) and _BLANK_OR_COMMENT.match(lines[0]):
        return 2
    return 1 if lines and (lines[0].startswith(b"#!") or _ENCODING.match(lines[0])) else 0


def _can_be_replaced(lines: list[bytes], index: int) -> bool:
    continues = index > 0 and lines[index - 1].rstrip(b"\r\n").endswith(b"\\")
    return bool(_BLANK_OR_COMMENT.match(lines[index])) and not continues


def _line_end(line: bytes) -> bytes:
    return line[len(line.rstrip(b"\r\n")) :]


def _first_statement(module: ast.Module, line_count: int) -> tuple[int, int]:
    """Line of the first statement after the header, and last line of the header (0: there is none)."""
    header_end = 0
    for index, statement in enumerate(module.body):
        if not _belongs_first(statement, index):
            decorators = getattr(statement, "decorator_list", [])
            first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
            return first, header_end
        header_end = statement.end_lineno or statement.lineno
    return line_count + 1, header_end


def _belongs_first(statement: ast.stmt, index: int) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__"
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return False
    return index == 0 and isinstance(statement.value.value, str)
