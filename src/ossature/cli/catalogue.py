"""Which commands there are, and which module runs each."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A command before its module is imported."""

    name: str
    module: str
    """Below `ossature.cli.commands`; defines `COMMANDS`."""
    group: str
    """Heading in the top-level help; empty hides the command."""
    summary: str


ENTRIES: tuple[Entry, ...] = (
    Entry("init", "scaffold", "Start", "start a project in a new folder, or in this one"),
    Entry("new", "scaffold", "Start", "write the skeleton of a spec or of an architecture"),
    Entry("trust", "trust", "Start", "allow a project from elsewhere to run its commands"),
    Entry("demo", "demo", "Start", "watch a recorded build: no key, no network"),
    Entry("validate", "validate", "Build", "check specs, config and plan (no model)"),
    Entry("audit", "audit", "Build", "review the specs with a model, then plan"),
    Entry("plan", "plan", "Build", "show the plan, check it, or make it anew"),
    Entry("build", "build", "Build", "build what changed"),
    Entry("retry", "build", "Build", "generate one task anew, with a word to the model"),
    Entry("accept", "accept", "Build", "adopt what you changed in generated files"),
    Entry("status", "status", "Look", "what is built, what is stale and why"),
    Entry("why", "why", "Look", "what made a task stale, or what its prompt is"),
    Entry("logs", "logs", "Look", "prompts, responses, diffs and verify output of every attempt"),
    Entry("runs", "runs", "Look", "every run of this project, or one of them"),
    Entry("diff", "diff", "Look", "what was changed by hand, or between two landings of a task"),
    Entry("graph", "graph", "Look", "what waits for what"),
    Entry("prompt", "prompt", "Look", "what the model would be sent for a task now"),
    Entry("rollback", "rollback", "History", "put back the files of an earlier landing of a task"),
    Entry("gc", "gc", "History", "delete what nothing refers to any more"),
    Entry("clean", "gc", "History", "delete stages and caches"),
    Entry("tui", "tui", "Runs", "the full-screen view"),
    Entry("attach", "attach", "Runs", "follow a run and answer its questions"),
    Entry("answer", "answer", "Runs", "answer a question of a run, or list what is open"),
    Entry("stop", "answer", "Runs", "end the run of this project"),
    Entry("own", "own", "", "run a run in this process, for another that waits for it"),
)

EXIT_CODES: tuple[tuple[str, str], ...] = (
    ("0", "ok"),
    ("1", "failed: a task, a validation error, an open audit error"),
    ("2", "usage: the command line or the config"),
    ("3", "no plan, or the plan is invalid"),
    ("4", "budget spent"),
    ("5", "drift: files changed by hand stand in the way"),
    ("6", "no sandbox that works here"),
    ("7", "replay: a reply is not among the recordings"),
    ("8", "busy: another run owns the project"),
    ("129, 130, 143", "ended by HUP, INT, TERM"),
)


def find(name: str) -> Entry | None:
    """The command of that name."""
    return next((entry for entry in ENTRIES if entry.name == name), None)


def help_text() -> str:
    """The top-level help."""
    lines = [
        "usage: ossature [-C DIR] COMMAND …",
        "",
        "Specs in, verified code out, every step on disk.",
    ]
    for group in dict.fromkeys(entry.group for entry in ENTRIES if entry.group):
        lines += ["", f"{group}:"]
        lines += [f"  {entry.name:<10} {entry.summary}" for entry in ENTRIES if entry.group == group]
    lines += [
        "",
        "Options:",
        "  -C DIR      run as if started in DIR",
        "  --help      this text; `ossature COMMAND --help` for a command, with examples",
        "  --version   the version",
        "",
        "Exit codes:",
        *(f"  {code:<14} {meaning}" for code, meaning in EXIT_CODES),
        "",
        "First steps: `ossature demo`, or `ossature init NAME && cd NAME && ossature validate`.",
    ]
    return "\n".join(lines)
