import { delay } from "../../lib/backoff.ts";
import type { CollectorProcess } from "./collector_process.ts";
import { Violation } from "./experiment.ts";
import type { Site } from "./site.ts";

/** How soon a service manager starts again what ended. */
const RESTART_MS = 100;
const DEADLINE_MS = 60_000;

/** A collector that is started again whenever it ends, as a service manager does. */
export class KeptCollector implements AsyncDisposable {
  /** How often it had to be started again. */
  restarts = 0;
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
      this.restarts++;
    }
  }

  /** Asks it to stop when all is delivered; gives its exit code. */
  async stop(): Promise<number> {
    return await this.#current.stop();
  }

  /** The end of what the present one logged. */
  get log(): string {
    return this.#current.log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current.kill();
  }
}
