import assert from "node:assert/strict";
import { commands } from "../../commands/mod.ts";
import { type Command, type Io, main, OutputClosed } from "../../lib/cli/mod.ts";
import { ConfigError } from "../../lib/core/mod.ts";
import { assertGolden } from "../golden.ts";
import { captureIo } from "./captured_io.ts";

const program = { version: "1.2.3", commands, namesSerialPort: () => false };

async function called(args: readonly string[], given: Parameters<typeof captureIo>[0] = {}) {
  const io = captureIo(given);
  const code = await main(program, args, io);
  return { code, out: io.written, err: io.told };
}

/** A program with one command, `fail`, that does what is given. */
async function failing(run: (io: Io) => Promise<number>, args: readonly string[], env = {}) {
  const command: Command = {
    name: "fail",
    summary: "Fails",
    examples: [],
    needs: {},
    opensDevices: false,
    description: "",
    manual: () => Promise.resolve({ usage: "", sections: [] }),
    suggest: () => Promise.resolve([]),
    run: (_args, io) => run(io),
  };
  const entry = { ...command, load: () => Promise.resolve(command) };
  const io = captureIo({ env });
  const code = await main({ ...program, commands: [entry] }, ["fail", ...args], io);
  return { code, out: io.written, err: io.told };
}

Deno.test("every help page is what it was, and lists the command's examples", async (t) => {
  const page = async (args: readonly string[], name: string) => {
    await t.step(args.join(" "), async () => {
      const { code, out, err } = await called(args);
      assert.deepEqual([code, err], [0, ""]);
      await assertGolden(import.meta, `${name}.txt`, out);
    });
  };
  await page(["--help"], "help");
  await page(["help", "exit-codes"], "help-exit-codes");
  await page(["help", "endpoints"], "help-endpoints");
  for (const { name, summary } of commands) {
    await page([name, "--help"], `help-${name}`);
    const { out } = await called([name, "--help"]);
    assert.ok(out.startsWith(`${summary}\nUsage: sunspool ${name}`), out);
    assert.match(out, new RegExp(`^ {2}.*sunspool ${name}`, "m"));
  }
});

Deno.test("there are several ways to ask for help and for the version", async () => {
  const [help, page] = [await called(["--help"]), await called(["read", "--help"])];
  assert.deepEqual(await called(["-h"]), help);
  assert.deepEqual(await called(["help"]), help);
  for (const word of ["help", "--help", "-h"]) {
    assert.deepEqual(await called(["help", word]), help);
  }
  const completion = await called(["completion", "--help"]);
  assert.match(completion.out, /^Usage: sunspool completion/m);
  assert.deepEqual(await called(["help", "completion"]), completion);
  assert.deepEqual(await called(["help", "read"]), page);
  assert.deepEqual(await called(["read", "-h"]), page);
  assert.deepEqual(await called(["read", "127.0.0.1", "--help"]), page);
  for (const flag of ["--version", "-V"]) {
    assert.deepEqual(await called([flag]), { code: 0, out: "sunspool 1.2.3\n", err: "" });
  }
});

Deno.test("without a command the commands are told, as wrong usage", async () => {
  const { code, out, err } = await called([]);
  assert.deepEqual([code, out], [2, ""]);
  assert.equal(err, (await called(["--help"])).out);
});

Deno.test("help is coloured on a terminal only", async () => {
  const escape = "\u001b[";
  assert.ok(!(await called(["read", "--help"])).out.includes(escape));
  assert.ok((await called(["read", "--help"], { isTerminal: true })).out.includes(escape));
});

Deno.test("wrong words are one or two lines on standard error, exit code 2", async () => {
  const page = (name: string) => `\ntry: sunspool ${name} --help`;
  for (
    const [words, want] of [
      ["reed", 'There is no command "reed"; did you mean: sunspool read?'],
      ["discovr x", 'There is no command "discovr"; did you mean: sunspool discover?'],
      ["--verison", 'There is no command "--verison"; did you mean: sunspool --version?'],
      ["xyz", 'There is no command "xyz"; try: sunspool --help'],
      ["help reed", 'There is no command "reed"; did you mean: sunspool read?'],
      ["help endpoint", 'There is no command "endpoint"; did you mean: sunspool help endpoints?'],
      [
        "read",
        `Missing ENDPOINT, as in: 192.168.1.20 or 192.168.1.20:1502${page("read")}`,
      ],
      ["config", `Missing ACTION: check, print or schema${page("config")}`],
      ["models", `Missing ACTION: list or show${page("models")}`],
      ["models show", "Name the model to show, as in: sunspool models show 103"],
      [
        "decode",
        `Missing FILE, as in: readings/*.avro, or - for standard input${page("decode")}`,
      ],
      [
        "read 127.0.0.1 --uint 3",
        `Unexpected option or argument: "--uint". Did you mean one of these? --unit --set${
          page("read")
        }`,
      ],
      ["read 127.0.0.1 --unit", `--unit requires UNITS.${page("read")}`],
      [
        "read 127.0.0.1 --unit 300",
        `--unit/-u: Cannot use unit ids "300": write 1, 1,3,126, 1-10 or auto, each within 0–255${
          page("read")
        }`,
      ],
      [
        "read 127.0.0.1 --format xml",
        `--format/-f: Expected one of "table", "json", "ndjson", and "csv", but got "xml".${
          page("read")
        }`,
      ],
      [
        "read 127.0.0.1 --timeout 5m",
        `--timeout: "5m" is no time: write 500, 500ms or 2s${page("read")}`,
      ],
      [
        "read 127.0.0.1:0",
        `ENDPOINT: Cannot use endpoint "127.0.0.1:0": port 0 is not within 1–65535${page("read")}`,
      ],
      ["scan", "No addresses to scan, as in: sunspool scan 192.168.1.0/24"],
      [
        "scan 10.0.0.0/8",
        "Cannot scan 16777214 addresses: more than 1024 only with --force, as a slip is costly",
      ],
      [
        "scan 10.0.0.0/33",
        'Cannot use addresses "10.0.0.0/33": the prefix length is not within 0–32; write ' +
        "192.0.2.0/24, 192.0.2.10-20, 192.0.2.10-192.0.3.5, an address or a host name",
      ],
      [
        "scan --port 0 127.0.0.1",
        `--port: Expected a value greater than or equal to 1, but got "0".${page("scan")}`,
      ],
      [
        "version --set a",
        `Unexpected option or argument: "--set".${page("version")}`,
      ],
      ["config check --set a", 'Cannot use --set "a": write --set section.key=value'],
    ] as const
  ) {
    const { code, out, err } = await called(words.split(" "));
    assert.deepEqual([code, out, err], [2, "", `error: ${want}\n`]);
    assert.ok(err.trimEnd().split("\n").length <= 2);
  }
});

Deno.test("a stack is shown with --log-level debug only", async () => {
  const run = () => Promise.reject(new ConfigError("It is wrong", { cause: new Error("why") }));
  const plain = { code: 78, out: "", err: "error: It is wrong\n" };
  assert.deepEqual(await failing(run, []), plain);
  assert.deepEqual(await failing(run, ["--log-level", "info"]), plain);
  for (
    const [args, env] of [
      [["--log-level", "debug"], {}],
      [["--log-level=debug"], {}],
      [[], { SUNSPEC_LOG_LEVEL: "debug" }],
    ] as const
  ) {
    const { code, err } = await failing(run, args, env);
    assert.equal(code, 78);
    assert.match(err, /^error: ConfigError: It is wrong\n +at [^]*caused by: error: Error: why\n/);
  }
});

Deno.test("whatever a command throws, the program ends with a code", async () => {
  for (
    const [thrown, code, told] of [
      [new Error("it broke"), 1, "error: it broke\n"],
      ["a text", 1, "error: a text\n"],
      [new OutputClosed("closed"), 0, ""],
    ] as const
  ) {
    const ended = await failing(() => Promise.reject(thrown), []);
    assert.deepEqual(ended, { code, out: "", err: told });
  }
  assert.equal((await failing(() => Promise.resolve(3), [])).code, 3);
});
