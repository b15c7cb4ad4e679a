"""What is kept of a landing, and which blobs that is."""

from ossature.build.evidence import read_node, texts_of
from ossature.digest import canonical_json
from ossature.engine.references import reach
from ossature.store.blobs import Blobs
from ossature.store.ledger import Landing


def keep(blobs: Blobs, value: object) -> str:
    return blobs.put(canonical_json(value).encode())


def landing(texts: str, **more: dict[str, str]) -> Landing:
    return Landing("a-1234", "001", "LIB", "A", ("a.txt",), "", "", texts=texts, **more)


def test_node_is_the_files_of_a_task_and_what_lies_below(tmp_path):
    blobs = Blobs(tmp_path)
    low = keep(blobs, [[["a.txt", "1" * 64]], []])
    top = keep(blobs, [[["b.txt", "2" * 64]], [low]])
    root = keep(blobs, [top, low])
    with_setup = keep(blobs, [root, [["setup.txt", "3" * 64]]])
    assert read_node(top, blobs) == ([("b.txt", "2" * 64)], [low])
    assert read_node(root, blobs) == ([], [top, low])
    assert read_node(with_setup, blobs) == ([("setup.txt", "3" * 64)], [root])


def test_gc_keeps_what_why_needs(tmp_path):
    blobs = Blobs(tmp_path)
    low = keep(blobs, [[["a.txt", "1" * 64]], []])
    top = keep(blobs, [[["b.txt", "2" * 64]], [low]])
    texts = keep(blobs, [top])
    other = keep(blobs, ["of nobody"])
    assert reach([texts], {low, top, texts, other}, tmp_path) == {texts, top, low}


def test_what_is_not_kept_is_not_known(tmp_path):
    blobs = Blobs(tmp_path)
    for content in (b"[", b"\xff", b"[" * 100_000):
        assert read_node(blobs.put(content), blobs) is None
    assert read_node(blobs.put(b'[1, "x", ["tree"], {}]'), blobs) == ([], [])
    assert read_node("0" * 64, blobs) is None
    assert texts_of(landing("0" * 64), blobs) == {}
    assert texts_of(landing(blobs.put(b"3")), blobs) == {}
