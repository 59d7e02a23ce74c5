import { statfs } from "node:fs/promises";
import { run } from "../../scripts/services.ts";

/** A file system of its own in memory, which can be full or read-only; gone with its scope. */
export class SmallDisk implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Mounts one of some KiB; undefined where this process may not. */
  static async mount(kib: number): Promise<SmallDisk | undefined> {
    const folder = await Deno.makeTempDir({ prefix: "sunspool-disk-" });
    const { code } = await run("mount", ["-t", "tmpfs", "-o", `size=${kib}k`, "tmpfs", folder]);
    if (code === 0) return new SmallDisk(folder);
    await Deno.remove(folder);
    return undefined;
  }

  /** Takes all the room that is left; gives the file that has it. */
  async fill(): Promise<string> {
    const path = `${this.folder}/filler`;
    using file = await Deno.open(path, { create: true, append: true });
    for (const size of [65_536, 4096]) {
      const block = new Uint8Array(size).fill(1);
      while (await file.write(block).catch(() => 0) === size);
    }
    return path;
  }

  /** How much room is left, in bytes. */
  async free(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder);
    return bavail * bsize;
  }

  /** Changes how it is mounted. */
  async remount(how: "ro" | "rw"): Promise<void> {
    await run("mount", ["-o", `remount,${how}`, this.folder]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", ["-l", this.folder]);
    await Deno.remove(this.folder);
  }
}

const refusal = await (async () => {
  await using disk = await SmallDisk.mount(64);
  return disk ? undefined : "this process may not mount a file system, try as root";
})();

/** Registers a test with a small disk; skipped, with the reason, where none can be had. */
export function diskTest(
  name: string,
  kib: number,
  body: (disk: SmallDisk) => Promise<void>,
): void {
  if (refusal !== undefined) {
    Deno.test({ name: `${name} (${refusal})`, ignore: true, fn() {} });
    return;
  }
  Deno.test(name, async () => {
    await using disk = await SmallDisk.mount(kib);
    if (!disk) throw new Error(`Cannot mount a file system of ${kib} KiB`);
    await body(disk);
  });
}
