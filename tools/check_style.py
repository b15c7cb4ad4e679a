"""Checks the house rules that no linter knows: `python tools/check_style.py [folder]`, default src.

Length of a function is ruff's (PLR0915, C901), direction of imports is import-linter's.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MAX_LINES = 400

MAY_CATCH_EVERYTHING = frozenset(
    {
        "ossature/engine/owner.py",  # the task boundary: a bug ends the run, its journal whole
        "ossature/llm/litellm_client.py",  # the model boundary: SDKs leak IndexError and worse
        "ossature/cli/main.py",  # the last line: a sentence instead of a traceback
    }
)

BANNED_CALLS = frozenset({"create_task", "gather", "ensure_future"})
"""Of asyncio; a TaskGroup's own create_task is the way to go."""

LOOP_GETTERS = frozenset({"get_running_loop", "get_event_loop", "new_event_loop"})


class Offence(NamedTuple):
    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def offences(root: Path) -> Iterator[Offence]:
    """All offences of the modules below root, the folder that holds the package."""
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, filename=str(path))
        yield from _shape_offences(path, text, tree)
        may_catch = path.relative_to(root).as_posix() in MAY_CATCH_EVERYTHING
        for node in ast.walk(tree):
            yield from _asyncio_offences(path, node)
            if isinstance(node, ast.Raise) and "NotImplementedError" in map(_name_of, ast.walk(node)):
                yield Offence(path, node.lineno, "a hook is an @abstractmethod, which mypy sees to")
            if isinstance(node, ast.ExceptHandler) and not may_catch and _catches_everything(node):
                yield Offence(path, node.lineno, "catches everything; name the error, or let it pass")


def _shape_offences(path: Path, text: str, tree: ast.Module) -> Iterator[Offence]:
    line_count = len(text.splitlines())
    if line_count > MAX_LINES:
        yield Offence(path, MAX_LINES + 1, f"{line_count} lines; a module has at most {MAX_LINES}, split it")
    if not ast.get_docstring(tree):
        yield Offence(path, 1, "opens without a sentence that says what the module is for")


def _asyncio_offences(path: Path, node: ast.AST) -> Iterator[Offence]:
    match node:
        case ast.Attribute(value=ast.Name(id="asyncio"), attr=name) if name in BANNED_CALLS:
            yield Offence(path, node.lineno, f"asyncio.{name}; use a TaskGroup")
        case ast.Attribute(value=ast.Call(func=ast.Attribute(attr=getter)), attr="create_task") if (
            getter in LOOP_GETTERS
        ):
            yield Offence(path, node.lineno, "a loop's create_task; use a TaskGroup")
        case ast.ImportFrom(module="asyncio", names=names):
            for alias in names:
                if alias.name in BANNED_CALLS:
                    yield Offence(path, node.lineno, f"asyncio.{alias.name}; use a TaskGroup")


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {_name_of(node) for node in caught if node is not None}
    if "Exception" in names:
        return True
    # `except BaseException: …; raise` cleans up, on cancellation too, and swallows nothing.
    return (handler.type is None or "BaseException" in names) and not _ends_with_reraise(handler)


def _name_of(node: ast.AST) -> str | None:
    return node.id if isinstance(node, ast.Name) else None


def _ends_with_reraise(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "src"
    found = list(offences(root))
    for offence in found:
        print(offence)
    print(f"style: {len(found)} offences" if found else "style: ok", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
