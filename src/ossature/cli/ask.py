"""Puts a question to the person at the terminal."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

from ossature.cli.answers import SIDE_MEANINGS, Answer, decision_for, editable_path, parse_answer
from ossature.cli.reviewing import hunks_line
from ossature.cli.terminal import Terminal
from ossature.domain.decision import Decision, Question
from ossature.domain.review import reviewed_side
from ossature.errors import UsageError
from ossature.project import Project

_DETAIL_LINES = 40
_MEANINGS = {
    "approve": "go on",
    "retry": "try again; words after it go to the model",
    "skip": "leave this task out for this run",
    "edit": "open the file in $EDITOR and use what you save",
    "abort": "end the run; what has landed stays",
    "depend": "write into the plan that the task waits for the other one, and begin it again",
    "take": "choose a version:",
}


def show_question(question: Question, terminal: Terminal) -> None:
    """What is asked, what it is about, and what can be answered."""
    lines = question.detail.splitlines()
    # What is trusted is shown whole: the one line that matters may be the last.
    shown = len(lines) if question.gate == "trust" else _DETAIL_LINES
    for line in lines[:shown]:
        terminal.line(f"  {line}")
    if len(lines) > shown:
        terminal.line(f"  … {len(lines) - shown} more lines", tone="quiet")
    for name in question.files:
        title = question.title(name)
        terminal.line(f"  {title}" if title == name else f"  {title}: {name}", tone="quiet")
    if hunks := hunks_line(question):
        terminal.line(f"  {hunks}", tone="quiet")


def explain(question: Question, terminal: Terminal) -> None:
    """What each verb that is offered does."""
    for verb in question.verbs:
        terminal.spans([("ask", f"  {verb:<8}"), ("plain", _MEANINGS[verb])])
        for side in question.sides if verb == "take" else ():
            terminal.spans([("ask", f"    {side:<6}"), ("plain", SIDE_MEANINGS[side])])
        if question.proposals and verb in ("approve", "retry", "take"):
            which = f"{verb} {reviewed_side(question)}" if verb == "take" else verb
            terminal.line(f"           `{which} without 2,5` refuses these hunks", tone="quiet")
    terminal.line("  Ctrl-D   leave; the run goes on", tone="quiet")


def hear_answer(line: str, question: Question, *, project: Project, drafts: Path) -> Decision:
    """The decision that a typed line stands for; raises UsageError, to be said and asked again."""
    answer = parse_answer(line, question)
    if answer.verb == "edit":
        answer = _edit(answer, question, project=project, drafts=drafts)
    return decision_for(answer, question, project)


def _edit(answer: Answer, question: Question, *, project: Project, drafts: Path) -> Answer:
    """Let a person change a copy of the file in their editor."""
    path = editable_path(answer, question)
    before = _text(project.root / path)
    draft = drafts / f"{re.sub(r'[^A-Za-z0-9-]+', '-', question.id)}-{Path(path).name}"
    drafts.mkdir(parents=True, exist_ok=True)
    kept = draft.with_name(f"{draft.name}.earlier")
    if draft.exists():
        # What was typed before and refused is not ours to delete.
        draft.replace(kept)
    draft.write_bytes(before.encode("utf-8"))
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        status = subprocess.run([*shlex.split(editor), str(draft)], check=False).returncode
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot start the editor {editor!r}", hint="set EDITOR") from error
    after = _text(draft)
    if status or after == before:
        raise UsageError("nothing was changed")
    return replace(answer, path=path, content=after)


def _text(path: Path) -> str:
    """The file as text, line ends as they are; raises UsageError that names it."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8", hint="save it as UTF-8 and answer again") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
