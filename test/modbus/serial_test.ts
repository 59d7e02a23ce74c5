import assert from "node:assert/strict";
import { type SerialEndpoint, TransportError } from "../../lib/core/mod.ts";
import { readPdu } from "../../lib/modbus/frame.ts";
import { LinkOpener } from "../../lib/modbus/open.ts";
import { rtuRequests } from "../../lib/modbus/requests.ts";
import { encodeRtu, noisyRtu } from "../../lib/modbus/rtu.ts";
import { lineTimes, openSerial, type SerialLine, sttyWords } from "../../lib/modbus/serial.ts";
import { Sessions } from "../../lib/modbus/mod.ts";
import { temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";
import { Chance } from "./chance.ts";
import { fromHex } from "./hex.ts";
import { assertNeverWrong, expected, Reader, unreliable } from "./late_replies.ts";
import { forever, LONG_MS, OPTIONS } from "./loopback_sessions.ts";
import { ptyPair } from "./pty_pair.ts";
import { replaced } from "./replaced.ts";
import { SlowBus, telling } from "./slow_bus.ts";

const line = (path: string, baud = 115_200): SerialEndpoint => ({
  scheme: "serial",
  path,
  baud,
  parity: "none",
  stop: 1,
});

Deno.test("a line is set up as it is written", () => {
  const words = sttyWords({ ...line("/dev/ttyS0", 19_200), parity: "even", stop: 2 }).join(" ");
  assert.equal(
    words,
    "raw -echo cs8 -crtscts clocal cread min 0 time 1 parenb -parodd cstopb 19200",
  );
  assert.match(
    sttyWords({ ...line("x"), parity: "odd" }).join(" "),
    / parenb parodd -cstopb 115200$/,
  );
  assert.match(sttyWords(line("x")).join(" "), / -parenb -cstopb 115200$/);
});

Deno.test("frames are apart by the time of 3.5 bytes, or 1.75 ms on fast lines", () => {
  for (
    const [baud, parity, stop, byteMs, silenceMs] of [
      [9600, "none", 1, 1.0417, 3.6458],
      [9600, "even", 1, 1.1458, 4.0104],
      [19_200, "none", 2, 0.5729, 2.0052],
      [38_400, "odd", 2, 0.3125, 1.75],
      [115_200, "none", 1, 0.0868, 1.75],
    ] as const
  ) {
    const times = lineTimes({ baud, parity, stop });
    assert.equal(times.byteMs.toFixed(4), byteMs.toFixed(4));
    assert.equal(times.silenceMs.toFixed(4), silenceMs.toFixed(4));
  }
});

const REPLY = "11 03 06 AE41 5652 4340 49AD";
const ECHO = "1103006B00037687";

Deno.test("on a line everything but the reply is noise", () => {
  const pdu = readPdu({ functionCode: 3, address: 0x6b, quantity: 3 });
  for (
    const [name, bytes, want] of [
      ["the reply", REPLY, "0306ae4156524340"],
      ["an exception", "11 83 02 C134", "8302"],
      ["noise before", `00FF11 ${REPLY}`, "0306ae4156524340"],
      ["noise that begins like it", `11 03 06 ${REPLY}`, "0306ae4156524340"],
      ["our echo before", `${ECHO} ${REPLY}`, "0306ae4156524340"],
      ["noise, echo, noise", `7F ${ECHO} 11 ${REPLY} 00`, "0306ae4156524340"],
      ["a broken one before", `11 03 06 AE41 5652 4341 49AD ${REPLY}`, "0306ae4156524340"],
      ["another unit's before", `12 03 06 AE41 5652 4340 0000 ${REPLY}`, "0306ae4156524340"],
      ["another length before", `11 03 02 0001 B987 ${REPLY}`, "0306ae4156524340"],
      ["the echo alone", ECHO, undefined],
      ["a flipped bit", "11 03 06 AE41 5652 4341 49AD", undefined],
      ["another unit", "12 83 02 3135", undefined],
    ] as const
  ) {
    // However the bytes are cut into pieces.
    for (let cut = 0; cut < fromHex(bytes).length; cut++) {
      const got = takeAll(fromHex(bytes), cut, { transactionId: 0, unitId: 0x11, pdu });
      assert.equal(got, want, `${name}, cut at ${cut}`);
    }
  }
});

/** What is taken out of bytes that come in two pieces. */
function takeAll(bytes: Uint8Array, cut: number, request: Parameters<typeof noisyRtu.take>[1]) {
  let held = new Uint8Array(0);
  for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
    held = Uint8Array.of(...held, ...piece);
    while (held.length > 0) {
      const taken = noisyRtu.take(held, request);
      if (!taken) break;
      if (taken.pdu) return taken.pdu.toHex();
      held = held.slice(taken.end);
    }
  }
  return undefined;
}

Deno.test("an echo whose beginning looks like a reply is none", () => {
  // One register at 0x02xx: the echo begins as a reply of two bytes does; for some xx its CRC fits.
  let fitting = 0;
  for (let unitId = 1; unitId < 248; unitId++) {
    for (let low = 0; low < 256; low++) {
      const pdu = readPdu({ functionCode: 3, address: 0x0200 | low, quantity: 1 });
      const request = { transactionId: 0, unitId, pdu };
      const echo = encodeRtu(request);
      const head = encodeRtu({ unitId, pdu: echo.slice(1, 5) });
      if (head.toHex() === echo.slice(0, 7).toHex()) fitting++;
      assert.equal(noisyRtu.take(echo, request)?.pdu, undefined);
    }
  }
  assert.ok(fitting > 0);
});

serviceTest(
  "several units on one line, at every usual speed",
  ["socat"],
  async ({ socat }) => {
    using folder = temporaryFolder();
    await using pair = await ptyPair(socat, folder.path);
    for (const baud of [9600, 19_200, 115_200]) {
      await using bus = new SlowBus((unitId, pdu) => ({ pdu: telling(unitId, pdu), afterMs: 0 }));
      const theirs = await openSerial(line(pair.theirs, baud));
      bus.attach(theirs);
      using sessions = new Sessions(OPTIONS);
      const session = sessions.get(line(pair.ours, baud));
      for (const [unitId, quantity] of [[1, 1], [2, 125], [247, 2]] as const) {
        const request = { functionCode: 3, address: 100, quantity } as const;
        const bytes = await session.unit(unitId).readRegisters(request, forever);
        assert.equal(bytes.toHex(), expected(unitId, request));
      }
      sessions.drop(line(pair.ours, baud));
      theirs.close();
      await theirs.released();
    }
  },
);

serviceTest(
  "on a line no late reply is ever taken for a value",
  ["socat"],
  async ({ socat }) => {
    using folder = temporaryFolder();
    await using pair = await ptyPair(socat, folder.path);
    const chance = new Chance();
    await using bus = new SlowBus(unreliable(chance));
    bus.attach(await openSerial(line(pair.theirs)));
    using reader = new Reader(line(pair.ours));
    await assertNeverWrong(reader, chance, 40);
  },
);

/** Answers each request with pieces of bytes. */
async function answer(
  theirs: SerialLine,
  pieces: (right: Uint8Array, request: Uint8Array) => Uint8Array[],
) {
  const buffer = new Uint8Array(300);
  let held = 0;
  for (;;) {
    const count = await theirs.read(buffer.subarray(held)).catch(() => null);
    if (count === null) return;
    held += count;
    const taken = rtuRequests.take(buffer.subarray(0, held));
    if (!taken) continue;
    held = 0;
    const { request } = taken;
    if (!request) continue;
    const right = encodeRtu({ ...request, pdu: telling(request.unitId, request.pdu) });
    for (const piece of pieces(right, encodeRtu(request))) {
      await theirs.write(piece).catch(() => {});
    }
  }
}

serviceTest(
  "noise, echoes and cut frames on a line change no value",
  ["socat"],
  async ({ socat }, t) => {
    using folder = temporaryFolder();
    await using pair = await ptyPair(socat, folder.path);
    const chance = new Chance();
    const noise = () => chance.bytes(1 + chance.below(12));
    const request = { functionCode: 3, address: 5, quantity: 10 } as const;
    using sessions = new Sessions({ ...OPTIONS, retryCount: 3, requestTimeoutMs: 2000 });
    const session = sessions.get(line(pair.ours));
    for (
      const [name, pieces] of [
        ["noise before and behind", (right) => [noise(), right, noise()]],
        ["an echo", (right, echo) => [echo, right]],
        [
          "an echo in one piece with the reply",
          (right, echo) => [Uint8Array.of(...echo, ...right)],
        ],
        ["byte by byte", (right) => [...right].map((byte) => Uint8Array.of(byte))],
        ["another unit's frame before", (right) => [
          encodeRtu({ unitId: 9, pdu: right.slice(1, -2) }),
          right,
        ]],
      ] as readonly (readonly [string, Parameters<typeof answer>[1]])[]
    ) {
      await t.step(name, async () => {
        const theirs = await openSerial(line(pair.theirs));
        const answering = answer(theirs, pieces);
        for (let i = 0; i < 5; i++) {
          const bytes = await session.unit(1).readRegisters(request, forever);
          assert.equal(bytes.toHex(), expected(1, request));
        }
        theirs.close();
        await Promise.all([answering, theirs.released()]);
      });
    }

    await t.step("noise inside is told, with what to look at", async () => {
      const theirs = await openSerial(line(pair.theirs));
      const answering = answer(theirs, (right) => [right.with(4, (right[4] ?? 0) ^ 1)]);
      const once = { requestTimeoutMs: 300, retryCount: 0 };
      await assert.rejects(session.unit(1, once).readRegisters(request, forever), {
        message: `Cannot read from "serial:${pair.ours}?baud=115200&parity=none&stop=1" unit 1: ` +
          `no answer within 303 ms, but 25 bytes that are none; are speed, parity ` +
          "and stop bits those of the device?",
      });
      theirs.close();
      await Promise.all([answering, theirs.released()]);
    });
  },
);

async function open(endpoint: SerialEndpoint): Promise<string> {
  try {
    const options = { transactionId: 0, timeoutMs: LONG_MS, signal: forever };
    const link = await new LinkOpener(endpoint).open(options);
    link.close();
    return "open";
  } catch (error) {
    assert.ok(error instanceof TransportError, String(error));
    return `${error.fault}: ${error.message.replace(/".*"/, '""')}`;
  }
}

serviceTest("a line that cannot be opened says why", ["socat"], async ({ socat }) => {
  using folder = temporaryFolder();
  await using pair = await ptyPair(socat, folder.path);
  await Deno.writeTextFile(`${folder.path}/file`, "");
  const failed = 'Cannot open "":';
  assert.equal(
    await open(line(`${folder.path}/none`)),
    `unreachable: ${failed} there is no such device; is it plugged in?`,
  );
  assert.equal(
    await open(line(`${folder.path}/file`)),
    `unreachable: ${failed} it is no serial line`,
  );
  const cannot = "the line cannot do this speed, parity or number of stop bits";
  assert.equal(await open(line(pair.ours, 12_345)), `unreachable: ${failed} ${cannot}`);
  const busy = `refused: ${failed} another program uses it; stop that one first`;
  {
    using other = await Deno.open(pair.ours);
    assert.ok(other.tryLockSync(true));
    assert.equal(await open(line(pair.ours)), busy);
  }
  const ours = await openSerial(line(pair.ours));
  assert.equal(await open(line(pair.ours)), busy);
  ours.close();
  await ours.released();
  assert.equal(await open(line(pair.ours)), "open");
});

Deno.test("a line that the user may not open, or without stty, says what to do", async () => {
  const saying = (stderr: string) => {
    return class {
      output = () => Promise.resolve({ success: false, stderr: new TextEncoder().encode(stderr) });
    };
  };
  {
    using _command = replaced(Deno, "Command", saying("stty: /dev/ttyS0: Permission denied\n"));
    assert.equal(
      await open(line("/dev/ttyS0")),
      'denied: Cannot open "": permission denied; add the user to group dialout: ' +
        "usermod -aG dialout USER",
    );
  }
  const missing = class {
    output = () => Promise.reject(new Deno.errors.NotFound("stty"));
  };
  using _command = replaced(Deno, "Command", missing);
  assert.equal(
    await open(line("/dev/ttyS0")),
    'unreachable: Cannot open "": there is no stty on the PATH; install coreutils',
  );
});

serviceTest("a line that is pulled out ends what is in flight", ["socat"], async ({ socat }) => {
  using folder = temporaryFolder();
  await using pair = await ptyPair(socat, folder.path);
  using sessions = new Sessions({ ...OPTIONS, requestTimeoutMs: LONG_MS });
  const session = sessions.get(line(pair.ours));
  await session.connect(forever);
  const request = { functionCode: 3, address: 0, quantity: 1 } as const;
  const asking = session.unit(1).readRegisters(request, forever);
  await pair.unplug();
  await assert.rejects(
    asking,
    (error) => error instanceof TransportError && ["closed", "unreachable"].includes(error.fault),
  );
});
