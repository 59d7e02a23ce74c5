import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

/** What a module must not have loaded as it is itself loaded: each costs more than a read takes. */
const NOT_AT_START: Readonly<Record<string, RegExp>> = {
  "main.ts": /^(npm|node):|\/lib\/(compose|config\/mod|modbus|sunspec|avro|buffer|outputs)/,
  "commands/version.ts": /^npm:|^node:|\/lib\/(config|modbus|avro|buffer|outputs)\//,
  "commands/read.ts":
    /^npm:\/?(@optique|avsc|hono|kafkajs|modbus-serial|prom-client)|^node:|\/lib\/buffer\//,
  "commands/scan.ts":
    /^npm:\/?(@optique|avsc|hono|kafkajs|modbus-serial|prom-client)|^node:|\/lib\/buffer\//,
  "commands/discover.ts": /^npm:\/?(@optique|avsc|hono|kafkajs|prom-client)|^node:|\/lib\/buffer\//,
  "commands/poll.ts": /^npm:\/?(@optique|avsc|hono|kafkajs|prom-client)|^node:|\/lib\/buffer\//,
  "commands/config.ts":
    /^npm:\/?(@optique|avsc|hono|kafkajs|prom-client)|^node:|\/lib\/(buffer|modbus|sunspec)\//,
  "commands/health.ts": /^npm:\/?(@optique|avsc|kafkajs)|\/lib\/(buffer|modbus|sunspec)\//,
  "commands/collect.ts": /^npm:\/?(@optique|avsc|kafkajs|modbus-serial|fast-xml-parser)/,
  "commands/drain.ts":
    /^npm:\/?(@optique|avsc|hono|kafkajs|prom-client|fast-xml-parser)|\/lib\/(modbus|sunspec)\//,
};

interface Dependency {
  readonly specifier: string;
  readonly code?: { readonly specifier?: string };
  readonly isDynamic?: boolean;
}

/** All modules that a module has loaded as it is itself loaded. */
async function loadedWith(path: string): Promise<string[]> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", path],
    cwd: ROOT,
  }).output();
  assert.ok(success);
  const { modules, roots }: {
    readonly modules: readonly {
      readonly specifier: string;
      readonly dependencies?: readonly Dependency[];
    }[];
    readonly roots: readonly string[];
  } = JSON.parse(new TextDecoder().decode(stdout));
  const dependencies = new Map(modules.map((module) => [module.specifier, module.dependencies]));
  const found = new Set(roots);
  for (const specifier of found) {
    for (const { code, isDynamic, specifier: written } of dependencies.get(specifier) ?? []) {
      if (code && !isDynamic) found.add(code.specifier ?? written);
    }
  }
  return [...found];
}

Deno.test("a command loads nothing at its start that it may not need", async (t) => {
  const seen = await loadedWith("commands/collect.ts");
  assert.ok(seen.some((specifier) => /^npm:\/?prom-client/.test(specifier)), "it sees packages");
  for (const [path, pattern] of Object.entries(NOT_AT_START)) {
    await t.step(path, async () => {
      const loaded = await loadedWith(path);
      assert.ok(loaded.length > 5, `${loaded}`);
      assert.deepEqual(loaded.filter((specifier) => pattern.test(specifier)), []);
    });
  }
});
