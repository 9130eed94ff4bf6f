# ruff: noqa: SIM117 - what is served stands around what is asked
"""Tables of addresses that the operator brings along as MMDB, written by the library their makers use."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import httpx
import maxminddb
import pytest

from reliant.errors import ConfigError
from reliant.gateway.signals import Seen
from reliant.gateway.signals.country import Country, open_mmdb
from support.gateway_provider import providers
from support.gateway_rig import Running, config, gateway, post

LAB = ("8.8.8.0/24", "37.4", "-122.1")
PEKING = ("1.2.4.0/24", "39.9", "116.4")
PEKING6 = ("2400:da00::/32", "39.9", "116.4")


def write(path: Path, entries: dict[str, Any]) -> Path:
    """Write a table of networks and what is known of each."""
    writer = pytest.importorskip("mmdb_writer", reason="mmdb-writer is not installed")
    netaddr = pytest.importorskip("netaddr", reason="netaddr is not installed")
    made = writer.MMDBWriter(6, "Test-Country", ipv4_compatible=True)
    for network, entry in entries.items():
        made.insert_network(netaddr.IPSet([network]), entry)
    made.to_db_file(str(path))
    return path


def ask(running: Running, address: str) -> httpx.Response:
    headers = {"authorization": "Bearer sk-test", "x-forwarded-for": address}
    body = {"model": "gpt-4o", "messages": []}
    return post(f"{running.url}/v1/chat/completions", json=body, headers=headers)


class Reader:
    """A table that has one entry for every address."""

    def __init__(self, entry: object) -> None:
        self._entry = entry

    def get(self, _address: str) -> object:
        return self._entry


def told(entry: object) -> list[str]:
    """Return what the signal says of an address for which the table has this entry."""
    seen = Seen("1.2.4.8", None, "k", 0.0, {}, True, None, {})
    return [one.value for one in Country(None, Reader(entry), "own.mmdb").look(seen)]


@pytest.mark.parametrize(
    ("us", "cn"),
    [
        pytest.param({"country": {"iso_code": "US"}}, {"country": {"iso_code": "CN"}}, id="iso_code"),
        pytest.param({"country_code": "US"}, {"country_code": "CN"}, id="country_code"),
        pytest.param({"country": "US", "asn": "AS15169"}, {"country": "CN", "asn": "AS1"}, id="country"),
        pytest.param(
            {"registered_country": {"iso_code": "US"}},
            {"registered_country": {"iso_code": "CN"}},
            id="registered",
        ),
        pytest.param({"country": "United States", "country_code": "US"}, {"country_code": "CN"}, id="both"),
    ],
)
def test_a_caller_is_where_the_operators_table_says(
    tmp_path: Path, us: dict[str, Any], cn: dict[str, Any]
) -> None:
    table = write(tmp_path / "own.mmdb", {LAB[0]: us, PEKING[0]: cn, PEKING6[0]: cn})
    text = f'[listen]\ntrusted_proxies = ["127.0.0.1"]\n[signals]\ncountry_mmdb = "{table}"\n'
    with providers("mock") as (mock,), gateway(tmp_path, text + config(mock)) as running:
        answers = [ask(running, one).status_code for one in ("8.8.8.8", "1.2.4.8", "2400:da00::7")]
        mapped = ask(running, "::ffff:1.2.4.9").status_code
        unlisted = ask(running, "9.9.9.9").status_code
        decisions = running.decisions()

    assert (answers, mapped, unlisted) == ([200, 403, 403], 403, 200)
    assert [one["place"] for one in decisions] == ["US", "CN", "CN", "CN", "US"]
    with maxminddb.open_database(table) as reader:
        built = dt.datetime.fromtimestamp(reader.metadata().build_epoch, dt.UTC).date()
    assert decisions[0]["evidence"][0] == f"address.country=US (own.mmdb of {built})"
    assert len(mock.seen) == 2


def test_who_is_at_two_places_of_the_table_at_once_is_seen(tmp_path: Path) -> None:
    def entry(code: str, where: tuple[str, str, str]) -> dict[str, Any]:
        return {
            "country": {"iso_code": code},
            "location": {"latitude": float(where[1]), "longitude": float(where[2])},
        }

    table = write(tmp_path / "own.mmdb", {LAB[0]: entry("US", LAB), PEKING[0]: entry("CN", PEKING)})
    text = (
        f'[listen]\ntrusted_proxies = ["127.0.0.1"]\n[signals]\ncountry_mmdb = "{table}"\n'
        '[policy]\nplace_conflict = "block"\n'
    )
    with providers("mock") as (mock,), gateway(tmp_path, text + config(mock)) as running:
        first, second = ask(running, "8.8.8.8"), ask(running, "1.2.4.8")

    error = second.json()["error"]
    assert first.status_code == 200
    assert (second.status_code, error["code"]) == (403, "reliant_place_refused")
    assert "5 impossible travel" in error["message"]
    assert "travel=impossible (9554 km in 0 min)" in error["message"]


def test_a_table_that_holds_no_countries_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    """A table of networks' owners would place nobody, and every address would count as unlisted."""
    table = write(tmp_path / "asn.mmdb", {LAB[0]: {"autonomous_system_number": 15169}})

    with providers("mock") as (mock,):
        with pytest.raises(
            ConfigError, match="holds no countries; its entries have: autonomous_system_number"
        ):
            with gateway(tmp_path, f'[signals]\ncountry_mmdb = "{table}"\n' + config(mock)):
                pass


@pytest.mark.parametrize("cut", [10, 300])
def test_half_a_table_is_no_table(tmp_path: Path, cut: int) -> None:
    table = write(tmp_path / "own.mmdb", {LAB[0]: {"country_code": "US"}})
    table.write_bytes(table.read_bytes()[:cut])

    with pytest.raises(ConfigError, match="is no MMDB table"):
        open_mmdb(str(table))


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "US",
        {"country": None},
        {"country": {"iso_code": None}},
        {"country": {"iso_code": "usa"}},
        {"country_code": "-"},
        {"country": 7, "location": {"latitude": "x", "longitude": 1.0}},
        {"location": {"latitude": 91.0, "longitude": 1.0}},
        {"latitude": 1.0},
    ],
)
def test_an_entry_that_says_nothing_places_nobody(entry: object) -> None:
    assert told(entry) == []


@pytest.mark.parametrize(
    "entry",
    [
        {"country_code": "CN", "latitude": 39.9, "longitude": 116.4},
        {"country": "CN", "lat": "39.9", "lng": "116.4"},
        {"country": {"iso_code": "CN"}, "location": {"latitude": 39.9, "longitude": 116.4}},
    ],
)
def test_coordinates_are_read_where_the_table_has_them(entry: object) -> None:
    assert told(entry) == ["CN", "39.900,116.400"]
