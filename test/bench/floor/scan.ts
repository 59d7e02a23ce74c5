/** Finds who answers in a network and reads who they are: `scan.ts BLOCK PORT CONCURRENCY`. */
import { parseAddressBlock } from "../../../lib/cidr.ts";

const [block = "", port, concurrency] = Deno.args;
const addresses = parseAddressBlock(block).addresses();
const REQUEST = Uint8Array.of(0, 1, 0, 0, 0, 6, 1, 3, 0x9c, 0x40, 0, 70);
const REPLY_BYTES = 9 + 140;
const TIMEOUT_MS = 1000;
let found = 0;

async function ask(hostname: string): Promise<void> {
  const connection = await connect(hostname);
  if (!connection) return;
  const reply = new Uint8Array(REPLY_BYTES);
  await connection.write(REQUEST);
  for (let held = 0; held < REPLY_BYTES;) {
    held += await connection.read(reply.subarray(held)) ?? REPLY_BYTES;
  }
  found++;
  connection.close();
}

async function connect(hostname: string): Promise<Deno.TcpConn | undefined> {
  try {
    return await Deno.connect({
      hostname,
      port: Number(port),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    return undefined;
  }
}

async function work(): Promise<void> {
  for (const address of addresses) await ask(address);
}

await Promise.all(Array.from({ length: Number(concurrency) }, work));
Deno.stdout.writeSync(new TextEncoder().encode(`${found} found\n`));
Deno.exit(0);
