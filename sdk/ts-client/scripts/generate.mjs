// Writes src/openapi.ts from the gateway's OpenAPI document; with `--check` only says whether it is current.

import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const document = new URL("../../../docs/openapi.json", import.meta.url);
const target = new URL("../src/openapi.ts", import.meta.url);

const nodes = await openapiTS(document, {
  alphabetize: true,
  immutable: true,
  inject: 'import type { JsonValue } from "./json.js";\n',
  transform(_schema, { path }) {
    // A type that contains itself has to have a name of its own in TypeScript.
    return path?.endsWith("/schemas/JsonValue") ? ts.factory.createTypeReferenceNode("JsonValue") : undefined;
  },
});
const text = `// Generated from docs/openapi.json by \`npm run generate\`: not to be changed by hand.\n\n${astToString(nodes)}`;

if (process.argv.includes("--check")) {
  if ((await readFile(target, "utf8").catch(() => "")) !== text) {
    process.stderr.write("src/openapi.ts is not what docs/openapi.json gives: `npm run generate`\n");
    process.exitCode = 1;
  }
} else {
  await writeFile(target, text);
}
