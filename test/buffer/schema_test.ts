import assert from "node:assert/strict";
import { openFile } from "../../lib/buffer/open.ts";
import { SCHEMA_VERSION } from "../../lib/buffer/schema.ts";
import { ConfigError } from "../../lib/core/mod.ts";
import { BufferFolder, entry, type Look } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const MIB = 1024 * 1024;
const alone = { lockOthers: () => new DisposableStack(), mayExchange: true };

Deno.test("every setting holds in the connection that asked for it", async () => {
  for (const [synchronous, want] of [["full", 2], ["normal", 1]] as const) {
    await using folder = new BufferFolder();
    using sql = openFile(folder.path, { synchronous, maxBytes: 100 * MIB }, alone).sql;
    for (
      const [pragma, value] of [
        ["page_size", 4096],
        ["auto_vacuum", 2],
        ["journal_mode", "wal"],
        ["synchronous", want],
        ["wal_autocheckpoint", 1000],
        ["journal_size_limit", 8 * MIB],
        ["max_page_count", 100 * 256 + 256],
        ["trusted_schema", 0],
        ["cell_size_check", 1],
        ["busy_timeout", 5000],
      ] as const
    ) {
      assert.equal(Object.values(sql.get(`PRAGMA ${pragma}`) ?? {})[0], value, pragma);
    }
  }
});

Deno.test("what the file itself keeps is seen through a second connection", async () => {
  await using folder = new BufferFolder();
  await using _buffer = folder.open();
  using look = folder.look();
  for (
    const [pragma, value] of [
      ["page_size", 4096],
      ["auto_vacuum", 2],
      ["journal_mode", "wal"],
      ["user_version", SCHEMA_VERSION],
    ] as const
  ) {
    assert.deepEqual(look.column(`PRAGMA ${pragma}`), [value], pragma);
  }
});

/** Columns as `name TYPE`, with `NOT NULL`, `= default` and `PK` where they apply. */
function columnsOf(look: Look, table: string): string[] {
  return look.rows(
    `SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info('${table}')`,
  )
    .map(([name, type, notNull, fallback, key]) =>
      `${name} ${type}${notNull ? " NOT NULL" : ""}${fallback === null ? "" : ` = ${fallback}`}${
        key ? " PK" : ""
      }`
    );
}

Deno.test("the tables are those of the contract", async () => {
  await using folder = new BufferFolder();
  await using _buffer = folder.open();
  using look = folder.look();
  assert.deepEqual(columnsOf(look, "telemetry_queue"), [
    "id INTEGER PK",
    "topic TEXT NOT NULL",
    "payload BLOB NOT NULL",
    "retry_count INTEGER = 0",
    "created_at INTEGER NOT NULL",
    "schema TEXT NOT NULL",
    "crc INTEGER NOT NULL",
    "clock_synced INTEGER",
    "output TEXT",
    "header_crc INTEGER",
    "template INTEGER",
  ]);
  assert.deepEqual(columnsOf(look, "output_cursor").slice(0, 2), [
    "output TEXT PK",
    "position INTEGER NOT NULL",
  ]);
  const tables = look.column("SELECT name FROM sqlite_master WHERE type = 'table'");
  for (const table of ["dead_letter", "meta", "schema_text"]) assert.ok(tables.includes(table));
  assert.deepEqual(
    look.rows("SELECT tbl_name, sql FROM sqlite_master WHERE name = 'idx_created_at'"),
    [["telemetry_queue", "CREATE INDEX idx_created_at ON telemetry_queue(created_at)"]],
  );
  const [text] = look.column("SELECT sql FROM sqlite_master WHERE name = 'telemetry_queue'");
  assert.match(String(text), /id INTEGER PRIMARY KEY AUTOINCREMENT/);
});

Deno.test("the file and its locks are for their owner alone", async () => {
  await using folder = new BufferFolder();
  await using buffer = folder.open();
  await buffer.append([entry("a")]);
  const modes = folder.names().map((name) => [
    name,
    ((Deno.statSync(`${folder.folder}/${name}`).mode ?? 0) & 0o777).toString(8),
  ]);
  assert.deepEqual(modes, [
    ["buffer.sqlite", "600"],
    ["buffer.sqlite-shm", "600"],
    ["buffer.sqlite-wal", "600"],
    ["buffer.sqlite.append.lock", "600"],
    ["buffer.sqlite.ballast", "600"],
    ["buffer.sqlite.drain.lock", "600"],
    ["buffer.sqlite.open.lock", "600"],
  ]);
});

Deno.test("a file of a newer version, or of another program, is refused and left as it is", async () => {
  for (
    const [what, statement, why] of [
      [
        "newer",
        `PRAGMA user_version = ${SCHEMA_VERSION + 1}`,
        new RegExp(`a newer sunspool wrote it \\(version ${SCHEMA_VERSION + 1}`),
      ],
      ["foreign", "CREATE TABLE recipes(title TEXT)", /another program made this file/],
    ] as const
  ) {
    await using folder = new BufferFolder();
    {
      using look = folder.look();
      look.run(statement);
    }
    const before = await Deno.readFile(folder.path);
    assert.throws(() => folder.open(), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, why);
      return true;
    });
    assert.deepEqual(await Deno.readFile(folder.path), before, what);
  }
});

Deno.test("a file that outgrew a lowered cap is still opened", async () => {
  await using folder = new BufferFolder();
  {
    await using buffer = folder.open();
    const payload = new Uint8Array(1_000_000);
    for (let i = 0; i < 12; i++) await buffer.append([entry("", { payload })]);
  }
  await using buffer = folder.open({ maxBytes: 4096 });
  assert.equal((await buffer.stats()).rows, 12);
});

Deno.test("schema texts are kept, also those of an earlier version, and put right when they went bad", async () => {
  await using folder = new BufferFolder();
  {
    await using _buffer = folder.open({
      schemas: new Map([["old", "text of old"], ["damaged", "text og damaged"]]),
    });
  }
  await using buffer = folder.open({
    schemas: new Map([["new", "text of new"], ["damaged", "text of damaged"]]),
  });
  assert.equal(await buffer.schemaText("old"), "text of old");
  assert.equal(await buffer.schemaText("damaged"), "text of damaged");
  assert.equal(await buffer.schemaText("new"), "text of new");
  assert.equal(await buffer.schemaText("none"), "");
});
