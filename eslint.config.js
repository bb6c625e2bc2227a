// What TypeScript's own checks do not say: no `any`, no promise that nobody waits for, nothing printed, nothing evaluated.
// For the JavaScript SDK and the plugins that are written with it.

import { fileURLToPath } from "node:url";
import tseslint from "typescript-eslint";

export default tseslint.config(
    { ignores: ["**/dist/", "**/template/", "**/*.d.ts", "plugins/examples/*/plugin.js", "sdk/js/component/", "eslint.config.js"] },
    tseslint.configs.strictTypeChecked,
    {
        languageOptions: {
            parserOptions: {
                project: [
                    "sdk/js/tsconfig.json",
                    "plugins/examples/*/tsconfig.json",
                    "plugins/examples/*/tests/tsconfig.json",
                ],
                tsconfigRootDir: fileURLToPath(new URL(".", import.meta.url)),
            },
        },
        rules: {
            "@typescript-eslint/consistent-type-imports": "error",
            // What `test`, `describe` and `it` give is the runner's to wait for.
            "@typescript-eslint/no-floating-promises": [
                "error",
                {
                    allowForKnownSafeCalls: [
                        { from: "package", name: ["test", "describe", "it"], package: "node:test" },
                    ],
                },
            ],
            "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
            "@typescript-eslint/no-meaningless-void-operator": "off",
            "@typescript-eslint/no-unused-vars": ["error", { varsIgnorePattern: "^_", argsIgnorePattern: "^_" }],
            "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
            "no-console": "error",
            "no-eval": "error",
            "no-new-func": "error",
        },
    },
    // Its lines are errors, each expected: what is in them has no type.
    {
        files: ["sdk/js/tests/types.ts"],
        rules: {
            "@typescript-eslint/no-unsafe-argument": "off",
            "@typescript-eslint/no-unsafe-call": "off",
            "@typescript-eslint/no-unsafe-return": "off",
        },
    },
);
