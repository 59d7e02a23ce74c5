import { runOrThrow } from "../../scripts/services.ts";
import { type Program, start } from "../program.ts";

/** A Debian in a folder. */
export interface Debian extends AsyncDisposable {
  readonly path: string;
  /** Runs a program in it as root, which must succeed. */
  run(...words: readonly string[]): Promise<string>;
  /** Starts one as another user. */
  startAs(user: string, ...words: readonly string[]): Program;
}

/** Makes one out of the archive that `setup` keeps. Needs root. */
export async function debian(archive: string): Promise<Debian> {
  const path = await Deno.makeTempDir({ prefix: "sunspool-debian-" });
  await Deno.chmod(path, 0o755);
  await runOrThrow("tar", ["-C", path, "-xpf", archive]);
  await runOrThrow("mount", ["-t", "proc", "proc", `${path}/proc`]);
  const inside = ["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
  return {
    path,
    run: (...words) => runOrThrow("chroot", [path, ...inside, ...words]),
    startAs: (user, ...words) =>
      start(words, { cwd: "/", command: ["chroot", `--userspec=${user}`, path, ...inside] }),
    async [Symbol.asyncDispose]() {
      await runOrThrow("umount", [`${path}/proc`]);
      await Deno.remove(path, { recursive: true });
    },
  };
}
