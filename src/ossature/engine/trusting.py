"""What a project from elsewhere may run: asked once of a person, and again about what has changed."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ossature.build.command import Action, Executor, Finished
from ossature.digest import digest_bytes, short
from ossature.domain.decision import Approve, Question
from ossature.domain.event import Goal, Noticed, Role
from ossature.domain.plain_text import clean_line, count
from ossature.domain.plan import Plan
from ossature.domain.record import Channel
from ossature.engine.session import RunRequest
from ossature.engine.sources import PLAN_NAME
from ossature.errors import DiskError, OssatureError, PlanError
from ossature.llm.exec_client import PREFIX
from ossature.project import Project
from ossature.settings import CONFIG_NAME, ROLE_KEYS
from ossature.store.plan_reading import read_plan
from ossature.store.trust import Grant, Kind, TrustBook, TrustItem, canonical_root, user_trust

_COMMANDS: frozenset[Kind] = frozenset({"setup", "verify"})
_BUILDING: frozenset[Role] = frozenset({"implement", "fix", "fix_escalation", "review", "interface"})
_PLANNING: frozenset[Role] = frozenset({"audit", "cross_audit", "spec_fix", "brief", "interface", "plan"})
_VERBS = {
    "model": "asks a model by running",
    "setup": "runs at setup",
    "verify": "runs to verify",
    "sandbox": "loosens the sandbox with",
    "link": "works outside of its folder:",
}


@dataclass(frozen=True, slots=True)
class Reach:
    """What a run will touch, so that nothing is asked about that it leaves alone."""

    goal: Goal
    is_replayed: bool
    """No model is called."""

    def needs(self, item: TrustItem, roles: Collection[Role]) -> bool:
        """Whether *item*, a model of *roles* if it is one, acts in this run."""
        builds = self.goal in ("build", "all")
        match item.kind:
            case "link":
                return True
            case "model":
                asked = _BUILDING if self.goal == "build" else _PLANNING
                return not self.is_replayed and (self.goal == "all" or not asked.isdisjoint(roles))
            case _:
                return builds


class Trust:
    """The grant of one project during one run, and the question where it does not suffice."""

    def __init__(
        self,
        project: Project,
        book: TrustBook,
        *,
        reach: Reach,
        channel: Channel,
        given: Collection[str] = (),
        is_shipped: bool = False,
        redact: Callable[[str], str] = str,
    ) -> None:
        """*given* are models that a person named for this run; *is_shipped* is the demo: our files."""
        self._project = project
        self._book = book
        self._reach = reach
        self._channel = channel
        self._given = frozenset(given)
        self._redact = redact
        self._grant = Grant(is_own=True) if is_shipped else book.read(project)
        self._asking = asyncio.Lock()
        self._asked = 0

    @property
    def grant(self) -> Grant:
        """What the project may do now."""
        return self._grant

    async def clear(self) -> None:
        """Return when all that this run touches may act; raises OssatureError where it may not."""
        if self._grant.is_own:
            return
        items = items_of(self._project, _plan_of(self._project), given=self._given)
        needed = [item for item, roles in items.items() if self._reach.needs(item, roles)]
        if not all(self._grant.covers(item) for item in needed):
            await self._ask(list(items))

    async def clear_model(self, model: str) -> None:
        """Like `clear`, for an `exec:` model that is about to run."""
        item = model_item(self._project, model)
        if model not in self._given and not self._grant.covers(item):
            await self._ask([item])

    async def clear_command(self, command: str) -> None:
        """Like `clear`, for a command of the plan or the config that is about to run."""
        items = [TrustItem(kind, command) for kind in sorted(_COMMANDS)]
        if not any(self._grant.covers(item) for item in items):
            await self._ask([TrustItem("verify", command)])

    def allows(self, kind: Kind, text: str) -> bool:
        """Whether what the project says may act as of now: `allows("sandbox", "network = true")`."""
        return self._grant.covers(TrustItem(kind, text))

    def adopt(self, before: Collection[TrustItem]) -> None:
        """Grant the commands that planning has just added: a trusted project's own run made them here.

        What was in the plan *before* is left to be asked about. Raises DiskError.
        """
        if self._grant.is_own or not self._grant.items:
            return
        now: set[TrustItem] = set()
        for path in (self._project.plan_path, self._project.proposed_plan_path):
            now |= set(_plan_items(_plan_of(self._project, path)))
        made = now - set(before)
        if made:
            self._grant = self._book.allow(self._project, made, redact=self._redact)

    def planned(self) -> set[TrustItem]:
        """The commands of the present plan, for `adopt`."""
        return set(_plan_items(_plan_of(self._project)))

    async def _ask(self, items: Iterable[TrustItem]) -> None:
        async with self._asking:
            # Somebody else may have asked about the same in the meantime.
            new = [item for item in items if not self._grant.covers(item)]
            if not new:
                return
            self._asked += 1
            answer = await self._channel.ask(
                Question(
                    id=f"trust-{self._asked}",
                    gate="trust",
                    subject=_subject(new, self._grant),
                    detail="\n".join(describe(item) for item in new),
                    verbs=("approve", "abort"),
                )
            )
            if not isinstance(answer, Approve):
                raise refusal(new, is_person=not answer.by.startswith("policy:"))
            try:
                self._grant = self._book.allow(self._project, new, redact=self._redact)
            except DiskError as error:
                held = {item.digest: item.text for item in new}
                self._grant = Grant(items={**self._grant.items, **held})
                self._channel.emit(
                    Noticed(
                        level="warning", text=f"this cannot be kept, so it is asked again next time: {error}"
                    )
                )


def trust_for(
    project: Project,
    request: RunRequest,
    *,
    channel: Channel,
    environ: Mapping[str, str],
    redact: Callable[[str], str] = str,
) -> Trust:
    """The trust that a run of *request* goes by, for the user whose environment this is."""
    return Trust(
        project,
        user_trust(environ),
        reach=Reach(goal=request.goal, is_replayed=bool(request.replay)),
        channel=channel,
        given=(request.model, environ.get("OSSATURE_MODEL", "")),
        is_shipped=request.is_demo,
        redact=redact,
    )


class TrustedExecutor:
    """Runs commands that the project's grant covers: the last door, whoever comes through it."""

    def __init__(self, executor: Executor, trust: Trust) -> None:
        self._executor = executor
        self._trust = trust

    async def run(self, action: Action) -> Finished:
        """Run *action* as the executor behind does; raises OssatureError where it may not run."""
        await self._trust.clear_command(action.command)
        return await self._executor.run(action)


def items_of(
    project: Project, plan: Plan | None, *, given: Collection[str] = ()
) -> dict[TrustItem, frozenset[Role]]:
    """All that *project* brings along, in the order in which people are told, with the roles of models."""
    found: dict[TrustItem, frozenset[Role]] = {item: frozenset() for item in _links(project)}
    for model, roles in _models(project, plan).items():
        if model.startswith(PREFIX) and model not in given:
            found[model_item(project, model)] = roles
    settings = project.settings
    for right in settings.sandbox_rights:
        found[TrustItem("sandbox", right, f"{CONFIG_NAME}, [sandbox]")] = frozenset()
    for command in settings.setup:
        found[TrustItem("setup", command, f"{CONFIG_NAME}, [build] setup")] = frozenset()
    for item in (*_plan_items(plan), *_final(settings.verify)):
        found.setdefault(item, frozenset())
    return found


def missing(project: Project, grant: Grant) -> list[TrustItem]:
    """What *project* brings along that *grant* does not cover."""
    return [item for item in items_of(project, _plan_of(project)) if not grant.covers(item)]


def model_item(project: Project, model: str) -> TrustItem:
    """An `exec:` model with the contents of the project's own files that its command names."""
    return TrustItem("model", model, f"{CONFIG_NAME}, [llm]", _own_files(project, model.removeprefix(PREFIX)))


def describe(item: TrustItem) -> str:
    """One line that holds the whole of *item*, whatever characters it is made of."""
    place = f"   ({item.place})" if item.place else ""
    files = "".join(f"   [{name.partition(' ')[0]}: {short(name.rpartition(' ')[2])}]" for name in item.files)
    return clean_line(f"{_VERBS[item.kind]}  {item.text}{place}{files}")


def refusal(new: list[TrustItem], *, is_person: bool) -> OssatureError:
    """Why a run ends here."""
    if is_person:
        return OssatureError(
            "not trusted: nothing of the project was run", hint="`ossature trust --show` lists it"
        )
    listed = "".join(f"\n  {describe(item)}" for item in new[:10])
    more = f"\n  … and {len(new) - 10} more" if len(new) > 10 else ""
    return OssatureError(
        f"this project was not created here, and nobody is there to say whether it may act:{listed}{more}",
        hint="look at it with `ossature trust --show`, allow it with `ossature trust`",
    )


def _subject(new: list[TrustItem], grant: Grant) -> str:
    if grant.items:
        return f"{count(len(new), 'thing')} changed since this project was trusted; may it do this as well?"
    return "this project was not created here; do you trust it to do this on your machine?"


def _models(project: Project, plan: Plan | None) -> dict[str, frozenset[Role]]:
    """Model -> roles that ask it."""
    found: dict[str, set[Role]] = {}
    for role in ROLE_KEYS:
        found.setdefault(project.settings.model_for(role), set()).add(role)  # type: ignore[arg-type]  # its keys are the roles
    for task in plan.tasks if plan else ():
        if task.model:
            found.setdefault(task.model, set()).update(_BUILDING)
    return {model: frozenset(roles) for model, roles in found.items()}


def _plan_items(plan: Plan | None) -> Iterator[TrustItem]:
    for task in plan.tasks if plan else ():
        for command in task.verify:
            yield TrustItem("verify", command, f"{PLAN_NAME}, task {task.id}")


def _final(commands: Iterable[str]) -> Iterator[TrustItem]:
    for command in commands:
        yield TrustItem("verify", command, f"{CONFIG_NAME}, [build] verify")


def _links(project: Project) -> Iterator[TrustItem]:
    """Folders of the project that lie elsewhere, where its specs are read or its files land."""
    settings, root = project.settings, canonical_root(project.root)
    for name in dict.fromkeys((settings.spec_dir, settings.context_dir, settings.output_dir, "prompts")):
        target = canonical_root(project.root / name)
        if not target.is_relative_to(root):
            yield TrustItem("link", f"{name} leads to {target}")


def _own_files(project: Project, command: str) -> tuple[str, ...]:
    """`path digest` of every word of *command* that is a file of the project."""
    root = canonical_root(project.root)
    found: dict[str, str] = {}
    for word in _words(command):
        path = canonical_root(project.root / word)
        if path.is_file() and path.is_relative_to(root):
            name = path.relative_to(root).as_posix()
            try:
                found[name] = digest_bytes(path.read_bytes())
            except OSError:
                found[name] = "unreadable"
    return tuple(f"{name} {digest}" for name, digest in sorted(found.items()))


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return [
        word
        for word in words
        if word and "\0" not in word and len(os.fsencode(word)) < os.pathconf("/", "PC_PATH_MAX")
    ]


def _plan_of(project: Project, path: Path | None = None) -> Plan | None:
    """The plan, as far as it can be read: one that is broken is refused before anything of it runs."""
    try:
        return read_plan(path or project.plan_path, name=PLAN_NAME)
    except (PlanError, DiskError):
        return None
