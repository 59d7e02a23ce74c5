import { runOrThrow } from "../../scripts/services.ts";
import { eventually, type Program, start } from "../program.ts";
import { assignments, type Image } from "./dockerfile.ts";

/** A running container, as far as the kernel goes: its own processes, mounts and network. */
export interface Container extends AsyncDisposable {
  readonly program: Program;
  /** Its first process, as this machine numbers it. */
  readonly pid: number;
  /** Runs a program in it, as `docker exec` and health checks do. */
  exec(words: readonly string[]): Program;
}

/** How a container is started. */
export interface ContainerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Words instead of the image's command. */
  readonly command?: readonly string[];
  /** Words instead of the image's entry point. */
  readonly entrypoint?: readonly string[];
  /** The folder that is its volume. */
  readonly volume: string;
  /** Whose network it shares; its own, with nothing but loopback, when left out. */
  readonly network?: Container;
}

/** A read-only root, the volume, and a view of its own processes alone; then the program is process 1. */
const ENTER = `mount --bind "$ROOT" "$ROOT" && mount -o remount,ro,bind "$ROOT" &&
  mount --bind "$VOLUME" "$ROOT$PLACE" && mount -t proc proc "$ROOT/proc" &&
  ip link set lo up && exec chroot --userspec="$IDS" "$ROOT" env -i -C "$FOLDER" "$@"`;

/** Starts one of an image whose files are in `root`, as `docker run --read-only` does. Needs root. */
export async function startContainer(
  root: string,
  image: Image,
  options: ContainerOptions,
): Promise<Container> {
  const { env = {}, volume, network } = options;
  const { entrypoint = image.entrypoint, command = image.command } = options;
  const [place = ""] = image.volumes;
  const settings = { ...image.env, ...env };
  const program = start([
    ...[`ROOT=${root}`, `VOLUME=${volume}`, `PLACE=${place}`, `IDS=${image.user}`],
    `FOLDER=${image.workingFolder}`,
    ...network === undefined ? [] : ["nsenter", `--net=/proc/${network.pid}/ns/net`],
    ...["unshare", "--mount", "--pid", "--fork"],
    ...network === undefined ? ["--net"] : [],
    ...["sh", "-c", ENTER, "sh", ...assignments(settings), ...entrypoint, ...command],
  ], { cwd: "/", command: ["env"] });
  try {
    const pid = await eventually("it has a first process", () => childOf(program.pid));
    return {
      program,
      pid,
      exec: (words) =>
        start([
          ...["--target", String(pid), "--mount", "--pid", "--net", "chroot"],
          ...[`--userspec=${image.user}`, root, "env", "-i", "-C", image.workingFolder],
          ...[...assignments(settings), ...words],
        ], { cwd: "/", command: ["nsenter"] }),
      async [Symbol.asyncDispose]() {
        // Who waits for it passes no signal on, and ends with it.
        if (program.isRunning) Deno.kill(pid, "SIGKILL");
        await program.ended;
      },
    };
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** A new volume: what the image has there, with its owners. */
export async function newVolume(root: string, image: Image, folder: string): Promise<string> {
  const volume = `${folder}/volume`;
  await runOrThrow("cp", ["--archive", `${root}${image.volumes[0]}`, volume]);
  return volume;
}

/** The only child of a process that waits for one; undefined while there is none. */
async function childOf(pid: number): Promise<number | undefined> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return text.trim() === "" ? undefined : Number(text);
}
