import assert from "node:assert/strict";
import {
  eventually,
  freePort,
  loopbackNet,
  neutralEnvironment,
  type Program,
  simulate,
  start,
  temporaryFolder,
} from "../program.ts";
import { assertAsShown, shownIn } from "./walkthrough.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

for (const page of ["README.md", "docs/getting-started.md"]) {
  Deno.test(`the commands of ${page} do and say what it shows`, async (t) => {
    const text = await Deno.readTextFile(ROOT + page);
    using folder = temporaryFolder();
    const cwd = folder.path;
    const env = await environment(cwd);
    const net = loopbackNet();
    const [, other = ""] = /```sh\nsunspool simulate (.*)\n/.exec(text) ?? assert.fail();
    const listen = ["--listen", `${net}.1:5020`];
    await using _devices = await simulate([...other.split(" "), ...listen], { cwd });
    const commands = shownIn(text);
    assert.ok(commands.length >= 9);
    for (const shown of commands) {
      // Whoever sits at a terminal is told without asking.
      const line = shown.command.replaceAll("127.0.0.", `${net}.`)
        .replace(/^sunspool drain$/, "$& --verbose");
      await t.step(shown.command, async () => {
        if (line.includes("Ctrl-C")) return await collect(line, { cwd, env });
        await using shell = start(["-c", line], { cwd, env, command: ["sh"] });
        const { code, out, err } = await shell.end();
        assert.equal(code, 0, err);
        assertAsShown(shown, `${out}${err}`);
      });
    }
  });
}

/** A `sunspool` on the PATH, and a port for its metrics that nobody else uses. */
async function environment(cwd: string): Promise<Record<string, string>> {
  const main = `run -A --no-prompt "${ROOT}main.ts"`;
  const launcher = `#!/bin/sh\nexec "${Deno.execPath()}" ${main} "$@"\n`;
  await Deno.writeTextFile(`${cwd}/sunspool`, launcher, { mode: 0o755 });
  const { PATH } = neutralEnvironment();
  return { PATH: `${cwd}:${PATH}`, SUNSPEC_METRICS_PORT: String(freePort("127.0.0.1")) };
}

/** Runs a collector until it has begun a file, and stops it as Ctrl-C does. */
async function collect(
  line: string,
  { cwd, env }: { readonly cwd: string; readonly env: Record<string, string> },
): Promise<void> {
  const [alone = ""] = line.split(" 2>&1");
  await using collector: Program = start(["-c", `exec ${alone}`], { cwd, env, command: ["sh"] });
  await collector.told(/"device found"/);
  const files = () => [...Deno.readDirSync(`${cwd}/readings`)].map(({ name }) => name);
  const begun = (name: string) => name.endsWith(".partial");
  await eventually("a file is begun", () => exists(`${cwd}/readings`) && files().some(begun));
  const { code, err } = await collector.stop("SIGINT");
  assert.equal(code, 0, err);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
