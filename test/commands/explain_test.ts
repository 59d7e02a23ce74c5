import assert from "node:assert/strict";
import { parseExchanges, serveModbus } from "../../lib/modbus/mod.ts";
import { replaysOf } from "../../lib/simulate/mod.ts";
import { compileLayout } from "../../lib/sunspec/mod.ts";
import { explain } from "../../lib/sunspec/explain.ts";
import { sunspecDefinitions } from "../../lib/drivers/mod.ts";
import { run, temporaryFolder } from "../program.ts";

const FIXTURE = new URL(
  "../fixtures/sunspec/three_phase_not_implemented/exchange.txt",
  import.meta.url,
).pathname;

Deno.test("read --explain shows what each value was made of", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  const [replay] = replaysOf(parseExchanges(await Deno.readTextFile(FIXTURE), "x"));
  assert.ok(replay);
  await using server = serveModbus({ hostname: "127.0.0.1", port: 0 }, replay.handler);
  const read = async (...args: readonly string[]) => {
    const { code, out, err } = await run(
      ["read", `127.0.0.1:${server.port}`, "--explain", ...args],
      here,
    );
    assert.deepEqual([code, err], [0, ""]);
    return out;
  };

  await t.step("json", async () => {
    const { models } = JSON.parse(await read("--json"));
    const [common, inverter] = models;
    assert.deepEqual(inverter.explained.map(({ point }: { point: string }) => point), [
      ...Object.keys(inverter.points),
    ]);
    const of = (name: string) =>
      inverter.explained.find(({ point }: { point: string }) => point === name);
    const at = (offset: number) => inverter.address + offset;
    for (
      const [name, want] of [
        ["A", [at(2), "0a9b", "uint16", 2715, -2, at(6), null, "A", 27.15]],
        ["AphB", [at(4), "ffff", "uint16", null, -2, at(6), null, "A", null]],
        ["W", [at(14), "1864", "int16", 6244, 0, at(15), null, "W", 6244]],
        ["VAr", [at(20), "036a", "int16", 874, null, at(21), null, "var", null]],
        ["WH", [at(24), "000f 4369", "acc32", 1_000_297, 0, at(26), null, "Wh", 1_000_297]],
        ["St", [at(38), "0004", "enum16", 4, null, null, "MPPT", null, "MPPT"]],
        ["Evt1", [at(40), "0000 0000", "bitfield32", 0, null, null, [], null, []]],
        ["Evt2", [at(42), "ffff ffff", "bitfield32", null, null, null, null, null, null]],
      ] as const
    ) {
      const { point, ...explained } = of(name);
      assert.equal(point, name);
      assert.deepEqual(Object.values(explained), want, name);
      assert.deepEqual(explained.value, inverter.points[name]);
    }
    const serial = common.explained.find(({ point }: { point: string }) => point === "SN");
    assert.match(serial.registers, /^4137 2d30 3033 3100( 0000){12}$/);
    assert.equal(serial.value, "A7-0031");
  });

  await t.step("table and csv", async () => {
    const { models } = JSON.parse(await read("--json", "103.PhVphA"));
    const { address, raw } = models[0].explained[0];
    const hex = raw.toString(16).padStart(4, "0");
    const columns = "model,point,value,unit,address,registers,type,raw,scale_factor," +
      "scale_factor_address,symbol";
    const row = `103,PhVphA,${raw / 10},V,${address},${hex},uint16,${raw},-1,${address + 3},`;
    assert.equal(await read("103.PhVphA", "--format", "csv"), `${columns}\r\n${row}\r\n`);
    const [head = "", line = ""] = (await read("103.PhVphA")).split("\n");
    assert.equal(head.trim().split(/ +/).join(",").toLowerCase(), columns);
    assert.equal(line.trim().split(/ +/).join(","), row.slice(0, -1));
  });
});

Deno.test("what was not read has no words: those in the image are ours", async () => {
  const definition = await (await sunspecDefinitions(undefined)).get(103);
  assert.ok(definition);
  const { leaves } = compileLayout(definition, 50, () => 0);
  const image = new DataView(new Uint8Array(104).fill(0xff).buffer);
  const place = { id: 103, address: 40_070, length: 50 };
  for (const leaf of leaves) {
    const unread = explain(leaf, place, { image, isRead: () => false });
    assert.equal(unread.registers, null, leaf.name);
    assert.equal(unread.address, 40_070 + leaf.offset);
  }
});
