"""What is kept beside a landing so that `why` can tell later how things were when it was made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from ossature.build.diffing import TOO_BIG
from ossature.build.material import BYPRODUCTS_LEAF, NEVER, VERIFY_LEAF, Material, Sources
from ossature.build.prompting import Page
from ossature.build.staleness import Change, Judgement
from ossature.digest import canonical_json, digest_bytes, digest_text
from ossature.domain.plan import Task
from ossature.errors import DiskError, OssatureError
from ossature.llm.prompt import load_template, override_digest
from ossature.store.blobs import Blobs
from ossature.store.ledger import Landing

TEMPLATE_LEAF = "built-in template implement"
BRIEF_LEAF = "brief"
_DIGEST = re.compile("[0-9a-f]{64}")


class Node(NamedTuple):
    """A part of an input tree."""

    files: list[tuple[str, str]]
    """Path and digest."""
    below: list[str]
    """Digests of the nodes that belong to it."""


class Evidence(NamedTuple):
    """What a landing says of its origin besides its fingerprints."""

    texts: str
    """Digest of the blob with the texts behind the leaves."""
    uncounted: Mapping[str, str]
    """Leaf -> digest of what a prompt shows and no fingerprint holds; its text is the blob of that digest."""


def keep_evidence(
    task: Task,
    material: Material,
    sources: Sources,
    blobs: Blobs,
    page: Page,
    *,
    redact: Callable[[str], str],
) -> Evidence:
    """Put the texts behind all leaves of *task* into blobs, without secrets. Raises DiskError.

    Not durably: no build needs them, and a power cut in the next seconds costs an explanation, no more.
    """
    for node in sources.input_nodes(task.id, blobs.has):
        blobs.put(node.encode(), is_durable=False)
    for part in material.parts:
        if part.text is None and part.digest != NEVER and not blobs.has(part.digest):
            # What went away meanwhile is not kept; `why` then shows digests alone.
            with suppress(OssatureError):
                _keep(blobs, part.digest, page.content_of(part), redact)
    texts = {part.leaf: redact(part.text) for part in material.parts if part.text}
    texts[VERIFY_LEAF] = redact("\n".join(material.commands))
    if material.byproducts:
        texts[BYPRODUCTS_LEAF] = "\n".join(material.byproducts)
    uncounted = {} if task.source else uncounted_texts(task, page)
    for text in uncounted.values():
        _keep(blobs, digest_text(text), text.encode("utf-8", "surrogatepass"), redact)
    return Evidence(
        texts=blobs.put(canonical_json(texts).encode(), is_durable=False),
        uncounted={leaf: digest_text(text) for leaf, text in uncounted.items()},
    )


def uncounted_texts(task: Task, page: Page) -> dict[str, str]:
    """Leaf -> text of what the prompt of *task* shows now without making the task stale."""
    texts: dict[str, str] = {}
    if not override_digest(page.prompts_dir, "implement"):
        texts[TEMPLATE_LEAF] = load_template("implement", page.prompts_dir).text
    if brief := page.brief_of(task.spec):
        texts[BRIEF_LEAF] = brief
    return texts


def uncounted_changes(task: Task, landing: Landing, page: Page) -> tuple[Change, ...]:
    """What differs of it since *landing*; what was not recorded is not known to differ."""
    now = {leaf: digest_text(text) for leaf, text in uncounted_texts(task, page).items()}
    return tuple(
        Change(leaf, old, now.get(leaf, ""))
        for leaf, old in landing.uncounted.items()
        if now.get(leaf) != old and not (leaf == TEMPLATE_LEAF and leaf not in now)
    )


def refreshed(found: Judgement, task: Task, landing: Landing | None, page: Page) -> Judgement:
    """*found*, or stale where our template has changed since the task's prompt was made from it."""
    if landing is None or found.standing not in ("done", "verify", "restore"):
        return found
    changes = [change for change in uncounted_changes(task, landing, page) if change.leaf == TEMPLATE_LEAF]
    if not changes:
        return found
    return Judgement("stale", f"{TEMPLATE_LEAF} changed", tuple(changes), edited=found.edited)


def texts_of(landing: Landing | None, blobs: Blobs) -> dict[str, str]:
    """Leaf -> text as it was when *landing* was made; empty where they are not kept."""
    try:
        content = blobs.get(landing.texts) if landing and landing.texts else b"{}"
        texts: Any = json.loads(content)
    except (DiskError, ValueError):
        return {}
    return texts if isinstance(texts, dict) else {}


def read_node(digest: str, blobs: Blobs) -> Node | None:
    """The node of an input tree of that digest; None where it is not kept."""
    try:
        return _node_in(json.loads(blobs.get(digest)))
    except (DiskError, ValueError, RecursionError):
        return None


def _node_in(value: object) -> Node:
    """See `Sources.input_nodes` for what stands in it."""
    match value:
        case str() if _DIGEST.fullmatch(value):
            return Node([], [value])
        case [str() as path, str() as digest] if _DIGEST.fullmatch(digest) and not _DIGEST.fullmatch(path):
            return Node([(path, digest)], [])
        case list():
            parts = [_node_in(item) for item in value]
            return Node(
                [file for part in parts for file in part.files],
                [name for part in parts for name in part.below],
            )
        case _:
            return Node([], [])


def _keep(blobs: Blobs, digest: str, content: bytes, redact: Callable[[str], str]) -> None:
    """Keep what a person wrote and nothing else keeps; not what is large, or holds a secret."""
    text = content.decode("latin-1")
    is_fit = len(content) <= TOO_BIG and digest_bytes(content) == digest and redact(text) == text
    if is_fit and not blobs.has(digest):
        blobs.put(content, is_durable=False)
