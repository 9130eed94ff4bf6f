"""Data sets of others are read row by row, each row with its place."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.atlas.importers import ModelRow, ProviderRow, Row, formats, guess, read, store, stored
from reliant.atlas.importers._rows import several
from reliant.errors import ConfigError, UsageError

FILES = {
    "epoch_all_ai_models_2025-03.csv": ("epoch", 2228, 0),
    "epoch_notable_ai_models_2026-01.csv": ("epoch", 976, 0),
    "epoch_large_scale_ai_models_2026-01.csv": ("epoch", 484, 0),
    "epoch_frontier_ai_models_2025-07.csv": ("epoch", 137, 0),
    "atom_tracked_models.csv": ("atom", 1772, 0),
    "atom_extra_models.csv": ("atom", 186, 0),
    "atom_model_parameters.csv": ("atom", 299, 0),
    "atom_organization_regions.csv": ("atom", 0, 118),
    "atom_release_date_corrections.csv": ("atom", 40, 0),
    "models_dev.json": ("models.dev", 5276, 147),
    "litellm_model_prices_1.109.1.json": ("litellm", 4552, 0),
    "genai_prices_data.json": ("genai-prices", 1442, 34),
    "open_llm_leaderboard_v1_2024-07-13.csv": ("leaderboard", 7169, 0),
    "open_llm_leaderboard_v2_2025-03-21.csv": ("leaderboard", 4576, 0),
}


def attempt(kind: str, path: Path) -> tuple[list[Row], str | None]:
    """Return the rows, or why there are none."""
    try:
        return list(read(kind, path)), None
    except UsageError as error:
        return [], str(error)


@pytest.mark.parametrize("name", FILES)
def test_every_row_of_the_data_sets_is_read(shared: Path, name: str) -> None:
    path = shared / "data" / name
    kind, models, providers = FILES[name]

    assert guess(path) == kind
    rows = list(read(kind, path))

    assert Counter(type(row) for row in rows) == Counter({ModelRow: models, ProviderRow: providers})
    assert all(row.at.file == name and (row.at.line or row.at.key) for row in rows)
    assert len({str(row.at) for row in rows}) == len(rows)


@pytest.mark.parametrize("name", ["lmarena_text_2025-08-06.csv", "supported_countries.json", "SOURCES.md"])
def test_what_is_none_of_them_is_refused_with_the_kinds_there_are(shared: Path, name: str) -> None:
    with pytest.raises(UsageError, match="looks like none") as caught:
        guess(shared / "data" / name)

    assert "--kind" in caught.value.hint
    assert "epoch" in caught.value.hint


def test_a_row_says_on_which_line_it_begins(shared: Path) -> None:
    path = shared / "data" / "epoch_all_ai_models_2025-03.csv"
    row = next(row for row in read("epoch", path) if isinstance(row, ModelRow) and row.name == "QwQ-32B")

    assert path.read_text(encoding="utf-8-sig").splitlines()[row.at.line - 1].startswith("QwQ-32B,")
    assert (row.base_models, row.countries, row.weights) == (("Qwen2.5-Coder (32B)",), ("China",), "open")


def test_a_base_that_repeats_the_model_itself_is_none(shared: Path) -> None:
    path = shared / "data" / "open_llm_leaderboard_v2_2025-03-21.csv"
    rows = {row.hub_id: row for row in read("leaderboard", path) if isinstance(row, ModelRow)}

    assert rows["01-ai/Yi-1.5-34B-Chat"].base_models == ()
    assert rows["01-ai/Yi-1.5-34B-Chat"].architecture == "LlamaForCausalLM"


def test_a_loopback_address_is_no_host(shared: Path) -> None:
    rows = {
        row.id: row
        for row in read("models.dev", shared / "data" / "models_dev.json")
        if isinstance(row, ProviderRow)
    }

    assert rows["atomic-chat"].hosts == ()
    assert rows["moonshotai-cn"].hosts == ("api.moonshot.cn",)
    assert rows["databricks"].hosts == ()


def test_prices_are_per_million_tokens(shared: Path) -> None:
    path = shared / "data" / "litellm_model_prices_1.109.1.json"
    prices = {row.name: row for row in read("litellm", path) if isinstance(row, ModelRow)}

    assert prices["gpt-4o-mini"].input_usd_per_million == 0.15
    assert prices["gpt-4o-mini"].served_by == "openai"


def test_a_table_of_ones_own_is_read_from_csv_and_from_yaml(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text('name,base_models,params_b\nMine 7B,"Llama 2 (7B), CLIP",7\n', encoding="utf-8")
    listed = tmp_path / "mine.yaml"
    listed.write_text(
        "- name: Mine 7B\n  base_models: [Llama 2 (7B), CLIP]\n  params_b: 7\n", encoding="utf-8"
    )

    (from_csv,), (from_yaml,) = read("own", table), read("own", listed)

    assert isinstance(from_csv, ModelRow)
    assert isinstance(from_yaml, ModelRow)
    assert from_csv.base_models == from_yaml.base_models == ("Llama 2 (7B)", "CLIP")
    assert from_csv.at.line == 2
    assert guess(table) == guess(listed) == "own"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "name,colour\nx,red\n", r"a\.csv:2: has the unknown column 'colour'"),
        ("a.csv", "id\nx\n", r"a\.csv:1: has no column 'name'"),
        ("a.yaml", "- name: x\n  params_b: many\n", r"a\.yaml:1: Expected `float"),
        ("a.yaml", "name: x\n", r"a\.yaml:1: is not a list"),
        ("a.yaml", "- name: x\n  name: y\n", r"a\.yaml:2: has the key 'name' twice"),
        ("a.csv", "name,downloads\nx,1e6\ny,1.2M\n", r"a\.csv:3: downloads: '1.2M' is no number"),
        ("a.csv", 'name,downloads\nx,"1,200"\n', r"a\.csv:2: downloads: '1,200' is no number"),
        ("a.csv", "name,downloads\nx,-5\n", r"a\.csv:2: downloads: -5 is no number from 0 up"),
        ("a.csv", "name,params_b\nx,nan\n", r"a\.csv:2: params_b: 'nan' is no number"),
        ("a.csv", "name,params_b\nx,inf\n", r"a\.csv:2: params_b: 'inf' is no number"),
        ("a.csv", "name,weights\nx,OPEN\n", r"a\.csv:2: weights: 'OPEN' is neither open nor closed"),
        ("a.csv", "name,base_models\nx,One,Two\n", r"a\.csv:2: has 3 cells, and the header 2"),
        ("a.csv", "name,note,note\nx,1,2\n", r"a\.csv:1: has the column 'note' twice"),
        ("a.csv", "name,note\nx,\xff\n", r"a\.csv:2: cannot be read as a table: 'utf-8' codec"),
        ("a.yaml", "- name: x\n  downloads: -1\n", r"a\.yaml:1: downloads: -1 is no number from 0 up"),
        ("a.yaml", "- name: x\n  downloads: .nan\n", r"a\.yaml:1: downloads: nan is no number from 0 up"),
    ],
)
def test_a_mistake_in_ones_own_table_is_told_with_its_line(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(ConfigError, match=says):
        list(read("own", path))


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_table_of_ones_own_is_read_with_any_ends_of_lines(tmp_path: Path, ends: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(ends.join(("name,downloads", "x,1", '"y, z",2', "")).encode())

    rows = [row for row in read("own", path) if isinstance(row, ModelRow)]

    assert [(row.name, row.downloads) for row in rows] == [("x", 1), ("y, z", 2)]


def test_a_date_of_the_data_set_that_is_none_is_kept_to_be_named(tmp_path: Path) -> None:
    path = tmp_path / "epoch.csv"
    path.write_text("Model,Organization,Publication date,Base model\nOne,A,Spring,\nTwo,A,2023-02-30,\n")

    assert [row.released for row in read("epoch", path) if isinstance(row, ModelRow)] == [
        "Spring",
        "2023-02-30",
    ]


@pytest.mark.parametrize("kind", sorted(formats()))
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_is_refused_with_a_clear_error_and_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("garbage") / "file.csv"
    path.write_bytes(data)

    rows, refusal = attempt(kind, path)

    assert refusal is None or "file.csv" in refusal
    assert all(row.at.file == "file.csv" for row in rows)


KEYS = st.sampled_from(
    [
        "providers",
        "models",
        "id",
        "name",
        "env",
        "npm",
        "api",
        "doc",
        "cost",
        "input",
        "limit",
        "context",
        "modalities",
        "open_weights",
        "base_model",
        "release_date",
        "litellm_provider",
        "mode",
        "max_tokens",
        "input_cost_per_token",
        "source",
        "api_pattern",
        "pricing_urls",
        "prices",
        "input_mtok",
        "base",
        "context_window",
        "x",
    ]
)
ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["http://[", "a", "", "1e999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


@pytest.mark.parametrize("kind", ["models.dev", "litellm", "genai-prices"])
@given(data=ODD_JSON)
def test_json_of_any_shape_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: object
) -> None:
    path = tmp_path_factory.mktemp("odd") / "odd.json"
    path.write_text(json.dumps(data), encoding="utf-8")

    rows, refusal = attempt(kind, path)

    assert refusal is None or "odd.json" in refusal
    assert all(row.at.file == "odd.json" for row in rows)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{" * 10, '{"a": [1, 2', "[[1], 2, null]", '{"a": 1, "b": null}']
)
@pytest.mark.parametrize("kind", ["models.dev", "litellm", "genai-prices"])
def test_odd_json_is_refused_or_holds_nothing(tmp_path: Path, kind: str, text: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text, encoding="utf-8")

    rows, refusal = attempt(kind, path)

    assert rows == []
    assert refusal is None or "odd.json" in refusal


def test_a_short_row_has_empty_cells_and_an_empty_line_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "epoch.csv"
    path.write_text(
        "Model,Organization,Publication date,Base model\nOne\n\n,,,\nTwo,Acme,2024-05-01,Three,too,many\n",
        encoding="utf-8",
    )

    one, two = (row for row in read("epoch", path) if isinstance(row, ModelRow))

    assert (one.name, one.organisations, one.released) == ("One", (), None)
    assert (two.name, two.base_models, two.at.line) == ("Two", ("Three",), 5)


def test_the_cache_gives_back_what_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("name\na\nb\n", encoding="utf-8")

    head = store(read("own", path), path, "own", on="2026-11-21", cache=tmp_path / "cache")
    ((found, rows),) = stored(tmp_path / "cache")

    assert found == head
    assert (head.models, head.providers, head.on) == (2, 0, "2026-11-21")
    assert list(rows) == list(read("own", path))


def test_importing_a_file_again_replaces_what_was_stored(tmp_path: Path) -> None:
    path, cache = tmp_path / "mine.csv", tmp_path / "cache"
    for text in ("name\na\nb\n", "name\nc\n"):
        path.write_text(text, encoding="utf-8")
        store(read("own", path), path, "own", on="2026-11-21", cache=cache)

    ((head, rows),) = stored(cache)

    assert head.models == len(list(rows)) == 1


def test_a_damaged_cache_is_named_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "own-1.jsonl").write_text(json.dumps({"odd": 1}) + "\n", encoding="utf-8")

    with pytest.raises(ConfigError, match="is no import") as caught:
        list(stored(tmp_path))

    assert "import again" in caught.value.hint


def test_a_comma_in_brackets_divides_nothing() -> None:
    assert several("A (1, 2), B,, C ") == ("A (1, 2)", "B", "C")
    assert several("A) , B") == ("A)", "B")
