import { LAUNCH_WORDS, V8_FLAGS } from "../../../scripts/build/launch.ts";
import { DIST, ENTRY, PROGRAM, ROOT } from "../../../scripts/build/bundle.ts";

/** A form in which sunspool runs. */
export interface Form {
  /** `sunspool from source`. */
  readonly subject: string;
  /** What stands before its arguments. */
  readonly command: readonly string[];
}

const BUNDLED = `${PROGRAM}/${ENTRY}`;
const PACKAGED = `${DIST}/sunspool-linux-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}`;

const MAIN = `${ROOT}main.ts`;

/** As `deno task sunspool` calls it. */
export const FROM_SOURCE: readonly [string, ...string[]] = [
  Deno.execPath(),
  ...["run", "-A", "--no-prompt", "--quiet", V8_FLAGS, MAIN],
];

const FORMS: readonly (Form & { readonly needs: string })[] = [
  { subject: "sunspool from source", command: FROM_SOURCE, needs: MAIN },
  {
    subject: "sunspool bundled",
    command: [Deno.execPath(), ...LAUNCH_WORDS, BUNDLED],
    needs: BUNDLED,
  },
  { subject: "sunspool packaged", command: [PACKAGED], needs: PACKAGED },
];

/** From source; and what `deno task package` made, where it was run before. */
export function formsOfSunspool(): readonly Form[] {
  return FORMS.filter(({ needs }) => isThere(needs));
}

/** A program of the floor, with its arguments. */
export function floorProgram(name: string, ...args: readonly string[]): readonly string[] {
  return [Deno.execPath(), "run", "-A", "--quiet", `${ROOT}test/bench/floor/${name}.ts`, ...args];
}

/** A program of a peer. */
export function peerProgram(python: string, name: string, ...args: readonly string[]) {
  return [python, `${ROOT}test/bench/peers/${name}.py`, ...args];
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
