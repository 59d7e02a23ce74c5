/** What a process has used since its start, all its threads together. */
export interface Cost {
  /** `performance.now()` of this look. */
  readonly at: number;
  /** Time on a processor, in user space and in the kernel; see {@linkcode cpuMs}. */
  readonly cpuMs: number;
  /** Memory it holds now. */
  readonly rssBytes: number;
  /** The most it ever held. */
  readonly peakRssBytes: number;
  /** What it caused to be written to storage, whole pages: `write_bytes` of /proc/PID/io. */
  readonly storageBytes: number;
  /** What it handed to write calls, those on sockets among them: `wchar` of /proc/PID/io. */
  readonly writtenBytes: number;
}

/** USER_HZ, the same on every Linux that Deno runs on. */
const TICK_MS = 10;

/** Looks at a process. */
export function costOf(pid: number): Cost {
  const status = words(pid, "status");
  const io = words(pid, "io");
  return {
    at: performance.now(),
    cpuMs: cpuMs(pid),
    rssBytes: number(status, "VmRSS") * 1024,
    peakRssBytes: number(status, "VmHWM") * 1024,
    storageBytes: number(io, "write_bytes") - number(io, "cancelled_write_bytes"),
    writtenBytes: number(io, "wchar"),
  };
}

/**
 * Time that a process was on a processor, itself and its threads: utime and stime of /proc/PID/stat,
 * which count whole ticks, made finer by the nanoseconds of the threads that still live.
 */
export function cpuMs(pid: number): number {
  return Math.max(tickedMs(pid), threadsMs(pid));
}

function tickedMs(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name of a program may hold blanks and brackets.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [fields[11], fields[12]];
  return (Number(user) + Number(system)) * TICK_MS;
}

function threadsMs(pid: number): number {
  let nanoseconds = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`);
      nanoseconds += Number(text.split(" ")[0]);
    } catch {
      // The thread has ended, or this kernel does not count.
    }
  }
  return nanoseconds / 1e6;
}

function words(pid: number, file: "status" | "io"): string {
  return Deno.readTextFileSync(`/proc/${pid}/${file}`);
}

function number(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text);
  if (!found) throw new Error(`Cannot find "${name}": /proc does not tell it`);
  return Number(found[1]);
}
