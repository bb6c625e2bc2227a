/** What does not type-check: each line below is an error of the compiler's, or this file does not compile. */

import { BinaryRef, type DataOf, Json, jsonPayload, plugin, Reply, Text } from "@omega/plugin";
import { run } from "@omega/plugin/testing";
import * as Type from "@omega/plugin/type";

const Report = jsonPayload("omega:a:output:report:v1.0.0", Type.Object({ way: Type.Enum(["post", "ship"]) }));

export const data: DataOf<typeof Report> = { way: "post" };
// @ts-expect-error: none of the two
export const wrong: DataOf<typeof Report> = { way: "air" };

export const fine = plugin({ input: Text, output: Report }, () => new Json({ way: "ship" }));
export const reply = plugin({ input: Text, output: [Report, Text] }, (text) => new Reply(text, "as it is"));

// @ts-expect-error: not what the declared output says
export const air = plugin({ input: Text, output: Report }, () => new Json({ way: "air" }));
// @ts-expect-error: another kind
export const kind = plugin({ input: Text, output: Report }, (text) => text);
// @ts-expect-error: bytes have no content
export const content = plugin({ input: BinaryRef, output: Text }, (bytes) => new Text(bytes.content));
// @ts-expect-error: a text has no reader before it is known to be none
export const union = plugin({ input: [Text, BinaryRef], output: Text }, (either) => new Text(either.readText(1)));
// @ts-expect-error: JSON without a type is any object
export const untyped = plugin({ input: Json, output: Text }, (json) => new Text(json.data.name.first));

export const later = plugin({ input: Text, output: Text }, (text) => Promise.resolve(text));
// @ts-expect-error: of a promise there is no answer yet
export const early = (): string => run(later, new Text("a")).text();
