"""How far the commands of a build are shut in: the mode they run in and the environment they see."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from ossature.build.cage import Cage, Limits, Policy
from ossature.build.landlock import LandlockCage, gaps_of
from ossature.build.reach import is_folder
from ossature.build.tiers import Found, Machine
from ossature.domain.sandbox import SandboxTier
from ossature.errors import ConfigError, DiskError, Exit, OssatureError, Place
from ossature.project import user_config_path
from ossature.settings import SANDBOX_MODES, SandboxMode, Settings, line_of, parse_toml

DEFAULT_MODE: SandboxMode = "workspace-write"
SANDBOX_TIERS: tuple[SandboxTier, ...] = tuple(tier for tier in get_args(SandboxTier) if tier != "none")
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

_LIMIT_KEYS = ("file_mib", "open_files", "memory_mib", "processes")
_MAX_LIMIT = 2**31


@dataclass(frozen=True, slots=True)
class UserSandbox:
    """`[sandbox]` of the user's own config: what a project can never loosen."""

    mode: SandboxMode | None = None
    tier: SandboxTier | None = None
    """This one or none; None takes the best that works."""
    has_network: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class SandboxChoice:
    """The mode that commands run in, how it is enforced, and what has to be said about it."""

    mode: SandboxMode
    tier: SandboxTier
    cage: Cage | None
    """None: no sandbox."""
    limits: Limits
    has_network: bool = False
    gaps: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    """Warnings to show at the start of the run."""


def choose(
    flag: SandboxMode | None,
    user: UserSandbox,
    machine: Machine,
    *,
    settings: Settings,
    hidden: tuple[Path, ...],
    network_allowed: bool,
    is_demo: bool = False,
) -> SandboxChoice:
    """Settle the mode (the flag, else the user's own config; a project has no say) and find what enforces it.

    *network_allowed*: the user trusts this project, so the network that it asks for in its own config is
    given to it. *hidden*: folders that no command may see. Raises OssatureError with Exit.NO_SANDBOX where
    nothing works here, save for the demo, whose code we ship, when nobody asked for a sandbox.
    """
    limits = replace(user.limits, idle_timeout_s=settings.idle_timeout_s)
    asked = flag or user.mode
    if asked == "danger-full-access":
        notice = "commands run without a sandbox, with your rights on this machine"
        return SandboxChoice(asked, "none", None, limits, has_network=True, notices=(notice,))
    has_network = user.has_network or (settings.wants_network and network_allowed)
    mode = asked or DEFAULT_MODE
    policy = Policy(mode, has_network=has_network, hidden=hidden, limits=limits)
    found = machine.find(policy, tier=user.tier)
    if found.cage is not None:
        gaps = gaps_of(found.cage.abi) if isinstance(found.cage, LandlockCage) else ()
        notices = _notices(found, gaps)
        if settings.wants_network and not has_network:
            notices = (*notices, _NETWORK_REFUSED)
        return SandboxChoice(mode, found.tier, found.cage, limits, has_network, gaps, notices)
    if is_demo and asked is None:
        notice = f"no sandbox works here ({_why(found)}): the demo, whose code came with ossature, runs open"
        return SandboxChoice("danger-full-access", "none", None, limits, has_network=True, notices=(notice,))
    raise OssatureError(
        f"sandbox mode {mode} is not available here ({_why(found)}), so commands written by a model would run"
        " with your rights on this machine",
        hint="install bubblewrap (a package of that name in every Linux distribution); or to run without a"
        ' sandbox, pass `--sandbox danger-full-access`, or put `mode = "danger-full-access"` under'
        " `[sandbox]` in ~/.config/ossature/config.toml (a project cannot set it)",
        exit_code=Exit.NO_SANDBOX,
    )


_NETWORK_REFUSED = (
    "ossature.toml asks for the network, which a project cannot give itself: commands run without it"
    " (`ossature trust` gives it to this project from the next run on)"
)


def _notices(found: Found, gaps: tuple[str, ...]) -> tuple[str, ...]:
    if found.tier == "landlock":
        return (f"the sandbox is Landlock ({_why(found)}); its gaps: {'; '.join(gaps)}",)
    if found.tier == "bubblewrap-nested":
        return ("the sandbox has no /proc of its own, so commands see none: this seems to be a container",)
    return ()


def _why(found: Found) -> str:
    return "; ".join(found.reasons) or "nothing was tried"


def user_sandbox(environ: Mapping[str, str]) -> UserSandbox:
    """`[sandbox]` of the user's own config. Raises ConfigError for a value that it cannot have."""
    path = user_config_path(environ)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return UserSandbox()
    table = parse_toml(text, str(path)).get("sandbox", {})
    if not isinstance(table, dict):
        raise ConfigError("sandbox has to be a table", place=Place(str(path)))

    def refuse(key: str, hint: str) -> ConfigError:
        place = Place(str(path), line_of(text, "sandbox", key))
        return ConfigError(f"sandbox.{key} is {table[key]!r:.60}", place=place, hint=hint)

    for key, allowed in (("mode", SANDBOX_MODES), ("tier", SANDBOX_TIERS), ("network", (True, False))):
        if key in table and not any(table[key] is one or table[key] == one != 1 for one in allowed):
            raise refuse(key, "use one of: " + ", ".join(str(one).lower() for one in allowed))
    for key in _LIMIT_KEYS:
        if key in table and not (type(table[key]) is int and 0 <= table[key] < _MAX_LIMIT):
            raise refuse(key, "use a whole number; 0 is no limit")
    return UserSandbox(
        mode=table.get("mode"),
        tier=table.get("tier"),
        has_network=table.get("network", False),
        limits=Limits(**{key: table[key] for key in _LIMIT_KEYS if key in table}),
    )


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
        if value.startswith("/") and is_folder(Path(value)):
            found[name] = value
    return found


def _absolute_entries(path: str) -> list[str]:
    """Entries of a PATH without those that mean the current folder: that is where a model's files are."""
    return [entry for entry in path.split(os.pathsep) if entry.startswith("/")]
