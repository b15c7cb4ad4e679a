"""Interfaces of specs: the only thing that one spec's tasks see of another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ossature.analysis.brief import write_with_origin
from ossature.analysis.desk import Desk, Inquiry
from ossature.analysis.texts import (
    interface_name,
    interface_of_architecture,
    interface_origin,
    read_origin,
    spec_inputs,
    spec_text,
)
from ossature.digest import digest_text
from ossature.domain import event as ev
from ossature.domain.spec import SpecTree
from ossature.llm.prompt import fence


async def write_interface(desk: Desk, tree: SpecTree, spec_id: str, sources: Mapping[str, str]) -> str:
    """The interface of a spec: from its architecture, or else from a model that reads `sources`.

    `sources` is path -> content of what the spec's tasks landed; empty while nothing has landed, when the
    model goes by the spec alone. Nothing is asked while neither changed. Raises ModelError, OssatureError.
    """
    path = desk.project.interfaces_dir / interface_name(spec_id)
    text = interface_of_architecture(tree, spec_id)
    if text:
        made_from = digest_text(text)
        is_cached = read_origin(path) == made_from and path.exists()
        if not is_cached:
            write_with_origin(path, text, made_from)
        _say(desk, spec_id, path, "architecture", is_cached=is_cached)
        return text
    path = desk.project.interfaces_dir / interface_name(spec_id, is_planned=not sources)
    digests = {name: digest_text(content) for name, content in sources.items()}
    inputs = spec_inputs(tree, spec_id) | {f"source {name}": digest for name, digest in digests.items()}
    made_from = interface_origin(tree, spec_id, digests)
    if read_origin(path) == made_from and path.exists():
        _say(desk, spec_id, path, "model", is_cached=True)
        return path.read_text("utf-8")
    values = {
        "spec_id": spec_id,
        "spec_text": spec_text(tree, spec_id),
        "language": desk.project.settings.language,
        "sources": "\n\n".join(fence(name, content) for name, content in sources.items()),
    }
    text = await desk.ask_text(Inquiry("interface", spec_id, "interface", values, inputs))
    write_with_origin(path, text, made_from)
    desk.keep("interface")
    _say(desk, spec_id, path, "model", is_cached=False)
    return text


def _say(
    desk: Desk, spec_id: str, path: Path, source: Literal["architecture", "model"], *, is_cached: bool
) -> None:
    name = desk.project.relative(path)
    desk.channel.emit(ev.InterfaceWritten(spec=spec_id, path=name, source=source, is_cached=is_cached))
