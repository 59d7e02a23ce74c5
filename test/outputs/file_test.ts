import assert from "node:assert/strict";
import { encodeBlock } from "../../lib/avro/mod.ts";
import { decodeHeader } from "../../lib/avro/container.ts";
import { joinRecords } from "../../lib/avro/join.ts";
import { RefusedError, TryLaterError } from "../../lib/core/mod.ts";
import { outputs } from "../../lib/outputs/mod.ts";
import { OTHER_SCHEMA } from "../avro/sample_batch.ts";
import { diskTest } from "../buffer/small_disk.ts";
import { FakeClock } from "../collect/fake_clock.ts";
import { Chance } from "../modbus/chance.ts";
import { Delivery, named } from "./delivery.ts";
import { deliverUnderKills } from "./killed_deliveries.ts";
import { readContainer } from "./kcat.ts";
import { lookup } from "./lookup.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const file = outputs.find(({ name }) => name === "file");
assert.ok(file);
const type = file;

/** A folder for files beside one for the buffer, removed at the end of the scope. */
class Folders implements AsyncDisposable {
  readonly root: string;
  readonly readings: string;

  constructor(readings?: string) {
    this.root = Deno.makeTempDirSync({ prefix: "sunspool-file-" });
    this.readings = readings ?? `${this.root}/readings`;
  }

  /** A delivery into the folder of files. */
  deliver(settings: Readonly<Record<string, unknown>> = {}): Delivery {
    const get = lookup({ "file.directory": this.readings, ...settings });
    return new Delivery({ type, get, path: `${this.root}/buffer.sqlite`, collector: "roof" });
  }

  /** The names in the folder of files, the epoch as E. */
  names(epoch: number): string[] {
    return [...Deno.readDirSync(this.readings)].map(({ name }) => name.replace(`${epoch}`, "E"))
      .sort();
  }

  /** What a reader of the finished files finds. */
  read() {
    return [...Deno.readDirSync(this.readings)].filter(({ name }) => name.endsWith(".avro"))
      .flatMap(({ name }) => readContainer(Deno.readFileSync(`${this.readings}/${name}`)))
      .sort((a, b) => a.epoch - b.epoch || a.position - b.position);
  }

  texts(): string[] {
    return this.read().map(({ text }) => text);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.root, { recursive: true });
  }
}

async function epochOf(work: Delivery): Promise<number> {
  return (await work.buffer.local("file")).epoch;
}

Deno.test("a file is partial until it is finished, then named after what is in it", async () => {
  await using folders = new Folders();
  await using work = folders.deliver();
  await work.append("1", "2", "3");
  await work.recover();
  const epoch = await epochOf(work);
  const delivered = await work.deliver(2);
  assert.deepEqual(folders.names(epoch), ["roof-E-1.avro.partial"]);
  await work.commit(delivered);
  await work.deliverAll();
  assert.deepEqual(folders.names(epoch), ["roof-E-1.avro.partial"]);
  await work.restart();
  assert.deepEqual(folders.names(epoch), ["roof-E-1-3.avro"]);
  const { mode } = Deno.statSync(`${folders.readings}/roof-${epoch}-1-3.avro`);
  assert.equal((mode ?? 0) & 0o137, 0, "more than the owner may write, or others read");
});

Deno.test("a file names the opening of the buffer that it was written from, which is kept", async () => {
  await using folders = new Folders();
  await using work = folders.deliver();
  await work.append("1");
  await work.recover();
  const { epoch, incarnation } = await work.buffer.local("file");
  await work.deliver();
  const bytes = await Deno.readFile(`${folders.readings}/roof-${epoch}-1.avro.partial`);
  assert.equal(decodeHeader(bytes)?.metadata.get("sunspool.incarnation"), incarnation);
  await work.restart();
  const { incarnations } = await work.buffer.local("file");
  assert.deepEqual(incarnations.map(({ id }) => id === incarnation), [true, false]);
});

Deno.test("a file is finished when it is large enough, and the next begins behind it", async () => {
  await using folders = new Folders();
  await using work = folders.deliver({ "file.roll_bytes": 8192 });
  await work.recover();
  const epoch = await epochOf(work);
  for (let i = 1; i <= 5; i++) {
    await work.append(named(String(i), undefined, 3000));
    await work.deliverAll();
  }
  assert.deepEqual(folders.names(epoch), [
    "roof-E-1-2.avro",
    "roof-E-3-4.avro",
    "roof-E-5.avro.partial",
  ]);
});

Deno.test("a file is finished when it is old enough, also while nothing comes", async () => {
  using clock = new FakeClock();
  await using folders = new Folders();
  await using work = folders.deliver({ "file.roll_s": 30 });
  await work.recover();
  const epoch = await epochOf(work);
  await work.append("1");
  await work.deliverAll();
  await clock.advance(29_999);
  await work.output.settle(1);
  assert.deepEqual(folders.names(epoch), ["roof-E-1.avro.partial"]);
  await clock.advance(1);
  await work.output.settle(1);
  assert.deepEqual(folders.names(epoch), ["roof-E-1-1.avro"]);
});

Deno.test("no file gets its name before all of it is committed", async () => {
  await using folders = new Folders();
  await using work = folders.deliver({ "file.roll_bytes": 1024 });
  await work.recover();
  const epoch = await epochOf(work);
  await work.append("1", "2", named("3", OTHER_SCHEMA), named("4", OTHER_SCHEMA), "5");
  const delivered = await work.deliver();
  const partial = ["roof-E-1.avro.partial", "roof-E-3.avro.partial", "roof-E-5.avro.partial"];
  assert.deepEqual(folders.names(epoch), partial);
  await work.output.settle(0);
  assert.deepEqual(folders.names(epoch), partial);
  await work.commit(delivered);
  assert.deepEqual(folders.names(epoch), ["roof-E-1-2.avro", "roof-E-3-4.avro", "roof-E-5-5.avro"]);
});

Deno.test("a new epoch begins a new file", async () => {
  await using folders = new Folders();
  await using work = folders.deliver();
  await work.append("1");
  await work.recover();
  const first = await epochOf(work);
  await work.deliverAll();
  const second = await work.buffer.renewEpoch();
  await work.append("2");
  await work.recover();
  await work.deliverAll();
  await work.restart();
  assert.deepEqual(folders.names(first).map((name) => name.replace(`${second}`, "F")).sort(), [
    "roof-E-1-1.avro",
    "roof-F-2-2.avro",
  ]);
});

/** A partial file with three blocks, of which the buffer has committed two. */
async function crashed(folders: Folders): Promise<{ path: string; epoch: number }> {
  await using work = folders.deliver();
  await work.append("1", "2", "3", "4", "5", "6");
  await work.recover();
  const epoch = await epochOf(work);
  await work.commit(await work.deliver(2));
  await work.commit(await work.deliver(2));
  await work.deliver(2);
  const path = `${folders.readings}/roof-${epoch}-1.avro.partial`;
  // Closing would leave the file as it is: its end is not committed.
  return { path, epoch };
}

Deno.test("blocks that were not committed are cut off, and delivered again", async () => {
  await using folders = new Folders();
  const { epoch } = await crashed(folders);
  await using work = folders.deliver();
  assert.equal((await work.recover()).position, 4);
  assert.deepEqual(folders.names(epoch), ["roof-E-1-4.avro"]);
  await work.deliverAll();
  await work.restart();
  assert.deepEqual(folders.names(epoch), ["roof-E-1-4.avro", "roof-E-5-6.avro"]);
  assert.deepEqual(folders.texts(), ["1", "2", "3", "4", "5", "6"]);
});

Deno.test("a file torn at any byte behind what was committed is mended, and nothing is lost", async () => {
  await using folders = new Folders();
  const { path, epoch } = await crashed(folders);
  const whole = await Deno.readFile(path);
  const committed = await (async () => {
    await using work = folders.deliver();
    await work.recover();
    return (await Deno.readFile(path.replace(".avro.partial", "-4.avro"))).length;
  })();
  const buffer = await Deno.readFile(`${folders.root}/buffer.sqlite`);
  const tails = [new Uint8Array(0), new Uint8Array(50), new Uint8Array(50).fill(0xff)];
  for (let length = committed; length <= whole.length; length += 5) {
    for (const tail of tails) {
      await Deno.remove(folders.readings, { recursive: true });
      await Deno.mkdir(folders.readings);
      await Deno.writeFile(path, new Uint8Array([...whole.slice(0, length), ...tail]));
      await Deno.writeFile(`${folders.root}/buffer.sqlite`, buffer);
      {
        await using work = folders.deliver();
        assert.equal((await work.recover()).position, 4);
        await work.deliverAll();
      }
      assert.deepEqual(folders.names(epoch), ["roof-E-1-4.avro", "roof-E-5-6.avro"]);
      assert.deepEqual(folders.texts(), ["1", "2", "3", "4", "5", "6"], `at ${length}`);
    }
  }
});

Deno.test("a file with no whole block is removed", async () => {
  await using folders = new Folders();
  await using work = folders.deliver();
  await work.append("1");
  await work.recover();
  const epoch = await epochOf(work);
  const delivered = await work.deliver();
  const path = `${folders.readings}/roof-${epoch}-1.avro.partial`;
  const { end = 0 } = decodeHeader(await Deno.readFile(path)) ?? {};
  assert.equal(delivered.entries.length, 1);
  for (const length of [0, 3, 4, 100, end - 1, end]) {
    await Deno.writeFile(path, (await Deno.readFile(path)).slice(0, length));
    assert.equal((await work.recover()).position, 0);
    assert.deepEqual(folders.names(epoch), [], `${length} bytes`);
    await work.deliver();
  }
  await work.recover();
  await work.deliverAll();
  await work.restart();
  assert.deepEqual(folders.texts(), ["1"]);
});

Deno.test("a block that claims to be of another epoch is torn, not another's", async () => {
  await using folders = new Folders();
  const { path } = await crashed(folders);
  const bytes = await Deno.readFile(path);
  const header = decodeHeader(bytes);
  assert.ok(header);
  const entry = { ...named("stray"), position: 7, topic: "readings" };
  const stray = joinRecords({ collector: "roof", epoch: 1 }, [entry]);
  const block = encodeBlock(1, stray, header.codec, header.sync);
  await Deno.writeFile(path, new Uint8Array([...bytes, ...block]));
  await using work = folders.deliver();
  assert.equal((await work.recover()).newEpoch, undefined);
  await work.deliverAll();
  await work.restart();
  assert.deepEqual(folders.texts(), ["1", "2", "3", "4", "5", "6"]);
});

Deno.test("a partial file of an earlier epoch keeps all its whole blocks", async () => {
  await using folders = new Folders();
  const { epoch } = await crashed(folders);
  await Deno.remove(`${folders.root}/buffer.sqlite`);
  await using work = folders.deliver();
  await work.append("7");
  assert.equal((await work.recover()).position, 0);
  await work.deliverAll();
  await work.restart();
  assert.ok(folders.names(epoch).includes("roof-E-1-6.avro"));
  assert.deepEqual(folders.texts(), ["1", "2", "3", "4", "5", "6", "7"]);
});

Deno.test("a backup that is older than a partial file keeps what is in it", async () => {
  await using folders = new Folders();
  const buffer = `${folders.root}/buffer.sqlite`;
  {
    await using work = folders.deliver();
    await work.append("1", "2");
    await work.recover();
    await work.deliverAll();
  }
  const backup = await Deno.readFile(buffer);
  {
    await using work = folders.deliver();
    await work.append("lost 3", "lost 4", "lost 5");
    await work.recover();
    await work.commit(await work.deliver(1));
    // Killed with the rest of it in a partial file.
    await work.deliver();
  }
  await Deno.writeFile(buffer, backup);
  await using work = folders.deliver();
  assert.match((await work.recover()).newEpoch ?? "", /positions up to 5 .* restored/);
  await work.append("new 3");
  await work.deliverAll();
  await work.restart();
  assert.deepEqual(folders.texts(), ["1", "2", "lost 3", "lost 4", "lost 5", "new 3"]);
});

Deno.test("files of others stay as they are", async () => {
  await using folders = new Folders();
  await Deno.mkdir(folders.readings);
  const others = [
    "notes.txt",
    "roof.avro.partial",
    "roof-1.avro.partial",
    "roof-1-2-3.avro.partial",
    "roof-x-1.avro.partial",
    "roof-1-2-3-4.avro",
    "roof2-1-2.avro.partial",
    "cellar-1-2.avro.partial",
  ];
  for (const name of others) await Deno.writeTextFile(`${folders.readings}/${name}`, "theirs");
  await using work = folders.deliver();
  await work.append("1");
  await work.recover();
  await work.deliverAll();
  await work.restart();
  await work.recover();
  for (const name of others) {
    assert.equal(await Deno.readTextFile(`${folders.readings}/${name}`), "theirs", name);
  }
});

/** What the finished files hold, by name. */
function finished(folders: Folders): Map<string, string> {
  const names = [...Deno.readDirSync(folders.readings)].map(({ name }) => name)
    .filter((name) => name.endsWith(".avro"));
  return new Map(
    names.map((name) => [name, Deno.readFileSync(`${folders.readings}/${name}`).toHex()]),
  );
}

Deno.test("whatever happens in whatever order, no finished file changes and each position is there once", async () => {
  const chance = new Chance();
  for (let round = 1; round <= 12; round++) {
    try {
      await using folders = new Folders();
      await using work = folders.deliver({ "file.roll_bytes": 1024 });
      await work.recover();
      let seen = new Map<string, string>();
      let appended = 0;
      for (let i = 0; i < 25; i++) {
        const add = async () => {
          const schema = chance.of(undefined, OTHER_SCHEMA);
          await work.append(named(String(++appended), schema, chance.below(400)));
        };
        const step = chance.of(
          add,
          add,
          async () => await work.commit(await work.deliver(1 + chance.below(4))),
          async () => void await work.deliver(1 + chance.below(4)).then(() => work.recover()),
          async () => {
            await work.restart();
            await work.recover();
          },
          async () => void await work.recover(),
        );
        const { backlog } = await work.buffer.stats();
        if (step !== add && backlog.file === 0) continue;
        await step();
        const now = finished(folders);
        for (const [name, bytes] of seen) assert.equal(now.get(name), bytes, name);
        seen = now;
      }
      await work.recover();
      await work.deliverAll();
      await work.restart();
      const texts = Array.from({ length: appended }, (_, i) => String(i + 1));
      assert.deepEqual(folders.texts(), texts);
    } catch (cause) {
      throw chance.failure(round, cause);
    }
  }
});

Deno.test("each reading is there once after many kills, and no finished file is rewritten", async () => {
  await using folders = new Folders();
  let seen = new Map<string, string>();
  await deliverUnderKills({
    type,
    settings: { "file.directory": folders.readings, "file.roll_bytes": 4096 },
    folder: folders.root,
    topic: "readings",
    collector: "roof",
    cycles: 5,
    read: () => Promise.resolve(folders.read()),
    check() {
      const now = finished(folders);
      for (const [name, bytes] of seen) assert.equal(now.get(name), bytes, name);
      seen = now;
      return Promise.resolve();
    },
  });
});

Deno.test("a folder that is missing is made; one that cannot be is worth a later try", async () => {
  await using folders = new Folders();
  await using work = folders.deliver({ "file.directory": `${folders.root}/a/b/c` });
  await work.append("1");
  await work.recover();
  await work.deliverAll();

  await Deno.writeTextFile(`${folders.root}/file`, "");
  for (const place of ["file", "file/readings"]) {
    const get = lookup({ "file.directory": `${folders.root}/${place}` });
    const context = { collector: "roof", batchSize: 1, note: () => Promise.resolve(), log() {} };
    await using output = type.create(get, context);
    const local = await work.buffer.local("file");
    await assert.rejects(output.recover(local, new AbortController().signal), (error) => {
      assert.ok(error instanceof TryLaterError);
      assert.match(error.message, /^Cannot write to folder ".*": /);
      return true;
    });
  }
});

Deno.test("a folder that is removed while it is written to fails the delivery, and is made again", async () => {
  await using folders = new Folders();
  await using work = folders.deliver();
  await work.append("1");
  await work.recover();
  await work.deliverAll();
  await Deno.remove(folders.readings, { recursive: true });
  await work.append("2", "3");
  await assert.rejects(work.deliver(), TryLaterError);
  assert.equal((await work.recover()).position, 1);
  await work.deliverAll();
  await work.restart();
  assert.deepEqual(folders.texts(), ["2", "3"]);
});

Deno.test("a file that cannot be named at the end is named at the next start", async () => {
  await using folders = new Folders();
  const elsewhere = `${folders.root}/elsewhere`;
  await using work = folders.deliver();
  await work.append("1");
  await work.recover();
  await work.deliverAll();
  await Deno.rename(folders.readings, elsewhere);
  await work.restart();
  assert.ok(work.logged.some(([level, text]) => level === "warn" && /next start/.test(text)));
  await Deno.rename(elsewhere, folders.readings);
  await work.recover();
  assert.deepEqual(folders.texts(), ["1"]);
});

diskTest("a folder that is read-only is a refusal", 1024, async (disk) => {
  await using folders = new Folders(disk.folder);
  await using work = folders.deliver();
  await work.append("1");
  await disk.remount("ro");
  // There is nothing to make; writing is what fails.
  await work.recover();
  await assert.rejects(work.deliver(), RefusedError);
  await disk.remount("rw");
  await work.recover();
  await work.deliverAll();
  await work.restart();
  assert.deepEqual(folders.texts(), ["1"]);
});

diskTest(
  "a full disk fails the delivery, and leaves nothing torn once there is room",
  1024,
  async (disk) => {
    await using folders = new Folders(disk.folder);
    await using work = folders.deliver();
    await work.append("1", "2");
    await work.recover();
    await work.deliverAll(1);
    const filler = await disk.fill();
    await work.append(named("3", undefined, 30_000), "4");
    for (let i = 0; i < 3; i++) {
      await assert.rejects(work.deliver(), (error) => {
        assert.ok(error instanceof TryLaterError);
        assert.match(error.message, /No space left/);
        return true;
      });
      assert.equal((await work.recover()).position, 2);
    }
    // Stopped in this state, nothing torn may get a name.
    await assert.rejects(work.deliver(), TryLaterError);
    await work.restart();
    await Deno.remove(filler);
    await work.recover();
    await work.deliverAll();
    await work.restart();
    assert.deepEqual(folders.texts(), ["1", "2", "3", "4"]);
  },
);
