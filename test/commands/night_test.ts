import assert from "node:assert/strict";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import { serveModbus } from "../../lib/modbus/mod.ts";
import { compileLayout, encodeModel, type WireValue } from "../../lib/sunspec/mod.ts";
import { eventually, freePort, loopbackNet, run, start, temporaryFolder } from "../program.ts";

type Values = { readonly [name: string]: WireValue };

const COMMON = { Mn: "Helio", Md: "H-10", SN: "SN0001" };
const NAMEPLATE = { WRtg: 1000, WRtg_SF: 1 };
const FACTORS = { W_SF: 0, WH_SF: 0 };

async function modelHex(id: number, length: number, values: Values): Promise<string> {
  const definition = await (await sunspecDefinitions(undefined)).get(id) ?? assert.fail();
  const layout = compileLayout(definition, length, () => 0);
  return encodeModel(layout, (name) => values[name] ?? null).toHex();
}

/** An inverter's registers from 40000 on: what it does, its power, its energy. */
async function inverter(St: number, W: number, WH: number | null): Promise<Uint8Array> {
  const models = [
    await modelHex(1, 66, COMMON),
    await modelHex(120, 26, NAMEPLATE),
    await modelHex(103, 50, { ...FACTORS, St, W, WH }),
  ];
  return Uint8Array.fromHex(`53756E53${models.join("")}FFFF0000`);
}

const SLEEPING = 2;
const MPPT = 4;

/** Everything that `collect` says of itself. */
async function metricsOf(address: string): Promise<string> {
  return await (await fetch(`http://${address}/metrics`)).text();
}

async function untilMetrics(address: string, line: RegExp): Promise<void> {
  await eventually(String(line), async () => line.test(await metricsOf(address)));
}

/** Waits until the device has been polled twice more. */
async function polled(address: string): Promise<void> {
  const polls = async () =>
    Number(/polls_total\{.*result="ok"\} (\d+)/.exec(await metricsOf(address))?.[1] ?? 0);
  const before = await polls();
  await eventually("it is polled on", async () => await polls() >= before + 2);
}

/** The readings of model 103 that were delivered, as `W/quality WH/quality`, each once. */
async function delivered(cwd: string): Promise<string[]> {
  const files = [...Deno.readDirSync(`${cwd}/readings`)].map(({ name }) => name)
    .filter((name) => name.endsWith(".avro")).sort().map((name) => `readings/${name}`);
  const { out } = await run(["decode", ...files], { cwd });
  const lines = out.trimEnd().split("\n").map((line) => JSON.parse(line))
    .sort((a, b) => a.position - b.position);
  const told = lines.filter(({ source }) => source === "sunspec/103").map(({ kind, points }) => {
    const point = (name: string) => {
      const found = points.find((point: { name: string }) => point.name === name);
      return found && `${found.value ?? found.text}/${found.quality ?? "good"}`;
    };
    return kind === "event" ? `event ${point("event")}` : `${point("W")} ${point("WH")}`;
  });
  return told.filter((line, i) => line !== told[i - 1]);
}

Deno.test("an inverter's night: it sleeps, wakes up with rubbish, and nothing false is delivered as good", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  const hostname = `${loopbackNet()}.1`;
  const port = freePort(hostname);
  let registers = await inverter(MPPT, 3000, 5000);
  const serve = () =>
    serveModbus({ hostname, port }, (_unit, { address, quantity }) => {
      const start = (address - 40_000) * 2;
      const end = start + quantity * 2;
      return start < 0 || end > registers.length ? 2 : registers.subarray(start, end);
    });
  await Deno.writeTextFile(`${cwd}/site.toml`, `[[devices]]\nendpoint = "${hostname}:${port}"\n`);
  const day = serve();
  await using collect = start(["collect", "--config", "site.toml"], {
    cwd,
    env: { SUNSPEC_METRICS_PORT: "0", SUNSPEC_POLL_INTERVAL_MS: "300" },
  });
  const [, address = ""] = await collect.told(/"metrics are served","address":"([^"]+)"/);
  await polled(address);
  registers = await inverter(SLEEPING, 0, 5000);
  await polled(address);
  await day[Symbol.asyncDispose]();
  await untilMetrics(address, /state="asleep"\} 1/);
  const ready = await fetch(`http://${address}/readyz`);
  assert.equal(ready.status, 200, await ready.text());
  await collect.told(/"level":"info","message":"device went to sleep"/);

  registers = await inverter(MPPT, 32_000, null);
  await using _morning = serve();
  await untilMetrics(address, /quality_total\{.*quality="counter_held"\} 1/);
  registers = await inverter(MPPT, 200, 5001);
  await polled(address);
  const { code, err } = await collect.stop();
  assert.equal(code, 0);
  assert.doesNotMatch(err, /"level":"(warn|error)","message":"(Cannot|The connection)/);
  const lines = await delivered(cwd);
  assert.deepEqual(lines.slice(0, 2), ["3000/good 5000/good", "0/good 5000/good"]);
  assert.equal(lines[2], "32000/implausible 5000/counter_held");
  assert.equal(lines.at(-1), "200/good 5001/good");
});
