/**
 * Every folder of `test/fixtures/sunspec/` is a device as it was met: `exchange.txt` was written by
 * `sunspool read --record exchange.txt --format ndjson > expected.ndjson` on site, or by
 * `deno task fixtures`, which can poll too.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseExchanges, serveModbus } from "../../lib/modbus/mod.ts";
import { replaysOf } from "../../lib/simulate/mod.ts";
import { cases as recorded } from "../fixtures/cases.ts";
import { run, temporaryFolder } from "../program.ts";

const FIXTURES = new URL("../fixtures/sunspec/", import.meta.url).pathname;

/** What differs between a device and its replay: where it is, and when it was read. */
function comparable(ndjson: string): unknown[] {
  return ndjson.trimEnd().split("\n").map((line) => {
    const { device, read_at, ...rest } = JSON.parse(line);
    assert.match(read_at, /^\d{4}-\d\d-\d\dT/);
    const { endpoint, ...who } = device;
    return JSON.parse(JSON.stringify({ who, ...rest }).replaceAll(endpoint, "ENDPOINT"));
  });
}

const cases = [...Deno.readDirSync(FIXTURES)].map(({ name }) => name).sort();

Deno.test("every device that was recorded is read as it was", async (t) => {
  const missing = recorded.filter(({ name }) => !cases.includes(name));
  assert.deepEqual(missing, [], "each case was recorded");
  for (const name of cases) {
    await t.step(name, async () => {
      using folder = temporaryFolder();
      const text = await Deno.readTextFile(`${FIXTURES}${name}/exchange.txt`);
      const want = comparable(await Deno.readTextFile(`${FIXTURES}${name}/expected.ndjson`));
      const [replay, ...others] = replaysOf(parseExchanges(text, name));
      assert.ok(replay && others.length === 0, "one endpoint");
      await using server = serveModbus({ hostname: "127.0.0.1", port: 0 }, replay.handler);
      const one = recorded.find((candidate) => candidate.name === name);
      const { polls, words, code: wantedCode = 0 } = one ?? {};
      const flags = words ?? ["--unit", replay.unitIds.join(",")];
      const how = polls === undefined ? ["read"] : ["poll", "--count", `${polls}`, "-i", "200ms"];
      const { code, out, err } = await run(
        [...how, `127.0.0.1:${server.port}`, ...flags, "--format", "ndjson"],
        { cwd: folder.path },
      );
      assert.equal(code, wantedCode, err);
      assert.deepEqual(comparable(out), want);
    });
  }
});
