"""Tasks that need no model: copies, what a person writes by hand, and outputs whose bytes are known."""

from __future__ import annotations

from dataclasses import replace

from ossature.build.copy_job import CopyJob
from ossature.build.landing import replace_output
from ossature.build.material import Material
from ossature.build.order import JobEnd, Order, land_files
from ossature.build.slots import Seat
from ossature.build.staleness import Judgement
from ossature.build.tools import Tools
from ossature.domain import event as ev
from ossature.domain.plan import Task
from ossature.engine.site import Site
from ossature.store.ledger import Landing


async def copy(order: Order, seat: Seat, *, keeps_going: bool) -> JobEnd:
    """Copies need no model and no verify; what keeps them from landing ends the run like any failure."""
    end = await CopyJob(seat, order).run()
    if end.outcome == "failed" and not keeps_going:
        return end._replace(outcome="aborted")
    return end


def restore(order: Order, tools: Tools, found: Judgement) -> None:
    """Put back outputs that are gone: their bytes are known, so no model and no verify is needed."""
    started = ev.TaskStarted(task=order.task.id, lineage=order.lineage, reason=found.reason, mode="restore")
    tools.channel.emit(started)
    previous = order.previous
    for path in found.missing:
        now = tools.output_digest(path)
        # Made anew by a person since it was looked at, it stays.
        if previous is not None and path not in order.hidden and now in (None, order.shown.get(path)):
            replace_output(tools.output, path, tools.blobs.get(previous.files[path]), expected=now)
    tools.channel.emit(
        ev.TaskLanded(task=order.task.id, attempt=0, files=found.missing, changed=len(found.missing))
    )


def take_manual(
    site: Site, tools: Tools, task: Task, material: Material, found: Judgement, landing: Landing | None
) -> bool:
    """Note what a person has written for *task*; False where something of it is not there yet."""
    if found.missing:
        tools.channel.emit(ev.TaskSkipped(task=task.id, reason=found.reason))
        return False
    # Where a later task has written the same path, the disk shows that one's version.
    own = [path for path in task.outputs if site.heads.get(path, task.id) == task.id]
    on_disk = {path: tools.output_digest(path) for path in own}
    if landing is None or any(landing.files.get(path) != digest for path, digest in on_disk.items()):
        note_as_landed(site, tools, task, material, "written by hand", run=tools.run)
    tools.channel.emit(ev.TaskUpToDate(task=task.id))
    return True


def note_as_landed(site: Site, tools: Tools, task: Task, material: Material, why: str, *, run: str) -> None:
    """Record the files on disk as the task's landing, without a model and without writing."""
    landing = site.landing_of(task)
    order = replace(site.order(task, material, Judgement("manual", why), None), shown={}, reason=why)
    contents: dict[str, bytes] = {}
    for path in task.outputs:
        # Where a later task has written the same path, the disk shows that one's version.
        earlier = landing.files.get(path, "") if landing is not None and path in order.hidden else ""
        contents[path] = tools.blobs.get(earlier) if earlier else tools.output.read(path)
    generated: dict[str, str] = {}
    if task.intent == "manual":
        generated = {path: landing.base(path) if landing else "" for path in contents}
    end = land_files(order, tools, contents, attempt=0, run=run, is_quiet=True, generated=generated)
    if end.landing is not None:
        site.note_landed(task, end.landing)
