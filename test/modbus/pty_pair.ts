/** The two ends of a serial cable, by socat. */
export interface PtyPair extends AsyncDisposable {
  readonly ours: string;
  readonly theirs: string;
  /** Pulls the cable out. */
  unplug(): Promise<void>;
}

/**
 * Makes a pair of pseudo terminals.
 *
 * @param folder where their names are to be
 */
export async function ptyPair(socat: string, folder: string): Promise<PtyPair> {
  const [ours, theirs] = [`${folder}/ours`, `${folder}/theirs`];
  const child = new Deno.Command(socat, {
    args: ["-d", "-d", ...[ours, theirs].map((link) => `pty,raw,echo=0,link=${link}`)],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const said = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      if (text.includes("starting data transfer loop")) resolve();
    }
    resolve();
  })();
  await ready;
  let isPlugged = true;
  const unplug = async () => {
    if (isPlugged) child.kill("SIGKILL");
    isPlugged = false;
    await Promise.all([child.status, said]);
  };
  return { ours, theirs, unplug, [Symbol.asyncDispose]: unplug };
}
