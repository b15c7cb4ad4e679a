"""What a sandboxed command may read of this machine: the system, and toolchains that its PATH leads to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

SYSTEM_DIRS = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store",
    "/snap", "/System", "/Library/Developer", "/Applications/Xcode.app",
)  # fmt: skip
SYSTEM_FILES = (
    "alternatives", "ca-certificates", "crypto-policies", "debian_version", "fonts", "gai.conf", "inputrc",
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "locale.alias", "locale.conf", "lsb-release",
    "magic", "mime.types", "nsswitch.conf", "os-release", "perl", "pki/ca-trust", "pki/tls/certs",
    "protocols", "python3", "services", "shells", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone",
)  # fmt: skip
"""Below /etc. No folder among them holds private keys, which root could read."""
NETWORK_FILES = ("resolv.conf", "host.conf")
"""Below /etc; only where the network is to be had."""
TOOLCHAIN_VARIABLES = ("RUSTUP_HOME", "PYENV_ROOT", "GOROOT", "JAVA_HOME", "SDKROOT", "DEVELOPER_DIR")

_MAX_LINKS = 64
"""Programs of one folder that are followed to where they lie."""


def readable_roots(environ: Mapping[str, str], tools: Path | None, hidden: Sequence[Path]) -> list[Path]:
    """Folders and files that *environ* needs beside the system's: sorted, none within another.

    *tools* is the folder of `python`. Whole toolchains are taken where they can be told, else only what PATH
    names; never one of *hidden* or a folder above it.
    """
    found: set[Path] = set()
    for name in TOOLCHAIN_VARIABLES:
        if environ.get(name):
            found.add(Path(environ[name]))
    entries = [Path(entry) for entry in environ.get("PATH", "").split(os.pathsep) if entry.startswith("/")]
    system = [Path(name) for name in SYSTEM_DIRS]
    for entry in dict.fromkeys(entries):
        if is_folder(entry) and not _is_within(entry, system):
            if entry != tools:
                found |= {entry, *_toolchain_of(entry)}
            found |= set(_behind_links(entry))
    candidates = {path.resolve() for path in found} | found
    allowed = {
        path for path in candidates if _is_there(path) and not _is_above(path, hidden) and path != Path("/")
    }
    return outermost(path for path in allowed if not _is_within(path, system))


def outermost(paths: Iterable[Path]) -> list[Path]:
    """*paths* without those that lie within another, sorted."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not _is_within(path, kept):
            kept.append(path)
    return kept


def without(root: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    """*root*, or where it holds something of *hidden*: the parts of it that do not."""
    if root in hidden:
        return
    if not any(path.is_relative_to(root) for path in hidden):
        yield root
        return
    try:
        entries = sorted(root.iterdir())
    except OSError:
        return
    for entry in entries:
        yield from without(entry, hidden)


def system_files(*, has_network: bool) -> list[Path]:
    """Files and folders of /etc that programs look for and that hold nothing private."""
    names = [*SYSTEM_FILES, *(NETWORK_FILES if has_network else ())]
    java = [path.name for path in Path("/etc").glob("java*") if path.is_dir()]
    return [path for path in (Path("/etc", name) for name in [*names, *java]) if path.exists()]


def _toolchain_of(entry: Path) -> Iterator[Path]:
    """What the programs in *entry* need beside them."""
    prefix = entry.parent
    if prefix.name == ".local":
        # Its `share` holds keyrings and the like.
        yield prefix / "lib"
    elif entry.name == "shims" or (entry.name in ("bin", "sbin") and _is_prefix(prefix)):
        yield prefix
    config = prefix / "pyvenv.cfg"
    try:
        lines = config.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        name, _, value = line.partition("=")
        if name.strip() == "home" and value.strip().startswith("/"):
            yield Path(value.strip())
            yield Path(value.strip()).parent


def _is_prefix(folder: Path) -> bool:
    """An installation: it has its own library beside its programs."""
    return any(_is_there(folder / name) for name in ("pyvenv.cfg", "lib", "libexec", "conda-meta"))


def _behind_links(entry: Path) -> Iterator[Path]:
    """Where programs of *entry* lie that are links to somewhere else, with what they need."""
    try:
        links = [Path(item.path) for item in os.scandir(entry) if item.is_symlink()]
    except OSError:
        return
    for link in sorted(links)[:_MAX_LINKS]:
        program = link.resolve()
        if _is_there(program) and not program.is_relative_to(entry):
            yield program
            if program.parent.name == "bin" and _is_prefix(program.parent.parent):
                yield program.parent.parent


def is_folder(path: Path) -> bool:
    """Also where we may not look: then it is none to us."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _is_within(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _is_above(path: Path, hidden: Sequence[Path]) -> bool:
    """Showing *path* would show something of *hidden*."""
    return any(one.is_relative_to(path) for one in hidden)
