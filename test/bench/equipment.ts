import { findTools, type Kafka } from "../../scripts/services.ts";
import { startWarmKafka } from "../outputs/broker.ts";
import { formsOfSunspool } from "./commands/programs.ts";
import { timed } from "./commands/timed.ts";
import type { Bench } from "./measurement.ts";
import type { Plan } from "./plans.ts";

/** Looks for tools, and has a broker run from its first use to the end of the scope. */
export async function openBench(
  plan: Plan,
  signal: AbortSignal,
): Promise<Bench & AsyncDisposable> {
  const found = await findTools();
  const tools = Object.fromEntries(
    Object.entries(found).flatMap(([name, tool]) => "path" in tool ? [[name, tool.path]] : []),
  );
  // A packaged program unpacks itself at its first start.
  for (const { command } of formsOfSunspool()) await timed([...command, "version"]);
  const folder = await Deno.makeTempDir({ prefix: "sunspool-bench-" });
  let broker: Promise<Kafka> | undefined;
  return {
    plan,
    folder,
    tools,
    signal,
    // The JVM of the tests saves its own time; here it works as a real one.
    kafka: () => broker ??= startWarmKafka({ jvm: ["-XX:TieredStopAtLevel=4"] }),
    [Symbol.asyncDispose]: async () => {
      await Deno.remove(folder, { recursive: true });
      await (await broker)?.stop();
    },
  };
}
