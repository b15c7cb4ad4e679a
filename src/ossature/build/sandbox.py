"""How far the commands of a build are shut in: the mode they run in and the environment they see."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ossature.errors import ConfigError, DiskError, Exit, OssatureError, Place
from ossature.settings import SANDBOX_MODES, SandboxMode, line_of, parse_toml

DEFAULT_MODE: SandboxMode = "workspace-write"
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"

_LOCALE_NAMES = ("LANG", "LC_COLLATE", "LC_CTYPE", "LC_MONETARY", "LC_NUMERIC", "LC_TIME", "TZ")
_TOOLCHAIN_DIRS: Mapping[str, str] = {
    "RUSTUP_HOME": ".rustup",
    "PYENV_ROOT": ".pyenv",
    "GOROOT": "",
    "JAVA_HOME": "",
    "SDKROOT": "",
    "DEVELOPER_DIR": "",
}
"""Where a compiler lives -> its default folder under the real home, which HOME no longer names."""


@dataclass(frozen=True, slots=True)
class SandboxChoice:
    """The mode that commands run in, and what has to be said about it."""

    mode: SandboxMode
    notice: str = ""
    """One line to show at the start of the run; empty when there is nothing to warn of."""


def choose(flag: SandboxMode | None, user: SandboxMode | None, *, is_demo: bool) -> SandboxChoice:
    """Settle the mode: the flag wins over the user's own config, a project has no say.

    Only `danger-full-access` has an executor in this version. Everything else raises OssatureError with
    Exit.NO_SANDBOX, save for the demo, whose code we ship, when nobody asked for a sandbox.
    """
    wanted = flag or user
    if wanted == "danger-full-access":
        return SandboxChoice(wanted, "commands run without a sandbox, with your rights on this machine")
    if is_demo and wanted is None:
        return SandboxChoice(
            "danger-full-access",
            "the demo runs its commands without a sandbox: its code came with ossature",
        )
    raise OssatureError(
        f"sandbox mode {wanted or DEFAULT_MODE} is not available: this version has no OS sandbox yet, so"
        " commands written by a model would run with your rights on this machine",
        hint='to allow that, pass `--sandbox danger-full-access`, or put `mode = "danger-full-access"` under'
        " `[sandbox]` in ~/.config/ossature/config.toml (a project cannot set it)",
        exit_code=Exit.NO_SANDBOX,
    )


def user_sandbox_mode(environ: Mapping[str, str]) -> SandboxMode | None:
    """`[sandbox] mode` of the user's own config: a project can never loosen it."""
    home = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '~')}/.config"
    path = Path(home).expanduser() / "ossature" / "config.toml"
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    table = parse_toml(text, str(path)).get("sandbox", {})
    mode = table.get("mode") if isinstance(table, dict) else None
    if mode is None:
        return None
    if mode not in SANDBOX_MODES:
        raise ConfigError(
            f"sandbox.mode is {mode!r}",
            place=Place(str(path), line_of(text, "sandbox", "mode")),
            hint="use one of: " + ", ".join(SANDBOX_MODES),
        )
    return mode  # type: ignore[no-any-return]  # checked against SANDBOX_MODES above


def scrubbed_environ(
    environ: Mapping[str, str],
    *,
    home: Path,
    temp_dir: Path,
    python_dir: Path,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The environment of a command: a short list of names from *environ*, the rest made up, no keys.

    Messages are kept in English whatever the locale, since verdicts read them. *extra* is the caller's word
    and wins; it must not come from *environ*.
    """
    kept = {name: environ[name] for name in _LOCALE_NAMES if environ.get(name)}
    if environ.get("LC_ALL"):
        kept["LANG"] = environ["LC_ALL"]
    kept.setdefault("LANG", "C.UTF-8")
    return {
        **kept,
        **_toolchain_dirs(environ),
        "PATH": os.pathsep.join([str(python_dir), *_absolute_entries(environ.get("PATH") or DEFAULT_PATH)]),
        "HOME": str(home),
        "TMPDIR": str(temp_dir),
        "LC_MESSAGES": "C",
        "TERM": "dumb",
        "CI": "1",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        **(extra or {}),
    }


def base_interpreter() -> Path:
    """The interpreter below ours: outside of any virtual environment, so our own packages are not seen."""
    # `_base_executable` is what the venv module itself goes by; resolving alone misses `venv --copies`.
    name = getattr(sys, "_base_executable", None) or sys.executable
    return Path(name).resolve()


def make_python_dir(folder: Path, interpreter: Path) -> Path:
    """Fill *folder* with `python` and `python3` for *interpreter*; give back the folder.

    Raises DiskError. Python finds its library by following the link, so *interpreter* should be the real one
    (`base_interpreter`): a link to the python of a virtual environment would lose the environment.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("python", "python3"):
            _point(folder / name, interpreter)
    except OSError as error:
        raise DiskError(f"cannot set up {folder}: {error.strerror}") from error
    return folder


def _point(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    os.replace(fresh, link)


def _toolchain_dirs(environ: Mapping[str, str]) -> dict[str, str]:
    """Only absolute folders that exist pass, so that a key under such a name does not."""
    home = environ.get("HOME", "")
    found: dict[str, str] = {}
    for name, default in _TOOLCHAIN_DIRS.items():
        value = environ.get(name) or (str(Path(home, default)) if default and home else "")
        if value.startswith("/") and Path(value).is_dir():
            found[name] = value
    return found


def _absolute_entries(path: str) -> list[str]:
    """Entries of a PATH without those that mean the current folder: that is where a model's files are."""
    return [entry for entry in path.split(os.pathsep) if entry.startswith("/")]
