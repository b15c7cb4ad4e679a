"""The plan has one writer at a time, and nobody else waits for a writer."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ossature.store.plan_lock import awaited_plan_lock, plan_lock


def test_an_event_loop_goes_on_while_the_lock_is_waited_for(tmp_path: Path):
    steps: list[str] = []
    asked = asyncio.Event()

    async def take() -> None:
        asked.set()
        async with awaited_plan_lock(tmp_path):
            steps.append("held")

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            with plan_lock(tmp_path):
                group.create_task(take())
                await asked.wait()
                steps.append("went on")

    asyncio.run(both())
    assert steps == ["went on", "held"]
