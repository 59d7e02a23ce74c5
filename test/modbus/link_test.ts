import assert from "node:assert/strict";
import { delay } from "../../lib/backoff.ts";
import { TransportError } from "../../lib/core/mod.ts";
import { exceptionOf, readPdu } from "../../lib/modbus/frame.ts";
import { Link } from "../../lib/modbus/link.ts";
import { HOSTILE_REPLIES } from "./hostile_replies.ts";
import { fromHex } from "./hex.ts";
import { expand, type ScriptedServer, serveScript } from "./scripted_server.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const RIGHT = "TTTT 0000 0007 01 03 04 000B 000C";
const REQUEST = { functionCode: 3, address: 0, quantity: 2 } as const;
/** For what must end before it, and for what only it can end. */
const LONG_MS = 20_000;
const SHORT_MS = 30;

async function connect({ port }: ScriptedServer, transactionId: number): Promise<Link> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return new Link(connection, "test", transactionId);
}

/** One exchange: the registers in hex, `exception N` or the fault, and the stale replies counted. */
async function exchange(link: Link, timeoutMs: number, signal = new AbortController().signal) {
  let stale = 0;
  const onStale = () => stale++;
  const pdu = readPdu(REQUEST);
  try {
    const reply = await link.exchange({ unitId: 1, pdu, timeoutMs, signal, onStale });
    const exception = exceptionOf(reply, 1, REQUEST);
    return { outcome: exception ? `exception ${exception.code}` : reply.toHex(), stale };
  } catch (error) {
    assert.ok(error instanceof TransportError, String(error));
    return { outcome: error.fault, stale };
  }
}

Deno.test("a link gives the right data or ends, whatever is sent to it", async (t) => {
  for (const { name, steps, strict, stale = 0 } of HOSTILE_REPLIES) {
    // A low byte of 0 in the id hides a shift by one byte from the check of the protocol id.
    for (const transactionId of [0x1234, 0x1200, 0x0000, 0xffff]) {
      await t.step(`${name}, id ${transactionId}: ${strict}`, async () => {
        await using server = await serveScript(() => steps);
        const link = await connect(server, transactionId);
        const got = await exchange(link, strict === "timeout" ? SHORT_MS : LONG_MS);
        const want = strict === "right" ? "0304000b000c" : strict;
        assert.deepEqual(got, { outcome: want, stale });
        assert.equal(link.isOpen, strict === "right" || strict === "exception 2");
        if (!link.isOpen) {
          await server.ended(0);
          assert.equal((await exchange(link, LONG_MS)).outcome, strict);
          assert.equal(server.heard.length, 1);
        }
        link.close();
      });
    }
  }
});

Deno.test("what follows a good reply never becomes the next one", async (t) => {
  const OTHER = "0007 01 03 04 1E61 1E61";
  for (
    const [name, first, second, want] of [
      ["nothing", [RIGHT], [RIGHT], "0304000b000c"],
      ["the same reply again", [RIGHT + RIGHT], [RIGHT], "0304000b000c"],
      ["the same reply, late", [RIGHT], [`SSSS 0000 ${OTHER}`, RIGHT], "0304000b000c"],
      ["a reply nobody asked for", [`${RIGHT} 4321 0000 ${OTHER}`], [RIGHT], "0304000b000c"],
      ["a stray byte", [`${RIGHT} 00`], [`TTTT 0000 ${OTHER}`], "malformed"],
      ["half a frame", [`${RIGHT} 4321 0000 0007`], [`TTTT 0000 ${OTHER}`], "malformed"],
      ["another protocol", [`${RIGHT} FFFFFFFFFFFF`], [`TTTT 0000 ${OTHER}`], "malformed"],
      ["the end", [RIGHT, "FIN"], [], "closed"],
      ["a reset", [RIGHT], ["RST"], "closed"],
    ] as const
  ) {
    await t.step(name, async () => {
      await using server = await serveScript(({ index }) => index === 0 ? first : second);
      const link = await connect(server, 0x1234);
      assert.equal((await exchange(link, LONG_MS)).outcome, "0304000b000c");
      assert.equal((await exchange(link, LONG_MS)).outcome, want);
      link.close();
    });
  }
});

Deno.test("transaction ids use all 16 bits, so that 256 requests late is late", async () => {
  await using server = await serveScript(({ index, transactionId }) => {
    assert.equal(transactionId, (0xff80 + index) % 0x1_0000);
    return index === 256 ? ["FF80 0000 0007 01 03 04 1E61 1E61", RIGHT] : [RIGHT];
  });
  const link = await connect(server, 0xff80);
  for (let i = 0; i < 256; i++) await exchange(link, LONG_MS);
  assert.deepEqual(await exchange(link, LONG_MS), { outcome: "0304000b000c", stale: 1 });
  assert.equal(link.nextTransactionId, 0x0081);
  link.close();
});

Deno.test("a server that trickles bytes does not move the deadline", async () => {
  const frame = fromHex(`1234 0000 00FE ${"00".repeat(254)}`);
  const closed = new AbortController();
  let next = 0;
  const link = new Link(
    {
      async read(into) {
        await delay(1, closed.signal);
        into[0] = frame[next++] ?? 0;
        return 1;
      },
      write: (bytes) => Promise.resolve(bytes.length),
      close: () => closed.abort(),
    },
    "test",
    0x1234,
  );
  assert.equal((await exchange(link, SHORT_MS)).outcome, "timeout");
});

Deno.test("one request is in flight at a time", async () => {
  await using server = await serveScript(() => []);
  const link = await connect(server, 1);
  const first = exchange(link, LONG_MS);
  await assert.rejects(exchange(link, LONG_MS), /in flight already/);
  link.close();
  assert.equal((await first).outcome, "closed");
});

Deno.test("an abort ends the request and the connection", async () => {
  const asked = Promise.withResolvers<void>();
  await using server = await serveScript(() => {
    asked.resolve();
    return [];
  });
  const link = await connect(server, 1);
  const controller = new AbortController();
  const pending = exchange(link, LONG_MS, controller.signal);
  await asked.promise;
  controller.abort();
  assert.equal((await pending).outcome, "closed");
  assert.equal(link.isOpen, false);
  await server.ended(0);
});

Deno.test("a request that is aborted before it begins is never sent", async () => {
  await using server = await serveScript(() => [RIGHT]);
  const link = await connect(server, 1);
  const signal = AbortSignal.abort(new Error("stopped"));
  await assert.rejects(exchange(link, LONG_MS, signal), /stopped/);
  assert.equal((await exchange(link, LONG_MS)).outcome, "0304000b000c");
  assert.equal(server.heard.length, 1);
  link.close();
});

Deno.test("a stream that takes or gives one byte at a time makes no difference", async () => {
  const written: number[] = [];
  const asked = Promise.withResolvers<void>();
  const over = Promise.withResolvers<null>();
  const reply = expand(RIGHT, 0x1234);
  let next = 0;
  const link = new Link(
    {
      async read(into) {
        await asked.promise;
        const byte = reply[next++];
        if (byte === undefined) return over.promise;
        into[0] = byte;
        return 1;
      },
      write(bytes) {
        written.push(bytes[0] ?? 0);
        if (written.length === 12) asked.resolve();
        return Promise.resolve(1);
      },
      close: () => over.resolve(null),
    },
    "test",
    0x1234,
  );
  assert.equal((await exchange(link, LONG_MS)).outcome, "0304000b000c");
  assert.deepEqual(Uint8Array.from(written), fromHex("1234 0000 0006 01 03 0000 0002"));
  link.close();
});

Deno.test("a write that fails ends the request at once, with its cause", async () => {
  const over = Promise.withResolvers<null>();
  const cause = new Deno.errors.BrokenPipe("Broken pipe");
  const link = new Link(
    {
      read: () => over.promise,
      write: () => Promise.reject(cause),
      close: () => over.resolve(null),
    },
    "test",
    1,
  );
  const { signal } = new AbortController();
  const pdu = readPdu(REQUEST);
  await assert.rejects(
    link.exchange({ unitId: 1, pdu, timeoutMs: LONG_MS, signal, onStale() {} }),
    (error) =>
      error instanceof TransportError && error.fault === "closed" && error.cause === cause &&
      error.message === 'The connection to "test" is lost: Broken pipe',
  );
});

Deno.test("neither a request on its way nor an answer is written over by the next", async () => {
  const written: Uint8Array[] = [];
  const chunks = Array.from({ length: 4 }, () => Promise.withResolvers<Uint8Array | null>());
  let reads = 0;
  const link = new Link(
    {
      async read(into) {
        const chunk = await chunks[reads++]?.promise ?? null;
        if (chunk) into.set(chunk);
        return chunk && chunk.length;
      },
      // The second is never told to be sent, the others at once.
      write: (bytes) => {
        written.push(bytes);
        return written.length === 2 ? new Promise(() => {}) : Promise.resolve(bytes.length);
      },
      close: () => chunks[3]?.resolve(null),
    },
    "test",
    1,
  );
  const answers: Uint8Array[] = [];
  for (const id of ["0001", "0002", "0003"]) {
    const [pdu, { signal }] = [readPdu(REQUEST), new AbortController()];
    const options = { timeoutMs: LONG_MS, signal, onStale: () => {} };
    const answer = link.exchange({ unitId: 1, pdu, ...options });
    // The first is told to be sent before it is answered.
    await Promise.resolve();
    chunks[reads - 1]?.resolve(fromHex(`${id} 0000 0007 01 03 04 ${id} 000C`));
    answers.push(await answer);
  }
  assert.deepEqual(answers.map((pdu) => pdu.toHex()), [1, 2, 3].map((id) => `0304000${id}000c`));
  assert.deepEqual(written.slice(1).map((bytes) => bytes.slice(0, 2).toHex()), ["0002", "0003"]);
  assert.equal(written[0], written[1], "what was sent is written over");
  link.close();
});

Deno.test("a link says what was wrong, and with whom", async () => {
  for (
    const [steps, want] of [
      [[], `Cannot read from "test" unit 1: no answer within ${SHORT_MS} ms`],
      [["FIN"], 'The connection to "test" is lost: the other side closed it'],
      [
        ["TTTT 0000 0007 02 03 04 1E61 1E61"],
        'Cannot read from "test" unit 1: a reply with unit id 2 instead of 1',
      ],
      [["TTTT 0001"], 'Cannot read from "test" unit 1: a reply with protocol id 1 instead of 0'],
    ] as const
  ) {
    await using server = await serveScript(() => steps);
    const link = await connect(server, 1);
    const { signal } = new AbortController();
    const pdu = readPdu(REQUEST);
    const timeoutMs = steps.length === 0 ? SHORT_MS : LONG_MS;
    await assert.rejects(link.exchange({ unitId: 1, pdu, timeoutMs, signal, onStale() {} }), {
      message: want,
    });
  }
});
