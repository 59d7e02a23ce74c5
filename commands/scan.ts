import { defineCommand } from "../lib/cli/define.ts";
import { print, startProgress } from "../lib/cli/mod.ts";
import { integer, path, say, string } from "../lib/cli/values.ts";
import { merge, object } from "../lib/cli/word_groups.ts";
import { argument, flag, multiple, option, optional } from "../lib/cli/words.ts";
import { filelessConfigOf } from "../lib/compose/fileless_config.ts";
import { configOptions, deviceFlags, formatOptions } from "../lib/compose/options.ts";
import { DeviceAccess, openDevice, unitIdList } from "../lib/compose/devices.ts";
import { isSearch, SEARCH_MS, sweepWidth, timeIsOver } from "../lib/compose/search.ts";
import { foundPrintable, foundSummary } from "../lib/compose/found.ts";
import { settings } from "../lib/config/mod.ts";
import { formatEndpoint, messageOf, UsageError } from "../lib/core/mod.ts";
import { type Found, parseTargets, sweep } from "../lib/scan/mod.ts";

/** More addresses than this are scanned only when told so twice. */
const LARGE = 1024;

/** `sunspool scan`. */
export const command = defineCommand({
  name: "scan",
  summary: "Find devices on the network: who speaks Modbus, who speaks SunSpec",
  description:
    "Asks each address on each port, on one connection each: devices that accept only one client " +
    "are found too. Devices found go to standard output, what became of the others to standard error.",
  examples: [
    ["sunspool scan 192.168.1.0/24", "the whole network, unit id 1, port 502"],
    [
      "sunspool scan 192.168.1.10-40 --port 502 --port 1502 --unit auto",
      "two ports, usual unit ids",
    ],
    [
      "sunspool scan --file hosts.txt --exclude 192.168.1.1 --json",
      "addresses from a file, as JSON",
    ],
  ],
  needs: { net: "always", read: "start" },
  opensDevices: true,
  parser: merge(
    object({
      targets: multiple(argument(string({ metavar: "ADDRESSES" }), {
        description: say("192.0.2.0/24, 192.0.2.10-20, addresses or names; separated by commas"),
      })),
      file: optional(option("--file", path({ metavar: "FILE" }), {
        description: say("Read addresses from a file, - for standard input"),
      })),
      exclude: multiple(option("--exclude", string({ metavar: "ADDRESSES" }), {
        description: say("Leave these out; repeatable"),
      })),
      port: multiple(option("--port", integer({ min: 1, max: 65_535, metavar: "PORT" }), {
        description: say("Port to try; repeatable (default: 502)"),
      })),
      concurrency: optional(option("--concurrency", integer({ min: 1, max: 1024 }), {
        description: say("Addresses asked at the same time (default: 64, while 256 are tried)"),
      })),
      force: flag("--force", {
        description: say(`Allow more than ${LARGE} addresses`),
      }),
      format: formatOptions,
    }),
    deviceFlags,
    configOptions,
  ),
  async run(options, io) {
    const listed = options.file === undefined ? [] : [await readList(options.file)];
    const config = await filelessConfigOf(options, io);
    const { discovery } = settings;
    const ports = options.port.length > 0 ? options.port : [config.get(discovery.port)];
    const targets = parseTargets([...options.targets, ...listed], options.exclude, ports);
    checkSize(targets.addresses, options.force);
    using access = new DeviceAccess(config);
    using progress = startProgress(io, "scanned", targets.addresses * ports.length);
    const found: Found[] = [];
    const leftOver: string[] = [];
    let scanned = 0;
    const counts = await sweep({
      endpoints: targets.endpoints(),
      unitIds: unitIdList(options.unit),
      firstOnly: false,
      ...sweepWidth(config, options.unit, options.concurrency),
      holds: false,
      sessions: access.sessions,
      connectTimeoutMs: options.timeout ?? config.get(discovery.perHostTimeoutMs),
      open: (transport, signal) => openDevice(transport, access.options, signal),
      withinMs: options.within ?? SEARCH_MS,
      onProgress: ({ done }) => progress.update(scanned = done, `${found.length} found`),
      onUnit: (endpoint, unitId) => {
        const at = `${formatEndpoint(endpoint)} unit ${unitId}`;
        if (isSearch(options.unit)) progress.update(scanned, `${found.length} found, now ${at}`);
      },
      onLeft: (endpoint, left) => leftOver.push(timeIsOver(endpoint, left)),
      onFound: (one) => found.push(one),
    }, new AbortController().signal);
    progress[Symbol.dispose]();
    print(io, options.format, await foundPrintable(found));
    for (const line of leftOver) io.err(`${line}\n`);
    io.err(`${foundSummary(counts, found)}\n`);
  },
});

async function readList(file: string): Promise<string> {
  try {
    const text = file === "-"
      ? await new Response(Deno.stdin.readable).text()
      : await Deno.readTextFile(file);
    return text.replaceAll(/#.*$/gm, "");
  } catch (cause) {
    throw new UsageError(`Cannot read "${file}": ${messageOf(cause)}`, { cause });
  }
}

function checkSize(addresses: number, isForced: boolean): void {
  if (addresses === 0) {
    throw new UsageError("No addresses to scan, as in: sunspool scan 192.168.1.0/24");
  }
  if (addresses <= LARGE || isForced) return;
  throw new UsageError(
    `Cannot scan ${addresses} addresses: more than ${LARGE} only with --force, as a slip is costly`,
  );
}
