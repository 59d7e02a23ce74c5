import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { ALL, BufferFolder, entries } from "./buffer_folder.ts";

/** What SQLite says of a statement that has to look at each row of the log, or to sort them. */
const READS_ALL = /TEMP B-TREE|^SCAN telemetry_queue(?! USING)/;
/** The end of the log is found at once. */
const IS_AN_END = /ORDER BY id( DESC)? LIMIT 1$/;

Deno.test("nothing that is done again and again reads the whole log", async () => {
  const { prepare } = DatabaseSync.prototype;
  const statements = new Set<string>();
  DatabaseSync.prototype.prepare = function (sql) {
    statements.add(sql);
    return prepare.call(this, sql);
  };
  try {
    await using folder = new BufferFolder();
    await using buffer = folder.open();
    statements.clear();
    await buffer.append(entries("a", "b", "c", "d"));
    await buffer.read("file", ALL);
    await buffer.commit("file", 2, [{ position: 2, reason: "message_too_large" }]);
    await buffer.trim({ maxBytes: 1, maxAgeSeconds: 1 });
    await buffer.read("file", ALL);
    await buffer.stats();
    await buffer.latestTime();
    using look = folder.look();
    const ofTheLog = [...statements].filter((sql) => /(FROM|INTO) telemetry_queue/.test(sql));
    assert.ok(ofTheLog.length > 10, `${ofTheLog.length}`);
    for (const sql of ofTheLog.filter((sql) => !IS_AN_END.test(sql))) {
      const plan = look.rows(`EXPLAIN QUERY PLAN ${sql}`).map((row) => String(row.at(-1)));
      assert.deepEqual(plan.filter((step) => READS_ALL.test(step)), [], sql);
    }
  } finally {
    DatabaseSync.prototype.prepare = prepare;
  }
});
