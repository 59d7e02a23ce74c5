import assert from "node:assert/strict";
import { SalvagedFile } from "../../lib/buffer/mod.ts";
import { crc32c } from "../../lib/crc32c.ts";
import { MIGRATIONS } from "../../lib/buffer/schema.ts";
import { BufferFolder, bytes, entry, textsOf } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const ROWS = 600;
/** Long enough for some rows a page. */
const FILLER = "x".repeat(300);

/** A buffer of which the first rows were delivered. */
async function filled(folder: BufferFolder, delivered: number): Promise<void> {
  await using buffer = folder.open({ synchronous: "normal" });
  await buffer.append(
    Array.from({ length: ROWS }, (_, i) => entry("", { payload: bytes(`${i + 1} ${FILLER}`) })),
  );
  await buffer.commit("file", delivered, []);
}

/** Pages of one kind of a table, and the positions on each of its leaves. */
function pagesOf(folder: BufferFolder, table: string, kind: string): number[] {
  using look = folder.look();
  return look.column(
    `SELECT pageno FROM dbstat WHERE name = '${table}' AND pagetype = '${kind}' ORDER BY path`,
  ).map(Number);
}

function overwrite(path: string, pages: readonly number[]): void {
  using file = Deno.openSync(path, { write: true });
  for (const page of pages) {
    file.seekSync((page - 1) * 4096, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(4096).fill(0xee));
  }
}

/** Everything that can be read: what rows say, and what else was found. */
function salvaged(path: string) {
  using file = new SalvagedFile(path);
  const rows = [...file.rows()];
  for (const { position, payload } of rows) {
    assert.equal(textsOf([{ payload }])[0], `${position} ${FILLER}`);
  }
  const { collector, counts } = file;
  return { positions: rows.map(({ position }) => position), collector, counts };
}

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

Deno.test("of a whole file everything is read that was not delivered", async () => {
  await using folder = new BufferFolder();
  await filled(folder, 250);
  const { positions, collector, counts } = salvaged(folder.path);
  assert.deepEqual(positions, range(251, ROWS));
  assert.equal(collector, "roof");
  assert.deepEqual(counts, { sound: ROWS - 250, damaged: 0, unreadable: 0 });
});

for (const version of [1, 2, 3]) {
  Deno.test(`a file of version ${version} is read as it is`, async () => {
    await using folder = new BufferFolder();
    {
      using look = folder.look();
      for (const statement of MIGRATIONS.slice(0, version).flat()) look.run(statement);
      look.run(`PRAGMA user_version = ${version}`);
      for (const position of [1, 2, 7]) {
        const payload = bytes(`${position} ${FILLER}`);
        look.run(
          "INSERT INTO telemetry_queue(id, topic, payload, created_at, schema, crc) " +
            "VALUES(?, 'readings', ?, 1, 's1', ?)",
          ...[position, payload, crc32c(payload)],
        );
      }
      look.run("UPDATE sqlite_sequence SET seq = 1e15");
    }
    const { positions, counts } = salvaged(folder.path);
    assert.deepEqual(positions, [1, 2, 7]);
    assert.deepEqual(counts, { sound: 3, damaged: 0, unreadable: 0 });
  });
}

Deno.test("of a file with damaged pages the rows of all other pages are read", async () => {
  for (const places of [[0], [1], [3, 4, 9], [-1]]) {
    await using folder = new BufferFolder();
    await filled(folder, 0);
    const leaves = pagesOf(folder, "telemetry_queue", "leaf");
    assert.ok(leaves.length > 20);
    overwrite(folder.path, places.map((at) => leaves.at(at) ?? 0));
    const before = await Deno.readFile(folder.path);
    const { positions, counts: { sound, damaged, unreadable } } = salvaged(folder.path);
    assert.deepEqual(await Deno.readFile(folder.path), before);
    assert.equal(positions.length, new Set(positions).size);
    assert.deepEqual(positions, positions.toSorted((a, b) => a - b));
    assert.deepEqual([sound, damaged], [positions.length, 0]);
    assert.equal(sound + unreadable, ROWS, "each position is read, or counted");
    const lostPages = unreadable / (ROWS / leaves.length);
    assert.ok(lostPages > 0 && lostPages < places.length + 1, `${unreadable} are lost`);
  }
});

Deno.test("rows that went bad are counted and left out; other tables may be gone", async () => {
  await using folder = new BufferFolder();
  await filled(folder, 0);
  {
    using look = folder.look();
    look.run("UPDATE telemetry_queue SET payload = x'00' WHERE id IN (5, 6)");
    look.run("UPDATE telemetry_queue SET topic = 'elsewhere' WHERE id = 9");
  }
  const small = ["meta", "output_cursor", "schema_text"];
  overwrite(folder.path, small.flatMap((table) => pagesOf(folder, table, "leaf")));
  const { positions, collector, counts } = salvaged(folder.path);
  assert.deepEqual(positions, range(1, ROWS).filter((at) => ![5, 6, 9].includes(at)));
  assert.equal(collector, "unknown");
  assert.deepEqual(counts, { sound: ROWS - 3, damaged: 3, unreadable: 0 });
});

Deno.test("nothing is made up of a file without a head", async () => {
  await using folder = new BufferFolder();
  await filled(folder, 0);
  overwrite(folder.path, [1]);
  assert.throws(() => salvaged(folder.path), /^Error: Cannot read any row: /);
});
