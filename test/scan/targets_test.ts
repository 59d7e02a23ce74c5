import assert from "node:assert/strict";
import { formatEndpoint, UsageError } from "../../lib/core/mod.ts";
import { parseTargets } from "../../lib/scan/mod.ts";

function endpointsOf(
  texts: readonly string[],
  exclude: readonly string[] = [],
  ports: readonly number[] = [502],
) {
  const targets = parseTargets(texts, exclude, ports);
  const listed = [...targets.endpoints()].map((endpoint) => formatEndpoint(endpoint));
  return { addresses: targets.addresses, listed };
}

Deno.test("targets are blocks, ranges, names and single endpoints, in the order they came", () => {
  for (
    const [texts, want] of [
      [["192.0.2.8/30"], ["192.0.2.9:502", "192.0.2.10:502"]],
      [["192.0.2.1-2,meter.local"], ["192.0.2.1:502", "192.0.2.2:502", "meter.local:502"]],
      [["192.0.2.1\n192.0.2.2\r\n\t192.0.2.3 "], [1, 2, 3].map((n) => `192.0.2.${n}:502`)],
      [["192.0.2.1:1502", "meter:1503"], ["192.0.2.1:1502", "meter:1503"]],
      [["[2001:db8::7]:1502", "2001:db8::8"], ["[2001:db8::7]:1502", "[2001:db8::8]:502"]],
      [["", " , "], []],
    ] as const
  ) {
    const { addresses, listed } = endpointsOf(texts);
    assert.deepEqual(listed, want, texts.join(" "));
    assert.equal(addresses, want.length);
  }
});

Deno.test("each address is tried on each port, unless it has its own", () => {
  const { addresses, listed } = endpointsOf(["192.0.2.1", "192.0.2.2:9"], [], [502, 1502]);
  assert.deepEqual(listed, ["192.0.2.1:502", "192.0.2.1:1502", "192.0.2.2:9"]);
  assert.equal(addresses, 2);
});

Deno.test("what is named twice is tried once, and counted once", () => {
  const { addresses, listed } = endpointsOf(["192.0.2.1-3", "192.0.2.2", "192.0.2.0/29"]);
  assert.deepEqual(listed, [1, 2, 3, 4, 5, 6].map((n) => `192.0.2.${n}:502`));
  assert.equal(addresses, 6);
});

Deno.test("excluded addresses are left out, and not counted", () => {
  const { addresses, listed } = endpointsOf(["192.0.2.0/29", "meter"], [
    "192.0.2.2-4,meter",
    "198.51.100.1",
  ]);
  assert.deepEqual(listed, ["192.0.2.1:502", "192.0.2.5:502", "192.0.2.6:502"]);
  assert.equal(addresses, 3);
});

Deno.test("the largest blocks are counted and excluded without being listed", () => {
  assert.equal(parseTargets(["10.0.0.0/8"], [], [502]).addresses, 16_777_214);
  const { addresses, listed } = endpointsOf(["10.0.0.0/29", "192.0.2.1"], [
    "10.0.0.0/8",
    "0.0.0.0-9",
  ]);
  assert.deepEqual([addresses, listed], [1, ["192.0.2.1:502"]]);
});

Deno.test("what cannot be understood is a usage error that quotes it", () => {
  for (
    const [texts, exclude, quoted] of [
      [["192.0.2.0/33"], [], "192.0.2.0/33"],
      [["192.0.2.1", "192.0.2.2:0"], [], "192.0.2.2:0"],
      [["tls://192.0.2.1"], [], "tls://192.0.2.1"],
      [["serial:/dev/ttyUSB0"], [], "serial:/dev/ttyUSB0"],
      [["192.0.2.1"], ["192.0.2.9-1"], "192.0.2.9-1"],
      [["192.0.2.1"], ["192.0.2.1:502"], "192.0.2.1:502"],
    ] as const
  ) {
    assert.throws(
      () => parseTargets(texts, exclude, [502]),
      (error) => error instanceof UsageError && error.message.includes(`"${quoted}"`),
      quoted,
    );
  }
});
