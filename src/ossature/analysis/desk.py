"""What audit and planning work with: the ports, and one way to ask a model for a checked answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

from pydantic import BaseModel

from ossature.domain import event as ev
from ossature.domain.record import Channel
from ossature.errors import Exit, OssatureError
from ossature.llm.caller import Caller, Exchange
from ossature.llm.client import Request
from ossature.llm.prompt import Prompt, load_template
from ossature.llm.reply import Refusal, parse_json
from ossature.project import Project

Answer = TypeVar("Answer", bound=BaseModel)
Parsed = TypeVar("Parsed")
Check = Callable[[Answer], str]
"""Says what is wrong with an answer that has the right shape; empty when nothing is."""


class Pace(Protocol):
    """Whether more work may start."""

    @property
    def is_draining(self) -> bool: ...

    async def wait_while_paused(self) -> None: ...


class Drained(OssatureError):
    """The run was asked to stop before the next call; what was answered so far is kept."""

    exit_code = Exit.INT


class Repair(NamedTuple):
    """How a model is told what is wrong with its reply."""

    template: str
    key: str
    """What the template calls the reason."""


@dataclass(frozen=True)
class Inquiry:
    """One thing to ask a model."""

    role: ev.Role
    spec: str
    """Empty for what concerns all specs together."""
    template: str
    values: Mapping[str, str]
    inputs: Mapping[str, str]
    """Name -> digest of what the values were made from."""
    model: str = ""
    """In place of the role's; empty keeps that."""

    @property
    def lineage(self) -> str:
        return f"{self.role}.{self.spec or 'project'}"


@dataclass
class Desk:
    """Ports and settings of one run."""

    project: Project
    run: str
    channel: Channel
    caller: Caller
    pace: Pace
    now: Callable[[], str]
    """UTC, ISO 8601."""
    _asked: dict[str, int] = field(default_factory=dict)
    _unkept: dict[ev.Role, list[tuple[Exchange, str]]] = field(default_factory=dict)

    async def ask_text(self, inquiry: Inquiry) -> str:
        """The reply as it is, without white space around it; `keep` it. Raises ModelError, Drained."""
        exchange = await self._ask(inquiry, self._prompt(inquiry), inquiry.inputs)
        text = exchange.text.strip()
        if not text:
            self.caller.mark(exchange, "refused")
            raise OssatureError(f"the model returned nothing for {inquiry.lineage}", hint="run it again")
        self._unkept.setdefault(inquiry.role, []).append((exchange, "ok"))
        return text + "\n"

    async def ask_json(
        self, inquiry: Inquiry, shape: type[Answer], *, check: Check[Answer] = lambda _answer: ""
    ) -> Answer:
        """The reply as a value of *shape* that passes *check*; the model may mend a bad one once. `keep` it.

        Raises ModelError, Drained, or OssatureError with what is wrong with the second reply.
        """

        def parse(text: str) -> Answer | Refusal:
            answer = parse_json(text, shape)
            reason = "" if isinstance(answer, Refusal) else check(answer)
            return Refusal(reason) if reason else answer

        return (await self.ask_parsed(inquiry, parse, repair=Repair("repair_json", "error")))[0]

    async def ask_parsed(
        self, inquiry: Inquiry, parse: Callable[[str], Parsed | Refusal], *, repair: Repair
    ) -> tuple[Parsed, Exchange]:
        """What *parse* makes of the reply; the model may mend a bad one once, as *repair* says. `keep` it.

        Raises as `ask_json` does.
        """
        prompt, inputs = self._prompt(inquiry), dict(inquiry.inputs)
        unkept = self._unkept.setdefault(inquiry.role, [])
        refused: list[Exchange] = []
        reason = ""
        for _ in range(2):
            exchange = await self._ask(inquiry, prompt, inputs)
            answer = parse(exchange.text)
            if not isinstance(answer, Refusal):
                unkept += [*((earlier, "refused") for earlier in refused), (exchange, "ok")]
                return answer, exchange
            reason = answer.reason
            refused.append(exchange)
            self.channel.emit(
                ev.ReplyRefused(
                    role=inquiry.role,
                    spec=inquiry.spec,
                    attempt=self._asked[inquiry.lineage],
                    reason=reason,
                )
            )
            template = load_template(repair.template, self.project.prompts_dir)
            again = template.render({repair.key: reason, "reply": exchange.text})
            prompt = Prompt(prompt.system, f"{prompt.prompt}\n\n{again.prompt}")
        for exchange in refused:
            self.caller.mark(exchange, "refused")
        raise OssatureError(
            f"the reply of {inquiry.lineage} could not be used: {reason}",
            hint=f"see `ossature logs {inquiry.lineage} --list`; run it again, or set another model",
        )

    def refuse(self, role: ev.Role) -> None:
        """A person did not want what the replies to *role* brought: the next run asks anew."""
        for exchange, _ in self._unkept.pop(role, ()):
            self.caller.mark(exchange, "refused")

    def keep(self, role: ev.Role) -> None:
        """What came of the replies to *role* is on the disk; others are taken up by the next run."""
        for exchange, verdict in self._unkept.pop(role, ()):
            self.caller.mark(exchange, verdict, landed=verdict == "ok")

    def _prompt(self, inquiry: Inquiry) -> Prompt:
        return load_template(inquiry.template, self.project.prompts_dir).render(inquiry.values)

    async def _ask(self, inquiry: Inquiry, prompt: Prompt, inputs: Mapping[str, str]) -> Exchange:
        await self.pace.wait_while_paused()
        if self.pace.is_draining:
            raise Drained("stopped as asked", hint="the same command goes on")
        number = self._asked[inquiry.lineage] = self._asked.get(inquiry.lineage, 0) + 1
        settings = self.project.settings
        return await self.caller.ask(
            Request(
                role=inquiry.role,
                spec=inquiry.spec,
                task="",
                lineage=inquiry.lineage,
                attempt=number,
                model=inquiry.model or settings.model_for(inquiry.role),
                system=prompt.system,
                prompt=prompt.prompt,
                max_output_tokens=settings.max_output_tokens,
                inputs=inputs,
                timeout_s=settings.model_timeout_s,
            )
        )
