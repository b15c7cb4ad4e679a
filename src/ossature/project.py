"""Where a project is, every path that we own in it, and where the user's own files are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ossature.errors import ConfigError, Diagnostic, Place, UsageError
from ossature.settings import CONFIG_NAME, Settings, parse_settings, with_environment


@dataclass(frozen=True, slots=True)
class Project:
    """A project folder and its settings. Paths are absolute."""

    root: Path
    settings: Settings = field(default_factory=Settings)
    diagnostics: tuple[Diagnostic, ...] = ()
    """Warnings about the config (unknown keys); errors are raised."""

    @property
    def state_dir(self) -> Path:
        return self.root / ".ossature"

    @property
    def output_root(self) -> Path:
        return self.root / self.settings.output_dir

    @property
    def context_root(self) -> Path:
        return self.root / self.settings.context_dir

    @property
    def plan_path(self) -> Path:
        return self.state_dir / "plan.toml"

    @property
    def proposed_plan_path(self) -> Path:
        return self.state_dir / "plan.proposed.toml"

    @property
    def rulings_path(self) -> Path:
        """What people decided about findings."""
        return self.state_dir / "rulings.jsonl"

    @property
    def ledger_path(self) -> Path:
        return self.state_dir / "ledger.jsonl"

    @property
    def blobs_dir(self) -> Path:
        return self.state_dir / "blobs"

    @property
    def tasks_dir(self) -> Path:
        return self.state_dir / "tasks"

    @property
    def exchanges_dir(self) -> Path:
        return self.state_dir / "exchanges"

    @property
    def runs_dir(self) -> Path:
        return self.state_dir / "runs"

    @property
    def audit_dir(self) -> Path:
        return self.state_dir / "audit"

    @property
    def brief_dir(self) -> Path:
        return self.state_dir / "context"

    @property
    def interfaces_dir(self) -> Path:
        return self.state_dir / "context" / "interfaces"

    @property
    def work_dir(self) -> Path:
        return self.state_dir / "work"

    @property
    def lease_path(self) -> Path:
        return self.state_dir / "lease"

    @property
    def prompts_dir(self) -> Path:
        """The project's own prompt templates; they win over ours."""
        return self.root / "prompts"

    @property
    def reserved(self) -> tuple[str, ...]:
        """Paths below the output folder that are the project's own: no task writes, no stage holds them."""
        settings = self.settings
        output = PurePosixPath(settings.output_dir)
        names = (CONFIG_NAME, settings.spec_dir, settings.context_dir, "prompts", ".ossature")
        own = [PurePosixPath(name) for name in names]
        return tuple(path.relative_to(output).as_posix() for path in own if path.is_relative_to(output))

    def relative(self, path: Path) -> str:
        """*path* as stored on disk and in events: project-relative with `/`."""
        return path.relative_to(self.root).as_posix()


def find_root(start: Path) -> Path:
    """The nearest folder at or above *start* that holds `ossature.toml`."""
    for folder in (start, *start.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder
    raise UsageError(
        f"no {CONFIG_NAME} in {start} or above it",
        hint="run `ossature init NAME` to start a project, or `cd` into one",
    )


def load_project(start: Path, environ: Mapping[str, str] | None = None) -> Project:
    """Find the project around *start* and read its settings; raises ConfigError with file and line."""
    root = find_root(start.absolute())
    path = root / CONFIG_NAME
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError("is not UTF-8", place=Place(CONFIG_NAME, line)) from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=Place(CONFIG_NAME)) from error
    settings, diagnostics = parse_settings(text)
    settings = with_environment(settings, os.environ if environ is None else environ)
    return Project(root=root, settings=settings, diagnostics=diagnostics)


def user_config_path(environ: Mapping[str, str]) -> Path:
    """The config of the user whose environment this is, for what is not a project's to set."""
    home = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '~')}/.config"
    return Path(home).expanduser() / "ossature" / "config.toml"


def user_state_dir(environ: Mapping[str, str]) -> Path:
    """What ossature remembers of this user, in no project."""
    given = environ.get("XDG_STATE_HOME", "")
    # The XDG base directory specification: a relative path is invalid and has to be ignored.
    home = (
        Path(given)
        if given.startswith("/")
        else Path(environ.get("HOME") or "~").expanduser() / ".local/state"
    )
    return home / "ossature"
