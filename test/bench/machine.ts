import { run } from "../../scripts/services.ts";

/** What a run was made on, and of what. */
export interface Circumstances {
  /** ISO 8601. */
  readonly date: string;
  readonly command: string;
  readonly commit: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly deno: string;
  /** Of the folder for temporary files: `ext2/ext3`, `tmpfs`. */
  readonly fileSystem: string;
  /** Processes that were ready to run over the last minute, at the begin. */
  readonly loadBefore: number;
}

/** Looks around. */
export async function circumstances(): Promise<Circumstances> {
  const root = new URL("../../", import.meta.url).pathname;
  const said = async (command: string, ...args: readonly string[]) =>
    (await run(command, args)).stdout.trim();
  const dirty = await said("git", "-C", root, "status", "--porcelain") === "" ? "" : ", changed";
  return {
    date: new Date().toISOString(),
    command: ["deno task bench", ...Deno.args].join(" "),
    commit: await said("git", "-C", root, "rev-parse", "--short=12", "HEAD") + dirty,
    processor: processor(),
    cores: navigator.hardwareConcurrency,
    memoryGib: Math.round(Deno.systemMemoryInfo().total / 2 ** 30),
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
    fileSystem: await said(
      "stat",
      "--file-system",
      "--format=%T",
      Deno.env.get("TMPDIR") ?? "/tmp",
    ),
    loadBefore: loadNow(),
  };
}

/** Processes that were ready to run over the last minute, ours among them. */
export function loadNow(): number {
  return Deno.loadavg()[0] ?? 0;
}

function processor(): string {
  const text = Deno.readTextFileSync("/proc/cpuinfo");
  return /^(?:model name|Model)\s*:\s*(.+)$/m.exec(text)?.[1] ?? Deno.build.arch;
}
