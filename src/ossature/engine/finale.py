"""The last check of a build: the project's own verify on everything that has landed."""

from __future__ import annotations

from collections.abc import Mapping

from ossature.build.command import Action
from ossature.build.tools import Tools
from ossature.build.verdict import Verdict, judge
from ossature.build.verifying import FIXABLE
from ossature.build.workspace import FileSource
from ossature.domain import event as ev
from ossature.engine.sources import Loaded
from ossature.engine.whole import FINAL, landed_files, whole_fingerprint
from ossature.store.ledger import Landing


async def verify_landed(tools: Tools, loaded: Loaded) -> Verdict:
    """Run `[build] verify` on a copy of the output folder, without caches; nothing is rolled back.

    A red one is run again as often as a task's would be.
    """
    files = landed_files(loaded)
    reds: list[str] = []
    verdict = await _run(tools, loaded, files)
    while verdict.name in FIXABLE and len(reds) + 1 < tools.project.settings.verify_attempts:
        reds.append(verdict.summary)
        verdict = await _run(tools, loaded, files)
    if verdict.name == "ok" and reds:
        runs = f"red in {len(reds)} of {len(reds) + 1} runs of the same files"
        text = f"[build] verify is flaky: {runs}: {reds[-1]}"
        tools.channel.emit(ev.Noticed(level="warning", text=text))
    if verdict.name == "ok":
        note = Landing(
            lineage=FINAL,
            task="",
            spec="",
            title="[build] verify",
            outputs=(),
            generate="",
            verify=whole_fingerprint(loaded, files),
            run=tools.run,
            at=tools.now(),
        )
        tools.ledger.append_landed(tools.ledger.append_intent(note, {}))
    return verdict


async def _run(tools: Tools, loaded: Loaded, files: Mapping[str, str]) -> Verdict:
    project = tools.project
    tree = {path: FileSource(digest, project.output_root / path) for path, digest in files.items()}
    await tools.workspace.prepare(tree, cache_dirs=())
    log = project.runs_dir / tools.run / "verify.log"
    commands = project.settings.verify
    name = project.relative(log)
    tools.channel.emit(ev.VerifyStarted(task="", attempt=0, commands=commands, log=name))
    verdict, seconds = Verdict.green(), 0.0
    for command in commands:
        finished = await tools.executor.run(
            Action(
                command=command,
                cwd=tools.workspace.folder,
                environ=tools.environ,
                timeout_s=project.settings.verify_timeout_s,
                log_path=log,
            )
        )
        seconds += finished.seconds
        verdict = judge(
            command,
            finished,
            on_path=tools.on_path,
            stage_files=tuple(loaded.sources.writers),
            stage_root=str(tools.workspace.folder),
        )
        if verdict.name != "ok":
            break
    tools.channel.emit(
        ev.VerifyFinished(
            task="",
            attempt=0,
            verdict=verdict.name,
            exit_status=verdict.exit_status,
            command="" if verdict.name == "ok" else verdict.command,
            summary=verdict.summary,
            seconds=round(seconds, 3),
            log=name,
        )
    )
    return verdict
