"""Which client answers a request: a recording, a command, or a provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from ossature.llm.client import ModelError, OnText, Reply, Request
from ossature.llm.exec_client import PREFIX, ExecClient
from ossature.llm.litellm_client import LitellmClient
from ossature.llm.replay_client import ReplayClient
from ossature.settings import Settings


class Models:
    """Every model that a run may ask. With recordings, nothing else is ever asked."""

    def __init__(
        self,
        settings: Settings,
        *,
        replay: ReplayClient | None = None,
        environ: Mapping[str, str] | None = None,
        root: Path | None = None,
        redact: Callable[[str], str] = str,
        may_run: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """*root* is the project's: commands of `exec:` run there, wherever ossature was started.

        *redact* takes secrets out of what providers and commands are quoted with.
        *may_run* takes an `exec:` model that is about to run, and raises where it may not.
        """
        self._settings = settings
        self._replay = replay
        self._redact = redact
        self._may_run = may_run
        self._exec = ExecClient(environ, cwd=root, redact=redact)
        self._litellm: LitellmClient | None = None

    async def complete(self, request: Request, on_text: OnText) -> Reply:
        """Hand *request* to the one who answers its model; raises ModelError."""
        if self._replay is not None:
            return await self._replay.complete(request, on_text)
        if not request.model.strip():
            raise ModelError(
                f"no model is set for {request.role}",
                kind="not_found",
                hint='set `[llm] model = "provider:model"` in ossature.toml or OSSATURE_MODEL; '
                "`exec:command` asks a program of yours",
            )
        if request.model.startswith(PREFIX):
            if self._may_run is not None:
                await self._may_run(request.model)
            return await self._exec.complete(request, on_text)
        if self._litellm is None:
            self._litellm = LitellmClient(ollama_base_url=self._settings.ollama_base_url, redact=self._redact)
        return await self._litellm.complete(request, on_text)

    async def close(self) -> None:
        """Close what was opened; the models are not asked again."""
        if self._replay is not None:
            await self._replay.close()
        await self._exec.close()
        if self._litellm is not None:
            await self._litellm.close()

    def model_for(self, role: str) -> str:
        """What to put into a request of that role; empty where none is set."""
        return self._settings.model_for(role)

    def describe(self, role: str) -> str:
        """Who answers that role, for people."""
        model = self.model_for(role) or "no model"
        return f"{model} (recorded)" if self._replay is not None else model
