import { DurationCounts } from "./duration_counts.ts";

/** What a device's polls and requests came to since it was last asked for. */
export class Tally {
  /** 1 while it answers, 0 while it does not; undefined = nothing is known. */
  up: number | undefined;
  /** When it last answered a poll, Unix seconds. */
  lastSuccess: number | undefined;
  /** How long its good polls took; ever. */
  readonly durations: DurationCounts = new DurationCounts();
  readonly #polls = new Results();
  readonly #requests = new Results();

  /** A poll ended. */
  poll(result: string, seconds: number): void {
    const isGood = result === "ok";
    this.isUp(isGood);
    if (isGood) this.durations.add(seconds);
    this.#polls.add(result);
  }

  /** It answered, or did not. */
  isUp(isUp: boolean): void {
    this.up = isUp ? 1 : 0;
    if (isUp) this.lastSuccess = Date.now() / 1000;
  }

  /** A request ended. */
  request(result: string): void {
    this.#requests.add(result);
  }

  /** Polls by result, counted since the last time. */
  takePolls(): readonly (readonly [result: string, count: number])[] {
    return this.#polls.take();
  }

  /** The same for requests. */
  takeRequests(): readonly (readonly [result: string, count: number])[] {
    return this.#requests.take();
  }
}

/** How often something ended how. */
class Results {
  /** Nearly always it is this. */
  #ok = 0;
  #others: Map<string, number> | undefined;

  add(result: string): void {
    if (result === "ok") {
      this.#ok++;
      return;
    }
    this.#others ??= new Map();
    this.#others.set(result, (this.#others.get(result) ?? 0) + 1);
  }

  take(): readonly (readonly [result: string, count: number])[] {
    const taken = [...this.#others ?? []];
    if (this.#ok > 0) taken.unshift(["ok", this.#ok]);
    this.#ok = 0;
    this.#others = undefined;
    return taken;
  }
}
