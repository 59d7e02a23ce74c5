import { gzipSync } from "node:zlib";
import { VERSION } from "../../lib/version.ts";
import { runOrThrow } from "../services/run.ts";
import { fill } from "./fill.ts";
import { LAUNCH_WORDS } from "./launch.ts";
import { type Machine, MACHINES } from "./runtime.ts";

const TEMPLATE = new URL("./extractor.sh", import.meta.url);

/** What goes into the executable. */
export interface Contents {
  /** Deno for the machine, through gzip. */
  readonly zippedRuntime: Uint8Array<ArrayBuffer>;
  /** The folder of our bundle. */
  readonly program: string;
}

/**
 * One self-extracting executable: a shell script, and behind it Deno and an archive of our bundle,
 * each through gzip, which every image has, as it has tar. The same contents give the same bytes.
 */
export async function makeExecutable(machine: Machine, contents: Contents): Promise<Blob> {
  const { zippedRuntime: runtime } = contents;
  const program = new Uint8Array(gzipSync(await archive(contents.program), { level: 9 }));
  const facts = MACHINES[machine];
  const sum = await sha256(new Blob([runtime, program]));
  const values = {
    VERSION,
    ID: `${VERSION}-${facts.machine}-${sum.slice(0, 12)}`,
    MACHINE: facts.machine,
    LOADER: facts.loader,
    SUM: sum,
    LAUNCH_WORDS: LAUNCH_WORDS.join(" "),
    RUNTIME_LENGTH: String(runtime.length),
    PROGRAM_LENGTH: String(program.length),
  };
  const template = fill(await Deno.readTextFile(TEMPLATE), values);
  const head = withOffsets(template, runtime.length);
  return new Blob([head, runtime, program]);
}

/** The folder `program` as it is unpacked: the same files give the same bytes. */
async function archive(folder: string): Promise<Uint8Array> {
  const file = await Deno.makeTempFile({ prefix: "sunspool-", suffix: ".tar" });
  try {
    await runOrThrow("tar", [
      ...["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"],
      ...["--mode=u=rwX,go=rX", "--format=ustar", "--transform", "s,^\\.,program,"],
      ...["-cf", file, "-C", folder, "."],
    ]);
    return await Deno.readFile(file);
  } finally {
    await Deno.remove(file);
  }
}

/** The offsets count the script itself: the script is made again until it says its own length. */
function withOffsets(template: string, runtimeLength: number): string {
  let head = template;
  for (let i = 0; i < 10; i++) {
    const { length } = new TextEncoder().encode(head);
    const next = fill(template, {
      OFFSET: String(length + 1),
      PROGRAM_OFFSET: String(length + 1 + runtimeLength),
    });
    if (next === head) return head;
    head = next;
  }
  throw new Error("The script cannot say its own length");
}

/** In hexadecimal digits. */
export async function sha256(content: Blob): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await content.arrayBuffer());
  return new Uint8Array(hash).toHex();
}
