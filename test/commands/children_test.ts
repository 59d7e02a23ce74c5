import assert from "node:assert/strict";
import { eventually, run, simulate, start, temporaryFolder } from "../program.ts";

Deno.test("a device behind another is one of its own, in every command and in the metrics", async (t) => {
  using folder = temporaryFolder();
  const here = { cwd: folder.path };
  await using simulation = await simulate(["--device", "1,103,1,203"], here);
  const [place = ""] = simulation.endpoints;
  // The simulated meter calls itself what its inverter is called, as some do.
  const parent = "Helio-H-10-SN0001";
  const child = `${parent}@${place}/1.1`;

  await t.step("scan and discover show both", async () => {
    const [host, port = ""] = place.split(":");
    const scanned = await run(["scan", `${host}`, "--port", port, "--json"], here);
    const [found] = JSON.parse(scanned.out);
    assert.deepEqual([found.id, found.models], [parent, [1, 103, 1, 203]]);
    assert.deepEqual(found.children.map(({ id }: { id: string }) => id), [child]);
    const { out } = await run(["discover", place], here);
    assert.match(out, new RegExp(`^${parent} +1 +103 `, "m"));
    assert.match(out, new RegExp(`^${child} +1 +203 `, "m"));
    const written = await run(["discover", place, "--write-config"], here);
    assert.match(written.out, new RegExp(`^# 1: ${parent}\n# 1: ${child}, behind it$`, "m"));
    await Deno.writeTextFile(`${folder.path}/site.toml`, written.out);
  });

  await t.step("read says which models are the child's", async () => {
    const { out } = await run(["read", place, "103.W", "203.W", "--json"], here);
    const { device, children, models } = JSON.parse(out);
    assert.deepEqual([device.id, children[0].id], [parent, child]);
    assert.deepEqual(models.map((model: { child?: number }) => model.child), [undefined, 0]);
  });

  await t.step("collect delivers and measures both", async () => {
    await using collect = start(["collect", "--config", "site.toml"], {
      ...here,
      env: { SUNSPEC_METRICS_PORT: "0", SUNSPEC_POLL_INTERVAL_MS: "50" },
    });
    const [, metrics] = await collect.told(/"metrics are served","address":"([^"]+)"/);
    const isUp = (text: string, device: string) =>
      text.includes(`sunspool_device_up{device="${device}"} 1`) &&
      text.includes(`sunspool_device_state{device="${device}",state="polling"} 1`);
    await eventually("both are up", async () => {
      const text = await (await fetch(`http://${metrics}/metrics`)).text();
      return isUp(text, parent) && isUp(text, child);
    });
    assert.equal((await collect.stop()).code, 0);
    const files = [...Deno.readDirSync(`${folder.path}/readings`)]
      .map(({ name }) => `readings/${name}`).filter((name) => name.endsWith(".avro"));
    const { out } = await run(["decode", ...files], here);
    const parents = new Map(
      out.trimEnd().split("\n").map((line) => JSON.parse(line).device)
        .map(({ id, parent }: { id: string; parent: string | null }) => [id, parent]),
    );
    assert.deepEqual([parents.get(parent), parents.get(child)], [null, parent]);
  });
});
