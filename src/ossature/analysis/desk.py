"""What audit and planning work with: the ports, and one way to ask a model for a checked answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel

from ossature.domain import event as ev
from ossature.domain.record import Channel
from ossature.errors import OssatureError
from ossature.llm.caller import Caller, Exchange
from ossature.llm.client import Request
from ossature.llm.prompt import Prompt, load_template
from ossature.llm.reply import Refusal, parse_json
from ossature.project import Project

Answer = TypeVar("Answer", bound=BaseModel)
Check = Callable[[Answer], str]
"""Says what is wrong with an answer that has the right shape; empty when nothing is."""


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
    now: Callable[[], str]
    """UTC, ISO 8601."""
    _asked: dict[str, int] = field(default_factory=dict)

    async def ask_text(self, inquiry: Inquiry) -> str:
        """The reply as it is, without white space around it. Raises ModelError."""
        exchange = await self._ask(inquiry, self._prompt(inquiry), inquiry.inputs)
        text = exchange.text.strip()
        if not text:
            self.caller.mark(exchange, "refused")
            raise OssatureError(f"the model returned nothing for {inquiry.lineage}", hint="run it again")
        self.caller.mark(exchange, "ok", landed=True)
        return text + "\n"

    async def ask_json(
        self, inquiry: Inquiry, shape: type[Answer], *, check: Check[Answer] = lambda _answer: ""
    ) -> Answer:
        """The reply as a value of *shape* that passes *check*; the model may mend a bad one once.

        Raises ModelError, or OssatureError with what is wrong with the second reply.
        """
        prompt, inputs = self._prompt(inquiry), dict(inquiry.inputs)
        reason = ""
        for _ in range(2):
            exchange = await self._ask(inquiry, prompt, inputs)
            answer = parse_json(exchange.text, shape)
            reason = answer.reason if isinstance(answer, Refusal) else check(answer)
            if not isinstance(answer, Refusal) and not reason:
                self.caller.mark(exchange, "ok", landed=True)
                return answer
            self.caller.mark(exchange, "refused")
            self.channel.emit(
                ev.ReplyRefused(
                    role=inquiry.role,
                    spec=inquiry.spec,
                    attempt=self._asked[inquiry.lineage],
                    reason=reason,
                )
            )
            template = load_template("repair_json", self.project.prompts_dir)
            again = template.render({"error": reason, "reply": exchange.text})
            prompt = Prompt(prompt.system, f"{prompt.prompt}\n\n{again.prompt}")
        raise OssatureError(
            f"the reply of {inquiry.lineage} could not be used: {reason}",
            hint="see the attempts with `ossature logs --list`; run it again, or set another model",
        )

    def _prompt(self, inquiry: Inquiry) -> Prompt:
        return load_template(inquiry.template, self.project.prompts_dir).render(inquiry.values)

    async def _ask(self, inquiry: Inquiry, prompt: Prompt, inputs: Mapping[str, str]) -> Exchange:
        number = self._asked[inquiry.lineage] = self._asked.get(inquiry.lineage, 0) + 1
        settings = self.project.settings
        return await self.caller.ask(
            Request(
                role=inquiry.role,
                spec=inquiry.spec,
                task="",
                lineage=inquiry.lineage,
                attempt=number,
                model=settings.model_for(inquiry.role),
                system=prompt.system,
                prompt=prompt.prompt,
                max_output_tokens=settings.max_output_tokens,
                inputs=inputs,
                timeout_s=settings.model_timeout_s,
            )
        )
