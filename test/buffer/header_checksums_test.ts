import assert from "node:assert/strict";
import fc from "fast-check";
import { HeaderChecksums } from "../../lib/buffer/header_checksums.ts";
import { crc32c } from "../../lib/crc32c.ts";

const text = fc.constantFrom("readings", "Süd", "", '"quoted"');
const row = fc.record({
  topic: text,
  created_at: fc.constantFrom(0, 1_795_659_571_000, 1_795_659_571_001, -1.5e300),
  schema: text,
  clock_synced: fc.constantFrom(null, 0, 1),
  output: fc.oneof(fc.constant(null), text),
  template: fc.constantFrom(null, 1, 7, 2 ** 40),
});

Deno.test("the checksum of a header is that of its list in JSON, whatever came before it", () => {
  const checksums = new HeaderChecksums();
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), (rows) => {
      for (const { topic, created_at, schema, clock_synced, output, template } of rows) {
        const list = [topic, created_at, schema, clock_synced, output];
        const whole = JSON.stringify(template === null ? list : [...list, template]);
        const header = { topic, created_at, schema, clock_synced, output, template };
        assert.equal(checksums.of(header), crc32c(new TextEncoder().encode(whole)), whole);
      }
    }),
    { numRuns: 500 },
  );
});
