"""`init` and `new`: the first files of a project and of a spec."""

from __future__ import annotations

import argparse
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from ossature.cli.command import Command
from ossature.cli.nearest import hint_for
from ossature.cli.terminal import Terminal
from ossature.errors import DiskError, Exit, UsageError
from ossature.project import Project, load_project
from ossature.settings import CONFIG_NAME
from ossature.spec.tree import load_specs
from ossature.store.trust import user_trust

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_IGNORED = ("/.ossature/work/", "/.ossature/lease", "__pycache__/")


def init(args: argparse.Namespace, terminal: Terminal) -> int:
    """Write config, starter spec and ignore lines; what is there is never touched."""
    root = terminal.cwd / args.name
    if (root / CONFIG_NAME).exists():
        raise UsageError(f"{root / CONFIG_NAME} exists", hint="add a spec with `ossature new ID`")
    if args.name != "." and root.is_dir() and any(root.iterdir()):
        raise UsageError(
            f"{root} is not empty", hint=f"to start there anyway: cd {args.name} && ossature init ."
        )
    is_ours = not (root / ".ossature").exists() and not _has_specs(root / "specs")
    name = re.sub(r"[^\w .-]", "-", root.resolve().name) or "project"
    specs = root / "specs"
    texts = {root / CONFIG_NAME: _fill("ossature.toml.txt", name=name)}
    if not _has_specs(specs):
        texts[specs / "greeting.smd"] = _fill("greeting.smd.txt")
    texts[root / ".gitignore"] = "".join(f"{line}\n" for line in _IGNORED)
    for path, text in texts.items():
        _write_new(path, text, root, terminal)
    if is_ours:
        _trust(Project(root=root), terminal)
    terminal.line()
    if args.name != ".":
        terminal.line(f"next: cd {args.name} && ossature validate")
    else:
        terminal.line("next: ossature validate")
    terminal.line(f"then set [llm] model in {CONFIG_NAME} and run `ossature audit`", tone="quiet")
    return Exit.OK


def _has_specs(folder: Path) -> bool:
    return folder.is_dir() and any(folder.rglob("*.smd"))


def _trust(project: Project, terminal: Terminal) -> None:
    """Whoever starts a project from nothing is never asked what it may run."""
    try:
        user_trust(terminal.environ).own(project)
    except DiskError as error:
        terminal.line(
            f"cannot keep that it was created here ({error}); `ossature trust` does later", tone="warn"
        )


def new(args: argparse.Namespace, terminal: Terminal) -> int:
    """Write one skeleton that loads without an error."""
    if not _ID.fullmatch(args.id):
        raise UsageError(f"{args.id!r} cannot be an id", hint="use letters, digits, `_` and `-`")
    project = load_project(terminal.cwd, terminal.environ)
    folder = project.root / project.settings.spec_dir
    if args.architecture:
        path = folder / f"{args.id.lower()}.amd"
        text = _fill(
            "architecture.amd.txt",
            id=_known_spec(project, args.id),
            title=_title(args),
            path=f"{_stem(args.id)}{_suffix(project)}",
        )
    else:
        path = folder / f"{args.id.lower()}.smd"
        taken = load_specs(project.root, project.settings.spec_dir).specs.get(args.id)
        if taken:
            raise UsageError(f"{args.id} is the id of {taken.path} already")
        text = _fill("spec.smd.txt", id=args.id, title=_title(args))
    if path.exists():
        raise UsageError(f"{project.relative(path)} exists", hint="it was left as it is")
    _write_new(path, text, project.root, terminal)
    terminal.line("next: fill it in, then `ossature validate`", tone="quiet")
    return Exit.OK


def _known_spec(project: Project, spec_id: str) -> str:
    known = load_specs(project.root, project.settings.spec_dir).specs
    if spec_id not in known:
        raise UsageError(
            f"there is no spec {spec_id}",
            hint=hint_for(spec_id, known, otherwise=f"write it first: `ossature new {spec_id}`"),
        )
    return spec_id


def _title(args: argparse.Namespace) -> str:
    words = re.sub(r"[_-]+", " ", args.id).strip().capitalize() or args.id
    return " ".join((args.title or words).split())


def _stem(spec_id: str) -> str:
    return spec_id.lower().replace("-", "_")


def _suffix(project: Project) -> str:
    suffixes = {"python": ".py", "javascript": ".js", "typescript": ".ts", "rust": ".rs", "go": ".go"}
    suffixes |= {"zig": ".zig", "c": ".c", "java": ".java", "ruby": ".rb", "lua": ".lua"}
    return suffixes.get(project.settings.language.lower(), "")


def _fill(template: str, **values: str) -> str:
    text = (files("ossature.cli") / "templates" / template).read_text("utf-8")
    return Template(text).substitute(values)


def _write_new(path: Path, text: str, root: Path, terminal: Terminal) -> None:
    """Create *path*; one that is there already is kept, and said to be."""
    shown = path.relative_to(root).as_posix()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        terminal.line(f"kept     {shown}", tone="quiet")
        if path.name == ".gitignore":
            terminal.line(f"         it should ignore: {' '.join(_IGNORED)}", tone="quiet")
        return
    terminal.line(f"created  {shown}", tone="good")


def _add_init_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="folder of the project; `.` is this one")


def _add_new_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="id of the spec: letters, digits, `_` and `-`")
    parser.add_argument(
        "--architecture", action="store_true", help="write the architecture (AMD) of that spec"
    )
    parser.add_argument("--title", help="its title; made from the id by default")


COMMANDS = {
    "init": Command(
        about="Starts a project: a commented config, one small spec and ignore lines. Overwrites nothing.",
        examples=(
            ("ossature init parcels", "a new folder"),
            ("ossature init .", "this folder; files that exist stay as they are"),
        ),
        add_arguments=_add_init_arguments,
        run=init,
    ),
    "new": Command(
        about="Writes the skeleton of a spec (SMD), or of the architecture (AMD) of a spec.",
        examples=(
            ("ossature new PARCELS", "specs/parcels.smd"),
            ("ossature new PARCELS --title 'Parcel tracker'", "with a title of its own"),
            ("ossature new --architecture PARCELS", "specs/parcels.amd"),
        ),
        add_arguments=_add_new_arguments,
        run=new,
    ),
}
