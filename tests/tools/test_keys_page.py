"""The page of keys in the docs says what the table says."""

from __future__ import annotations

from ossature.tui.keys.actions import ACTIONS
from tools.keys_page import PAGE, page


def test_the_page_of_keys_is_as_the_table_makes_it() -> None:
    text = page()
    assert [action.id for action in ACTIONS if f"`{action.id}` |" not in text] == []
    assert text == PAGE.read_text("utf-8"), "run `make keys`"
