/**
 * The words in which types are written: TypeBox's, of which a bundle holds what the plugin uses.
 *
 *     import * as Type from "@omega/plugin/type";
 *
 * Write it so: `import Type from` would bring all of TypeBox into the plugin.
 */

export * from "typebox";
