"""What a task is to be built from, how it ends, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ossature.build.evidence import Evidence
from ossature.build.landing import land, withdraw
from ossature.build.material import Material
from ossature.build.tools import Tools
from ossature.build.workspace import FileSource
from ossature.digest import digest_bytes
from ossature.domain import event as ev
from ossature.domain.plan import Task
from ossature.domain.wish import NO_WISH, Wish
from ossature.errors import Exit
from ossature.store.ledger import Landing

Mode = Literal["generate", "verify"]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built, and from what."""

    task: Task
    lineage: str
    material: Material
    mode: Mode
    reason: str
    tree: Mapping[str, FileSource]
    """The stage as the task may see it: outputs of what it waits for, and files that no task owns."""
    previous: Landing | None
    shown: Mapping[str, str]
    """Output path -> digest that landed last on disk, by whichever task."""
    bases: Mapping[str, str]
    """Output path -> digest of what a person's changes on disk start from; missing where nobody knows."""
    by_hand: frozenset[str]
    """Outputs whose version on disk, as it landed last, holds lines of a person."""
    hidden: frozenset[str]
    """Outputs of which a later writer has landed: recorded, not written to the disk."""
    strangers: Callable[[], Mapping[str, str]]
    """Output path -> id of the task that writes it and that this one does not wait for."""
    stand_in: Callable[[str], str] = lambda _path: ""
    """Path -> digest of what another task has landed there; empty where none has."""
    keep: Callable[[], Evidence] = lambda: Evidence("", {})
    """Keeps what `why` will want to know of the landing."""
    is_forced: bool = False
    """A person asked for a new reply: one that an earlier run left is not what is wanted."""
    wish: Wish = NO_WISH
    """How that person wants it tried."""
    tried: int = 0
    """Attempts on the task in this run so far."""
    asked: int = 0
    """Questions about the task in this run so far."""
    below: Callable[[], Collection[str]] = tuple
    """Ids of the tasks that wait for this one."""
    is_continued: bool = False
    """An answer edited the plan of the task: replies that it got in this run are gone on with."""

    @property
    def takes_up(self) -> bool:
        """Replies that were left without a verdict are gone on with."""
        return not self.is_forced or self.is_continued


class JobEnd(NamedTuple):
    """How a task ended. `failed` lets independent tasks go on, `aborted` ends the run; `requeued` wants the
    plan to be read again."""

    outcome: Literal["landed", "failed", "skipped", "aborted", "requeued"]
    landing: Landing | None = None
    exit_code: Exit = Exit.FAILED
    reason: str = ""
    is_failure: bool = True
    """False where a person left the task out before anything went wrong."""


def land_files(
    order: Order,
    tools: Tools,
    files: Mapping[str, bytes],
    *,
    attempt: int,
    seconds: float = 0.0,
    run: str | None = None,
    is_quiet: bool = False,
    is_flaky: bool = False,
    generated: Mapping[str, str] | None = None,
    seen: Mapping[str, str | None] | None = None,
) -> JobEnd:
    """Land *files* as what the order's material led to.

    `generated` gives, for the paths in which a person had a hand, the digest of what a model wrote; empty
    where none did. `seen`: see `land`. `is_quiet` says nothing of it: the files are on disk already.
    """
    evidence = order.keep()
    if order.mode == "verify" and order.previous is not None:
        # Its files are still what the earlier prompt led to.
        evidence = evidence._replace(uncounted=order.previous.uncounted)
    elif not attempt:
        evidence = evidence._replace(uncounted={})
    digests = {path: digest_bytes(content) for path, content in files.items()}
    landing = Landing(
        lineage=order.lineage,
        task=order.task.id,
        spec=order.task.spec,
        title=order.task.title,
        outputs=order.task.outputs,
        generate=order.material.generate,
        verify=order.material.verify,
        leaves=order.material.leaves,
        verify_leaves=order.material.verify_leaves,
        files=digests,
        generated={path: base for path, base in (generated or {}).items() if base != digests[path]},
        run=tools.run if run is None else run,
        attempt=attempt,
        at=tools.now(),
        texts=evidence.texts,
        is_flaky=is_flaky,
        uncounted=evidence.uncounted,
    )
    _withdraw(order, tools, files)
    landed = land(
        landing,
        files,
        ledger=tools.ledger,
        blobs=tools.blobs,
        output=tools.output,
        hidden=order.hidden,
        seen=seen,
    )
    for path in landed.left:
        text = (
            f"{path} was changed on disk while {order.task.id} landed: it stays as it is, as an edit by hand"
        )
        tools.channel.emit(ev.Noticed(level="warning", text=text))
    if not is_quiet:
        tools.channel.emit(
            ev.TaskLanded(
                task=order.task.id,
                attempt=attempt,
                files=tuple(files),
                changed=landed.changed,
                seconds=round(seconds, 3),
            )
        )
    return JobEnd("landed", landing=landing)


def _withdraw(order: Order, tools: Tools, files: Mapping[str, bytes]) -> None:
    """Take back what the task wrote and writes no more; what a person had a hand in stays on the disk."""
    left = order.previous
    if left is None:
        return
    dropped = {path: digest for path, digest in left.files.items() if path not in files}
    ours = {path: digest for path, digest in dropped.items() if not left.is_by_hand(path)}
    gone = withdraw(ours, order.stand_in, blobs=tools.blobs, output=tools.output)
    if gone:
        text = f"{order.task.id} no longer writes {', '.join(gone)}: removed as generated, kept as a blob"
        tools.channel.emit(ev.Noticed(level="info", text=text))
    theirs = [path for path in dropped if path not in ours and tools.output_digest(path) is not None]
    if theirs:
        text = f"{order.task.id} no longer writes {', '.join(theirs)}: kept, since you had a hand in it"
        tools.channel.emit(ev.Noticed(level="warning", text=text))
