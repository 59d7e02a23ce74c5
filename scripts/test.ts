/**
 * Sets up what the tests need, as far as this machine allows, and runs them all.
 *
 *     deno task test [PATH…] [--filter TEXT]
 *
 * Tests whose tools cannot be had are skipped with the reason; with CI=true they fail. The last
 * line is `N passed, N failed`.
 */
// deno-lint-ignore-file no-console
import { setUp } from "./services.ts";

const isCI = Deno.env.get("CI") === "true";

/** Runs Deno's test runner, showing what it says; gives its exit code and its text. */
async function runTests(args: readonly string[]): Promise<{ code: number; text: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--parallel", "--sanitize-ops", "--sanitize-resources", ...args],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of child.stdout) {
    Deno.stdout.writeSync(chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  return { code: (await child.status).code, text };
}

/** Reads `ok | 12 passed (3 steps) | 0 failed | 1 ignored (2s)`. */
function countsOf(text: string) {
  const line = text.match(/^(?:ok|FAILED) \| .*$/gm)?.at(-1) ?? "";
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), ignored: count("ignored") };
}

await setUp();
const isNamed = Deno.args.some((arg) => !arg.startsWith("-"));
const { code, text } = await runTests(isNamed ? Deno.args : [...Deno.args, "test/"]);
const { passed, failed, ignored } = countsOf(text);
// A file that does not load is no test that failed, but neither is all well.
const broken = code !== 0 && failed === 0 ? 1 : 0;
if (ignored > 0) console.log(`${ignored} skipped, see their names for the reason`);
const skipFailures = isCI ? ignored : 0;
console.log(`${passed} passed, ${failed + broken + skipFailures} failed`);
Deno.exitCode = failed + broken + skipFailures === 0 ? 0 : 1;
