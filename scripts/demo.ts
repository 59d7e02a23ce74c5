/**
 * The main job on an embedded default, in under a minute: no hardware, no Kafka.
 *
 *     deno task demo
 *
 * Simulated devices in one process, the collector in another; they are found, read, decoded,
 * buffered and delivered to container files, and the files are read back.
 */
// deno-lint-ignore-file no-console
import { formatEndpoint } from "../lib/core/mod.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const COLLECT_MS = 12_000;
/** Three inverters with two strings each, a meter, an inverter with float models and base 0. */
const DEVICES = ["1,120,103,160:2", "1,120,103,160:2/1-2", "1,203", "1,113@0"];

/** The program itself, as a user would call it. */
function sunspool(args: readonly string[], cwd: string) {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", MAIN, ...args],
    cwd,
    stdout: "piped",
    stderr: "piped",
    env: { XDG_CONFIG_HOME: cwd },
  });
}

async function output(args: readonly string[], cwd: string): Promise<string> {
  console.log(`\n$ sunspool ${args.join(" ")}`);
  const { stdout, stderr } = await sunspool(args, cwd).output();
  const text = new TextDecoder().decode(stdout);
  const said = new TextDecoder().decode(stderr);
  if (said !== "") console.log(said.trimEnd());
  return text;
}

/** The first free port at which all simulated addresses can listen. */
function freePort(): number {
  for (let port = 15_020; port < 15_200; port++) {
    try {
      for (let i = 0; i < DEVICES.length; i++) {
        Deno.listen({ hostname: `127.0.0.${i + 1}`, port }).close();
      }
      return port;
    } catch {
      continue;
    }
  }
  throw new Error("Cannot find a free port for the simulated devices");
}

/** Shows the lines of a log that a person wants to see. */
async function showLog(stream: ReadableStream<Uint8Array>): Promise<void> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { time, level, message, ...fields } = JSON.parse(line);
      const extra = Object.entries(fields).map(([key, value]) => ` ${key}=${value}`).join("");
      console.log(`  ${String(time).slice(11, 19)} ${level} ${message}${extra}`);
    }
  }
}

async function decode(folder: string, cwd: string) {
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".avro"))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  console.log(`\n$ sunspool decode readings/*.avro     (${files.length} files)`);
  const { stdout } = await sunspool(["decode", ...files.map((name) => `${folder}/${name}`)], cwd)
    .output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

const folder = await Deno.makeTempDir({ prefix: "sunspool-demo-" });
const port = freePort();
const hosts = DEVICES.map((_, i) =>
  formatEndpoint({ scheme: "tcp", host: `127.0.0.${i + 1}`, port })
);
console.log(`This demo needs no hardware and no Kafka. It works in ${folder}`);
console.log(`\n1. Four simulated endpoints begin to answer: ${hosts.join(", ")}`);
const simulator = sunspool(
  ["simulate", "--listen", hosts[0] ?? "", ...DEVICES.flatMap((spec) => ["--device", spec])],
  folder,
).spawn();
let failed = false;
try {
  const ready = simulator.stdout.getReader();
  await ready.read();
  ready.releaseLock();

  console.log("\n2. They are found on the network:");
  const scan = [
    "scan",
    "127.0.0.0/29",
    "--port",
    String(port),
    "--unit",
    "1-2",
    "--timeout",
    "500ms",
  ];
  console.log(await output(scan, folder));

  console.log("3. One is read:");
  console.log(await output(["read", hosts[0] ?? "", "103.W", "103.WH", "160.DCW"], folder));

  console.log(
    "4. All are collected: polled each second, kept in a buffer on disk, delivered to files:",
  );
  await Deno.writeTextFile(
    `${folder}/sunspool.toml`,
    [
      "[discovery]",
      `subnet = "127.0.0.0/29"`,
      `port = ${port}`,
      `unit_ids = "1-2"`,
      "[file]",
      "roll_s = 5",
      "[metrics]",
      "port = 0",
      "",
    ].join("\n"),
  );
  console.log("\n$ sunspool collect --config sunspool.toml");
  const collector = sunspool(["collect", "--config", "sunspool.toml"], folder).spawn();
  const log = showLog(collector.stderr);
  setTimeout(() => collector.kill("SIGTERM"), COLLECT_MS);
  const { code } = await collector.status;
  await log;
  await collector.stdout.cancel();

  console.log("\n5. What arrived:");
  const records = await decode(`${folder}/readings`, folder);
  const devices = new Set(records.map(({ device }) => device.id));
  const last = records.findLast(({ model_id }) => model_id === 103);
  if (last) {
    const point = (name: string) =>
      last.points.find((point: { name: string }) => point.name === name)?.value;
    console.log(`  the last reading of ${last.device.id}: ${point("W")} W, ${point("WH")} Wh`);
  }
  const positions = records.map(({ position }) => position);
  const isWhole = positions.every((position, i) => position === (positions[0] ?? 1) + i);
  console.log(
    `  positions ${positions[0]}–${positions.at(-1)}, ${
      isWhole ? "none missing, none twice" : "NOT in order"
    }`,
  );
  const { rows, stored } = await storedOf(folder);
  failed = code !== 0 || !isWhole || rows !== 0 || stored !== records.length;

  console.log("\nWhere to look next:");
  console.log(
    `  ${folder}/readings        container files: sunspool decode, DuckDB, Spark, fastavro`,
  );
  console.log("  sunspool discover HOST --write-config > sunspool.toml     your own devices");
  console.log("  README.md                 Kafka, every command, the whole configuration");
  console.log(`\ndevices ${devices.size} · readings ${stored} · delivered ${records.length}`);
} finally {
  simulator.kill("SIGTERM");
  await simulator.status;
  await simulator.stdout.cancel();
  await simulator.stderr.cancel();
}
Deno.exitCode = failed ? 1 : 0;

/** How many readings the buffer ever took, and how many it still holds undelivered. */
async function storedOf(cwd: string): Promise<{ rows: number; stored: number }> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(`${cwd}/sunspec-buffer.sqlite`, { readOnly: true });
  const number = (sql: string) => Number(Object.values(database.prepare(sql).get() ?? {})[0] ?? 0);
  const stored = number("SELECT seq FROM sqlite_sequence WHERE name = 'telemetry_queue'");
  const cursor = number("SELECT min(position) FROM output_cursor");
  database.close();
  return { rows: stored - cursor, stored };
}
