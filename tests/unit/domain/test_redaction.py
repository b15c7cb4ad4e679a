import base64
import json
import random
import re
import sysconfig
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from ossature.domain.redaction import MARK, Redactor, find_token, forms_of, secrets_in, without_tokens

VALUE = 'c4n"ary/to\\k+en=\u00e9 1'
PEM_BODY = "\n".join("MIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0g" for _ in range(6))
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{PEM_BODY}\n-----END RSA PRIVATE KEY-----"
TOKENS = {
    "openai": "sk-proj-" + "a1B2c3D4e5" * 4,
    "anthropic": "sk-ant-api03-" + "Zx9_" * 20,
    "github": "ghp_" + "a1B2c3D4e5F6" * 3,
    "github fine": "github_pat_" + "11AAAAAAA0" * 6,
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "google": "AIza" + "SyA-1234567_890abcdefghijklmnopqrst"[:35],
    "slack": "xoxb-123456789012-1234567890123-abcdefghijkl",
    "huggingface": "hf_" + "aBcD1eFgH2" * 4,
    "gitlab": "glpat-" + "abcdefghij1234567890",
    "npm": "npm_" + "a1b2c3d4e5f6" * 3,
    "pypi": "pypi-AgEIcHlwaS5vcmc" + "CJDY" * 20,
    "groq": "gsk_" + "a1B2c3D4e5" * 5,
    "xai": "xai-" + "a1B2c3D4e5" * 8,
    "jwt": ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in (
            b'{"alg":"HS256","typ":"JWT"}',
            b'{"sub":"1234567890"}',
            b"0123456789abcdef0123456789abcdef",
        )
    ),
    "private key": PEM,
    "url": "://user:p4ssw0rd-long@",
}


def spellings(value: str) -> dict[str, str]:
    """What a program may have made of *value*, built without the code under test."""
    raw = value.encode()
    coded = {
        f"base64 at {offset}": base64.b64encode(b"~" * offset + raw + b"!!!").decode() for offset in range(3)
    }
    url = {f"urlsafe {name}": text.replace("+", "-").replace("/", "_") for name, text in coded.items()}
    return {
        "raw": value,
        "json": json.dumps({"key": value}),
        "json utf-8": json.dumps(value, ensure_ascii=False),
        "python": repr(value),
        "url": quote(value, safe=""),
        "path": quote(value),
        "form": quote_plus(value),
        "lower url": re.sub("%..", lambda found: found[0].lower(), quote(value, safe="")),
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        **coded,
        **url,
    }


def is_clean(text: str, value: str) -> bool:
    return not any(form in text for form in forms_of(value))


@pytest.mark.parametrize("name", spellings(VALUE))
def test_a_known_value_is_found_in_every_spelling(name: str):
    text = f"before {spellings(VALUE)[name]} after"
    redacted = Redactor({"API_KEY": VALUE}).text(text)
    assert MARK in redacted and is_clean(redacted, VALUE)
    assert redacted.startswith("before ") and redacted.endswith(" after")
    assert Redactor({"API_KEY": VALUE}).content(text.encode()).decode() == redacted
    assert Redactor().text(text) == text, "the control: without the value nothing is found"


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_is_known_by_its_shape(name: str):
    token = TOKENS[name]
    for text in (f"it is {token}", f'"{token}",', f"KEY={token}\n", token):
        assert token not in without_tokens(text) and MARK in without_tokens(text)
        found = find_token(text)
        assert found is not None and token not in found.name
    assert find_token(f"{token} again {token}", known=token) is None


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn is task-oriented; risk-averse-and-quite-long-words-in-a-row",
        "asterisk-1234567890123456789012",
        "http://localhost:8080/user@host, ssh://git@example.com, http://user:password@example.com/",
        "eyJ is how JSON begins in base64",
        "ghp_short AKIA npm_config_registry npm_lifecycle_event_name_that_is_rather_long_x",
        "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----",
        "d41d8cd98f00b204e9800998ecf8427e",
    ],
)
def test_ordinary_text_stays(text: str):
    assert without_tokens(text) is text or without_tokens(text) == text


def test_the_standard_library_holds_no_key():
    """Eleven megabytes without a key: a false hit there would be one in every other project."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(folder.glob("*.py")) + sorted(folder.glob("[!s]*/**/*.py"))
    size, hits = 0, []
    for path in files:
        if size > 11_000_000:
            break
        text = path.read_bytes().decode("utf-8", "replace")
        size += len(text)
        if without_tokens(text) != text:
            hits.append(str(path))
    assert size > 5_000_000
    assert len(hits) <= 1, hits


def test_variables_that_hold_secrets_are_known_by_their_names():
    environ = {
        "OPENAI_API_KEY": "q8-Zt4pLw0",
        "my_token": "a passphrase of words",
        "DB_PASSWORD": "hunter2!",
        "CLIENT_SECRET": "x" * 30,
        "PATH": "/usr/bin:/bin",
        "SHORT_KEY": "1234567",
        "SSH_KEY_FILE": "id_ed25519-of-mine",
        "SIGNING_KEY": "/etc/keys/signing.pem",
        "APP_TOKEN": "development",
        "OTHER_TOKEN": "workspace-write",
        "TOKEN_URL": "https://example.com/token/v2",
        "KEY_DATE": "20260302",
        "EDITOR": "q8-Zt4pLw0-editor",
    }
    assert set(secrets_in(environ)) == {"OPENAI_API_KEY", "my_token", "DB_PASSWORD", "CLIENT_SECRET"}


def test_a_secret_of_several_lines_is_found_line_by_line():
    redactor = Redactor({"SIGNING_KEY": PEM})
    line = PEM.splitlines()[2]
    assert line not in redactor.text(f"x{line}y")
    assert line not in redactor.text(json.dumps(PEM))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_a_stream_hides_what_its_borders_cut(size: int):
    line = "some output, and more of it\n"
    text = line * 3 + "".join(f"key {value}\n{line}" for value in (VALUE, *TOKENS.values())) + VALUE
    content = text.encode()
    redactor = Redactor({"API_KEY": VALUE})
    kept: list[bytes] = []
    stream = redactor.stream(kept.append)
    for start in range(0, len(content), size):
        stream.add(content[start : start + size])
    stream.end()
    assert b"".join(kept) == redactor.content(content)
    assert is_clean(b"".join(kept).decode(), VALUE)
    assert b"".join(kept).decode().count(line) == text.count(line)


def test_a_stream_without_line_ends_stays_small_and_whole():
    redactor = Redactor({"API_KEY": VALUE})
    kept: list[bytes] = []
    stream = redactor.stream(kept.append)
    random.seed(7)
    sent = b""
    for _ in range(40):
        piece = ("é" * random.randrange(2000)).encode() + random.choice([VALUE, TOKENS["github"]]).encode()
        sent += piece
        stream.add(piece)
        assert len(sent) - sum(map(len, kept)) < 4 * redactor.overlap_bytes + 4000 + len(kept) * 100
    stream.end()
    text = b"".join(kept).decode()
    assert is_clean(text, VALUE) and TOKENS["github"] not in text
    assert text.count("é") == sent.decode().replace(VALUE, "").count("é")


def test_bytes_that_are_no_text_stay():
    content = bytes(range(256)) * 4 + b" sk- " + bytes(range(255, -1, -1))
    assert Redactor({"API_KEY": VALUE}).content(content) == content


def test_a_new_secret_is_told_from_one_that_was_there():
    redactor = Redactor({"API_KEY": VALUE})
    assert redactor.find(f"x = {VALUE!r}") is not None
    assert "API_KEY" in redactor.find(VALUE).name  # type: ignore[union-attr]
    assert redactor.find(VALUE, known=VALUE) is None
    assert redactor.find("nothing here") is None


@pytest.mark.parametrize(
    "text",
    [
        "sk-" * 100_000,
        "://" * 100_000,
        "-----BEGIN PRIVATE KEY-----" * 10_000,
        "eyJ" * 100_000,
        "://" + "a:" * 100_000,
        "xoxb-" * 60_000,
        "ghp_" * 60_000,
    ],
    ids=lambda text: text[:10],
)
def test_no_text_takes_long(text: str):
    """Quadratic work on these would run into the time limit of the test."""
    without_tokens(text * 3)
