import { defineCommand } from "../lib/cli/define.ts";
import type { Io } from "../lib/cli/mod.ts";
import { errorText } from "../lib/cli/mod.ts";
import { endpointValue, integer, millisecondsValue, say, string } from "../lib/cli/values.ts";
import { merge, object } from "../lib/cli/word_groups.ts";
import { argument, flag, multiple, option, optional, type ValueOf } from "../lib/cli/words.ts";
import { filelessConfigOf } from "../lib/compose/fileless_config.ts";
import {
  configOf,
  configOptions,
  deviceFlags,
  formatOptions,
  recordOptions,
} from "../lib/compose/options.ts";
import { DeviceAccess, openDevice, unitIdList } from "../lib/compose/devices.ts";
import { SEARCH_MS, sweepWidth, timeIsOver } from "../lib/compose/search.ts";
import type { UnitChoice } from "../lib/compose/units.ts";
import { pollAll, type PollPlace } from "../lib/compose/polling.ts";
import { printingSink, storingSink } from "../lib/compose/sinks.ts";
import {
  type Run,
  runUnattended,
  stoppedBy,
  unattendedOptions,
} from "../lib/compose/unattended.ts";
import { type Config, settings } from "../lib/config/mod.ts";
import { type Endpoint, formatEndpoint, NotFoundError, UsageError } from "../lib/core/mod.ts";
import { sweep } from "../lib/scan/mod.ts";

const parser = merge(
  object({
    endpoints: multiple(argument(endpointValue, {
      description: say("Where the devices are; those of the configuration when left out"),
    })),
    select: multiple(option("--select", "-s", string({ metavar: "MODEL[.POINT]" }), {
      description: say("What to print: 103, 103.W; repeatable (default: everything)"),
    })),
    interval: optional(option("--interval", "-i", millisecondsValue, {
      description: say("Time between polls (default: poller.poll_interval_ms)"),
    })),
    count: optional(option("--count", "-n", integer({ min: 1, metavar: "N" }), {
      description: say("Stop after so many polls of each device"),
    })),
    buffer: flag("--buffer", {
      description: say("Store the readings instead of printing them"),
    }),
    raw: flag("--raw", { description: say("Integers as on the wire, unscaled") }),
    format: formatOptions,
  }),
  deviceFlags,
  recordOptions,
  unattendedOptions,
  configOptions,
);

type Options = ValueOf<typeof parser>;

/** `sunspool poll`. */
export const command = defineCommand({
  name: "poll",
  summary: "Read devices on a schedule, to standard output or into the buffer",
  description:
    "Polls the endpoints given, or the devices of the configuration, aligned to the clock. With " +
    "--buffer readings go into the buffer, for drain to deliver: together they suit cron and timers. " +
    "Statistics go to standard error at the end; after one round into the buffer (--count 1) that went " +
    "well only where that is a terminal.",
  examples: [
    ["sunspool poll 192.168.1.20 --select 103.W --interval 5s", "power every five seconds"],
    ["sunspool poll 192.168.1.20 --count 3 --format ndjson", "three documents, one a line"],
    [
      "sunspool poll --config sunspool.toml --buffer --count 1",
      "one round into the buffer, from cron or a timer",
    ],
  ],
  needs: { net: "always", read: "start", write: "start", sys: "start" },
  opensDevices: true,
  parser,
  run(options, io) {
    requireFitting(options);
    return runUnattended("poll", options, io, (run) => pollPlaces(run, options, io));
  },
});

function requireFitting({ buffer, select, raw, textfile }: Options): void {
  if (buffer && (select.length > 0 || raw)) {
    throw new UsageError("--select and --raw choose what is printed; --buffer stores everything");
  }
  if (!buffer && textfile !== undefined) {
    throw new UsageError("--textfile tells of readings that are stored: give --buffer as well");
  }
}

async function pollPlaces(run: Run, options: Options, io: Io): Promise<number> {
  const { stopping, figures } = run;
  const { select, raw, format, count = Number.POSITIVE_INFINITY } = options;
  const config = options.buffer ? configOf(options, io) : await filelessConfigOf(options, io);
  if (await run.isStoppedBeforeStart()) return await stoppedBy(run);
  using access = new DeviceAccess(config);
  const places = options.endpoints.length > 0
    ? await givenPlaces(access, config, options, io, stopping)
    : configuredPlaces(config);
  await using sink = options.buffer
    ? await storingSink(config)
    : printingSink(io, format, { select, raw, valueless: false });
  const { text, exitCode, ok, failed, readings } = await pollAll({
    places,
    access,
    intervalMs: ({ device }) =>
      options.interval ?? device?.pollIntervalMs ?? config.get(settings.poller.pollIntervalMs),
    jitterMs: config.get(settings.poller.jitterMs),
    count,
    sink,
    onFailure: (message) => io.err(errorText(message, false)),
  }, stopping);
  figures.polls("ok", ok);
  figures.polls("failed", failed);
  figures.readings("buffer", "committed", readings);
  const isRoutine = options.buffer && count === 1 && exitCode === 0 && !stopping.aborted;
  run.summary(text, isRoutine ? "routine" : "always");
  return stopping.aborted ? await stoppedBy(run) : exitCode;
}

/** The unit ids behind each endpoint; with auto those that a device answers at. */
async function givenPlaces(
  access: DeviceAccess,
  config: Config,
  { endpoints, unit, within = SEARCH_MS }: UnitChoice & { readonly endpoints: readonly Endpoint[] },
  io: Io,
  signal: AbortSignal,
): Promise<readonly PollPlace[]> {
  if (unit !== "auto") {
    return endpoints.flatMap((endpoint) => unit.map((unitId) => ({ endpoint, unitId })));
  }
  const places: PollPlace[] = [];
  await sweep({
    endpoints,
    unitIds: unitIdList(unit),
    firstOnly: false,
    ...sweepWidth(config, unit),
    holds: true,
    connectTimeoutMs: config.get(settings.discovery.perHostTimeoutMs),
    sessions: access.sessions,
    open: (transport, signal) => openDevice(transport, access.options, signal),
    withinMs: within,
    onProgress() {},
    onLeft: (endpoint, left) => io.err(`${timeIsOver(endpoint, left)}\n`),
    onFound: ({ endpoint, unitId, device }) => device && places.push({ endpoint, unitId }),
  }, signal);
  if (places.length > 0 || signal.aborted) return places;
  throw new NotFoundError(
    `Cannot poll ${endpoints.map((endpoint) => `"${formatEndpoint(endpoint)}"`).join(", ")}: no ` +
      `SunSpec device answers at the unit ids ${unitIdList(unit).join(", ")}`,
  );
}

function configuredPlaces(config: Config): readonly PollPlace[] {
  const places = config.get(settings.devices).flatMap((device) =>
    device.unitIds.map((unitId) => ({ endpoint: device.endpoint, unitId, device }))
  );
  if (places.length > 0) return places;
  throw new UsageError(
    "There is nothing to poll: name an endpoint, or [[devices]] in the configuration",
  );
}
