/**
 * Thousands of devices in a process of their own, each at its own loopback address, answered from
 * registers that were made beforehand.
 *
 * Its first line of input says what to serve. It answers each further line with its counts, and
 * ends with its input.
 */
import { TextLineStream } from "./lines.ts";
import { BenchDevice, Registers, REQUEST_LENGTH } from "./device.ts";
import type { Counts, Served, ToServe } from "./protocol.ts";

/** More than one request at a time is pipelining. */
const MOST_AT_ONCE = 32;
const LONGEST_REPLY = 260;

const registers = await Registers.make();
const devices: BenchDevice[] = [];
let [requests, bytesIn, bytesOut, connections] = [0, 0, 0, 0];

async function serve(connection: Deno.TcpConn, device: BenchDevice): Promise<void> {
  connection.setNoDelay();
  connections++;
  const input = new DataView(new ArrayBuffer(REQUEST_LENGTH * MOST_AT_ONCE));
  const output = new DataView(new ArrayBuffer(LONGEST_REPLY * MOST_AT_ONCE));
  const bytes = new Uint8Array(input.buffer);
  let held = 0;
  try {
    for (;;) {
      const count = await connection.read(bytes.subarray(held));
      if (count === null) return;
      held += count;
      let [from, to] = [0, 0];
      for (; held - from >= REQUEST_LENGTH; from += REQUEST_LENGTH) {
        to = device.answer(input, from, output, to);
        requests++;
      }
      bytes.copyWithin(0, from, held);
      held -= from;
      bytesIn += from;
      bytesOut += to;
      for (let sent = 0; sent < to;) {
        sent += await connection.write(new Uint8Array(output.buffer, sent, to - sent));
      }
    }
  } catch {
    // The client has gone.
  } finally {
    connections--;
    connection.close();
  }
}

async function accept(listener: Deno.TcpListener, device: BenchDevice): Promise<void> {
  for await (const connection of listener) serve(connection, device);
}

/** Listens at each address, at the same port of all. */
async function listen({ addresses, silent }: ToServe): Promise<Served> {
  let shared = 0;
  for (const [index, hostname] of addresses.entries()) {
    const listener = Deno.listen({ hostname, port: shared });
    shared = listener.addr.port;
    const device = new BenchDevice(registers, index);
    devices.push(device);
    accept(listener, device);
  }
  await Promise.all(silent.map((hostname) => fallSilent(hostname, shared)));
  return { port: shared };
}

/** The kernel drops every SYN for a listener whose queue is full; one place more is in it than asked for. */
async function fallSilent(hostname: string, port: number): Promise<void> {
  Deno.listen({ hostname, port, tcpBacklog: 1 });
  await Promise.all([1, 2].map(() => Deno.connect({ hostname, port })));
}

function counts(): Counts {
  return {
    polls: devices.reduce((sum, { polls }) => sum + polls, 0),
    polledDevices: devices.filter(({ polls }) => polls > 0).length,
    requests,
    bytesIn,
    bytesOut,
    connections,
  };
}

function say(answer: Served | Counts): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(answer)}\n`));
}

let isServing = false;
for await (
  const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TextLineStream(),
  )
) {
  say(isServing ? counts() : await listen(JSON.parse(line)));
  isServing = true;
}
Deno.exit(0);
