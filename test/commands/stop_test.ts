import assert from "node:assert/strict";
import { delay } from "../../lib/backoff.ts";
import { Chance } from "../modbus/chance.ts";
import {
  eventually,
  freePort,
  loopbackNet,
  type Program,
  run,
  simulate,
  start,
  temporaryFolder,
} from "../program.ts";
import { Listener, silent } from "../scan/listener.ts";

/** Past the start, the first polls, commits and deliveries. */
const LATEST_MS = 1500;
const INSTANTS = 3;
const SIGTERM = 1n << 14n;

/** Waits until the process catches the signal: from then on it has to end in order. */
async function catchesSignals({ pid }: Program): Promise<void> {
  await eventually("it catches SIGTERM", async () => {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    const [, caught = "0"] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status) ?? [];
    return (BigInt(`0x${caught}`) & SIGTERM) !== 0n;
  });
}

/** Stops a collector at some instants; gives how many readings it kept in all. */
async function stopAtRandom(cwd: string, toml: string, seed: number): Promise<number> {
  const chance = new Chance(seed);
  await Deno.writeTextFile(`${cwd}/collect.toml`, toml);
  let readings = 0;
  for (let instant = 0; instant < INSTANTS; instant++) {
    await using collect = start(["collect", "--config", "collect.toml"], {
      cwd,
      env: {
        SUNSPEC_METRICS_PORT: "0",
        SUNSPEC_POLL_INTERVAL_MS: "20",
        SUNSPEC_BUFFER_COMMIT_INTERVAL_MS: "30",
        SUNSPEC_DRAIN_DEADLINE_MS: "500",
      },
    });
    await catchesSignals(collect);
    const ms = chance.below(LATEST_MS);
    await delay(ms);
    const { code, out, err } = await collect.stop();
    const when = `seed ${seed}, instant ${instant}, ${ms} ms after the start`;
    assert.deepEqual([code, out], [0, ""], `${when}: ${err}`);
    const [, count] = /stopped: devices \d+, readings (\d+)/.exec(err) ?? [];
    assert.doesNotMatch(err, /left behind/, when);
    readings += Number(count);
  }
  return readings;
}

Deno.test("a stop at any instant ends in order, and every reading is delivered once", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103/1-2"], { cwd });
  const toml = `[[devices]]\nendpoint = "${simulation.endpoints[0]}"\nunit_ids = [1, 2]\n`;
  const seed = Math.floor(Math.random() * 2 ** 31);
  const readings = await stopAtRandom(cwd, toml, seed);
  await run(["drain"], { cwd });
  const names = [...Deno.readDirSync(`${cwd}/readings`)].map(({ name }) => `readings/${name}`);
  const { out } = await run(["decode", ...names], { cwd });
  const positions = out.split("\n").filter((line) => line !== "")
    .map((line): number => JSON.parse(line).position).toSorted((a, b) => a - b);
  assert.deepEqual(positions, Array.from({ length: readings }, (_, i) => i + 1), `seed ${seed}`);
});

Deno.test("a stop ends in order while nothing answers: no device, no broker, nothing in a search", async () => {
  await using deaf = new Listener(`${loopbackNet()}.1`, silent);
  const down = `127.0.0.1:${freePort("127.0.0.1")}`;
  for (
    const toml of [
      `[[devices]]\nendpoint = "${deaf.hostname}:${deaf.port}"\n[kafka]\nbrokers = ["${down}"]\n`,
      `[discovery]\nsubnet = "${loopbackNet()}.0/24"\nport = ${freePort("127.0.0.1")}\n` +
      `[kafka]\nbrokers = ["${deaf.hostname}:${deaf.port}"]\n`,
    ]
  ) {
    using folder = temporaryFolder();
    const seed = Math.floor(Math.random() * 2 ** 31);
    assert.equal(await stopAtRandom(folder.path, toml, seed), 0);
  }
});
