"""What a provider's failure means to us, told from the exceptions that its SDK raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ossature.llm.client import ErrorKind, ModelError
from ossature.llm.redaction import excerpt

_KEY_NAMES = {
    "azure": "AZURE_API_KEY",
    "bedrock": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "fireworks": "FIREWORKS_AI_API_KEY",
    "google": "GEMINI_API_KEY",
    "google-gla": "GEMINI_API_KEY",
    "google-vertex": "GOOGLE_APPLICATION_CREDENTIALS",
    "grok": "XAI_API_KEY",
    "moonshotai": "MOONSHOT_API_KEY",
    "openai-chat": "OPENAI_API_KEY",
    "together": "TOGETHERAI_API_KEY",
    "together_ai": "TOGETHERAI_API_KEY",
    "vertex_ai": "GOOGLE_APPLICATION_CREDENTIALS",
}
"""Where the variable is not PROVIDER_API_KEY."""
_BY_STATUS: Mapping[int, ErrorKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "timeout",
    409: "overloaded",
    413: "context_too_long",
    425: "overloaded",
    429: "rate_limit",
    529: "overloaded",
}
_WORDS: Mapping[ErrorKind, tuple[str, str]] = {
    "auth": ("{provider} refused the key, or there is none{code}", "set {key}"),
    "quota": ("the {provider} account has no credit left{code}", "add credit, or use another model"),
    "not_found": (
        "{provider} does not know the model {model!r}{code}",
        "check `[llm] model` and the base URL in the environment",
    ),
    "context_too_long": (
        "the prompt is longer than {model!r} can read{code}",
        "split the task, inject fewer files, or use a model with a larger context",
    ),
    "content_filter": (
        "{provider} refused the prompt with its content filter{code}",
        "reword the spec section that this prompt shows, or use another model",
    ),
    "rate_limit": ("{provider} limits the rate of calls{code}", "use a smaller `-j`"),
    "overloaded": ("{provider} is overloaded or failing{code}", "try again later"),
    "timeout": ("{provider} did not answer in time{code}", "try again later, or raise `[llm] timeout_s`"),
    "connection": (
        "the connection to {provider} failed",
        "check the network and the base URL in the environment",
    ),
    "bad_reply": (
        "{provider} sent something that is no reply ({error})",
        "check the base URL in the environment",
    ),
}
"""Kind -> message and hint; other kinds quote the provider."""
_PATTERNS: Sequence[tuple[ErrorKind, tuple[int, ...], str]] = (
    (
        "context_too_long",
        (400, 413, 422),
        "context_length_exceeded|request_too_large|context[ _]window|maximum context|prompt is too long|"
        "too many tokens",
    ),
    ("content_filter", (400,), "content_policy|content_filter|content management policy|safety system"),
    (
        "quota",
        (400, 402, 403, 429),
        "insufficient_quota|insufficient[ _](?:balance|credit)|credit balance|billing|"
        "exceeded your current quota",
    ),
    (
        "auth",
        (),
        "api[_ ]key.{0,80}(?:must be set|not set|missing|is none|required)|missing.{0,40}api[_ ]key|"
        "missing credentials",
    ),
    # The SDKs report these as a connection that failed, or as a status 500 that nobody sent.
    ("overloaded", (0, 500), "overloaded"),
    ("bad_reply", (0, 500), "codec can't decode|error -3 while decompressing|can not decode content"),
    (
        "connection",
        (0, 500),
        "connection error|cannot connect|connect call failed|connection reset|server disconnected",
    ),
)
"""Kind, statuses it may come with (none: any), and what the error then says; goes before its class."""
_BY_TEXT = tuple((kind, frozenset(statuses), re.compile(text)) for kind, statuses, text in _PATTERNS)
_PREFIX = re.compile(r"^(?:litellm\.)?(?:[A-Za-z_.]*(?:Error|Exception|Timeout)(?:: | - ))+")
_JSON_MESSAGE = re.compile(r'"message": ?"((?:[^"\\]|\\.){1,2000})"')
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def explain(error: Exception, model: str, *, redact: Callable[[str], str] = str) -> ModelError:
    """The ModelError that stands for *error*; a known cause never quotes the provider.

    *redact* takes secrets out of what is quoted, before it is cut short.
    """
    origin = getattr(error, "original_exception", None)
    cause = origin if isinstance(origin, Exception) else error
    text = str(cause)[:20_000].lower()
    kind = _kind_of(cause, text)
    message, hint = _words(kind, model, cause, redact=redact)
    wait = retry_after(_headers_of(cause) or _headers_of(error), datetime.now(UTC))
    return ModelError(
        message, kind=kind, hint=hint, retry_after_s=wait if kind in ("rate_limit", "overloaded") else None
    )


def provider_of(model: str) -> str:
    """The provider as the user wrote it; a bare model name where none was written."""
    return re.split(r"[:/]", model, maxsplit=1)[0] or "the provider"


def key_name(model: str) -> str:
    """The environment variable that holds the key for *model*."""
    provider = provider_of(model)
    return _KEY_NAMES.get(provider) or f"{re.sub('[^A-Z0-9]+', '_', provider.upper())}_API_KEY"


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that *headers* ask to wait; None where they ask for nothing.

    Read are `retry-after-ms`, `Retry-After` (seconds, a date, or `1m30s`) and the reset of a used-up limit.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    if milliseconds := _number(lower.get("retry-after-ms", "")):
        return milliseconds / 1000
    if "retry-after" in lower:
        return _wait_of(lower["retry-after"], now)
    waits = [
        wait
        for name, value in lower.items()
        if "ratelimit" in name and "remaining" in name and value == "0"
        if (wait := _wait_of(lower.get(name.replace("remaining", "reset"), ""), now)) is not None
    ]
    return max(waits, default=None)


def _kind_of(error: Exception, text: str) -> ErrorKind:
    status = _status_of(error)
    for kind, statuses, pattern in _BY_TEXT:
        if (not statuses or status in statuses) and pattern.search(text):
            return kind
    return _kind_of_class(status, error)


def _kind_of_class(status: int, error: Exception) -> ErrorKind:
    names = {base.__name__ for base in type(error).__mro__}
    if "ContextWindowExceededError" in names:
        return "context_too_long"
    if "ContentPolicyViolationError" in names:
        return "content_filter"
    if names & {"Timeout", "APITimeoutError", "TimeoutException", "TimeoutError"}:
        return "timeout"
    if names & {"APIConnectionError", "TransportError", "ClientError", "OSError"}:
        return "connection"
    return _kind_of_status(status, error)


def _kind_of_status(status: int, error: Exception) -> ErrorKind:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return "bad_request"
    if status >= 500:
        return "overloaded"
    # Raised by an SDK that stumbled over a body it did not expect.
    if isinstance(error, ValueError | LookupError | TypeError | AttributeError) or status >= 200:
        return "bad_reply"
    return "unknown"


def _words(kind: ErrorKind, model: str, error: Exception, *, redact: Callable[[str], str]) -> tuple[str, str]:
    """Message and hint."""
    if kind not in _WORDS:
        return _quoted(model, error, redact)
    status = _status_of(error)
    values = {
        "provider": provider_of(model),
        "model": model,
        # 500 is also what litellm says when there was no status.
        "code": f" (HTTP {status})" if status and status != 500 else "",
        "key": key_name(model),
        "error": type(error).__name__,
    }
    message, hint = _WORDS[kind]
    return message.format_map(values), hint.format_map(values)


def _quoted(model: str, error: Exception, redact: Callable[[str], str]) -> tuple[str, str]:
    text = redact(str(getattr(error, "message", "") or error))[:20_000]
    if "llm provider not provided" in text.lower():
        return f"model {model!r} names no provider", "write it as provider:model, e.g. openai:gpt-4.1"
    inner = _JSON_MESSAGE.search(text)
    said = excerpt(inner[1] if inner else _PREFIX.sub("", text), 200)
    return f"{provider_of(model)} refused the request: {said}", "see `[llm]` in ossature.toml"


def _status_of(error: Exception) -> int:
    for source in (error, getattr(error, "response", None)):
        status = str(getattr(source, "status_code", None))
        if status.isdecimal():
            return int(status)
    return 0


def _headers_of(error: Any) -> dict[str, str]:
    for source in (getattr(error, "litellm_response_headers", None), getattr(error, "response", None)):
        headers = getattr(source, "headers", source)
        if headers is not None and hasattr(headers, "items"):
            return {str(name): str(value) for name, value in headers.items()}
    return {}


def _wait_of(value: str, now: datetime) -> float | None:
    if not value:
        return None
    number = _number(value)
    if number is not None:
        return number
    if re.fullmatch(rf"(?:{_DURATION.pattern})+", value):
        return sum(float(count) * _SECONDS[unit] for count, unit in _DURATION.findall(value))
    moment = _moment_of(value)
    return max(0.0, (moment - now).total_seconds()) if moment else None


def _moment_of(value: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(value)
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None
