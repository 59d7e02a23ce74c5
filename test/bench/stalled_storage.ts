/**
 * Measures what storage that stalls does to polling, with the buffer in the thread that polls and in
 * one of its own:
 *
 *     deno run -A test/bench/stalled_storage.ts
 *
 * strace holds every fifth sync of each thread back for 1.5 s. A poll is late by what it comes after
 * its tick; ticks are the multiples of the interval on the clock.
 */
// deno-lint-ignore-file no-console
import { simulate, start, temporaryFolder } from "../program.ts";

const INTERVAL_MS = 200;
const SECONDS = 20;
const STALL_US = 1_500_000;
/** Requests that come closer together are of the same poll. */
const SAME_POLL_MS = 50;

/** Hands everything on to a device, and writes down when polls begin. */
class Watch implements Disposable {
  readonly polls: number[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: Deno.ConnectOptions;
  #lastAt = 0;

  constructor(target: string) {
    const [hostname = "", port] = target.split(":");
    this.#target = { hostname, port: Number(port) };
    this.#accept();
  }

  get endpoint(): string {
    const { hostname, port } = this.#listener.addr;
    return `${hostname}:${port}`;
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#relay(connection).catch(() => {});
    }
  }

  async #relay(connection: Deno.TcpConn): Promise<void> {
    using device = await Deno.connect(this.#target);
    const note = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        const now = Date.now();
        if (now - this.#lastAt > SAME_POLL_MS) this.polls.push(now);
        this.#lastAt = now;
        controller.enqueue(chunk);
      },
    });
    await Promise.race([
      connection.readable.pipeThrough(note).pipeTo(device.writable),
      device.readable.pipeTo(connection.writable),
    ]);
  }
}

async function measure(isolate: boolean, stalls: boolean) {
  using folder = temporaryFolder();
  const cwd = folder.path;
  await using simulation = await simulate(["--device", "1,103,160:4"], { cwd });
  using watch = new Watch(simulation.endpoints[0]);
  await Deno.writeTextFile(
    `${cwd}/collect.toml`,
    `buffer.isolate = ${isolate}\nmetrics.port = 0\npoller.poll_interval_ms = ${INTERVAL_MS}\n` +
      `[[devices]]\nendpoint = "${watch.endpoint}"\n`,
  );
  const inject = `inject=fsync,fdatasync:delay_enter=${STALL_US}:when=5+5`;
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const words = ["-D", "-f", "--seccomp-bpf", "-e", "trace=fsync,fdatasync"];
  await using collect = start(["collect", "--config", "collect.toml"], {
    cwd,
    command: [
      ...["strace", ...words, ...stalls ? ["-e", inject] : [], "-o", `${cwd}/strace`] as const,
      ...[Deno.execPath(), "run", "-A", main],
    ],
  });
  await collect.told(/"device found"/);
  const from = watch.polls.length;
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const polls = watch.polls.slice(from);
  const late = polls.map((at) => at % INTERVAL_MS).toSorted((a, b) => a - b);
  const gaps = polls.slice(1).map((at, i) => at - (polls[i] ?? at));
  collect.kill("SIGTERM");
  await collect.ended;
  const held = (await Deno.readTextFile(`${cwd}/strace`)).match(/DELAYED|INJECTED/g)?.length ?? 0;
  return {
    isolated: isolate,
    stalls: held,
    polls: polls.length,
    wanted: SECONDS * 1000 / INTERVAL_MS,
    late_p50_ms: late[Math.floor(late.length / 2)],
    late_max_ms: late.at(-1),
    longest_gap_ms: Math.max(...gaps),
  };
}

console.table(
  await Array.fromAsync([[false, false], [true, false], [false, true], [true, true]] as const, (
    [isolate, stalls],
  ) => measure(isolate, stalls)),
);
