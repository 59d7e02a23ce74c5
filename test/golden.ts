import assert from "node:assert/strict";

/**
 * Compares a text with the one that is kept beside the test, in `golden/`.
 *
 * `UPDATE_GOLDEN=1 deno test -A PATH` writes what is; the difference is to be read.
 *
 * @param meta `import.meta` of the test
 */
export async function assertGolden(
  meta: ImportMeta,
  name: string,
  text: string,
): Promise<void> {
  const file = new URL(`golden/${name}`, meta.url);
  if (Deno.env.get("UPDATE_GOLDEN") === "1") {
    await Deno.mkdir(new URL(".", file), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
  assert.equal(text, await Deno.readTextFile(file), `${file.pathname} says otherwise`);
}
