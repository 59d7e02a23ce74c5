import { runOrThrow } from "../../scripts/services.ts";
import { type Program, start } from "../program.ts";

/** What the launcher and a technician call; busybox has them all. */
const PROGRAMS = [
  ...[
    "sh",
    "tail",
    "head",
    "gzip",
    "mktemp",
    "mkdir",
    "mv",
    "rm",
    "readlink",
    "chmod",
    "ls",
    "id",
    "uname",
  ],
  ...["sha256sum", "cut", "env", "cat", "sleep"],
];

/** A root folder with nothing but busybox and the C library. */
export interface FreshRoot extends AsyncDisposable {
  readonly path: string;
  /** Starts a program of it in it, with no environment but a PATH. */
  start(words: readonly string[], how?: RootOptions): Program;
}

/** How a program is started in a root. */
export interface RootOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** User and group, as numbers; root when left out. */
  readonly user?: string;
}

/** Makes one; `executable` lies at `/sunspool` in it. Needs root. */
export async function freshRoot(executable: string, busybox: string): Promise<FreshRoot> {
  const path = await Deno.makeTempDir({ prefix: "sunspool-root-" });
  for (const folder of ["bin", "tmp", "dev", "proc", "lib64", "var/cache", "data"]) {
    await Deno.mkdir(`${path}/${folder}`, { recursive: true });
  }
  await Deno.chmod(path, 0o755);
  await Deno.chmod(`${path}/tmp`, 0o1777);
  await Deno.copyFile(busybox, `${path}/bin/busybox`);
  for (const name of PROGRAMS) await Deno.symlink("busybox", `${path}/bin/${name}`);
  for (const library of await libraries(Deno.execPath())) {
    await Deno.mkdir(`${path}${library.replace(/\/[^/]*$/, "")}`, { recursive: true });
    await Deno.copyFile(library, `${path}${library}`);
  }
  await runOrThrow("mknod", ["-m", "666", `${path}/dev/null`, "c", "1", "3"]);
  await runOrThrow("mknod", ["-m", "666", `${path}/dev/urandom`, "c", "1", "9"]);
  await runOrThrow("mount", ["-t", "proc", "proc", `${path}/proc`]);
  await Deno.copyFile(executable, `${path}/sunspool`);
  await Deno.chmod(`${path}/sunspool`, 0o755);
  return {
    path,
    start: (words, { env = {}, user = "0:0" } = {}) =>
      start(words, {
        cwd: "/",
        command: [
          ...["chroot", `--userspec=${user}`, path, "/bin/env", "-i", "PATH=/bin"] as const,
          ...assignments(env),
        ],
      }),
    async [Symbol.asyncDispose]() {
      await runOrThrow("umount", [`${path}/proc`]);
      await Deno.remove(path, { recursive: true });
    },
  };
}

function assignments(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

/** The shared libraries of a program, its loader among them. */
export async function libraries(program: string): Promise<string[]> {
  const listed = await runOrThrow("ldd", [program]);
  return [...listed.matchAll(/(\/\S+\.so\S*)/g)].map(([path]) => path);
}
