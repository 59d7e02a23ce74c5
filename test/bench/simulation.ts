import { addressAfter } from "../../lib/cidr.ts";
import { loopbackNet } from "../program.ts";
import { TextLineStream } from "./simulator/lines.ts";
import type { Counts, ToServe } from "./simulator/protocol.ts";

const MAIN = new URL("simulator/main.ts", import.meta.url).pathname;
const TRIES = 5;

/** Devices that a simulator in a process of its own serves; ended with its scope. */
export class Simulation implements AsyncDisposable {
  /** `127.x.y.z:port` of each device. */
  readonly endpoints: readonly string[];
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: AsyncIterator<string>;

  private constructor(
    child: Deno.ChildProcess,
    { input, lines }: Pipes,
    endpoints: readonly string[],
  ) {
    this.pid = child.pid;
    this.endpoints = endpoints;
    this.#child = child;
    this.#input = input;
    this.#lines = lines;
  }

  /**
   * Serves one device at each address, all at the same port.
   *
   * @param silent addresses at which every attempt to connect there is left without an answer
   */
  static async at(
    addresses: readonly string[],
    silent: readonly string[] = [],
  ): Promise<Simulation> {
    for (let tries = 1;; tries++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--quiet", MAIN],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const pipes = pipesOf(child);
      const { port } = await ask(pipes, { addresses, silent } satisfies ToServe);
      if (port !== undefined) {
        return new Simulation(child, pipes, addresses.map((address) => `${address}:${port}`));
      }
      await child.status;
      // A port that is free at one address may be taken at another.
      if (tries === TRIES) throw new Error(`Cannot serve ${addresses.length} devices: see above`);
    }
  }

  /** Serves so many devices at addresses that nobody else uses. */
  static async of(devices: number): Promise<Simulation> {
    const first = `${loopbackNet()}.1`;
    return await Simulation.at(
      Array.from({ length: devices }, (_, i) => addressAfter(first, i)),
    );
  }

  /** What it was asked so far. */
  async counts(): Promise<Counts> {
    return await ask({ input: this.#input, lines: this.#lines }, {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#child.status;
    await this.#lines.return?.();
  }
}

interface Pipes {
  readonly input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly lines: AsyncIterator<string>;
}

function pipesOf(child: Deno.ChildProcess): Pipes {
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  return { input: child.stdin.getWriter(), lines: lines[Symbol.asyncIterator]() };
}

async function ask({ input, lines }: Pipes, question: object) {
  await input.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
  const { value } = await lines.next();
  return JSON.parse(value ?? "{}");
}
