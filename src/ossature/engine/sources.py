"""Read a project's specs, plan and ledger into what status, previews and builds go by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ossature.analysis.texts import stored_interfaces
from ossature.build.material import Sources
from ossature.build.staleness import heads, lineages, match_landings
from ossature.digest import digest_json
from ossature.domain.hazards import find_hazards
from ossature.domain.plain_text import hidden_in_line
from ossature.domain.plan import Graph, Plan, graph_of
from ossature.domain.spec import SpecTree
from ossature.errors import Diagnostic, OssatureError, Place, PlanError, UnsafePath
from ossature.llm.prompt import override_digest
from ossature.project import Project
from ossature.settings import CONFIG_NAME, Settings
from ossature.spec.plan_check import check_plan
from ossature.spec.refs import Refs
from ossature.spec.tree import load_specs, with_strict
from ossature.store.ledger import Landing, Ledger
from ossature.store.plan_reading import read_plan
from ossature.store.safe_root import SafeRoot

PLAN_NAME = ".ossature/plan.toml"
ORIGIN = "origin."
"""Lineage prefix of files that were in the output folder before any task wrote them."""

SETUP = "setup."
"""Lineage of what `[build] setup` made."""
PlanStamp = tuple[int, int, int, int] | None


@dataclass
class Loaded:
    """A project as it is on disk now."""

    project: Project
    tree: SpecTree
    plan: Plan
    graph: Graph
    ledger: Ledger
    output: SafeRoot
    sources: Sources
    lineages: Mapping[str, str]
    """Task id -> lineage."""
    diagnostics: tuple[Diagnostic, ...]
    """Of the plan, by itself and against the specs."""
    plan_stamp: PlanStamp = None
    """Of the plan's file when it was read."""
    leftovers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Output path -> digests of what tasks left there that write it no longer: no edits of a person."""
    _disk: dict[str, str | None] = field(default_factory=dict)

    @property
    def plan_errors(self) -> list[Diagnostic]:
        return [item for item in self.diagnostics if item.severity == "error"]

    def on_disk(self, path: str) -> str | None:
        """Digest of an output on disk; None where it is missing or no regular file within the folder."""
        if path not in self._disk:
            self._note(path, digest_or_none(self.output, path))
        return self._disk[path]

    def read_disk(self) -> None:
        """Look at all that has landed at once, which is faster than file by file."""
        paths = {path for landing in self.sources.landings.values() for path in landing.files}
        for path, digest in self.output.digests(paths).items():
            self._note(path, digest)

    def _note(self, path: str, digest: str | None) -> None:
        self._disk[path] = None if digest in self.leftovers.get(path, ()) else digest


def plan_stamp(project: Project) -> PlanStamp:
    """What differs when the plan's file was written or replaced; None where there is none."""
    try:
        found = project.plan_path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def load_tree(project: Project) -> SpecTree:
    """The specs, with warnings as errors where the project wants that."""
    tree = load_specs(project.root, project.settings.spec_dir)
    return with_strict(tree) if project.settings.is_strict else tree


def load(
    project: Project,
    *,
    ledger: Ledger | None = None,
    tree: SpecTree | None = None,
    plan: Plan | None = None,
) -> Loaded:
    """Read everything but what is given. Raises PlanError where there is no plan or where it is no TOML."""
    tree = tree or load_tree(project)
    stamp = plan_stamp(project)
    plan = plan or read_plan(project.plan_path, name=PLAN_NAME)
    graph = graph_of(plan)
    ledger = ledger or Ledger(project.ledger_path)
    output = SafeRoot(project.output_root)
    landings = match_landings(plan, ledger.landings)
    refs = Refs(tree)
    sources = Sources(
        tree=tree,
        refs=refs,
        plan=plan,
        graph=graph,
        language=project.settings.language,
        framework=project.settings.framework,
        landings=landings,
        interfaces=stored_interfaces(project, tree, {landing.spec for landing in landings.values()}),
        contexts=_contexts(project, plan),
        origins=origins(ledger.landings),
        setup=_setup(project, ledger),
        isolation=project.settings.isolation,
        templates=_overrides(project),
        unowned_digest=lambda path: digest_or_none(output, path),
    )
    checks = check_plan(
        plan,
        tree,
        output_exists=lambda path: digest_or_none(output, path) is not None,
        context_exists=lambda path: path in sources.contexts,
        reserved=project.reserved,
        refs=refs,
    )
    return Loaded(
        project=project,
        tree=tree,
        plan=plan,
        graph=graph,
        ledger=ledger,
        output=output,
        sources=sources,
        lineages=lineages(plan, landings),
        diagnostics=(
            *plan.diagnostics,
            *checks,
            *_settings_errors(project),
            *_context_hazards(project, plan),
        ),
        plan_stamp=stamp,
        leftovers=_leftovers(sources, ledger.landings),
    )


def _leftovers(sources: Sources, landings: Mapping[str, Landing]) -> dict[str, frozenset[str]]:
    writes = {landing.lineage: sources.tasks[name].written for name, landing in sources.landings.items()}
    # Of several writers the disk shows the last: what an earlier one landed is no reason for bytes to stay.
    shown = heads(sources.writers, sources.landings)
    wanted = {(path, sources.landings[name].files[path]) for path, name in shown.items()}
    found: dict[str, set[str]] = {}
    for lineage, landing in landings.items():
        if lineage.startswith((ORIGIN, SETUP)):
            continue
        for path, digest in landing.files.items():
            if landing.is_by_hand(path):
                continue
            is_past = path in sources.writers and path not in writes.get(lineage, ())
            if is_past and (path, digest) not in wanted:
                found.setdefault(path, set()).add(digest)
    return {path: frozenset(digests) for path, digests in found.items()}


def origins(landings: Mapping[str, Landing]) -> dict[str, str]:
    """Output path -> digest of the file that was there before its first task."""
    found: dict[str, str] = {}
    for lineage, landing in landings.items():
        if lineage.startswith(ORIGIN):
            found |= landing.files
    return found


def _setup(project: Project, ledger: Ledger) -> Mapping[str, str]:
    """What the setup made, while the project has one; without one its files are nobody's."""
    landing = ledger.landings.get(SETUP)
    return landing.files if landing and project.settings.setup else {}


def is_set_up(loaded: Loaded) -> bool:
    """There is no setup, or what its commands created has landed."""
    settings = loaded.project.settings
    known = loaded.ledger.landings.get(SETUP)
    return not settings.setup or (known is not None and known.verify == setup_fingerprint(settings))


def setup_fingerprint(settings: Settings) -> str:
    """Of the commands alone: files of a person's that they read do not make them run again."""
    return digest_json(["setup", list(settings.setup)])


def refuse_errors(loaded: Loaded) -> None:
    """Raise PlanError with all errors of the plan, if it has any."""
    errors = loaded.plan_errors
    if errors:
        more = f"\n  … and {len(errors) - 20} more" if len(errors) > 20 else ""
        listed = "\n".join(f"  {item}" for item in errors[:20])
        raise PlanError(
            f"the plan has {len(errors)} error{'s' if len(errors) > 1 else ''}:\n{listed}{more}",
            hint=f"edit {PLAN_NAME}, or plan anew with `ossature audit --replan`",
        )


def _contexts(project: Project, plan: Plan) -> dict[str, str]:
    """Digests of the context files that tasks name and of those that copy tasks may take."""
    if not project.context_root.is_dir():
        return {}
    root = SafeRoot(project.context_root)
    named = {path for task in plan.tasks for path in task.context_files}
    if any(task.source for task in plan.tasks):
        named |= set(root.walk(exclude=lambda _rel, _is_dir: False))
    found: dict[str, str] = {}
    for path in sorted(named):
        digest = digest_or_none(root, path)
        if digest is not None:
            found[path] = digest
    return found


def _settings_errors(project: Project) -> list[Diagnostic]:
    """Commands of the config that do not show what they do."""
    settings = project.settings
    texts = [("[build] setup", one) for one in settings.setup]
    texts += [("[build] verify", one) for one in settings.verify]
    texts += [("[llm]", one) for one in (settings.model, *settings.models.values())]
    code, place, hint = "config-hidden-character", Place(CONFIG_NAME), "delete it"
    return [
        Diagnostic(code, "error", place, f"{key} holds the character {hidden}", hint)
        for key, text in texts
        if (hidden := hidden_in_line(text))
    ]


def _context_hazards(project: Project, plan: Plan) -> list[Diagnostic]:
    """Warnings about the context files that prompts show."""
    root = SafeRoot(project.context_root)
    found: list[Diagnostic] = []
    for path in sorted({path for task in plan.tasks for path in task.context_files}):
        try:
            text = root.read(path).decode("utf-8", "replace") if root.exists(path) else ""
        except OssatureError:
            continue
        found += find_hazards(text, f"{project.settings.context_dir}/{path}")
    return found


def _overrides(project: Project) -> dict[str, str]:
    folder = project.prompts_dir
    if not folder.is_dir():
        return {}
    digests = {name: override_digest(folder, name) for name in ("implement",)}
    return {name: digest for name, digest in digests.items() if digest}


def digest_or_none(root: SafeRoot, path: str) -> str | None:
    """Digest of a file below *root*; None where it is missing or no regular file within."""
    try:
        return root.digest(path)
    except UnsafePath:
        return None
