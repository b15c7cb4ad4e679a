"""Why a task runs, as text: the reason, and the difference of every leaf that changed."""

from __future__ import annotations

from ossature.domain.matching import unified_hunks
from ossature.tui.panes.task_lines import TaskBoard, TaskLine


def why_text(line: TaskLine, board: TaskBoard) -> str:
    """For the text tab, to be coloured as a diff."""
    lines = [f"{line.id} {line.title}: {line.word}", "", f"because: {line.reason or 'nothing is recorded'}"]
    woken = sorted(board.graph.descendants(line.id)) if board.graph else []
    if woken:
        lines.append(f"waits for it: {', '.join(woken)}")
    view = line.view
    if view is None:
        return "\n".join(lines)
    if view.notes:
        lines += ["", "by hand since it landed:", *[f"  {note}" for note in view.notes]]
    if view.status == "done":
        lines += ["", "Nothing that it depends on has changed since it landed."]
    for change in view.changes:
        lines += ["", f"@@ {change.leaf} @@"]
        if change.paths:
            lines += [line for path in change.paths for line in path.difference]
        elif change.old_text is None and change.new_text is None:
            lines.append(f"digest {change.old[:12] or 'none'} became {change.new[:12] or 'none'}")
        else:
            old, new = ((text or "").splitlines() for text in (change.old_text, change.new_text))
            lines += unified_hunks(old, new, context=2)
    return "\n".join(lines)
