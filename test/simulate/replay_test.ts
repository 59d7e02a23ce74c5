import assert from "node:assert/strict";
import { parseExchanges } from "../../lib/modbus/mod.ts";
import { replaysOf } from "../../lib/simulate/mod.ts";

const line = (unit: number, rest: string, endpoint = "192.0.2.7:502") =>
  `2026-11-25T20:00:00.000Z ${endpoint} unit ${unit} ${rest}\n`;

const RECORDING = [
  line(1, "> 03 0000 0002"),
  line(1, "< 03 04 0001 0002"),
  line(1, "> 03 0002 0001"),
  line(1, "< 83 02"),
  line(1, "> 03 0000 0002"),
  line(2, "> 03 0000 0002"),
  line(1, "< 03 04 0003 0004"),
  line(2, "< 03 04 0005 0006"),
  line(1, "> 04 0000 0001"),
  line(1, "! timeout: no answer"),
  line(1, "> 04 0000 0001"),
  line(1, "! closed: the other side closed it"),
  line(1, "> 04 0000 0001"),
  line(1, "< 04 02 0007"),
  line(1, "> 03 0003 0001"),
  line(1, "< 03 02 0009"),
  line(3, "> 03 0000 0001", "192.0.2.8:502"),
  line(3, "< 03 02 000a", "192.0.2.8:502"),
  line(3, "> 03 0001 0001", "192.0.2.8:502"),
].join("");

Deno.test("a replay gives the same replies to the same requests, in their order", () => {
  const [first, second] = replaysOf(parseExchanges(RECORDING, "x"));
  const ask = (unitId: number, functionCode: number, address: number, quantity: number) => {
    const response = first?.handler(unitId, { functionCode, address, quantity });
    return response instanceof Uint8Array ? response.toHex() : response;
  };
  assert.deepEqual([first?.endpoint, first?.unitIds], ["192.0.2.7:502", [1, 2]]);
  assert.equal(ask(1, 3, 0, 2), "00010002");
  assert.equal(ask(2, 3, 0, 2), "00050006");
  assert.equal(ask(1, 3, 0, 2), "00030004");
  assert.equal(ask(1, 3, 0, 2), "00030004", "the last one again");
  assert.equal(ask(1, 3, 2, 1), 2, "an exception");
  assert.equal(ask(1, 4, 0, 1), undefined, "a time-out is silence");
  assert.equal(ask(1, 4, 0, 1), "0007", "a lost connection is none");
  // What was not recorded.
  assert.equal(ask(1, 3, 1, 1), "0002", "of registers that all were, as they were first");
  assert.equal(ask(1, 3, 1, 2), 2, "of registers that partly were");
  assert.equal(ask(1, 4, 1, 1), 2, "of registers that were not");
  assert.equal(ask(2, 4, 0, 2), 2, "with the other function code");
  assert.equal(ask(9, 3, 0, 2), 11, "of a unit id that was never asked");
  assert.deepEqual([second?.endpoint, second?.unitIds], ["192.0.2.8:502", [3]]);
  assert.equal(
    second?.handler(3, { functionCode: 3, address: 1, quantity: 1 }),
    2,
    "never answered",
  );
});
