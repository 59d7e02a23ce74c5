import assert from "node:assert/strict";
import { delay } from "../../lib/backoff.ts";
import { ServiceManager } from "../service_manager.ts";
import {
  eventually,
  freePort,
  type Program,
  simulate,
  start,
  temporaryFolder,
} from "../program.ts";
import { Listener } from "../scan/listener.ts";

const HANGING = new URL("./hanging.ts", import.meta.url).pathname;
const MINUTE_US = "60000000";

/** A collector on a fast clock that is watched as by `WatchdogSec=60`. */
async function watched(what: string, cwd: string, toml: string, manager: ServiceManager) {
  const file = `${cwd}/${what}.toml`;
  await Deno.writeTextFile(file, toml);
  const collect = start(["collect", "--config", file], {
    cwd,
    program: ["run", "-A", HANGING, what],
    env: {
      NOTIFY_SOCKET: manager.path,
      WATCHDOG_USEC: MINUTE_US,
      SUNSPEC_METRICS_PORT: "0",
      SUNSPEC_BUFFER_PATH: `${what}.sqlite`,
      SUNSPEC_FILE_DIRECTORY: what,
      // On this clock a busy machine takes long to answer.
      SUNSPEC_MODBUS_TIMEOUT_MS: "30000",
      SUNSPEC_POLL_INTERVAL_MS: "3000",
    },
  });
  const count = (start: string) => manager.heard.filter((line) => line.startsWith(start)).length;
  const more = async (line: string, times: number) => {
    const before = count(line);
    await eventually(
      `${line} is heard again`,
      () => count(line) >= before + times,
      () => collect.err,
    );
  };
  return { collect, count, more };
}

async function stoppedWell(collect: Program): Promise<void> {
  const { code, err } = await collect.stop();
  assert.equal(code, 0, err);
}

for (
  const [what, vital] of [
    ["append", "the buffer"],
    ["delivery", "the delivery to file"],
    ["supervisor", "polling"],
    ["thread_loop", "the buffer"],
  ] as const
) {
  Deno.test(`the watchdog starves when this hangs, and a stop ends it all the same: ${what}`, async () => {
    using folder = temporaryFolder();
    const cwd = folder.path;
    await using simulation = await simulate(["--device", "1,103"], { cwd });
    await using manager = new ServiceManager(`${cwd}/notify`);
    const isolate = what.startsWith("thread");
    const toml = `buffer.isolate = ${isolate}\n[[devices]]\nendpoint = "${
      simulation.endpoints[0]
    }"\n`;
    const { collect, count, more } = await watched(what, cwd, toml, manager);
    await using _running = collect;
    await collect.told(/"device found"/);
    await more("WATCHDOG=1", 3);
    if (isolate) await Deno.writeTextFile(`${cwd}/hang`, "");
    else collect.kill("SIGUSR1");
    await collect.told(new RegExp(`"level":"error","message":"${vital} hangs: no progress for`));
    await more("STATUS=", 1);
    const pings = count("WATCHDOG=1");
    await more("STATUS=", 3);
    assert.equal(count("WATCHDOG=1"), pings);
    await stoppedWell(collect);
  });
}

Deno.test("a process that stands still pings no more; one that goes on replaces no poller for it", async () => {
  for (const [what, signal] of [["loop", "SIGUSR1"], ["nothing", "SIGSTOP"]] as const) {
    using folder = temporaryFolder();
    const cwd = folder.path;
    await using simulation = await simulate(["--device", "1,103"], { cwd });
    await using manager = new ServiceManager(`${cwd}/notify`);
    const toml = `[[devices]]\nendpoint = "${simulation.endpoints[0]}"\n`;
    const { collect, count, more } = await watched(what, cwd, toml, manager);
    await using _running = collect;
    await collect.told(/"device found"/);
    await more("WATCHDOG=1", 3);
    collect.kill(signal);
    // What was said before is heard.
    await delay(500);
    const pings = count("WATCHDOG=1");
    // Beyond what a poller may take, on its clock.
    await delay(4000);
    assert.equal(count("WATCHDOG=1"), pings, what);
    if (signal !== "SIGSTOP") continue;
    collect.kill("SIGCONT");
    await more("WATCHDOG=1", 12);
    assert.doesNotMatch(collect.err, /is replaced/);
    await stoppedWell(collect);
  }
});

Deno.test("a collector whose buffer's thread dies ends, to be started again", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103"], { cwd });
  await using manager = new ServiceManager(`${cwd}/notify`);
  const toml = `buffer.isolate = true\n[[devices]]\nendpoint = "${simulation.endpoints[0]}"\n`;
  const { collect, more } = await watched("thread_death", cwd, toml, manager);
  await using _running = collect;
  await more("WATCHDOG=1", 3);
  await Deno.writeTextFile(`${cwd}/hang`, "");
  const { code, err } = await collect.end();
  assert.equal(code, 1);
  assert.match(err, /error: The thread of the buffer failed: .*out of luck/);
});

Deno.test("silent devices and a broker that swallows everything are no hang", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using silent = new Listener("127.0.0.1", async (connection) => {
    for await (const _ of connection.readable);
  });
  await using manager = new ServiceManager(`${cwd}/notify`);
  const toml = `[[devices]]\nendpoint = "127.0.0.1:${silent.port}"\n` +
    `[[devices]]\nendpoint = "127.0.0.1:${freePort("127.0.0.1")}"\n` +
    `[kafka]\nbrokers = ["127.0.0.1:${silent.port}"]\n`;
  const { collect, more } = await watched("nothing", cwd, toml, manager);
  await using _running = collect;
  // Six minutes and more on its clock: beyond every limit, and several tries of each kind.
  for (let minute = 0; minute < 6; minute++) await more("WATCHDOG=1", 12);
  assert.doesNotMatch(collect.err, /hangs: no progress/);
  await stoppedWell(collect);
});
