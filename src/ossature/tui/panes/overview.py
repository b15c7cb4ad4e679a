"""The overview of a task: what it is, why it runs, what it needs, how it went."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ossature.domain.plain_text import clean_line
from ossature.domain.plan import Task
from ossature.domain.state import AttemptState
from ossature.domain.wording import verdict_tone, words
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.panes.attempts import Attempt
from ossature.tui.panes.task_lines import TaskBoard, TaskLine

LABEL_CELLS = 10

Lines = list[list[Span]]


def overview_lines(line: TaskLine, board: TaskBoard, *, attempts: Sequence[Attempt], glyphs: Glyphs) -> Lines:
    """For the overview tab; texts are cleaned."""
    sign = glyphs.status.get(line.status, "?")
    status = [Span(f"{sign} {line.word}", line.tone)]
    if line.note:
        status.append(Span(f"   {line.note}", "fix"))
    lines: Lines = [[Span(f"{clean_line(line.id)} {clean_line(line.title)}", "strong")], []]
    lines.append([_label("Status"), *status])
    lines += why_lines(line, glyphs)
    lines += _prints(line)
    lines += _text_lines("Spec", [line.spec])
    if line.state and line.state.hint:
        lines += _text_lines("Hint", [line.state.hint])
    lines += _neighbours(line, board, glyphs)
    lines += _contract(line, board)
    if attempts:
        lines += [[], [Span("Attempts", "title"), Span("   o chooses, [ ] step", "quiet")]]
        lines += [_attempt_line(attempt, line, glyphs) for attempt in attempts]
    return lines


def why_lines(line: TaskLine, glyphs: Glyphs) -> Lines:
    """The reason, and every leaf that changed."""
    lines = _text_lines("Why", [line.reason or _default_reason(line)])
    if line.view is None:
        return lines
    for change in line.view.changes:
        kind = "new" if not change.old else "gone" if not change.new else "changed"
        what = [Span(f"{glyphs.arrow} "), Span(clean_line(change.leaf), "hunk"), Span(f"  {kind}", "quiet")]
        if change.old and change.new:
            what.append(Span(f"  {change.old[:8]} {glyphs.arrow} {change.new[:8]}", "faint"))
        lines.append([_label(""), *what])
    return lines + _text_lines("By hand", line.view.notes)


def _prints(line: TaskLine) -> Lines:
    """Both fingerprints of what landed last, and the state of its files."""
    landing = line.view.landing if line.view else None
    if line.view is None or landing is None:
        return []
    prints = [Span(f"generate {landing.generate[:8]}  verify {landing.verify[:8]}", "quiet")]
    changed = {edit.path: edit.kind for edit in line.view.by_hand}
    files = [f"{path}  {changed.get(path, 'as it landed')}" for path in landing.files]
    return [[_label("Landed"), *prints], *_text_lines("Files", files)]


def _default_reason(line: TaskLine) -> str:
    if line.status in ("done", "landed", "up-to-date"):
        return "nothing that it depends on has changed"
    return "waits for its turn" if line.status == "pending" else "no reason is recorded"


def _neighbours(line: TaskLine, board: TaskBoard, glyphs: Glyphs) -> Lines:
    if board.graph is None:
        return []
    lines: Lines = []
    for label, ids in (
        ("Needs", board.graph.dependencies.get(line.id, ())),
        ("Feeds", board.graph.dependents.get(line.id, ())),
    ):
        for position, task in enumerate(ids):
            other = board.find(task)
            spans = [_label(label if position == 0 else "")]
            if other:
                spans.append(Span(f"{glyphs.status.get(other.status, '?')} ", other.tone))
            name = f"{task} {other.title}" if other else task
            lines.append([*spans, Span(clean_line(name))])
    return lines


def _contract(line: TaskLine, board: TaskBoard) -> Lines:
    if line.view is None:
        return _text_lines("Outputs", line.outputs)
    task = line.view.task
    lines = _sections(task, {one.spec for one in board.lines})
    lines += _text_lines("Outputs", task.outputs)
    lines += _text_lines("Shown", (*task.inject_files, *task.context_files, *task.cross_spec_interfaces))
    lines += _text_lines("Verify", [f"$ {command}" for command in task.verify])
    lines += _text_lines("About", task.description.splitlines())
    return lines + _text_lines("Notes", task.notes.splitlines())


def _sections(task: Task, specs: Collection[str]) -> Lines:
    """What the task shows of each document, below its name; *specs* are those that a prefix may name."""
    documents: dict[str, list[str]] = {}
    for suffix, refs in (("", task.spec_refs), (" architecture", task.arch_refs)):
        for ref in refs:
            head, _, rest = ref.partition(":")
            spec, name = (head, rest) if rest and head in specs else (task.spec, ref)
            documents.setdefault(f"{spec}{suffix}", []).append(name.strip())
    lines: Lines = []
    for document, names in documents.items():
        lines.append([_label("" if lines else "Sections"), Span(clean_line(document), "quiet")])
        lines += [[_label(""), Span(f"  {clean_line(name)}")] for name in names]
    return lines


def _attempt_line(attempt: Attempt, line: TaskLine, glyphs: Glyphs) -> list[Span]:
    verdict = words(attempt.verdict) or ("streaming" if attempt.is_streaming else "no verdict")
    tone = verdict_tone(attempt.verdict) or "active"
    state = _state_of(attempt, line.state.attempts if line.state else ())
    figures = ""
    if state and (state.input_tokens or state.output_tokens):
        figures = f"  {state.input_tokens}+{state.output_tokens} tok"
        figures += f"  ${state.cost_usd:.3f}" if state.cost_usd is not None else ""
        figures += f"  {state.source}" if state.source not in ("", "live") else ""
    return [
        Span(f"  {attempt.number} ", "quiet"),
        Span(f"{words(attempt.kind):<10} ", "fix" if attempt.kind.startswith("fix") else "plain"),
        Span(verdict, tone),
        Span(f"  {clean_line(attempt.note)}" if attempt.note else "", "plain"),
        Span(figures, "quiet"),
    ]


def _state_of(attempt: Attempt, states: Sequence[AttemptState]) -> AttemptState | None:
    return next((state for state in states if state.folder and attempt.folder.match(state.folder)), None)


def _text_lines(label: str, texts: Iterable[str]) -> Lines:
    lines: Lines = []
    for text in texts:
        if text:
            lines.append([_label("" if lines else label), Span(clean_line(text))])
    return lines


def _label(text: str) -> Span:
    return Span(f"{text:<{LABEL_CELLS}}", "label")
