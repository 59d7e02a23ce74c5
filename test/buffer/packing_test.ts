import assert from "node:assert/strict";
import { BytePool } from "../../lib/byte_pool.ts";
import fc from "fast-check";
import {
  asTemplate,
  isAlike,
  pack as packInto,
  POOL_BYTES,
  type Template,
  unpack as unpackInto,
} from "../../lib/buffer/packing.ts";

const GAP = 3;

const pool = new BytePool(POOL_BYTES);
const pack = (template: Template, body: Uint8Array) =>
  packInto(template, asTemplate(body, template.numbers), pool);
const unpack = (template: Template, packed: Uint8Array) => unpackInto(template, packed, pool);

/** Numbers with other bytes around them. */
function templateOf(values: readonly number[], filling = 0xaa): Template {
  const body = new Uint8Array(values.length * (8 + GAP) + GAP).fill(filling);
  const numbers = Uint32Array.from(values, (_, i) => i * (8 + GAP) + GAP);
  const view = new DataView(body.buffer);
  values.forEach((value, i) => view.setFloat64(numbers[i] ?? 0, value, true));
  return asTemplate(body, numbers);
}

const bits = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) =>
  new DataView(bytes.buffer).getFloat64(0)
);
const decimal = fc.tuple(fc.integer(), fc.integer({ min: 0, max: 9 })).map(([whole, digits]) =>
  whole / 10 ** digits
);
const EDGES = [
  ...[0, -0, Number.NaN, Infinity, -Infinity, 2 ** 48, -(2 ** 48), 2 ** 48 - 1, 1 - 2 ** 48],
  ...[2 ** 53, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 0.1 + 0.2, -0.4, 230.4, 1e21, -1e-7],
];
const anyNumber = fc.oneof(bits, decimal, fc.constantFrom(...EDGES));
const pairs = fc.array(fc.tuple(anyNumber, anyNumber), { maxLength: 12 });

Deno.test("any numbers come back bit by bit, whatever they follow on", () => {
  fc.assert(
    fc.property(pairs, (values) => {
      const before = templateOf(values.map(([first]) => first));
      const { body } = templateOf(values.map(([, second]) => second));
      assert.deepEqual(unpack(before, pack(before, body)), body);
    }),
    { numRuns: 1000 },
  );
  for (const one of EDGES) {
    for (const other of EDGES) {
      const before = templateOf([one]);
      const { body } = templateOf([other]);
      assert.deepEqual(unpack(before, pack(before, body)), body, `${other} after ${one}`);
    }
  }
});

Deno.test("what a device says takes as few bytes as it changes by", () => {
  for (
    const [before, now, bytes] of [
      [230.1, 230.1, 1],
      [230.1, 230.4, 1],
      [230, 230.4, 1],
      [5321, 5290, 2],
      [50.01, 49.98, 1],
      [1_234_567, 1_234_568, 1],
      [0, 65_535, 3],
      [0, 1 / 3, 9],
    ] as const
  ) {
    const packed = pack(templateOf([before]), templateOf([now]).body);
    assert.equal(packed.length, bytes, `${now} after ${before}`);
  }
});

Deno.test("any bytes give a reading or nothing", () => {
  const template = templateOf([1, 2.5, 1e300]);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (packed) => {
    const reading = unpack(template, packed);
    assert.ok(reading === undefined || reading.length === template.body.length);
  }));
  const whole = pack(template, template.body);
  assert.equal(unpack(template, whole.subarray(1)), undefined);
  assert.equal(unpack(template, Uint8Array.of(...whole, 0)), undefined);
});

Deno.test("only what differs in numbers alone is alike", () => {
  const template = templateOf([1, 2]);
  assert.ok(isAlike(template, templateOf([3, 4])));
  assert.ok(!isAlike(template, templateOf([3, 4], 0xab)));
  assert.ok(!isAlike(template, templateOf([3, 4, 5])));
  assert.ok(!isAlike(template, { ...template, numbers: Uint32Array.of(3, 15) }));
  for (const at of [0, 2, 11, template.body.length - 1]) {
    const body = templateOf([3, 4]).body;
    body[at] = 1;
    assert.ok(!isAlike(template, asTemplate(body, template.numbers)), `byte ${at}`);
  }
});

Deno.test("what is unpacked stays as it is while others are, whatever their lengths", () => {
  const templates = [1, 400, 20_000, 3].map((count) =>
    templateOf(Array.from({ length: count }, (_, i) => i / 10))
  );
  const [kept, all] = [new BytePool(POOL_BYTES), [...templates, ...templates]];
  const unpacked = all.map((template) => unpackInto(template, pack(template, template.body), kept));
  assert.deepEqual(unpacked, all.map(({ body }) => body));
});
