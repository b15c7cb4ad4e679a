"""Reads the folder of specs into one checked tree."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ossature.domain.hazards import find_keys
from ossature.domain.spec import Architecture, Spec, SpecTree
from ossature.errors import Diagnostic, Place
from ossature.spec.amd import parse_amd
from ossature.spec.crosscheck import check_specs, ordered
from ossature.spec.report import ID, Report
from ossature.spec.smd import parse_smd

MAX_BYTES = 1_048_576
MAX_LINES = 100_000
_SMD, _AMD = ".smd", ".amd"


def load_specs(root: Path, spec_dir: str) -> SpecTree:
    """All specs and architectures below root/*spec_dir*, checked against each other.

    Folders whose name begins with a dot are left out, and so is what a link outside of *root* leads to.
    """
    folder = root / spec_dir
    report = Report("tree", spec_dir)
    if not _is_inside(folder, root):
        report.error("outside-root", "The folder of specs lies outside of the project")
        return SpecTree(diagnostics=report.found())
    if not folder.is_dir():
        hint = "make it, or set [project] spec_dir"
        report.error("missing-folder", "The folder of specs does not exist", hint=hint)
        return SpecTree(diagnostics=report.found())
    files: dict[str, bytes] = {}
    unread: list[Diagnostic] = []
    for path in _spec_paths(folder, root, unread, seen=set()):
        name = path.relative_to(root).as_posix()
        try:
            with path.open("rb") as file:
                files[name] = file.read(MAX_BYTES + 1)
        except OSError as error:
            unread.append(_unreadable(name, error))
    if not files and not unread:
        report.error(
            "no-specs", "There is no .smd file in the folder of specs", hint="write one, or run init"
        )
        return SpecTree(diagnostics=report.found())
    tree = build_tree(files)
    return replace(tree, diagnostics=_sorted([*tree.diagnostics, *unread]))


def build_tree(files: Mapping[str, bytes]) -> SpecTree:
    """The tree of *files*, project-relative path -> content; names that are no spec's are left out."""
    diagnostics: list[Diagnostic] = []
    specs: list[Spec] = []
    architectures: list[Architecture] = []
    for path in sorted(files):
        suffix = path[-4:].casefold()
        if suffix not in (_SMD, _AMD):
            continue
        text, problems = decode(files[path], path)
        diagnostics += problems
        if text is None:
            continue
        diagnostics += find_keys(text, path)
        if suffix == _SMD:
            spec, problems = parse_smd(text, path)
            specs += [spec] if spec else []
        else:
            architecture, problems = parse_amd(text, path)
            architectures += [architecture] if architecture else []
        diagnostics += problems
    if not specs and not diagnostics:
        diagnostics.append(Diagnostic("tree-no-specs", "error", Place(""), "There is no .smd file"))
    diagnostics += check_specs(specs, architectures)
    by_id: dict[str, Spec] = {}
    for spec in specs:
        if ID.fullmatch(spec.id):
            by_id.setdefault(spec.id, spec)
    by_spec: dict[str, list[Architecture]] = {}
    for architecture in architectures:
        by_spec.setdefault(architecture.spec, []).append(architecture)
    return SpecTree(
        specs={name: by_id[name] for name in ordered(by_id)},
        architectures={name: tuple(files) for name, files in by_spec.items()},
        diagnostics=_sorted(diagnostics),
    )


def decode(content: bytes, path: str) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """The text of a spec file; None, with the reason, for what no person wrote as text."""
    report = Report("file", path)
    if len(content) > MAX_BYTES:
        report.error("too-large", "The file is larger than 1 MiB", hint="split it into several specs")
    elif content.count(b"\n") > MAX_LINES:
        report.error("too-long", f"The file has more than {MAX_LINES:,} lines", hint="split it")
    elif b"\0" in content:
        line, column = _position(content, content.index(b"\0"))
        report.error("binary", "The file has NUL bytes: it is not text", line=line, column=column)
    else:
        try:
            return content.decode("utf-8"), ()
        except UnicodeDecodeError as error:
            line, column = _position(content, error.start)
            hint = "save the file as UTF-8"
            report.error("not-utf-8", "The file is not UTF-8", line=line, column=column, hint=hint)
    return None, report.found()


def with_strict(tree: SpecTree) -> SpecTree:
    """*tree* with every warning turned into an error."""
    strict = (replace(d, severity="error") if d.severity == "warning" else d for d in tree.diagnostics)
    return replace(tree, diagnostics=tuple(strict))


def _spec_paths(folder: Path, root: Path, unread: list[Diagnostic], *, seen: set[Path]) -> Iterator[Path]:
    real = folder.resolve()
    # A link to a folder above leads back here for ever.
    if real in seen:
        return
    seen.add(real)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        unread.append(_unreadable(folder.relative_to(root).as_posix(), error))
        return
    for entry in entries:
        path = folder / entry.name
        if entry.is_symlink() and not _is_inside(path, root):
            if _is_spec(entry.name):
                unread.append(_outside(path.relative_to(root).as_posix()))
        elif entry.is_dir():
            if not entry.name.startswith("."):
                yield from _spec_paths(path, root, unread, seen=seen)
        elif _is_spec(entry.name) and entry.is_file():
            yield path


def _is_spec(name: str) -> bool:
    return name[-4:].casefold() in (_SMD, _AMD)


def _is_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def _unreadable(name: str, error: OSError) -> Diagnostic:
    message = f"Cannot be read: {error.strerror or type(error).__name__}"
    return Diagnostic("file-unreadable", "error", Place(name), message)


def _outside(name: str) -> Diagnostic:
    message = "This link leads out of the project and is not followed"
    return Diagnostic("file-outside-root", "error", Place(name), message)


def _position(content: bytes, at: int) -> tuple[int, int]:
    """Line and column, in bytes, of an offset."""
    return content.count(b"\n", 0, at) + 1, at - content.rfind(b"\n", 0, at)


def _sorted(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(diagnostics, key=lambda d: (d.place.path, d.place.line, d.place.column)))
