"""How a person wants a task tried once more: a word to the model, and which model."""

from __future__ import annotations

import re
from typing import NamedTuple

from ossature.errors import UsageError

_MODEL = re.compile(r"exec:\s*\S.*|[\w.-]+[:/]\S+")
_TYPED = re.compile(r'@(?:"(?P<quoted>[^"]*)"|(?P<plain>\S*))(?:\s+(?P<rest>.*))?', re.DOTALL)


class Wish(NamedTuple):
    """Both may be empty: the same model, without a word."""

    feedback: str = ""
    model: str = ""


NO_WISH = Wish()


def parse_wish(text: str) -> Wish:
    """Feedback, behind `@provider:model` where another model is wanted; quotes hold one with spaces.

    Raises UsageError for what cannot be a model's name.
    """
    text = text.strip()
    found = _TYPED.fullmatch(text)
    if found is None:
        return Wish(feedback=text)
    model = (found["quoted"] if found["quoted"] is not None else found["plain"]).strip()
    if _MODEL.fullmatch(model) is None:
        raise UsageError(
            f"@{model} names no model", hint="@provider:model, as in `[llm] model`, then the feedback"
        )
    return Wish(feedback=(found["rest"] or "").strip(), model=model)
