"""The one table of what can be done: bindings, footer, palette and help are all read from it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding, BindingType

from ossature.tui.keys.action import ACTING, GROUPS, Action, Scope

__all__ = ["ACTING", "ACTIONS", "GROUPS", "Action", "Scope", "bindings", "footer_actions"]

ACTIONS: tuple[Action, ...] = (
    Action("build", "b", "build", "Build what changed, in a run of its own", "app", "Run", 3),
    Action("build_task", "B", "build task", "Build the selected task and what it needs", "app", "Run"),
    Action("audit", "A", "audit", "Review the specs and plan", "app", "Run", 12),
    Action("pause", "p", "pause", "Pause: start nothing new; again: go on", "app", "Run", 8),
    Action("stop", "S", "stop", "Stop when the work in flight is done; again: stop now", "app", "Run", 9),
    Action("step", "s", "step mode", "Step mode: ask before each prompt, fix and landing", "app", "Run"),
    Action("retry", "r", "retry", "Generate the task anew, with feedback or another model", "app", "Run"),
    Action("question(1)", "n", "next question", "Go to the next open question, and its task", "app", "Run"),
    Action("answer('approve')", "a", "approve", "Approve what is asked", "question", "Question"),
    Action("answer('hint')", "h", "hint", "Approve, with a hint for the model", "question", "Question"),
    Action(
        "answer('retry')", "r", "retry", "Try again, with feedback or another model", "question", "Question"
    ),
    Action("answer('skip')", "s", "skip", "Skip the task in this run", "question", "Question"),
    Action("answer('mine')", "m", "keep mine", "Conflict: your version", "question", "Question"),
    Action("answer('merged')", "M", "merge", "Conflict: both versions, merged", "question", "Question"),
    Action("answer('theirs')", "t", "take theirs", "Conflict: the generated one", "question", "Question"),
    Action(
        "answer('aside')",
        "T",
        "set aside",
        "Conflict: the generated one; yours is listed as set aside",
        "question",
        "Question",
    ),
    Action(
        "answer('depend')", "d", "depend", "Let the task wait for the one it misses", "question", "Question"
    ),
    Action("answer('abort')", "x", "abort", "End the run; what has landed stays", "question", "Question"),
    Action("review", "v", "review", "Take or refuse what is asked about, hunk by hunk", "app", "Question"),
    Action("next_question", "tab", "next", "Next open question, or next pane", "app", "Question", 7),
    Action("previous_pane", "shift+tab", "previous", "Previous pane", "app", "Panes"),
    Action("pane('specs')", "1", "specs", "Go to the specs", "app", "Panes"),
    Action("pane('findings')", "2", "findings", "Go to the findings", "app", "Panes"),
    Action("pane('plan')", "3", "panes", "Go to the plan", "app", "Panes", 6, "1-5"),
    Action("pane('task')", "4", "task", "Go to the task", "app", "Panes"),
    Action("pane('log')", "5", "log", "Go to the log", "app", "Panes"),
    Action("log", "l", "log", "Show the log, or the task again", "app", "Panes", 10),
    Action("zoom", "z", "zoom", "Give the whole screen to this pane, and back", "app", "Panes", 11),
    Action("filter", "slash", "find", "Filter the list, or search the text", "app", "Panes", 5),
    Action("step_back", "escape", "back", "Close what is open; drop the filter", "app", "Panes"),
    Action("why", "w", "why", "Why the selected task runs, or would", "app", "Task", 4),
    Action("edit", "e", "edit", "Edit in $EDITOR: asked-about file, line, or text", "app", "Task", 13),
    Action("follow_run", "f", "follow", "Keep to the task that is running", "app", "Task"),
    Action("attempts", "o", "attempts", "Choose an attempt, of this run or an earlier one", "app", "Task"),
    Action("attempt(-1)", "left_square_bracket", "older", "Older attempt", "app", "Task"),
    Action("attempt(1)", "right_square_bracket", "newer", "Newer attempt", "app", "Task"),
    Action("tab(-1)", "left", "tab left", "Tab to the left", "task", "Task"),
    Action("tab(1)", "right", "tabs", "Tab to the right", "task", "Task", 2, "← →", "tab-right"),
    Action("plan('change')", "c", "change", "Change the task in a form", "plan", "Plan", 2),
    Action("plan('block')", "E", "TOML", "Edit the task's lines of plan.toml in $EDITOR", "plan", "Plan", 12),
    Action("plan('edges')", "L", "edges", "Choose what the task waits for", "plan", "Plan", 4),
    Action("plan('add')", "plus", "add", "Add a task behind this one", "plan", "Plan", 13),
    Action("plan('delete')", "minus", "delete", "Delete the task from the plan", "plan", "Plan", 14),
    Action("plan('down')", "J", "move down", "Move the task down", "plan", "Plan"),
    Action("plan('up')", "K", "move up", "Move the task up", "plan", "Plan"),
    Action("plan('split')", "percent_sign", "split", "Split the task into two", "plan", "Plan"),
    Action("plan('merge')", "ampersand", "merge", "Merge the task with another", "plan", "Plan"),
    Action("plan('manual')", "m", "manual", "Write the task by hand, or not any more", "plan", "Plan", 9),
    Action("plan('skip')", "X", "skip", "Skip the task in all builds, or not any more", "plan", "Plan"),
    Action("undo", "u", "undo", "Take back the last edit of the plan", "app", "Plan", 11),
    Action("redo", "ctrl+r", "redo", "Make the edit again that was taken back", "app", "Plan"),
    Action("view('chart')", "g", "layers", "Draw the plan in layers, around this task", "plan", "Graph", 4),
    Action("view('grid')", "G", "runs", "Show what became of each task in each run", "plan", "Graph", 5),
    Action("view('plan')", "g", "list", "Back to the plan as a list", "chart", "Graph", 4),
    Action("view('grid')", "G", "runs", "Show the plan by runs", "chart", "Graph", 5),
    Action("go('left')", "left,h", "needs", "To what the task waits for", "chart", "Graph"),
    Action("go('right')", "right,l", "feeds", "To what waits for the task", "chart", "Graph"),
    Action("go('up')", "up,k", "up", "To the task above, in the same layer", "chart", "Graph"),
    Action("go('down')", "down,j", "move", "To the task below", "chart", "Graph", 1, "← ↓ ↑ →"),
    Action("choose", "enter", "open", "Open the task", "chart", "Graph", 2),
    Action("deepen(1)", "plus,equals_sign", "more", "Draw a wider neighbourhood", "chart", "Graph", 3, "+ -"),
    Action("deepen(-1)", "minus", "less", "Draw a narrower neighbourhood", "chart", "Graph"),
    Action("whole", "0", "all", "Draw the whole plan, or only the neighbourhood", "chart", "Graph", 3),
    Action("centre", "space", "centre", "Draw the neighbourhood of this task", "chart", "Graph"),
    Action("first", "home", "first", "To the first task", "chart", "Graph"),
    Action("last", "end", "last", "To the last task", "chart", "Graph"),
    Action("page(0.5)", "pagedown,ctrl+d", "page down", "Scroll down", "chart", "Graph"),
    Action("page(-0.5)", "pageup,ctrl+u", "page up", "Scroll up", "chart", "Graph"),
    Action("sideways(-20)", "less_than_sign", "scroll left", "Scroll to the left", "chart", "Graph"),
    Action("sideways(20)", "greater_than_sign", "scroll right", "Scroll to the right", "chart", "Graph"),
    Action("view('plan')", "G", "list", "Back to the plan as a list", "grid", "Graph", 3),
    Action("view('chart')", "g", "layers", "Draw the plan in layers", "grid", "Graph", 4),
    Action("go('left')", "left,h", "older", "To the run before", "grid", "Graph"),
    Action("go('right')", "right,l", "newer", "To the run after", "grid", "Graph"),
    Action("go('up')", "up,k", "up", "To the task above", "grid", "Graph"),
    Action("go('down')", "down,j", "move", "To the task below", "grid", "Graph", 1, "← ↓ ↑ →"),
    Action("choose", "enter", "open", "Open the last attempt of that run at the task", "grid", "Graph", 2),
    Action("end('left')", "0,circumflex_accent", "oldest", "To the oldest run", "grid", "Graph"),
    Action("end('right')", "dollar_sign", "newest", "To the newest run", "grid", "Graph"),
    Action("page(1)", "pagedown,ctrl+f", "page down", "A page down", "grid", "Graph"),
    Action("page(-1)", "pageup,ctrl+b", "page up", "A page up", "grid", "Graph"),
    Action("page(0.5)", "ctrl+d", "half down", "Half a page down", "grid", "Graph"),
    Action("page(-0.5)", "ctrl+u", "half up", "Half a page up", "grid", "Graph"),
    Action("first", "home", "first", "To the first task", "grid", "Graph"),
    Action("last", "end", "last", "To the last task", "grid", "Graph"),
    Action("choose", "enter", "open", "Open what is under the cursor", "list", "Lists", 1),
    Action("cursor_down", "down,j", "down", "Down", "list", "Lists"),
    Action("cursor_up", "up,k", "up", "Up", "list", "Lists"),
    Action("page(1)", "pagedown,ctrl+f", "page down", "A page down", "list", "Lists"),
    Action("page(-1)", "pageup,ctrl+b", "page up", "A page up", "list", "Lists"),
    Action("page(0.5)", "ctrl+d", "half down", "Half a page down", "list", "Lists"),
    Action("page(-0.5)", "ctrl+u", "half up", "Half a page up", "list", "Lists"),
    Action("first", "home,g", "first", "To the first row", "list", "Lists"),
    Action("last", "end,G", "last", "To the last row", "list", "Lists"),
    Action("fold", "space", "fold", "Open or close a branch", "tree", "Lists"),
    Action(
        "unfold(False)",
        "left",
        "close",
        "Close the branch, or go to its root",
        "tree",
        "Lists",
        alias="close",
    ),
    Action("unfold(True)", "right", "open", "Open the branch", "tree", "Lists", alias="open"),
    Action("users", "L", "used by", "The tasks that use this place; enter goes there", "tree", "Lists", 5),
    Action(
        "accept",
        "c",
        "accept",
        "Accept: the spec is right as it is; again: reopen",
        "findings",
        "Findings",
        4,
    ),
    Action("dismiss", "d", "dismiss", "Dismiss for a reason; again: reopen", "findings", "Findings", 5),
    Action(
        "fix", "F", "fix", "Ask for an edit of the spec that settles the finding", "findings", "Findings", 6
    ),
    Action("line(1)", "down,j", "down", "A line down", "viewer", "Text"),
    Action("line(-1)", "up,k", "up", "A line up", "viewer", "Text"),
    Action("page(1)", "pagedown,space,ctrl+f", "page down", "A page down", "viewer", "Text"),
    Action("page(-1)", "pageup,ctrl+b", "page up", "A page up", "viewer", "Text"),
    Action("page(0.5)", "ctrl+d", "half down", "Half a page down", "viewer", "Text"),
    Action("page(-0.5)", "ctrl+u", "half up", "Half a page up", "viewer", "Text"),
    Action("first", "home,g", "top", "To the top", "viewer", "Text"),
    Action("last", "end,G", "end", "To the end", "viewer", "Text"),
    Action("next_match(1)", "n", "next", "Next match", "viewer", "Text", alias="next-match"),
    Action("next_match(-1)", "N", "previous", "Previous match", "viewer", "Text", alias="previous-match"),
    Action("follow", "F", "tail", "Follow the end as it grows; again: stop there", "viewer", "Text", 1),
    Action("wrap", "W", "wrap", "Break long lines, or cut them", "viewer", "Text"),
    Action(
        "only", "ampersand", "only", "Only lines that match; again: with lines around", "viewer", "Text", 2
    ),
    Action(
        "problem(-1)",
        "left_curly_bracket",
        "previous problem",
        "Previous error, or line that names a place",
        "viewer",
        "Text",
        alias="previous-problem",
    ),
    Action(
        "problem(1)",
        "right_curly_bracket",
        "problem",
        "Next error, or line that names a place; e opens it",
        "viewer",
        "Text",
        3,
        "{ }",
        "next-problem",
    ),
    Action("to_line", "ctrl+g", "line", "Go to a line by its number, or to a percentage", "viewer", "Text"),
    Action("numbers", "number_sign", "numbers", "Show or hide the numbers of lines", "viewer", "Text"),
    Action("sideways(-8)", "less_than_sign", "left", "To the left, when lines are cut", "viewer", "Text"),
    Action("sideways(8)", "greater_than_sign", "right", "To the right", "viewer", "Text"),
    Action("yank", "y", "yank", "Copy the text to the clipboard and to a file", "app", "Text"),
    Action("runs", "H", "runs", "List the runs; open an earlier run as it ended", "app", "History", 14),
    Action("spend", "t", "spend", "What model calls cost: by day, spec, task, model, run", "app", "History"),
    Action("compare", "C", "compare", "Compare the attempt that is shown with another", "app", "History"),
    Action("replay", "P", "replay", "Replay the run that is shown, event by event", "app", "History"),
    Action(
        "move('event', 1)", "full_stop", "event", "Next event", "replay", "History", 1, ". ,", "next-event"
    ),
    Action("move('event', -1)", "comma", "back", "Previous event", "replay", "History", alias="last-event"),
    Action(
        "move('task', 1)",
        "right_parenthesis",
        "of the task",
        "Next event of the selected task",
        "replay",
        "History",
        2,
        ") (",
        "next-of-task",
    ),
    Action(
        "move('task', -1)",
        "left_parenthesis",
        "back",
        "Previous event of the selected task",
        "replay",
        "History",
        alias="last-of-task",
    ),
    Action("move('question', 1)", "Q", "question", "Next question", "replay", "History", 3, alias="question"),
    Action("move('landing', 1)", "D", "landing", "Next landing", "replay", "History", 4, alias="landing"),
    Action("go_to_moment", "at", "go to", "To a time or a number", "replay", "History", 5, alias="go-to"),
    Action(
        "moment('first')",
        "circumflex_accent",
        "ends",
        "To the start of the run",
        "replay",
        "History",
        6,
        "^ $",
        "start",
    ),
    Action(
        "moment('last')", "dollar_sign", "end", "To the end of the run", "replay", "History", alias="finish"
    ),
    Action("end_replay", "escape", "leave", "Leave the replay", "replay", "History", 7, alias="end"),
    Action("close", "escape,q", "close", "Close the page", "page", "History", 4),
    Action("tab(1)", "right,tab", "tabs", "Next tab of the page", "page", "History", 2, "← →"),
    Action("tab(-1)", "left,shift+tab", "tab left", "Previous tab of the page", "page", "History"),
    Action("search", "slash", "find", "Search the page", "page", "History", 3),
    Action("copy", "y", "yank", "Copy the page to the clipboard and to a file", "page", "History", 5),
    Action("show_help", "question_mark", "keys", "All keys, over the page", "page", "History"),
    Action("step(1)", "down,j", "next hunk", "Next hunk", "review", "Review"),
    Action("step(-1)", "up,k", "previous hunk", "Previous hunk", "review", "Review"),
    Action("turn", "space", "keep or refuse", "Refuse a hunk or a file, or keep it", "review", "Review", 1),
    Action("mark_all(False)", "A", "keep all", "Keep all hunks", "review", "Review", 4),
    Action("mark_all(True)", "R", "refuse all", "Refuse all hunks", "review", "Review", 5),
    Action("words", "c", "words", "Say something about the hunk, for the model", "review", "Review", 3),
    Action("send", "a,enter", "send", "Send the answer that the bar says", "review", "Review", 2, "a"),
    Action("retry", "r", "anew", "Have it generated anew, told of your marks", "review", "Review", 6),
    Action("edit", "e", "edit", "Edit the staged file in $EDITOR instead", "review", "Review", 9),
    Action("page(1)", "pagedown,ctrl+f", "page down", "Scroll a page down", "review", "Review"),
    Action("page(-1)", "pageup,ctrl+b", "page up", "Scroll a page up", "review", "Review"),
    Action("columns", "w", "columns", "Show the change in two columns, or in one", "review", "Review", 8),
    Action("find", "slash", "find", "Search the text", "review", "Review", 7),
    Action("next_match(1)", "n", "next", "Next match", "review", "Review"),
    Action("next_match(-1)", "N", "previous", "Previous match", "review", "Review"),
    Action("keys", "question_mark", "help", "The keys of the review", "review", "Review", 11),
    Action("close", "escape,q", "back", "Close; marks are kept as a draft", "review", "Review", 10),
    Action("settings", "O", "settings", "Colours, signs, texts, mouse, editor, keys", "app", "Program"),
    Action("reload", "R", "reload", "Read specs, plan and runs again", "app", "Program"),
    Action("help", "question_mark", "help", "All keys; enter runs the action", "app", "Program", 16),
    Action(
        "command_palette",
        "colon,ctrl+p",
        "palette",
        "Find an action by name",
        "app",
        "Program",
        15,
        ": ctrl+p",
    ),
    Action("suspend_process", "ctrl+z", "suspend", "Back to the shell; `fg` returns", "app", "Program"),
    Action("leave", "q,ctrl+q,ctrl+c", "leave", "Leave; the run goes on", "app", "Program", 17, "q"),
)


REPLAYING = frozenset(action.method.removeprefix("action_") for action in ACTIONS if action.scope == "replay")
"""What needs a replay."""


def bindings(*scopes: Scope) -> list[BindingType]:
    """The bindings of these scopes, for a class's `BINDINGS`.

    An answer comes before what its key means in a pane, as long as a question takes it; so do the keys of a
    replay, as long as there is one.
    """
    return [
        Binding(
            action.keys,
            action.name,
            action.label,
            show=False,
            priority=action.scope in ("question", "replay"),
            id=action.id,
        )
        for action in ACTIONS
        if action.scope in scopes
    ]


def footer_actions(
    *scopes: Scope, only_looks: bool = False, actions: Sequence[Action] = ACTIONS
) -> list[Action]:
    """What the footer offers where these scopes have the keys, most useful first."""
    offered = (
        a for a in actions if a.footer and a.keys and a.scope in scopes and not (only_looks and a.acts)
    )
    return sorted(offered, key=lambda a: a.footer)
