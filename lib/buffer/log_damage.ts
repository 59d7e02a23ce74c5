/**
 * SQLite reads its write-ahead log up to the first frame whose checksum is wrong, and takes the
 * rest for what a crash left. When a bit of the log turned over, the rest was committed.
 *
 * SQLite Database File Format, section 4 "The Write-Ahead Log".
 *
 * @module
 */

const HEADER_LENGTH = 32;
const FRAME_HEADER_LENGTH = 24;
/** The lowest bit says in which order the words of checksums are read: 1 = big-endian. */
const MAGIC = 0x377f_0682;

/**
 * Whether a log lost commits: behind a frame that is not sound there is a whole transaction and the
 * beginning of another, which would not have been begun before the first was on disk.
 *
 * A transaction that is damaged and was the last one looks like one that a crash cut short.
 */
export function hasLostCommits(log: Uint8Array): boolean {
  if (log.length < HEADER_LENGTH || log.every((byte) => byte === 0)) return false;
  const words = new DataView(log.buffer, log.byteOffset, log.byteLength);
  const checksum = new Checksum(words, (words.getUint32(0) & 1) === 0);
  checksum.add(0, 24);
  // It is one sector, and on disk before the first frame is written.
  if (words.getUint32(0) >>> 1 !== MAGIC >>> 1 || !checksum.equals(24)) {
    return log.length > HEADER_LENGTH;
  }
  const frameLength = FRAME_HEADER_LENGTH + words.getUint32(8);
  const frames = Math.floor((log.length - HEADER_LENGTH) / frameLength);
  const startOf = (frame: number) => HEADER_LENGTH + frame * frameLength;
  const isOfThisLog = (at: number) =>
    words.getUint32(at + 8) === words.getUint32(16) &&
    words.getUint32(at + 12) === words.getUint32(20);
  let frame = 0;
  for (; frame < frames; frame++) {
    const at = startOf(frame);
    checksum.add(at, 8);
    checksum.add(at + FRAME_HEADER_LENGTH, frameLength - FRAME_HEADER_LENGTH);
    if (!isOfThisLog(at) || !checksum.equals(at + 16)) break;
  }
  let isCommitted = false;
  for (; frame < frames; frame++) {
    const at = startOf(frame);
    if (isCommitted && isOfThisLog(at)) return true;
    // The last frame of a transaction says how large the database is after it.
    isCommitted ||= words.getUint32(at + 4) !== 0 && isOfThisLog(at);
  }
  return false;
}

/** The running checksum of a log: section 4.2 "Checksum Algorithm". */
class Checksum {
  readonly #words: DataView;
  readonly #isLittleEndian: boolean;
  #first = 0;
  #second = 0;

  constructor(words: DataView, isLittleEndian: boolean) {
    this.#words = words;
    this.#isLittleEndian = isLittleEndian;
  }

  /** Takes in bytes, a multiple of 8. */
  add(start: number, length: number): void {
    for (let at = start; at < start + length; at += 8) {
      this.#first = this.#first + this.#words.getUint32(at, this.#isLittleEndian) + this.#second |
        0;
      this.#second = this.#second + this.#words.getUint32(at + 4, this.#isLittleEndian) +
          this.#first | 0;
    }
  }

  /** Whether the two words that stand at `at` are this checksum. */
  equals(at: number): boolean {
    return this.#words.getInt32(at) === this.#first &&
      this.#words.getInt32(at + 4) === this.#second;
  }
}
