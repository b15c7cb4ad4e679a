import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.store.checked_lines import LINE_OVERHEAD, decode_line, encode_line, good_lines

PAYLOADS = st.lists(
    st.binary(min_size=1, max_size=60).filter(lambda payload: b"\n" not in payload), max_size=12
)


def test_a_line_is_checksum_space_payload():
    assert encode_line(b'{"a":1}') == b'561bacaf {"a":1}\n'
    assert len(encode_line(b"x")) == 1 + LINE_OVERHEAD


def test_what_is_no_line_decodes_to_nothing():
    good = encode_line(b"[1]")[:-1]
    assert decode_line(good) == b"[1]"
    for bad in (b"", b"[1]", b"00000000 ", b"00000000", good[:-1], good.replace(b" ", b"-"), b" " + good):
        assert decode_line(bad) is None


@settings(deadline=None)
@given(PAYLOADS)
def test_lines_come_back(payloads: list[bytes]):
    content = b"".join(map(encode_line, payloads))
    assert good_lines(content) == (payloads, len(content))


@settings(deadline=None)
@given(PAYLOADS, st.data())
def test_a_cut_anywhere_keeps_exactly_the_whole_lines(payloads: list[bytes], data: st.DataObject):
    content = b"".join(map(encode_line, payloads))
    cut = data.draw(st.integers(0, len(content)))
    kept, length = good_lines(content[:cut])
    assert kept == payloads[: len(kept)]
    assert length == sum(len(payload) + LINE_OVERHEAD for payload in kept) <= cut
    assert len(kept) == content[:cut].count(b"\n")


def test_no_flipped_bit_is_believed():
    random_source = random.Random(7)
    payloads = [b'{"seq":%d,"text":"%b"}' % (n, b"abc" * random_source.randrange(9)) for n in range(30)]
    content = b"".join(map(encode_line, payloads))
    for _ in range(5_000):
        position = random_source.randrange(len(content))
        flipped = bytearray(content)
        flipped[position] ^= 1 << random_source.randrange(8)
        kept, length = good_lines(bytes(flipped))
        assert kept == payloads[: len(kept)]
        assert length <= position


def test_nothing_after_a_damaged_line_is_believed():
    lines = [encode_line(b"%d" % number) for number in range(5)]
    lines[2] = b"x" + lines[2]
    assert good_lines(b"".join(lines)).payloads == [b"0", b"1"]
