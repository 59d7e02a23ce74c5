/** What `deno compile` makes programs for, and how their files begin. */
interface TargetFacts {
  /** As `Deno.build.arch` calls it, where a Linux here or an emulator may run it. */
  readonly linux?: "x86_64" | "aarch64";
  /** Behind the name. */
  readonly suffix: string;
  /** The first bytes of its programs in hexadecimal digits, and `..` for any byte. */
  readonly head: string;
}

const ELF = "7f454c460201" + "..".repeat(12);

/** Each target by its triple. Heads: ELF-64 (e_machine), Mach-O (cputype), PE (its DOS header). */
export const TARGETS: Readonly<Record<string, TargetFacts>> = {
  "x86_64-unknown-linux-gnu": { linux: "x86_64", suffix: "", head: `${ELF}3e00` },
  "aarch64-unknown-linux-gnu": { linux: "aarch64", suffix: "", head: `${ELF}b700` },
  "x86_64-apple-darwin": { suffix: "", head: "cffaedfe07000001" },
  "aarch64-apple-darwin": { suffix: "", head: "cffaedfe0c000001" },
  "x86_64-pc-windows-msvc": { suffix: ".exe", head: "4d5a" },
};

/**
 * The targets that are meant.
 *
 * @param word a triple, or `all`
 * @returns undefined when it is neither
 */
export function targetsOf(word: string): readonly string[] | undefined {
  if (word === "all") return Object.keys(TARGETS);
  return Object.hasOwn(TARGETS, word) ? [word] : undefined;
}

/** Whether a file begins as a program for that target does. */
export async function isProgramFor(target: string, file: string): Promise<boolean> {
  const { head = "" } = TARGETS[target] ?? {};
  using opened = await Deno.open(file);
  const bytes = new Uint8Array(head.length / 2);
  await opened.read(bytes);
  return new RegExp(`^${head}$`).test(bytes.toHex());
}
