"""The port to a model: what a call is, what comes back, and how it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ossature.digest import digest_json
from ossature.domain.event import ReplySource, Role
from ossature.errors import Exit, OssatureError
from ossature.llm.redaction import excerpt

ErrorKind = Literal[
    "rate_limit",
    "overloaded",
    "timeout",
    "connection",
    "auth",
    "not_found",
    "bad_request",
    "context_too_long",
    "content_filter",
    "quota",
    "bad_reply",
    "too_long",
    "exec",
    "replay_miss",
    "unknown",
]
PASSING_KINDS: frozenset[ErrorKind] = frozenset(
    {"rate_limit", "overloaded", "timeout", "connection", "bad_reply"}
)
"""What may be gone when the same call is made again."""
MAX_REPLY_BYTES = 16 * 1024 * 1024
"""Of a decoded reply; more is a model (or a server) that runs away."""

OnText = Callable[[str], None]
"""Takes the reply piece by piece; the pieces joined are the text of the reply."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a model, complete: whoever answers it needs nothing else."""

    role: Role
    spec: str
    task: str
    lineage: str
    """Of the task, or of what takes its place for a role without one (`audit.EXPENSES`)."""
    attempt: int
    """Counts from 1 within lineage and run."""
    model: str
    """`provider:model`, or `exec:command args`."""
    system: str
    prompt: str
    max_output_tokens: int
    """0 leaves it to the provider."""
    inputs: Mapping[str, str]
    """Name -> digest of what the prompt was made from: specs, files and task text, never a template."""
    timeout_s: float
    """For the whole call, from the first byte sent to the last received."""

    @property
    def request_digest(self) -> str:
        """What the model is sent; a recording with this digest is the exact answer."""
        return digest_json(
            {
                "model": self.model,
                "system": self.system,
                "prompt": self.prompt,
                "max_output_tokens": self.max_output_tokens,
            }
        )

    @property
    def inputs_digest(self) -> str:
        """What the prompt was made from: unlike the request, it stays when a template is reworded."""
        return digest_json(dict(self.inputs))

    @property
    def slot(self) -> str:
        """The place of this call in a build, whatever it says."""
        return slot_of(self.role, self.lineage, self.attempt)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; 0 where it said nothing."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of the input tokens, those read from the provider's prompt cache."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply."""

    text: str
    source: ReplySource
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    """None where the price is not known."""
    finish: str = "stop"
    """`stop`, `length` (cut at the token limit), or another word of the provider's."""
    note: str = ""
    """What a person should know about this reply, in a few words."""


class Client(Protocol):
    """Who answers: a provider, a command of the user's, or a recording."""

    async def complete(self, request: Request, on_text: OnText) -> Reply:
        """Answer *request*; raises ModelError, and asyncio.CancelledError with nothing left running."""

    async def close(self) -> None:
        """Give up connections; the client is not used again."""


class ModelError(OssatureError):
    """A call that brought no usable reply.

    The message is ours: what a provider said is only ever quoted cut short and without keys.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind,
        hint: str = "",
        retry_after_s: float | None = None,
        is_retryable: bool | None = None,
    ) -> None:
        super().__init__(excerpt(message), hint=hint)
        self.kind: ErrorKind = kind
        self.retry_after_s = retry_after_s
        """Seconds the provider asked to wait; None where it did not."""
        self.is_retryable = kind in PASSING_KINDS if is_retryable is None else is_retryable


class ReplayMiss(ModelError):
    """No recording answers the request."""

    exit_code = Exit.REPLAY_MISS

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message, kind="replay_miss", hint=hint)


def slot_of(role: str, lineage: str, attempt: int) -> str:
    """How recordings are told apart where the exact request does not matter."""
    return f"{role}/{lineage}/{attempt}"
