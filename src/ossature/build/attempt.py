"""The model calls of one task, numbered, and what each leaves in the stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from ossature.build.diffing import unified
from ossature.build.order import Order
from ossature.build.prompting import Failure, fix_prompt, implement_prompt, previous_files, previous_text
from ossature.build.tools import Tools
from ossature.build.verdict import Verdict
from ossature.build.verifying import Verifying
from ossature.digest import digest_bytes, digest_json
from ossature.domain import event as ev
from ossature.llm.caller import Exchange
from ossature.llm.client import Request
from ossature.llm.prompt import Prompt, load_template
from ossature.llm.reply import Blocks, Refusal, missing_outputs, parse_blocks
from ossature.store.ledger import Landing
from ossature.store.safe_root import SafeRoot
from ossature.store.tasklog import AttemptLog, open_attempt

_NOT_ITS_FAULT = frozenset({"ok", "flaky", "command_not_found", "environment", "cancelled"})
"""Verdicts after which the reply is as good as it was, whatever kept it from landing."""


class ReplyFailure(Exception):
    """A reply that could not be used, nor the one after the model was told why."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.hint = hint


class Attempts:
    """Everything that is tried on one task in one run."""

    def __init__(self, tools: Tools, order: Order) -> None:
        self._tools = tools
        self._order = order
        self._task = order.task
        self._lineage = order.lineage
        self._material = order.material
        self._verifying = Verifying(tools, order)
        self._exchange: Exchange | None = None
        self._log: AttemptLog | None = None
        self._shown: dict[str, bytes] = {}
        """Earlier versions of the outputs that a prompt showed; an edit may start from them."""
        self._history: list[str] = []
        self._verdicts: list[tuple[Exchange, str]] = []
        """Not written down before the task has come to an end: a reply without a verdict is taken up by the
        next run, so one that is killed or stopped on the way pays for nothing twice."""
        self._model = ""
        self._copies: dict[str, str] = {}
        """Project-relative name of a copy that a question shows -> the output that it is of."""
        self.number = order.tried
        """Of the latest attempt; counts every model call of the task in this run."""
        self.staged: dict[str, str] = {}
        """Output path -> digest of what is in the stage."""
        self.by_hand: dict[str, bytes | None] = {}
        """Path in which a person had a hand -> what a model wrote there before; None where none did."""
        self.is_generated = False
        """A model wrote the outputs in this run."""
        self.changed: dict[str, bytes | None] = {}
        """What the files were that the latest attempt changed."""
        self.refusals = ""
        """Hunks that a person refused or spoke of, with their words: the next prompts name them."""
        self._of_person: set[str] = set()
        self._taken_back: set[str] = set()
        """Outputs that lack what a person refused, for a model to write them anew."""

    @property
    def has_stage(self) -> bool:
        """Something was generated that can be edited and verified."""
        return bool(self.staged)

    async def implement(self, previous: Landing | None, *, feedback: str, model: str) -> None:
        """Ask for all outputs and stage them. Raises ReplyFailure, ModelError."""
        self.staged.clear()
        self.by_hand.clear()
        self._of_person.clear()
        self._taken_back.clear()
        self._history.clear()
        self._model = model
        shown = previous if self._tools.page.shows_previous else None
        self._shown = previous_files(shown, self._task, self._tools.blobs) if shown else {}
        prompt = implement_prompt(
            self._task,
            self._material,
            self._tools.page,
            previous=self._previous_text(previous),
            feedback=feedback,
            refused=self.refusals,
        )
        await self._call("implement", prompt, self._inputs(feedback=feedback))
        self.is_generated = True

    async def fix(self, verdict: Verdict, *, feedback: str, role: ev.Role = "fix") -> None:
        """Ask for a repair of what is staged. Raises ReplyFailure, ModelError."""
        files = {path: self._tools.workspace.read(path) for path in self.staged}
        failure = Failure(
            command=verdict.command,
            exit_text=_exit_text(verdict, self._timeout_s),
            output=verdict.excerpt,
            history="\n".join(self._history),
            files={path: content.decode("utf-8", "replace") for path, content in files.items()},
        )
        inputs = self._inputs(feedback=feedback)
        inputs["verify command"] = digest_json(verdict.command)
        inputs |= {f"staged {path}": digest for path, digest in self.staged.items()}
        prompt = fix_prompt(
            self._task,
            self._material,
            self._tools.page,
            failure,
            feedback=feedback,
            refused=self.refusals,
        )
        await self._call(role, prompt, inputs)

    def edit(self, path: str, content: str | bytes) -> None:
        """Put a person's version of an output into the stage, as an attempt of its own."""
        self.put({path: content.encode("utf-8") if isinstance(content, str) else content})

    def put(self, files: Mapping[str, bytes | None], *, is_kept: bool = True) -> None:
        """Put what a person made of outputs into the stage, as an attempt of its own; None: no such file.

        With `is_kept`, it is what they want; else what they refused is taken out, and a model goes on from
        there.
        """
        before = {path: self._read_or_none(path) for path in files}
        for path, content in before.items():
            if path not in self.by_hand and not is_kept:
                self._taken_back.add(path)
            self.by_hand.setdefault(path, content)
        self._stage({path: content for path, content in files.items() if content is not None})
        for path in [path for path, content in files.items() if content is None]:
            self._tools.workspace.remove(path)
            self.staged.pop(path, None)
        self._of_person.update(files)
        self.number += 1
        self._exchange = None
        self._log = self._open_log("edit")
        difference = self._note_changes(self._log, before, files)
        if is_kept:
            self._taken_back.difference_update(files)
            self._history.append(difference)

    def digests(self) -> dict[str, str]:
        """Output path -> digest, as a verify left what was staged."""
        files = self.collect()[1]
        return {path: digest_bytes(files[path]) for path in self.staged if path in files}

    def show_staged(self) -> dict[str, str]:
        """Copy what is staged into the attempt's folder, where people can look at it whatever runs next.

        Returns project-relative name -> digest.
        """
        files = {path: content for path, content in self.collect()[1].items() if path in self.staged}
        if not files:
            return {}
        folder = self._current_log().folder / "staged"
        root = SafeRoot(folder, syncs=False)
        shown: dict[str, str] = {}
        for path, content in files.items():
            root.write(path, content)
            name = self._tools.project.relative(folder / path)
            self._copies[name] = path
            shown[name] = digest_bytes(content)
        return shown

    def shown_path(self, name: str) -> str | None:
        """The output that *name*, of an output or of a copy of one, stands for; None for any other."""
        return name if name in self.staged else self._copies.get(name)

    def move(self, tools: Tools) -> None:
        """Go on in another slot."""
        self._tools = tools
        self._verifying = Verifying(tools, self._order)

    def is_of_person(self, path: str) -> bool:
        """A person's version is in the stage, and no fixer has changed it since."""
        return path in self._of_person

    def start_verify(self, files: Mapping[str, bytes]) -> None:
        """Stage what landed before, to be verified again without a model."""
        self._stage(files)

    async def verify(self) -> Verdict:
        """Run the task's commands in the stage."""
        verdict = await self._verifying.run(self.number, self._current_log())
        if self._exchange is not None:
            self._verdicts.append((self._exchange, verdict.name))
        return verdict

    def note_known_red(self) -> None:
        """The latest reply made a stage that was red before: it is not verified, and counts as failed."""
        if self._exchange is not None:
            self._verdicts.append((self._exchange, "failed"))

    def collect(self) -> tuple[list[str], dict[str, bytes]]:
        """Outputs that the verify took away, and the bytes of those and of byproducts that are there."""
        missing: list[str] = []
        files: dict[str, bytes] = {}
        for path in self._task.written:
            content = self._read_or_none(path)
            if content is not None:
                files[path] = content
            elif path in self._task.outputs:
                missing.append(path)
        return missing, files

    def settle(self, landing: Landing | None) -> None:
        """Note on each attempt what came of it, now that the task has ended. Raises DiskError."""
        for exchange, verdict in self._verdicts:
            if verdict in _NOT_ITS_FAULT and landing is None:
                # Left without a verdict, the reply is taken up by the next build instead of paid for again.
                continue
            is_landed = landing is not None and exchange is self._exchange
            self._tools.caller.mark(
                exchange, verdict, landing=asdict(landing) if landing and is_landed else None
            )
        self._verdicts.clear()

    async def _call(self, role: ev.Role, prompt: Prompt, inputs: dict[str, str]) -> None:
        reason = ""
        for _ in range(2):
            exchange = await self._ask(role, prompt, inputs)
            accepted = self._accept(exchange)
            if isinstance(accepted, Blocks):
                self._apply(exchange, accepted)
                return
            reason = accepted.reason
            self._verdicts.append((exchange, "refused"))
            self._tools.channel.emit(
                ev.ReplyRefused(
                    role=role,
                    spec=self._task.spec,
                    task=self._task.id,
                    attempt=self.number,
                    reason=reason,
                )
            )
            template = load_template("repair_blocks", self._tools.page.prompts_dir)
            again = template.render({"reason": reason, "reply": self._tools.redact(exchange.text)})
            prompt = Prompt(prompt.system, f"{prompt.prompt}\n\n{again.prompt}")
            inputs = {**inputs, "refused reply": digest_bytes(exchange.text.encode("utf-8", "replace"))}
        raise ReplyFailure(
            f"the reply of {role} could not be used: {reason}",
            "retry with a word to the model, or another model",
        )

    async def _ask(self, role: ev.Role, prompt: Prompt, inputs: dict[str, str]) -> Exchange:
        self.number += 1
        settings = self._tools.project.settings
        request = Request(
            role=role,
            spec=self._task.spec,
            task=self._task.id,
            lineage=self._lineage,
            attempt=self.number,
            model=self._model_for(role),
            system=prompt.system,
            prompt=prompt.prompt,
            max_output_tokens=settings.max_output_tokens,
            inputs=inputs,
            timeout_s=settings.model_timeout_s,
        )
        self._exchange = await self._tools.caller.ask(
            request, takes_up=self._order.takes_up, within_run=self._order.is_continued
        )
        self._log = self._exchange.log
        return self._exchange

    def _accept(self, exchange: Exchange) -> Blocks | Refusal:
        if exchange.finish == "length":
            limit = self._tools.project.settings.max_output_tokens
            return Refusal(f"the reply was cut off at {limit} output tokens; answer with less")
        blocks = parse_blocks(exchange.text, declared=self._task.outputs, current=self._current)
        if isinstance(blocks, Refusal):
            return blocks
        secret = self._secret(blocks)
        if secret:
            return Refusal(secret)
        there = {path for path in self._task.outputs if self._read_or_none(path) is not None}
        missing = [path for path in missing_outputs(blocks, self._task.outputs) if path not in there]
        if missing:
            return Refusal(f"these outputs are missing from the reply: {', '.join(missing)}")
        return blocks

    def _secret(self, blocks: Blocks) -> str:
        """Why a file cannot be kept as the model wrote it: a key would be stored, or the file be changed."""
        for path, text in blocks.files.items():
            found = self._tools.caller.redactor.find(text, known=self._current(path) or "")
            if found:
                line = text.count("\n", 0, found.start) + 1
                return (
                    f"`{path}` holds {found.name} in line {line}. A file must not hold a key: read it from"
                    " the environment, or write a placeholder that does not look like one."
                )
        return ""

    def _apply(self, exchange: Exchange, blocks: Blocks) -> None:
        files = {path: text.encode("utf-8", "replace") for path, text in blocks.files.items()}
        before = {path: self._read_or_none(path) or self._shown.get(path) for path in files}
        self._stage(files)
        self._of_person.difference_update(files)
        for path in self._taken_back.intersection(files):
            self.by_hand.pop(path, None)
        self._taken_back.difference_update(files)
        self._history.append(self._note_changes(exchange.log, before, files))

    def _note_changes(
        self, log: AttemptLog, before: Mapping[str, bytes | None], files: Mapping[str, bytes | None]
    ) -> str:
        """Write down and say what the attempt changed; returns it as a diff."""
        self.changed = dict(before)
        difference = unified(before, files)
        log.write_changes(difference)
        self._tools.channel.emit(
            ev.FilesStaged(
                task=self._task.id,
                attempt=self.number,
                files=tuple(files),
                folder=self._tools.project.relative(log.folder),
            )
        )
        return difference

    def _stage(self, files: Mapping[str, bytes]) -> None:
        self._tools.workspace.write(files)
        self.staged |= {path: digest_bytes(content) for path, content in files.items()}

    def _current(self, path: str) -> str | None:
        content = self._read_or_none(path)
        if content is None:
            content = self._shown.get(path)
        return None if content is None else content.decode("utf-8", "replace")

    def _read_or_none(self, path: str) -> bytes | None:
        workspace = self._tools.workspace
        return workspace.read(path) if workspace.exists(path) else None

    def _inputs(self, *, feedback: str) -> dict[str, str]:
        inputs = {
            leaf: digest for leaf, digest in self._material.leaves.items() if not leaf.startswith("template ")
        }
        inputs["verify commands"] = self._material.verify_leaves["verify commands"]
        if feedback:
            inputs["feedback"] = digest_json(feedback)
        if self.refusals:
            inputs["refused hunks"] = digest_json(self.refusals)
        return inputs

    def _previous_text(self, previous: Landing | None) -> str:
        """The task's own files as they landed before, so that a small change stays small."""
        if previous is None or not self._shown:
            return ""
        return previous_text(self._shown, self._tools.leaf_texts(previous), self._material)

    def _model_for(self, role: ev.Role) -> str:
        """A person's choice for this try, else the plan's, else the settings'; a stronger one is its own."""
        configured = self._tools.project.settings.model_for(role)
        return configured if role == "fix_escalation" else self._model or self._task.model or configured

    @property
    def _timeout_s(self) -> float:
        return self._task.timeout_s or self._tools.project.settings.verify_timeout_s

    def _current_log(self) -> AttemptLog:
        if self._log is None:
            self._log = self._open_log("verify")
        return self._log

    def _open_log(self, kind: str) -> AttemptLog:
        return open_attempt(
            self._tools.project.tasks_dir,
            self._lineage,
            self._tools.run,
            self.number,
            kind,
            redact=self._tools.redact,
        )


def _exit_text(verdict: Verdict, timeout_s: float) -> str:
    match verdict.name:
        case "timed_out":
            return f"it was still running after {timeout_s:g} s, its time limit, and was ended"
        case _ if verdict.exit_status is not None and verdict.exit_status < 0:
            return f"it was ended by signal {-verdict.exit_status}"
        case _:
            return f"exit status {verdict.exit_status}"
