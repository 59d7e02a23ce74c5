import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { joinContainers, SCHEMA_FINGERPRINT, SCHEMA_TEXT } from "../../lib/avro/mod.ts";
import type { Entry } from "../../lib/core/mod.ts";
import type { Kafka } from "../../scripts/services.ts";
import { type Ended, run } from "../program.ts";
import { serviceTest } from "../services.ts";
import { asAdmin, clientOf, startWarmKafka } from "./broker.ts";
import { named } from "./delivery.ts";
import { range, Scene } from "./kafka_scene.ts";

Deno.test.sanitizer({ ops: true, resources: true });

serviceTest(
  "verify proves what is in a topic, and finds what is wrong with it",
  ["kafka", "kcat"],
  async ({ kcat }, t) => {
    await using kafka = await startWarmKafka({
      properties: { "auto.create.topics.enable": "false" },
    });
    for (const [name, body] of Object.entries(CASES)) {
      await t.step(name, async () => {
        await using scene = new Scene(kafka.brokers, kcat);
        await body(scene, kafka);
      });
    }
  },
);

async function verify(scene: Scene, ...args: string[]): Promise<Ended> {
  const topic = args.includes("--topic") ? [] : ["--topic", scene.topic];
  const set = ["--set", `kafka.brokers=${scene.brokers}`, ...topic];
  return await run(["verify", ...set, ...args], { cwd: scene.folder });
}

/** What it finds, line by line: collector, first, last, count, holes, doubles, gaps, verdict. */
async function found(scene: Scene, ...args: string[]) {
  const { code, out, err } = await verify(scene, "--json", ...args);
  const documents: Record<string, unknown>[] = JSON.parse(out || "[]");
  const rows = documents.map((document) =>
    ["collector", "first", "last", "count", "holes", "doubles", "gaps", "verdict"]
      .map((key) => document[key])
  );
  return { code, rows, err, documents };
}

/** Puts a container with these positions into the topic, as nobody of ours would. */
async function forge(scene: Scene, positions: readonly number[], partition = 0): Promise<void> {
  const entries: Entry[] = positions.map((position) => ({
    ...named(String(position)),
    position,
    topic: scene.topic,
  }));
  const { collector, topic } = scene;
  const schemas = new Map([[SCHEMA_FINGERPRINT, SCHEMA_TEXT]]);
  const batch = { collector, epoch: 7, topic, entries, schemas };
  const producer = clientOf(scene.brokers).producer({ allowAutoTopicCreation: false });
  await using _producer = { [Symbol.asyncDispose]: () => producer.disconnect() };
  await producer.connect();
  await producer.send({
    topic,
    messages: joinContainers(batch, 1000, "null").map(({ bytes }) => ({
      partition,
      key: collector,
      value: Buffer.from(bytes),
      headers: { collector },
    })),
  });
}

const CASES: Readonly<Record<string, (scene: Scene, kafka: Kafka) => Promise<void>>> = {
  "what several collectors delivered to several partitions, over a change of epoch, is proven":
    async (scene) => {
      await scene.createTopic({}, 6);
      for (const collector of ["north", "south", "west"]) {
        await using work = scene.delivery({}, { collector, file: collector });
        await work.append(...range(1, 20));
        await work.recover();
        await work.deliverAll(7);
      }
      {
        await using work = scene.delivery({}, { collector: "west", file: "replaced" });
        await work.append(...range(1, 5));
        await work.recover();
        await work.deliverAll();
      }
      const { code, rows, err, documents } = await found(scene);
      const proven = (
        collector: string,
        last: number,
      ) => [collector, 1, last, last, 0, 0, 0, "proven"];
      assert.deepEqual([code, rows], [
        0,
        [proven("north", 20), proven("south", 20), proven("west", 20), proven("west", 5)],
      ]);
      assert.ok(Number(documents[3]?.epoch) > Number(documents[2]?.epoch));
      assert.equal(err, "proven: 65 records of 3 collectors, 0 missing, 0 twice, 0 out of order\n");
      const one = await found(scene, "--collector", "south");
      assert.deepEqual([one.code, one.rows], [0, [proven("south", 20)]]);
      const table = await verify(scene, "--collector", "south");
      assert.match(table.out, /^COLLECTOR +EPOCH +FIRST +LAST .*\nsouth +\d{13} +1 +20 +20 +0 /);
    },

  "a made hole and a made double are found": async (scene) => {
    await scene.createTopic();
    await forge(scene, [1, 2, 3]);
    await forge(scene, [6, 7]);
    await forge(scene, [7, 8]);
    const { code, rows, err, documents } = await found(scene);
    assert.deepEqual([code, rows], [1, [[scene.collector, 1, 8, 7, 2, 1, 0, "not proven"]]]);
    assert.deepEqual([documents[0]?.holes_at, documents[0]?.doubles_at], [[[4, 5]], [7]]);
    assert.match(
      err,
      /epoch 7 lacks 4–5\n.* has twice 7\nnot proven: 7 records .*2 missing, 1 twi/,
    );
  },

  "positions that came to another partition fill what would be a hole": async (scene) => {
    await scene.createTopic({}, 2);
    await forge(scene, [1, 2, 5, 6], 1);
    await forge(scene, [3, 4], 0);
    assert.equal((await found(scene)).code, 0);
    await forge(scene, [2], 0);
    assert.equal((await found(scene)).code, 1);
  },

  "what was set aside is proven by its gap record": async (scene) => {
    await scene.createTopic({ "max.message.bytes": "20000" });
    await using work = scene.delivery({ "kafka.compression": "none" });
    await work.append("1", named("large", undefined, 30_000), "3");
    for (let tries = 0; await work.isBehind(); tries++) {
      assert.ok(tries < 9);
      await work.recover();
      const delivered = await work.deliver().catch(() => undefined);
      if (delivered) await work.commit(delivered);
    }
    const { code, rows } = await found(scene);
    assert.deepEqual([code, rows], [0, [[scene.collector, 1, 4, 3, 0, 0, 1, "proven"]]]);
  },

  "what expired at the beginning is no hole, and is told": async (scene) => {
    await scene.createTopic();
    await forge(scene, [1, 2, 3]);
    await forge(scene, [4, 5]);
    await asAdmin(scene.brokers, async (admin) => {
      const { topic } = scene;
      await admin.fetchTopicMetadata({ topics: [topic] });
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "1" }] });
    });
    const { code, rows, err } = await found(scene);
    assert.deepEqual([code, rows], [0, [[scene.collector, 4, 5, 2, 0, 0, 0, "proven"]]]);
    assert.match(err, /no longer begins at its first offset: what expired is not looked at/);
    assert.match(err, /begins at 4: what is before is not here, and no hole/);
    const { code: later, err: none } = await found(scene, "--from", "2999-01-01");
    assert.deepEqual([later, /there are no records/.test(none)], [1, true]);
  },

  "records of others and of open or aborted transactions prove nothing": async (scene) => {
    await scene.createTopic();
    await forge(scene, [1, 2]);
    const producer = clientOf(scene.brokers).producer({ transactionalId: scene.collector });
    await using _producer = { [Symbol.asyncDispose]: () => producer.disconnect() };
    await producer.connect();
    const send = async () => {
      const transaction = await producer.transaction();
      const headers = { collector: scene.collector };
      await transaction.send({
        topic: scene.topic,
        messages: [{ value: "no container", headers }],
      });
      return transaction;
    };
    await (await send()).abort();
    await producer.send({ topic: scene.topic, messages: [{ value: "of another program" }] });
    const open = await send();
    await forge(scene, [9]);
    const { code, rows, err } = await found(scene);
    assert.deepEqual([code, rows], [0, [[scene.collector, 1, 2, 2, 0, 0, 0, "proven"]]]);
    assert.match(err, /^1 records of other programs are left out\n2 offsets behind an open trans/);
    await open.commit();
    const broken = await verify(scene);
    assert.equal(broken.code, 1);
    assert.match(
      broken.err,
      /^error: Cannot prove anything with record 4 of partition 0: Cannot rea/,
    );
  },

  "nothing, nowhere and nobody there are told by the exit code": async (scene, kafka) => {
    await scene.createTopic();
    for (
      const [args, code, why] of [
        [[], 1, /there are no records/],
        [["--topic", "nowhere"], 1, /Cannot read topic "nowhere" at .*: there is no such topic/],
        [["--topic", "no such topic"], 2, /topic/],
        [["--from", "yesterday"], 2, /"yesterday" is no time/],
        [["nowhere.avro"], 1, /Cannot read "nowhere\.avro": no such file/],
      ] as const
    ) {
      const ended = await verify(scene, ...args);
      assert.deepEqual([ended.code, why.test(ended.err)], [code, true], ended.err);
    }
    const unset = await run(["verify"], { cwd: scene.folder });
    assert.deepEqual([unset.code, /kafka\.brokers/.test(unset.err)], [2, true], unset.err);
    await kafka.kill();
    const down = await verify(scene, "--set", "kafka.timeout_ms=500");
    assert.equal(down.code, 75, down.err);
    await kafka.restart();
  },

  "whoever may not read the topic is refused": async (scene, kafka) => {
    await scene.createTopic();
    const path = `${scene.folder}/password`;
    Deno.writeTextFileSync(path, kafka.users.nobody.password, { mode: 0o600 });
    const login = {
      "kafka.brokers": kafka.saslBrokers,
      "kafka.tls.ca_file": kafka.caFile,
      "kafka.sasl.mechanism": "plain",
      "kafka.sasl.username": kafka.users.nobody.username,
      "kafka.sasl.password_file": path,
    };
    const set = Object.entries(login).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
    const { code, err } = await run(["verify", "--topic", scene.topic, ...set], {
      cwd: scene.folder,
    });
    assert.equal(code, 4, err);
    assert.match(err, /Cannot read topic .*: grant READ and DESCRIBE on it/);
  },

  "a topic of many records is read page by page": async (scene) => {
    await scene.createTopic();
    for (let first = 1; first <= 60_000; first += 4000) {
      await forge(scene, range(first, first + 3999).map(Number));
    }
    const { code, rows } = await found(scene);
    assert.deepEqual([code, rows], [0, [[scene.collector, 1, 60_000, 60_000, 0, 0, 0, "proven"]]]);
  },

  "files of the file output are proven too": async (scene) => {
    const folder = `${scene.folder}/files`;
    await Deno.mkdir(folder);
    await scene.createTopic();
    await forge(scene, [1, 2]);
    await forge(scene, [3, 4]);
    await forge(scene, [6]);
    for (const [i, { value }] of (await scene.records()).entries()) {
      await Deno.writeFile(`${folder}/${i}.avro`, value);
    }
    const files = async (...paths: string[]) =>
      await run(["verify", "--json", ...paths], { cwd: scene.folder });
    const good = await files(`${folder}/0.avro`, `${folder}/1.avro`);
    assert.equal(good.code, 0, good.err);
    const bad = await files(folder);
    assert.equal(bad.code, 1, bad.err);
    assert.deepEqual(JSON.parse(bad.out)[0].holes_at, [[5, 5]]);
    const bytes = await Deno.readFile(`${folder}/0.avro`);
    await Deno.writeFile(`${folder}/3.avro`, bytes.subarray(0, -1));
    const cut = await files(folder);
    assert.equal(cut.code, 1);
    assert.match(cut.err, /Cannot prove anything with ".*3\.avro": .* ends before its last block/);
  },
};
