import { pause } from "../backoff.ts";
import { ExitCode, OutputFailed } from "../cli/mod.ts";
import type { DeviceConfig } from "../config/mod.ts";
import { Schedule } from "../collect/mod.ts";
import { ConfigError, type Device, type Endpoint, messageOf, UsageError } from "../core/mod.ts";
import type { DeviceAccess } from "./devices.ts";
import { knownAs, type KnownDevice } from "./known_device.ts";
import type { PollSink } from "./sinks.ts";

/** One device to poll. */
export interface PollPlace {
  readonly endpoint: Endpoint;
  readonly unitId: number;
  /** The entry of the configuration that names it, if one does. */
  readonly device?: DeviceConfig;
}

/** What to poll, how often, and where it goes. */
export interface PollAllOptions {
  readonly places: readonly PollPlace[];
  readonly access: Pick<DeviceAccess, "open">;
  readonly intervalMs: (place: PollPlace) => number;
  readonly jitterMs: number;
  /** Polls of each device; infinity = until stopped. */
  readonly count: number;
  readonly sink: PollSink;
  /** Told of each poll that failed. */
  onFailure(message: string): void;
}

/** How the polls went. */
export interface PollStatistics {
  /** One line for people. */
  readonly text: string;
  readonly exitCode: number;
  /** Polls that went well, and those that did not. */
  readonly ok: number;
  readonly failed: number;
  /** What they gave. */
  readonly readings: number;
}

/** Polls every device on the same schedule, until all have been polled `count` times. */
export async function pollAll(
  options: PollAllOptions,
  signal: AbortSignal,
): Promise<PollStatistics> {
  const tallies = await Promise.all(options.places.map((place) => pollOne(place, options, signal)));
  const sum = (of: (tally: Tally) => number) =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  const [ok, failed] = [sum(({ ok }) => ok), sum(({ failed }) => failed)];
  const readings = sum(({ readings }) => readings);
  const times = tallies.flatMap(({ times }) => times).sort((a, b) => a - b);
  const at = (share: number) => Math.round(times[Math.floor((times.length - 1) * share)] ?? 0);
  const spread = times.length === 0 ? "" : `, ${at(0)}/${at(0.5)}/${at(1)} ms min/median/max`;
  return {
    text: `${ok + failed} polls of ${tallies.length} devices: ${ok} ok, ${failed} failed, ` +
      `${readings} readings${spread}`,
    ok,
    failed,
    readings,
    exitCode: failed === 0 ? ExitCode.done : ok === 0 ? ExitCode.failed : ExitCode.partly,
  };
}

/** Times that are kept for the statistics of one device. */
const KEPT_TIMES = 10_000;

interface Tally {
  ok: number;
  failed: number;
  readings: number;
  /** Milliseconds of each good poll. */
  readonly times: number[];
}

async function pollOne(
  place: PollPlace,
  { access, intervalMs, jitterMs, count, sink, onFailure }: PollAllOptions,
  signal: AbortSignal,
): Promise<Tally> {
  const { endpoint, unitId } = place;
  const schedule = new Schedule({
    intervalMs: intervalMs(place),
    jitterMs,
    random: Math.random,
    now: Date.now,
  });
  const tally: Tally = { ok: 0, failed: 0, readings: 0, times: [] };
  let opened: Device | undefined;
  let device: KnownDevice | undefined;
  for (let done = 0; done < count && !signal.aborted; done++) {
    if (done > 0 && await pause(schedule.next(), signal)) break;
    const startedAt = performance.now();
    try {
      const isNew = device === undefined;
      opened ??= await access.open(endpoint, unitId, signal, place.device);
      device ??= knownAs(opened, await sink.name(opened));
      tally.readings += await sink.take(device, isNew, signal);
      tally.ok++;
      if (tally.times.length < KEPT_TIMES) tally.times.push(performance.now() - startedAt);
    } catch (error) {
      if (signal.aborted) break;
      if (isForGood(error)) throw error;
      opened = device = undefined;
      tally.failed++;
      onFailure(messageOf(error));
    }
  }
  await opened?.[Symbol.asyncDispose]();
  return tally;
}

/** Whether the next poll would fail in the same way: nobody reads the output, or nobody has such a point. */
function isForGood(error: unknown): boolean {
  return error instanceof OutputFailed || error instanceof UsageError ||
    error instanceof ConfigError;
}
