"""Plugins of the tests of the public API; at the top of a module, where their types can be looked up."""

import enum
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NewType, TypedDict

from pydantic import BaseModel, Field
from typing_extensions import NotRequired

from omega_plugin import (
    BinaryRef,
    Call,
    DatasetSlice,
    Json,
    Payload,
    Refusal,
    Reply,
    Schema,
    Text,
    json_payload,
    log,
    plugin,
    progress,
)

ORDER_REF = "omega:under-test:input:order:v1.0.0"
RECEIPT_REF = "omega:under-test:output:receipt:v1.0.0"
POINT_REF = "omega:under-test:input:point:v1.0.0"


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


Sku = NewType("Sku", str)


@dataclass
class Item:
    """One line of an order."""

    sku: Sku
    count: Annotated[int, Schema(minimum=1)]
    colour: Colour | None = None
    size: tuple[float, float] | None = None
    parts: "list[Item]" = field(default_factory=list)


@json_payload(ORDER_REF)
@dataclass
class Order:
    customer: str
    items: list[Item]
    express: bool = False
    way: Literal["post", "ship"] = "post"
    labels: dict[str, str] = field(default_factory=dict)
    anything: Any = None

    def __post_init__(self) -> None:
        if not self.items:
            raise ValueError("an order without items")


@json_payload(RECEIPT_REF)
class Receipt(TypedDict):
    count: int
    colours: list[str]
    hint: NotRequired[str]


@plugin
def take_order(order: Json[Order]) -> Json[Receipt]:
    items = order.data.items
    colours = [item.colour.value for item in items if item.colour]
    return Json({"count": sum(item.count for item in items), "colours": colours})


class Point(BaseModel):
    """A place."""

    x: int = Field(ge=0)
    y: int = Field(alias="why")


json_payload(POINT_REF)(Point)


@plugin
def mirror(point: Json[Point]) -> Json[Point]:
    return Json(Point(x=point.data.y, why=point.data.x), "omega:under-test:output:point:v1.0.0")


@plugin
def describe(payload: Payload, call: Call) -> Reply[Text]:
    log.info(f"a {payload.kind}")
    progress(0.5, "halfway")
    match payload:
        case Text(content):
            shown = content
        case Json(data):
            shown = repr(data)
        case BinaryRef():
            shown = payload.read_text(1000)
        case DatasetSlice():
            shown = f"{payload.count()} {list(payload.rows())}"
    return Reply(Text(shown, {"tone": call.context.get("tone", "")}), f"a {payload.kind}")


@plugin
def by_schema(payload: Json[Order] | Json[Point]) -> Text:
    return Text(type(payload.data).__name__)


class Row(TypedDict):
    price: float


@plugin
def dearest(rows: DatasetSlice) -> Text:
    prices = [row["price"] for row in rows.rows(Row)]
    if not prices:
        raise Refusal("no_rows", "there is nothing to compare")
    return Text(str(max(prices)))
