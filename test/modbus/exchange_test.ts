import assert from "node:assert/strict";
import { UsageError } from "../../lib/core/mod.ts";
import { formatExchange, parseExchanges, Sessions } from "../../lib/modbus/mod.ts";
import { LinkOpener } from "../../lib/modbus/open.ts";
import { Link } from "../../lib/modbus/link.ts";
import { fromHex } from "./hex.ts";
import { at, forever, OPTIONS, read, RIGHT, SHORT_MS } from "./loopback_sessions.ts";
import { serveScript } from "./scripted_server.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const LINES = [
  "2026-11-25T20:00:00.000Z 192.0.2.7:502 unit 1 > 03 9c40 0002",
  "2026-11-25T20:00:00.012Z 192.0.2.7:502 unit 1 < 03 04 5375 6e53",
  "2026-11-25T20:00:00.020Z 192.0.2.7:502 unit 126 > 04 0000 0001",
  "2026-11-25T20:00:00.031Z 192.0.2.7:502 unit 126 < 84 02",
  "2026-11-25T20:00:00.040Z serial:/dev/my tty?baud=9600&parity=none&stop=1 unit 2 > 03 0000 0001",
  '2026-11-25T20:00:01.040Z serial:/dev/my tty?baud=9600&parity=none&stop=1 unit 2 ! timeout: Cannot read from "x" unit 2: no answer',
];

Deno.test("what is written down is read back, line by line", () => {
  const text = `# a remark\n\n${LINES.join("\n")}\n`;
  const parsed = parseExchanges(text, "exchange.txt");
  assert.deepEqual(parsed.map(formatExchange), LINES.map((line) => `${line}\n`));
  assert.deepEqual(parsed[1]?.pdu, fromHex("03 04 5375 6E53"));
  assert.equal(parsed[5]?.failure, 'timeout: Cannot read from "x" unit 2: no answer');
  assert.deepEqual(parseExchanges(text.replaceAll("\n", "\r\n"), "x").map(formatExchange), [
    ...LINES.map((line) => `${line}\n`),
  ]);
});

Deno.test("a file that is no recording is refused with its line", () => {
  for (
    const line of [
      "hello",
      "2026-11-25T20:00:00.000Z 192.0.2.7:502 unit 1 > 03 9c4",
      "2026-11-25T20:00:00.000Z 192.0.2.7:502 unit 1 >",
      "2026-11-25T20:00:00.000Z 192.0.2.7:502 unit 1 = 03",
      "2026-11-25T20:00:00.000Z 192.0.2.7:502 unit 300 > 03",
      "2026-11-25T20:00:00.000Z 192.0.2.7:502 > 03",
    ]
  ) {
    assert.throws(
      () => parseExchanges(`# first\n${line}\n`, "ticket.txt"),
      (error) =>
        error instanceof UsageError &&
        error.message.startsWith('Cannot replay "ticket.txt": line 2'),
      line,
    );
  }
});

Deno.test("a session records requests, replies and failures as they come, each at once", async () => {
  const steps = [[RIGHT], ["TTTT 0000 0003 01 83 02"], [], ["TTTT 0000 0007 02 03 04 1E61 1E61"]];
  const before: string[][] = [];
  const lines: string[] = [];
  await using server = await serveScript(({ index }) => {
    before.push(lines.slice());
    return steps[index] ?? [];
  });
  using sessions = new Sessions({
    ...OPTIONS,
    requestTimeoutMs: SHORT_MS,
    recorder: (line) => lines.push(line),
  });
  const transport = sessions.get(at(server.port)).unit(1);
  const outcomes = [];
  for (let i = 0; i < 4; i++) outcomes.push(await read(transport));
  assert.deepEqual(outcomes, ["000b000c", "exception 2", "timeout", "malformed"]);
  const name = `127.0.0.1:${server.port}`;
  assert.deepEqual(lines.map((line) => line.replace(/^\S+Z /, "").trimEnd()), [
    `${name} unit 1 > 03 0000 0002`,
    `${name} unit 1 < 03 04 000b 000c`,
    `${name} unit 1 > 03 0000 0002`,
    `${name} unit 1 < 83 02`,
    `${name} unit 1 > 03 0000 0002`,
    `${name} unit 1 ! timeout: Cannot read from "${name}" unit 1: no answer within ${SHORT_MS} ms`,
    `${name} unit 1 > 03 0000 0002`,
    `${name} unit 1 ! malformed: Cannot read from "${name}" unit 1: a reply with unit id 2 instead of 1`,
  ]);
  // A request is written down before it is sent.
  assert.deepEqual(before.map(({ length }) => length), [1, 3, 5, 7]);
});

Deno.test("a session that records nothing has nothing between it and the link", async () => {
  await using server = await serveScript(() => [RIGHT]);
  const options = { transactionId: 0, timeoutMs: 1000, signal: forever };
  const link = await new LinkOpener(at(server.port)).open(options);
  assert.equal(link.constructor, Link);
  link.close();
});

Deno.test("a connection that fails is a remark in the recording", async () => {
  const lines: string[] = [];
  const port = (() => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return listener.addr.port;
  })();
  using sessions = new Sessions({ ...OPTIONS, recorder: (line) => lines.push(line) });
  assert.equal(await read(sessions.get(at(port)).unit(1)), "refused");
  assert.match(lines.join(""), /^# \S+Z Cannot connect to "127.0.0.1:\d+": refused; [^\n]*\n$/);
  assert.deepEqual(parseExchanges(lines.join(""), "x"), []);
});
