import { Violation } from "./experiment.ts";

/** How often memory is looked at. */
const LOOK_MS = 200;
/** What a process may grow by, whatever happens to it: far more than its garbage, far less than a leak or a backlog that is read whole. */
export const GROWTH_MIB = 250;
/** Files and sockets that it may have open beyond those it had: some of a moment, none a fault. */
export const MORE_FILES = 16;

/** Watches from outside how much memory a process takes up, and counts its open files: proc(5). */
export class Footprint implements Disposable {
  readonly #path: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #base: number | undefined;
  #baseFiles = 0;
  #peak = 0;

  constructor(pid: number) {
    this.#path = `/proc/${pid}`;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** The most that it took up, MiB. */
  get peakMib(): number {
    this.#look();
    return Math.round(this.#peak);
  }

  /** How much more than when it had settled, MiB; 0 = it never settled. */
  get growthMib(): number {
    return this.#base === undefined ? 0 : this.peakMib - Math.round(this.#base);
  }

  /** How many more files and sockets than when it had settled it has open now. */
  get moreFiles(): number {
    return this.#countFiles() - this.#baseFiles;
  }

  /**
   * Says what it took up too much of.
   *
   * @throws {Violation} it grew beyond what it may
   */
  requireBounded(): void {
    const { growthMib, moreFiles } = this;
    if (growthMib > GROWTH_MIB) {
      throw new Violation(`It grew by ${growthMib} MiB to ${this.peakMib} MiB`);
    }
    if (moreFiles > MORE_FILES) throw new Violation(`It has ${moreFiles} more files open`);
  }

  /** It does everything that it will ever do: from now on it is to grow no more. */
  settled(): void {
    this.#look();
    this.#base = this.#peak;
    this.#baseFiles = this.#countFiles();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    try {
      const status = Deno.readTextFileSync(`${this.#path}/status`);
      this.#peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024 || this.#peak;
    } catch {
      // It has ended.
    }
  }

  #countFiles(): number {
    return [...Deno.readDirSync(`${this.#path}/fd`)].length;
  }
}
