import assert from "node:assert/strict";
import { freePort, loopbackNet, run, simulate, start, temporaryFolder } from "../program.ts";

Deno.test("poll", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using simulation = await simulate(["--device", "1,103/1-2", "--device", "1,113@7"], here);
  const [gateway, odd = ""] = simulation.endpoints;
  const quick = ["--interval", "50ms"];
  const absent = `${loopbackNet()}.1:${freePort("127.0.0.1")}`;

  await t.step("prints one read document a line, and statistics at the end", async () => {
    const args = ["poll", gateway, "--unit", "1-2", "--count", "3", "--format", "ndjson", ...quick];
    const { code, out, err } = await run(args, here);
    assert.equal(code, 0);
    const documents = out.trimEnd().split("\n").map((line) => JSON.parse(line));
    const units = documents.map(({ device }) => device.unit_id).toSorted();
    assert.deepEqual(units, [1, 1, 1, 2, 2, 2]);
    for (const { models, read_at } of documents) {
      assert.deepEqual(models.map(({ id }: { id: number }) => id), [1, 103]);
      assert.equal(typeof models[1].points.W, "number");
      assert.equal(new Date(read_at).toISOString(), read_at);
    }
    assert.match(
      err,
      /^6 polls of 2 devices: 6 ok, 0 failed, \d+ readings, \d+\/\d+\/\d+ ms min\/median\/max\n$/,
    );
  });

  await t.step("a table and csv have one head for all polls", async () => {
    const args = ["poll", gateway, "--select", "103.W", "--count", "2", ...quick];
    const table = await run(args, here);
    assert.equal(
      table.out.match(/^TIME +DEVICE +MODEL +POINT +VALUE +UNIT +QUALITY$/mg)?.length,
      1,
    );
    assert.equal(table.out.match(/^\S+Z +Helio-H-10-SN0001 +103 +W +\d+ +W$/mg)?.length, 2);
    const csv = await run([...args, "--format", "csv"], here);
    const [head, ...rows] = csv.out.trimEnd().split("\r\n");
    assert.equal(head, "time,device,model,point,value,unit,quality");
    const watts = rows.filter((row) => /^[^,]+Z,Helio-H-10-SN0001,103,W,\d+,W,$/.test(row));
    assert.equal(watts.length, 2, csv.out);
  });

  await t.step("the devices of the configuration are polled as it says", async () => {
    await Deno.writeTextFile(
      `${folder.path}/two.toml`,
      `[[devices]]\nendpoint = "${gateway}"\nunit_ids = [2]\n\n` +
        `[[devices]]\nendpoint = "${odd}"\nbase_address = 7\n`,
    );
    const args = ["poll", "-c", "two.toml", "--count", "1", "--format", "ndjson"];
    const { code, out, err } = await run(args, here);
    assert.equal(code, 0, err);
    const ids = out.trimEnd().split("\n").map((line) => JSON.parse(line).device.id);
    assert.deepEqual(ids.toSorted(), ["Helio-H-10-SN0001-2", "Helio-H-10-SN0002"]);
  });

  await t.step("auto polls the units that are there", async () => {
    const args = ["poll", gateway, "--unit", "auto", "--count", "1", "--select", "103.W"];
    const { code, err } = await run(args, here);
    assert.equal(code, 0);
    assert.match(err, /^2 polls of 2 devices: 2 ok, 0 failed, /);
  });

  await t.step("a device that fails is told, and costs the others nothing", async () => {
    const select = ["--select", "103.W", "--count", "2", ...quick];
    const partly = await run(["poll", gateway, absent, ...select], here);
    assert.equal(partly.code, 3);
    const refused =
      `error: Cannot connect to "${absent}": refused; is Modbus TCP switched on there, ` +
      "and no other client connected?\n";
    assert.ok(partly.err.startsWith(refused.repeat(2)), partly.err);
    assert.match(partly.err, /^4 polls of 2 devices: 2 ok, 2 failed, /m);
    const failed = await run(["poll", absent, "--count", "1"], here);
    assert.deepEqual([failed.code, failed.out], [1, ""]);
    assert.equal(failed.err, `${refused}1 polls of 1 devices: 0 ok, 1 failed, 0 readings\n`);
  });

  await t.step(
    "of two that call themselves the same one gets another id, here and stored",
    async () => {
      await using other = await simulate(["--device", "1,103,1,203"], here);
      const [twin = ""] = other.endpoints;
      const warning = "two devices call themselves the same; this one gets another id";
      const polled = await run(
        [
          "poll",
          gateway,
          twin,
          "--select",
          "103.W",
          "--count",
          "3",
          "--format",
          "ndjson",
          ...quick,
        ],
        here,
      );
      assert.equal(polled.err.split(`warning: ${warning}: "Helio-H-10-SN0001@`).length, 2);
      const idsAt = (lines: string) => {
        const devices = lines.trimEnd().split("\n").map((line) => JSON.parse(line).device);
        const ids = devices.map(({ endpoint, id }: Record<string, string>) => `${endpoint} ${id}`);
        return [...new Set(ids)].toSorted();
      };
      const plain = "Helio-H-10-SN0001";
      const oneOf = (first: string, second: string) => [
        [`${gateway} ${plain}`, `${twin} ${second}`].toSorted(),
        [`${gateway} ${first}`, `${twin} ${plain}`].toSorted(),
      ];
      const suffixed = oneOf(`${plain}@${gateway}/1`, `${plain}@${twin}/1`);
      const shown = idsAt(polled.out);
      assert.ok(suffixed.some((ids) => ids.join() === shown.join()), shown.join());

      const round = ["poll", gateway, twin, "--count", "1", "--buffer"];
      const buffer = ["--set", "buffer.path=twins.sqlite"];
      assert.ok((await run([...round, ...buffer], here)).err.includes(warning));
      const first = idsAt((await run(["buffer", "export", ...buffer], here)).out);
      await run([...round, ...buffer], here);
      const ids = idsAt((await run(["buffer", "export", ...buffer], here)).out);
      assert.deepEqual(ids, first);
      const parents = ids.filter((id) => !id.endsWith(".1"));
      assert.ok(suffixed.some((ids) => ids.join() === parents.join()), ids.join());
    },
  );

  await t.step("a point that does not exist ends it at once, as wrong usage", async () => {
    const { code, out, err } = await run(
      ["poll", gateway, "--select", "103.Watts", ...quick],
      here,
    );
    assert.deepEqual([code, out], [2, ""]);
    assert.equal(
      err,
      'error: Cannot read "103.Watts": model 103 has no point "Watts", see: sunspool models show 103\n',
    );
  });

  await t.step("nothing to poll, and contradictions, are wrong usage", async () => {
    for (
      const [args, want] of [
        [[], "There is nothing to poll: name an endpoint, or [[devices]] in the configuration"],
        [
          [gateway, "--buffer", "--raw"],
          "--select and --raw choose what is printed; --buffer stores everything",
        ],
      ] as const
    ) {
      const { code, out, err } = await run(["poll", ...args], here);
      assert.deepEqual([code, out, err], [2, "", `error: ${want}\n`]);
    }
  });

  await t.step("a signal ends it with its own exit code, after the statistics", async () => {
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      await using poll = start(["poll", gateway, "--select", "103.W", ...quick], here);
      await poll.said(/ 103 +W /, 2);
      const ended = await poll.stop(signal);
      assert.equal(ended.code, code);
      assert.match(ended.err, /^\d+ polls of 1 devices: \d+ ok, 0 failed, .*\n$/);
    }
  });

  await t.step(
    "--buffer stores, drain delivers to files, decode prints every reading",
    async () => {
      const config = `
[buffer]
path = "data/buffer.sqlite"
[file]
directory = "out"
[collector]
id = "roof"
[[devices]]
endpoint = "${gateway}"
unit_ids = "1-2"
`;
      await Deno.writeTextFile(`${folder.path}/buffer.toml`, config);
      const flags = ["--config", "buffer.toml"];
      const polled = await run(["poll", ...flags, "--buffer", "--count", "3", ...quick], here);
      assert.deepEqual([polled.code, polled.out], [0, ""]);
      // Two devices: model 1 once each, model 103 three times each.
      assert.match(polled.err, /^6 polls of 2 devices: 6 ok, 0 failed, 8 readings, /);
      const drained = await run(["drain", "-v", ...flags], here);
      assert.deepEqual(drained, {
        code: 0,
        out: "",
        err: "8 delivered, file has 0 left, 0 dead letters\n",
      });
      const names = [...Deno.readDirSync(`${folder.path}/out`)].map(({ name }) => name);
      assert.equal(names.length, 1);
      assert.match(names[0] ?? "", /^roof-\d+-1-8\.avro$/);
      const decoded = await run(["decode", `out/${names[0]}`], here);
      assert.deepEqual([decoded.code, decoded.err], [0, ""]);
      const records = decoded.out.trimEnd().split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(records.map(({ position }) => position), [1, 2, 3, 4, 5, 6, 7, 8]);
      assert.ok(records.every(({ collector, kind }) => collector === "roof" && kind === "reading"));
      assert.equal(new Set(records.map(({ epoch }) => epoch)).size, 1);
      const sources = records.map(({ device, source }) => `${device.id} ${source}`).toSorted();
      const device = "Helio-H-10-SN0001";
      assert.deepEqual(
        sources,
        [
          `${device} sunspec/1`,
          ...Array(3).fill(`${device} sunspec/103`),
          `${device}-2 sunspec/1`,
          ...Array(3).fill(`${device}-2 sunspec/103`),
        ].toSorted(),
      );
      const inverter = records.find(({ source }) => source === "sunspec/103");
      const points = new Map<string, { value: number; text: string; unit: string }>(
        inverter.points.map((point: { name: string }) => [point.name, point]),
      );
      assert.equal(typeof points.get("W")?.value, "number");
      assert.equal(points.get("W")?.unit, "W");
      assert.equal(points.get("St")?.text, "MPPT");
      for (const name of ["ID", "L", "W_SF"]) assert.ok(!points.has(name), name);
      const again = await run(["drain", "-v", ...flags], here);
      assert.deepEqual([again.code, again.err], [
        0,
        "0 delivered, file has 0 left, 0 dead letters\n",
      ]);
    },
  );
});
