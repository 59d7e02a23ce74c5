import { findFile } from "./find.ts";

/** The environment, as far as it is asked here. */
interface Environment {
  env(name: string): string | undefined;
  envNames(): readonly string[];
}

/**
 * Whether the command line, the environment or the configuration file names a serial port. It is
 * asked before anything is parsed: what stays allowed depends on it.
 */
export function namesSerialPort(args: readonly string[], environment: Environment): boolean {
  const values = environment.envNames().filter((name) => name.startsWith("SUNSPEC_"))
    .map((name) => environment.env(name) ?? "");
  if ([...args, ...values].some((text) => text.includes("serial:"))) return true;
  const env = (name: string) => environment.env(name);
  const file = findFile({ file: namedFile(args), env });
  return file !== undefined && /["']serial:/.test(withoutComments(file));
}

/** What `--config` or `-c` names. */
function namedFile(args: readonly string[]): string | undefined {
  for (const [i, word] of args.entries()) {
    if (word === "--config" || word === "-c") return args[i + 1];
    if (word.startsWith("--config=")) return word.slice("--config=".length);
  }
  return undefined;
}

function withoutComments(file: string): string {
  try {
    return Deno.readTextFileSync(file).replaceAll(/^\s*#.*$/gm, "");
  } catch {
    // Told when the configuration is loaded.
    return "";
  }
}
