"""Writes the page of all keys from the table of actions: `python tools/keys_page.py`."""

from pathlib import Path

from ossature.tui.keys.actions import ACTIONS, GROUPS, Action

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "keys.md"
_HEAD = """# Keys

Written by `make keys` from the table that bindings, footer, help and palette are read from. `?` shows this
list on the screen, searches it, and runs what is chosen; `:` or ctrl+p finds an action by its words.

The last column is what `[tui.keys]` of `~/.config/ossature/config.toml` calls the action
([make it yours](../how-to/make-it-yours.md)). Answers have their key while an open question takes them;
otherwise it means what the pane or the program says. No key does anything but type while a text is asked for.
"""
_TABLE = ("| key | where | what | name |", "|---|---|---|---|")
_PLACES = {
    "app": "everywhere",
    "question": "a question",
    "list": "a list",
    "tree": "the specs",
    "plan": "the plan",
    "viewer": "a text",
    "task": "the task pane",
}


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for group in GROUPS:
        rows = [_row(action) for action in ACTIONS if action.group == group]
        parts.append(
            "\n".join([f"## {group}\n", "| key | where | what | name |", "|---|---|---|---|", *rows])
        )
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _row(action: Action) -> str:
    keys = " ".join(f"`{key}`" for key in action.shown_keys.split()) or "none"
    place = _PLACES.get(action.scope, action.scope)
    return f"| {keys.replace('|', chr(92) + '|')} | {place} | {action.text} | `{action.id}` |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.name)
