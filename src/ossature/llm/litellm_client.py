"""A provider as the model, by way of litellm, whose only door this is."""

from __future__ import annotations

import asyncio
import codecs
import importlib
import logging
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from ossature.errors import OssatureError
from ossature.llm.client import MAX_REPLY_BYTES, ModelError, OnText, Reply, Request, Usage
from ossature.llm.provider_error import explain, provider_of

IDLE_S = 90.0
"""Between two pieces of a stream; the first one may take as long as the whole call."""
CONNECT_S = 10.0
_TRUE = "True"
_ENVIRONMENT = {
    # Else importing litellm fetches its price map and its list of Anthropic headers from the network.
    "LITELLM_LOCAL_MODEL_COST_MAP": _TRUE,
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": _TRUE,
    # Else importing litellm loads `.env` of the folder: a cloned project could send our keys elsewhere.
    "LITELLM_MODE": "PRODUCTION",
}
_PROVIDERS = {
    "fireworks": "fireworks_ai",
    "google": "gemini",
    "google-gla": "gemini",
    "google-vertex": "vertex_ai",
    "grok": "xai",
    "moonshotai": "moonshot",
    "ollama": "ollama_chat",
    "openai-chat": "openai",
    "together": "together_ai",
}
"""Names that people use -> litellm's."""
_OLLAMA = ("ollama_chat/", "ollama/")


class LitellmClient:
    """Answers `provider:model` and `provider/model`; keys and base URLs are the environment's."""

    def __init__(
        self, *, ollama_base_url: str = "", idle_s: float = IDLE_S, redact: Callable[[str], str] = str
    ) -> None:
        """*redact* takes secrets out of what a provider is quoted with."""
        self._redact = redact
        self._ollama_base_url = ollama_base_url
        self._idle_s = idle_s
        self._litellm: Any = None

    async def complete(self, request: Request, on_text: OnText) -> Reply:
        """Make one call, streamed; never a second try here, that is `retry`'s."""
        litellm = await self._loaded()
        stream: Any = None
        try:
            async with asyncio.timeout(request.timeout_s) as deadline:
                stream = await litellm.acompletion(**self._arguments(litellm, request))
                received = await self._read(stream, on_text)
            return _judge(litellm, request, received)
        except OssatureError:
            raise
        # SDKs leak IndexError, UnicodeDecodeError and worse when a body is not what they expect.
        except Exception as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                raise _late(request) from error
            raise explain(error, request.model, redact=self._redact) from error
        finally:
            if stream is not None:
                await _give_up(stream)

    async def close(self) -> None:
        """Close the connections that litellm keeps; without it, the end of the loop complains about them."""
        if self._litellm is not None:
            await self._litellm.close_litellm_async_clients()

    async def _loaded(self) -> Any:
        """The library. Its import takes seconds: in a thread, so that commands and stops get through."""
        if self._litellm is None:
            self._litellm = await asyncio.to_thread(_load)
        return self._litellm

    def _arguments(self, litellm: Any, request: Request) -> dict[str, Any]:
        model = litellm_name(request.model)
        arguments: dict[str, Any] = {
            "model": model,
            "messages": _messages(request),
            "stream": True,
            "stream_options": {"include_usage": True},
            "timeout": _timeouts(request.timeout_s),
            "num_retries": 0,
            "max_retries": 0,
        }
        limit = _output_limit(litellm, model, request.max_output_tokens)
        if limit:
            arguments["max_tokens"] = limit
        if model.startswith(_OLLAMA) and self._ollama_base_url:
            # Configured as the base of the OpenAI-like API, which litellm does not use for Ollama.
            arguments["api_base"] = self._ollama_base_url.rstrip("/").removesuffix("/v1")
        return arguments

    async def _read(self, stream: Any, on_text: OnText) -> _Received:
        """Read to the end; raises ModelError on an idle stream or one without an end."""
        # Halves of a surrogate pair may come in two pieces, and a lone half cannot be written to a file.
        decoder = codecs.getincrementaldecoder("utf-16-le")("replace")
        pieces: list[str] = []
        usage: Any = None
        finish = ""
        size = 0
        chunks = stream.__aiter__()
        has_begun = False
        while True:
            try:
                async with asyncio.timeout(self._idle_s if has_begun else None):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                break
            except TimeoutError as error:
                raise ModelError(
                    f"the provider sent nothing for {self._idle_s:g} s, in the middle of a reply",
                    kind="timeout",
                ) from error
            has_begun = True
            usage = getattr(chunk, "usage", None) or usage
            content, reason = _content_of(chunk)
            finish = reason or finish
            text = decoder.decode(content.encode("utf-16-le", "surrogatepass"))
            if text:
                size += len(text.encode())
                _check_size(size)
                pieces.append(text)
                on_text(text)
        # litellm ends a stream that just broke off with a `stop` of its own; these hold the provider's word.
        given = (
            getattr(stream, "received_finish_reason", finish),
            getattr(stream, "intermittent_finish_reason", None),
        )
        return _Received("".join(pieces), finish if any(given) else "", usage)


class _Received(NamedTuple):
    text: str
    finish: str
    """Empty where the stream ended without saying why."""
    usage: Any


def litellm_name(model: str) -> str:
    """`provider:model` as litellm spells it; only a colon before any slash separates a provider."""
    provider, colon, name = model.partition(":")
    if colon and "/" not in provider:
        return f"{_PROVIDERS.get(provider, provider)}/{name}"
    return model


def _load() -> Any:
    for name, value in _ENVIRONMENT.items():
        os.environ[name] = value
    # Here and not at the top: 300 times the import of everything else, which a replay must not pay (a test
    # sees to it). By name: checking the types of this library takes minutes.
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    # Not every provider knows every parameter, e.g. `stream_options`.
    litellm.drop_params = True
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        # Its warnings quote bodies and headers; what matters of them is in our errors.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return litellm


def _timeouts(total_s: float) -> Any:
    # The type in which litellm takes more than one timeout; imported with it, as slow as it.
    httpx = importlib.import_module("httpx")
    return httpx.Timeout(total_s, connect=min(CONNECT_S, total_s))


def _messages(request: Request) -> list[dict[str, Any]]:
    system: Any = request.system
    if litellm_name(request.model).startswith("anthropic/"):
        # Others cache a repeated prefix by themselves; here the end of the stable part has to be marked.
        system = [{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}]
    head = [{"role": "system", "content": system}] if request.system.strip() else []
    return [*head, {"role": "user", "content": request.prompt}]


def _output_limit(litellm: Any, model: str, wanted: int) -> int:
    """*wanted*, but no more than the model can write: providers refuse a larger number."""
    known = _row(litellm, model).get("max_output_tokens")
    return min(wanted, known) if isinstance(known, int) and known > 0 else wanted


def _content_of(chunk: Any) -> tuple[str, str]:
    """Text and finish reason of a chunk; both empty for one that carries only usage or reasoning."""
    choices = getattr(chunk, "choices", None)
    if not choices:
        return "", ""
    content = getattr(choices[0].delta, "content", None)
    return (content if isinstance(content, str) else ""), choices[0].finish_reason or ""


def _check_size(size: int) -> None:
    if size > MAX_REPLY_BYTES:
        raise ModelError(f"the reply is longer than {MAX_REPLY_BYTES >> 20} MiB", kind="too_long")


def _judge(litellm: Any, request: Request, received: _Received) -> Reply:
    text, finish, usage = received
    provider = provider_of(request.model)
    if finish in ("content_filter", "refusal"):
        raise ModelError(
            f"{provider} stopped the reply with its content filter",
            kind="content_filter",
            hint="reword the spec section that this prompt shows, or use another model",
        )
    if not finish:
        if text:
            raise ModelError(f"the reply of {provider} broke off", kind="connection")
        raise ModelError(
            f"{provider} sent nothing that is a reply",
            kind="bad_reply",
            hint="check the base URL in the environment",
        )
    if not text.strip():
        is_cut = finish == "length"
        raise ModelError(
            f"the reply of {provider} is empty" + (": its tokens ran out before any text" if is_cut else ""),
            kind="bad_reply",
            hint="raise `[build] max_output_tokens`" if is_cut else "",
            is_retryable=not is_cut,
        )
    return Reply(
        text,
        source="live",
        usage=_usage_of(usage),
        cost_usd=_cost_of(litellm, request, usage),
        finish="length" if finish == "length" else "stop",
    )


def _usage_of(usage: Any) -> Usage:
    details = getattr(usage, "prompt_tokens_details", None)
    return Usage(
        input_tokens=getattr(usage, "prompt_tokens", None) or 0,
        output_tokens=getattr(usage, "completion_tokens", None) or 0,
        cached_tokens=getattr(details, "cached_tokens", None) or 0,
    )


def _cost_of(litellm: Any, request: Request, usage: Any) -> float | None:
    """US dollars, None for a model without a price."""
    model = litellm_name(request.model)
    if model.startswith(_OLLAMA):
        return 0.0
    if usage is None or not _row(litellm, model):
        return None
    try:
        counted = litellm.ModelResponse(model=model, usage=usage)
        return float(litellm.completion_cost(completion_response=counted, model=model))
    # A price is nice to have; what is raised without one differs by version, and is often a bare Exception.
    except Exception:  # noqa: BLE001
        return None


def _row(litellm: Any, model: str) -> dict[str, Any]:
    """What the price table says of a model; empty for one that is not in it.

    Read directly: for Ollama, litellm's own look-up asks the server, and blocks the loop meanwhile.
    """
    table: dict[str, dict[str, Any]] = litellm.model_cost
    return table.get(model) or table.get(model.partition("/")[2]) or {}


def _late(request: Request) -> ModelError:
    return ModelError(
        f"{provider_of(request.model)} did not finish within {request.timeout_s:g} s",
        kind="timeout",
        hint="raise `[llm] timeout_s`, or ask for less in one task",
    )


async def _give_up(stream: Any) -> None:
    """Close the connection of a stream that may not have been read to its end."""
    try:
        await stream.aclose()
    # The reply, or the error that brought us here, is what counts.
    except Exception:
        logging.getLogger(__name__).debug("a stream did not close", exc_info=True)
