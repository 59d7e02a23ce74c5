import assert from "node:assert/strict";
import { closing, http, Listener, silent } from "../scan/listener.ts";
import { freePort, loopbackNet, run, simulate, temporaryFolder } from "../program.ts";
import { serveModbus } from "../../lib/modbus/mod.ts";

Deno.test("scan", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const net = loopbackNet();
  const port = freePort(`${net}.1`);
  // .1 and .2 are devices, .3 has no map, .4 is mute, .5 closes, .6 speaks HTTP, the rest refuses.
  await using _devices = await simulate([
    ...["--listen", `${net}.1:${port}`],
    ...["--device", "1,103/1,3", "--device", "1,113@0"],
  ], here);
  await using _noMap = serveModbus({ hostname: `${net}.3`, port }, () => 2);
  await using _mute = new Listener(`${net}.4`, silent, port);
  await using _closing = new Listener(`${net}.5`, closing, port);
  await using _http = new Listener(`${net}.6`, http, port);
  const quick = ["--port", String(port), "--timeout", "200"];

  await t.step("--json is the array of the contract; who is no device is counted", async () => {
    const { code, out, err } = await run(["scan", `${net}.0/28`, ...quick, "--json"], here);
    assert.equal(code, 0);
    const found: readonly Record<string, unknown>[] = JSON.parse(out);
    assert.ok(found.every(({ response_ms }) => Number.isInteger(response_ms)));
    assert.deepEqual(found.map(({ response_ms: _, ...rest }) => rest), [
      {
        endpoint: `${net}.1:${port}`,
        unit_id: 1,
        modbus: true,
        sunspec: true,
        base_address: 40_000,
        id: "Helio-H-10-SN0001",
        manufacturer: "Helio",
        model: "H-10",
        options: "",
        version: "1.2",
        serial_number: "SN0001",
        models: [1, 103],
      },
      {
        endpoint: `${net}.2:${port}`,
        unit_id: 1,
        modbus: true,
        sunspec: true,
        base_address: 0,
        id: "Helio-H-10-SN0002",
        manufacturer: "Helio",
        model: "H-10",
        options: "",
        version: "1.2",
        serial_number: "SN0002",
        models: [1, 113],
      },
      { endpoint: `${net}.3:${port}`, unit_id: 1, modbus: true, sunspec: false },
    ]);
    assert.equal(
      err,
      "14 tried: 2 SunSpec devices, 1 answer Modbus without SunSpec, 2 speak something else, " +
        "8 refused, 1 silent\n",
    );
  });

  await t.step("a busy device may be one: it is told apart from one without a map", async () => {
    await using _busy = serveModbus({ hostname: `${net}.7`, port }, () => 6);
    const json = await run(["scan", `${net}.3,${net}.7`, ...quick, "--json"], here);
    assert.equal(json.code, 0);
    const found: readonly Record<string, unknown>[] = JSON.parse(json.out);
    assert.deepEqual(found.map(({ response_ms: _, ...rest }) => rest), [
      { endpoint: `${net}.3:${port}`, unit_id: 1, modbus: true, sunspec: false },
      { endpoint: `${net}.7:${port}`, unit_id: 1, modbus: true, sunspec: false, busy: true },
    ]);
    assert.equal(
      json.err,
      "2 tried: 0 SunSpec devices, 1 answer Modbus without SunSpec, 1 busy: try again later\n",
    );
    const { out } = await run(["scan", `${net}.7`, ...quick], here);
    assert.match(out, /^127\.\S+ +1 +busy +\d+$/m);
  });

  await t.step("a table for people", async () => {
    const { code, out } = await run(["scan", `${net}.1-3`, ...quick], here);
    assert.equal(code, 0);
    assert.match(out, /^ENDPOINT +UNIT +SUNSPEC +DEVICE +MODELS +MS$/m);
    const place = (last: number) => `${net}.${last}:${port}`.replaceAll(".", "\\.");
    assert.match(out, new RegExp(`^${place(1)} +1 +yes +Helio-H-10-SN0001 +1 103 +\\d+$`, "m"));
    assert.match(out, new RegExp(`^${place(3)} +1 +no +\\d+$`, "m"));
  });

  await t.step("addresses come from arguments, lists and files; some are left out", async () => {
    await Deno.writeTextFile(
      `${folder.path}/hosts.txt`,
      `${net}.1 # the first\n\n# all of these\n${net}.2,${net}.9\n`,
    );
    const found = async (args: readonly string[], stdin?: string) => {
      const surroundings = stdin === undefined ? here : { ...here, stdin };
      const { code, out, err } = await run(
        ["scan", ...args, ...quick, "--format", "ndjson"],
        surroundings,
      );
      assert.equal(code, 0, err);
      return out.trimEnd().split("\n").filter(Boolean).map((line) => JSON.parse(line).endpoint);
    };
    const [first, second] = [`${net}.1:${port}`, `${net}.2:${port}`];
    assert.deepEqual(await found([`${net}.1,${net}.2`]), [first, second]);
    assert.deepEqual(await found(["--file", "hosts.txt"]), [first, second]);
    assert.deepEqual(await found(["--file", "-"], `${net}.2\n`), [second]);
    assert.deepEqual(await found(["--file", "hosts.txt", "--exclude", `${net}.0/31`]), [second]);
    assert.deepEqual(await found([`${net}.1:1`, `${net}.2:${port}`]), [second]);
    assert.deepEqual(await found([`${net}.10-20`]), []);
  });

  await t.step("several unit ids and several ports are tried", async () => {
    const args = ["scan", `${net}.1`, "--unit", "1-3", "--port", "1", ...quick, "--format", "csv"];
    const { out, err } = await run(args, here);
    const rows = out.trimEnd().split("\r\n").map((row) => row.split(",").slice(0, 4).join(","));
    assert.deepEqual(rows, [
      "endpoint,unit,sunspec,device",
      `${net}.1:${port},1,yes,Helio-H-10-SN0001`,
      `${net}.1:${port},3,yes,Helio-H-10-SN0001-3`,
    ]);
    assert.equal(err, "2 tried: 2 SunSpec devices, 1 refused\n");
  });

  await t.step("more than 1,024 addresses only with --force", async () => {
    const many = await run(["scan", "10.0.0.0/21", ...quick], here);
    assert.deepEqual([many.code, many.out], [2, ""]);
    assert.match(many.err, /^error: Cannot scan 2046 addresses: more than 1024 only with --force/);
    // All but one are excluded again: it is the count that matters, not the block.
    const few = await run(
      ["scan", `${net}.0/24`, "--exclude", `${net}.2-254`, "--force", ...quick, "--json"],
      here,
    );
    assert.equal(few.code, 0);
    assert.equal(JSON.parse(few.out).length, 1);
  });
});
