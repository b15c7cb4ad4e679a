import asyncio

import pytest

from ossature.llm import choose
from ossature.llm.choose import Models
from ossature.llm.client import ModelError, ReplayMiss, Reply
from ossature.llm.replay_client import ReplayClient
from ossature.settings import Settings
from tests.support.calls import a_request


class FakeLitellm:
    def __init__(self, *, ollama_base_url="", **_):
        self.ollama_base_url = ollama_base_url
        self.closed = 0
        made.append(self)

    async def complete(self, request, on_text):
        return Reply(request.model, source="live")

    async def close(self):
        self.closed += 1


made: list[FakeLitellm] = []


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    made.clear()
    monkeypatch.setattr(choose, "LitellmClient", FakeLitellm)


def ask(models, *names):
    async def run():
        replies = [await models.complete(a_request(model=name), lambda text: None) for name in names]
        await models.close()
        return replies

    return asyncio.run(run())


def test_one_provider_client_is_made_when_first_needed_and_closed():
    replies = ask(Models(Settings(ollama_base_url="http://h:1")), "openai:a", "anthropic/b")
    assert [reply.text for reply in replies] == ["openai:a", "anthropic/b"]
    assert [(client.ollama_base_url, client.closed) for client in made] == [("http://h:1", 1)]


def test_command_never_makes_a_provider_client():
    assert ask(Models(Settings()), "exec:echo hello")[0].source == "exec"
    assert not made


@pytest.mark.parametrize("model", ["openai:a", "exec:echo hello", ""])
def test_with_recordings_nothing_else_is_asked(tmp_path, model):
    models = Models(Settings(), replay=ReplayClient(tmp_path, by_slot=False))
    with pytest.raises(ReplayMiss):
        ask(models, model)
    assert not made


@pytest.mark.parametrize("model", ["", "  "])
def test_missing_model_is_told_how_to_be_set(model):
    with pytest.raises(ModelError) as caught:
        ask(Models(Settings()), model)
    assert "implement" in str(caught.value)
    for way in ("[llm] model", "OSSATURE_MODEL", "exec:"):
        assert way in caught.value.hint


def test_description_names_the_model_of_the_role(tmp_path):
    settings = Settings(model="a:b", models={"planner": "c:d"})
    assert Models(settings).describe("plan") == "c:d"
    assert Models(settings).describe("implement") == "a:b"
    assert Models(Settings()).describe("implement") == "no model"
    replay = ReplayClient(tmp_path, by_slot=True)
    assert Models(settings, replay=replay).describe("plan") == "c:d (recorded)"
