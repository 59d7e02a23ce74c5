import type { Json } from "../../lib/core/mod.ts";

/** A value after scaling, in exact decimal arithmetic; null = not implemented. */
export type Exact =
  | { readonly number: string }
  | { readonly text: string }
  | { readonly symbols: readonly string[] }
  | null;

/** What the reference implementation makes of an image. */
export interface ReferenceAnswer {
  /** By dotted name: the value of its `get_dict()`, and what that means. Pads are left out. */
  readonly leaves: Readonly<Record<string, readonly [raw: Json, exact: Exact]>>;
  /** What it complained of; empty = nothing. */
  readonly error: string;
}

/** pysunspec2 in a process of its own: one for all images. */
export class Reference implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** @param python the interpreter that has pysunspec2 */
  constructor(python: string) {
    this.#process = new Deno.Command(python, {
      args: [new URL("reference.py", import.meta.url).pathname],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.getReader();
  }

  /** Decodes models' registers, from the ID on; the answers are in their order. */
  async decode(images: readonly Uint8Array[]): Promise<ReferenceAnswer[]> {
    const text = images.map((image) => `${image.toHex()}\n`).join("");
    // When the process is gone, reading from it says so.
    this.#writer.write(new TextEncoder().encode(text)).catch(() => {});
    const answers: ReferenceAnswer[] = [];
    while (answers.length < images.length) answers.push(JSON.parse(await this.#line()));
    return answers;
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("Cannot decode: pysunspec2 ended");
      this.#rest += this.#decoder.decode(value, { stream: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#reader.cancel();
    await this.#writer.close().catch(() => {});
  }
}
