const MIB = 1024 * 1024;

/**
 * A file beside the buffer that can be given up. SQLite needs space even to delete: a file that has
 * filled its disk cannot free itself without some.
 */
export class Ballast {
  /** Where it is. */
  readonly path: string;
  /** How large it is: room for the log that SQLite writes before it changes the file. */
  readonly bytes: number;

  /** @param maxBytes what the buffer may hold */
  constructor(bufferPath: string, maxBytes: number) {
    this.path = `${bufferPath}.ballast`;
    this.bytes = Math.min(Math.max(Math.floor(maxBytes / 64), MIB / 4), 8 * MIB);
  }

  /** Lays it in where there is none, and twice the space for it. */
  place(growth: number): void {
    if (this.#size() === this.bytes || growth < 2 * this.bytes) return;
    const part = new Uint8Array(64 * 1024);
    // Made anew: somebody may have put a link there, where everybody may.
    this.remove();
    try {
      using file = Deno.openSync(this.path, { write: true, createNew: true, mode: 0o600 });
      for (let left = this.bytes; left > 0; left -= part.length) {
        // Zeros would take no space on a file system that compresses.
        crypto.getRandomValues(part);
        file.writeSync(part.subarray(0, Math.min(part.length, left)));
      }
      file.syncSync();
    } catch {
      this.remove();
    }
  }

  /** Gives it up. */
  remove(): void {
    try {
      Deno.removeSync(this.path);
    } catch {
      // There is none, or nothing can be done about it.
    }
  }

  #size(): number | undefined {
    try {
      return Deno.statSync(this.path).size;
    } catch {
      return undefined;
    }
  }
}
