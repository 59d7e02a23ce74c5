import assert from "node:assert/strict";
import { run } from "../../scripts/services.ts";

/** The folder of the container's files. */
export const FOLDER = new URL("../../docs/container/", import.meta.url).pathname;

/** A service of a compose file, as far as ours go. */
export interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly env_file?: string;
  readonly volumes?: readonly string[];
  readonly network_mode?: string;
}

/** A compose file, as far as ours goes. */
export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
}

/** What a YAML file says, as another program reads it. */
export async function yamlOf(python: string, text: string) {
  const script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))";
  const { code, stdout, stderr } = await run(python, ["-c", script], { input: text });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** Our compose file. */
export async function composeFile(python: string): Promise<Compose> {
  return await yamlOf(python, await Deno.readTextFile(`${FOLDER}compose.yaml`));
}
