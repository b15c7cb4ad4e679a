"""`[build] setup`: commands that run once before the first task; what they create lands, owned by `setup`."""

from __future__ import annotations

from collections.abc import Mapping

from ossature.build.command import Action
from ossature.build.landing import land, withdraw, write_output
from ossature.build.tools import Tools
from ossature.build.unowned import unowned, unowned_files
from ossature.build.verdict import Verdict, judge
from ossature.build.workspace import FileSource
from ossature.domain import event as ev
from ossature.engine.site import Site
from ossature.engine.sources import SETUP, Loaded, is_set_up, setup_fingerprint
from ossature.errors import OssatureError
from ossature.store.ledger import Landing
from ossature.store.safe_root import SafeRoot

MAX_FILES = 5_000
MAX_BYTES = 256 * 1024 * 1024
"""Of all that a setup creates; what is larger belongs to an environment, not to the sources."""


async def set_up(tools: Tools, loaded: Loaded, site: Site, *, is_forced: bool) -> Verdict:
    """Run the setup unless it has been run; a red verdict ends the build. Raises OssatureError, DiskError."""
    known = tools.ledger.landings.get(SETUP)
    if is_set_up(loaded) and not is_forced:
        if known is not None and loaded.project.settings.setup:
            _restore(tools, site, known)
        return Verdict.green()
    if not loaded.project.settings.setup:
        return Verdict.green()
    tools.channel.emit(ev.PhaseStarted(phase="setup"))
    tree = _tree(tools, loaded, site, known)
    await tools.workspace.prepare(tree, cache_dirs=())
    verdict = await _run(tools)
    if verdict.name == "ok":
        _land(tools, loaded, site, tree, known)
    return verdict


def _tree(tools: Tools, loaded: Loaded, site: Site, known: Landing | None) -> dict[str, FileSource]:
    """What a person has in the output folder: neither outputs of tasks nor what an earlier setup made."""
    root = tools.project.output_root
    own = known.files if known else {}
    writers = loaded.sources.writers
    files = dict(unowned_files(tools.project, [*writers, *own]).files)
    for path in writers:
        digest = tools.output_digest(path)
        if digest is not None and path not in site.heads and path not in own:
            files[path] = digest
    return {path: FileSource(digest, root / path) for path, digest in files.items()}


async def _run(tools: Tools) -> Verdict:
    """All commands in order, until one is red."""
    settings = tools.project.settings
    log = tools.project.runs_dir / tools.run / "setup.log"
    name = tools.project.relative(log)
    tools.channel.emit(ev.VerifyStarted(task="", attempt=0, commands=settings.setup, log=name))
    verdict, seconds = Verdict.green(), 0.0
    for command in settings.setup:
        finished = await tools.executor.run(
            Action(
                command=command,
                cwd=tools.workspace.folder,
                environ=tools.environ,
                timeout_s=settings.setup_timeout_s,
                log_path=log,
            )
        )
        seconds += finished.seconds
        verdict = judge(command, finished, on_path=tools.on_path, stage_root=str(tools.workspace.folder))
        if verdict.name != "ok":
            break
    is_ok = verdict.name == "ok"
    tools.channel.emit(
        ev.VerifyFinished(
            task="",
            attempt=0,
            verdict=verdict.name,
            exit_status=verdict.exit_status,
            command="" if is_ok else verdict.command,
            summary=verdict.summary,
            seconds=round(seconds, 3),
            log=name,
        )
    )
    return verdict


def _land(
    tools: Tools, loaded: Loaded, site: Site, tree: Mapping[str, FileSource], known: Landing | None
) -> None:
    """Put what was created into the output folder; what an earlier setup made and this did not goes."""
    stage = SafeRoot(tools.workspace.folder)
    exclude = tools.project.settings.exclude
    made = unowned(stage.root, owned=tree, exclude=exclude, reserved=tools.project.reserved)
    changed = [path for path in tree if stage.digest(path) not in (None, tree[path].digest)]
    contents = _read(stage, made.files)
    left = tools.workspace.clean_stray({*tree, *contents})
    _say(tools, f"setup changed {', '.join(changed)}: left as you have it", changed)
    _say(tools, f"setup: left out {', '.join([*left, *made.skipped][:10])}", [*left, *made.skipped])
    landing = Landing(
        lineage=SETUP,
        task="setup",
        spec="",
        title="[build] setup",
        outputs=tuple(contents),
        generate="",
        verify=setup_fingerprint(tools.project.settings),
        files=dict(made.files),
        run=tools.run,
        at=tools.now(),
    )
    earlier = known.files if known else {}
    withdraw(
        {path: digest for path, digest in earlier.items() if path not in contents},
        lambda path: site.stand_in("", path),
        blobs=tools.blobs,
        output=tools.output,
    )
    hidden = {path for path in contents if path in site.heads}
    count = land(
        landing, contents, ledger=tools.ledger, blobs=tools.blobs, output=tools.output, hidden=hidden
    ).changed
    loaded.sources.setup = landing.files
    tools.channel.emit(ev.TaskLanded(task="setup", attempt=0, files=tuple(contents), changed=count))


def _read(stage: SafeRoot, files: Mapping[str, str]) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    total = 0
    for path in files:
        contents[path] = stage.read(path)
        total += len(contents[path])
        if len(contents) > MAX_FILES or total > MAX_BYTES:
            raise OssatureError(
                f"[build] setup created more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB",
                hint="leave out what belongs to an environment with [build] exclude",
            )
    return contents


def _restore(tools: Tools, site: Site, known: Landing) -> None:
    """Put back what was deleted: its bytes are known, so nothing has to run."""
    for path, digest in known.files.items():
        if path not in site.heads and tools.output_digest(path) is None:
            write_output(tools.output, path, tools.blobs.get(digest))


def _say(tools: Tools, text: str, about: list[str]) -> None:
    if about:
        tools.channel.emit(ev.Noticed(level="warning", text=text))
