import assert from "node:assert/strict";
import { dirname } from "node:path";
import { ContainerDecoder, SCHEMA_FINGERPRINT } from "../../lib/avro/mod.ts";
import { FencedError, RefusedError, TransportError } from "../../lib/core/mod.ts";
import { pause } from "../../lib/backoff.ts";
import { parseInFlight } from "../../lib/outputs/kafka/recovery.ts";
import type { Kafka } from "../../scripts/services.ts";
import { OTHER_SCHEMA } from "../avro/sample_batch.ts";
import { serviceTest } from "../services.ts";
import {
  asAdmin,
  clientOf,
  createTopic,
  passMinutes,
  startWarmKafka,
  takeOver,
  until,
} from "./broker.ts";
import { type Delivery, forever, named } from "./delivery.ts";
import { deliverUnderKills } from "./killed_deliveries.ts";
import { drainOf, range, Scene, type } from "./kafka_scene.ts";

Deno.test.sanitizer({ ops: true, resources: true });

serviceTest(
  "Kafka gets each reading once, whatever happens in between",
  ["kafka", "kcat"],
  async ({ kcat }, t) => {
    await using kafka = await startWarmKafka();
    for (const [name, body] of Object.entries(CASES)) {
      await t.step(name, async () => {
        await using scene = new Scene(kafka.brokers, kcat);
        await body(scene, kafka);
      });
    }
  },
);

/** Has a transaction of the delivery's next rows begun and never ended, as by a process that died. */
async function dieInTransaction(scene: Scene, work: Delivery): Promise<void> {
  const entries = await work.buffer.read("kafka", { rows: 99, bytes: 1e9 });
  const last = entries.at(-1)?.position ?? 0;
  const { epoch, incarnation } = await work.buffer.local("kafka");
  const [place] = await asAdmin(scene.brokers, (admin) => admin.fetchTopicOffsets(scene.topic));
  const note = {
    topic: scene.topic,
    partition: 0,
    epoch,
    after: 0,
    last,
    from: Number(place?.high),
  };
  assert.ok(parseInFlight(JSON.stringify(note)));
  await work.buffer.note("kafka", JSON.stringify(note));
  const producer = clientOf(scene.brokers).producer({ transactionalId: scene.group });
  await using _producer = { [Symbol.asyncDispose]: () => producer.disconnect() };
  await producer.connect();
  const transaction = await producer.transaction();
  const headers = { collector: scene.collector, epoch: String(epoch), last: String(last) };
  await transaction.send({
    topic: scene.topic,
    messages: [{ key: scene.collector, value: "pending", headers }],
  });
  const partitions = [{ partition: 0, offset: String(last), ...{ metadata: incarnation } }];
  await transaction.sendOffsets({
    consumerGroupId: scene.group,
    topics: [{ topic: scene.topic, partitions }],
  });
}

/** Has the clock that waits are measured by run twenty times as fast. */
function hurry(): Disposable {
  const now = performance.now.bind(performance);
  performance.now = () => now() * 20;
  return { [Symbol.dispose]: () => performance.now = now };
}

/** Codec and transaction bit of each record batch in a topic's log: "Record Batch" in the Kafka protocol guide. */
function batchAttributes(kafka: Kafka, topic: string): { codec: number; transactional: boolean }[] {
  const folder = `${dirname(kafka.logFile)}/data/${topic}-0`;
  const log = Deno.readFileSync(`${folder}/00000000000000000000.log`);
  const view = new DataView(log.buffer);
  const batches = [];
  for (let at = 0; at < log.length; at += 12 + view.getInt32(at + 8)) {
    const attributes = view.getInt16(at + 21);
    const isControl = (attributes & 0x20) !== 0;
    if (isControl) continue;
    batches.push({ codec: attributes & 7, transactional: (attributes & 0x10) !== 0 });
  }
  return batches;
}

const CASES: Readonly<Record<string, (scene: Scene, kafka: Kafka) => Promise<void>>> = {
  "a record is one container of at most batch_size readings, and says what is in it": async (
    scene,
  ) => {
    await using work = scene.delivery();
    await work.append("1", "2", "3", "4", named("5", OTHER_SCHEMA), "6");
    await work.recover();
    await work.deliverAll();
    const { epoch } = await work.buffer.local("kafka");
    const records = await scene.records();
    const common = { collector: scene.collector, epoch: String(epoch) };
    const header = (first: number, last: number, schema = SCHEMA_FINGERPRINT) => ({
      ...common,
      first: String(first),
      last: String(last),
      count: String(last - first + 1),
      schema,
    });
    assert.deepEqual(records.map(({ headers }) => headers), [
      header(1, 3),
      header(4, 4),
      header(5, 5, OTHER_SCHEMA),
      header(6, 6),
    ]);
    assert.ok(records.every(({ key }) => key === scene.collector));
    assert.deepEqual(await scene.texts(), range(1, 6));
  },

  "the position is the group's offset, and the incarnation its metadata": async (scene) => {
    await using work = scene.delivery();
    await work.append(...range(1, 5));
    await work.recover();
    assert.equal(await scene.groupOffset(), undefined);
    for (const [rows, offset] of [[2, "2"], [3, "5"]] as const) {
      const delivered = await work.deliver(rows);
      const { incarnation } = await work.buffer.local("kafka");
      assert.deepEqual(await scene.groupOffset(), { offset, metadata: incarnation });
      await work.commit(delivered);
    }
  },

  "all of a collector's records are in one partition, the offset is that of partition 0": async (
    scene,
  ) => {
    await scene.createTopic({}, 6);
    await using work = scene.delivery();
    await work.append(...range(1, 9));
    await work.recover();
    await work.deliverAll(2);
    await work.restart();
    await work.recover();
    await work.append("10");
    await work.deliverAll();
    const bounds = await asAdmin(scene.brokers, (admin) => admin.fetchTopicOffsets(scene.topic));
    assert.equal(bounds.filter(({ high }) => high !== "0").length, 1);
    assert.deepEqual(await scene.texts(), range(1, 10));
    assert.equal((await scene.groupOffset())?.offset, "10");
  },

  "what is too much for 1 MiB on its way goes in several transactions": async (scene) => {
    for (const compression of ["none", "zstd"]) {
      const topic = `${scene.topic}-${compression}`;
      const settings = { "kafka.topic": topic, "kafka.compression": compression };
      await using work = scene.delivery(settings, { batchSize: 1, topic, file: topic });
      const deliverLarge = async () => {
        await work.append(...range(1, 8).map((text) => named(text, undefined, 300_000)));
        await work.deliverAll();
      };
      await work.recover();
      await deliverLarge();
      // That little fits says nothing of what comes next.
      await work.append("little");
      await work.deliverAll();
      await deliverLarge();
      // Behind each transaction its marker takes an offset.
      const offsets = (await scene.records(topic)).map(({ offset }) => offset);
      const first = [0, 1, 2, 4, 5, 6, 8, 9];
      assert.deepEqual(offsets, [...first, 11, ...first.map((at) => at + 13)], compression);
    }
  },

  "what is less when it is compressed goes in several record batches of one transaction": async (
    scene,
    kafka,
  ) => {
    const ballast = new Uint8Array(300_000);
    await using work = scene.delivery({}, { batchSize: 1 });
    await work.append(...range(1, 17 + 30).map((text) => named(text, undefined, ballast)));
    await work.recover();
    const smallest = work.output.batchBytes ?? 0;
    await work.commit(await work.deliver(17));
    assert.equal(work.output.batchBytes, 8 * smallest);
    // Behind each transaction its marker takes an offset: of three, twelve and two records.
    const [first, second, third] = [range(0, 2), range(4, 15), range(17, 18)];
    await work.deliverAll();
    const offsets = (await scene.records()).map(({ offset }) => String(offset));
    assert.deepEqual(offsets, [...first, ...second, ...third, ...range(20, 43), ...range(45, 50)]);
    assert.equal(batchAttributes(kafka, scene.topic).length, 6 + 10);
    assert.deepEqual(await scene.groupOffset(), {
      offset: "47",
      metadata: (await work.buffer.local("kafka")).incarnation,
    });
    await work.recover();
    assert.equal(work.output.batchBytes, smallest);
  },

  "a transaction with one record batch that is too large leaves nothing behind": async (scene) => {
    await scene.createTopic({ "max.message.bytes": "700000" });
    await using work = scene.delivery({}, { batchSize: 1 });
    await work.append(named("1", undefined, new Uint8Array(300_000)));
    await work.recover();
    await work.deliverAll();
    // The next one holds two record batches, and the second of them is refused.
    const sizes = [600_000, 800_000, 600_000];
    await work.append(...sizes.map((size, i) => named(String(i + 2), undefined, size)));
    await assert.rejects(work.deliver(), /larger than/);
    assert.deepEqual(await scene.texts(), ["1"]);
    assert.equal((await work.recover()).position, 1);
    await work.deliverAll();
    const readings = (await scene.read()).filter(({ kind }) => kind === "reading");
    assert.deepEqual(readings.map(({ text }) => text), ["1", "2", "4"]);
    assert.equal((await work.buffer.stats()).deadLetters, 1);
  },

  "record batches are compressed as asked, and part of a transaction": async (scene, kafka) => {
    for (const [compression, codec] of [["none", 0], ["gzip", 1], ["zstd", 4]] as const) {
      const topic = `${scene.topic}-${compression}`;
      const settings = { "kafka.topic": topic, "kafka.compression": compression };
      await using work = scene.delivery(settings, { topic, file: topic });
      await work.append("1", "2");
      await work.recover();
      await work.deliverAll();
      assert.deepEqual(batchAttributes(kafka, topic), [{ codec, transactional: true }]);
      assert.deepEqual(await scene.texts(topic), ["1", "2"]);
    }
  },

  "containers are compressed as asked": async (scene) => {
    for (const codec of ["null", "deflate", "zstandard"]) {
      const topic = `${scene.topic}-${codec}`;
      const settings = { "kafka.topic": topic, "kafka.avro_codec": codec };
      await using work = scene.delivery(settings, { topic, file: topic });
      await work.append("1");
      await work.recover();
      await work.deliverAll();
      const [record] = await scene.records(topic);
      const text = new TextDecoder("latin1").decode(record?.value);
      assert.equal(/avro\.codec.(null|deflate|zstandard)/.exec(text)?.[1], codec);
      assert.equal([...new ContainerDecoder().push(record?.value ?? new Uint8Array())].length, 1);
    }
  },

  "a transaction that was never ended is undone, the very first one too, and made again": async (
    scene,
  ) => {
    await using work = scene.delivery();
    await scene.createTopic();
    for (const [first, last, position] of [[1, 3, 0], [4, 6, 3]] as const) {
      await work.append(...range(first, last));
      await dieInTransaction(scene, work);
      await work.restart();
      assert.deepEqual(await work.recover(), { position, newEpoch: undefined, event: undefined });
      await work.deliverAll();
    }
    assert.deepEqual(await scene.texts(), range(1, 6));
  },

  "when the broker forgot the position, the note leads to what had arrived": async (scene) => {
    await using work = scene.delivery();
    await work.append(...range(1, 4));
    await work.recover();
    await work.commit(await work.deliver(2));
    await work.deliver(2);
    await work.restart();
    await scene.forgetOffset();
    // Others write to the same topic.
    await using other = scene.delivery({}, { collector: "other", file: "other.sqlite" });
    await other.append(...range(1, 3));
    await other.recover();
    await other.deliverAll();
    assert.deepEqual(await work.recover(), { position: 4, newEpoch: undefined, event: undefined });
    const own = (await scene.read()).filter(({ collector }) => collector === scene.collector);
    assert.deepEqual(own.map(({ text }) => text), range(1, 4));
  },

  "and to what had not, which then is sent": async (scene) => {
    await using work = scene.delivery();
    await work.append(...range(1, 4));
    await work.recover();
    await work.commit(await work.deliver(2));
    await dieInTransaction(scene, work);
    await work.restart();
    await using other = scene.delivery({}, { collector: "other", file: "other.sqlite" });
    await other.append("1");
    await other.recover();
    await other.deliverAll();
    // A group cannot be forgotten while a transaction holds it.
    await takeOver(scene.brokers, scene.collector);
    await scene.forgetOffset();
    assert.deepEqual(await work.recover(), { position: 2, newEpoch: undefined, event: undefined });
    await work.deliverAll();
    const own = (await scene.read()).filter(({ collector }) => collector === scene.collector);
    assert.deepEqual(own.map(({ text }) => text), range(1, 4));
  },

  "what an earlier transaction of the same batch took along is not sent again": async (scene) => {
    await scene.createTopic({ "max.message.bytes": "900000" });
    await using work = scene.delivery({ "kafka.compression": "none" }, { batchSize: 1 });
    // Three make the first transaction; the fourth is more than the topic takes.
    const sizes = [250_000, 250_000, 250_000, 950_000];
    await work.append(...sizes.map((size, i) => named(String(i + 1), undefined, size)));
    await work.recover();
    await assert.rejects(work.deliver(), /larger than/);
    assert.deepEqual(await scene.texts(), ["1", "2", "3"]);
    await work.restart();
    await scene.forgetOffset();
    assert.equal((await work.recover()).position, 3);
  },

  "when nothing proves what arrived, it is sent again and told": async (scene) => {
    await using work = scene.delivery();
    await work.append(...range(1, 4));
    await work.recover();
    await work.commit(await work.deliver(2));
    await work.deliver(2);
    await work.restart();
    await scene.forgetOffset();
    // As retention does in time.
    await asAdmin(scene.brokers, async (admin) => {
      const { topic } = scene;
      await admin.fetchTopicMetadata({ topics: [topic] });
      const [end] = await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({
        topic,
        partitions: [{ partition: 0, offset: String(end?.high) }],
      });
    });
    const { position, newEpoch, event } = await work.recover();
    assert.deepEqual([position, newEpoch], [2, undefined]);
    assert.match(event ?? "", /^positions 3–4 are sent again: the broker forgot/);
    await work.deliverAll();
    assert.deepEqual(await scene.texts(), ["3", "4"]);
  },

  "without a note the buffer's own cursor holds": async (scene) => {
    await using work = scene.delivery();
    await work.append(...range(1, 4));
    await work.recover();
    await work.commit(await work.deliver(2));
    await work.restart();
    await scene.forgetOffset();
    assert.deepEqual(await work.recover(), { position: 2, newEpoch: undefined, event: undefined });
    await work.deliverAll();
    assert.deepEqual(await scene.texts(), range(1, 4));
  },

  "a topic that was deleted and made again goes on from the cursor": async (scene) => {
    await using work = scene.delivery();
    await work.append("1", "2");
    await work.recover();
    await work.deliverAll();
    await work.restart();
    await asAdmin(scene.brokers, (admin) => admin.deleteTopics({ topics: [scene.topic] }));
    await until(async () => (await scene.records()).length === 0, "the topic is gone");
    await scene.createTopic();
    assert.equal(await scene.groupOffset(), undefined);
    await work.append("3");
    await until(async () => (await work.recover()).position === 2, "the topic is back");
    await work.deliverAll();
    assert.deepEqual(await scene.texts(), ["3"]);
  },

  "rows of an earlier topic go there, wherever its partitions are": async (scene) => {
    const earlier = `${scene.topic}-earlier`;
    await createTopic(scene.brokers, earlier);
    await scene.createTopic({}, 24);
    {
      await using work = scene.delivery({ "kafka.topic": earlier }, { topic: earlier });
      await work.append(...range(1, 4));
      await work.recover();
      await work.commit(await work.deliver(2));
    }
    await using work = scene.delivery();
    await work.append(...range(5, 6));
    let position: number | undefined;
    await until(async () => {
      ({ position } = await work.recover());
      return true;
    }, "all partitions have leaders");
    assert.equal(position, 2);
    await work.deliverAll();
    await work.restart();
    assert.equal((await work.recover()).position, 6);
    assert.deepEqual(await scene.texts(earlier), range(1, 4));
    assert.deepEqual(await scene.texts(), range(5, 6));
  },

  "a second collector of the same name takes over, and the first one is told": async (scene) => {
    await using first = scene.delivery();
    await first.append("1", "2");
    await first.recover();
    await first.commit(await first.deliver(1));
    await using second = scene.delivery({}, { file: "second.sqlite" });
    await second.append("3");
    assert.match((await second.recover()).newEpoch ?? "", /another buffer file delivered last/);
    await assert.rejects(first.deliver(), (error) => {
      assert.ok(error instanceof FencedError);
      assert.match(error.message, /another live collector uses the same collector\.id/);
      return true;
    });
    await second.deliverAll();
    assert.deepEqual(await scene.texts(), ["1", "3"]);
  },

  "whoever was fenced leaves the id to the other while that delivers, over restarts too": async (
    scene,
  ) => {
    await using first = scene.delivery();
    await first.append("1", "2");
    await first.recover();
    await first.commit(await first.deliver(1));
    await using second = scene.delivery({}, { file: "second.sqlite" });
    await second.append("3");
    await second.recover();
    await assert.rejects(first.deliver(), FencedError);
    const standsBack = async () => {
      await first.restart();
      await assert.rejects(first.recover(), FencedError);
    };
    const wait = () => passMinutes(first.buffer);
    await standsBack();
    // The other one goes on undisturbed, and is seen to when the time is over.
    await second.deliverAll();
    await wait();
    await standsBack();
    await second.append("4");
    await second.deliverAll();
    await wait();
    await standsBack();
    // Now it has stopped.
    await wait();
    await first.restart();
    const { newEpoch, event } = await first.recover();
    assert.match(newEpoch ?? "", /another buffer file delivered last/);
    assert.match(event ?? "", /another collector of the same id took over/);
    await first.deliverAll();
    assert.deepEqual(await scene.texts(), ["1", "3", "4", "2"]);
    await first.restart();
    assert.equal((await first.recover()).event, undefined);
  },

  "an open transaction of another does not hide what had arrived": async (scene) => {
    await using work = scene.delivery();
    await work.append(...range(1, 4));
    await work.recover();
    await work.commit(await work.deliver(2));
    const other = clientOf(scene.brokers).producer({ transactionalId: "other" });
    await using _other = { [Symbol.asyncDispose]: () => other.disconnect() };
    await other.connect();
    const transaction = await other.transaction();
    await transaction.send({ topic: scene.topic, messages: [{ value: "open" }] });
    await work.restart();
    // Only now, for the search is to begin at the open transaction.
    await work.recover();
    await work.deliver(2);
    await work.restart();
    await scene.forgetOffset();
    const recovered = work.recover();
    const early = await Promise.race([recovered, pause(2000, forever)]);
    assert.equal(early, false, "it judged by what it could not see");
    await transaction.commit();
    assert.deepEqual(await recovered, { position: 4, newEpoch: undefined, event: undefined });
  },

  "a search that takes too long sends nothing again, and goes on with the next try": async (
    scene,
  ) => {
    await using work = scene.delivery({ "kafka.timeout_ms": 120_000 });
    await work.append(...range(1, 4));
    await work.recover();
    await work.commit(await work.deliver(2));
    await work.deliver(2);
    await work.restart();
    await scene.forgetOffset();
    const other = clientOf(scene.brokers).producer({ transactionalId: "hanging" });
    await using _other = { [Symbol.asyncDispose]: () => other.disconnect() };
    await other.connect();
    const transaction = await other.transaction();
    const [sent] = await transaction.send({ topic: scene.topic, messages: [{ value: "open" }] });
    const { note } = await work.buffer.local("kafka");
    const from = Number(sent?.baseOffset);
    await work.buffer.note("kafka", JSON.stringify({ ...JSON.parse(note ?? ""), from }));
    {
      using _hurry = hurry();
      await assert.rejects(work.recover(), (error) => {
        assert.ok(error instanceof TransportError);
        assert.match(
          error.message,
          /: what had arrived is still being looked for \(up to offset \d+\), the next try goes on/,
        );
        return true;
      });
    }
    assert.equal(JSON.parse((await work.buffer.local("kafka")).note ?? "").from, from);
    await transaction.abort();
    await work.recover();
  },

  "what several aborted transactions left behind was not delivered": async (scene) => {
    await scene.createTopic();
    const client = clientOf(scene.brokers);
    await using work = scene.delivery();
    await work.append(...range(1, 2));
    const other = client.producer({ transactionalId: "interleaved" });
    await using _other = { [Symbol.asyncDispose]: () => other.disconnect() };
    await other.connect();
    const transaction = await other.transaction();
    await transaction.send({ topic: scene.topic, messages: [{ value: "before" }] });
    // The search begins between the beginnings of both.
    await dieInTransaction(scene, work);
    await transaction.send({ topic: scene.topic, messages: [{ value: "after" }] });
    await transaction.abort();
    await takeOver(scene.brokers, scene.collector);
    await scene.forgetOffset();
    await work.restart();
    assert.deepEqual(await work.recover(), { position: 0, newEpoch: undefined, event: undefined });
    await work.deliverAll();
    assert.deepEqual(await scene.texts(), ["1", "2"]);
  },

  "a file in place of another begins a new epoch, and an event says so": async (scene) => {
    {
      await using work = scene.delivery();
      await work.append("1", "2");
      await work.recover();
      await work.deliverAll();
    }
    await using work = scene.delivery({}, { file: "replaced.sqlite" });
    await work.append("3");
    await drainOf(work).finish(10_000, new AbortController().signal);
    const found = await scene.read();
    assert.deepEqual(found.map(({ kind, text }) => [kind, text]), [
      ["reading", "1"],
      ["reading", "2"],
      ["reading", "3"],
      ["event", "collector/event"],
    ]);
    const epochs = found.map(({ epoch }) => epoch);
    assert.equal(epochs[0], epochs[1]);
    assert.equal(epochs[2], epochs[3]);
    assert.ok(Number(epochs[2]) > Number(epochs[0]));
    assert.equal(epochs[2], (await work.buffer.local("kafka")).epoch);
  },

  "a buffer restored from an older backup, and a clone of one, begin new epochs and drop nothing":
    async (scene) => {
      const path = (file: string) => `${scene.folder}/${file}`;
      {
        await using work = scene.delivery();
        await work.append(...range(1, 4));
        await work.recover();
        await work.commit(await work.deliver(2));
      }
      for (const file of ["backup.sqlite", "clone.sqlite"]) {
        await Deno.copyFile(path("buffer.sqlite"), path(file));
      }
      {
        await using work = scene.delivery();
        await work.append("5");
        await work.recover();
        await work.deliverAll();
      }
      for (const file of ["backup.sqlite", "clone.sqlite"]) {
        await using work = scene.delivery({}, { file });
        await work.append(file);
        assert.match((await work.recover()).newEpoch ?? "", /replaced, restored or cloned/);
        await work.deliverAll();
        await work.restart();
        assert.equal((await work.recover()).newEpoch, undefined, "once");
      }
      const found = await scene.read();
      assert.deepEqual(found.map(({ text }) => text), [
        ...range(1, 5),
        ...["3", "4", "backup.sqlite"],
        ...["3", "4", "clone.sqlite"],
      ]);
      const names = found.map(({ epoch, position }) => `${epoch} ${position}`);
      assert.equal(new Set(names).size, names.length, "position is unique within its epoch");
      assert.equal(new Set(found.map(({ epoch }) => epoch)).size, 3);
    },

  "at_least_once needs no transactions, keeps no position, and loses nothing": async (
    scene,
    kafka,
  ) => {
    for (
      const [name, settings] of [
        ["asked", { "kafka.delivery": "at_least_once" }],
        ["acks-1", { "kafka.acks": "1" }],
        ["acks-0", { "kafka.acks": "0" }],
        ["plain", { "kafka.enable_idempotence": false }],
      ] as const
    ) {
      const topic = `${scene.topic}-${name}`;
      await using work = scene.delivery({ ...settings, "kafka.topic": topic }, {
        topic,
        file: topic,
      });
      await work.append("1", "2", "3");
      assert.equal((await work.recover()).position, 0);
      await work.commit(await work.deliver(1));
      await work.deliver(2);
      await work.restart();
      assert.equal((await work.recover()).position, 1);
      await work.deliverAll();
      const want = ["1", "2", "3", "2", "3"];
      await until(async () => (await scene.texts(topic)).length === want.length, "all arrived");
      assert.deepEqual(await scene.texts(topic), want);
      assert.ok(batchAttributes(kafka, topic).every(({ transactional }) => !transactional));
      assert.equal((await work.buffer.local("kafka")).note, null);
      assert.equal(await scene.groupOffset(topic), undefined);
    }
  },

  "a topic that takes little gets little at once, after few tries": async (scene) => {
    await scene.createTopic({ "max.message.bytes": "20000" });
    await using work = scene.delivery({ "kafka.compression": "none" });
    await work.append(...range(1, 40).map((text) => named(text, undefined, 3000)));
    let tries = 0;
    for (; (await work.buffer.stats()).backlog.kafka !== 0; tries++) {
      await work.recover();
      const delivered = await work.deliver().catch(() => undefined);
      if (delivered) await work.commit(delivered);
    }
    assert.ok(tries <= 5, `${tries} tries`);
    assert.deepEqual(await scene.texts(), range(1, 40));
  },

  "a reading too large for the topic is set aside, in mid-batch, and a gap says so": async (
    scene,
  ) => {
    await scene.createTopic({ "max.message.bytes": "20000" });
    await using work = scene.delivery({ "kafka.compression": "none" });
    await work.append("1", named("large", undefined, 30_000), "3");
    const drain = drainOf(work);
    await drain.finish(10_000, new AbortController().signal);
    assert.deepEqual(await scene.texts(), ["1", "3", "collector/gap"]);
    assert.equal((await work.buffer.stats()).deadLetters, 1);
  },

  "what was set aside is not forgotten when the buffer was not told": async (scene) => {
    await scene.createTopic({ "max.message.bytes": "20000" });
    await using work = scene.delivery({ "kafka.compression": "none" });
    await work.append("1", named("large", undefined, 30_000), "3");
    await work.recover();
    await assert.rejects(work.deliver(), /larger than/);
    await work.recover();
    await assert.rejects(work.deliver(), /larger than/);
    await work.recover();
    const { rejections } = await work.deliver();
    assert.deepEqual(rejections, [{ position: 2, reason: "message_too_large" }]);
    await work.restart();
    const recovery = await work.recover();
    assert.deepEqual([recovery.position, recovery.rejected], [3, rejections]);
    assert.equal((await work.buffer.stats()).deadLetters, 1);
    await work.deliverAll();
    assert.deepEqual(await scene.texts(), ["1", "3", "collector/gap"]);
  },

  "a topic that takes hardly anything is at fault itself: nothing is set aside": async (scene) => {
    await scene.createTopic({ "max.message.bytes": "1000" });
    await using work = scene.delivery({ "kafka.compression": "none" });
    await work.append("1");
    await work.recover();
    await assert.rejects(work.deliver(), (error) => {
      assert.ok(error instanceof RefusedError, String(error));
      assert.match(error.message, /more than the topic takes; raise its max\.message\.bytes/);
      return true;
    });
    assert.equal((await work.buffer.stats()).deadLetters, 0);
  },

  "each reading is there once and in order after many kills": async (scene) => {
    await deliverUnderKills({
      type,
      settings: scene.settings(),
      folder: scene.folder,
      topic: scene.topic,
      collector: scene.collector,
      cycles: 5,
      read: () => scene.read(),
    });
  },
};
