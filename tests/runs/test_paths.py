"""No path of a plan, a reply, a spec or a ledger reaches anything outside of its root."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from ossature.cli.main import main
from ossature.domain.event import TaskFailed
from ossature.domain.paths import obeyed_part
from tests.runs.kit import LIB, Kit, block, plan_text, task

TEXTS = {
    "absolute": "/abs",
    "absolute twice": "//abs",
    "parent": "../x",
    "parent within": "a/../../x",
    "dots within": "a/./../x",
    "here": "./",
    "empty": "",
    "NUL": "a\0b",
    "trailing slash": "a/",
    "home": "~",
    "home of root": "~root",
    "drive": "C:\\x",
    "UNC": "\\\\srv\\x",
    "backslash parent": "a\\..\\x",
    "device name": "CON.txt",
    "300-byte part": "a" * 300,
    "5,000-byte path": "/".join(["b" * 199] * 25),
    "right-to-left": "a\u202egpj.txt",
    "newline": "a\nb",
}
EDIT = '<edit path="{}">\n<<<<<<< SEARCH\nprecious\n=======\nevil\n>>>>>>> REPLACE\n</edit>'


def snapshot(folder: Path) -> dict[str, object]:
    """Kind and bytes of everything below *folder*."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        found[str(path.relative_to(folder))] = (
            stat.S_IFMT(mode),
            path.read_bytes() if stat.S_ISREG(mode) else b"",
        )
    return found


@pytest.fixture
def outside(kit: Kit) -> Path:
    """A folder beside the project that has to stay as it is, with the names that tricks may come to."""
    folder = kit.root.parent / "outside"
    folder.mkdir()
    (folder / "precious.txt").write_text("precious\n")
    (kit.root.parent / "x").write_text("precious\n")
    (kit.root / "x").write_text("precious\n")
    return folder


def around(kit: Kit) -> dict[str, object]:
    """Everything beside the output folder that a landing could have touched."""
    return {
        name: item
        for name, item in snapshot(kit.root.parent).items()
        if not name.startswith((f"{kit.root.name}/.ossature", f"{kit.root.name}/output"))
    }


@pytest.mark.parametrize("path", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("key", ["outputs", "context_files", "inject_files", "source"])
def test_a_tricky_path_in_a_plan_is_refused(kit: Kit, outside: Path, key: str, path: str):
    if key == "source":
        kit.plan([task("001", "shelf.txt", source=[f"context://{path}"], verify=None, spec_refs=None)])
    else:
        kit.plan([task("001", "shelf.txt", **{key: [path]})])
    before = around(kit)
    run = kit.own()
    assert run.code in (1, 3) and run.asked == [] and run.landed == []
    assert around(kit) == before
    assert not kit.output.exists() or list(kit.output.iterdir()) == []


@pytest.mark.parametrize("path", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("form", ["write", "edit"])
def test_a_tricky_path_in_a_reply_is_refused(kit: Kit, outside: Path, form: str, path: str):
    kit.plan([task("001", "shelf.txt")])
    reply = block(path, "evil") if form == "write" else EDIT.format(path)
    kit.model.says("001", f"{block('shelf.txt', 'plain')}\n{reply}")
    kit.config("\n[build]\nmax_fix_attempts = 0\n")
    before = around(kit)
    run = kit.own()
    assert around(kit) == before
    # A tag whose path holds a line break is none; what stands behind it is notes.
    assert kit.tree() in ({}, {"shelf.txt": b"plain\n"})
    assert run.code == 1 or "\n" in path


@pytest.mark.parametrize("path", TEXTS.values(), ids=TEXTS.keys())
def test_a_tricky_path_in_a_ledger_deletes_and_writes_nothing(kit: Kit, outside: Path, path: str):
    """A ledger comes with a clone; what it says landed is withdrawn or put back beneath the root only."""
    kit.plan([task("001", "shelf.txt")])
    assert kit.own().code == 0
    ledger = kit.root / ".ossature" / "ledger.jsonl"

    lines = []
    for line in ledger.read_bytes().splitlines():
        document = json.loads(line.split(b" ", 1)[1])
        for part in (document, document.get("landing")):
            if isinstance(part, dict) and isinstance(part.get("files"), dict):
                part["files"] = {
                    path if name == "shelf.txt" else name: d for name, d in part["files"].items()
                }
            if isinstance(part, dict) and isinstance(part.get("before"), dict):
                part["before"] = dict.fromkeys([path], None)
        text = json.dumps(document).encode()
        lines.append(b"%08x %b\n" % (crc32(text), text))
    for content in (b"".join(lines), b"".join(lines[:-1])):
        ledger.write_bytes(content)
        before = around(kit)
        kit.own()
        kit.own(forced=("001",))
        assert around(kit) == before


@pytest.mark.parametrize(
    "value", ["../x", "/abs", "a/b", "a\\b", "~", "..", "CON.txt", "a\u202eb", "a" * 300]
)
def test_a_tricky_spec_id_is_refused(kit: Kit, outside: Path, value: str):
    kit.write("specs/lib.smd", LIB.replace("id: LIB", f"id: '{value}'"))
    before = around(kit)
    assert kit.own("audit").code == 1
    assert around(kit) == before


def link_file(place: Path, outside: Path) -> None:
    place.symlink_to(outside / "precious.txt")


def hard_link(place: Path, outside: Path) -> None:
    os.link(outside / "precious.txt", place)


def fifo(place: Path, outside: Path) -> None:
    os.mkfifo(place)


def unix_socket(place: Path, outside: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(place))


def folder(place: Path, outside: Path) -> None:
    place.mkdir()


def dangling(place: Path, outside: Path) -> None:
    place.symlink_to(outside / "missing.txt")


@pytest.mark.parametrize("put", [link_file, hard_link, fifo, unix_socket, folder, dangling])
@pytest.mark.parametrize("act", ["write", "read", "copy", "delete"])
def test_what_stands_at_the_end_of_a_path(
    kit: Kit, outside: Path, put: Callable[[Path, Path], None], act: str
):
    """Read and copy look into the context folder, the others into the output folder."""
    where = kit.output if act in ("write", "delete") else kit.root / "context"
    where.mkdir(exist_ok=True)
    plans = {
        "write": task("001", "thing.txt"),
        "delete": task("001", "thing.txt"),
        "read": task("001", "shelf.txt", context_files=["thing.txt"]),
        "copy": task("001", "shelf.txt", source=["context://thing.txt"], verify=None, spec_refs=None),
    }
    kit.plan([plans[act]])
    if act == "delete":
        kit.model.says("001", block("thing.txt", "precious"))
        assert kit.own().code == 0
        (where / "thing.txt").unlink()
    put(where / "thing.txt", outside)
    before = snapshot(outside)
    if act == "delete":
        kit.plan([task("001", "other.txt", title="Write thing.txt")])
    run = kit.own()
    assert snapshot(outside) == before
    prompts = "".join(call.prompt for call in kit.model.calls if act == "read")
    if put is not hard_link:
        assert "precious" not in prompts
        assert "precious" not in "".join(content.decode() for content in _regular(kit.output))
    assert run.code in (0, 1, 3, 5)


def _regular(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if stat.S_ISREG(path.lstat().st_mode)]


@pytest.mark.parametrize("act", ["write", "read", "delete"])
def test_a_folder_on_the_way_that_is_a_link(kit: Kit, outside: Path, act: str):
    where = kit.root / "context" if act == "read" else kit.output
    where.mkdir(exist_ok=True)
    (where / "d").symlink_to(outside)
    before = snapshot(outside)
    if act == "read":
        kit.plan([task("001", "shelf.txt", context_files=["d/precious.txt"])])
    else:
        kit.plan([task("001", "d/precious.txt" if act == "delete" else "d/new.txt")])
    run = kit.own()
    assert run.code != 0
    assert snapshot(outside) == before
    assert not any("precious\n" in call.prompt for call in kit.model.calls)


def test_a_file_where_a_folder_is_wanted(kit: Kit, outside: Path):
    kit.write("output/d", "mine")
    kit.plan([task("001", "d/new.txt")])
    assert kit.own().code != 0
    assert (kit.output / "d").read_text() == "mine"


@pytest.mark.parametrize(
    ("first", "second"),
    [("readme.txt", "README.txt"), ("na\u00efve.txt", "nai\u0308ve.txt"), ("stra\u00dfe.txt", "STRASSE.txt")],
)
def test_names_that_are_one_file_elsewhere_are_refused(kit: Kit, first: str, second: str):
    kit.plan([task("001", first), task("002", second, spec_refs=["Weigh"])])
    run = kit.own()
    assert run.code == 3 and "on some systems the same file as" in run.end.reason


@pytest.mark.parametrize(
    "path",
    [
        ".envrc",
        "sub/.vscode/tasks.json",
        ".IDEA/workspace.xml",
        ".mcp.json",
        ".claude/settings.json",
        "docs/AGENTS.md",
        "agents.MD",
        ".bashrc",
        "home/.zshenv",
        "ossature.toml",
        "a/.gitmodules",
        ".git/hooks/post-checkout",
        ".git/config",
        ".ossature/plan.toml",
    ],
)
def test_files_that_other_programs_obey_are_no_outputs(
    kit: Kit, path: str, capsys: pytest.CaptureFixture[str]
):
    kit.plan([task("001", path)])
    run = kit.own()
    assert run.code == 3 and run.asked == []
    assert main(["-C", str(kit.root), "validate"]) == 1
    shown = capsys.readouterr().out
    assert "other programs act upon" in shown or "goes into" in shown


def test_a_person_may_write_what_other_programs_obey(kit: Kit):
    kit.write("output/.envrc", "export A=1\n")
    kit.plan([task("001", ".envrc", status="manual"), task("002", "shelf.txt")])
    assert kit.own().code == 0
    assert (kit.output / ".envrc").read_text() == "export A=1\n"


def test_a_pattern_does_not_copy_what_other_programs_obey(kit: Kit):
    kit.write("context/skeleton/.envrc", "evil")
    kit.write("context/skeleton/a.txt", "a")
    kit.write(
        ".ossature/plan.toml",
        plan_text([task("001", "**", source=["context://skeleton/**"], verify=None, spec_refs=None)]),
    )
    run = kit.own()
    assert run.code == 1 and "other programs act upon .envrc" in run.of(TaskFailed)[0].reason
    assert kit.tree() == {}


@pytest.mark.parametrize(
    "path", ["src/main.py", ".github/workflows/ci.yml", "agents/list.md", "README.md", ".gitignore"]
)
def test_ordinary_names_are_obeyed_by_nobody(path: str):
    assert obeyed_part(path) == ""
