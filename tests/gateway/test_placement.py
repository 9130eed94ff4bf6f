"""The decision table row by row, the classes of networks, and what is remembered of a place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.gateway.admit.placement import Placer, Table
from reliant.gateway.config import Config, parse_config
from reliant.gateway.signals import Evidence, Seen, Signal, load_signals
from reliant.gateway.signals.language import Language
from reliant.gateway.signals.travel import Travel
from support.gateway_provider import providers
from support.gateway_rig import REST, config, gateway, post


def read(policy: str = "", signals: str = "") -> Config:
    text = f"[policy]\n{policy}\n[signals]\n{signals}\n{REST}"
    return parse_config(text, Path("g.toml"), {})


def decided(
    found: Mapping[str, str], declared: str | None = "US", policy: str = "", signals: str = ""
) -> tuple[tuple[str | None, ...], str, str]:
    """Return the places, what follows from the table alone, and the number of the row."""
    evidence = {name: Evidence(name, value, "t") for name, value in found.items()}
    places, action, row = Table(read(policy, signals)).place(declared, evidence)
    return places, action, row.split()[0]


VPN = {"address.country": "CN", "address.network": "vpn"}
FAST = {"address.country": "US", "latency": "impossible"}
FAR = {"address.country": "CN", "travel": "impossible"}
OTHER = {"address.country": "CN", "address.network": "unlisted"}
BLOCK = 'place_conflict = "block"'


@pytest.mark.parametrize(
    ("found", "policy", "wanted"),
    [
        ({"address.country": "private", "address.network": "vpn"}, "", (("US",), "allow", "1")),
        ({**VPN, "address.network": "relay", "travel": "impossible"}, BLOCK, (("US",), "allow", "2")),
        (VPN, "", (("US",), "warn", "3")),
        (VPN, 'hidden_network = "allow"', (("US",), "allow", "3")),
        (VPN, 'hidden_network = "block"', (("US",), "block", "3")),
        ({**FAST, "travel": "impossible"}, BLOCK, (("US",), "block", "4")),
        (FAST, "", (("US",), "warn", "4")),
        (FAST, 'place_conflict = "warn"', (("US",), "warn", "4")),
        ({**FAR, "address.network": "hosting"}, BLOCK, (("US", "CN"), "block", "5")),
        ({**OTHER, "address.network": "hosting"}, BLOCK, (("US",), "allow", "6")),
        ({"address.network": "unlisted"}, "", (("US",), "allow", "7")),
        ({"address.country": "US"}, "", (("US",), "allow", "9")),
        ({"address.country": "US", "travel": "impossible"}, "", (("US",), "warn", "9")),
        (OTHER, "", (("US", "CN"), "allow", "10")),
        (FAR, "", (("US", "CN"), "allow", "10")),
        (OTHER, 'place_conflict = "warn"', (("US",), "warn", "10")),
        (OTHER, BLOCK, (("US",), "block", "10")),
    ],
)
def test_every_row_of_the_table_says_what_its_page_says(
    found: dict[str, str], policy: str, wanted: tuple[tuple[str, ...], str, str]
) -> None:
    assert decided(found, policy=policy) == wanted


def test_where_nothing_is_declared_the_address_is_taken(tmp_path: Path) -> None:
    assert decided(OTHER, declared=None) == (("CN",), "allow", "8")
    assert decided(OTHER, declared=None, policy=BLOCK) == (("CN",), "allow", "8")


@pytest.mark.parametrize("choice", ["allow", "warn", "block"])
def test_an_address_in_no_table_means_something_only_where_there_is_a_table(
    tmp_path: Path, choice: str
) -> None:
    (tmp_path / "c.csv").write_text("8.8.8.0,8.8.8.255,US\n")
    policy, table = f'unknown_network = "{choice}"', f'country_csv = ["{tmp_path / "c.csv"}"]'

    assert decided({}, policy=policy, signals=table) == (("US",), choice, "7")
    assert decided({}, policy=policy) == (("US",), "allow", "7")


_FOUND = st.fixed_dictionaries(
    {},
    optional={
        "address.country": st.sampled_from(["private", "US", "CN"]),
        "address.network": st.sampled_from(["relay", "vpn", "hosting", "unlisted"]),
        "latency": st.just("impossible"),
        "travel": st.just("impossible"),
        "language.region": st.sampled_from(["FR", "CN"]),
    },
)


@given(_FOUND, st.sampled_from([None, "US"]), st.sampled_from(["both", "warn", "block"]))
def test_a_hint_of_language_changes_nothing_and_no_place_is_made_up(
    found: dict[str, str], declared: str | None, conflict: str
) -> None:
    policy = f'place_conflict = "{conflict}"'
    without = {name: value for name, value in found.items() if name != "language.region"}

    places, action, row = decided(found, declared, policy)

    assert (places, action, row) == decided(without, declared, policy)
    assert set(places) <= {declared, found.get("address.country")} - {"private"}


def test_an_address_in_several_lists_is_a_relay_before_a_vpn_before_hosting(tmp_path: Path) -> None:
    lists = {"relay": "9.1.0.0/16\n", "vpn": "9.1.0.0/16\n9.2.0.0/16\n", "hosting": "9.0.0.0/8\n"}
    for name, networks in lists.items():
        (tmp_path / name).write_text(networks)
    signals = "\n".join(f'{name}_cidr = ["{tmp_path / name}"]' for name in lists)
    (network,) = load_signals(read(signals=signals + '\ntables_dated = "2026-11-01"'))

    def told(address: str) -> list[Evidence]:
        return network.look(seen(address))

    found = [told(one)[0].value for one in ("9.1.0.1", "9.2.0.1", "9.3.0.1", "8.8.8.8")]
    assert found == ["relay", "vpn", "hosting", "unlisted"]
    assert told("9.2.0.1")[0].said_by == "vpn of 2026-11-01"
    assert told("10.0.0.1") == []


def seen(address: str, **more: object) -> Seen:
    values: dict[str, object] = {
        "address": address,
        "declared": "US",
        "key": "k",
        "now": 0.0,
        "headers": {},
        "direct": True,
        "rtt_ms": None,
        "found": {},
        **more,
    }
    return Seen(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "declared", "found"),
    [
        (b"fr-FR,fr;q=0.9", "US", ["FR"]),
        (b"en-US", "US", []),
        (b"zh-Hans-CN", "US", []),
        (b"fr", "US", []),
        (b"fr-FR", None, []),
        (b"", "US", []),
        (b"\xff-FR" * 500, "US", []),
    ],
)
def test_the_language_is_a_hint_where_its_region_is_another(
    header: bytes, declared: str | None, found: list[str]
) -> None:
    told = Language().look(seen("8.8.8.8", declared=declared, headers={b"accept-language": header}))

    assert [one.value for one in told] == found
    assert all(one.name == "language.region" for one in told)


@pytest.mark.parametrize("network", ["hosting", "vpn", "relay"])
def test_nobody_travels_through_a_network_that_is_no_place(network: str) -> None:
    travel = Travel({"US": (39.8, -98.6), "CN": (35.0, 103.8)})

    def at(country: str, address: str, kind: str) -> list[Evidence]:
        found = {
            "address.country": Evidence("address.country", country, "t"),
            "address.network": Evidence("address.network", kind, "t"),
        }
        return travel.look(seen(address, found=found))

    assert at("US", "8.8.8.8", "unlisted") == []
    assert at("CN", "1.2.4.8", network) == []
    assert at("US", "8.8.8.9", "unlisted") == [], "the one between was nowhere"
    assert [one.value for one in at("CN", "1.2.4.8", "unlisted")] == ["impossible"]


class Counting:
    """A signal that counts how often it looks."""

    id = "counting"
    order = 1

    def __init__(self) -> None:
        self.count = 0

    def look(self, _seen: Seen) -> list[Evidence]:
        self.count += 1
        return [Evidence("address.country", "US", f"look {self.count}")]


def test_a_place_is_looked_up_once_a_minute_for_each_key_address_and_language() -> None:
    signal = Counting()
    signals: list[Signal] = [signal]
    placer = Placer(read(), signals)

    def place(*, now: float, key: str = "k", address: str = "8.8.8.8", language: bytes = b"en") -> None:
        placer.place(
            address=address,
            declared="US",
            key=key,
            now=now,
            headers={b"accept-language": language},
            direct=True,
            rtt=None,
        )

    counts = []
    place(now=0.0)
    place(now=59.0)
    counts.append(signal.count)
    place(now=61.0)
    counts.append(signal.count)
    place(now=62.0, key="other")
    place(now=62.0, address="8.8.4.4")
    place(now=62.0, language=b"fr-FR")
    counts.append(signal.count)

    assert counts == [1, 2, 5]


def test_what_was_seen_and_the_row_are_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("8.8.8.0,8.8.8.255,US\n")
    text = (
        '[listen]\ntrusted_proxies = ["127.0.0.1"]\n'
        f'[signals]\ncountry_csv = ["{tmp_path / "c.csv"}"]\ntables_dated = "2026-11-01"\n'
    )
    with providers("mock") as (mock,), gateway(tmp_path, text + config(mock)) as running:
        for address, language in (("8.8.8.8", "en-US"), ("8.8.8.8", "fr-FR"), ("9.9.9.9", "en-US")):
            headers = {
                "authorization": "Bearer sk-test",
                "x-forwarded-for": address,
                "accept-language": language,
            }
            body = {"model": "gpt-4o", "messages": []}
            post(f"{running.url}/v1/chat/completions", json=body, headers=headers)
        plain, french, unlisted = (one["evidence"] for one in running.decisions())

    country = "address.country=US (c.csv of 2026-11-01: registrant, not geolocation)"
    assert plain == [country, "9 address and declaration agree"]
    assert french == [
        country,
        "language.region=FR (accept-language, a weak hint)",
        "9 address and declaration agree",
    ]
    assert unlisted == ["7 the address is in no table"]
