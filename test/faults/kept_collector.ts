import { delay } from "../../lib/backoff.ts";
import type { CollectorProcess } from "./collector_process.ts";
import { Violation } from "./experiment.ts";
import type { Site } from "./site.ts";

/** How soon a service manager starts again what ended. */
const RESTART_MS = 100;
const DEADLINE_MS = 60_000;
/** Each bad row that is met may end it once, and every start rights what the one before met. */
const STOPS = 5;

/** A collector that is started again whenever it ends, as a service manager does. */
export class KeptCollector implements AsyncDisposable {
  readonly #site: Site;
  #current: CollectorProcess;

  /** Starts it. */
  constructor(site: Site) {
    this.#site = site;
    this.#current = site.start();
  }

  /**
   * Waits for so many commits from now on, over as many lives as it takes.
   *
   * @throws {Violation} when they do not come, whatever the service manager does
   */
  async commits(count: number): Promise<void> {
    const giveUpAt = performance.now() + DEADLINE_MS;
    let wanted = this.#current.commitCount + count;
    while (!await this.#current.commits(wanted)) {
      if (performance.now() > giveUpAt) {
        throw new Violation(`It ends again and again:\n${this.#current.log}`);
      }
      wanted -= this.#current.commitCount;
      await delay(RESTART_MS);
      this.#current = this.#site.start();
    }
  }

  /**
   * Asks it to stop when all is delivered; one that ended otherwise is started again first.
   *
   * @throws {Violation} when it does, whatever the service manager does
   */
  async stop(): Promise<void> {
    for (let tries = 1; await this.#current.stop() !== 0; tries++) {
      if (tries === STOPS) throw new Violation(`It ends again and again:\n${this.#current.log}`);
      this.#current = this.#site.start();
      await this.#current.commits(1);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current.kill();
  }
}
