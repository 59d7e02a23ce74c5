import assert from "node:assert/strict";
import { eventually, loopbackNet, neutralEnvironment, start, temporaryFolder } from "../program.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Runs `sunspool ARGS` on a terminal of its own; gives everything that it is sent. */
async function onTerminal(args: string, env: Record<string, string> = {}): Promise<string> {
  using folder = temporaryFolder();
  const { NO_COLOR: _, ...neutral } = neutralEnvironment();
  const { stdout } = await new Deno.Command("script", {
    args: ["-qec", `${Deno.execPath()} run -A ${MAIN} ${args}`, "/dev/null"],
    cwd: folder.path,
    clearEnv: true,
    env: { ...neutral, ...env },
    stdin: "null",
    stderr: "piped",
  }).output();
  return new TextDecoder().decode(stdout).replaceAll("\u001b[", "ESC ");
}

const hasTerminal = await (async () => {
  try {
    return (await onTerminal("version")).startsWith("sunspool ");
  } catch {
    return false;
  }
})();
const unless = hasTerminal ? "" : " (there is no script(1), try apt-get install bsdutils)";

Deno.test({
  name: `on a terminal there are colours and a bar, with NO_COLOR neither${unless}`,
  ignore: !hasTerminal,
  async fn() {
    const scan = `scan ${loopbackNet()}.0/28 --port 1`;
    const coloured = await onTerminal(scan);
    assert.match(coloured, /\rESC K\[[# ]{30}\] scanned \d+\/14, 0 found/);
    assert.match(coloured, /ESC 1mENDPOINT .*ESC 0m\r\n/);
    assert.match(coloured, /\rESC KESC 1mENDPOINT/, "the bar is wiped before the table");
    assert.match(coloured, /14 tried: 0 SunSpec devices, 14 refused\r\n$/);
    const plain = await onTerminal(scan, { NO_COLOR: "1" });
    assert.doesNotMatch(plain, /ESC/);
    assert.match(plain, /^ENDPOINT .*\r\n14 tried: 0 SunSpec devices, 14 refused\r\n$/);
  },
});

Deno.test({
  name: `collect stops in order when the terminal goes that it was started at${unless}`,
  ignore: !hasTerminal,
  async fn() {
    using folder = temporaryFolder();
    const { path: cwd } = folder;
    const sets = [`devices=${loopbackNet()}.1`, "metrics.port=0"];
    const options = sets.map((set) => `--set ${set}`).join(" ");
    const words = `exec ${Deno.execPath()} run -A ${MAIN} collect ${options} 2> told`;
    const command = ["script", "-qec", words, "/dev/null"] as const;
    await using terminal = start([], { cwd, command });
    await Deno.writeTextFile(`${cwd}/told`, "");
    const told = () => Deno.readTextFileSync(`${cwd}/told`);
    await eventually("it collects", () => told().includes("metrics are served"));
    terminal.kill("SIGKILL");
    await eventually("it has stopped", () => told().includes("stopped: devices 1"), told);
  },
});
