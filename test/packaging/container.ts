import { runOrThrow } from "../../scripts/services.ts";
import { type Ended, eventually, type Program, start } from "../program.ts";
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
  busybox ip link set lo up && exec chroot --userspec="$IDS" "$ROOT" env -i -C "$FOLDER" "$@"`;

/** Starts one of an image whose files are in `root`, as `docker run --read-only` does. Needs root. */
export async function startContainer(
  root: string,
  image: Image,
  options: ContainerOptions,
): Promise<Container> {
  const program = launch(root, image, options);
  const settings = { ...image.env, ...options.env };
  try {
    const pid = await eventually(
      "it has a first process",
      () => childOf(program),
      () => program.err,
    );
    return {
      program,
      pid,
      exec: (words) =>
        start([
          ...["--target", String(pid), "--mount", "--pid", "--net", "chroot"],
          ...[`--userspec=${image.user}`, root, "env", "-i", "-C", image.workingFolder],
          ...[...assignments(settings), ...words],
        ], { cwd: "/", command: ["nsenter"] }),
      [Symbol.asyncDispose]: () => kill(program),
    };
  } catch (error) {
    await kill(program);
    throw error;
  }
}

/** Runs one to its end. */
export async function runContainer(
  root: string,
  image: Image,
  options: ContainerOptions,
): Promise<Ended> {
  const program = launch(root, image, options);
  try {
    return await program.end();
  } finally {
    await kill(program);
  }
}

function launch(root: string, image: Image, options: ContainerOptions): Program {
  const { env = {}, volume, network } = options;
  const { entrypoint = image.entrypoint, command = image.command } = options;
  const [place = ""] = image.volumes;
  return start([
    ...[`ROOT=${root}`, `VOLUME=${volume}`, `PLACE=${place}`, `IDS=${image.user}`],
    `FOLDER=${image.workingFolder}`,
    ...network === undefined ? [] : ["nsenter", `--net=/proc/${network.pid}/ns/net`],
    ...["unshare", "--mount", "--pid", "--fork"],
    ...network === undefined ? ["--net"] : [],
    ...["sh", "-c", ENTER, "sh", ...assignments({ ...image.env, ...env })],
    ...[...entrypoint, ...command],
  ], { cwd: "/", command: ["env"] });
}

/** Whoever waits for the first process passes no signal on, and ends with it. */
async function kill(program: Program): Promise<void> {
  const pid = await childOf(program);
  if (pid === undefined) program.kill("SIGKILL");
  else Deno.kill(pid, "SIGKILL");
  await program.ended;
}

/** A new volume: what the image has there, with its owners. */
export async function newVolume(root: string, image: Image, folder: string): Promise<string> {
  const volume = `${folder}/volume`;
  await runOrThrow("cp", ["--archive", `${root}${image.volumes[0]}`, volume]);
  return volume;
}

/** The only child of a program that waits for one; undefined when there is none, or no more. */
async function childOf({ pid }: Program): Promise<number | undefined> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  return text.trim() === "" ? undefined : Number(text);
}
