import assert from "node:assert/strict";
import { startKafka } from "../../scripts/services.ts";
import {
  eventually,
  freePort,
  loopbackNet,
  run,
  simulate,
  start,
  temporaryFolder,
} from "../program.ts";
import { serviceTest } from "../services.ts";
import { readTopic } from "./read_topic.ts";

const SHARDS = ["1/3", "2/3", "3/3"];
const TOPIC = "plant.readings";
/** So many that each shard has some. */
const ADDRESSES = 30;
/** The others are for the search to find. */
const CONFIGURED = 4;

serviceTest(
  "several shards over one fleet and into one topic: each device has exactly one, each proves itself",
  ["kafka", "kcat", "python"],
  async (tools) => {
    using folder = temporaryFolder();
    const cwd = folder.path;
    await using kafka = await startKafka();
    const net = loopbackNet();
    const port = freePort(`${net}.1`);
    const listen = ["--listen", `${net}.1:${port}`, "--unit", "1-2"];
    await using devices = await simulate(
      ["--devices", String(ADDRESSES), "--models", "1,103", ...listen],
      { cwd },
    );
    const config = [
      `collector.id = "plant"`,
      `[collect]\ndrain_deadline_ms = 30000`,
      `[poller]\npoll_interval_ms = 200`,
      `[discovery]\nsubnet = "${net}.1-${ADDRESSES + 3}"\nport = ${port}\nunit_ids = "1-2"`,
      "per_host_timeout_ms = 20000",
      `[metrics]\nport = 0`,
      `[kafka]\nbrokers = ["${kafka.brokers}"]\ntopic = "${TOPIC}"`,
      ...devices.endpoints.slice(0, CONFIGURED).map((endpoint) =>
        `[[devices]]\nendpoint = "${endpoint}"\nunit_ids = [1, 2]`
      ),
    ];
    await Deno.writeTextFile(`${cwd}/plant.toml`, config.join("\n"));
    await using collectors = new AsyncDisposableStack();
    const shards = SHARDS.map((shard) =>
      collectors.use(start(["collect", "--config", "plant.toml", "--shard", shard], { cwd }))
    );
    const found = () =>
      shards.flatMap(({ err }) =>
        [...err.matchAll(/"device found".*?"place":"([^"]+)"/g)].map(([, place]) => place)
      );
    await eventually("all devices are found", () => found().length >= 2 * ADDRESSES);
    await Promise.all(shards.map((shard) => shard.told(/"searched for devices"/)));
    const ends = await Promise.all(shards.map((shard) => shard.stop()));
    for (const { code, err } of ends) assert.equal(code, 0, err);

    const pollers = new Map<string, Set<string>>();
    for (const record of await readTopic(kafka.brokers, TOPIC, tools)) {
      const { device, collector } = Object(record);
      const place = `${device.endpoint}/${device.unit_id}`;
      pollers.set(place, (pollers.get(place) ?? new Set()).add(collector));
    }
    const places = devices.endpoints.flatMap((endpoint) => [`${endpoint}/1`, `${endpoint}/2`]);
    assert.deepEqual([...pollers.keys()].sort(), places.sort());
    for (const [place, collectors] of pollers) {
      assert.equal(collectors.size, 1, `${place} is polled by ${[...collectors]}`);
    }
    assert.deepEqual(
      [...new Set([...pollers.values()].flatMap((set) => [...set]))].sort(),
      ["plant-shard-1", "plant-shard-2", "plant-shard-3"],
    );
    const proof = await run(["verify", "--config", "plant.toml", "--json"], { cwd });
    assert.equal(proof.code, 0, proof.err);
    const proven: readonly { collector: string; verdict: string }[] = JSON.parse(proof.out);
    assert.deepEqual(
      proven.map(({ collector, verdict }) => `${collector} ${verdict}`).sort(),
      ["plant-shard-1 proven", "plant-shard-2 proven", "plant-shard-3 proven"],
    );
    const files = [...Deno.readDirSync(cwd)].map(({ name }) => name);
    for (const i of [1, 2, 3]) assert.ok(files.includes(`sunspec-buffer-shard-${i}.sqlite`));
  },
);
