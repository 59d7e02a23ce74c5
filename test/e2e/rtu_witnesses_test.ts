import assert from "node:assert/strict";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import { simulateDevice } from "../../lib/simulate/mod.ts";
import { runOrThrow } from "../../scripts/services.ts";
import { ptyPair } from "../modbus/pty_pair.ts";
import { eventually, freePort, loopbackNet, run, simulate, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";

/** Long enough that the devices stay in their first state. */
const STILL = ["--step-ms", "3600000"];

/** The registers of the simulated device, from 40000 on. */
async function registersOf(): Promise<number[]> {
  const identity = {
    manufacturer: "Helio",
    model: "H-10",
    options: "",
    version: "1.2",
    serialNumber: "SN0001",
  };
  const models = [{ id: 1, groups: 1 }, { id: 103, groups: 1 }, { id: 160, groups: 2 }];
  const options = { identity, unitId: 1, seed: 1, baseAddress: 40_000, models };
  const map = (await simulateDevice(options, await sunspecDefinitions(undefined))).mapAt(0);
  const view = new DataView(map.buffer, map.byteOffset, map.byteLength);
  return Array.from({ length: map.length / 2 }, (_, i) => view.getUint16(i * 2));
}

serviceTest(
  "mbpoll reads from a simulated device on a serial line",
  ["mbpoll", "socat"],
  async ({ mbpoll, socat }) => {
    using folder = temporaryFolder();
    await using pair = await ptyPair(socat, folder.path);
    const listen = `serial:${pair.theirs}?baud=19200`;
    await using _devices = await simulate(
      ["--models", "1,103,160:2", "--listen", listen, ...STILL],
      { cwd: folder.path },
    );
    const words = "-m rtu -b 19200 -P none -a 1 -0 -r 40000 -c 100 -t 4:hex -1".split(" ");
    const text = await runOrThrow(mbpoll, [...words, pair.ours]);
    const found = [...text.matchAll(/^\[(\d+)\]:\s+0x([0-9A-F]{4})/gm)];
    const expected = (await registersOf()).slice(0, 100);
    assert.deepEqual(found.map(([, , hex = ""]) => Number.parseInt(hex, 16)), expected);
  },
);

serviceTest(
  "RTU frames served by pymodbus are read whole, over TCP and on a serial line",
  ["python", "socat"],
  async ({ python, socat }, t) => {
    using folder = temporaryFolder();
    const here = { cwd: folder.path };
    await using pair = await ptyPair(socat, folder.path);
    const hostname = `${loopbackNet()}.1`;
    const port = freePort(hostname);
    await using devices = await simulate(["--models", "1,103,160:2", ...STILL], here);
    const own = await run(["read", devices.endpoints[0], "--raw", "--json"], here);
    for (
      const [endpoint, words] of [
        [`rtu+tcp://${hostname}:${port}`, ["tcp", hostname, String(port)]],
        [`serial:${pair.ours}?baud=115200`, ["serial", pair.theirs, "115200"]],
      ] as const
    ) {
      await t.step(endpoint.slice(0, 6), async () => {
        const script = new URL("python/serve_rtu.py", import.meta.url).pathname;
        const server = new Deno.Command(python, {
          args: [script, ...words],
          stdin: "piped",
          stdout: "null",
          stderr: "null",
        }).spawn();
        try {
          const input = server.stdin.getWriter();
          const image = { address: 40_000, registers: await registersOf() };
          await input.write(new TextEncoder().encode(`${JSON.stringify(image)}\n`));
          await input.close();
          const ended = await eventually("pymodbus answers", async () => {
            const ended = await run(["read", endpoint, "--raw", "--json"], here);
            return ended.code === 0 ? ended : undefined;
          });
          const theirs = JSON.parse(ended.out);
          assert.equal(theirs.chain_end, "end_model");
          assert.deepEqual(theirs.models, JSON.parse(own.out).models);
        } finally {
          server.kill("SIGKILL");
          await server.status;
        }
      });
    }
  },
);
