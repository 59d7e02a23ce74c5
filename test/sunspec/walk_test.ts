import assert from "node:assert/strict";
import { NotConnectedError, ProtocolError, TransportError } from "../../lib/core/mod.ts";
import { checkPlace, walk, type WalkOptions } from "../../lib/sunspec/mod.ts";
import { fromHex, wordHex } from "../modbus/hex.ts";
import {
  capped,
  exception,
  forever,
  holes,
  MemoryDevice,
  onlyFunction,
  type Rule,
  silentFrom,
} from "./memory_device.ts";

const OPTIONS: WalkOptions = { baseAddress: undefined, readAhead: 0, maxRegisters: 125 };

/** "SunS", models of these ids and lengths, filled with rubbish, and an end. */
function map(models: readonly (readonly [id: number, length: number])[], end: string): string {
  const parts = models.map(([id, length]) => wordHex(id) + wordHex(length) + "1E61".repeat(length));
  return `53756E53${parts.join("")}${end}`;
}

const TWO = [[1, 66], [103, 50]] as const;
const END = "FFFF 0000";

/** What a walk found: `base/function: id@address+length … end`. */
async function outcome(device: MemoryDevice, options: Partial<WalkOptions> = {}): Promise<string> {
  const chain = await walk(device, { ...OPTIONS, ...options }, forever);
  if (!chain) return "not SunSpec";
  const models = chain.models.map(({ id, address, length }) => `${id}@${address}+${length}`);
  return `${chain.baseAddress}/${chain.functionCode}: ${[...models, chain.end].join(" ")}`;
}

const silence = new TransportError("no answer", "timeout");

/** Refuses reads that touch an address, with a code. */
function refused(hole: number, code: number): Rule {
  return (request) => holes(hole)(request) && exception(code);
}

/** Loses so many requests, then none. */
function lost(requests: number): Rule {
  let left = requests;
  return () => left-- > 0 ? silence : undefined;
}

Deno.test("walk() finds the map and follows it to whatever end it has", async () => {
  for (
    const [name, device, options, want] of [
      [
        "base 40000",
        new MemoryDevice(40_000, map(TWO, END)),
        {},
        "40000/3: 1@40002+66 103@40070+50 end_model",
      ],
      ["base 0", new MemoryDevice(0, map(TWO, END)), {}, "0/3: 1@2+66 103@70+50 end_model"],
      [
        "base 50000",
        new MemoryDevice(50_000, map(TWO, END)),
        {},
        "50000/3: 1@50002+66 103@50070+50 end_model",
      ],
      [
        "a base of its own",
        new MemoryDevice(40_083, map(TWO, END)),
        { baseAddress: 40_083 },
        "40083/3: 1@40085+66 103@40153+50 end_model",
      ],
      [
        "input registers only",
        new MemoryDevice(0, map(TWO, END), onlyFunction(4)),
        {},
        "0/4: 1@2+66 103@70+50 end_model",
      ],
      [
        "input registers only, holding ones refused by address",
        new MemoryDevice(
          0,
          map(TWO, END),
          ({ functionCode }) => functionCode === 3 ? exception(2) : undefined,
        ),
        {},
        "0/4: 1@2+66 103@70+50 end_model",
      ],
      [
        "a base whose first request was lost",
        new MemoryDevice(40_000, map(TWO, END), lost(1)),
        {},
        "40000/3: 1@40002+66 103@40070+50 end_model",
      ],
      [
        "a base that is silent before the one that answers",
        new MemoryDevice(0, map(TWO, END), ({ address }) => address > 30_000 ? silence : undefined),
        {},
        "0/3: 1@2+66 103@70+50 end_model",
      ],
      [
        "registers at the first base that are no marker",
        (() => {
          const device = new MemoryDevice(0, map(TWO, END));
          device.write(40_000, fromHex("0000 0000 0000"));
          return device;
        })(),
        {},
        "0/3: 1@2+66 103@70+50 end_model",
      ],
      [
        "an end model without a length",
        new MemoryDevice(0, map(TWO, "FFFF")),
        {},
        "0/3: 1@2+66 103@70+50 end_model",
      ],
      [
        "an end model with a length",
        new MemoryDevice(0, map(TWO, "FFFF 0007")),
        {},
        "0/3: 1@2+66 103@70+50 end_model",
      ],
      ["zeros", new MemoryDevice(0, map(TWO, "0000 0000")), {}, "0/3: 1@2+66 103@70+50 zero"],
      ["one zero", new MemoryDevice(0, map(TWO, "0000")), {}, "0/3: 1@2+66 103@70+50 zero"],
      ["nothing more", new MemoryDevice(0, map(TWO, "")), {}, "0/3: 1@2+66 103@70+50 exception_2"],
      [
        "a refusal of another kind",
        new MemoryDevice(0, map(TWO, END), refused(122, 4)),
        {},
        "0/3: 1@2+66 103@70+50 exception_4",
      ],
      [
        "silence",
        new MemoryDevice(0, map(TWO, END), silentFrom(122)),
        {},
        "0/3: 1@2+66 103@70+50 timeout",
      ],
      ["no models at all", new MemoryDevice(0, map([], END)), {}, "0/3: end_model"],
      ["nothing behind the marker", new MemoryDevice(0, map([], "")), {}, "0/3: exception_2"],
      [
        "unknown models, models twice, models of length 0",
        new MemoryDevice(0, map([[1, 65], [64_999, 3], [160, 0], [160, 0], [1, 66]], END)),
        {},
        "0/3: 1@2+65 64999@69+3 160@74+0 160@76+0 1@78+66 end_model",
      ],
      [
        "a device that serves id and length one by one",
        new MemoryDevice(
          0,
          map(TWO, END),
          ({ address, quantity }) => address > 1 && quantity > 1 ? exception(2) : undefined,
        ),
        {},
        "0/3: 1@2+66 103@70+50 end_model",
      ],
      ["Modbus, but no map", new MemoryDevice(0, "0000 0000"), {}, "not SunSpec"],
      ["refusals only", new MemoryDevice(7, "0000"), {}, "not SunSpec"],
      [
        "a map, but not at the base that was given",
        new MemoryDevice(0, map(TWO, END)),
        { baseAddress: 40_000 },
        "not SunSpec",
      ],
      [
        "no read function",
        new MemoryDevice(0, map(TWO, END), () => exception(1)),
        {},
        "not SunSpec",
      ],
    ] as const satisfies readonly (readonly [string, MemoryDevice, Partial<WalkOptions>, string])[]
  ) {
    assert.equal(await outcome(device, options), want, name);
  }
});

Deno.test("walk() tries the bases in order, and asks no more than it needs", async () => {
  const device = new MemoryDevice(50_000, map([[1, 66]], END));
  await outcome(device);
  assert.deepEqual(device.takeRequests(), ["40000+2", "0+2", "50000+2", "50002+2", "50070+2"]);
  await outcome(device, { baseAddress: 50_000 });
  assert.deepEqual(device.takeRequests(), ["50000+2", "50002+2", "50070+2"]);
});

Deno.test("a failure that is no answer about the map is thrown", async () => {
  const closed = new TransportError("closed", "closed");
  const malformed = new ProtocolError("malformed");
  const away = new NotConnectedError("no answer", "timeout");
  for (
    const [name, rule, error, requests] of [
      ["silence everywhere", () => silence, silence, 3],
      ["no connection in time", () => away, away, 1],
      ["a connection that ends", () => closed, closed, 1],
      ["a reply that breaks the protocol", () => malformed, malformed, 1],
      ["no path behind the gateway", () => exception(10), exception(10), 1],
      ["no device behind the gateway", () => exception(11), exception(11), 1],
      ["a device that is busy", () => exception(6), exception(6), 3],
      ["a device that is still at it", () => exception(5), exception(5), 3],
      ["one that was busy where its map is", refused(40_000, 6), exception(6), 3],
      [
        "a connection that ends in the chain",
        ({ address }: { readonly address: number }) => address === 40_070 ? closed : undefined,
        closed,
        3,
      ],
      [
        "a malformed reply in the chain",
        ({ address }: { readonly address: number }) => address === 40_070 ? malformed : undefined,
        malformed,
        3,
      ],
    ] as const satisfies readonly (readonly [string, Rule, Error, number])[]
  ) {
    const device = new MemoryDevice(40_000, map(TWO, END), rule);
    await assert.rejects(walk(device, OPTIONS, forever), error, name);
    assert.equal(device.requests.length, requests, name);
  }
});

Deno.test("an abort ends a walk", async () => {
  const device = new MemoryDevice(0, map(TWO, END));
  const reason = new Error("stopped");
  await assert.rejects(walk(device, OPTIONS, AbortSignal.abort(reason)), reason);
  assert.equal(device.requests.length, 0);
});

Deno.test("reading ahead finds the same chain in fewer requests", async () => {
  const models = [[1, 66], [103, 50], [120, 26], [160, 48]] as const;
  const want = "0/3: 1@2+66 103@70+50 120@122+26 160@150+48 end_model";
  for (
    const [name, rules, readAhead, maxRegisters, requests] of [
      ["all of it", [], 202, 125, ["40000+2", "0+2", "0+125", "125+77"]],
      ["in smaller reads", [], 202, 100, ["40000+2", "0+2", "0+100", "100+100", "200+2"]],
      [
        "some of it",
        [],
        125,
        125,
        ["40000+2", "0+2", "0+125", "150+2", "200+2"],
      ],
      [
        "more than there is",
        [],
        1000,
        125,
        ["40000+2", "0+2", "0+125", "125+125", "150+2", "200+2"],
      ],
      [
        "a device that does not like it",
        [capped(10, 3)],
        202,
        125,
        ["40000+2", "0+2", "0+125", "2+2", "70+2", "122+2", "150+2", "200+2"],
      ],
      [
        "a device that goes silent on it",
        [({ quantity }) => quantity > 10 ? silence : undefined],
        202,
        125,
        ["40000+2", "0+2", "0+125", "2+2", "70+2", "122+2", "150+2", "200+2"],
      ],
    ] as const satisfies readonly (readonly [
      string,
      readonly Rule[],
      number,
      number,
      readonly string[],
    ])[]
  ) {
    const device = new MemoryDevice(0, map(models, END), ...rules);
    assert.equal(await outcome(device, { readAhead, maxRegisters }), want, name);
    assert.deepEqual(device.takeRequests(), requests, name);
  }
  const top = new MemoryDevice(65_500, map([[1, 15]], END));
  const found = await outcome(top, { baseAddress: 65_500, readAhead: 1000 });
  assert.equal(found, "65500/3: 1@65502+15 end_model");
});

Deno.test("a hostile map ends: no loops, no more models than a device can have", async () => {
  const everywhere = (word: number) => {
    const device = new MemoryDevice(0, "53756E53");
    for (let address = 2; address < 0x1_0000; address++) device.registers.set(address, word);
    return device;
  };
  for (
    const [name, device, models, end] of [
      [
        "an id a thousand times, length 0",
        new MemoryDevice(0, map(repeat([7, 0], 1000), END)),
        256,
        "limit",
      ],
      [
        "an id a thousand times, length 1",
        new MemoryDevice(0, map(repeat([1, 1], 1000), END)),
        256,
        "limit",
      ],
      [
        "a full address space",
        new MemoryDevice(0, map([[1, 66], [64_000, 65_464]], "")),
        2,
        "limit",
      ],
      [
        "a model beyond the address space",
        new MemoryDevice(0, map([[1, 66]], "FFFE FFFF")),
        2,
        "limit",
      ],
      ["one register left", new MemoryDevice(65_530, map([[1, 1]], "FFFF")), 1, "limit"],
      ["the same word in every register", everywhere(0x0101), 254, "limit"],
      ["7 in every register", everywhere(7), 256, "limit"],
    ] as const satisfies readonly (readonly [string, MemoryDevice, number, string])[]
  ) {
    const baseAddress = device.registers.has(0) ? 0 : 65_530;
    const chain = await walk(device, { ...OPTIONS, baseAddress }, forever);
    assert.deepEqual([chain?.models.length, chain?.end], [models, end], name);
    assert.ok(device.requests.length < 300, `${device.requests.length} requests for ${name}`);
  }
});

function repeat(model: readonly [number, number], times: number) {
  return Array.from({ length: times }, () => model);
}

Deno.test("checkPlace() says when a model is no longer where the chain had it", () => {
  const place = { id: 103, address: 40_070, length: 50 };
  const header = (hex: string) => new DataView(fromHex(hex).buffer);
  checkPlace(place, header("0067 0032"), "192.0.2.7:502");
  for (const hex of ["0068 0032", "0067 0033", "0000 0000", "FFFF 0000"]) {
    assert.throws(() => checkPlace(place, header(hex), "192.0.2.7:502"), ProtocolError);
  }
  assert.throws(() => checkPlace(place, header("0001 0042"), "192.0.2.7:502"), {
    message:
      'Cannot trust the models of "192.0.2.7:502": at 40070 stood model 103 with length 50, ' +
      "now there is 1 with length 66; the device is walked again",
  });
});
