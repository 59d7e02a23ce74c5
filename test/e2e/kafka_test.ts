import assert from "node:assert/strict";
import type { DecodedRecord } from "../../lib/avro/mod.ts";
import { startKafka } from "../../scripts/services.ts";
import { eventually, run, simulate, start, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";
import { Expected, pointsOf } from "./expected.ts";
import { readTopic } from "./read_topic.ts";

/** Two gateways, base address 0, floats, three modules, and the 7xx models. */
const DEVICES = [
  "1,103/1-3",
  "1,120,103,160:3/1-2",
  "1,103@0",
  "1,113",
  "1,701,702,713",
];
const TOPIC = "plant.readings";
const STATES = 600;

serviceTest(
  "what simulated devices say arrives in Kafka whole, once and in order, as kcat and fastavro see it",
  ["kafka", "kcat", "python"],
  async ({ kcat, python }) => {
    using folder = temporaryFolder();
    const cwd = folder.path;
    await using kafka = await startKafka();
    await using devices = await simulate(DEVICES.flatMap((spec) => ["--device", spec]), { cwd });
    const units = [[1, 2, 3], [1, 2], [1], [1], [1]];
    const config = [
      `collector.id = "roof"`,
      `[kafka]\nbrokers = ["${kafka.brokers}"]\ntopic = "${TOPIC}"`,
      `[poller]\npoll_interval_ms = 200`,
      `[metrics]\nport = 0`,
      ...devices.endpoints.map((endpoint, i) =>
        `[[devices]]\nendpoint = "${endpoint}"\nunit_ids = [${units[i]}]`
      ),
    ];
    await Deno.writeTextFile(`${cwd}/sunspool.toml`, config.join("\n"));
    await using collector = start(["collect", "--config", "sunspool.toml"], { cwd });
    await collector.told(/"device found"/, 8);
    await eventually("many readings are stored", async () => await storedIn(cwd) > 300);
    const { code, err } = await collector.stop();
    assert.equal(code, 0, err);

    const records = await readTopic(kafka.brokers, TOPIC, { kcat, python });
    assert.equal(records.length, await storedIn(cwd), "as many as the buffer ever took");
    assert.deepEqual(
      records.map(({ position }) => position),
      records.map((_, i) => i + 1),
      "none missing, none twice, in order",
    );
    await assertAsServed(records, devices.endpoints);
  },
);

/** Each record's values are those that its device served in one state, never going back. */
async function assertAsServed(records: readonly DecodedRecord[], endpoints: readonly string[]) {
  const expected = await Expected.of(DEVICES);
  const states = new Map<string, number>();
  const times = new Map<string, number>();
  for (const record of records) {
    const { device, source, model_id, collected_at, kind } = Object(record);
    assert.equal(kind, "reading");
    const key = `${device.id} ${source}`;
    const at = (n: number) =>
      expected.points(endpoints.indexOf(device.endpoint), device.unit_id, model_id, n);
    const said = JSON.stringify(pointsOf(record));
    let n = states.get(key) ?? 0;
    while (n < STATES && JSON.stringify(at(n)) !== said) n++;
    assert.ok(n < STATES, `${key} never said ${said}, first it was ${JSON.stringify(at(0))}`);
    states.set(key, n);
    assert.ok(collected_at > (times.get(key) ?? 0), `${key} went back in time`);
    times.set(key, collected_at);
  }
  assert.equal(new Set(records.map((record) => Object(record).device.id)).size, 8);
}

async function storedIn(cwd: string): Promise<number> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(`${cwd}/sunspec-buffer.sqlite`, { readOnly: true });
  const row = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'telemetry_queue'")
    .get();
  database.close();
  return Number(row?.seq ?? 0);
}

serviceTest(
  "with the rights that docs/delivery.md lists, and TLS, a user without any others can deliver",
  ["kafka", "kcat"],
  async () => {
    using folder = temporaryFolder();
    const cwd = folder.path;
    await using kafka = await startKafka();
    const { username, password } = kafka.users.collector;
    const grant = (...args: readonly string[]) =>
      kafka.admin("acls", "--add", "--force", "--allow-principal", `User:${username}`, ...args);
    await kafka.admin("topics", "--create", "--topic", TOPIC, "--partitions", "3");
    await grant(
      "--operation",
      "Write",
      "--operation",
      "Describe",
      "--operation",
      "Read",
      "--topic",
      TOPIC,
    );
    await grant(
      "--operation",
      "Write",
      "--operation",
      "Describe",
      "--transactional-id",
      "sunspool-roof",
    );
    await grant(
      ...["--operation", "Read", "--operation", "Describe"],
      ...["--group", "sunspool-roof", "--resource-pattern-type", "prefixed"],
    );
    await using devices = await simulate(["--device", "1,103"], { cwd });
    await Deno.writeTextFile(`${cwd}/password`, password, { mode: 0o600 });
    const common = [
      ...["--set", "collector.id=roof", "--set", `kafka.brokers=${kafka.saslBrokers}`],
      ...["--set", `kafka.topic=${TOPIC}`, "--set", `kafka.tls.ca_file=${kafka.caFile}`],
      ...[
        "--set",
        "kafka.sasl.mechanism=scram-sha-512",
        "--set",
        `kafka.sasl.username=${username}`,
      ],
      ...["--set", "kafka.sasl.password_file=password"],
    ];
    const polled = await run(
      ["poll", devices.endpoints[0], "--buffer", "--count", "3", "--interval", "100ms", ...common],
      { cwd },
    );
    assert.equal(polled.code, 0, polled.err);
    const drained = await run(["drain", "-v", ...common], { cwd });
    assert.equal(drained.code, 0, drained.err);
    assert.match(drained.err, /4 delivered, kafka has 0 left, 0 dead letters/);

    const foreign = common.map((word) => word.replace(`topic=${TOPIC}`, "topic=not.ours"));
    const again = await run(
      ["poll", devices.endpoints[0], "--buffer", "--count", "1", ...foreign],
      {
        cwd,
      },
    );
    assert.equal(again.code, 0, again.err);
    const refused = await run(["drain", ...foreign], { cwd });
    assert.equal(refused.code, 4, refused.err);
    assert.match(refused.err, /kafka has 2 left/);
  },
);
