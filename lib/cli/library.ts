/**
 * What a command line is made of, as the options library has it. Loading it takes longer than
 * reading a device does, so only help, errors and completions do: see {@linkcode Words}.
 *
 * @module
 */
export { merge, object } from "@optique/core/constructs";
export { map, multiple, optional, withDefault } from "@optique/core/modifiers";
export { argument, option } from "@optique/core/primitives";
export { choice, integer, string } from "@optique/core/valueparser";
