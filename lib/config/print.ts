import type { Json } from "../core/mod.ts";
import { allSettings, type Config } from "./config.ts";

/** One effective value, for printing. */
export interface PrintedValue {
  /** `section.key`. */
  readonly key: string;
  /** As it was written; `(hidden)` for a secret. */
  readonly value: string;
  /** File and line, variable, flag, or `default`. */
  readonly origin: string;
  /** The variable that overrides it. */
  readonly env: string;
}

/** Every effective value and where it comes from; secrets hidden. */
export function printedValues(config: Config): PrintedValue[] {
  return allSettings.map((setting) => {
    const origin = config.originOf(setting);
    const written = config.writtenValue(setting);
    const value = setting.isSecret && origin !== "default" ? "(hidden)" : asText(written);
    return { key: setting.key, value, origin, env: setting.env };
  });
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}

/** A part of a JSON Schema. */
export interface Branch {
  /** Keywords and what stands under them. */
  readonly [key: string]: Branch | Json;
}

/** The JSON Schema of a configuration file. */
export function configSchema(): Branch {
  const properties: Record<string, unknown> = {};
  for (const setting of allSettings) {
    if (setting.isSecret) continue;
    place(properties, setting.key.split("."), {
      ...setting.schema,
      description:
        `${setting.summary} (environment: ${setting.env}; default: ${setting.shownFallback})`,
    });
  }
  return JSON.parse(JSON.stringify({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "sunspool configuration",
    type: "object",
    additionalProperties: false,
    properties,
  }));
}

/** Puts a leaf into nested object schemas. */
function place(
  properties: Record<string, unknown>,
  [name = "", ...rest]: readonly string[],
  leaf: object,
) {
  if (rest.length === 0) {
    properties[name] = leaf;
    return;
  }
  const inner = properties[name] ?? { type: "object", additionalProperties: false, properties: {} };
  properties[name] = inner;
  if (typeof inner === "object" && "properties" in inner) {
    place(Object(inner.properties), rest, leaf);
  }
}
