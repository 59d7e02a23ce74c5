import assert from "node:assert/strict";
import { waitAtMost } from "../../lib/backoff.ts";
import { deviceOptions, openDevice, sessionOptions } from "../../lib/compose/devices.ts";
import { loadConfig } from "../../lib/config/mod.ts";
import { type Endpoint, formatEndpoint } from "../../lib/core/mod.ts";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import { serveModbus, Sessions } from "../../lib/modbus/mod.ts";
import { type Found, sweep, type SweepOptions } from "../../lib/scan/mod.ts";
import { parseEndpointSpec, serveEndpoint, simulateDevice } from "../../lib/simulate/mod.ts";
import { freePort, loopbackNet, NO_SUCH_HOST } from "../program.ts";
import { closing, fullQueue, http, Listener, proxyTo, silent, ssh } from "./listener.ts";

const config = loadConfig({
  file: undefined,
  overrides: ["modbus.timeout_ms=100", "modbus.retry_count=0"],
  env: () => undefined,
});
const NET = loopbackNet();

const at = ({ hostname, port }: { hostname: string; port: number }): Endpoint => ({
  scheme: "tcp",
  host: hostname,
  port,
});

/** A simulated endpoint; SPEC as in `simulate --device`. */
async function simulated(spec: string, last: number) {
  const place = { hostname: `${NET}.${last}`, port: 0, index: last };
  const definitions = await sunspecDefinitions(undefined);
  return await serveEndpoint(parseEndpointSpec(spec), place, definitions, () => 0);
}

/** Sweeps, and gives what was found, counted and told. */
async function swept(endpoints: readonly Endpoint[], given: Partial<SweepOptions> = {}) {
  using sessions = new Sessions(sessionOptions(config));
  const found: Found[] = [];
  const progress: number[] = [];
  const counts = await sweep({
    endpoints,
    unitIds: [1],
    firstOnly: false,
    concurrency: 64,
    connectTimeoutMs: 1000,
    sessions,
    holds: true,
    open: (transport, signal) => openDevice(transport, deviceOptions(config), signal),
    onProgress: ({ done }) => progress.push(done),
    onFound: (one) => found.push(one),
    ...given,
  }, new AbortController().signal);
  const isHeld = endpoints.map((endpoint) => sessions.has(endpoint));
  return { found, counts, progress, isHeld };
}

const nothing = { done: 1, answering: 0, silent: 0, refused: 0, foreign: 0, unreachable: 0 };

Deno.test("a device is found on one connection, which is kept", async () => {
  await using device = await simulated("1,103/1", 1);
  await using counted = new Listener(`${NET}.2`, proxyTo(device));
  const { found, counts, isHeld } = await swept([at(counted)]);
  assert.deepEqual(counts, { ...nothing, answering: 1 });
  assert.deepEqual(found.map(({ unitId, device }) => [unitId, device?.identity.id]), [
    [1, "Helio-H-10-SN0002"],
  ]);
  assert.ok(found.every(({ responseMs }) => Number.isInteger(responseMs) && responseMs >= 0));
  assert.equal(counted.connections, 1);
  assert.deepEqual(isHeld, [true]);
});

Deno.test("all unit ids are asked on the one connection, and a dead one hides no other", async () => {
  await using gateway = await simulated("1,103/1-2,4", 1);
  await using counted = new Listener(`${NET}.2`, proxyTo(gateway));
  const { found, counts } = await swept([at(counted)], { unitIds: [1, 2, 3, 4] });
  assert.deepEqual(found.map(({ unitId }) => unitId), [1, 2, 4]);
  assert.deepEqual(counts, { ...nothing, answering: 1 });
  assert.equal(counted.connections, 1);
});

Deno.test("firstOnly stops at the first unit id that is known", async () => {
  await using gateway = await simulated("1,103/2-4", 1);
  const { found } = await swept([at(gateway)], { unitIds: [1, 2, 3, 4], firstOnly: true });
  assert.deepEqual(found.map(({ unitId }) => unitId), [2]);
});

Deno.test("each kind of host that is no device is counted as what it is, and let go", async () => {
  const noMap = serveModbus({ hostname: `${NET}.3`, port: 0 }, () => 2);
  const gateway = serveModbus({ hostname: `${NET}.4`, port: 0 }, () => 11);
  await using servers = new AsyncDisposableStack();
  const listener = (behaviour: ConstructorParameters<typeof Listener>[1]) =>
    at(servers.use(new Listener(`${NET}.5`, behaviour)));
  for (
    const [kind, endpoint, count, isFound] of [
      ["Modbus without SunSpec", at(servers.use(noMap)), "answering", true],
      ["a gateway without devices", at(servers.use(gateway)), "answering", false],
      ["silent", listener(silent), "silent", false],
      ["closing", listener(closing), "foreign", false],
      ["HTTP", listener(http), "foreign", false],
      ["SSH", listener(ssh), "foreign", false],
      ["refusing", at({ hostname: `${NET}.6`, port: freePort(`${NET}.6`) }), "refused", false],
      ["no such host", at({ hostname: NO_SUCH_HOST, port: 502 }), "unreachable", false],
    ] as const
  ) {
    const { found, counts, isHeld } = await swept([endpoint]);
    assert.deepEqual(counts, { ...nothing, [count]: 1 }, kind);
    assert.deepEqual(found.map(({ device }) => device), isFound ? [undefined] : [], kind);
    assert.deepEqual(isHeld, [false], kind);
  }
});

Deno.test("a host that speaks something else is not asked for every unit id", async () => {
  await using server = new Listener(`${NET}.1`, http);
  await swept([at(server)], { unitIds: [1, 2, 3, 4, 5, 6, 7, 8] });
  assert.equal(server.connections, 1);
});

Deno.test("a device among others is found, and everything is counted", async () => {
  await using device = await simulated("1,103/1", 1);
  await using mute = new Listener(`${NET}.2`, silent);
  const refusing = [3, 4, 5].map((last) => at({ hostname: `${NET}.${last}`, port: device.port }));
  const { found, counts, progress } = await swept([at(device), at(mute), ...refusing]);
  assert.equal(found.length, 1);
  assert.deepEqual(counts, { ...nothing, done: 5, answering: 1, silent: 1, refused: 3 });
  assert.deepEqual(progress, [1, 2, 3, 4, 5]);
});

Deno.test("so many endpoints are asked at the same time, and no more", async () => {
  const LIMIT = 3;
  await using servers = new AsyncDisposableStack();
  const endpoints = Array.from(
    { length: 8 },
    () => at(servers.use(new Listener(`${NET}.1`, silent))),
  );
  const allThere = Promise.withResolvers<void>();
  let [active, most] = [0, 0];
  const { counts } = await swept(endpoints, {
    concurrency: LIMIT,
    async open() {
      most = Math.max(most, ++active);
      if (active === LIMIT) allThere.resolve();
      await allThere.promise;
      active--;
      return undefined;
    },
  });
  assert.equal(most, LIMIT);
  assert.equal(counts.done, 8);
});

Deno.test("more are tried than are asked: who is silent keeps nobody waiting", async () => {
  const NUMBER = 4;
  await using device = await simulated("1,103", 1);
  await using servers = new AsyncDisposableStack();
  const there = Array.from(
    { length: NUMBER },
    () => at(servers.use(new Listener(`${NET}.2`, proxyTo(device)))),
  );
  const mute: Endpoint[] = [];
  for (let i = 0; i < NUMBER; i++) mute.push(at(servers.use(await fullQueue(`${NET}.3`))));
  let [active, most] = [0, 0];
  const early: number[][] = [];
  const { counts, isHeld } = await swept([...mute, ...there], {
    concurrency: 2,
    trying: 2 * NUMBER,
    holds: false,
    connectTimeoutMs: 2000,
    async open(transport, signal) {
      most = Math.max(most, ++active);
      const found = await openDevice(transport, deviceOptions(config), signal);
      active--;
      return found;
    },
    onProgress: ({ answering, silent }) => early.push([answering, silent]),
  });
  assert.deepEqual(early.slice(0, NUMBER), [[1, 0], [2, 0], [3, 0], [4, 0]]);
  assert.deepEqual(counts, { ...nothing, done: 2 * NUMBER, answering: NUMBER, silent: NUMBER });
  assert.equal(most, 2, "asked at the same time");
  assert.ok(!isHeld.includes(true), "nobody's only connection is kept");
});

Deno.test("who leaves a request unanswered keeps no other from its turn", async () => {
  await using device = await simulated("1,103", 1);
  await using servers = new AsyncDisposableStack();
  const mute = [2, 3, 4].map((last) => at(servers.use(new Listener(`${NET}.${last}`, silent))));
  const found = Promise.withResolvers<void>();
  let isFound = false;
  const { counts } = await swept([...mute, at(device)], {
    concurrency: 1,
    trying: 4,
    async open(transport, signal) {
      try {
        return await openDevice(transport, deviceOptions(config), signal);
      } catch (error) {
        await waitAtMost(5000, found.promise);
        assert.ok(isFound, "the device waits for the silent ones");
        throw error;
      }
    },
    onFound() {
      isFound = true;
      found.resolve();
    },
  });
  assert.deepEqual(counts, { ...nothing, done: 4, answering: 1, silent: 3 });
});

Deno.test("a sweep that is stopped asks no further endpoint", async () => {
  await using servers = new AsyncDisposableStack();
  const endpoints = Array.from(
    { length: 4 },
    () => at(servers.use(new Listener(`${NET}.1`, silent))),
  );
  const stop = new AbortController();
  using sessions = new Sessions(sessionOptions(config));
  let asked = 0;
  const counts = await sweep({
    endpoints,
    unitIds: [1, 2],
    firstOnly: false,
    concurrency: 1,
    connectTimeoutMs: 1000,
    sessions,
    holds: true,
    open: () => {
      if (++asked === 3) stop.abort();
      return Promise.resolve(undefined);
    },
    onProgress: () => {},
    onFound: () => {},
  }, stop.signal);
  assert.deepEqual([asked, counts.done], [3, 2]);
});

Deno.test("a sweep that is stopped holds nothing it did not find, and names what is left", async () => {
  await using gateway = await simulated("1,103/1-2", 1);
  await using mute = new Listener(`${NET}.2`, silent);
  await using other = new Listener(`${NET}.3`, silent);
  using sessions = new Sessions(sessionOptions(config));
  const stop = new AbortController();
  const found: string[] = [];
  const left: string[] = [];
  const word = (endpoint: Endpoint) =>
    formatEndpoint(endpoint).replace(/:.*/, "").split(".").at(-1);
  const options: SweepOptions = {
    endpoints: [at(gateway), at(mute), at(other)],
    unitIds: [1, 2, 3],
    firstOnly: false,
    concurrency: 2,
    trying: 3,
    connectTimeoutMs: 1000,
    sessions,
    holds: true,
    open: async (transport, signal) => {
      if (transport.unitId === 2) stop.abort();
      return await openDevice(transport, deviceOptions(config), signal);
    },
    onProgress: () => {},
    onLeft: (endpoint, unitIds) => left.push(`${word(endpoint)}: ${unitIds}`),
    onFound: ({ endpoint, unitId }) => found.push(`${word(endpoint)}: ${unitId}`),
  };
  await assert.rejects(sweep(options, stop.signal), { name: "AbortError" });
  assert.deepEqual(found, ["1: 1"]);
  assert.ok(left.includes("1: 2,3"), `${left}`);
  assert.deepEqual(
    [gateway, mute, other].map((server) => sessions.has(at(server))),
    [true, false, false],
  );
});

Deno.test("a device that answers at any unit id is found once", async () => {
  const definitions = await sunspecDefinitions(undefined);
  const { models } = parseEndpointSpec("1,103");
  const identity = { manufacturer: "H", model: "M", options: "", version: "", serialNumber: "S1" };
  const only = await simulateDevice(
    { identity, unitId: 1, seed: 1, baseAddress: 40_000, models },
    definitions,
  );
  await using server = serveModbus(
    { hostname: `${NET}.1`, port: 0 },
    (_unit, { address, quantity }) => only.read(address, quantity, 0),
  );
  const { found, counts } = await swept([at(server)], { unitIds: [1, 2, 3, 126] });
  assert.deepEqual(found.map(({ unitId }) => unitId), [1]);
  assert.deepEqual(counts, { ...nothing, answering: 1 });
});

Deno.test("an endpoint with more unit ids than there is time for is left, and the rest named", async () => {
  await using gateway = await simulated("1,103/1-2,9", 1);
  const left: (readonly number[])[] = [];
  const asked: number[] = [];
  const { found, counts } = await swept([at(gateway)], {
    unitIds: [1, 2, 3, 9],
    withinMs: 0,
    onUnit: (_endpoint, unitId) => asked.push(unitId),
    onLeft: (_endpoint, unitIds) => left.push(unitIds),
  });
  assert.deepEqual([asked, left, counts.done], [[1], [[2, 3, 9]], 1]);
  assert.deepEqual(found.map(({ unitId }) => unitId), [1]);
});

Deno.test("what is no fault of the wire ends the sweep", async () => {
  await using server = new Listener(`${NET}.1`, silent);
  await assert.rejects(
    swept([at(server)], { open: () => Promise.reject(new Error("no definitions")) }),
    /no definitions/,
  );
});
