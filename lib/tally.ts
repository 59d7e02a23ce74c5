/** What a device's polls and requests came to since it was last asked for. */
export class Tally {
  /** 1 while it answers, 0 while it does not; undefined = nothing is known. */
  up: number | undefined;
  /** When it last answered a poll, Unix seconds. */
  lastSuccess: number | undefined;
  readonly #polls = new Map<string, number>();
  readonly #requests = new Map<string, number>();

  /** A poll ended. */
  poll(result: string): void {
    this.isUp(result === "ok");
    this.#polls.set(result, (this.#polls.get(result) ?? 0) + 1);
  }

  /** It answered, or did not. */
  isUp(isUp: boolean): void {
    this.up = isUp ? 1 : 0;
    if (isUp) this.lastSuccess = Date.now() / 1000;
  }

  /** A request ended. */
  request(result: string): void {
    this.#requests.set(result, (this.#requests.get(result) ?? 0) + 1);
  }

  /** Polls by result, counted since the last time. */
  takePolls(): readonly (readonly [result: string, count: number])[] {
    return take(this.#polls);
  }

  /** The same for requests. */
  takeRequests(): readonly (readonly [result: string, count: number])[] {
    return take(this.#requests);
  }
}

function take(counts: Map<string, number>): readonly (readonly [string, number])[] {
  const taken = [...counts];
  counts.clear();
  return taken;
}
