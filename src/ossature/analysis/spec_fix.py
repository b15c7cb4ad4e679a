"""Ask for an edit of the specs that settles one finding, and check that they can still be read with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ossature.analysis.desk import Desk, Inquiry, Repair
from ossature.analysis.texts import interface_of_architecture, spec_inputs, tree_inputs, upstream_text
from ossature.digest import digest_bytes, digest_json
from ossature.domain.finding import Finding
from ossature.domain.spec import SpecTree
from ossature.errors import Diagnostic
from ossature.llm.caller import Exchange
from ossature.llm.prompt import join_parts
from ossature.llm.reply import Blocks, Refusal, parse_blocks
from ossature.spec.tree import build_tree
from ossature.store.disk import read_bytes

_MAX_ERRORS = 5


@dataclass(frozen=True, slots=True)
class Word:
    """What a person said of an earlier proposal."""

    feedback: str = ""
    refused: str = ""
    """The earlier proposal and what was said of its parts, for the model."""
    model: str = ""


@dataclass(frozen=True, slots=True)
class SpecEdit:
    """Files as they are and as they are proposed to be."""

    before: Mapping[str, bytes]
    """Path -> content, of the files that the edit changes."""
    after: Mapping[str, bytes]
    notes: str = ""
    """What the model says that it decided."""
    exchange: Exchange | None = field(default=None, repr=False)


def editable(tree: SpecTree, finding: Finding) -> tuple[str, ...]:
    """Files that an edit for *finding* may change: of its spec, or of all where it names none."""
    names = [finding.spec] if finding.spec in tree.specs else list(tree.specs)
    return tuple(
        path
        for name in names
        for path in (tree.specs[name].path, *(file.path for file in tree.architectures.get(name, ())))
    )


async def propose_edit(desk: Desk, tree: SpecTree, finding: Finding, word: Word) -> SpecEdit:
    """What a model proposes; the specs have no new errors with it. Raises ModelError, OssatureError."""
    all_files = read_files(desk, tree)
    paths = editable(tree, finding)
    files = {path: all_files[path] for path in paths}

    def parse(text: str) -> SpecEdit | Refusal:
        blocks = parse_blocks(text, declared=paths, current=lambda path: _text(files.get(path)))
        if isinstance(blocks, Refusal):
            return blocks
        return _checked(blocks, files, all_files)

    inquiry = _inquiry(desk, tree, finding, word, files)
    edit, exchange = await desk.ask_parsed(inquiry, parse, repair=Repair("repair_blocks", "reason"))
    return SpecEdit(edit.before, edit.after, edit.notes, exchange)


def read_files(desk: Desk, tree: SpecTree) -> dict[str, bytes]:
    """Path -> content of every file of the specs, as it is on disk. Raises DiskError."""
    paths = [spec.path for spec in tree.specs.values()]
    paths += [file.path for files in tree.architectures.values() for file in files]
    return {path: read_bytes(desk.project.root / path) for path in paths}


def new_errors(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[Diagnostic]:
    """Errors that the specs have with *after* in place of some of *before*, and did not have."""
    known = {_said(item) for item in build_tree(before).diagnostics}
    found = build_tree({**before, **after}).diagnostics
    return [item for item in found if item.severity == "error" and _said(item) not in known]


def _inquiry(desk: Desk, tree: SpecTree, finding: Finding, word: Word, files: Mapping[str, bytes]) -> Inquiry:
    is_one = finding.spec in tree.specs
    interfaces = {spec: interface_of_architecture(tree, spec) for spec in tree.specs}
    said = (
        ("severity", finding.severity),
        ("place", finding.place),
        ("issue", finding.issue),
        ("suggestion", finding.suggestion),
    )
    values = {
        "project": desk.project.settings.name,
        "upstream": upstream_text(tree, finding.spec, interfaces) if is_one else "",
        "files": join_parts([(f'file path="{path}"', _text(text) or "") for path, text in files.items()]),
        "finding": "\n".join(f"{name}: {text}" for name, text in said if text),
        "refused": word.refused,
        "feedback": word.feedback,
    }
    inputs = spec_inputs(tree, finding.spec) if is_one else tree_inputs(tree)
    inputs |= {f"file {path}": digest_bytes(content) for path, content in files.items()}
    inputs["finding"] = digest_json([text for _, text in said])
    if word.feedback or word.refused:
        inputs["word"] = digest_json([word.feedback, word.refused])
    return Inquiry("spec_fix", finding.spec, "spec_fix", values, inputs, word.model)


def _checked(
    blocks: Blocks, files: Mapping[str, bytes], all_files: Mapping[str, bytes]
) -> SpecEdit | Refusal:
    after = {path: _like(text, files[path]) for path, text in blocks.files.items()}
    after = {path: content for path, content in after.items() if content != files[path]}
    if not after:
        return Refusal("The edit changes nothing.")
    errors = new_errors(all_files, after)
    if errors:
        listed = "\n".join(str(item) for item in errors[:_MAX_ERRORS])
        return Refusal(f"With this edit the specification has errors that it did not have:\n{listed}")
    return SpecEdit({path: files[path] for path in after}, after, blocks.notes)


def _like(text: str, before: bytes) -> bytes:
    """*text* with the line ends of *before*, and with its end: what was not edited stays to the byte."""
    if b"\r\n" in before and "\r\n" not in text:
        text = text.replace("\n", "\r\n")
    content = text.encode("utf-8", "replace")
    end = before[len(before.rstrip(b"\r\n")) :]
    return content.rstrip(b"\r\n") + end


def _said(item: Diagnostic) -> tuple[str, str, str]:
    """A problem wherever it is in its file: a line that is added above makes no new one."""
    return (item.code, item.place.path, item.message)


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "replace")
