"""What counts as the same content."""

from ossature.digest import canonical_json, digest_bytes, digest_json, digest_text, digest_tree, short


def test_digest_is_sha256_in_lower_case():
    assert digest_bytes(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest_text("ä") == digest_bytes("ä".encode())


def test_lone_surrogates_are_told_apart():
    assert len({digest_text(text) for text in ("\ud800", "\ud801", "?", "")}) == 4


def test_json_has_one_spelling():
    assert canonical_json({"b": [1, "ä"], "a": None}) == '{"a":null,"b":[1,"\\u00e4"]}'
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1})
    assert digest_json([1, 2]) != digest_json([2, 1])


def test_tree_does_not_depend_on_the_order_of_its_files():
    assert digest_tree({"a": "1", "b": "2"}) == digest_tree({"b": "2", "a": "1"})
    assert digest_tree({"a": "1", "b": "2"}) != digest_tree({"a": "2", "b": "1"})


def test_short_is_twelve_digits():
    assert short(digest_bytes(b"")) == "e3b0c44298fc"
