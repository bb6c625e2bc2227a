/** Plugins that the tests call. */

import {
    BinaryRef,
    type Call,
    DatasetSlice,
    Json,
    type JsonObject,
    jsonPayload,
    log,
    plugin,
    progress,
    Refusal,
    Reply,
    Text,
} from "@omega/plugin";
import * as Type from "@omega/plugin/type";

export const ORDER_REF = "omega:orders:input:order:v1.0.0";
export const POINT_REF = "omega:orders:input:point:v1.0.0";

const Sku = Type.String({ minLength: 1 });
const Part = Type.Object({ sku: Sku, count: Type.Integer() });
const Item = Type.Object({
    sku: Sku,
    count: Type.Integer({ minimum: 1 }),
    colour: Type.Optional(Type.Enum(["red", "blue"])),
    size: Type.Optional(Type.Union([Type.Tuple([Type.Number(), Type.Number()]), Type.Null()])),
    parts: Type.Optional(Type.Array(Part)),
});

export const Order = jsonPayload(
    ORDER_REF,
    Type.Object({
        customer: Type.String({ description: "Whom to send it to." }),
        items: Type.Array(Item),
        express: Type.Optional(Type.Boolean()),
        way: Type.Optional(Type.Union([Type.Literal("post"), Type.Literal("ship")])),
        labels: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
);
export const Point = jsonPayload(POINT_REF, Type.Object({ x: Type.Number(), why: Type.Integer() }));
export const Summary = jsonPayload(
    "omega:orders:output:summary:v1.0.0",
    Type.Object({ count: Type.Integer(), way: Type.Enum(["post", "ship"]) }),
);

export const takeOrder = plugin({ input: Order, output: Summary }, ({ data }) => {
    if (data.items.length === 0) {
        throw new Refusal(Refusal.INVALID_JSON, "an order without items");
    }
    const count = data.items.reduce((sum, item) => sum + item.count, 0);
    return new Json({ count, way: data.way ?? "post" });
});

export const describe = plugin(
    { input: [Text, Json, BinaryRef, DatasetSlice], output: Text },
    (payload, call: Call): Reply<Text> | Text => {
        switch (payload.kind) {
            case "text":
                log.info("a text");
                progress(0.5, "halfway");
                return new Reply(new Text(payload.content, call.context), "a text");
            case "json":
                return new Text(JSON.stringify(payload.data));
            case "binary_ref":
                return new Text(payload.readText(1 << 20));
            case "dataset_slice":
                return new Text(`${payload.count()} ${JSON.stringify([...payload.rows()])}`);
        }
    },
);

export const bySchema = plugin({ input: [Order, Point], output: Text }, (payload) =>
    // Told apart by the schema, in types as well.
    payload.schema_ref === POINT_REF ? new Text(`x ${payload.data.x}`) : new Text(payload.data.customer),
);

const Priced = Type.Object({ price: Type.Number() });

export const dearest = plugin({ input: DatasetSlice, output: Text }, (slice) => {
    const prices = [...slice.rows(Priced)].map((row) => row.price);
    if (prices.length === 0) {
        throw new Refusal("no_rows", "there is no row to look at");
    }
    return new Text(String(Math.max(...prices)));
});

export const later = plugin({ input: Text, output: Text }, async (text) => {
    await Promise.resolve();
    if (text.content === "") {
        throw new Refusal("empty", "nothing there");
    }
    log.debug("after a while");
    return new Text(text.content.toUpperCase());
});

/** Gives whatever the test wants to be given. */
export function giving(value: () => unknown) {
    return plugin({ input: Text, output: Json }, () => value() as Json);
}

export const anyData = (data: unknown): Json => new Json(data as JsonObject, "omega:any:output:any:v1.0.0");
