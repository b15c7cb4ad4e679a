import asyncio
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from ossature.errors import DiskError
from ossature.llm.client import ModelError
from ossature.llm.litellm_client import LitellmClient, _load, litellm_name
from tests.support.calls import a_request
from tests.support.provider import KEY, TEXT, serving

# litellm filters these itself when it is imported; pytest puts its own filters in their place.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydantic._internal._generate_schema"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:litellm.litellm_core_utils.model_response_utils"),
]
OPENAI, ANTHROPIC = "openai:m", "anthropic:claude-sonnet-4-5"


@pytest.fixture(scope="session", autouse=True)
def _litellm():
    """The import takes seconds, and warns about its own dependencies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _load()


@pytest.fixture
def provider(monkeypatch):
    with serving() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        yield server


def ask(provider, mode="ok", *, idle_s=90.0, **changes):
    """The reply, the pieces that came in."""
    provider.mode = mode

    async def run():
        client = LitellmClient(ollama_base_url=provider.url, idle_s=idle_s)
        pieces = []
        try:
            return await client.complete(a_request(**changes), pieces.append), pieces
        finally:
            await client.close()

    return asyncio.run(run())


def failure(provider, mode, **changes):
    with pytest.raises(ModelError) as caught:
        ask(provider, mode, **changes)
    assert KEY not in str(caught.value)
    assert len(str(caught.value)) <= 300
    return caught.value


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_reply_is_streamed_and_counted(provider, model):
    reply, pieces = ask(provider, model=model)
    assert reply.text == TEXT == "".join(pieces)
    assert len(pieces) > 2
    assert (reply.source, reply.finish) == ("live", "stop")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.cached_tokens) == (100, 20, 64)
    assert len(provider.requests) == 1


def test_openai_is_sent_what_the_request_says(provider):
    ask(provider, model="openai/m", max_output_tokens=77)
    sent = provider.requests[0]
    assert provider.paths == ["/v1/chat/completions"]
    assert sent["model"] == "m" and sent["max_tokens"] == 77 and sent["stream"] is True
    assert [message["content"] for message in sent["messages"]] == ["You write code.", "Write a.py.\n"]
    assert provider.headers[0]["authorization"] == f"Bearer {KEY}"


def test_anthropic_is_told_where_the_stable_part_ends(provider):
    ask(provider, model=ANTHROPIC)
    assert provider.paths == ["/v1/messages"]
    assert provider.requests[0]["system"] == [
        {"type": "text", "text": "You write code.", "cache_control": {"type": "ephemeral"}}
    ]


def test_other_base_variables_are_honoured(provider, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    monkeypatch.setenv("OPENAI_API_BASE", f"{provider.url}/v1")
    monkeypatch.setenv("ANTHROPIC_API_BASE", provider.url)
    assert ask(provider, model=OPENAI)[0].text == TEXT
    assert ask(provider, model=ANTHROPIC)[0].text == TEXT


@pytest.mark.parametrize("suffix", ["", "/v1", "/v1/"])
def test_ollama_is_asked_at_the_configured_address(provider, suffix):
    provider.url += suffix
    reply, _ = ask(provider, model="ollama:qwen2.5:7b")
    assert reply.text == TEXT and reply.cost_usd == 0.0
    assert provider.paths[0] == "/api/chat"
    assert provider.requests[0]["model"] == "qwen2.5:7b"


def test_price_is_none_where_none_is_known(provider):
    assert ask(provider, model=OPENAI)[0].cost_usd is None
    cost = ask(provider, model=ANTHROPIC)[0].cost_usd
    assert cost is not None and 0 < cost < 0.01


def test_output_limit_is_never_above_what_the_model_can_write(provider):
    ask(provider, model="openai:gpt-4o", max_output_tokens=10_000_000)
    assert 0 < provider.requests[0]["max_tokens"] < 100_000


def test_no_output_limit_is_sent_for_zero(provider):
    ask(provider, model=OPENAI, max_output_tokens=0)
    assert "max_tokens" not in provider.requests[0]


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_cut_reply_says_so(provider, model):
    assert ask(provider, "length", model=model)[0].finish == "length"


@pytest.mark.parametrize("mode", ["no_usage", "no_done"])
@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_small_breaches_of_the_protocol_do_no_harm(provider, model, mode):
    assert ask(provider, mode, model=model)[0].text == TEXT


def test_halves_of_a_surrogate_pair_are_joined_and_lone_ones_replaced(provider):
    reply, pieces = ask(provider, "surrogates", model=OPENAI)
    assert reply.text == "a\N{GRINNING FACE}b\N{REPLACEMENT CHARACTER}c" == "".join(pieces)
    reply.text.encode("utf-8")


FAULTS = [
    ("429", "rate_limit", True),
    ("429_quota", "quota", False),
    ("401", "auth", False),
    ("403", "auth", False),
    ("402", "quota", False),
    ("404", "not_found", False),
    ("400", "bad_request", False),
    ("400_context", "context_too_long", False),
    ("413", "context_too_long", False),
    ("500", "overloaded", True),
    ("503_html", "overloaded", True),
    ("529", "overloaded", True),
    ("html_200", "bad_reply", True),
    ("empty_200", "bad_reply", True),
    ("error_body_200", "bad_reply", True),
    ("json_array", "bad_reply", True),
    ("bad_gzip", "bad_reply", True),
    ("redirect", "connection", True),
    ("rst_before", "connection", True),
    ("rst_mid", "connection", True),
    ("cut", "connection", True),
    ("error_event", "overloaded", True),
    ("no_text", "bad_reply", True),
    ("length_no_text", "bad_reply", False),
    ("content_filter", "content_filter", False),
]


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize(("mode", "kind", "is_retryable"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_fault_becomes_a_typed_error(provider, model, mode, kind, is_retryable):
    error = failure(provider, mode, model=model)
    assert (error.kind, error.is_retryable) == (kind, is_retryable)


def test_invalid_utf8_is_a_bad_reply(provider):
    assert failure(provider, "invalid_utf8", model=OPENAI).kind == "bad_reply"


@pytest.mark.parametrize("mode", ["500", "529", "429"])
def test_there_is_no_second_try_here(provider, mode):
    failure(provider, mode, model=OPENAI)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize(("mode", "seconds"), [("429", 7.0), ("429_ms", 1.5), ("429_reset", 90.0)])
def test_asked_wait_is_passed_on(provider, model, mode, seconds):
    assert failure(provider, mode, model=model).retry_after_s == seconds


def test_refused_key_names_the_variable(provider):
    error = failure(provider, "401", model=ANTHROPIC)
    assert "ANTHROPIC_API_KEY" in error.hint


def test_missing_key_names_the_variable(provider, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    error = failure(provider, "ok", model=OPENAI)
    assert error.kind == "auth" and "OPENAI_API_KEY" in error.hint
    assert not provider.requests


def test_refused_request_says_why(provider):
    assert "max_tokens is too large" in str(failure(provider, "400", model=OPENAI))


def test_model_without_a_provider_is_told_how_to_write_it(provider):
    error = failure(provider, "ok", model="nothing-known")
    assert "provider:model" in error.hint


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize("mode", ["stall_before", "drip"])
def test_total_deadline_ends_a_call(provider, model, mode):
    error = failure(provider, mode, model=model, timeout_s=0.5)
    assert error.kind == "timeout" and "0.5 s" in str(error)


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_idle_stream_is_given_up(provider, model):
    error = failure(provider, "stall_mid", model=model, idle_s=0.3)
    assert error.kind == "timeout" and "sent nothing" in str(error)


def test_cancelled_call_is_cancelled(provider):
    provider.mode = "stall_mid"

    async def run():
        client = LitellmClient()
        begun = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            call = group.create_task(client.complete(a_request(), lambda _text: begun.set()))
            await begun.wait()
            call.cancel()
        assert call.cancelled()
        await client.close()

    asyncio.run(run())


def test_longest_reply_is_bounded(provider, monkeypatch):
    monkeypatch.setattr("ossature.llm.litellm_client.MAX_REPLY_BYTES", 20)
    assert failure(provider, "ok", model=OPENAI).kind == "too_long"


def test_failure_to_keep_the_text_is_not_the_providers(provider):
    provider.mode = "ok"

    async def run():
        client = LitellmClient()

        def full(_text):
            raise DiskError("cannot write: no space left")

        try:
            await client.complete(a_request(), full)
        finally:
            await client.close()

    with pytest.raises(DiskError):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("openai:gpt-4.1", "openai/gpt-4.1"),
        ("openai/gpt-4.1", "openai/gpt-4.1"),
        ("google-gla:gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ("ollama:qwen2.5:7b", "ollama_chat/qwen2.5:7b"),
        ("openrouter/anthropic/claude:beta", "openrouter/anthropic/claude:beta"),
        ("gpt-4.1", "gpt-4.1"),
    ],
)
def test_model_is_spelled_as_litellm_wants_it(written, name):
    assert litellm_name(written) == name


def run_python(code, tmp_path, **environ):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_importing_the_package_does_not_import_litellm(tmp_path):
    code = (
        "import sys\n"
        "import ossature.llm.caller, ossature.llm.choose, ossature.llm.litellm_client\n"
        "sys.exit('litellm' in sys.modules or 'httpx' in sys.modules)"
    )
    done = run_python(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_dotenv_of_the_project_is_not_read_and_nothing_is_fetched(tmp_path):
    (tmp_path / ".env").write_text("OPENAI_BASE_URL=http://elsewhere.invalid\n", encoding="utf-8")
    code = (
        "import os, socket\n"
        "def refuse(*args, **kwargs): raise SystemExit('a socket was opened')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from ossature.llm.litellm_client import _load\n"
        "_load()\n"
        "assert 'OPENAI_BASE_URL' not in os.environ\n"
    )
    done = run_python(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_process_ends_by_itself_and_quietly_after_calls(provider, tmp_path):
    code = (
        "import asyncio\n"
        "from ossature.llm.client import ModelError\n"
        "from ossature.llm.litellm_client import LitellmClient\n"
        "from tests.support.calls import a_request\n"
        "async def main():\n"
        "    client = LitellmClient()\n"
        "    for model in ('openai:m', 'anthropic:claude-sonnet-4-5', 'nobody:x'):\n"
        "        try:\n"
        "            print((await client.complete(a_request(model=model), lambda text: None)).text)\n"
        "        except ModelError as error:\n"
        "            print(error)\n"
        "    await client.close()\n"
        "asyncio.run(main())\n"
    )
    done = run_python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(TEXT) == 2
    assert done.stderr == ""
