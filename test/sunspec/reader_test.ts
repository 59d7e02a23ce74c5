import assert from "node:assert/strict";
import {
  ProtocolError,
  type ReadRequest,
  type Transport,
  TransportError,
} from "../../lib/core/mod.ts";
import {
  compileLayout,
  encodeModel,
  type Leaf,
  lengthOf,
  type ModelDefinition,
  ModelReader,
  type ModelWant,
  nothingLearned,
  wireValue,
} from "../../lib/sunspec/mod.ts";
import { fromHex } from "../modbus/hex.ts";
import { replaced } from "../modbus/replaced.ts";
import { capped, exception, forever, holes, MemoryDevice, type Rule } from "./memory_device.ts";
import { apart, bench, counted, FIRST, own, splits, wrong } from "./model_bench.ts";
import { published } from "./published.ts";

Deno.test("a device is read in as few requests as it allows, its cap learned once", async (t) => {
  for (const cap of [8, 9, 20, 50, 64, 80, 100]) {
    for (const code of [2, 3]) {
      await t.step(`${cap} registers, exception ${code}`, async () => {
        const limit = counted(capped(cap, code));
        const given = await bench([1, 103, 160, 802, 701], limit.rule);
        const reader = new ModelReader(given.device, 3, 125);
        const isTooLong = ({ definition }: Leaf) => code === 2 && definition.size > cap;
        for (let i = 0; i < 3; i++) {
          given.device.served.splice(0);
          const reads = await reader.read(given.wants, forever);
          assert.deepEqual(wrong(given, reads, isTooLong), []);
          assert.equal(splits(given, reads), apart(given));
        }
        const learned = limit.refused;
        given.device.takeRequests();
        await reader.read(given.wants, forever);
        assert.equal(limit.refused, learned);
        const { length } = given.device.requests;
        assert.ok(length <= Math.ceil(454 / cap) * 3, `${length} requests`);
      });
    }
  }
});

Deno.test("a device without faults is read without a refusal, at most 125 registers at once", async () => {
  const given = await bench([1, 103, 160, 802, 701]);
  const reader = new ModelReader(given.device, 3, 125);
  assert.deepEqual(wrong(given, await reader.read(given.wants, forever), () => false), []);
  const quantities = given.device.requests.map(({ quantity }) => quantity);
  assert.ok(quantities.every((quantity) => quantity <= 125));
  assert.equal(quantities.length, Math.ceil(391 / 125));
  assert.ok(given.device.requests.every(({ functionCode }) => functionCode === 3));
});

Deno.test("the limit and the function code that are given are kept", async () => {
  for (const limit of [1, 7, 30, 124, 125, 1000]) {
    const given = await bench([1, 103]);
    const reader = new ModelReader(given.device, 4, limit);
    assert.deepEqual(wrong(given, await reader.read(given.wants, forever), () => false), []);
    for (const { functionCode, quantity } of given.device.requests) {
      assert.ok(functionCode === 4 && quantity <= Math.min(limit, 125));
    }
  }
});

Deno.test("what a device refuses to serve is null, and never asked for again", async (t) => {
  const at = (definition: ModelDefinition, name: string) =>
    compileLayout(definition, lengthOf(definition, 2), () => undefined).leaves
      .find((leaf) => leaf.name === name)?.offset ?? assert.fail(name);
  const inverter = await published(103);
  for (
    const [name, lost, more] of [
      ["one point", ["Hz"], []],
      ["the first half of a counter", ["WH"], []],
      ["the second half of a counter", ["WH"], [1]],
      ["points here and there", ["A", "DCV", "EvtVnd4"], []],
      ["a scale factor", ["W_SF"], []],
      ["neighbours", ["St", "StVnd", "Evt1", "Evt2"], []],
    ] as const
  ) {
    for (const code of [2, 3]) {
      await t.step(`${name}, exception ${code}`, async () => {
        const gone = lost.map((point, i) => FIRST + 68 + at(inverter, point) + (more[i] ?? 0));
        const hole = counted((request) => holes(...gone)(request) && exception(code));
        const given = await bench([1, 103, 160], hole.rule);
        const reader = new ModelReader(given.device, 3, 125);
        const isLost = ({ name }: Leaf) => lost.some((point) => point === name);
        assert.deepEqual(wrong(given, await reader.read(given.wants, forever), isLost), []);
        assert.deepEqual(
          reader.unreadable,
          lost.map((point) => FIRST + 68 + at(inverter, point)).sort((a, b) => a - b),
        );
        const learned = hole.refused;
        assert.ok(learned > 0);
        given.device.takeRequests();
        assert.deepEqual(wrong(given, await reader.read(given.wants, forever), isLost), []);
        assert.equal(hole.refused, learned);
        // What was learned on the way to the holes does not stay: two requests, one more a hole.
        const { length } = given.device.requests;
        assert.ok(length <= 2 + lost.length, `${length} requests`);
      });
    }
  }
});

Deno.test("a model that is refused altogether is null, and the others are read", async () => {
  for (const code of [2, 3]) {
    const refuse = counted(({ address, quantity }) =>
      address < FIRST + 120 && address + quantity > FIRST + 68 ? exception(code) : undefined
    );
    const given = await bench([1, 103, 160], refuse.rule);
    const reader = new ModelReader(given.device, 3, 125);
    const inverter = new Set(given.wants[1]?.layout.leaves);
    for (let i = 0; i < 2; i++) {
      const reads = await reader.read(given.wants, forever);
      assert.deepEqual(wrong(given, reads, (leaf) => inverter.has(leaf)), []);
    }
    assert.ok(refuse.refused < 250, `${refuse.refused} refusals`);
  }
});

Deno.test("a model whose false length goes on and on is given up with what was refused, and no other", async () => {
  const given = await bench([1, 103]);
  const [common, inverter] = given.wants;
  assert.ok(common && inverter);
  const address = inverter.place.address + inverter.place.length + 2;
  const place = { id: 64_999, address, length: 20_000 };
  given.device.write(address, fromHex("FDE7 4E20"));
  const endless = { place, layout: undefined, isWanted: () => true };
  for (const maxRegisters of [125, 10]) {
    given.device.takeRequests();
    const reader = new ModelReader(given.device, 3, maxRegisters);
    const reads = await reader.read([common, inverter, endless], forever);
    assert.deepEqual(wrong(given, reads, () => false), []);
    const { length } = given.device.takeRequests();
    assert.ok(length < 1200, `${length} requests`);
    await reader.read([common, inverter, endless], forever);
    assert.ok(given.device.takeRequests().length < 40);
  }
});

Deno.test("a device that refuses everything is asked a bounded number of times", async () => {
  for (const code of [2, 3]) {
    for (const limit of [1, 8, 10, 125]) {
      const refuse = counted(() => exception(code));
      const given = await bench([1, 103, 64_411], (request) => {
        assert.ok(refuse.refused < 3000, "it asks for ever");
        return refuse.rule(request);
      });
      const reader = new ModelReader(given.device, 3, limit);
      const reads = await reader.read(given.wants, forever);
      assert.deepEqual(wrong(given, reads, () => true), []);
      const asked = given.device.requests.length;
      await reader.read(given.wants, forever);
      assert.equal(given.device.requests.length, asked);
    }
  }
});

Deno.test("a length that is not true costs a bounded number of requests", async () => {
  for (const definition of [undefined, await published(160)]) {
    const device = new MemoryDevice(FIRST, `00A0 5DC0 ${"0001".repeat(400)}`);
    const place = { id: 160, address: FIRST, length: 24_000 };
    const layout = definition && compileLayout(definition, place.length, () => undefined);
    const want = { place, layout, isWanted: () => true };
    const [read] = await new ModelReader(device, 3, 125).read([want], forever);
    assert.ok(device.requests.length < 2000, `${device.requests.length} requests`);
    const words = Array.from({ length: 402 }, (_, i) => read?.image.getUint16(i * 2));
    assert.deepEqual(words, [160, 24_000, ...Array(400).fill(1)]);
  }
});

Deno.test("a text larger than a request comes in parts, whole or not at all", async () => {
  const gone = new Set<number>();
  const given = await bench([1, 64_411], (request) => holes(...gone)(request));
  const reader = () => new ModelReader(given.device, 3, 10);
  assert.deepEqual(wrong(given, await reader().read(given.wants, forever), () => false), []);
  for (const part of [0, 9, 10, 15]) {
    gone.clear();
    gone.add(FIRST + 2 + part);
    const reads = await reader().read(given.wants, forever);
    assert.deepEqual(wrong(given, reads, ({ name }) => name === "Mn"), [], `register ${part}`);
  }
});

Deno.test("a number that is larger than a request is right or not there", async (t) => {
  const want = async (id: number, offset: number) => {
    const definition = await published(id);
    const layout = compileLayout(definition, lengthOf(definition, 0), () => undefined);
    const place = { id, address: 0, length: lengthOf(definition, 0) };
    return { place, layout, isWanted: (leaf: Leaf) => leaf.offset === offset };
  };
  // A in model 113 is a float32; it changes as often as it is looked at, or twice and then no more.
  for (const [name, changes, expected] of [["never still", 1000, null], ["still", 2, 2]] as const) {
    await t.step(name, async () => {
      let left: number = changes;
      const device = new MemoryDevice(0, "0071 003C 4000 0000" + "7FC0 0000".repeat(29));
      device.rules = [({ address }) => {
        // 2 and a little more and a little less.
        if (address === 3 && left-- > 0) {
          device.write(2, fromHex(["4000 0000", "3FFF FFFF", "4000 0001"][left % 3] ?? ""));
        }
        return undefined;
      }];
      const given = await want(113, 2);
      const [read] = await new ModelReader(device, 3, 1).read([given], forever);
      const leaf = given.layout.leaves.find(({ offset }) => offset === 2) ?? assert.fail("no A");
      assert.equal(read && wireValue(leaf, read.image), expected);
    });
  }
});

/** Answers with what it has answered before, wherever that is as long; leaves one request unanswered. */
function oneBehind(device: MemoryDevice, unanswered?: number): Transport {
  const { endpoint, unitId } = device;
  let previous: Uint8Array = new Uint8Array(0);
  let left = unanswered;
  const readRegisters = async (request: ReadRequest, signal: AbortSignal) => {
    const own = await device.readRegisters(request, signal);
    const answer = previous.length === own.length ? previous : own;
    previous = own;
    if (request.address !== left) return answer;
    left = undefined;
    throw new TransportError("no answer", "timeout");
  };
  return { endpoint, unitId, readRegisters };
}

Deno.test("a device that is one answer behind gives no value of another place", async (t) => {
  const numbers = own("A:uint32 B:uint32 C:uint32");
  for (
    const [name, model, limit, unanswered] of [
      ["where a number stands behind a text that came in parts", 1, 16, undefined],
      ["after it has left a request unanswered", numbers, 5, FIRST + 4],
    ] as const satisfies readonly (readonly [
      string,
      number | ModelDefinition,
      number,
      number | undefined,
    ])[]
  ) {
    await t.step(name, async () => {
      const given = await bench([model]);
      const reader = new ModelReader(oneBehind(given.device, unanswered), 3, limit);
      assert.deepEqual(wrong(given, await reader.read(given.wants, forever), () => false), []);
    });
  }
});

Deno.test("a model that moved is a protocol error, and no value of it is given", async (t) => {
  for (
    const [name, address, words] of [
      ["another model", FIRST + 68, "0065 0032"],
      ["another length", FIRST + 68, "0067 0033"],
      ["nothing there any more", FIRST + 68, "FFFF 0000"],
      ["zeros", FIRST, "0000 0000"],
      ["the map one register on", FIRST, "0042 0001"],
    ] as const
  ) {
    await t.step(name, async () => {
      const given = await bench([1, 103]);
      const reader = new ModelReader(given.device, 3, 125);
      await reader.read(given.wants, forever);
      given.device.write(address, fromHex(words));
      await assert.rejects(reader.read(given.wants, forever), ProtocolError);
    });
  }
});

Deno.test("sf_split is what came apart from its factor, and nothing else", async (t) => {
  const far = own(`V*V_SF W*V_SF Gap:string:20 X*V_SF V_SF:sunssf Y*V_SF Z*-1`);
  const shared = own("SF:sunssf A*SF Gap:string:8 B*SF");
  for (
    const [name, definition, limit, rules, want] of [
      ["everything in one request", far, 125, [], ""],
      ["a gap larger than a request", far, 20, [], "V W"],
      ["a factor that decides where a request ends", own("V*SF SF:sunssf A B C D"), 5, [], ""],
      ["a factor shared by two requests", shared, 8, [], "B"],
      ["a factor that just fits", shared, 11, [], ""],
      ["a hole between value and factor", shared, 125, [holes(FIRST + 4)], "B"],
      ["a factor that is not served", shared, 125, [holes(FIRST + 2)], ""],
      ["a value that is not served", far, 20, [holes(FIRST + 2)], "W"],
    ] as const satisfies readonly (readonly [
      string,
      ModelDefinition,
      number,
      readonly Rule[],
      string,
    ])[]
  ) {
    await t.step(name, async () => {
      const given = await bench([definition], ...rules);
      const reader = new ModelReader(given.device, 3, limit);
      const learning = await reader.read(given.wants, forever);
      assert.equal(splits(given, learning), apart(given));
      assert.equal(splits(given, await reader.read(given.wants, forever)), want);
    });
  }
});

Deno.test("answers are told apart by their number without parting a value from its factor", async (t) => {
  for (
    const [name, points] of [
      ["the factor last", "A*SF SF:sunssf"],
      ["a point behind it", "A*SF SF:sunssf B"],
      ["the factor first", "SF:sunssf A*SF"],
      ["far from it", "A*SF Gap:string:9 SF:sunssf"],
    ] as const
  ) {
    await t.step(name, async () => {
      const given = await bench([own(points), own("Unknown:string:7"), own(points)]);
      const wants = given.wants.filter((_want, i) => i !== 1);
      const reader = new ModelReader(oneBehind(given.device), 3, 125);
      const reads = await reader.read(wants, forever);
      assert.deepEqual(wrong({ ...given, wants }, reads, () => false), []);
      assert.equal(splits({ ...given, wants }, reads), "");
    });
  }
});

Deno.test("sf_split is not for points that the device's model has no room for", async () => {
  const definition = own("SF:sunssf A*SF B*SF");
  const device = new MemoryDevice(FIRST, "FAC8 0002 0000 0007");
  const layout = compileLayout(definition, 2, () => undefined);
  const want = { place: { id: 64_200, address: FIRST, length: 2 }, layout, isWanted: () => true };
  const [read] = await new ModelReader(device, 3, 125).read([want], forever);
  assert.deepEqual(layout.leaves.filter((leaf) => read?.isSplit(leaf)), []);
});

Deno.test("what one of several devices of a kind teaches is held against no other", async () => {
  const inverter = await published(103);
  const rules = [[], [holes(FIRST + 68 + 2)], [capped(20, 3)], [], [holes(FIRST + 3)]];
  const devices = await Promise.all(rules.map(async (rules) => {
    const given = await bench([1, inverter], ...rules);
    return { given, reader: new ModelReader(given.device, 3, 125) };
  }));
  const lost = [[], ["A"], [], [], ["Mn"]];
  const requests = [1, 2, 10, 1, 2];
  for (let round = 0; round < 3; round++) {
    for (const [i, { given, reader }] of devices.entries()) {
      given.device.takeRequests();
      const reads = await reader.read(given.wants, forever);
      assert.deepEqual(wrong(given, reads, ({ name }) => lost[i]?.includes(name) ?? false), []);
      const { length } = given.device.requests;
      if (round > 0) assert.equal(length, requests[i], `device ${i}`);
    }
  }
});

Deno.test("what is wanted is read with its factor, its header and the counts", async () => {
  const { device, wants: [common, inverter, mppt] } = await bench([1, 103, 160]);
  const reader = new ModelReader(device, 3, 125);
  const only = (want: ModelWant | undefined, pattern: RegExp): ModelWant => {
    const { place, layout } = want ?? assert.fail();
    return { place, layout, isWanted: ({ name }) => pattern.test(name) };
  };
  for (
    const [wants, requests] of [
      [[only(inverter, /^W$/)], [`${FIRST + 68}+16`]],
      [[only(inverter, /^St$/)], [`${FIRST + 68}+39`]],
      [[only(mppt, /^$/)], [`${FIRST + 120}+2`]],
      [[only(mppt, /^module\[1\]\.DCW$/)], [`${FIRST + 120}+42`]],
      [[only(common, /^SN$/)], [`${FIRST}+66`]],
      [[only(common, /^Mn$/), only(inverter, /^A$/)], [`${FIRST}+75`]],
      [[], []],
    ] as const
  ) {
    await reader.read(wants, forever);
    assert.deepEqual(device.takeRequests(), requests);
  }
});

Deno.test("a count point comes along unasked", async () => {
  const definition = await published(705);
  const length = lengthOf(definition, 1);
  const layout = compileLayout(definition, length, () => 1);
  const device = new MemoryDevice(FIRST, "00".repeat((length + 2) * 2));
  device.write(FIRST, encodeModel(layout, ({ length }) => length));
  const want = { place: { id: 705, address: FIRST, length }, layout, isWanted: () => false };
  await new ModelReader(device, 3, 125).read([want], forever);
  assert.deepEqual(device.takeRequests(), [`${FIRST}+7`]);
});

Deno.test("a model without a definition is its registers, read on their own", async () => {
  const { device, wants: [common, inverter] } = await bench([1, 103]);
  assert.ok(common && inverter);
  device.write(FIRST + 120, fromHex("FDE7 0004 0001 0002 0003 0004"));
  const place = { id: 64_999, address: FIRST + 120, length: 4 };
  const unknown = { place, layout: undefined, isWanted: () => true };
  const reader = new ModelReader(device, 3, 125);
  const reads = await reader.read([common, inverter, unknown], forever);
  assert.deepEqual(device.takeRequests(), [`${FIRST}+120`, `${FIRST + 120}+6`]);
  assert.equal(
    new Uint8Array(reads[2]?.image.buffer ?? new ArrayBuffer(0)).toHex(),
    "fde700040001000200030004",
  );
});

Deno.test("registers that were not read are marked, not zero", async () => {
  const device = new MemoryDevice(FIRST, "FDE7 0003 0001 0002 0003", holes(FIRST + 3));
  const want = {
    place: { id: 64_999, address: FIRST, length: 3 },
    layout: undefined,
    isWanted: () => true,
  };
  const [read] = await new ModelReader(device, 3, 125).read([want], forever);
  assert.equal(
    new Uint8Array(read?.image.buffer ?? new ArrayBuffer(0)).toHex(),
    "fde700030001ffff0003",
  );
});

Deno.test("registers between two models that nobody wants are not read", async () => {
  const { device, wants: [common, , mppt] } = await bench([1, 103, 160], holes(FIRST + 90));
  assert.ok(common && mppt);
  const reader = new ModelReader(device, 3, 125);
  await reader.read([common, mppt], forever);
  assert.deepEqual(device.takeRequests(), [`${FIRST}+67`, `${FIRST + 120}+50`]);
});

Deno.test("what is no refusal of registers is thrown, and the next read starts afresh", async () => {
  for (
    const error of [
      exception(6),
      exception(11),
      new TransportError("no answer", "timeout"),
      new ProtocolError("wrong unit"),
    ]
  ) {
    const given = await bench([1, 103, 160]);
    const reader = new ModelReader(given.device, 3, 125);
    const answered = given.device.requests.length + 1;
    given.device.rules = [() => given.device.requests.length === answered ? undefined : error];
    await assert.rejects(reader.read(given.wants, forever), error);
    given.device.rules = [];
    assert.deepEqual(wrong(given, await reader.read(given.wants, forever), () => false), []);
    assert.deepEqual(reader.unreadable, []);
  }
});

Deno.test("a device that drops what is too large for it is asked for less, and for ever", async () => {
  for (const cap of [20, 50, 100]) {
    for (const fault of ["timeout", "closed"] as const) {
      const given = await bench([1, 103, 160]);
      let dropped = 0;
      given.device.rules = [({ quantity }) => {
        if (quantity <= cap) return undefined;
        dropped++;
        return new TransportError("no answer", fault);
      }];
      const learned = nothingLearned();
      const reader = new ModelReader(given.device, 3, 125, learned);
      assert.deepEqual(wrong(given, await reader.read(given.wants, forever), () => false), []);
      assert.ok(dropped >= 2 && dropped <= 8, `${dropped} dropped`);
      assert.ok((learned.maxRegisters ?? 125) <= cap);
      assert.deepEqual(reader.unreadable, []);
      const before = dropped;
      const next = new ModelReader(given.device, 3, 125, learned);
      await reader.read(given.wants, forever);
      await next.read(given.wants, forever);
      assert.equal(dropped, before, "neither it nor the next one asks for so much again");
    }
  }
});

Deno.test("registers that a device does not answer for are null, and asked for a few times only", async () => {
  const given = await bench([1, 103, 160]);
  const inverter = given.wants[1] ?? assert.fail();
  const lost = inverter.layout.leaves.find(({ name }) => name === "Hz") ?? assert.fail();
  const hole = inverter.place.address + lost.offset;
  given.device.rules = [
    ({ address, quantity }) =>
      address <= hole && address + quantity > hole
        ? new TransportError("no answer", "timeout")
        : undefined,
  ];
  const learned = nothingLearned();
  const reader = new ModelReader(given.device, 3, 125, learned);
  const reads = await reader.read(given.wants, forever);
  assert.deepEqual(wrong(given, reads, (leaf) => leaf === lost), []);
  assert.deepEqual([reader.unreadable, learned.maxRegisters], [[hole], 125]);
  given.device.takeRequests();
  await reader.read(given.wants, forever);
  assert.equal(given.device.served.length > 0, true);
  assert.ok(given.device.requests.length <= 5);
});

Deno.test("a point that is answered for in the end is not given up", async () => {
  const given = await bench([1, 103]);
  const [common] = given.wants;
  const hole = (common?.place.address ?? 0) + 2;
  let silences = 0;
  let most = Number.POSITIVE_INFINITY;
  given.device.rules = [({ address, quantity }) => {
    if (address > hole || address + quantity <= hole || silences >= most) return undefined;
    silences++;
    return new TransportError("no answer", "timeout");
  }];
  const hopeless = new ModelReader(given.device, 3, 125);
  await hopeless.read(given.wants, forever);
  assert.deepEqual(hopeless.unreadable, [hole]);
  [most, silences] = [silences - 1, 0];
  const reader = new ModelReader(given.device, 3, 125);
  assert.deepEqual(wrong(given, await reader.read(given.wants, forever), () => false), []);
  assert.deepEqual([reader.unreadable, silences], [[], most]);
  assert.equal(most, 8);
});

Deno.test("silence teaches nothing about a device that is not there, or was only once", async () => {
  const given = await bench([1, 103, 160]);
  const learned = nothingLearned();
  const reader = new ModelReader(given.device, 3, 125, learned);
  const silence = new TransportError("no answer", "timeout");
  given.device.rules = [() => silence];
  await assert.rejects(reader.read(given.wants, forever), silence);
  assert.deepEqual(given.device.takeRequests().length, 2, "the request and one small one");
  let lost = 1;
  given.device.rules = [() => lost-- > 0 ? silence : undefined];
  assert.deepEqual(wrong(given, await reader.read(given.wants, forever), () => false), []);
  assert.deepEqual(learned, nothingLearned());
});

Deno.test("a model that the device fails at does not take its neighbours along", async () => {
  for (const code of [1, 4]) {
    const given = await bench([1, 103, 160]);
    const [common, inverter, mppt] = given.wants;
    assert.ok(common && inverter && mppt);
    const isInverter = ({ address, quantity }: { address: number; quantity: number }) =>
      address < mppt.place.address && address + quantity > inverter.place.address;
    given.device.rules = [(request) => isInverter(request) ? exception(code) : undefined];
    const reader = new ModelReader(given.device, 3, 125);
    const reads = await reader.read(given.wants, forever);
    assert.deepEqual(reads.map(({ failure }) => failure?.code), [undefined, code, undefined]);
    assert.equal(reads[1]?.readAt, 0);
    const lost = new Set(inverter.layout.leaves);
    assert.deepEqual(wrong(given, reads, (leaf) => lost.has(leaf)), []);
    assert.deepEqual(reader.unreadable, [], "it is not learned: the next time it may work");
    given.device.rules = [() => exception(code)];
    await assert.rejects(reader.read(given.wants, forever), { name: "ModbusException", code });
  }
});

Deno.test("an abort ends a read", async () => {
  const given = await bench([1, 103]);
  const reason = new Error("stopped");
  const reader = new ModelReader(given.device, 3, 125);
  await assert.rejects(reader.read(given.wants, AbortSignal.abort(reason)), reason);
});

Deno.test("registers beyond the address space are not asked for", async () => {
  const address = 65_530;
  const device = new MemoryDevice(address, "FAC8 0009 0001 0002 0003 0004");
  const layout = compileLayout(own("A B C D:uint32 E F G H"), 9, () => undefined);
  const want = { place: { id: 64_200, address, length: 9 }, layout, isWanted: () => true };
  const [read] = await new ModelReader(device, 3, 125).read([want], forever);
  assert.deepEqual(device.takeRequests(), [`${address}+5`]);
  const values = layout.leaves.map((leaf) => read && wireValue(leaf, read.image));
  assert.deepEqual(values, [64_200, 9, 1, 2, 3, null, null, null, null, null]);
});

Deno.test("readAt is when the last register of a model arrived", async () => {
  let now = 1000;
  using _clock = replaced(Date, "now", () => now++);
  const given = await bench([1, 103, 160]);
  const reads = await new ModelReader(given.device, 3, 50).read(given.wants, forever);
  assert.equal(given.device.requests.length, 4);
  assert.deepEqual(reads.map(({ readAt }) => readAt), [1001, 1002, 1003]);
});

Deno.test("a model whose parts came far apart is asked for once more, unless it always is so slow", async () => {
  let now = 1000;
  let waits: number[] = [];
  using _clock = replaced(Date, "now", () => now);
  const given = await bench([103], () => void (now += waits.shift() ?? 10));
  const reader = new ModelReader(given.device, 3, 30);
  const requests = async (...takes: number[]) => {
    waits = takes;
    given.device.takeRequests();
    const [model] = await reader.read(given.wants, forever);
    return [given.device.takeRequests().length, model?.readAt];
  };
  assert.deepEqual(await requests(), [2, 1020], "it takes two requests");
  assert.deepEqual(await requests(10, 2000), [4, 3050], "a wait in the middle");
  assert.deepEqual(await requests(2000, 10), [2, 5060], "a wait before the first of it");
  assert.deepEqual(await requests(10, 2000, 10, 2000), [4, 9080], "slow both times");
  assert.deepEqual(await requests(10, 2000), [2, 11_090], "slow as ever");
  assert.deepEqual(await requests(), [2, 11_110], "quick again");
  assert.deepEqual(await requests(10, 2000), [4, 13_140]);
});

Deno.test("a read gives a new image, and leaves the last one alone", async () => {
  const given = await bench([103]);
  const reader = new ModelReader(given.device, 3, 125);
  const [first] = await reader.read(given.wants, forever);
  given.device.write(FIRST + 14, fromHex("0001"));
  const [second] = await reader.read(given.wants, forever);
  assert.deepEqual([first?.image.getInt16(28), second?.image.getInt16(28)], [15, 1]);
});
