import { addressAfter } from "../lib/cidr.ts";
import { defineCommand } from "../lib/cli/define.ts";
import { type Format, type Io, print } from "../lib/cli/mod.ts";
import { formatOptions } from "../lib/cli/format_options.ts";
import { integer, path, say, string, value } from "../lib/cli/values.ts";
import { object } from "../lib/cli/word_groups.ts";
import { multiple, option, optional, withDefault } from "../lib/cli/words.ts";
import { serveDevices, type ServedLine, serveReplay } from "../lib/compose/simulation.ts";
import { type Endpoint, formatEndpoint, parseEndpoint, UsageError } from "../lib/core/mod.ts";
import { readCertificates } from "../lib/modbus/mod.ts";
import { stopSignals } from "../lib/signals.ts";
import { faultTypes, type ServeAt } from "../lib/simulate/mod.ts";

/** Where to listen: as an endpoint, but by address; port 0 = any free one. */
const listenValue = value("ADDRESS", "127.0.0.1:5020", (text): Endpoint => {
  if (text.startsWith("serial:")) return parseEndpoint(text);
  const [, scheme = "tcp", v4, v6, port] =
    /^(?:(tcp|tls|rtu\+tcp):\/\/)?(?:(\d{1,3}(?:\.\d{1,3}){3})|\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]):(\d{1,5})$/
      .exec(text) ?? [];
  const host = v4 ?? v6;
  const isScheme = scheme === "tcp" || scheme === "tls" || scheme === "rtu+tcp";
  if (host === undefined || Number(port) > 65_535 || !isScheme) {
    throw new UsageError(
      `Cannot listen on "${text}": write it as 127.0.0.1:5020, [::1]:5020, tls://…, rtu+tcp://… or serial:…`,
    );
  }
  return { scheme, host, port: Number(port) };
}, formatEndpoint);

/** `sunspool simulate`. */
export const command = defineCommand({
  name: "simulate",
  summary: "Serve SunSpec devices on loopback, to try everything without hardware",
  description:
    "Each device has an address of its own, counted on from --listen, and shows a plausible day that " +
    "passes in 24 minutes. Once all are served, one line for each goes to standard output.",
  examples: [
    ["sunspool simulate --devices 3", "127.0.0.1:5020, 127.0.0.2:5020 and 127.0.0.3:5020"],
    ["sunspool simulate --replay exchange.txt", "devices as read --record wrote them down"],
    ["sunspool simulate --models 1,103,160:3", "an inverter with three strings in model 160"],
    [
      "sunspool simulate --device 1,103/1-4 --device 1,113@0",
      "a gateway with four unit ids; base 0",
    ],
    ["sunspool simulate --device 1,103/3,126", "a device at unit ids 3 and 126 only"],
    [
      "sunspool simulate --fault late=1500%10 --fault slots",
      "answers now and then late; one client",
    ],
    ["sunspool simulate --fault help", "the faults there are"],
  ],
  needs: { net: "always", read: "start" },
  opensDevices: true,
  parser: object({
    devices: withDefault(
      option("--devices", "-n", integer({ min: 1, max: 10_000, metavar: "N" }), {
        description: say("How many addresses to serve"),
      }),
      1,
    ),
    listen: withDefault(
      option("--listen", listenValue, {
        description: say(
          "The first address, with tls:// or rtu+tcp:// before it for these, or serial:PATH; port 0 takes any free one",
        ),
      }),
      { scheme: "tcp", host: "127.0.0.1", port: 5020 },
    ),
    models: withDefault(
      option("--models", string({ metavar: "MODELS" }), {
        description: say("Models of each device; a number behind a colon repeats their groups"),
      }),
      "1,120,103,160:2",
    ),
    unit: withDefault(
      option("--unit", "-u", string({ metavar: "UNITS" }), {
        description: say("Unit ids behind each address"),
      }),
      "1",
    ),
    baseAddress: withDefault(
      option("--base-address", integer({ min: 0, max: 65_533, metavar: "ADDRESS" }), {
        description: say("Where the map begins"),
      }),
      40_000,
    ),
    device: multiple(option("--device", string({ metavar: "SPEC" }), {
      description: say("One address as MODELS[@BASE][/UNITS], instead of the above; repeatable"),
    })),
    fault: multiple(option("--fault", string({ metavar: "FAULT" }), {
      description: say("NAME[=VALUE][%SHARE], as late=1500%10; repeatable; help lists them all"),
    })),
    faultSeed: withDefault(
      option("--fault-seed", integer({ min: 0, max: 0xffff_ffff, metavar: "N" }), {
        description: say("Decides which answers are hit"),
      }),
      1,
    ),
    stepMs: withDefault(
      option("--step-ms", integer({ min: 1, max: 3_600_000, metavar: "MS" }), {
        description: say("How often values change"),
      }),
      1000,
    ),
    modelsDir: withDefault(
      option("--models-dir", path({ metavar: "DIR" }), {
        description: say("Folder of own model definitions"),
      }),
      "",
    ),
    replay: optional(
      option("--replay", path({ metavar: "FILE" }), {
        description: say(
          "Answer as the devices did that --record wrote down, instead of the above",
        ),
      }),
    ),
    tlsCert: withDefault(
      option("--tls-cert", path({ metavar: "FILE" }), {
        description: say("Certificate to show on tls:// (PEM)"),
      }),
      "",
    ),
    tlsKey: withDefault(
      option("--tls-key", path({ metavar: "FILE" }), { description: say("Its key (PEM)") }),
      "",
    ),
    format: formatOptions,
  }),
  async run(options, io) {
    if (options.fault.includes("help")) return listFaults(options.format, io);
    const { first: stopped } = stopSignals();
    const certificate = options.listen.scheme === "tls" ? readCertificate(options) : undefined;
    const place = (index: number) => ({ ...placeAfter(options.listen, index), certificate });
    await using served = new AsyncDisposableStack();
    const lines = options.replay === undefined
      ? await serveDevices(options, place, served, io)
      : await serveReplay(options.replay, place, served, io);
    printLines(lines, options.format, io);
    await stopped;
  },
});

function listFaults(format: Format, io: Io): void {
  const documents = faultTypes.map(({ name, takes, summary }) => ({ name, takes, summary }));
  const rows = documents.map(({ name, takes, summary }) => [name, takes, summary]);
  print(io, format, {
    documents,
    table: { columns: ["fault", "value", "meaning"], rows },
    isSingle: false,
  });
}

function placeAfter(first: Endpoint, index: number): ServeAt {
  if (first.scheme !== "serial") {
    const hostname = index === 0 ? first.host : addressAfter(first.host, index);
    return { scheme: first.scheme, hostname, port: first.port };
  }
  if (index === 0) return first;
  throw new UsageError(
    "A serial line is one endpoint: for several devices on it use --unit, as --unit 1-4",
  );
}

function readCertificate(
  { tlsCert, tlsKey }: { readonly tlsCert: string; readonly tlsKey: string },
) {
  if (tlsCert === "" || tlsKey === "") {
    throw new UsageError("To listen on tls:// name --tls-cert FILE and --tls-key FILE");
  }
  const { own } = readCertificates({ ca: undefined, cert: tlsCert, key: tlsKey });
  return own;
}

function printLines(documents: readonly ServedLine[], format: Format, io: Io): void {
  const rows = documents.map(({ endpoint, unit_ids, models, base_address }) => [
    endpoint,
    unit_ids.join(","),
    models.join(","),
    String(base_address ?? ""),
  ]);
  const columns = ["endpoint", "units", "models", "base"];
  print(io, format, {
    documents: documents.map((line) => ({ ...line })),
    table: { columns, rows },
    isSingle: false,
  });
}
