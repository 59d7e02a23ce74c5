/**
 * The same tests once more, with the buffer in a thread of its own; then what only such a one can
 * do wrong.
 */
import assert from "node:assert/strict";
import {
  type BufferHandle,
  type BufferOptions,
  openIsolated,
  SqliteCode,
  sqliteCode,
} from "../../lib/buffer/mod.ts";
import { ConfigError, TryLaterError } from "../../lib/core/mod.ts";
import { ALL, BufferFolder, entries, openBy, OPTIONS, textsOf } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const THREAD = new URL("./thread.ts", import.meta.url).href;

/** Opens it; a function cannot be sent to a thread, that one has its own. */
function open({ encodeGap: _, ...options }: BufferOptions): Promise<BufferHandle> {
  return openIsolated(THREAD, options);
}

openBy(open);
await import("./append_test.ts");
await import("./read_test.ts");
await import("./cursors_test.ts");
await import("./trim_test.ts");
await import("./identity_test.ts");
await import("./full_test.ts");
await import("./corruption_test.ts");

/** Opens the buffer of a folder in a thread. */
function opened(folder: BufferFolder, options: Partial<BufferOptions> = {}): Promise<BufferHandle> {
  return open({ ...OPTIONS, path: folder.path, ...options });
}

Deno.test("an isolated buffer says whose it is, and where a corrupt file went", async () => {
  await using folder = new BufferFolder();
  {
    await using isolated = await opened(folder, { collector: "barn" });
    assert.deepEqual([isolated.collector, isolated.setAside], ["barn", undefined]);
  }
  await Deno.writeTextFile(folder.path, "SQLite it is not. ".repeat(1000));
  await using isolated = await opened(folder);
  assert.match(String(isolated.setAside), /buffer\.sqlite\.corrupt-/);
});

Deno.test("what cannot be opened in a thread is told with its class, and the thread ends", async () => {
  await using folder = new BufferFolder();
  await using _first = await opened(folder);
  await assert.rejects(opened(folder), (error) => {
    assert.ok(error instanceof TryLaterError);
    assert.match(error.message, /another collect or poll is writing to it/);
    return true;
  });
  await using other = new BufferFolder();
  await (await opened(other, { collector: "barn" }))[Symbol.asyncDispose]();
  await assert.rejects(opened(other, { collector: "roof" }), ConfigError);
});

Deno.test("an error in a thread keeps its class, its text and SQLite's code", async () => {
  await using folder = new BufferFolder();
  await using isolated = await opened(folder);
  using look = folder.look();
  look.run(
    "CREATE TRIGGER deny BEFORE INSERT ON telemetry_queue BEGIN SELECT RAISE(ABORT, 'denied'); END",
  );
  await assert.rejects(isolated.append(entries("a")), (error) => {
    assert.ok(error instanceof Error && "errcode" in error);
    // SQLITE_CONSTRAINT_TRIGGER
    assert.deepEqual([error.message, error.errcode, sqliteCode(error)], ["denied", 1811, 19]);
    return true;
  });
  look.run("DROP TRIGGER deny");
  look.run("DROP TABLE output_cursor");
  await assert.rejects(isolated.commit("file", 1, []), /no such table/);
  assert.notEqual(SqliteCode.full, 19);
});

Deno.test("waiting for what is appended ends with its signal, in a thread as well", async () => {
  await using folder = new BufferFolder();
  await using buffer = await opened(folder);
  await buffer.appended(0, AbortSignal.abort());
  const stop = new AbortController();
  const waiting = [buffer.appended(0, stop.signal), buffer.appended(0, stop.signal)];
  stop.abort();
  await Promise.all(waiting);
  const { signal } = new AbortController();
  const [woken] = await Promise.all([buffer.appended(0, signal), buffer.append(entries("a"))]);
  assert.equal(woken, undefined);
});

Deno.test("bytes handed in stay with whoever handed them in", async () => {
  await using folder = new BufferFolder();
  await using isolated = await opened(folder);
  const [entry] = entries("a reading");
  assert.ok(entry);
  await isolated.append([entry]);
  assert.deepEqual(textsOf([entry]), ["a reading"]);
  assert.deepEqual(textsOf(await isolated.read("file", ALL)), ["a reading"]);
});

Deno.test("a thread that dies is told of, and leaves nobody waiting", async () => {
  await using folder = new BufferFolder();
  const module = new URL("./dying_thread.ts", import.meta.url).href;
  const buffer = await openIsolated(module, folder.path);
  assert.equal(buffer.broken.aborted, false);
  // It dies of a call to read(), while others wait.
  await buffer.append(entries("a"));
  const { signal } = new AbortController();
  const calls = [buffer.read("file", ALL), buffer.appended(1, signal)];
  for (const { status } of await Promise.allSettled(calls)) assert.equal(status, "rejected");
  assert.match(String(buffer.broken.reason), /The thread of the buffer failed: .*out of luck/);
  await assert.rejects(buffer.append(entries("c")), /The thread of the buffer failed/);
  buffer.flush();
  buffer.unblock();
  // Closing it is no error; what it had committed is there.
  await buffer[Symbol.asyncDispose]();
  await using again = await opened(folder);
  assert.deepEqual(textsOf(await again.read("file", ALL)), ["a"]);
});

Deno.test("a thread whose module cannot be loaded is told of", async () => {
  await assert.rejects(openIsolated("file:///nowhere.ts", {}), /The thread of the buffer failed/);
});
