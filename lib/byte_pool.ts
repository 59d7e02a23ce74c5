/**
 * Room for many short byte arrays in one large one: an array of its own for each costs more than to
 * write it. None is overwritten; the large one goes with the last of them.
 */
export class BytePool {
  readonly #room: number;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  /**
   * Takes up nothing yet.
   *
   * @param room bytes of a large array; whoever needs more at once gets a larger one
   */
  constructor(room: number) {
    this.#room = room;
  }

  /** What there is; places in it are given by `reserve`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The same. */
  get view(): DataView {
    return this.#view;
  }

  /** Where so many bytes are that are nobody else's yet. */
  reserve(length: number): number {
    if (this.#end + length > this.#bytes.length) {
      this.#bytes = new Uint8Array(Math.max(length, this.#room));
      this.#view = new DataView(this.#bytes.buffer);
      this.#end = 0;
    }
    return this.#end;
  }

  /** The bytes from there to `end`: nobody else's from now on. */
  taken(end: number): Uint8Array {
    const taken = this.#bytes.subarray(this.#end, end);
    this.#end = end;
    return taken;
  }

  /** A copy of some bytes. */
  copy(bytes: Uint8Array): Uint8Array {
    const start = this.reserve(bytes.length);
    this.#bytes.set(bytes, start);
    return this.taken(start + bytes.length);
  }
}
