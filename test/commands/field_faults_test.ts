import assert from "node:assert/strict";
import type { DecodedRecord } from "../../lib/avro/mod.ts";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import {
  type Fault,
  parseEndpointSpec,
  parseFault,
  serveEndpoint,
  type SimulatedEndpoint,
} from "../../lib/simulate/mod.ts";
import { Expected, type ExpectedPoint } from "../e2e/expected.ts";
import { Chance } from "../modbus/chance.ts";
import { eventually, loopbackNet, run, start, temporaryFolder } from "../program.ts";

/** One device of each: what no reader should mind, and what each should survive. */
const SPEC = "1,103,160:2";
/** Each fault alone. Shares leave a device answers to live on. */
const FAULTS = [
  ...["slots", "slots=1:ignore", "idle=150", "pause=60", "connect-pause=100", "late=900%20"],
  ...["twice", "fin%20", "rst%20", "stale-id%20", "previous%20", "long%20", "short%20"],
  ...["wrong-unit%20", "wrong-function%20", "wrong-count%20", "reorder%20", "night=4-8"],
  ...["cap=50:3", "cap=64:2", "cap=80:silence", "exception=4%20", "exception=5%20"],
  ...["exception=6%20", "exception=10%20", "exception=11%20", "only-fc=3", "only-fc=4"],
  ...[
    "end=zero",
    "end=exception",
    "end=silence",
    "length=1:13",
    "length=1:15",
    "length=103:49",
    "firmware=3",
  ],
  ...["length=160:18", "scale", "sentinels", "counter=5"],
];
const COMBINATIONS = 20;
const STEP_MS = 500;
/** A minute is the longest backoff, and how often a unit that was given up is asked. */
const BACK_MS = 100_000;
/** States of the devices for which the faults last. */
const FAULTY_STATES = 14;

/** The same fault until it is over. */
function until(isOver: () => boolean, fault: Fault): Fault {
  const { value, map, answer, hears, deliver } = fault;
  return {
    ...fault,
    ...(value ? { value: (leaf, raw, n) => isOver() ? raw : value(leaf, raw, n) } : {}),
    ...(map ? { map: (whole, n) => isOver() ? whole : map(whole, n) } : {}),
    ...(answer ? { answer: (read, ask, n) => isOver() ? ask() : answer(read, ask, n) } : {}),
    ...(hears ? { hears: (client, now, n) => isOver() || hears(client, now, n) } : {}),
    ...(deliver ? { deliver: (outgoing) => isOver() ? undefined : deliver(outgoing) } : {}),
  };
}

/** Texts of faults, by device: none, each alone, then some at once. */
function assignments(chance: Chance): string[][] {
  const wires = FAULTS.filter((text) => !/^(slots|end|length|night|only-fc)/.test(text));
  const combined = Array.from({ length: COMBINATIONS }, () => {
    const wanted = 2 + chance.below(2);
    return Array.from({ length: wanted }, () => wires[chance.below(wires.length)] ?? "");
  });
  return [[], ...FAULTS.map((text) => [text]), ...combined, []];
}

Deno.test("no fault of the field, alone or with others, stores a wrong value, and all devices come back", async () => {
  const chance = new Chance();
  const said = assignments(chance);
  using folder = temporaryFolder();
  const cwd = folder.path;
  const net = loopbackNet();
  const startedAt = Date.now();
  const stateOf = () => Math.floor((Date.now() - startedAt) / STEP_MS);
  const isOver = () => stateOf() >= FAULTY_STATES;
  await using served = new AsyncDisposableStack();
  const endpoints: SimulatedEndpoint[] = [];
  const definitions = await sunspecDefinitions(undefined);
  for (const [index, texts] of said.entries()) {
    const random = () => chance.next();
    const faults = texts.map((text) => until(isOver, parseFault(text, random)));
    const at = { hostname: `${net}.${index + 1}`, port: 0, index };
    const spec = { ...parseEndpointSpec(SPEC), faults };
    endpoints.push(served.use(await serveEndpoint(spec, at, definitions, stateOf)));
  }
  await Deno.writeTextFile(
    `${cwd}/sunspool.toml`,
    [
      "[poller]\npoll_interval_ms = 400\nrequest_timeout_ms = 400",
      "[modbus]\nretry_count = 0",
      "[metrics]\nport = 0",
      ...endpoints.map(({ endpoint }) => `[[devices]]\nendpoint = "${endpoint}"`),
    ].join("\n"),
  );
  await using collector = start(["collect", "--config", "sunspool.toml"], { cwd });
  const url = (await collector.told(/"address":"([\d.:]+)"/))[1] ?? "";
  await eventually("the faults are over", isOver);

  const polled = async () => await okPolls(url);
  const before = await polled();
  // A device that lies about its common model has no name, and no other model to be seen by.
  const isNamed = (texts: readonly string[]) => !texts.some((text) => text.startsWith("length=1:"));
  const names = endpoints.map((_, index) => `Helio-H-10-SN${String(index + 1).padStart(4, "0")}`);
  let missing: string[] = [];
  await eventually(
    "every device is polled again",
    async () => {
      const now = await polled();
      missing = names.flatMap((name, i) => {
        const texts = said[i] ?? [];
        const isBack = (now.get(name) ?? 0) >= (before.get(name) ?? 0) + 2;
        return isBack || !isNamed(texts) ? [] : [`${name} (${texts})`];
      });
      return missing.length === 0;
    },
    () => `SEED=${chance.seed}: ${missing.join(", ")}; ${collector.err}`,
    BACK_MS,
  );
  const healthy = await failedPolls(url, [names[0] ?? "", names.at(-1) ?? ""]);
  assert.deepEqual(healthy, [], "devices without faults never fail a poll");

  const { code, err } = await collector.stop();
  assert.equal(code, 0, err);
  const { out } = await run(["decode", ...files(cwd)], { cwd });
  const records: DecodedRecord[] = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  await assertTrue(records, { endpoints, said, startedAt, seed: chance.seed });
});

interface Scene {
  readonly endpoints: readonly SimulatedEndpoint[];
  readonly said: readonly (readonly string[])[];
  readonly startedAt: number;
  readonly seed: number;
}

/** Each value that is not marked is one that its device had at that time, or just before. */
async function assertTrue(
  records: readonly DecodedRecord[],
  { endpoints, said, startedAt, seed }: Scene,
): Promise<void> {
  const expected = await Expected.of(endpoints.map(() => SPEC));
  let compared = 0;
  for (const record of records) {
    const { kind, device, model_id, collected_at, points } = Object(record);
    if (kind !== "reading" || ![1, 103, 160].includes(model_id)) continue;
    const index = endpoints.findIndex(({ endpoint }) => endpoint === device.endpoint);
    const n = Math.floor((collected_at / 1000 - startedAt) / STEP_MS);
    const states = [n, n - 1, n - 2, n - 3].filter((state) => state >= 0)
      .map((state) => new Map(byName(expected.points(index, 1, model_id, state))));
    for (const { name, value, text, quality } of points) {
      if (quality !== null) continue;
      compared++;
      const isTrue = states.some((state) => {
        const want = state.get(name);
        return want !== undefined && want.value === value && want.text === text;
      });
      assert.ok(
        isTrue,
        `${said[index]} stored ${model_id}.${name} = ${value ?? text} at state ${n} (SEED=${seed})`,
      );
    }
  }
  assert.ok(compared > 10_000, `only ${compared} values were stored`);
}

function byName(points: readonly ExpectedPoint[]) {
  return points.map((point) => [point.name, point] as const);
}

/** Good polls of each device. */
async function okPolls(address: string): Promise<Map<string, number>> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const found = text.matchAll(/^sunspool_polls_total\{device="([^"]+)",result="ok"\} (\d+)/gm);
  return new Map([...found].map(([, device = "", count]) => [device, Number(count)] as const));
}

/** Polls of these devices that were not good. */
async function failedPolls(address: string, devices: readonly string[]): Promise<string[]> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  return text.split("\n").filter((line) =>
    line.startsWith("sunspool_polls_total") && !line.includes('result="ok"') &&
    devices.some((device) => line.includes(`"${device}"`))
  );
}

function files(cwd: string): string[] {
  return [...Deno.readDirSync(`${cwd}/readings`)].map(({ name }) => `readings/${name}`);
}
