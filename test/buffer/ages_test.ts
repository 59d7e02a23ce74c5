import assert from "node:assert/strict";
import { BufferFolder, entry, numbered } from "./buffer_folder.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const YEAR = 365 * 86_400_000;
const MONTH = { maxBytes: 1e9, maxAgeSeconds: 30 * 86_400 };

/** Sets the wall clock by so much, for the length of the scope. */
function setClock(ms: number): Disposable {
  const now = Date.now;
  Date.now = () => now() + ms;
  return { [Symbol.dispose]: () => Date.now = now };
}

Deno.test("a jump of the clock makes nothing look old, then or later", async () => {
  for (const jump of [50 * YEAR, 40 * 86_400_000, -50 * YEAR]) {
    await using folder = new BufferFolder();
    {
      await using buffer = folder.open();
      await buffer.append(numbered(1, 3));
      using _clock = setClock(jump);
      assert.equal((await buffer.trim(MONTH)).dropped, 0);
      await buffer.append(numbered(4, 5, { createdAt: Date.now() }));
      assert.equal((await buffer.trim(MONTH)).dropped, 0);
    }
    using _clock = setClock(jump);
    await using buffer = folder.open({ role: "maintain" });
    assert.equal((await buffer.trim(MONTH)).dropped, 0);
  }
});

Deno.test("a jump while nothing ran is one too, but two months without power are not", async () => {
  for (const [years, want] of [[50, 0], [2, 0], [1 / 6, 3]] as const) {
    await using folder = new BufferFolder();
    {
      await using buffer = folder.open();
      await buffer.append(numbered(1, 3));
    }
    using _clock = setClock(years * YEAR);
    await using buffer = folder.open();
    assert.equal((await buffer.trim(MONTH)).dropped, want, `${years} years`);
  }
});

Deno.test("once what was stored before the jump has gone, age counts again", async () => {
  await using folder = new BufferFolder();
  await using buffer = folder.open();
  await buffer.append(numbered(1, 3));
  using _clock = setClock(50 * YEAR);
  await buffer.trim(MONTH);
  const ago = Date.now() - 31 * 86_400_000;
  await buffer.append([entry("old", { createdAt: ago }), entry("new", { createdAt: Date.now() })]);
  assert.equal((await buffer.trim(MONTH)).dropped, 0);
  await buffer.commit("file", 3, []);
  assert.equal((await buffer.trim(MONTH)).dropped, 1);
});
