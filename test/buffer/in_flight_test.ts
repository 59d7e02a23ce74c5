import assert from "node:assert/strict";
import type { BufferHandle } from "../../lib/buffer/mod.ts";
import type { Entry } from "../../lib/core/mod.ts";
import { Chance } from "../modbus/chance.ts";
import { ALL, BufferFolder, entries, entry, gapsOf, numbered } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

/** Drops all there is. */
const NOTHING_KEPT = { maxBytes: 1, maxAgeSeconds: 1e11 };

/** What an output is told that it lost: first and last position, count, reason. */
async function toldTo(buffer: BufferHandle, output = "file") {
  const read = await buffer.read(output, ALL);
  return gapsOf(read).filter((gap) => gap.output === output)
    .map(({ first, last, count, reason }) => [first, last, count, reason]);
}

Deno.test("rows that go while they are on their way are no loss once they have arrived", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  await buffer.append(numbered(1, 10));
  await buffer.read("file", { ...ALL, rows: 4 });
  assert.equal((await buffer.trim(NOTHING_KEPT)).dropped, 10);
  await buffer.commit("file", 4, []);
  assert.deepEqual(await toldTo(buffer), [[5, 10, 6, "max_bytes"]]);
  assert.deepEqual((await buffer.stats()).dropped, [
    { output: "file", reason: "max_bytes", count: 6 },
  ]);
});

Deno.test("they are lost when the output asks again, or got only some of them", async () => {
  for (
    const [arrived, want] of [[0, [1, 8, 8]], [3, [4, 8, 5]], [5, [6, 8, 3]]] as const
  ) {
    await using folder = new BufferFolder();
    await using buffer = await folder.opened();
    await buffer.append(numbered(1, 8));
    await buffer.read("file", { ...ALL, rows: 5 });
    await buffer.trim(NOTHING_KEPT);
    if (arrived > 0) await buffer.commit("file", arrived, []);
    const told = await toldTo(buffer);
    const [first, last] = [told.at(0)?.[0], told.at(-1)?.[1]];
    const count = told.reduce((sum, gap) => sum + Number(gap[2]), 0);
    assert.deepEqual([first, last, count], want);
    assert.deepEqual((await buffer.stats()).dropped.map(({ count }) => count), [want[2]]);
  }
});

Deno.test("what was on its way when the process died is not told of before its output asks", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = await folder.opened();
    await buffer.append(numbered(1, 8));
    await buffer.read("file", { ...ALL, rows: 5 });
    await buffer.note("file", "on its way");
  }
  await using buffer = await folder.opened();
  await buffer.trim(NOTHING_KEPT);
  await buffer.commit("file", 5, []);
  assert.deepEqual(await toldTo(buffer), [[6, 8, 3, "max_bytes"]]);
});

Deno.test("another process may drop them", async () => {
  await using folder = new BufferFolder();
  await using appends = await folder.opened({ role: "append" });
  await using drains = await folder.opened({ role: "drain" });
  await appends.append(numbered(1, 8));
  await drains.read("file", { ...ALL, rows: 5 });
  await appends.trim(NOTHING_KEPT);
  await drains.commit("file", 5, []);
  assert.deepEqual(await toldTo(drains), [[6, 8, 3, "max_bytes"]]);
});

Deno.test("the record of a gap that goes on its way is told again only when it did not arrive", async () => {
  for (const hasArrived of [true, false]) {
    await using folder = new BufferFolder();
    await using buffer = await folder.opened();
    await buffer.append(numbered(1, 3));
    await buffer.trim(NOTHING_KEPT);
    const [record] = await buffer.read("file", ALL);
    assert.equal(record?.position, 4);
    await buffer.trim(NOTHING_KEPT);
    if (hasArrived) await buffer.commit("file", 4, []);
    await buffer.append(entries("after"));
    const told = await toldTo(buffer);
    assert.deepEqual(
      told,
      hasArrived ? [] : [[1, 3, 3, "max_bytes"], [4, 4, 0, "max_bytes"]],
    );
  }
});

Deno.test("one that the output will never take is told of as such, though it is gone", async () => {
  await using folder = new BufferFolder();
  await using buffer = await folder.opened();
  await buffer.append(numbered(1, 3));
  await buffer.read("file", ALL);
  await buffer.trim(NOTHING_KEPT);
  await buffer.commit("file", 3, [{ position: 2, reason: "message_too_large" }]);
  assert.deepEqual(await toldTo(buffer), [[2, 2, 1, "message_too_large"]]);
});

/** A destination that gets batches whole, in part or not at all, and is told so or not. */
class Destination {
  readonly got: Entry[] = [];
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  get position(): number {
    return this.got.at(-1)?.position ?? 0;
  }

  /** Takes what it has not: that is what recovery is for. */
  take(batch: readonly Entry[]): void {
    const { position } = this;
    this.got.push(...batch.filter((one) => one.position > position));
  }

  /** Each position that is missing is told of once, each that is there not at all, none miscounted. */
  judge(latest: number, appended: number): void {
    const gaps = gapsOf(this.got).filter(({ output }) => output === this.name);
    const told = gaps.flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, i) => first + i)
    );
    const there = this.got.map(({ position }) => position);
    const all = [...there, ...told].sort((a, b) => a - b);
    assert.deepEqual(all, Array.from({ length: latest }, (_, i) => i + 1), this.name);
    const readings = this.got.length - gapsOf(this.got).length;
    assert.equal(readings + gaps.reduce((sum, { count }) => sum + count, 0), appended, this.name);
  }
}

Deno.test("whatever happens in whatever order, each position is there or told of, never both", async () => {
  const chance = new Chance();
  for (let round = 1; round <= 12; round++) {
    try {
      await using folder = new BufferFolder();
      const outputs = [new Destination("a"), new Destination("b")] as const;
      const options = { outputs: ["a", "b"], synchronous: "normal" } as const;
      let appended = 0;
      let buffer = await folder.opened(options);
      const deliver = async (to: Destination) => {
        // As a drain does: first what has arrived, then the next.
        const { position, note } = await buffer.local(to.name);
        if (to.position > position || note !== null) {
          await buffer.commit(to.name, Math.max(to.position, position), []);
        }
        const batch = await buffer.read(to.name, { ...ALL, rows: 1 + chance.below(20) });
        await buffer.note(to.name, "on its way");
        return batch;
      };
      const flights = new Map<Destination, readonly Entry[]>();
      const land = async (to: Destination) => {
        const batch = flights.get(to) ?? [];
        flights.delete(to);
        const part = batch.slice(0, chance.of(0, chance.below(batch.length + 1), batch.length));
        to.take(part);
        // The buffer is told, or never hears of it.
        if (part.length === batch.length && batch.length > 0 && chance.of(true, false)) {
          await buffer.commit(to.name, batch.at(-1)?.position ?? 0, []);
        }
      };
      for (let i = 0; i < 60; i++) {
        const to = chance.of(...outputs);
        await chance.of(
          async () => {
            const count = 1 + chance.below(10);
            appended += count;
            await buffer.append(Array.from({ length: count }, () => entry("x".repeat(2000))));
          },
          async () => {
            await land(to);
            flights.set(to, await deliver(to));
          },
          () => land(to),
          async () => void await buffer.trim({ ...NOTHING_KEPT, maxMs: 0 }),
          async () => {
            // What is on its way outlives the process.
            await buffer[Symbol.asyncDispose]();
            buffer = await folder.opened(options);
          },
        )();
      }
      for (const to of outputs) await land(to);
      // The records of the other one's gaps come as well.
      for (const to of [...outputs, ...outputs]) {
        for (let batch = await deliver(to); batch.length > 0; batch = await deliver(to)) {
          to.take(batch);
          await buffer.commit(to.name, to.position, []);
        }
      }
      for (const to of outputs) {
        to.judge((await buffer.local(to.name)).latest, appended);
      }
      await buffer[Symbol.asyncDispose]();
    } catch (cause) {
      throw chance.failure(round, cause);
    }
  }
});
