import type { Lookup } from "../../lib/core/mod.ts";

/** Settings as a configuration file gives them, by key; all others as when nobody says. */
export function lookup(values: Readonly<Record<string, unknown>>): Lookup {
  return (setting) =>
    Object.hasOwn(values, setting.key) ? setting.parse(values[setting.key]) : setting.fallback;
}
