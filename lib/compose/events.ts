import type { BufferHandle } from "../buffer/mod.ts";
import type { ClockChange } from "../clock.ts";
import type { ClockState } from "../clock_state.ts";
import { messageOf } from "../core/mod.ts";
import type { Log } from "../log.ts";
import { eventEntry } from "./buffer.ts";

const SET_ASIDE = "the buffer file was corrupt and is set aside; a new one is begun";

/** Records of what happened to the collector, for whoever reads the data. */
export class Events {
  readonly #buffer: BufferHandle;
  readonly #log: Log;

  /** Records go into the buffer, as readings do. */
  constructor(buffer: BufferHandle, log: Log) {
    this.#buffer = buffer;
    this.#log = log;
  }

  /**
   * Readings that cannot be counted any more: whoever reads the data is told all the same.
   *
   * @param path the buffer file
   */
  tellOfDamage(path: string, synced: ClockState): void {
    const { setAside, damagedLog, hasForeignPositions } = this.#buffer;
    for (
      const [event, file, text] of [
        ["buffer_set_aside", setAside, SET_ASIDE],
        ["buffer_log_damaged", damagedLog, "the last commits of the buffer cannot be read"],
        [
          "positions_changed",
          hasForeignPositions ? path : undefined,
          "positions of outputs are not those that the buffer wrote",
        ],
      ] as const
    ) {
      if (file === undefined) continue;
      this.#log("error", text, { file, event });
      this.#keep(event, `${text}: readings may be missing, see "${file}"`, synced);
    }
  }

  /** Whoever reads the data can put the times before right. */
  async tellOfClock({ event, stepSeconds, synced }: ClockChange): Promise<void> {
    const step = `${Math.abs(stepSeconds).toFixed(3)} s ${stepSeconds < 0 ? "back" : "forward"}`;
    const text = event === "clock_synced"
      ? `the clock is synchronised; it was set ${step} since it was last right, or since the start`
      : `the clock was set ${step}`;
    this.#log("warn", text, { event });
    await this.#keep(event, text, synced);
  }

  async #keep(event: string, text: string, synced: ClockState): Promise<void> {
    try {
      await this.#buffer.append([eventEntry(this.#buffer.collector, event, text, synced)]);
    } catch (error) {
      this.#log("error", `events cannot be kept: ${messageOf(error)}`);
    }
  }
}
