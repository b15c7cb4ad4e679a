"""A file's change in hunks: any of them can be left out, and nothing else of the file moves."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from ossature.domain.decision import Approve, Mark, Question
from ossature.domain.hunks import FileChange, lines_of, split
from ossature.domain.redaction import Redactor
from ossature.domain.review import change_of, fits, kept, numbered, proposal_of, summary, told

_LINE = st.sampled_from(["a", "b", "  a", "", "}", "def f():", "\r", "é", "\x0c"])
_TEXT = st.builds(
    lambda lines, ended: ("\n".join(lines) + ("\n" if ended and lines else "")).encode(),
    st.lists(_LINE, max_size=30),
    st.booleans(),
)
_FILE = st.none() | _TEXT | st.sampled_from([b"", b"\xff\n\xfe", b"x\0y\n", b"one\r\ntwo\r\n"])


@given(_FILE, _FILE)
@example(None, b"")
@example(b"", None)
@example(b"a", b"a\nb")
@example(b"a\nb", b"a\nb\n")
def test_all_hunks_give_the_file_after_and_none_the_file_before(before, after):
    change = split(before, after)
    everything = {hunk.digest for hunk in change.hunks}
    assert change.without(()) == after
    assert change.without(everything) == before
    assert len(everything) == len(change.hunks)
    assert bool(everything) == (before != after)


@given(_FILE, _FILE, st.integers(min_value=0))
def test_any_hunks_can_be_left_out_and_the_rest_stays_where_it_is(before, after, chosen):
    change = split(before, after)
    refused = {hunk.digest for place, hunk in enumerate(change.hunks) if chosen >> place & 1}
    left = change.without(refused)
    if before is None or after is None:
        assert left is None or isinstance(left, bytes)
        return
    # The same lines by another way: from the end, so that numbers before it stay right.
    lines = lines_of(before)
    for hunk in reversed(change.hunks):
        assert tuple(lines[hunk.span.start : hunk.span.end]) == hunk.before
        if hunk.digest not in refused:
            lines[hunk.span.start : hunk.span.end] = hunk.after
    assert left == b"".join(lines)
    # What is left can be reviewed again against either side.
    assert split(before, left).without(()) == left
    assert change_of(proposal_of("f", before, after), before, after) == change


def test_digest_of_a_hunk_names_this_very_change():
    one, two = split(b"a\nb\nc\n", b"A\nb\nC\n").hunks
    (other,) = split(b"a\nb\n", b"A\nb\n").hunks
    assert len({one.digest, two.digest, other.digest}) == 3


def test_new_file_is_reviewed_block_by_block():
    blocks = [f"def f{n}():\n" + "    pass\n" * 4 + "\n\n" for n in range(4)]
    change = split(None, "".join(blocks).encode())
    assert [b"".join(hunk.after).decode() for hunk in change.hunks] == blocks
    assert change.without({change.hunks[1].digest}) == "".join([blocks[0], *blocks[2:]]).encode()


def test_changes_that_only_a_brace_keeps_apart_are_one():
    assert len(split(b"a\n}\nb\n", b"A\n}\nB\n").hunks) == 1
    assert len(split(b"a\nx\nb\n", b"A\nx\nB\n").hunks) == 2


def test_binary_files_and_files_that_go_are_one_hunk():
    for before, after in ((b"a\0\nb\nc\n", b"A\0\nb\nC\n"), (b"a\nb\n", None), (b"a\n" * 210_000, b"b\na\n")):
        assert len(split(before, after).hunks) == 1


def _changes() -> dict[str, FileChange]:
    return {"a.py": split(b"one\ntwo\nthree\n", b"1\ntwo\n3\n"), "b.py": split(None, b"new\n")}


def test_model_is_told_of_what_was_refused_and_of_words_on_what_was_not():
    changes = _changes()
    (first, last), (new,) = changes["a.py"].hunks, changes["b.py"].hunks
    marks = [
        Mark(path="a.py", hunk=last.digest, words="spell\nit out"),
        Mark(path="b.py", hunk=new.digest, words="good", is_refused=False),
        Mark(path="a.py", hunk=first.digest, words=" ", is_refused=False),
    ]
    assert told(changes, marks, Redactor()) == (
        "a.py, line 3, refused: spell it out\n-three\n+3\n\nb.py, line 1, kept: good\n+new"
    )
    assert kept(changes, marks) == {"a.py": b"1\ntwo\nthree\n"}
    assert summary(marks, 3) == "2 of 3 hunks kept"


def test_model_is_told_of_hunks_without_the_keys_in_them():
    token = "sk-ant-api03-" + "Ab1" * 32
    body = [f"{n}{'MIIEvQ' * 10}" for n in range(3)]
    pem = "\n".join(["-----BEGIN PRIVATE KEY-----", *body, "-----END PRIVATE KEY-----"])
    before = f"one\ntoken = '{token}'\ntwo\nthree\n{pem}\nlast"
    # Of the second key a hunk shows one line, which has the shape of nothing.
    after = before.replace(token, "none").replace(body[1], "changed").replace("last", "word-of-mine")
    change = split(before.encode(), after.encode())
    marks = [Mark(path="f", hunk=hunk.digest, words=f"not {token}") for hunk in change.hunks]
    text = told({"f": change}, marks, Redactor({"MINE": "word-of-mine"}))
    assert text == (
        "f, line 2, refused: not [redacted]\n-token = '[redacted]'\n+token = 'none'\n\n"
        "f, line 7, refused: not [redacted]\n-[redacted]\n+[redacted]\n\n"
        "f, line 10, refused: not [redacted]\n-last\n+[redacted]"
    )


def test_marks_fit_only_the_question_that_showed_their_hunks():
    change = split(b"a\n", b"b\n")
    proposal = proposal_of("f", b"a\n", b"b\n")
    assert [hunk.digest for hunk in numbered([proposal])] == [change.hunks[0].digest]
    question = Question(id="q", gate="fix", subject="?", verbs=("approve",), proposals=(proposal,))
    for path, hunk, is_right in (("f", change.hunks[0].digest, True), ("f", "0", False), ("g", "0", False)):
        said = Approve(question_id="q", by="a", marks=(Mark(path=path, hunk=hunk),))
        assert fits(said, question) is is_right
    assert fits(Approve(question_id="q", by="a"), question)
