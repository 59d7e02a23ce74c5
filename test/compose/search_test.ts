import assert from "node:assert/strict";
import { DeviceAccess } from "../../lib/compose/devices.ts";
import { isSearch, searchUnits, whereElse } from "../../lib/compose/search.ts";
import { loadConfig } from "../../lib/config/mod.ts";
import { type Endpoint, parseEndpoint, TransportError } from "../../lib/core/mod.ts";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import { type ReadHandler, serveModbus } from "../../lib/modbus/mod.ts";
import { parseEndpointSpec, simulateDevice } from "../../lib/simulate/mod.ts";
import { serveScript } from "../modbus/scripted_server.ts";
import { loopbackNet } from "../program.ts";
import { closing, Listener } from "../scan/listener.ts";

const NET = loopbackNet();
const { signal } = new AbortController();
const silently = { update() {} };

function newAccess(timeoutMs = 10_000): DeviceAccess {
  return new DeviceAccess(loadConfig({
    file: undefined,
    overrides: [`modbus.timeout_ms=${timeoutMs}`],
    env: () => undefined,
  }));
}

const { models } = parseEndpointSpec("1,103");

async function deviceAt(unitId: number, serialNumber: string) {
  const identity = { manufacturer: "H", model: "M", options: "", version: "", serialNumber };
  const options = { identity, unitId, seed: 1, baseAddress: 40_000, models };
  return await simulateDevice(options, await sunspecDefinitions(undefined));
}

/** A gateway: some unit ids have a device, the others are as `rest` says; what was asked is kept. */
async function gateway(unitIds: readonly number[], rest: ReadHandler, serialNumber?: string) {
  const asked: number[] = [];
  const devices = new Map(
    await Promise.all(
      unitIds.map(async (unitId) =>
        [unitId, await deviceAt(unitId, serialNumber ?? `${unitId}`)] as const
      ),
    ),
  );
  const server = serveModbus({ hostname: `${NET}.1`, port: 0 }, (unitId, request) => {
    asked.push(unitId);
    const { address, quantity } = request;
    return devices.get(unitId)?.read(address, quantity, 0) ?? rest(unitId, request);
  });
  const endpoint: Endpoint = parseEndpoint(`${server.hostname}:${server.port}`);
  return { endpoint, asked, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

Deno.test("auto and more than eight unit ids are a search", () => {
  assert.deepEqual(
    [["auto"], range(1, 8), range(1, 9)].map((ids) =>
      isSearch(ids[0] === "auto" ? "auto" : ids.map(Number))
    ),
    [true, false, true],
  );
});

Deno.test("a gateway of 247 unit ids is searched, absent ones costing one exception each", async () => {
  await using server = await gateway([3, 77, 247], () => 11);
  using access = newAccess();
  const ids = range(1, 247);
  const told: number[] = [];
  const progress = { update: (done: number) => told.push(done) };
  const result = await searchUnits(access, server.endpoint, ids, 60_000, progress, signal);
  assert.deepEqual([result.found, result.left], [[3, 77, 247], []]);
  assert.deepEqual(told, ids);
  const absent = server.asked.filter((unitId) => ![3, 77, 247].includes(unitId));
  assert.equal(absent.length, 244);
});

Deno.test("a unit id that stays silent beside one that answers costs one wait", async () => {
  await using server = await serveScript(({ unitId, pdu }) =>
    unitId === 1 ? [`TTTT 0000 0003 01 8${pdu[0]} 02`] : []
  );
  using access = newAccess(300);
  const endpoint = parseEndpoint(`127.0.0.1:${server.port}`);
  const { found, failures } = await searchUnits(
    ...[access, endpoint, range(1, 9), 60_000, silently, signal] as const,
  );
  assert.deepEqual([found, failures.length], [[], 8]);
  assert.deepEqual(server.heard.map(({ unitId }) => unitId), [...Array(6).fill(1), ...range(2, 9)]);
});

Deno.test("a search ends with its time, and says what it did not ask", async () => {
  await using server = await gateway([1], () => 11);
  using access = newAccess();
  const { found, left } = await searchUnits(
    ...[access, server.endpoint, "auto", 0, silently, signal] as const,
  );
  assert.deepEqual([found, left.slice(0, 3)], [[], [1, 126, 71]]);
});

Deno.test("an endpoint that cannot be connected to ends a search at once", async () => {
  const server = new Listener(`${NET}.2`, closing);
  const endpoint = parseEndpoint(`${server.hostname}:${server.port}`);
  await server[Symbol.asyncDispose]();
  using access = newAccess();
  await assert.rejects(
    searchUnits(access, endpoint, "auto", 60_000, silently, signal),
    (error) => error instanceof TransportError && error.fault === "refused",
  );
});

Deno.test("a device at another unit id than the one given is found: 126, 3 + 123, 71, 240", async () => {
  for (
    const [there, given] of [[126, 1], [126, 3], [124, 1], [71, 1], [240, 1], [1, 7]] as const
  ) {
    await using server = await gateway([there], () => 2);
    using access = newAccess();
    assert.equal((await whereElse(access, server.endpoint, given))?.unitId, there);
  }
  await using server = await gateway([], () => 2);
  using access = newAccess();
  assert.equal(await whereElse(access, server.endpoint, 1), undefined);
});

Deno.test("a device that answers at any unit id is found once, twins with one serial number twice", async () => {
  const only = await deviceAt(1, "S1");
  await using anywhere = await gateway(
    [],
    (_unit, { address, quantity }) => only.read(address, quantity, 0),
  );
  using access = newAccess();
  const search = (endpoint: Endpoint) =>
    searchUnits(access, endpoint, "auto", 60_000, silently, signal);
  assert.deepEqual((await search(anywhere.endpoint)).found, [1]);
  assert.deepEqual(new Set(anywhere.asked), new Set([1, 126, 233]));
  await using twins = await gateway([1, 2], () => 11, "S1");
  assert.deepEqual((await search(twins.endpoint)).found, [1, 2]);
});
