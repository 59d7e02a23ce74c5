/** How often memory is looked at. */
const LOOK_MS = 200;
/** What a process may grow by, whatever happens to it: far more than its garbage, far less than a leak or a backlog that is read whole. */
export const GROWTH_MIB = 250;

/** Watches from outside how much memory a process takes up: proc(5). */
export class Footprint implements Disposable {
  readonly #path: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #base: number | undefined;
  #peak = 0;

  constructor(pid: number) {
    this.#path = `/proc/${pid}/status`;
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

  /** It does everything that it will ever do: from now on it is to grow no more. */
  settled(): void {
    this.#look();
    this.#base = this.#peak;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    try {
      const status = Deno.readTextFileSync(this.#path);
      this.#peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024 || this.#peak;
    } catch {
      // It has ended.
    }
  }
}
