"""The last check of a build: the project's own verify on everything that has landed."""

from __future__ import annotations

from ossature.build.command import Action
from ossature.build.tools import Tools
from ossature.build.verdict import Verdict, judge
from ossature.build.workspace import FileSource
from ossature.domain import event as ev
from ossature.engine.sources import Loaded


async def verify_landed(tools: Tools, loaded: Loaded) -> Verdict:
    """Run `[build] verify` on a copy of the output folder, without caches; nothing is rolled back."""
    project = tools.project
    files = dict(tools.unowned_files(tuple(loaded.sources.writers)).files)
    for path in loaded.sources.writers:
        digest = tools.output_digest(path)
        if digest is not None:
            files[path] = digest
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
