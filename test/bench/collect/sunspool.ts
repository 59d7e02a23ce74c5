import { type Program, start } from "../../program.ts";
import { FROM_SOURCE } from "../commands/programs.ts";
import type { Figures } from "../measurement.ts";
import type { Look, Place, Poller, Window } from "./subject.ts";
import { topicFigures } from "./topic.ts";

const DEADLINE_MS = 120_000;

/** `sunspool collect` with its defaults. */
export async function startSunspool(place: Place): Promise<Poller> {
  const { folder, kafka } = place;
  await Deno.writeTextFile(`${folder}/collect.toml`, configOf(place));
  const program = start(["collect", "--config", "collect.toml"], {
    cwd: folder,
    command: FROM_SOURCE,
    deadlineMs: DEADLINE_MS,
  });
  try {
    const [, address = ""] = await program.told(/metrics are served.*"address":"([^"]+)"/);
    const output = kafka ? "kafka" : "file";
    return {
      pid: program.pid,
      look: () => lookAt(address, output),
      finish: (window) => finish(program, place, window),
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** Nothing but what has no default, and a port for the metrics that is free. */
function configOf({ endpoints, kafka }: Place): string {
  const brokers = kafka
    ? `kafka.brokers = ["${kafka.brokers}"]\nkafka.topic = "${kafka.topic}"\n`
    : "";
  const devices = endpoints.map((endpoint) => `[[devices]]\nendpoint = "${endpoint}"\n`);
  return `collector.id = "bench"\nmetrics.port = 0\n${brokers}${devices.join("")}`;
}

/** What its metrics say; 0 of what has not happened. */
export async function lookAt(address: string, output: string): Promise<Numbers<Look>> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const read = (metric: string) => {
    const found = new RegExp(`^${metric} (\\S+)$`, "m").exec(text);
    return Number(found?.[1] ?? 0);
  };
  return {
    delivered: read(`sunspool_output_readings_total\\{output="${output}",result="delivered"\\}`),
    backlog: read(`sunspool_output_backlog\\{output="${output}"\\}`),
    failed: read("poller_error"),
  };
}

type Numbers<T> = { readonly [K in keyof T]: number };

async function finish(program: Program, place: Place, window: Window): Promise<Figures> {
  const { folder, kafka } = place;
  const buffer = "sunspec-buffer.sqlite";
  const figures = {
    buffer_mib: (size(`${folder}/${buffer}`) + size(`${folder}/${buffer}-wal`)) / 2 ** 20,
  };
  const { code, err } = await program.stop();
  if (code !== 0) throw new Error(`Cannot trust the figures: collect ended with ${code}: ${err}`);
  return kafka
    ? { ...figures, ...await topicFigures(kafka, window) }
    : { ...figures, file_bytes_per_reading: fileBytes(`${folder}/readings`) / readings(err) };
}

/** As its last line tells. */
function readings(told: string): number {
  const [, count] = /file delivered (\d+)/.exec(told) ?? [];
  return Number(count);
}

function fileBytes(folder: string): number {
  return [...Deno.readDirSync(folder)].reduce(
    (sum, { name }) => sum + size(`${folder}/${name}`),
    0,
  );
}

function size(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
