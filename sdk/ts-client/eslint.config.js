// What TypeScript's own checks do not say: no `any`, no promise that nobody waits for, nothing printed.

import { fileURLToPath } from "node:url";
import tseslint from "typescript-eslint";

export default tseslint.config(
    { ignores: ["build/", "dist/", "scripts/", "src/openapi.ts", "eslint.config.js"] },
    tseslint.configs.strictTypeChecked,
    {
        languageOptions: {
            parserOptions: {
                project: ["src/tsconfig.json", "testing/tsconfig.json", "tests/tsconfig.json"],
                tsconfigRootDir: fileURLToPath(new URL(".", import.meta.url)),
            },
        },
        rules: {
            "@typescript-eslint/consistent-type-imports": "error",
            // What `test` gives is the runner's to wait for.
            "@typescript-eslint/no-floating-promises": [
                "error",
                { allowForKnownSafeCalls: [{ from: "package", name: ["test"], package: "node:test" }] },
            ],
            "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
            "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
            "no-console": "error",
        },
    },
);
