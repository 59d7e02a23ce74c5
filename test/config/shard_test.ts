import assert from "node:assert/strict";
import { isOfShard, loadConfig, settings, warningsOf } from "../../lib/config/mod.ts";
import { ConfigError, formatEndpoint, parseEndpoint, UsageError } from "../../lib/core/mod.ts";
import { temporaryFolder } from "../program.ts";

function load(overrides: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return loadConfig({ file: undefined, overrides, env: (name) => env[name] });
}

/** The shard of an endpoint; there must be exactly one. */
function shardOf(endpoint: string, count: number): number {
  const ours = Array.from({ length: count }, (_, i) => i + 1)
    .filter((index) => isOfShard({ index, count }, parseEndpoint(endpoint)));
  const [index = 0] = ours;
  assert.equal(ours.length, 1, `${endpoint} is of ${ours.length} shards of ${count}`);
  return index;
}

const FLEET = Array.from({ length: 3000 }, (_, i) => `10.${i >> 8}.4.${i & 255}:502`);

Deno.test("an endpoint is of one shard, and of the same one in every version of this program", () => {
  for (
    const [endpoint, ...shards] of [
      ["192.168.1.20", 2, 2, 4],
      ["192.168.1.21", 2, 2, 2],
      ["192.168.1.21:1502", 2, 2, 2],
      ["inverter.plant.example", 2, 2, 5],
      ["[fd00::7]", 1, 1, 1],
      ["serial:/dev/ttyUSB0", 2, 2, 4],
    ] as const
  ) {
    assert.deepEqual([2, 3, 5].map((count) => shardOf(endpoint, count)), shards, endpoint);
  }
  assert.ok(isOfShard(undefined, parseEndpoint("192.168.1.20")));
});

Deno.test("how an endpoint is spoken to does not move it", () => {
  for (
    const [a, b] of [
      ["10.0.0.1:802", "tls://10.0.0.1"],
      ["Inverter-7.example", "inverter-7.example"],
      ["serial:/dev/ttyUSB0?baud=9600", "serial:/dev/ttyUSB0?baud=19200&parity=even"],
    ] as const
  ) {
    for (const count of [2, 3, 7, 100]) assert.equal(shardOf(a, count), shardOf(b, count), a);
  }
});

Deno.test("shards are of about the same size; one more takes its part and moves nothing else", () => {
  for (const count of [2, 3, 8]) {
    const sizes = Object.values(Object.groupBy(FLEET, (endpoint) => shardOf(endpoint, count)))
      .map((part) => part?.length ?? 0);
    assert.equal(sizes.length, count);
    const fair = FLEET.length / count;
    for (const size of sizes) {
      assert.ok(Math.abs(size - fair) < 5 * Math.sqrt(fair), `${sizes} of ${count}`);
    }
    for (const endpoint of FLEET) {
      const [before, after] = [shardOf(endpoint, count), shardOf(endpoint, count + 1)];
      assert.ok(after === before || after === count + 1, `${endpoint}: ${before} to ${after}`);
    }
  }
});

Deno.test("each shard has its devices, and an id and a buffer of its own", () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/plant.toml`;
  const endpoints = FLEET.slice(0, 40);
  const entries = endpoints.map((endpoint) =>
    `[[devices]]\nendpoint = "${endpoint}"\nunit_ids = [1, 2]`
  );
  Deno.writeTextFileSync(file, `collector.id = "plant"\n${entries.join("\n")}`);
  const seen: string[] = [];
  for (const index of [1, 2, 3]) {
    const flags = [{ flag: "--shard", key: "collect.shard", value: `${index}/3` }];
    const config = loadConfig({ file, overrides: [], flags, env: () => undefined });
    assert.equal(config.get(settings.collector.id), `plant-shard-${index}`);
    assert.equal(config.get(settings.buffer.path), `sunspec-buffer-shard-${index}.sqlite`);
    assert.equal(config.originOf(settings.buffer.path), `default, for shard ${index}/3`);
    for (const { endpoint, unitIds } of config.get(settings.devices)) {
      assert.deepEqual(unitIds, [1, 2], "a gateway has one connection to give");
      seen.push(formatEndpoint(endpoint));
    }
  }
  assert.deepEqual(seen.toSorted(), endpoints.toSorted());
});

Deno.test("devices of the environment are shared out as well; an id that is left out stays so", () => {
  const hosts = FLEET.slice(0, 20).map((endpoint) => endpoint.replace(":502", ""));
  const variables = { SUNSPEC_STATIC_DEVICES: hosts.join(",") };
  for (const port of [502, 1502]) {
    const parts = [1, 2].map((index) => {
      const env = { ...variables, SUNSPEC_COLLECT_SHARD: `${index}/2`, SUNSPEC_PORT: `${port}` };
      const config = load(
        ["buffer.path=/data.d/buffer"],
        port === 502 ? { ...env, SUNSPEC_PORT: "" } : env,
      );
      assert.equal(config.get(settings.collector.id), undefined);
      assert.equal(config.get(settings.buffer.path), `/data.d/buffer-shard-${index}`);
      return config.get(settings.devices).map(({ endpoint }) => formatEndpoint(endpoint));
    });
    assert.ok(parts.every(({ length }) => length > 0));
    assert.deepEqual(parts.flat().toSorted(), hosts.map((host) => `${host}:${port}`).toSorted());
  }
});

Deno.test("what is no shard is refused in one line", () => {
  for (const text of ["0/3", "4/3", "a/b", "1", "1/", "/3", "1/0", "-1/3", "1/1001", "1.5/3", ""]) {
    assert.throws(() => load([`collect.shard=${text}`]), (error) => {
      assert.ok(error instanceof UsageError, text);
      assert.match(
        error.message,
        /^Cannot use --set "collect.shard=.*": .* must be I\/N .* as 2\/3$/,
      );
      return true;
    });
    if (text === "") continue;
    assert.throws(() => load([], { SUNSPEC_COLLECT_SHARD: text }), (error) => {
      assert.ok(error instanceof ConfigError, text);
      assert.match(error.message, /^SUNSPEC_COLLECT_SHARD: collect.shard = ".*": must be I\/N .*$/);
      return true;
    });
  }
});

Deno.test("a shard that has nothing to poll says so", () => {
  const devices = "devices=10.0.0.1";
  const told = (overrides: readonly string[]) => warningsOf(load([devices, ...overrides]));
  const idle = shardOf("10.0.0.1", 2) === 1 ? "2/2" : "1/2";
  assert.deepEqual(told([`collect.shard=${idle}`]), [
    `--set: collect.shard: none of the devices is polled by shard ${idle}: use fewer shards`,
  ]);
  assert.deepEqual(told([`collect.shard=${idle}`, "discovery.subnet=10.0.0.0/24"]), []);
  assert.deepEqual(told(["collect.shard=1/1"]), []);
});
