import { UsageError } from "../core/mod.ts";
import { errorText, EXIT_CODES, exitCodeOf } from "./exit.ts";
import { type Io, OutputClosed } from "./io.ts";
import { loadWithLibrary } from "./late_segmenter.ts";
import type { Manual } from "./manual.ts";
import { type Needs, surplusOf } from "./permissions.ts";
import { renderTable } from "./print.ts";

/** A command line with what it does. */
export type Example = readonly [commandLine: string, meaning: string];

/** What a shell may complete a word to: a text, or the files and folders that begin with a pattern. */
export type Offer =
  | { readonly kind: "literal"; readonly text: string }
  | {
    readonly kind: "file";
    readonly type: "file" | "directory" | "any";
    readonly pattern?: string;
  };

/** A subcommand, ready to be run with words. */
export interface Command {
  /** The word that calls it. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Shown at the end of its help. */
  readonly examples: readonly Example[];
  /** The permissions it needs; all others are given up before it runs. */
  readonly needs: Needs;
  /** Whether it opens devices: a serial port among them takes all permissions. */
  readonly opensDevices: boolean;
  /** What a user should know before using it. */
  readonly description: string;
  /** Its options and arguments, for manual pages. */
  manual(): Promise<Manual>;
  /** What a shell may offer for the last of the words after its name. */
  suggest(words: readonly string[]): Promise<readonly Offer[]>;
  /**
   * Takes the words after the command's name; gives the exit code.
   *
   * @throws {UsageError} when they are wrong
   */
  run(args: readonly string[], io: Io): Promise<number>;
}

/** A command in the list: loaded when it is called, so that each start pays for one only. */
export interface CommandEntry {
  /** The word that calls it. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Whether it ends in order at a signal, even at one that comes while it is being loaded. */
  readonly heedsSignals?: boolean;
  /** Whether it reads its configuration anew at SIGHUP, even at one that comes so early. */
  readonly reloads?: boolean;
  /** Loads it. */
  load(): Promise<Command>;
}

/** The program: what it is called, its version, its commands. */
export interface Program {
  /** As `--version` prints it. */
  readonly version: string;
  /** In the order of the help page. */
  readonly commands: readonly CommandEntry[];
  /** Whether a serial port is named somewhere; opening one takes all permissions that Deno has. */
  namesSerialPort(args: readonly string[], io: Io): boolean;
}

/** Runs the command that the words name; gives the exit code. Never throws. */
export async function main(program: Program, args: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(program, args, io);
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    io.err(errorText(error, isDebug(args, io)));
    return exitCodeOf(error);
  }
}

function isDebug(args: readonly string[], io: Io): boolean {
  const at = args.indexOf("--log-level");
  const level = args[at + 1] ?? "";
  return (at >= 0 && level === "debug") || args.includes("--log-level=debug") ||
    io.env("SUNSPEC_LOG_LEVEL") === "debug";
}

async function dispatch(program: Program, args: readonly string[], io: Io): Promise<number> {
  const [word, ...rest] = args;
  if (word === undefined) {
    io.err(overview(program));
    return exitCodeOf(new UsageError("no command"));
  }
  if (word === "--help" || word === "-h") return show(io, overview(program));
  if (word === "--version" || word === "-V") return show(io, `sunspool ${program.version}\n`);
  if (word === "help") return await help(program, rest, io);
  if (word === "completion") return await complete(program, rest, io);
  const command = await find(program, word, io);
  if (command.opensDevices && program.namesSerialPort(rest, io)) {
    return await command.run(rest, { ...io, giveUp() {} });
  }
  io.giveUp(surplusOf(command.needs));
  return await command.run(rest, io);
}

function show(io: Io, text: string): number {
  io.out(text);
  return 0;
}

async function complete(program: Program, args: readonly string[], io: Io): Promise<number> {
  // Scripts and most questions for words end here: the machinery is loaded for them alone.
  const { completion, SHELLS } = await loadWithLibrary(() => import("./completion.ts"));
  io.giveUp(surplusOf({ read: "always" }));
  const names = program.commands.map(({ name }) => name);
  const builtIn = { help: [...names, ...Object.keys(TOPICS)], completion: Object.keys(SHELLS) };
  await completion(program, builtIn, args, io);
  return 0;
}

const OWN_HELP: readonly string[] = ["help", "--help", "-h"];

async function help(program: Program, [topic]: readonly string[], io: Io): Promise<number> {
  if (topic === undefined || OWN_HELP.includes(topic)) return show(io, overview(program));
  if (topic === "completion") return await complete(program, ["--help"], io);
  const text = TOPICS[topic];
  if (text !== undefined) return show(io, text());
  return await (await find(program, topic, io)).run(["--help"], io);
}

async function find({ commands }: Program, word: string, io: Io): Promise<Command> {
  const entry = commands.find(({ name }) => name === word);
  if (entry?.heedsSignals) io.heedSignals(entry.reloads ?? false);
  if (entry) return await entry.load();
  throw new UsageError(`There is no command "${word}"; ${await hint(word, commands)}`);
}

async function hint(word: string, commands: readonly CommandEntry[]): Promise<string> {
  const { findSimilar } = await loadWithLibrary(() => import("@optique/core/suggestion"));
  const [command] = findSimilar(word, commands.map(({ name }) => name));
  if (command !== undefined) return `did you mean: sunspool ${command}?`;
  const [own] = findSimilar(word, ["help", "completion", "--help", "--version"]);
  if (own !== undefined) return `did you mean: sunspool ${own}?`;
  const [topic] = findSimilar(word, Object.keys(TOPICS));
  return topic === undefined ? "try: sunspool --help" : `did you mean: sunspool help ${topic}?`;
}

function overview({ version, commands }: Program): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    `sunspool ${version}: finds solar and energy devices, reads them, keeps every reading, delivers`,
    "each one exactly once",
    "",
    "Usage: sunspool COMMAND [OPTION…]",
    "",
    ...lines,
    "",
    "  sunspool COMMAND --help    options and examples of a command",
    `  sunspool help TOPIC        ${Object.keys(TOPICS).join(", ")}`,
    "  sunspool completion SHELL  what bash, zsh or fish needs to complete words",
    "",
  ].join("\n");
}

const ENDPOINTS = `An endpoint is where a device is reached:

  HOST  HOST:PORT  [v6]:PORT          Modbus TCP, port 502 when left out
  tcp://HOST:PORT                     the same
  tls://HOST:PORT                     Modbus/TCP Security, port 802 when left out
  rtu+tcp://HOST:PORT                 RTU frames over TCP
  serial:/dev/ttyUSB0?baud=9600&parity=none&stop=1

Unit ids (--unit) are 1, 1,3,126, 1-10, or auto. When a device answers but has no SunSpec map, try
126, or the id shown on its display plus 123 (SMA), 71 (Kostal), 200–204 or 240–244 (Fronius meters).
With auto, and more than eight ids, an endpoint is searched: one try each, for --within at most.
`;

const TOPICS: Readonly<Record<string, () => string>> = {
  "exit-codes": () =>
    renderTable({
      columns: ["code", "meaning"],
      rows: EXIT_CODES.map(([code, meaning]) => [String(code), meaning]),
    }, false),
  endpoints: () => ENDPOINTS,
};
