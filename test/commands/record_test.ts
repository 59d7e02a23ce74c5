import assert from "node:assert/strict";
import { parseExchanges } from "../../lib/modbus/mod.ts";
import { eventually, run, simulate, start, temporaryFolder } from "../program.ts";

/** All but where and when. */
function placeless(text: string): unknown {
  const { device: { endpoint: _endpoint, ...device }, read_at: _readAt, ...rest } = JSON.parse(
    text,
  );
  return { device, ...rest };
}

Deno.test("what read records, simulate replays, over any transport", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using devices = await simulate(["--device", "1,103,160:2/1-2"], here);
  const args = ["--unit", "1,2", "--format", "ndjson"];
  const met = await run(["read", devices.endpoints[0], ...args, "--record", "x.txt"], here);
  assert.deepEqual([met.code, met.err], [0, ""]);
  const { mode } = await Deno.stat(`${folder.path}/x.txt`);
  assert.equal((mode ?? 0) & 0o777, 0o600);
  for (const listen of ["127.0.0.1:0", "rtu+tcp://127.0.0.1:0"]) {
    await t.step(listen, async () => {
      await using replay = await simulate(["--replay", "x.txt", "--listen", listen], here);
      assert.deepEqual(JSON.parse(replay.program.out)[0].unit_ids, [1, 2]);
      const again = await run(["read", replay.endpoints[0], ...args], here);
      assert.deepEqual([again.code, again.err], [0, ""]);
      assert.deepEqual(
        again.out.trimEnd().split("\n").map(placeless),
        met.out.trimEnd().split("\n").map(placeless),
      );
    });
  }
});

Deno.test("a recording has the last exchange, however poll and collect end", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using devices = await simulate(["--device", "1,103", "--step-ms", "1"], here);
  const [endpoint] = devices.endpoints;
  const site =
    `[[devices]]\nendpoint = "${endpoint}"\npoll_interval_ms = 20\n[metrics]\nport = 0\n`;
  await Deno.writeTextFile(`${folder.path}/site.toml`, site);
  for (
    const [name, words, signal] of [
      ["poll", ["poll", endpoint, "--interval", "20ms", "--format", "ndjson"], "SIGTERM"],
      ["collect", ["collect", "--config", "site.toml"], "SIGTERM"],
      ["collect, killed", ["collect", "--config", "site.toml"], "SIGKILL"],
    ] as const
  ) {
    await t.step(name, async () => {
      const file = `${folder.path}/${name.replaceAll(/\W/g, "")}.txt`;
      await using program = start([...words, "--record", file], here);
      await eventually("there are some exchanges", async () => {
        const text = await Deno.readTextFile(file).catch(() => "");
        return text.split("\n").length > 40;
      });
      await program.stop(signal);
      const text = await Deno.readTextFile(file);
      assert.ok(text.endsWith("\n"));
      const lines = parseExchanges(text, file);
      const requests = lines.filter(({ kind }) => kind === ">").length;
      // All but the one that was in flight have their answer.
      assert.ok(requests - (lines.length - requests) <= 1, `${requests} of ${lines.length}`);
      if (name !== "poll") return;
      const printed = program.out.trimEnd().split("\n").length;
      const reads = lines.filter(({ kind, pdu }) => kind === "<" && pdu.length > 50).length;
      assert.ok(reads >= printed, `${reads} large replies for ${printed} documents`);
    });
  }
});

Deno.test("a recording adds to what is there, and says when it cannot be written", async () => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using devices = await simulate(["--device", "1,103"], here);
  const [endpoint] = devices.endpoints;
  for (let i = 0; i < 2; i++) await run(["read", endpoint, "103.W", "--record", "x.txt"], here);
  const text = await Deno.readTextFile(`${folder.path}/x.txt`);
  assert.equal(text.match(/^# sunspool /gm)?.length, 2);
  for (
    const [args, code, want] of [
      [["read", endpoint, "--record", "none/x.txt"], 78, /Cannot record to "none\/x.txt": No such/],
      [["simulate", "--replay", "none.txt"], 2, /Cannot replay "none.txt": No such file/],
      [["simulate", "--replay", "empty.txt"], 2, /Cannot replay "empty.txt": nothing is in it/],
      [["simulate", "--replay", "junk.txt"], 2, /Cannot replay "junk.txt": line 1 is none that/],
    ] as const
  ) {
    await Deno.writeTextFile(`${folder.path}/empty.txt`, "# nothing\n");
    await Deno.writeTextFile(`${folder.path}/junk.txt`, "junk\n");
    const { code: ended, out, err } = await run(args, here);
    assert.deepEqual([ended, out], [code, ""], err);
    assert.match(err, want);
  }
});
