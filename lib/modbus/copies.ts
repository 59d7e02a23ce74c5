/** So many bytes are held at once; none of what is copied is longer. */
const ROOM = 8192;

/**
 * Copies bytes into arrays that hold many copies: an array of its own for each costs more than to
 * copy it. No copy is overwritten; an array goes with the last of them.
 */
export class Copies {
  #room = new Uint8Array(0);
  #used = 0;

  /** Copies up to 8 KiB. */
  of(bytes: Uint8Array): Uint8Array {
    if (this.#used + bytes.length > this.#room.length) {
      this.#room = new Uint8Array(ROOM);
      this.#used = 0;
    }
    const copy = this.#room.subarray(this.#used, this.#used + bytes.length);
    copy.set(bytes);
    this.#used += bytes.length;
    return copy;
  }
}
