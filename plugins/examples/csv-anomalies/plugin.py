"""`csv-anomalies`: numbers of a table that stand apart from the rest of their column, with the rows that they are in.

Two rules look at each numeric column, and a report names which of them a value broke:

- the modified z-score of Iglewicz and Hoaglin, 0.6745 * (x - median) / MAD, beyond 3.5;
- Tukey's far fences, more than 3 interquartile ranges below the first or above the third quartile.

Both rest on order statistics, so a few wild values cannot hide themselves by moving the mean.
"""

import io
import math
import os
from dataclasses import dataclass
from typing import Annotated

# Before numpy is imported: a worker has no other processor to gain, and threads cost it memory.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd

from omega_plugin import DatasetSlice, Json, Refusal, Schema, Text, json_payload, plugin

ANOMALIES_MAX = 100
"""Anomalies of one column that are listed, the farthest first; all are counted."""
COLUMNS_MAX = 256
VALUES_MIN = 8
"""Below so many numbers a column has no shape to stand apart from."""
NUMERIC_SHARE_MIN = 0.9
"""Of a column's values so many must be numbers."""
Z_MAX = 3.5
FENCE_RANGES = 3.0
MAD_TO_DEVIATION = 0.6745

Count = Annotated[int, Schema(minimum=0)]


@dataclass
class Anomaly:
    """A value that stands apart."""

    row: Annotated[int, Schema(minimum=1)]
    value: float
    z_score: float | None
    rules: Annotated[list[str], Schema(minItems=1)]


@dataclass
class Column:
    """A numeric column: its middle, its spread, and what is outside."""

    name: str
    values: Count
    missing: Count
    not_numbers: Count
    median: float
    mad: float
    first_quartile: float
    third_quartile: float
    anomalies_count: Count
    anomalies: Annotated[list[Anomaly], Schema(maxItems=ANOMALIES_MAX)]


@json_payload("omega:csv-anomalies:output:report:v1.0.0")
@dataclass
class Report:
    """The numeric columns of a table. Rows are counted from 1, the header not among them."""

    rows: Count
    columns: list[Column]
    columns_passed_over: list[str]


@plugin
def handle(table: Text | DatasetSlice) -> Json[Report]:
    """Reads a CSV text with a header line, or rows of a dataset, and reports what stands apart."""
    frame = from_csv(table.content) if isinstance(table, Text) else from_rows(table)
    if frame.shape[1] > COLUMNS_MAX:
        raise Refusal("too_many_columns", f"{frame.shape[1]} columns; at most {COLUMNS_MAX} are taken")
    columns, passed_over = [], []
    for name in frame.columns:
        column = look_at(str(name), frame[name])
        if column is None:
            passed_over.append(str(name))
        else:
            columns.append(column)
    return Json(Report(rows=len(frame), columns=columns, columns_passed_over=passed_over))


def from_csv(content: str) -> pd.DataFrame:
    """Every field as text: which columns are numbers is decided below, by a rule that can be told."""
    if not content.strip():
        raise Refusal("empty", "there is no table")
    try:
        return pd.read_csv(
            io.StringIO(content), dtype=str, keep_default_na=False, skipinitialspace=True, index_col=False
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise Refusal("not_csv", str(error)) from error


def from_rows(rows: DatasetSlice) -> pd.DataFrame:
    """The rows' members, as they are."""
    frame = pd.DataFrame.from_records(list(rows.rows()), coerce_float=False)
    if frame.empty:
        raise Refusal("empty", "there are no rows")
    return frame


def look_at(name: str, cells: pd.Series) -> Column | None:
    """A column's report; nothing where it is not one of numbers."""
    is_truth = cells.map(lambda cell: isinstance(cell, bool))
    text = cells.mask(is_truth).map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    missing = text.isna() & ~is_truth | text.isin(["", "-", "NA", "N/A", "n/a", "NaN", "nan", "null"])
    numbers = pd.to_numeric(text.where(~missing), errors="coerce").astype("float64")
    numbers = numbers.where(np.isfinite(numbers))
    values = numbers.dropna()
    present = len(cells) - int(missing.sum())
    if len(values) < VALUES_MIN or len(values) < NUMERIC_SHARE_MIN * present:
        return None
    median = float(values.median())
    deviations = (values - median).abs()
    mad = float(deviations.median())
    first, third = (float(quartile) for quartile in values.quantile([0.25, 0.75]))
    if not all(math.isfinite(number) for number in (median, mad, first, third)):
        return None
    reach = FENCE_RANGES * (third - first)
    # Where half of the values are one value there is no spread to measure by, and no score.
    scores = MAD_TO_DEVIATION * (values - median) / mad if mad > 0 else None
    beyond_score = scores.abs() > Z_MAX if scores is not None else pd.Series(data=False, index=values.index)
    beyond_fence = (
        (values < first - reach) | (values > third + reach) if reach > 0 else pd.Series(data=False, index=values.index)
    )
    found = values[beyond_score | beyond_fence].index
    # The farthest first, and of two that are as far the earlier one.
    farthest = sorted(found, key=lambda at: (-deviations[at], at))[:ANOMALIES_MAX]
    rules = [("z_score", beyond_score), ("iqr", beyond_fence)]
    anomalies = [
        Anomaly(
            row=int(at) + 1,
            value=float(values[at]),
            z_score=round(float(scores[at]), 6) if scores is not None and math.isfinite(scores[at]) else None,
            rules=[rule for rule, broken in rules if broken[at]],
        )
        for at in farthest
    ]
    return Column(
        name=name,
        values=len(values),
        missing=int(missing.sum()),
        not_numbers=present - len(values),
        median=median,
        mad=mad,
        first_quartile=first,
        third_quartile=third,
        anomalies_count=len(found),
        anomalies=anomalies,
    )
