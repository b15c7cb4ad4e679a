import re
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossature.errors import OssatureError
from ossature.llm.prompt import (
    TEMPLATE_NAMES,
    Template,
    block,
    estimate_tokens,
    fence,
    join_parts,
    load_template,
    override_digest,
    templates_digest,
)

PLACEHOLDERS = {
    "audit": "project spec_id spec_text architecture_text upstream",
    "cross_audit": "project specs",
    "brief_project": "project specs findings",
    "brief_spec": "project spec_id spec_text architecture_text",
    "interface": "spec_id spec_text language sources",
    "plan": "project language framework brief spec_id spec_text architecture_text upstream_interfaces "
    "planned findings",
    "implement": "project language framework brief interfaces specification architecture files context "
    "task_title task_description notes outputs verify previous feedback refused",
    "fix": "project language framework brief interfaces specification architecture files context "
    "task_title task_description notes outputs verify command output exit history feedback refused",
    "spec_fix": "project upstream files finding refused feedback",
    "repair_json": "error reply",
    "repair_blocks": "reason reply",
}


def template(text, name="t"):
    return Template(name, text, "prompts/t.md")


def rendered(user, **values):
    return template(f"system\n---user---\n{user}").render(values).prompt


@pytest.mark.parametrize("name", TEMPLATE_NAMES)
def test_template_asks_for_what_its_callers_give(name):
    assert load_template(name, None).placeholders == set(PLACEHOLDERS[name].split())


def test_every_template_of_the_package_is_listed():
    folder = resources.files("ossature.llm").joinpath("prompts")
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.md" for name in TEMPLATE_NAMES]


@pytest.mark.parametrize("name", TEMPLATE_NAMES)
@pytest.mark.parametrize("filled", [True, False])
def test_rendered_prompt_is_tidy(name, filled):
    found = load_template(name, None)
    values = {key: f"value of {key}" if filled else "" for key in found.placeholders}
    # A task always has outputs, a fix always has files.
    values |= {"outputs": "value of outputs"} | ({"files": "value of files"} if name == "fix" else {})
    prompt = found.render(values)
    for text in (prompt.system, prompt.prompt):
        assert "{{" not in text and "---user---" not in text
        assert "\n\n\n" not in text
    assert prompt.system and prompt.prompt.endswith("\n")
    if filled:
        assert all(f"value of {key}" in prompt.system + prompt.prompt for key in found.placeholders)


def test_implement_and_fix_share_the_part_that_providers_cache():
    values = {
        key: f"value of {key}" for key in set(PLACEHOLDERS["implement"].split() + PLACEHOLDERS["fix"].split())
    }
    implement = load_template("implement", None).render(values)
    fix = load_template("fix", None).render({**values, "files": "other"})
    assert implement.system == fix.system
    assert "value of interfaces" in fix.system and "value of brief" in fix.system
    shared = implement.prompt[: implement.prompt.index("value of context")]
    assert fix.prompt.startswith(shared)


def test_task_prompts_hold_the_verify_commands_and_the_specification():
    values = {key: f"value of {key}" for key in PLACEHOLDERS["fix"].split()}
    prompt = load_template("fix", None).render(values).prompt
    for name in ("verify", "specification", "command", "output", "exit", "history"):
        assert f"value of {name}" in prompt


def test_value_is_not_searched_for_placeholders():
    assert rendered("{{a}} {{b}}", a="{{b}} {{x}} {{#a}}", b="B") == "{{b}} {{x}} {{#a}} B\n"


@given(st.text(), st.text())
def test_values_stand_as_they_are(first, second):
    text = rendered("<{{a}}|{{b}}>", a=first, b=second)
    assert text == f"<{first.strip(chr(10))}|{second.strip(chr(10))}>\n"


def test_unknown_placeholder_is_named_with_its_line():
    with pytest.raises(OssatureError) as caught:
        rendered("one\ntwo {{nope}}", a="1")
    assert str(caught.value) == "prompts/t.md:4: unknown placeholder {{nope}}"
    assert caught.value.hint == "this template knows: a"


def test_unknown_placeholder_in_a_hidden_section_is_named_too():
    with pytest.raises(OssatureError, match="nope"):
        rendered("{{#a}}{{nope}}{{/a}}", a="")


def test_section_shows_only_with_a_value():
    text = "head\n\n{{#a}}\nA is:\n\n{{a}}\n{{/a}}\n\ntail"
    assert rendered(text, a="x") == "head\n\nA is:\n\nx\n\ntail\n"
    assert rendered(text, a=" \n") == "head\n\ntail\n"
    assert rendered("one{{#a}}, {{a}}{{/a}}.", a="") == "one.\n"
    assert rendered("one{{#a}}, {{a}}{{/a}}\nend", a="x") == "one, x\nend\n"


def test_block_shows_only_with_a_value():
    assert rendered("a\n\n{{block b}}\n\nc", b="text\n") == "a\n\n<b>\ntext\n</b>\n\nc\n"
    assert rendered("a\n\n{{block b}}\n\nc", b="") == "a\n\nc\n"
    assert rendered("a\n{{block b}}\nc", b="") == "a\nc\n"


@pytest.mark.parametrize("text", ["{{#a}}x", "x{{/a}}", "{{#a}}{{#b}}{{/b}}{{/a}}", "{{#a}}{{/b}}"])
def test_unbalanced_section_is_refused_with_its_line(text):
    with pytest.raises(OssatureError, match=r"t\.md:3: .* has no counterpart"):
        rendered(text, a="1", b="2")


@pytest.mark.parametrize("text", ["no line at all", "inline ---user--- mark", ""])
def test_template_without_the_user_line_is_refused(text):
    with pytest.raises(OssatureError, match="---user---"):
        template(text).render({})


def test_own_template_wins_and_has_a_digest(tmp_path):
    assert override_digest(tmp_path, "audit") == ""
    before = templates_digest(tmp_path)
    (tmp_path / "audit.md").write_bytes(b"\xef\xbb\xbfMine {{project}}\r\n---user---\r\nGo")
    own = load_template("audit", tmp_path)
    assert own.render({"project": "P"}).system == "Mine P"
    assert own.place == f"{tmp_path.name}/audit.md"
    assert override_digest(tmp_path, "audit") != ""
    assert override_digest(tmp_path, "plan") == ""
    assert templates_digest(tmp_path) != before == templates_digest(None)


def test_own_template_that_is_not_utf8_is_named_with_its_line(tmp_path):
    (tmp_path / "audit.md").write_bytes(b"one\ntwo \xff")
    with pytest.raises(OssatureError, match=r"audit\.md:2: .*UTF-8"):
        load_template("audit", tmp_path)


def test_parts_are_delimited_and_empty_ones_left_out():
    text = join_parts([('specification name="A"', "one\n"), ("empty", " \n"), ("brief", "two")])
    assert text == '<specification name="A">\none\n</specification>\n\n<brief>\ntwo\n</brief>'


@given(st.lists(st.sampled_from(["</a>", "</a-2>", "</A >", "<a>", "</a", "x", "\n", "</a-3"])).map("".join))
def test_content_cannot_close_its_block(content):
    text = block('a name="n"', content)
    found = re.match(r"<([a-z0-9-]+) name=\"n\">\n", text)
    closing = f"</{found[1]}"
    assert text.lower().count(closing) == 1
    assert text.endswith(f"\n{closing}>")


def test_file_looks_like_the_block_of_a_reply():
    assert fence("a/b.py", "x = 1\n") == '<file path="a/b.py">\nx = 1\n</file>'
    assert fence("a.md", "</file>\n").startswith('<file-2 path="a.md">')


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_tokens_are_estimated_by_length(text, tokens):
    assert estimate_tokens(text) == tokens
