"""Reads what a finished command means from its exit status and its output."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ossature.build.command import HEAD_BYTES, TAIL_BYTES, Finished
from ossature.digest import digest_json
from ossature.domain.event import VerdictName

SUMMARY_CHARS = 200
EXCERPT_BYTES = 16 * 1024
LINE_CHARS = 2000
"""Longer lines are cut in an excerpt, and searched no further."""
CONTEXT_LINES = 3
"""Kept around a line that reports an error."""
_MARK_BYTES = 48
"""Set aside for each mark of what was left out."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one verify command."""

    name: VerdictName
    exit_status: int | None
    command: str
    summary: str = ""
    """What is wrong in one line of at most 200 characters, no control character among them; empty when ok."""
    fingerprint: str = ""
    """Digest of the normalised output: the same failure twice has the same one. Empty when ok."""
    excerpt: str = ""
    """What a fixer may see of the normalised output. Empty when ok."""
    missing: Missing | None = None
    """What a task writes that this one does not wait for, where the output reports that as missing."""
    runs: int = 1

    @property
    def is_green(self) -> bool:
        """What was verified may land."""
        return self.name in ("ok", "flaky")

    @classmethod
    def green(cls) -> Verdict:
        """The verdict on no command at all."""
        return cls("ok", None, "")


class Missing(NamedTuple):
    """A path that the output reports as missing, and the task that would have made it."""

    path: str
    task: str


def judge(
    command: str,
    finished: Finished,
    *,
    on_path: Callable[[str], bool],
    stage_files: Collection[str] = (),
    stage_root: str = "",
) -> Verdict:
    """Name the outcome. `command_not_found` is only what no fixer of the files could mend.

    That is: exit 127, and the shell that we started names a bare word of *command* that neither *on_path*
    nor the stage knows. Any other 127 comes from within a script or program, and is `failed`.
    """
    if finished.exit_status == 0 and not finished.is_timed_out:
        return Verdict("ok", 0, command)
    shown = finished.with_text(lambda text: normalise(text, stage_root=stage_root, names=finished.names))
    output = shown.head + shown.tail
    telling, seen = telling_line(output), output
    name: VerdictName = "failed"
    if finished.is_timed_out:
        # How far a command got before its time was up differs from run to run, so only one line is compared.
        name, seen = "timed_out", telling
        how = f"no output for {finished.idle_s:g} s" if finished.idle_s else ""
        summary = how or f"still running after {finished.seconds:.0f} s"
        summary += f": {telling}" if telling else ""
    elif finished.exit_status is None:
        name, summary = "environment", finished.note or "the command did not end, not even when killed"
    elif tool := _missing_tool(command, finished, output, on_path=on_path, stage_files=stage_files):
        name, summary = "command_not_found", f"{tool}: command not found"
    else:
        summary = telling or _silent(finished.exit_status)
    fingerprint = digest_json([name, finished.exit_status, command, seen])
    return Verdict(
        name,
        finished.exit_status,
        command,
        _one_line(summary),
        fingerprint,
        excerpt(shown.head, shown.tail, finished.total_bytes),
    )


def telling_line(output: str) -> str:
    """The line that says best what is wrong: an error, a failed test, a place in a file, or the last one."""
    best, best_rank = "", len(_TELLING)
    for line in _lines(output):
        if not line.strip():
            continue
        rank = next((n for n, pattern in enumerate(_TELLING) if pattern.search(line)), len(_TELLING))
        if rank < best_rank or rank == len(_TELLING) == best_rank:
            best, best_rank = line, rank
    return _one_line(re.sub(r"^E\s+", "", best))


def normalise(text: str, *, stage_root: str, names: Mapping[str, str] | None = None) -> str:
    """*text* as it would be in any stage, at any speed: the same failure reads the same.

    The stage becomes `.`, other folders what *names* says, durations `…s`, addresses `0x…`, process ids and
    random names of temporary files `…`; terminal sequences go, and all lines end with a newline character.
    """
    text = re.sub(r"\r\n?", "\n", _SEQUENCE.sub("", text))
    text = _CONTROL.sub("", text)
    for folder, name in {stage_root: ".", **(names or {})}.items():
        if folder:
            text = re.sub(re.escape(folder.rstrip("/")) + r"(?![\w.-])", name, text)
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return text


def excerpt(head: str, tail: str, total_bytes: int, *, limit_bytes: int = EXCERPT_BYTES) -> str:
    """At most *limit_bytes* of UTF-8: how the output begins and ends, and what is around its errors.

    `total_bytes` is what the command wrote; what of it is in neither head nor tail is named as left out.
    """
    lost = total_bytes - HEAD_BYTES - TAIL_BYTES
    mark = f"… {lost} bytes left out …"
    split = [*_split(head), mark, *_split(tail)] if lost > 0 else _split(head + tail)
    lines = [_clip(line) for line in split]
    if _cost(lines, range(len(lines))) <= limit_bytes:
        return "\n".join(lines)
    return _with_marks(lines, _chosen(lines, limit_bytes))


def missing_path_hint(
    output: str, produced_by: Mapping[str, str], *, dependencies: Collection[str]
) -> Missing | None:
    """The first path or module reported as missing that a task outside of *dependencies* produces.

    `produced_by` maps an output to the id of the task that writes it; `dependencies` are the task's own id
    and everything it waits for. Paths in *output* are relative to the stage (`normalise`).
    """
    others = {path: task for path, task in produced_by.items() if task not in dependencies}
    if not others:
        return None
    for wanted in _missing(output):
        path = _first_match(wanted, others)
        if path is not None:
            return Missing(path, others[path])
    return None


def _missing_tool(
    command: str,
    finished: Finished,
    output: str,
    *,
    on_path: Callable[[str], bool],
    stage_files: Collection[str],
) -> str:
    """The tool that this machine lacks, so that the command can never pass; empty when it is not that."""
    tool = _unheard_of(output) if finished.exit_status == 127 else ""
    if not tool or on_path(tool) or tool in stage_files:
        return ""
    is_word = re.search(rf"(?<![\w./-]){re.escape(tool)}(?![\w./-])", command)
    return tool if is_word else ""


_NOT_FOUND = re.compile(
    r"^(?:/bin/)?(?:sh|dash|bash|ash|ksh|zsh):(?: line)?(?: ?\d+:)? "
    r"(?:command not found: (?P<zsh>[^\s/:]+)|(?P<tool>[^\s/:]+): (?:command )?not found)"
)
"""dash `sh: 1: x: not found`, bash `sh: line 1: x: command not found`, zsh `zsh:1: command not found: x`."""


def _unheard_of(output: str) -> str:
    """The bare name in the shell's last "not found"; empty when it names a path, or says no such thing."""
    found = [match for line in _lines(output) if (match := _NOT_FOUND.match(line))]
    return str(found[-1]["tool"] or found[-1]["zsh"]) if found else ""


_TELLING: Sequence[re.Pattern[str]] = (
    re.compile(
        r"^[\w.]*(?:Error|Exception|Failure|Exit)\b(?::|$)"  # the end of a Python traceback
        r"|^E\s{2,}\S|^E\s+\w+Error|\berror(?:\[\w+\])?:|\bfatal:|\bpanic(?:ked at|:)|\bError: "
        r"|Assertion.*failed|^Segmentation fault|\bundefined reference\b"
    ),
    re.compile(r"^(?:FAILED|FAIL|ERROR)\b|^\s*--- FAIL|^not ok\b|^\s*[✗✕×] |\bnot found$|^\*\*\* |\bERR!"),
    re.compile(r"^\S*[\w)]\.\w+:\d+(?::\d+)?:"),
)
"""Best first; the first line of the best kind wins."""

_LOST = re.compile(r"… \d+ bytes left out …")
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069"
    "\ud800-\udfff\ufeff\U000e0000-\U000e007f]"
)
_UNIT = r"\s?(?:ns|[µμ]s|us|ms|s|secs?|seconds?)\b"
_VOLATILE: Sequence[tuple[re.Pattern[str], str]] = (
    # Whole numbers of seconds are left alone unless the words around them say that they are a time taken.
    (re.compile(rf"(?<![\w.])(?:\d+m ?)?\d+\.\d+{_UNIT}"), "…s"),
    (re.compile(rf"\b([Ii]n|[Tt]ook|after) \d+{_UNIT}"), r"\1 …s"),
    (re.compile(r"\(\d+ ?m?s\)"), "(…s)"),
    (re.compile(r" \d+ ?ms$", re.MULTILINE), " …s"),
    (re.compile(r"\bduration_ms:? *[\d.]+"), "duration_ms …"),
    (re.compile(r"\b0x(?:0000)?[0-9a-fA-F]{9,12}\b"), "0x…"),
    (re.compile(r"\bat 0x[0-9a-fA-F]+\b"), "at 0x…"),
    (re.compile(r"\b((?:pid|PID|Pid)[ =:]{1,2})\d+\b"), r"\1…"),
    (re.compile(r"^==\d+==", re.MULTILINE), "==…=="),
    (re.compile(r"(thread '[^'\n]*') \(\d+\)"), r"\1 (…)"),
    (re.compile(r"/tmp(?:[a-z0-9_]{8}|\.[A-Za-z0-9]{6,10})(?![\w.])"), "/tmp…"),
)


def _silent(exit_status: int | None) -> str:
    if exit_status is not None and exit_status < 0:
        return f"ended by signal {-exit_status} without a word"
    return f"exit {exit_status} without a word"


def _one_line(text: str) -> str:
    plain = " ".join(_CONTROL.sub("", _SEQUENCE.sub("", text)).split())
    return plain if len(plain) <= SUMMARY_CHARS else plain[: SUMMARY_CHARS - 1] + "…"


def _lines(output: str) -> Iterable[str]:
    return (line[:LINE_CHARS] for line in output.split("\n"))


def _split(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _clip(line: str) -> str:
    if len(line) <= LINE_CHARS:
        return line
    half = LINE_CHARS // 2
    return f"{line[:half]} … {len(line) - 2 * half} characters left out … {line[-half:]}"


def _cost(lines: Sequence[str], indexes: Iterable[int]) -> int:
    return sum(_size(lines[index]) + 1 for index in indexes)


def _chosen(lines: Sequence[str], limit_bytes: int) -> set[int]:
    """A quarter from the front, a quarter around errors, and the rest from the end, where the outcome is."""
    chosen = {index for index, line in enumerate(lines) if _LOST.fullmatch(line)}
    # Lost bytes are shown between two marks; between front and end there is one.
    budget = limit_bytes - _cost(lines, chosen) - 2 * _MARK_BYTES
    share = budget // 4
    front = _take(lines, range(len(lines)), share)
    errors = _around_errors(lines, share)
    budget -= _cost(lines, front | errors) + _MARK_BYTES * _runs(errors)
    return chosen | front | errors | _take(lines, range(len(lines) - 1, -1, -1), budget)


def _take(lines: Sequence[str], indexes: Iterable[int], budget: int) -> set[int]:
    """Indexes in the order given while their lines fit into *budget* bytes."""
    taken: set[int] = set()
    for index in indexes:
        budget -= _size(lines[index]) + 1
        if budget < 0:
            break
        taken.add(index)
    return taken


def _around_errors(lines: Sequence[str], budget: int) -> set[int]:
    """Lines that report an error with their neighbours, first ones first."""
    chosen: set[int] = set()
    for index, line in enumerate(lines):
        if not any(pattern.search(line) for pattern in _TELLING[:2]):
            continue
        window = (
            set(range(max(0, index - CONTEXT_LINES), min(len(lines), index + CONTEXT_LINES + 1))) - chosen
        )
        budget -= _cost(lines, window) + _MARK_BYTES
        if budget < 0:
            break
        chosen |= window
    return chosen


def _runs(indexes: set[int]) -> int:
    """How many stretches without a hole there are."""
    return sum(1 for index in indexes if index - 1 not in indexes)


def _with_marks(lines: Sequence[str], chosen: set[int]) -> str:
    shown: list[str] = []
    skipped = 0
    for index in range(len(lines) + 1):
        if index < len(lines) and index not in chosen:
            skipped += 1
            continue
        if skipped:
            shown.append(f"… {skipped} {'line' if skipped == 1 else 'lines'} left out …")
            skipped = 0
        if index < len(lines):
            shown.append(lines[index])
    return "\n".join(shown)


_SCRIPT_ENDS = ("", ".js", ".ts", ".mjs", ".cjs", ".jsx", ".tsx", ".json", "/index.js", "/index.ts")
_REPORTS: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], Sequence[str]]]] = (
    (re.compile(r"No such file or directory: b?['\"]([^'\"]+)['\"]"), lambda m: [m[1]]),
    (re.compile(r"(?<![^\s:'\"`])([^\s:'\"`]+)['\"`]?: No such file or directory"), lambda m: [m[1]]),
    (re.compile(r"ENOENT: no such file or directory, \w+ '([^']+)'"), lambda m: [m[1]]),
    (re.compile(r"(?<![^\s:])([^\s:'\"]+): not found"), lambda m: [m[1]] if "/" in m[1] else []),
    (
        re.compile(r"(?:can't|cannot|couldn't|unable to) (?:open|read|find|load)(?: file)? ['\"`]([^'\"`]+)"),
        lambda m: [m[1]],
    ),
    (re.compile(r"No module named '?([\w.]+\w)"), lambda m: _python_paths(m[1])),
    (re.compile(r"cannot import name '(\w+)' from '([\w.]+)'"), lambda m: _python_paths(f"{m[2]}.{m[1]}")),
    (re.compile(r"Cannot find module '([^']+)'"), lambda m: _script_paths(m[1])),
    (re.compile(r"file not found for module `(\w+)`"), lambda m: [f"{m[1]}.rs", f"{m[1]}/mod.rs"]),
    (re.compile(r"no module named '(\w+)' available"), lambda m: [f"{m[1]}.zig"]),
    (re.compile(r"module '([\w.]+)' not found"), lambda m: _lua_paths(m[1])),
    (
        re.compile(r"package ([\w./-]+) is not in |no required module provides package ([\w./-]+)"),
        lambda m: _go_dirs(m[1] or m[2]),
    ),
)
"""What reports something missing -> paths that it may mean, likeliest first; a folder ends with `/`."""


def _missing(output: str) -> Iterable[Sequence[str]]:
    for line in _lines(output):
        for pattern, paths_of in _REPORTS:
            for match in pattern.finditer(line):
                yield paths_of(match)


def _python_paths(module: str) -> list[str]:
    path = module.replace(".", "/")
    return [f"{path}.py", f"{path}/__init__.py", f"{path}/"]


def _script_paths(name: str) -> list[str]:
    """A bare name is a package of somebody else's."""
    return [name + end for end in _SCRIPT_ENDS] if name.startswith((".", "/")) else []


def _lua_paths(module: str) -> list[str]:
    path = module.replace(".", "/")
    return [f"{path}.lua", f"{path}/init.lua"]


def _go_dirs(package: str) -> list[str]:
    """An import path begins with the name of the module, which is no folder."""
    parts = package.split("/")
    return ["/".join(parts[start:]) + "/" for start in range(len(parts))]


def _first_match(wanted: Sequence[str], paths: Iterable[str]) -> str | None:
    """The shortest of *paths* that a candidate means: the same, or the same from some folder on."""
    known = sorted(paths, key=lambda path: (len(path), path))
    for candidate in wanted:
        name = re.sub(r"^(?:\.{1,2}/)+", "", candidate)
        if not name.strip("./"):
            continue
        for path in known:
            if _means(name, path):
                return path
    return None


def _means(name: str, path: str) -> bool:
    if name.endswith("/"):
        return f"/{name}" in f"/{path}"
    if name.startswith("/"):
        return name.endswith(f"/{path}")
    return f"/{path}".endswith(f"/{name}")
