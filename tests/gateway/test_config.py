"""Every mistake in the file: found before anything opens, named with its line and the next step."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliant.errors import ConfigError
from reliant.gateway.admit.keys import KeyRing, digest_of
from reliant.gateway.config import Config, parse_config, read_config
from reliant.gateway.names import check_names
from support.gateway_rig import knowledge

WHOLE = """[listen]
host = "127.0.0.1"
port = 8089
trusted_proxies = ["10.0.0.0/8"]
[limits]
body_s = 60.0
[place]
country = "US"
[policy]
profile = "strict"
on_unknown = { law = "block" }
dry_run = ["house"]
[signals]
tables_dated = "2026-11-01"
gateway_latitude = 47.5
gateway_longitude = 7.5
[audit]
retention_days = 30
[store]
url = "postgresql://u:pass-word@h/db"
[shared]
url_env = "REDIS"
[prices]
unknown = "warn"
usd_per_mtok = { input = 3.0, output = 15.0 }
[breaker]
failures = 5
[telemetry]
otlp_endpoint = "http://127.0.0.1:4318"
sample = 0.5
[[upstream]]
name = "mock"
provider = "openai"
base_url = "http://127.0.0.1:9009/v1"
api_key = "sk-upstream"
timeout_s = 4
headers = { "x-team" = "a" }
region = "eu"
price_usd_per_mtok = { input = 1.0, output = 2.0 }
[[tenant]]
name = "bank"
country = "DE"
sector = "private"
facts = { "owner.controlled_from" = "none" }
[[key]]
name = "test"
secret = "sk-test"
tenant = "bank"
endpoints = ["chat", "files"]
quota = { requests_per_minute = 5 }
[[route]]
model = "*"
upstreams = ["mock"]
independent_of = ["US"]
[[rule]]
id = "house"
summary = "No previews."
when = { provider = "openai", "server.region" = "eu", model = ["*-preview*"] }
since = 2026-12-01
"""
ENV = {"REDIS": "redis://127.0.0.1:6379/0"}


def line_of(text: str) -> int:
    return WHOLE[: WHOLE.index(text)].count("\n") + 1


def read(text: str, env: dict[str, str] | None = None) -> Config:
    """Read and look every name up, as `reliant gateway check` does."""
    from reliant.gateway.config import line_of, locate

    config = parse_config(text, Path("gateway.toml"), ENV if env is None else env)
    lines = locate(text)

    def line(table: str, at: int, key: str) -> int:
        return line_of(lines, (table, key) if at < 0 else (table, at, key))

    check_names(config, knowledge(), Path("gateway.toml"), line)
    return config


def test_a_file_with_every_table_is_read() -> None:
    read(WHOLE)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("port = 8089", "port = 80890", "more than 65535"),
        ("port = 8089", "prot = 8089", "unknown field `prot`"),
        ('trusted_proxies = ["10.0.0.0/8"]', 'trusted_proxies = ["10.0.0.1/8"]', "host bits"),
        ('trusted_proxies = ["10.0.0.0/8"]', 'trusted_proxies = ["0.0.0.0/0"]', "names everybody"),
        ('trusted_proxies = ["10.0.0.0/8"]', 'trusted_proxies = ["::/0"]', "names everybody"),
        ("body_s = 60.0", "body_s = nan", "not a number"),
        ("body_s = 60.0", "body_s = -1.0", "cannot be negative"),
        ('country = "US"', 'country = "XX"', "not a country code"),
        ('profile = "strict"', 'profile = "loose"', "Invalid enum value"),
        ('on_unknown = { law = "block" }', 'on_unknown = { laws = "block" }', "Invalid enum value 'laws'"),
        ('dry_run = ["house"]', 'dry_run = ["hause"]', "no rule has the id 'hause'"),
        ('tables_dated = "2026-11-01"', 'tables_dated = "november"', "is not a day"),
        ("gateway_latitude = 47.5", "gateway_latitude = 475", "more than 90"),
        ("retention_days = 30", 'retention_days = "30"', "retention_days: Expected `int | null`, got"),
        ('url = "postgresql://u:pass-word@h/db"', 'url = "mysql://u:pass-word@h/db"', "is no address"),
        ('url_env = "REDIS"', 'url_env = "RADIS"', "no RADIS"),
        ('url_env = "REDIS"', 'url_env = "redis://:pass-word@h"', "not how a variable of the environment"),
        ('api_key = "sk-upstream"', 'api_key_env = "sk-pass-word"', "not how a variable of the environment"),
        ("failures = 5", "failures = 0", "greater than 0"),
        ("sample = 0.5", "sample = 1.5", "more than 1"),
        ('otlp_endpoint = "http://127.0.0.1:4318"', 'otlp_endpoint = "collector"', "not an http"),
        ('provider = "openai"\nbase', 'provider = "opanai"\nbase', "no record has the id 'opanai'"),
        ('base_url = "http://127.0.0.1:9009/v1"', 'base_url = "http://127.0.0.1:99999/v1"', "not an http"),
        ('base_url = "http://127.0.0.1:9009/v1"', 'base_url = "https://u:pass-word@h/v1"', "holds a user"),
        ('api_key = "sk-upstream"', 'api_key = "sk-\\n"', "no header can"),
        ('api_key = "sk-upstream"', 'api_key = "sk-é"', "no header can"),
        ("timeout_s = 4", "timeout_s = 0", "greater than 0"),
        ('headers = { "x-team" = "a" }', 'headers = { "content-length" = "1" }', "cannot be sent"),
        ("price_usd_per_mtok = { input = 1.0, output = 2.0 }", "price_usd_per_mtok = { in = 1.0 }", "'in'"),
        (
            "price_usd_per_mtok = { input = 1.0, output = 2.0 }",
            "price_usd_per_mtok = { input = 1.0 }",
            "needs output too",
        ),
        (
            "price_usd_per_mtok = { input = 1.0, output = 2.0 }",
            "price_usd_per_mtok = { input = -1.0, output = 2.0 }",
            "-1.0 is no price",
        ),
        ('unknown = "warn"', 'unknown = "free"', "Invalid enum value 'free'"),
        (
            "usd_per_mtok = { input = 3.0, output = 15.0 }",
            "usd_per_mtok = { output = inf, input = 1.0 }",
            "inf is no price",
        ),
        ('sector = "private"', 'sector = "privat"', "'privat' is not known"),
        ('facts = { "owner.controlled_from" = "none" }', 'facts = { "owner.controled" = "none" }', "no fact"),
        (
            'facts = { "owner.controlled_from" = "none" }',
            'facts = { "use.commercial" = "yes" }',
            "neither true",
        ),
        ('secret = "sk-test"', 'secret = "sk-tést"', "no header can"),
        ('secret = "sk-test"', 'secret = "sk-test "', "no header can"),
        ('tenant = "bank"', 'tenant = "bunk"', "no tenant 'bunk'"),
        ('endpoints = ["chat", "files"]', 'endpoints = ["chats"]', "no endpoint 'chats'"),
        ("quota = { requests_per_minute = 5 }", "quota = { requests_per_minute = -5 }", "cannot be negative"),
        ('upstreams = ["mock"]', 'upstreams = ["mock", "mock"]', "stands twice"),
        ('independent_of = ["US"]', 'independent_of = ["OpenIA"]', "no country, developer or model"),
        ('when = { provider = "openai"', 'when = { providr = "openai"', "no fact 'providr'"),
        ('when = { provider = "openai"', 'when = { provider = "OpenAI"', "rules know 'OpenAI' as 'openai'"),
        ('"server.region" = "eu"', '"server.region" = "us"', "no upstream has the region 'us'"),
        ("since = 2026-12-01", "since = 2026-12-01\nuntil = 2026-11-01", "not after since"),
    ],
)
def test_a_mistake_has_a_line_and_a_next_step(old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)) as caught:
        read(WHOLE.replace(old, new))

    added = 1 if "\nuntil" in new else 0
    assert caught.value.line == line_of(old) + added
    assert caught.value.hint
    assert "pass-word" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[[key]]\nname = "test"\nsecret = "sk-other"\n', "two entries of [[key]]"),
        ('[[key]]\nname = "other"\nsecret = "sk-test"\n', "have the same secret"),
        ('[[route]]\nmodel = "*"\nupstreams = ["mock"]\n', "two entries of [[route]]"),
        ('[[key]]\nname = "a\\nb"\nsecret = "sk-other"\n', "not printable"),
        (
            '[[upstream]]\nname = "b"\nprovider = "aws-bedrock"\nbase_url = "https://h"\n'
            'api = "bedrock-converse"\n',
            "needs region",
        ),
        ("[audit]\n", "Cannot declare"),
        ("a = " + "[" * 5_000, "nested too deep"),
        ("port = 1" + "0" * 5_000, "integer string"),
    ],
)
def test_a_mistake_in_what_is_added_is_named_too(more: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)) as caught:
        read(WHOLE + more)

    assert caught.value.hint


@pytest.mark.parametrize("moment", ["2026-12-31", '"soon"', '"2026-12-31"'])
def test_a_day_where_a_moment_is_wanted_is_told_how_to_write_one(moment: str) -> None:
    with pytest.raises(ConfigError, match=r"expires: .*date") as caught:
        read(WHOLE.replace('secret = "sk-test"', f'secret = "sk-test"\nexpires = {moment}'))

    assert caught.value.line == line_of('secret = "sk-test"') + 1
    assert "2026-12-31T23:59:59Z" in caught.value.hint


def test_a_moment_without_a_zone_is_one_of_utc() -> None:
    text = WHOLE.replace('secret = "sk-test"', 'secret = "sk-test"\nexpires = 2026-12-31T12:00:00')
    key = read(text).key[0]

    ring = KeyRing(read(text))
    end = dt.datetime(2026, 12, 31, 12, tzinfo=dt.UTC).timestamp()
    digest = digest_of(b"sk-test")
    assert key.expires is not None
    assert (ring.find(digest, end - 1) is None, ring.find(digest, end) is None) == (False, True)


def test_a_file_of_an_editor_that_marks_its_encoding_is_read(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(WHOLE.replace("\n", "\r\n"), encoding="utf-8-sig", newline="")

    assert read_config(file, ENV) == read(WHOLE)


def test_a_store_whose_address_is_not_in_the_environment_is_no_store() -> None:
    """Without this the gateway would count for itself, and nobody would know."""
    with pytest.raises(ConfigError, match="no REDIS") as caught:
        read(WHOLE, {})
    with pytest.raises(ConfigError, match="an empty REDIS"):
        read(WHOLE, {"REDIS": ""})

    assert caught.value.line == line_of("url_env")


_LINES = WHOLE.splitlines()
_VALUES = st.sampled_from(
    [
        "1",
        "-1",
        "0",
        "true",
        "nan",
        "inf",
        "1e308",
        '""',
        '"x"',
        "[]",
        "{}",
        '["x"]',
        "[[]]",
        "2026-01-01",
        "[1",
        '"\\u0000"',
        "07:00:00",
    ]
)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(_LINES) - 1), st.sampled_from(["set", "drop", "twice", "swap"]), _VALUES
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_wrong_is_a_named_mistake(changes: list[tuple[int, str, str]]) -> None:
    lines = list(_LINES)
    for at, how, value in changes:
        if how == "set" and "=" in lines[at]:
            lines[at] = lines[at].partition("=")[0] + "= " + value
        elif how == "drop":
            lines[at] = ""
        elif how == "twice":
            lines.insert(at, lines[at])
        else:
            lines[at], lines[-1] = lines[-1], lines[at]
    text = "\n".join(lines) + "\n"
    error = mistake(text)
    if error is None:
        tomllib.loads(text)
    else:
        assert error.hint
        assert error.line > 0 or "there is no [[" in error.problem or "missing" in error.problem


def mistake(text: str) -> ConfigError | None:
    try:
        read(text)
    except ConfigError as error:
        return error
    return None


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_config(text, Path("gateway.toml"), {})
