import assert from "node:assert/strict";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import { parseEndpointSpec, simulateDevice } from "../../lib/simulate/mod.ts";
import { runOrThrow } from "../../scripts/services.ts";
import { eventually, freePort, loopbackNet, run, simulate, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";

/** Long enough that the devices stay in their first state. */
const STILL = ["--step-ms", "3600000"];
const MANY_MODELS = "1,2:2,103,120,122,160:3,201,302:2,403:2,501,701,702,705:2,707:1,714:2,802";

/** A device as its own class makes it, in its first state. */
async function deviceOf(spec: string) {
  const { models, baseAddress } = parseEndpointSpec(spec);
  const identity = {
    manufacturer: "Helio",
    model: "H-10",
    options: "",
    version: "1.2",
    serialNumber: "SN0001",
  };
  const options = { identity, unitId: 1, seed: 1, baseAddress, models };
  return await simulateDevice(options, await sunspecDefinitions(undefined));
}

serviceTest(
  "mbpoll reads from a simulated device what it serves",
  ["mbpoll"],
  async ({ mbpoll }) => {
    using folder = temporaryFolder();
    await using devices = await simulate(["--models", "1,103", ...STILL], { cwd: folder.path });
    const [host = "", port = ""] = devices.endpoints[0].split(":");
    const text = await runOrThrow(mbpoll, [
      ...[
        "-m",
        "tcp",
        "-p",
        port,
        "-a",
        "1",
        "-0",
        "-r",
        "40000",
        "-c",
        "100",
        "-t",
        "4:hex",
        "-1",
        host,
      ],
    ]);
    const words = [...text.matchAll(/^\[(\d+)\]:\s+0x([0-9A-F]{4})/gm)];
    const map = (await deviceOf("1,103")).mapAt(0);
    const expected = Array.from({ length: 100 }, (_, i) => [
      String(40_000 + i),
      ((map[i * 2] ?? 0) * 256 + (map[i * 2 + 1] ?? 0)).toString(16).padStart(4, "0").toUpperCase(),
    ]);
    assert.deepEqual(words.map(([, address, word]) => [address, word]), expected);
  },
);

/** Points without pads, and without what pysunspec2 adds of its own. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null) return value;
  const own = ["mid", "error", "model_id"];
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => !own.includes(key) && !/^Pad\d*$|^pad$/i.test(key))
      .map(([key, inner]) => [key, comparable(inner)]),
  );
}

serviceTest(
  "pysunspec2 scans a simulated device and agrees with read --raw leaf by leaf",
  ["python"],
  async ({ python }) => {
    using folder = temporaryFolder();
    const cwd = folder.path;
    await using devices = await simulate(["--models", MANY_MODELS, ...STILL], { cwd });
    const [host = "", port = ""] = devices.endpoints[0].split(":");
    const script = new URL("python/scan_device.py", import.meta.url).pathname;
    const theirs = JSON.parse(await runOrThrow(python, [script, host, port, "1"]));
    const { out, code, err } = await run(["read", devices.endpoints[0], "--raw", "--json"], {
      cwd,
    });
    assert.equal(code, 0, err);
    const ours = JSON.parse(out).models;
    assert.equal(ours.length, MANY_MODELS.split(",").length);
    for (const [i, model] of ours.entries()) {
      assert.equal(model.id, theirs[i].id);
      assert.equal(model.address, theirs[i].address);
      assert.deepEqual(comparable(model.points), comparable(theirs[i].points), `model ${model.id}`);
    }
  },
);

serviceTest("a register image served by pymodbus is read whole", ["python"], async ({ python }) => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  const map = (await deviceOf("1,103,160:2")).mapAt(0);
  const registers = Array.from(
    { length: map.length / 2 },
    (_, i) => (map[i * 2] ?? 0) * 256 + (map[i * 2 + 1] ?? 0),
  );
  const hostname = `${loopbackNet()}.1`;
  const port = freePort(hostname);
  const server = new Deno.Command(python, {
    args: [new URL("python/serve_image.py", import.meta.url).pathname, hostname, String(port)],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const input = server.stdin.getWriter();
    await input.write(
      new TextEncoder().encode(`${JSON.stringify({ address: 40_000, registers })}\n`),
    );
    await input.close();
    const read = () => run(["read", `${hostname}:${port}`, "--raw", "--json"], { cwd });
    const { out } = await eventually("pymodbus answers", async () => {
      const ended = await read();
      return ended.code === 0 ? ended : undefined;
    });
    const theirs = JSON.parse(out);
    assert.equal(theirs.chain_end, "end_model");

    await using devices = await simulate(["--models", "1,103,160:2", ...STILL], { cwd });
    const own = await run(["read", devices.endpoints[0], "--raw", "--json"], { cwd });
    assert.deepEqual(theirs.models, JSON.parse(own.out).models);
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
});
