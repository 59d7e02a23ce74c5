import assert from "node:assert/strict";
import { Sql } from "../../lib/buffer/sql.ts";

Deno.test("commits that need not wait for the disk leave the next one waiting as before", () => {
  for (const synchronous of [2, 1]) {
    using sql = new Sql(":memory:");
    sql.run(`PRAGMA synchronous = ${synchronous}`);
    const setting = () => sql.number("PRAGMA synchronous");
    const within = sql.unsynced(() => sql.transaction(setting));
    assert.deepEqual([within, setting()], [1, synchronous]);
    const failing = () => {
      throw new Error("no");
    };
    assert.throws(() => sql.unsynced(failing), /no/);
    assert.equal(setting(), synchronous);
  }
});
