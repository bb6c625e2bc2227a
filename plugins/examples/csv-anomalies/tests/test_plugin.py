"""`python3 -m pytest` runs the plugin's function here, without a sandbox and without a gateway."""

import math
from pathlib import Path
from typing import Any

import pytest

from omega_plugin.testing import Request, run
from plugin import ANOMALIES_MAX, VALUES_MIN, handle

FOLDER = Path(__file__).parent.parent


def report(csv: str) -> dict[str, Any]:
    return run(handle, Request.text(csv)).json()


def column_of(values: list[str], name: str = "x") -> dict[str, Any] | None:
    found = report("\n".join([name, *values]) + "\n")["columns"]
    return found[0] if found else None


def test_the_example_names_the_rows_and_the_rules() -> None:
    answer = run(handle, Request.from_file(FOLDER / "examples/readings.json")).json()
    assert answer["rows"] == 12
    assert answer["columns_passed_over"] == ["station"]
    temperature, pressure = answer["columns"]
    assert [(a["row"], a["value"], a["rules"]) for a in temperature["anomalies"]] == [(7, 91.4, ["z_score", "iqr"])]
    assert (temperature["missing"], temperature["not_numbers"]) == (1, 0)
    assert pressure["anomalies"] == []


def test_it_agrees_with_the_formulas_written_out() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 50.0]
    column = column_of([str(value) for value in values])
    assert column is not None
    assert (column["median"], column["mad"], column["first_quartile"], column["third_quartile"]) == (5.0, 2.0, 3.0, 7.0)
    assert column["anomalies"] == [
        {"row": 9, "value": 50.0, "z_score": round(0.6745 * 45 / 2, 6), "rules": ["z_score", "iqr"]}
    ]


def test_wild_values_do_not_hide_each_other() -> None:
    column = column_of([*(str(n) for n in range(20)), "1e9", "-1e9", "1e12"])
    assert column is not None
    assert [anomaly["row"] for anomaly in column["anomalies"]] == [23, 22, 21]


def test_a_column_that_hardly_varies_has_no_score() -> None:
    column = column_of(["5"] * 30 + ["6"])
    assert column is not None
    assert (column["mad"], column["anomalies"]) == (0.0, [])


@pytest.mark.parametrize("word", ["inf", "-inf", "NaN", "1e999", "True", "0x10", "1_000"])
def test_what_is_no_finite_number_is_never_one(word: str) -> None:
    column = column_of([str(n) for n in range(20)] + [word])
    assert column is not None
    assert column["values"] == 20
    assert column["missing"] + column["not_numbers"] == 1


def test_columns_of_words_and_short_ones_are_passed_over() -> None:
    assert column_of(["a", "b"] * 10) is None
    assert column_of([str(n) for n in range(VALUES_MIN - 1)]) is None
    assert column_of([str(n) for n in range(VALUES_MIN)]) is not None
    assert column_of([str(n) for n in range(8)] + ["a"]) is None, "under nine in ten"


def test_many_are_counted_and_the_farthest_listed() -> None:
    column = column_of([str(n % 7) for n in range(2000)] + [str(10_000 + n) for n in range(150)])
    assert column is not None
    assert (column["anomalies_count"], len(column["anomalies"])) == (150, ANOMALIES_MAX)
    assert column["anomalies"][0]["value"] == 10_149.0


def test_every_number_is_finite() -> None:
    column = column_of(["1e308", "-1e308"] * 10 + ["0"])
    for number in [] if column is None else [column["median"], column["mad"], column["third_quartile"]]:
        assert math.isfinite(number)


@pytest.mark.parametrize(("csv", "code"), [("", "empty"), (" \n", "empty"), ('a,b\n"1,2\n', "not_csv")])
def test_what_is_no_table_is_declined(csv: str, code: str) -> None:
    assert run(handle, Request.text(csv)).refusal().code == code


def test_too_many_columns_are_declined() -> None:
    assert run(handle, Request.text(",".join(f"c{n}" for n in range(257)))).refusal().code == "too_many_columns"


def test_rows_of_a_dataset_are_read_as_they_are() -> None:
    rows = [{"id": n, "ok": n % 2 == 0, "x": 1.5 * n} for n in range(20)]
    rows[3]["x"] = 9000
    answer = run(handle, Request.rows(rows)).json()
    assert answer["columns_passed_over"] == ["ok"]
    assert [column["name"] for column in answer["columns"]] == ["id", "x"]
    assert [anomaly["row"] for anomaly in answer["columns"][1]["anomalies"]] == [4]
