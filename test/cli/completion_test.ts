import assert from "node:assert/strict";
import { commands } from "../../commands/mod.ts";
import { main } from "../../lib/cli/mod.ts";
import { run, temporaryFolder } from "../program.ts";
import { captureIo } from "./captured_io.ts";

const program = { version: "1.2.3", commands, namesSerialPort: () => false };

/** What bash is offered for the last of the words. */
async function offered(...words: readonly string[]): Promise<string[]> {
  const io = captureIo({});
  assert.equal(await main(program, ["completion", "bash", ...words], io), 0, io.told);
  return io.written.split("\n").filter((word) => word !== "").sort();
}

Deno.test("what a shell is offered begins with what is typed", async () => {
  for (
    const [words, want] of [
      [["sca"], ["scan"]],
      [["co"], ["collect", "completion", "config"]],
      [["help", "exit"], ["exit-codes"]],
      [["completion", ""], ["bash", "fish", "zsh"]],
      [["read", "--ra"], ["--raw"]],
      [["read", "--format", "nd"], ["ndjson"]],
      [["read", "192.0.2.1", "inverter_t"], ["inverter_three_phase", "inverter_three_phase_float"]],
      [["read", "192.0.2.1", "103.PhV"], ["103.PhVphA", "103.PhVphB", "103.PhVphC"]],
      [["models", "show", "160"], ["160"]],
      // Not where an endpoint, an action or the text of an option is wanted.
      [["read", "10"], []],
      [["models", "s"], ["show"]],
      [["read", "192.0.2.1", "--format", ""], ["csv", "json", "ndjson", "table"]],
      [["nothing", "x"], []],
    ] as const
  ) {
    assert.deepEqual(await offered(...words), want, words.join(" "));
  }
});

Deno.test("where a file is wanted, the shell is asked to offer its own", async () => {
  for (
    const words of [
      ["decode", "re"],
      ["verify", ""],
      ["collect", "--config", "si"],
      ["read", "192.0.2.1", "--record", ""],
      ["drain", "--textfile", ""],
      ["systemd", "install", "--root", "mn"],
    ]
  ) {
    const asked = `__FILE__:any::${encodeURIComponent(words.at(-1) ?? "")}:0`;
    assert.deepEqual(await offered(...words), [asked], words.join(" "));
  }
});

Deno.test("a shell that is not known is refused", async () => {
  const io = captureIo({});
  assert.equal(await main(program, ["completion", "tcsh"], io), 2);
  assert.match(io.told, /Cannot complete for the shell "tcsh": use one of bash, zsh, fish/);
});

Deno.test("bash completes with the script that it is given", async () => {
  using folder = temporaryFolder();
  const cwd = folder.path;
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, out } = await run(["completion", shell], { cwd });
    assert.equal(code, 0);
    await Deno.writeTextFile(`${cwd}/sunspool.${shell}`, out);
  }
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const asked = `sunspool() { "${Deno.execPath()}" run -A --quiet "${main}" "$@"; }
. ./sunspool.bash
complete_last() {
  COMP_WORDS=(sunspool "$@"); COMP_CWORD=$#
  COMP_LINE="\${COMP_WORDS[*]}"; COMP_POINT=\${#COMP_LINE}
  $(complete -p sunspool | sed 's/.*-F \\([^ ]*\\).*/\\1/')
  printf '%s\\n' "\${COMPREPLY[@]}"
}
complete_last read 192.0.2.1 103.PhV; echo --; complete_last collect --config sunspool.f
`;
  const { code, out, err } = await run(["-c", asked], { cwd, command: ["bash"] });
  assert.equal(code, 0, err);
  const [points = "", files = ""] = out.split("--\n");
  assert.deepEqual(points.trim().split("\n").map((word) => word.trim()).sort(), [
    "103.PhVphA",
    "103.PhVphB",
    "103.PhVphC",
  ]);
  assert.equal(files.trim(), "sunspool.fish");
});
