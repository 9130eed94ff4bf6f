"""Where a request comes from: signals, the table that weighs them, and proxies."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.errors import ConfigError
from reliant.gateway.admit.placement import Proxies, Table
from reliant.gateway.config import parse_config
from reliant.gateway.signals import Evidence, Seen, load_signals
from reliant.gateway.signals._ranges import Ranges, read_country_csv, read_networks
from reliant.gateway.signals._sphere import distance_km
from reliant.gateway.signals.latency import Latency, shortest_rtt_ms
from reliant.gateway.signals.travel import Travel
from support.gateway_provider import providers
from support.gateway_rig import REST, Running, config, gateway, post

PLACES = {"US": (39.8, -98.6), "CN": (35.0, 103.8), "DE": (51.2, 10.4), "JP": (36.2, 138.3)}


def proxies(*trusted: str, header: str = "x-forwarded-for") -> Proxies:
    names = ", ".join(f'"{one}"' for one in trusted)
    text = f'[listen]\ntrusted_proxies = [{names}]\nforwarded_header = "{header}"\n{REST}'
    return Proxies(parse_config(text, Path("g.toml"), {}))


def seen(address: str, **more: object) -> Seen:
    values: dict[str, object] = {
        "address": address,
        "declared": None,
        "key": "k",
        "now": 0.0,
        "headers": {},
        "direct": True,
        "rtt_ms": None,
        "found": {},
        **more,
    }
    return Seen(**values)  # type: ignore[arg-type]


def test_without_trusted_proxies_the_header_is_not_read() -> None:
    assert proxies().client("9.9.9.9", [b"1.1.1.1"]) == ("9.9.9.9", True)


def test_only_what_trusted_proxies_added_is_believed() -> None:
    inner = proxies("10.0.0.0/8")

    assert inner.client("10.0.0.1", [b"6.6.6.6, 8.8.8.8, 10.1.1.1"]) == ("8.8.8.8", False)
    assert inner.client("10.0.0.1", [b"6.6.6.6", b"8.8.8.8"]) == ("8.8.8.8", False)
    assert inner.client("9.9.9.9", [b"8.8.8.8"]) == ("9.9.9.9", True)
    assert inner.client("10.0.0.1", [b"8.8.8.8, rubbish"]) == ("10.0.0.1", True)


def test_the_standard_header_is_read_with_ports_and_brackets() -> None:
    inner = proxies("10.0.0.0/8", header="forwarded")

    assert inner.client("10.0.0.1", [b'for="[2001:db8::1]:4711";proto=https'])[0] == "2001:db8::1"
    assert inner.client("10.0.0.1", [b"for=8.8.8.8, for=10.2.2.2"])[0] == "8.8.8.8"


def test_an_address_is_the_same_whichever_socket_it_came_by() -> None:
    """A socket for both kinds writes IPv4 as `::ffff:8.8.8.8`, which counts as no public address."""
    inner = proxies("10.0.0.0/8")

    assert proxies().client("::ffff:8.8.8.8", []) == ("8.8.8.8", True)
    assert inner.client("::ffff:10.0.0.1", [b"1.1.1.1, ::ffff:8.8.8.8"]) == ("8.8.8.8", False)
    assert inner.client("::ffff:9.9.9.9", [b"8.8.8.8"]) == ("9.9.9.9", True)
    assert proxies("2001:db8::/32").client("2001:db8::5", [b"2001:4860::8888"])[0] == "2001:4860::8888"
    assert inner.client("10.0.0.1", [b"[2001:4860::8888]:443"])[0] == "2001:4860::8888"
    assert inner.client("10.0.0.1", [b"8.8.8.8:5000"])[0] == "8.8.8.8"


@given(st.lists(st.ip_addresses(v=4).map(str), max_size=6), st.ip_addresses(v=4).map(str))
def test_a_client_cannot_choose_its_address(forged: list[str], real: str) -> None:
    """Whatever a client writes, a trusted proxy appends the address it saw."""
    inner = proxies("10.0.0.1/32")
    if real == "10.0.0.1":
        return

    header = ", ".join([*forged, real]).encode()

    assert inner.client("10.0.0.1", [header])[0] == real


def test_ranges_find_both_kinds_of_address_and_mapped_ones() -> None:
    table = Ranges()
    table.add("9.0.0.0", "9.0.0.255", "US")
    table.add("1.0.0.0", "1.0.0.255", "AU")
    table.add("2001:200::", "2001:200:ffff:ffff:ffff:ffff:ffff:ffff", "JP")
    table.finish()

    assert table.find("1.0.0.7") == "AU"
    assert table.find("1.0.1.0") is None
    assert table.find("2001:200::9") == "JP"
    assert table.find("::ffff:9.0.0.1") == "US"
    assert table.find("nonsense") is None


_NETWORKS = st.builds(
    lambda number, length: ipaddress.ip_network((number << 20, length), strict=False),
    st.integers(0, 255),
    st.integers(4, 14),
)


@given(st.lists(_NETWORKS, max_size=12), st.integers(0, 2**28 - 1))
def test_of_networks_in_one_another_the_narrowest_counts(
    networks: list[ipaddress.IPv4Network], number: int
) -> None:
    """Lists of cloud providers name a network and parts of it; none of them hides another."""
    table = Ranges()
    for one in networks:
        table.add_network(str(one), f"/{one.prefixlen}")
    address = ipaddress.ip_address(number)
    around = [one.prefixlen for one in networks if address in one]

    found = table.finish().find(str(address))

    assert found == (f"/{max(around)}" if around else None)


def test_ranges_that_overlap_in_part_leave_no_gap() -> None:
    table = Ranges()
    table.add("1.0.0.0", "1.0.0.9", "AU")
    table.add("1.0.0.5", "1.0.0.20", "CN")
    table.add("1.0.0.7", "1.0.0.8", "JP")
    table.finish()

    found = [table.find(f"1.0.0.{last}") for last in (4, 5, 7, 9, 20, 21)]
    assert found == ["AU", "CN", "JP", "CN", "CN", None]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(
            "1.0.0.0,1.0.0.255,AU\n2001:200::,2001:200:ffff:ffff:ffff:ffff:ffff:ffff,JP\n", id="words"
        ),
        pytest.param(
            f"16777216,16777471,AU\n{0x2001_0200 << 96},{(0x2001_0201 << 96) - 1},JP\n",
            id="numbers",
        ),
    ],
)
def test_a_table_of_countries_may_name_addresses_in_words_or_numbers(tmp_path: Path, rows: str) -> None:
    file = tmp_path / "c.csv"
    file.write_text(rows)

    table = read_country_csv((str(file),))

    assert [table.find(one) for one in ("1.0.0.7", "2001:200::9", "1.0.1.0")] == ["AU", "JP", None]


def test_a_list_of_relays_with_places_behind_them_is_a_list_of_networks(tmp_path: Path) -> None:
    file = tmp_path / "egress.csv"
    file.write_text("# of a maker\n172.224.224.0/27,US,US-CA,Los Angeles,\n\n2a02:26f7::/48\n9.9.9.9\n")

    table = read_networks((str(file),))

    found = [table.find(one) for one in ("172.224.224.31", "172.224.224.32", "2a02:26f7::1", "9.9.9.9")]
    assert found == ["", None, "", ""]


def test_a_table_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text("1.0.0.0,1.0.0.255,AU\n")
    first = read_country_csv((str(file),))
    same = read_country_csv((str(file),))
    file.write_text("1.0.0.0,1.0.0.255,CN\n\n")
    changed = read_country_csv((str(file),))

    assert same is first
    assert (first.find("1.0.0.1"), changed.find("1.0.0.1")) == ("AU", "CN")


def test_impossible_travel_is_seen_and_possible_travel_is_not() -> None:
    """Shanghai to Los Angeles, 10,435 km, cannot be done in 30 minutes."""
    travel = Travel(PLACES)

    def at(country: str, hours: float, network: str = "unlisted") -> list[Evidence]:
        found = {
            "address.country": Evidence("address.country", country, "t"),
            "address.network": Evidence("address.network", network, "t"),
        }
        return travel.look(seen(f"{country}-address", now=hours * 3_600, found=found))

    assert at("CN", 0) == []
    assert at("US", 0.5)[0].value == "impossible"
    assert at("CN", 24) == []
    assert at("US", 24.1, network="vpn") == []


def test_an_answer_faster_than_light_in_fibre_refutes_the_claimed_place() -> None:
    """Frankfurt to Tokyo and back takes 93 ms; 20 ms shows that the caller is elsewhere."""
    latency = Latency(PLACES, (50.1, 8.7))

    assert round(shortest_rtt_ms(9_333)) == 93
    assert latency.look(seen("9.9.9.9", declared="JP", rtt_ms=20.0))[0].value == "impossible"
    assert latency.look(seen("9.9.9.9", declared="JP", rtt_ms=200.0)) == []
    assert latency.look(seen("9.9.9.9", declared="DE", rtt_ms=1.0)) == []
    assert latency.look(seen("9.9.9.9", declared="JP", rtt_ms=20.0, direct=False)) == []


def test_distance_is_that_of_the_great_circle() -> None:
    assert round(distance_km((31.2304, 121.4737), (34.0522, -118.2437))) == pytest.approx(10_435, abs=10)


@pytest.mark.parametrize(
    ("found", "declared", "places", "row"),
    [
        ({"address.country": "private"}, "US", ("US",), "1"),
        ({"address.country": "CN", "address.network": "relay"}, "US", ("US",), "2"),
        ({"address.country": "CN", "address.network": "vpn"}, "US", ("US",), "3"),
        ({"address.country": "CN", "address.network": "hosting"}, "US", ("US",), "6"),
        ({"address.network": "unlisted"}, "US", ("US",), "7"),
        ({"address.country": "CN"}, None, ("CN",), "8"),
        ({"address.country": "US"}, "US", ("US",), "9"),
        ({"address.country": "CN"}, "US", ("US", "CN"), "10"),
    ],
)
def test_the_first_row_that_fits_decides(
    found: dict[str, str], declared: str | None, places: tuple[str, ...], row: str
) -> None:
    table = Table(parse_config(REST, Path("g.toml"), {}))

    result = table.place(declared, {name: Evidence(name, value, "t") for name, value in found.items()})

    assert result[0] == places
    assert result[2].split()[0] == row


def signals(folder: Path) -> str:
    (folder / "c.csv").write_text("8.8.8.0,8.8.8.255,US\n1.0.1.0,1.0.3.255,CN\n5.5.5.0,5.5.5.255,CN\n")
    (folder / "v.txt").write_text("5.5.5.0/24 # a VPN\n")
    return (
        f'[signals]\ncountry_csv = ["{folder / "c.csv"}"]\nvpn_cidr = ["{folder / "v.txt"}"]\n'
        'tables_dated = "2026-06-17"\n'
    )


def ask(running: Running, address: str) -> httpx.Response:
    headers = {"authorization": "Bearer sk-test", "x-forwarded-for": address}
    body = {"model": "gpt-4o", "messages": []}
    return post(f"{running.url}/v1/chat/completions", json=body, headers=headers)


def test_an_address_in_another_country_must_be_permitted_there_too(tmp_path: Path) -> None:
    text = '[listen]\ntrusted_proxies = ["127.0.0.1/32"]\n' + signals(tmp_path)
    with providers("mock") as (mock,), gateway(tmp_path, text + config(mock)) as running:
        here, there, hidden = (ask(running, one) for one in ("8.8.8.8", "1.0.2.3", "5.5.5.5"))
        refused, warned = running.decisions()[1:]

    assert here.status_code == 200
    assert there.status_code == 403
    assert refused["place"] == "CN"
    assert "The place is that of the address: address.country=CN (c.csv of 2026-06-17" in there.text
    assert any("c.csv of 2026-06-17: registrant, not geolocation" in one for one in refused["evidence"])
    assert hidden.status_code == 200
    assert (warned["action"], "address.network=vpn" in warned["evidence"][1]) == ("warn", True)
    assert len(mock.seen) == 2


def test_a_forged_header_does_not_move_a_caller(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, signals(tmp_path) + config(mock)) as running:
        ask(running, "8.8.8.8")
        decision = running.decisions()[-1]

    assert decision["client"] == "127.0.0.1"


def test_a_wrong_table_is_named_with_its_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("1.0.0.0,1.0.0.255,AU\nnonsense\n")
    with pytest.raises(ConfigError, match=r"bad\.csv:2"):
        load_signals(parse_config(f'[signals]\ncountry_csv = ["{bad}"]\n{REST}', Path("g.toml"), {}))


def test_the_shared_tables_place_known_addresses(shared: Path) -> None:
    """From the tables of 2026-06-17: the country where the network is registered."""
    names = [shared / "data" / f"ip_asn_country_ipv{version}.csv" for version in (4, 6)]
    files = ", ".join(f'"{name}"' for name in names)
    (country, *_) = load_signals(parse_config(f"[signals]\ncountry_csv = [{files}]\n{REST}", Path("g"), {}))

    assert country.look(seen("1.0.1.1"))[0].value == "CN"
    assert country.look(seen("2001:200::1"))[0].value == "JP"
