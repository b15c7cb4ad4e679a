"""What a project is set to: `ossature.toml`, the environment and the flags; the later wins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Literal, get_args

from ossature.errors import ConfigError, Diagnostic, Place

CONFIG_NAME = "ossature.toml"
SandboxMode = Literal["read-only", "workspace-write", "danger-full-access"]
SANDBOX_MODES: tuple[SandboxMode, ...] = ("read-only", "workspace-write", "danger-full-access")
Isolation = Literal["deps", "tree"]
Regeneration = Literal["update", "fresh"]
Edits = Literal["ask", "accept", "set-aside", "revert", "stop"]
EDITS: tuple[Edits, ...] = ("ask", "accept", "set-aside", "revert", "stop")
"""What becomes of outputs that people edited: answers to the `conflict` gate, given before a run."""
ROLE_KEYS: Mapping[str, str] = {
    "audit": "audit",
    "cross_audit": "audit",
    "spec_fix": "fixer",
    "brief": "brief",
    "interface": "interface",
    "plan": "planner",
    "implement": "build",
    "fix": "build",
    "fix_escalation": "fix_escalation",
    "review": "reviewer",
}
"""Role -> key of `[llm]` that sets its model; `fixer` is the spec fixer of an audit."""
_KEYS: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "project": {"name": str, "version": str, "spec_dir": str, "context_dir": str},
    "output": {"dir": str, "language": str, "framework": str},
    "audit": {"max_fix_cycles": int},
    "build": {
        "max_fix_attempts": int,
        "max_inline_lines": int,
        "max_output_tokens": int,
        "review": bool,
        "max_review_attempts": int,
        "setup": (str, list),
        "verify": (str, list),
        "exclude": (str, list),
        "timeout_s": (int, float),
        "idle_timeout_s": (int, float),
        "verify_timeout_s": (int, float),
        "verify_attempts": int,
        "setup_timeout_s": (int, float),
        "isolation": str,
        "regenerate": str,
        "jobs": int,
        "edits": str,
    },
    "budget": {
        **{f"{span}_{unit}": (int, float) for span in ("run", "task", "day") for unit in ("usd", "tokens")}
    },
    "sandbox": {"network": bool},
    "test": {"command": str, "require_coverage": bool},
    "validate": {"strict": bool},
    "history": {"commit": bool},
    "llm": {
        "model": str,
        **{key: str for key in sorted(set(ROLE_KEYS.values()))},
        "ollama_base_url": str,
        "retries": int,
        "tool_retries": int,
        "timeout_s": (int, float),
        "max_parallel_calls": int,
    },
}
_IDLE: Mapping[str, frozenset[str]] = {
    "build": frozenset({"review", "max_review_attempts"}),
    "test": frozenset({"command", "require_coverage"}),
    "llm": frozenset({"reviewer", "retries", "tool_retries"}),
}
"""Keys that existing projects have and that nothing reads yet."""
_FIELDS: Mapping[str, tuple[str, str]] = {
    "name": ("project", "name"),
    "version": ("project", "version"),
    "spec_dir": ("project", "spec_dir"),
    "context_dir": ("project", "context_dir"),
    "output_dir": ("output", "dir"),
    "language": ("output", "language"),
    "framework": ("output", "framework"),
    "max_fix_cycles": ("audit", "max_fix_cycles"),
    "max_fix_attempts": ("build", "max_fix_attempts"),
    "max_inline_lines": ("build", "max_inline_lines"),
    "max_output_tokens": ("build", "max_output_tokens"),
    "review": ("build", "review"),
    "verify_attempts": ("build", "verify_attempts"),
    "setup_timeout_s": ("build", "setup_timeout_s"),
    "isolation": ("build", "isolation"),
    "regenerate": ("build", "regenerate"),
    "idle_timeout_s": ("build", "idle_timeout_s"),
    "wants_network": ("sandbox", "network"),
    "jobs": ("build", "jobs"),
    "edits": ("build", "edits"),
    "model": ("llm", "model"),
    "model_timeout_s": ("llm", "timeout_s"),
    "max_parallel_calls": ("llm", "max_parallel_calls"),
    "ollama_base_url": ("llm", "ollama_base_url"),
    "is_strict": ("validate", "strict"),
    "keeps_history": ("history", "commit"),
}
"""Field of `Settings` -> where `ossature.toml` keeps it."""
_KNOWN_TABLES = frozenset(_KEYS) | {"vmd"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent on models; 0 is no limit. A day is a UTC day."""

    run_usd: float = 0.0
    task_usd: float = 0.0
    """In one run, as for `task_tokens`."""
    day_usd: float = 0.0
    run_tokens: float = 0
    """Input and output together."""
    task_tokens: float = 0
    day_tokens: float = 0

    def of(self, span: str, unit: str) -> float:
        """The limit of a `task`, `run` or `day` in `usd` or `tokens`."""
        return float(getattr(self, f"{span}_{unit}"))

    @property
    def has_usd(self) -> bool:
        """Something is limited in money, so prices have to be known."""
        return bool(self.run_usd or self.task_usd or self.day_usd)

    @property
    def has_any(self) -> bool:
        return self.has_usd or bool(self.run_tokens or self.task_tokens or self.day_tokens)


@dataclass(frozen=True, slots=True)
class Settings:
    """What `ossature.toml`, the environment and the flags say; the later wins."""

    name: str = "ossature-project"
    version: str = "0.0.1"
    spec_dir: str = "specs"
    context_dir: str = "context"
    output_dir: str = "output"
    language: str = "python"
    framework: str = ""
    max_fix_cycles: int = 3
    """How often a run reviews a spec again after edits that settled findings."""
    max_fix_attempts: int = 3
    max_inline_lines: int = 200
    max_output_tokens: int = 32768
    review: bool = False
    setup: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    sandbox_rights: tuple[str, ...] = ()
    """What `[sandbox]` of the project asks for, as `network = true`; of no effect unless it is trusted."""
    verify_timeout_s: float = 120.0
    """For each verify command."""
    verify_attempts: int = 2
    """How often a verify is run before it counts as red."""
    setup_timeout_s: float = 300.0
    """For each setup command."""
    isolation: Isolation = "deps"
    """deps: a stage holds what its task waits for; tree: what all tasks before it landed."""
    regenerate: Regeneration = "update"
    """update: a task that is generated anew is shown its earlier files; fresh: it is not."""
    limits: Limits = field(default_factory=Limits)
    idle_timeout_s: float = 0.0
    """A verify command that writes nothing for so long is ended; 0: never."""
    wants_network: bool = False
    """The project asks for the network; it does not get it by asking."""
    jobs: int = 1
    """Tasks at a time."""
    edits: Edits = "ask"
    model_timeout_s: float = 600.0
    """For a whole model call."""
    max_parallel_calls: int = 0
    """Model calls at a time; 0 means as many as tasks."""
    ollama_base_url: str = ""
    is_strict: bool = False
    keeps_history: bool = False
    model: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    """Key of `[llm]` -> model, where it differs from `model`."""

    def model_for(self, role: str) -> str:
        """The model of a role; `fix_escalation` is empty unless it is set."""
        key = ROLE_KEYS[role]
        if key in self.models:
            return self.models[key]
        return "" if role == "fix_escalation" else self.model


def parse_settings(text: str) -> tuple[Settings, tuple[Diagnostic, ...]]:
    """Check every known key's type; unknown tables and keys are warnings."""
    tables = parse_toml(text, CONFIG_NAME)
    warnings: list[Diagnostic] = []
    for table, content in tables.items():
        if table == "sandbox" and isinstance(content, dict) and set(content) - set(_KEYS[table]):
            place = Place(CONFIG_NAME, line_of(text, table, ""))
            hint = "only your own ~/.config/ossature/config.toml can set it"
            warnings.append(
                Diagnostic("config-sandbox", "warning", place, "[sandbox] of a project is ignored", hint)
            )
            known = {key: content[key] for key in _KEYS[table] if key in content}
            _check_table(text, table, known, warnings)
        elif table not in _KNOWN_TABLES:
            warnings.append(_unknown(text, table, "", f"unknown table [{table}]"))
        elif table in _KEYS:
            _check_table(text, table, content, warnings)
    values = {table: tables.get(table, {}) for table in _KEYS}
    picked: dict[str, Any] = {
        name: values[table][key] for name, (table, key) in _FIELDS.items() if key in values[table]
    }
    for key in ("setup", "verify", "exclude"):
        picked[key] = _as_list(text, "build", key, values["build"].get(key, ()))
    picked["models"] = {key: values["llm"][key] for key in set(ROLE_KEYS.values()) if values["llm"].get(key)}
    picked["limits"] = Limits(
        **{key: value for key, value in values["budget"].items() if key in _KEYS["budget"]}
    )
    for key in ("timeout_s", "verify_timeout_s"):
        picked["verify_timeout_s"] = values["build"].get(key, picked.get("verify_timeout_s", 120.0))
    picked["sandbox_rights"] = _rights(tables.get("sandbox"))
    settings = Settings(**picked)
    _check_choices(text, settings)
    _check_folders(text, settings)
    return settings, tuple(warnings)


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The tables of a config; raises ConfigError with its line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+), column (\d+)", str(error))
        place = Place(name, int(found[1]), int(found[2])) if found else Place(name, text.count("\n") + 1)
        raise ConfigError(f"invalid TOML: {str(error).split(' (at ')[0]}", place=place) from error
    except (RecursionError, ValueError) as error:
        raise ConfigError("nested too deeply, or a number is too long", place=Place(name)) from error


def _check_table(text: str, table: str, content: Any, warnings: list[Diagnostic]) -> None:
    if not isinstance(content, dict):
        raise ConfigError(f"[{table}] has to be a table", place=Place(CONFIG_NAME, line_of(text, table, "")))
    for key, value in content.items():
        wanted = _KEYS[table].get(key)
        if wanted is None:
            warnings.append(_unknown(text, table, key, f"unknown key {table}.{key}"))
            continue
        if key in _IDLE.get(table, ()) and value:
            warnings.append(_idle(text, table, key))
        kinds = wanted if isinstance(wanted, tuple) else (wanted,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join(_TYPE_NAMES[kind] for kind in kinds)
            raise ConfigError(
                f"{table}.{key} has to be {names}, not {value!r:.60}",
                place=Place(CONFIG_NAME, line_of(text, table, key)),
            )
        if isinstance(value, int | float) and not isinstance(value, bool):
            _check_number(text, table, key, value)


def _check_number(text: str, table: str, key: str, value: float) -> None:
    problem = ""
    if not 0 <= value < _MAX_NUMBER:
        problem = "cannot be negative" if value < 0 else "is too large" if value > 0 else "has to be a number"
    elif key in _MORE_THAN_0 and not value:
        problem = "has to be more than 0"
    elif key == "jobs" and value > MAX_JOBS:
        problem = f"can be {MAX_JOBS} at most"
    if problem:
        place = Place(CONFIG_NAME, line_of(text, table, key))
        raise ConfigError(f"{table}.{key} {problem}", place=place)


_MORE_THAN_0 = frozenset({"timeout_s", "verify_timeout_s", "setup_timeout_s", "verify_attempts", "jobs"})
MAX_JOBS = 256
"""Each one has a stage of its own on disk."""
_MAX_NUMBER = 1e15
"""Seconds beyond it are no time that the event loop can wait for."""
_TYPE_NAMES: Mapping[type, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list of strings",
}


def _as_list(text: str, table: str, key: str, value: Any) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(item, str) for item in items):
        raise ConfigError(
            f"{table}.{key} has to be a list of strings", place=Place(CONFIG_NAME, line_of(text, table, key))
        )
    return tuple(item for item in items if item)


def _check_choices(text: str, settings: Settings) -> None:
    if settings.isolation not in get_args(Isolation):
        place = Place(CONFIG_NAME, line_of(text, "build", "isolation"))
        raise ConfigError(
            f'build.isolation has to be "deps" or "tree", not {settings.isolation!r:.60}', place=place
        )
    if settings.regenerate not in get_args(Regeneration):
        place = Place(CONFIG_NAME, line_of(text, "build", "regenerate"))
        raise ConfigError(
            f'build.regenerate has to be "update" or "fresh", not {settings.regenerate!r:.60}', place=place
        )
    if settings.edits not in EDITS:
        place = Place(CONFIG_NAME, line_of(text, "build", "edits"))
        raise ConfigError(f"build.edits has to be one of {', '.join(EDITS)}", place=place)


def _rights(table: Any) -> tuple[str, ...]:
    """The entries of `[sandbox]` that ask for more, one text each."""
    entries = sorted(table.items()) if isinstance(table, dict) else []
    return tuple(f"{key} = {'true' if value is True else repr(value)}" for key, value in entries if value)


def _check_folders(text: str, settings: Settings) -> None:
    """spec_dir, context_dir and output.dir stay inside the project: a path from a file never escapes."""
    for table, key, value in (
        ("project", "spec_dir", settings.spec_dir),
        ("project", "context_dir", settings.context_dir),
        ("output", "dir", settings.output_dir),
    ):
        parts = value.replace("\\", "/").split("/")
        if (
            not value
            or value.startswith(("/", "~"))
            or ".." in parts
            or "\0" in value
            or not {".ossature", ".git"}.isdisjoint(parts)
        ):
            raise ConfigError(
                f"{table}.{key} = {value!r} has to be a folder inside the project",
                place=Place(CONFIG_NAME, line_of(text, table, key)),
            )
    output = PurePosixPath(settings.output_dir)
    for name, value in (("spec_dir", settings.spec_dir), ("context_dir", settings.context_dir)):
        folder = PurePosixPath(value)
        if folder.parts and output.is_relative_to(folder):
            raise ConfigError(
                f"output.dir = {settings.output_dir!r} lies in project.{name}, which is yours",
                place=Place(CONFIG_NAME, line_of(text, "output", "dir")),
            )


def with_environment(settings: Settings, environ: Mapping[str, str]) -> Settings:
    model = environ.get("OSSATURE_MODEL", "")
    return replace(settings, model=model, models={}) if model else settings


def _idle(text: str, table: str, key: str) -> Diagnostic:
    place = Place(CONFIG_NAME, line_of(text, table, key))
    return Diagnostic("config-no-effect", "info", place, f"{table}.{key} has no effect yet")


def _unknown(text: str, table: str, key: str, message: str) -> Diagnostic:
    place = Place(CONFIG_NAME, line_of(text, table, key))
    return Diagnostic("config-unknown-key", "warning", place, message, "it is ignored")


def line_of(text: str, table: str, key: str) -> int:
    """Line of `key` within `[table]`, or of the table itself; 0 when neither is found (inline tables)."""
    here, header = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        found = re.match(r"\s*\[\s*([\w.\"'-]+)\s*\]", line)
        if found:
            here = found[1]
            header = number if here == table else header
        elif here == table and key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return header
