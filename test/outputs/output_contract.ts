import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Buffer, Lookup, OutputType } from "../../lib/core/mod.ts";
import { OTHER_SCHEMA } from "../avro/sample_batch.ts";
import { Delivery, forever, named } from "./delivery.ts";
import type { Found } from "./kcat.ts";

/** A destination of a test's own, empty at first, as its readers see it. */
export interface Destination extends AsyncDisposable {
  /** The settings that lead there. */
  readonly get: Lookup;
  /** The topic that readings are meant for. */
  readonly topic: string;
  /** Everything a reader finds there, in the reader's order; outputs are closed or settled. */
  read(): Promise<Found[]>;
  /** Makes a delivery fail that is about to reach this position; the one after it works. */
  sabotage(at: { collector: string; epoch: number; position: number }): Promise<void>;
  /** Has what that took pass: called once it has failed. */
  mend(buffer: Buffer): Promise<void>;
  /** The size of a reading that this destination will never take; undefined = it takes them all. */
  readonly tooLarge: number | undefined;
}

/** How an output is tested. */
export interface Harness {
  /** Registers a test, which may have as many destinations as it likes. */
  test(
    name: string,
    body: (newDestination: () => Promise<Destination>, t: Deno.TestContext) => Promise<void>,
  ): void;
}

/** What a case of the suite is given. */
interface Scene {
  readonly destination: Destination;
  /** A delivery of a collector whose buffer is this file of the scene. */
  delivery(collector?: string, file?: string): Delivery;
  readonly folder: string;
}

/** Registers the suite for an output. */
export function testOutput(type: OutputType, harness: Harness): void {
  harness.test(
    `the output ${type.name} keeps the contract of outputs`,
    async (newDestination, t) => {
      for (const [name, body] of Object.entries(CASES)) {
        await t.step(name, async () => {
          await using destination = await newDestination();
          const folder = await Deno.makeTempDir({ prefix: "sunspool-output-" });
          try {
            const delivery = (collector = "roof", file = "buffer.sqlite") =>
              new Delivery({
                type,
                get: destination.get,
                path: `${folder}/${file}`,
                collector,
                batchSize: 3,
                topic: destination.topic,
              });
            await body({ destination, folder, delivery });
          } finally {
            await Deno.remove(folder, { recursive: true });
          }
        });
      }
    },
  );
}

/** What a collector's readings say, in the order of the destination; each key there once. */
async function textsAt({ destination }: Scene, collector = "roof"): Promise<string[]> {
  const found = (await destination.read()).filter((one) => one.collector === collector);
  const keys = new Set(found.map(({ epoch, position }) => `${epoch} ${position}`));
  assert.equal(keys.size, found.length, "a position is there twice");
  return found.map(({ text }) => text);
}

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => String(first + i));

const CASES: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  "an empty destination has nothing, however often it is asked": async (scene) => {
    await using work = scene.delivery();
    await work.append("1", "2");
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await work.recover(), {
        position: 0,
        newEpoch: undefined,
        event: undefined,
      });
    }
    assert.deepEqual(await textsAt(scene), []);
  },

  "what is delivered is there once and in order, over restarts": async (scene) => {
    await using work = scene.delivery();
    for (let start = 0; start < 3; start++) {
      await work.append(...range(start * 10 + 1, start * 10 + 10));
      const { position, newEpoch, event } = await work.recover();
      assert.deepEqual([position, newEpoch, event], [start * 10, undefined, undefined]);
      await work.deliverAll(4);
      await work.restart();
    }
    assert.deepEqual(await textsAt(scene), range(1, 30));
  },

  "a crash behind a delivery that was not committed doubles nothing and loses nothing": async (
    scene,
  ) => {
    await using work = scene.delivery();
    for (const [first, rows] of [[1, 10], [11, 2], [21, 1], [31, 10]] as const) {
      await work.append(...range(first, first + 9));
      await work.recover();
      await work.deliver(rows);
      await work.restart();
      await work.recover();
      await work.deliver(1);
      await work.restart();
      await work.recover();
      await work.deliverAll();
    }
    await work.restart();
    assert.deepEqual(await textsAt(scene), range(1, 40));
  },

  "a crash before a delivery loses nothing": async (scene) => {
    await using work = scene.delivery();
    await work.append("1");
    await work.recover();
    await work.restart();
    await work.append("2");
    await work.recover();
    await work.recover();
    await work.deliverAll();
    await work.restart();
    assert.deepEqual(await textsAt(scene), ["1", "2"]);
  },

  "a batch may hold several schemas": async (scene) => {
    await using work = scene.delivery();
    const texts = range(1, 12);
    const isOther = (i: number) => [1, 2, 3, 4, 8, 11].includes(i);
    await work.append(...texts.map((text, i) => isOther(i) ? named(text, OTHER_SCHEMA) : text));
    await work.recover();
    await work.deliverAll();
    await work.restart();
    assert.deepEqual(await textsAt(scene), texts);
  },

  "a delivery that fails half way is recovered and made again": async (scene) => {
    await using work = scene.delivery();
    await work.append("1", "2", named("3", OTHER_SCHEMA), named("4", OTHER_SCHEMA));
    await work.recover();
    const { epoch } = await work.buffer.local(work.output.name);
    await scene.destination.sabotage({ collector: "roof", epoch, position: 3 });
    await assert.rejects(work.deliver());
    await scene.destination.mend(work.buffer);
    const { position } = await work.recover();
    assert.equal(position, 0);
    await work.deliverAll();
    await work.append("5");
    await work.deliverAll();
    await work.restart();
    assert.deepEqual(await textsAt(scene), range(1, 5));
  },

  "a delivery that failed and was left alone leaves nothing behind": async (scene) => {
    await using work = scene.delivery();
    await work.append("1");
    await work.recover();
    await work.deliverAll();
    await work.append("2", named("3", OTHER_SCHEMA));
    const { epoch } = await work.buffer.local(work.output.name);
    await scene.destination.sabotage({ collector: "roof", epoch, position: 3 });
    await assert.rejects(work.deliver());
    await scene.destination.mend(work.buffer);
    await work.restart();
    assert.equal((await work.recover()).position, 1);
    assert.deepEqual(await textsAt(scene), ["1"]);
    await work.deliverAll();
    await work.restart();
    assert.deepEqual(await textsAt(scene), range(1, 3));
  },

  "what will never be taken is rejected, and everything else is delivered": async (scene) => {
    await using work = scene.delivery();
    const size = scene.destination.tooLarge ?? 3_000_000;
    await work.append("1", named("large", undefined, size), "3", "4");
    const rejected: number[] = [];
    // An output may have to try before it knows; each failure teaches it something. The record of
    // the gap is there when it is asked for.
    for (let tries = 0; await work.isBehind(); tries++) {
      assert.ok(tries < 20, "it learns nothing");
      await work.recover();
      try {
        const delivered = await work.deliver();
        rejected.push(...delivered.rejections.map(({ position }) => position));
        await work.commit(delivered);
      } catch {
        // Recovered above.
      }
    }
    await work.restart();
    // A transaction that was committed can be read a moment later only.
    await work.recover();
    const isTaken = scene.destination.tooLarge === undefined;
    const want = isTaken ? ["1", "large", "3", "4"] : ["1", "3", "4", "collector/gap"];
    assert.deepEqual(await textsAt(scene), want);
    assert.deepEqual(rejected, isTaken ? [] : [2]);
    assert.equal((await work.buffer.stats()).deadLetters, rejected.length);
  },

  "settling may be called at any time, and for a position that was settled before": async (
    scene,
  ) => {
    await using work = scene.delivery();
    await work.output.settle(0);
    await work.recover();
    for (const text of range(1, 3)) {
      await work.append(text);
      const delivered = await work.deliver();
      await work.output.settle(Number(text) - 1);
      await work.commit(delivered);
      for (let i = 0; i < 3; i++) await work.output.settle(Number(text) - (i % 2));
    }
    await work.restart();
    assert.deepEqual(await textsAt(scene), range(1, 3));
  },

  "closing is done once or twice, used or not, and another takes over": async (scene) => {
    {
      await using unused = scene.delivery();
      await unused.output[Symbol.asyncDispose]();
    }
    await using work = scene.delivery();
    await work.append("1", "2");
    await work.recover();
    await work.commit(await work.deliver(1));
    await work.output[Symbol.asyncDispose]();
    await work.restart();
    await work.recover();
    await work.deliverAll();
    await work.restart();
    assert.deepEqual(await textsAt(scene), ["1", "2"]);
  },

  "a new epoch goes on where the old one ended": async (scene) => {
    await using work = scene.delivery();
    await work.append("1", "2");
    await work.recover();
    await work.deliverAll();
    const before = (await work.buffer.local(work.output.name)).epoch;
    await work.buffer.renewEpoch();
    await work.append("3", "4");
    await work.recover();
    await work.deliver(1);
    await work.restart();
    await work.recover();
    await work.deliverAll();
    await work.restart();
    assert.deepEqual(await textsAt(scene), range(1, 4));
    const epochs = (await scene.destination.read()).map(({ epoch }) => epoch > before);
    assert.deepEqual(epochs, [false, false, true, true]);
  },

  "a buffer file in place of another drops nothing, and positions count as new": async (scene) => {
    {
      await using work = scene.delivery("roof", "first.sqlite");
      await work.append(...range(1, 5));
      await work.recover();
      await work.deliverAll();
    }
    await using work = scene.delivery("roof", "second.sqlite");
    await work.append(...range(6, 8));
    assert.equal((await work.recover()).position, 0);
    await work.deliverAll();
    await work.restart();
    assert.deepEqual(await textsAt(scene), range(1, 8));
  },

  "a buffer file that was restored from a backup drops nothing new and rewrites nothing": async (
    scene,
  ) => {
    const at = (name: string) => `${scene.folder}/${name}`;
    {
      await using work = scene.delivery();
      await work.append(...range(1, 4));
      await work.recover();
      await work.deliverAll();
    }
    await Deno.copyFile(at("buffer.sqlite"), at("backup.sqlite"));
    {
      await using work = scene.delivery();
      await work.append("lost 5", "lost 6", "lost 7");
      await work.recover();
      await work.deliverAll();
    }
    await using work = scene.delivery("roof", "backup.sqlite");
    const { newEpoch } = await work.recover();
    assert.match(newEpoch ?? "", /restored/);
    await work.append("new 5", "new 6", "new 7");
    await work.deliverAll();
    await work.restart();
    assert.equal((await work.recover()).newEpoch, undefined);
    await work.restart();
    const texts = [...range(1, 4), "lost 5", "lost 6", "lost 7", "new 5", "new 6", "new 7"];
    assert.deepEqual(await textsAt(scene), texts);
  },

  "an older copy that was put back and filled before anybody delivers drops nothing": async (
    scene,
  ) => {
    const at = (name: string) => `${scene.folder}/${name}.sqlite`;
    {
      await using work = scene.delivery();
      await work.append(...range(1, 4));
      await work.recover();
      await work.deliverAll();
    }
    await Deno.copyFile(at("buffer"), at("stopped"));
    {
      await using work = scene.delivery();
      await work.append("lost 5", "lost 6", "lost 7");
      await work.recover();
      await work.deliverAll();
      using sql = new DatabaseSync(at("buffer"));
      sql.exec(`VACUUM INTO '${at("running")}'`);
      await work.append("lost 8");
      await work.deliverAll();
    }
    const texts = [...range(1, 4), "lost 5", "lost 6", "lost 7", "lost 8"];
    for (const copy of ["stopped", "running"]) {
      await using work = scene.delivery("roof", `${copy}.sqlite`);
      const added = [1, 2, 3, 4, 5, 6].map((number) => `${copy} ${number}`);
      await work.append(...added);
      await work.restart();
      assert.match((await work.recover()).newEpoch ?? "", /restored/, copy);
      await work.deliverAll();
      await work.restart();
      assert.equal((await work.recover()).newEpoch, undefined);
      texts.push(...added);
      assert.deepEqual(await textsAt(scene), texts);
    }
  },

  "a backup that held the same readings already has them delivered": async (scene) => {
    const at = (name: string) => `${scene.folder}/${name}`;
    {
      await using work = scene.delivery();
      await work.append(...range(1, 6));
      await work.recover();
      await work.commit(await work.deliver(2));
      // The delivery names this opening, so the backup has to know of it.
      await work.buffer.note(work.output.name, "");
    }
    await Deno.copyFile(at("buffer.sqlite"), at("backup.sqlite"));
    await using work = scene.delivery("roof", "backup.sqlite");
    assert.equal((await work.recover()).position, 2);
    await work.deliverAll();
    await work.restart();
    assert.deepEqual(await textsAt(scene), range(1, 6));
  },

  "collectors whose names begin alike do not touch each other's readings": async (scene) => {
    const names = ["roof", "roof-1", "roof-1-2"];
    const works: Delivery[] = [];
    await using stack = new AsyncDisposableStack();
    for (const name of names) works.push(stack.use(scene.delivery(name, `${name}.sqlite`)));
    for (let round = 0; round < 2; round++) {
      for (const work of works) {
        await work.append(...range(round * 3 + 1, round * 3 + 3));
        await work.recover();
      }
      for (const work of works) await work.commit(await work.deliver(1));
      // One of them crashes while the others have files or transactions open.
      await works[0]?.restart();
      await works[0]?.recover();
      for (const work of works) await work.deliverAll();
    }
    for (const work of works) await work.restart();
    for (const name of names) assert.deepEqual(await textsAt(scene, name), range(1, 6), name);
  },

  "a delivery that is told to stop is not counted, and made again": async (scene) => {
    await using work = scene.delivery();
    await work.append("1", "2");
    await work.recover();
    const stop = new AbortController();
    const stopped = work.deliver(1, stop.signal).then(() => true, () => false);
    stop.abort();
    await stopped;
    await work.recover(forever);
    await work.deliverAll();
    await work.restart();
    assert.deepEqual(await textsAt(scene), ["1", "2"]);
  },
};
