/**
 * `sunspool collect` as its command composes it, which also says on standard output what is
 * committed to the buffer: one line a commit, `[[device, source, instance, collected_at], …]`. So
 * whoever judges need not ask the disk under test. Beside that it says how late its event loop was:
 * `{ "lateMs": […] }`.
 *
 *     collector.ts CONFIG [SABOTAGE]
 *
 * With `$HANG` its clock runs fast, and what that names hangs as soon as SIGUSR1 comes; in the thread
 * of its buffer as soon as there is a file `$HANG_FILE`.
 */
import { serveCollectorsBuffer } from "../../lib/compose/buffer_thread.ts";
import { Collector } from "../../lib/compose/collector.ts";
import { logOf } from "../../lib/compose/log.ts";
import { loadConfig } from "../../lib/config/mod.ts";
import { stopSignals } from "../../lib/signals.ts";
import { BUFFER_THREAD, offerThreads, THREAD_NAME } from "../../lib/thread.ts";
import { hangOnSignal, hasten, serveHangingThread } from "../hangs.ts";
import { sabotage } from "./sabotage.ts";

async function collect(file: string | undefined): Promise<never> {
  offerThreads(import.meta.url);
  const signals = stopSignals();
  const config = loadConfig({ file, overrides: [], env: () => undefined });
  const collector = new Collector(config, logOf(config), {
    committed(readings) {
      const keys = readings.map(({ device, source, collectedAt }) => [
        device.id,
        source.name,
        source.instance,
        collectedAt,
      ]);
      say(keys);
    },
  });
  await collector.run(signals);
  Deno.exit(0);
}

/** How often the event loop is measured, and how many times are said at once. */
const TICK_MS = 50;
const TICKS = 20;

function measureLoop(): void {
  let dueAt = performance.now() + TICK_MS;
  let lateMs: number[] = [];
  const tick = () => {
    const now = performance.now();
    lateMs.push(Math.round(Math.max(0, now - dueAt)));
    dueAt = now + TICK_MS;
    if (lateMs.length === TICKS) {
      say({ lateMs });
      lateMs = [];
    }
    Deno.unrefTimer(setTimeout(tick, TICK_MS));
  };
  Deno.unrefTimer(setTimeout(tick, TICK_MS));
}

function say(what: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(what)}\n`));
}

const [file, broken] = Deno.args;
const hang = Deno.env.get("HANG");
sabotage(broken);
if (THREAD_NAME !== BUFFER_THREAD) {
  if (hang !== undefined) {
    hasten();
    hangOnSignal(hang);
  } else measureLoop();
  await collect(file);
} else if (hang === undefined) serveCollectorsBuffer();
else serveHangingThread(hang, Deno.env.get("HANG_FILE") ?? "");
