"""What a run does, from specs to landed files, in the order of its goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ossature.analysis.audit import audit_specs, open_errors
from ossature.analysis.brief import write_briefs
from ossature.analysis.desk import Desk
from ossature.analysis.replan import update_plan
from ossature.analysis.rulings import Bench
from ossature.build.slots import Slots
from ossature.build.tools import Tools
from ossature.domain import event as ev
from ossature.domain.finding import SpecAudit
from ossature.domain.plain_text import count
from ossature.domain.record import Channel
from ossature.domain.spec import SpecTree
from ossature.domain.wish import Wish
from ossature.engine.accepting import Accepting, Chosen
from ossature.engine.building import BuildEnd, Building
from ossature.engine.controls import Controls
from ossature.engine.finale import verify_landed
from ossature.engine.session import RunRequest
from ossature.engine.setup import set_up
from ossature.engine.site import Site
from ossature.engine.sources import PLAN_NAME, Loaded, load, load_tree, refuse_errors
from ossature.engine.spec_fixing import SpecFixing
from ossature.engine.trusting import Trust
from ossature.engine.wanted import Wanted
from ossature.engine.whole import is_verified
from ossature.errors import Exit, OssatureError, PlanError, UsageError
from ossature.project import Project
from ossature.store.blobs import Blobs
from ossature.store.findings import read_audits
from ossature.store.rulings import read_rulings


class RunEnd(NamedTuple):
    """How a run came out, for its last event."""

    outcome: ev.Outcome
    exit_code: Exit
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Pipeline:
    """The stages of a run over one project."""

    project: Project
    request: RunRequest
    channel: Channel
    desk: Desk
    tools_of: Callable[[int], Tools]
    """Number of a worker slot -> its tools."""
    controls: Controls
    trust: Trust

    async def run(self) -> RunEnd:
        """Work through the goal. Raises OssatureError for what ends the run with a message."""
        tree = self._load_specs()
        await self.trust.clear()
        goal = self.request.goal
        if goal in ("audit", "all"):
            end = await self._audit(tree)
            if end is not None:
                return end
        if goal == "plan":
            end = await self._plan(tree, self._unsettled(tree, read_audits(self.project.audit_dir)))
            if end is not None:
                return end
        if goal == "accept":
            return await self._accept(tree)
        if goal == "spec_fix":
            return await self._fix_specs(tree)
        if goal in ("build", "all"):
            return await self._build(tree)
        return RunEnd("succeeded", Exit.OK)

    def _load_specs(self) -> SpecTree:
        self.channel.emit(ev.PhaseStarted(phase="validate"))
        tree = load_tree(self.project)
        errors = [item for item in tree.diagnostics if item.severity == "error"]
        for item in tree.diagnostics:
            if item.severity != "info":
                self.channel.emit(
                    ev.Noticed(level=item.severity, text=item.message, place=str(item.place), hint=item.hint)
                )
        self.channel.emit(
            ev.SpecsLoaded(
                specs=tuple(tree.specs),
                errors=len(errors),
                warnings=sum(item.severity == "warning" for item in tree.diagnostics),
            )
        )
        if errors:
            raise OssatureError(
                f"the specs have {count(len(errors), 'error')}, the first at {errors[0].place}",
                hint="see them with `ossature validate`",
            )
        return tree

    async def _audit(self, tree: SpecTree) -> RunEnd | None:
        """Review, then plan; an end where the plan cannot be made."""
        self.channel.emit(ev.PhaseStarted(phase="audit"))
        audits = self._unsettled(tree, await audit_specs(self.desk, tree))
        open_ones = open_errors(audits)
        if open_ones and not self.request.plans_anyway:
            first = open_ones[0]
            place = f"{first.path}:{first.line}: " if first.line else ""
            return RunEnd(
                "failed",
                Exit.FAILED,
                f"the audit left {count(len(open_ones), 'error')} open, so nothing was planned: "
                f"{place}{first.issue}",
                "mend the specs (`ossature audit --fix ID`), settle the finding (`--accept ID`), or plan all"
                " the same with `--plan-anyway`",
            )
        return await self._plan(tree, audits)

    async def _fix_specs(self, tree: SpecTree) -> RunEnd:
        """Edits of the specs that a person sees first; without one, nothing is asked for or paid."""
        if self.request.is_headless or self.request.preset == "auto":
            raise UsageError(
                "an edit of a spec is for a person to approve", hint="run it at a terminal, without --auto"
            )
        self.channel.emit(ev.PhaseStarted(phase="audit"))
        fixing = SpecFixing(self.desk, Blobs(self.project.blobs_dir))
        return RunEnd("succeeded", Exit.OK, (await fixing.run(tree, self.request.findings)).sentence)

    def _unsettled(self, tree: SpecTree, audits: Mapping[str, SpecAudit]) -> dict[str, SpecAudit]:
        """Without the findings that people settled."""
        return Bench(tree, read_rulings(self.project.rulings_path)).unsettled(audits)

    async def _plan(self, tree: SpecTree, audits: dict[str, SpecAudit]) -> RunEnd | None:
        self.channel.emit(ev.PhaseStarted(phase="brief"))
        await write_briefs(self.desk, tree, audits)
        self.channel.emit(ev.PhaseStarted(phase="plan"))
        planned = self.trust.planned()
        written = await update_plan(self.desk, tree, audits, replans=self.request.replans)
        self.trust.adopt(planned)
        if written == "proposed":
            return RunEnd(
                "failed",
                Exit.FAILED,
                "the plan holds edits of yours, so the new one was written beside it",
                f"compare {PLAN_NAME} with plan.proposed.toml; rename the one you want",
            )
        if written == "kept":
            self.channel.emit(ev.Noticed(level="info", text="your plan stays as it is for these specs"))
        if written == "unchanged":
            self.channel.emit(
                ev.Noticed(level="info", text="the plan fits the specs; nothing was planned anew")
            )
        return None

    async def _accept(self, tree: SpecTree) -> RunEnd:
        slots = Slots(self.tools_of, 1, changed=self.controls.changed.set)
        loaded = self._load(tree, slots)
        chosen = Chosen(self.request.tasks, self.request.paths, self.request.lands_red)
        taken = await Accepting(slots, loaded, chosen, controls=self.controls).run()
        if taken.is_drained:
            return RunEnd("stopped", Exit.INT, "stopped as asked", "go on with `ossature accept`")
        if taken.failed:
            return _failed(taken)
        return RunEnd("succeeded", Exit.OK, f"{count(taken.landed, 'task')} adopted")

    def _load(self, tree: SpecTree, slots: Slots) -> Loaded:
        """Plan and ledger. Raises PlanError where the plan cannot be built by."""
        if not self.project.plan_path.exists():
            raise PlanError(f"there is no plan ({PLAN_NAME})", hint="make one with `ossature audit`")
        loaded = load(self.project, ledger=slots.tools(0).ledger, tree=tree)
        refuse_errors(loaded)
        return loaded

    async def _build(self, tree: SpecTree) -> RunEnd:
        self.channel.emit(ev.PhaseStarted(phase="build"))
        # Where a stage holds all that was built before, there is one order.
        is_one_by_one = self.project.settings.isolation == "tree"
        jobs = 1 if is_one_by_one else self.request.jobs or self.project.settings.jobs
        slots = Slots(self.tools_of, jobs, changed=self.controls.changed.set)
        loaded = self._load(tree, slots)
        for item in loaded.diagnostics:
            if item.severity == "warning":
                self.channel.emit(
                    ev.Noticed(level="warning", text=item.message, place=str(item.place), hint=item.hint)
                )
        # Planning may have added commands since the run began.
        await self.trust.clear()
        tools = slots.tools(0)
        verdict = await set_up(tools, loaded, Site(tools, loaded), is_forced="*" in self.request.forced)
        if not verdict.is_green:
            return RunEnd(
                "failed",
                Exit.FAILED,
                f"[build] setup is red: {verdict.summary}",
                "nothing was built; its output is in the run's setup.log",
            )
        wanted = Wanted(
            tasks=self.request.tasks,
            forced=self.request.forced,
            wish=Wish(self.request.feedback, self.request.forced_model),
            keeps_going=self.request.keeps_going,
            refreshes_prompts=self.request.refreshes_prompts,
        )
        building = Building(slots, self.desk, loaded, wanted, controls=self.controls, jobs=jobs)
        built = await building.run()
        if built.is_drained:
            return RunEnd("stopped", Exit.INT, "stopped as asked", "go on with `ossature build`")
        if built.failed or built.is_aborted:
            return _failed(built)
        if not built.blocked and not self.request.tasks and not is_verified(building.loaded):
            self.channel.emit(ev.PhaseStarted(phase="verify"))
            verdict = await verify_landed(slots.tools(0), building.loaded)
            if verdict.name != "ok":
                return RunEnd(
                    "failed",
                    Exit.FAILED,
                    f"[build] verify of the whole is red: {verdict.summary}",
                    "nothing was rolled back; its output is in the run's verify.log",
                )
        done = f"{built.landed} landed" if built.landed else "nothing to do"
        waiting = (
            f"; {len(built.blocked)} wait for what is skipped or not written yet" if built.blocked else ""
        )
        return RunEnd("succeeded", Exit.OK, done + waiting)


def _failed(built: BuildEnd) -> RunEnd:
    parts = [f"{', '.join(built.failed)} failed"] if built.failed else []
    if built.blocked:
        parts.append(f"{len(built.blocked)} not built because of that")
    if not parts:
        parts = [built.reason or "ended by request"]
    elif built.exit_code == Exit.BUDGET:
        parts.append(built.reason)
    hint = built.hint or (f"see `ossature logs {built.failed[0]}`" if built.failed else "")
    code = built.exit_code if built.exit_code != Exit.OK else Exit.FAILED
    return RunEnd("failed", code, "; ".join(parts), hint)
