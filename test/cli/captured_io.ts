import type { Io, Permission } from "../../lib/cli/mod.ts";

/** An {@linkcode Io} that keeps what is written to it. */
export interface CapturedIo extends Io {
  /** Everything written to standard output. */
  readonly written: string;
  /** Everything written to standard error. */
  readonly told: string;
  /** Permissions given up, in order; none is really lost. */
  readonly givenUp: readonly Permission[];
}

/** No terminal, 80 columns, an empty environment; anything else can be given. */
export function captureIo(
  given: Partial<Omit<Io, "env">> & { readonly env?: Readonly<Record<string, string>> } = {},
): CapturedIo {
  const said = { out: "", err: "" };
  const givenUp: Permission[] = [];
  const { env = {}, ...rest } = given;
  return {
    out: (text) => said.out += text,
    err: (text) => said.err += text,
    isTerminal: false,
    isErrTerminal: false,
    isRoot: false,
    columns: 80,
    env: (name) => env[name],
    envNames: () => Object.keys(env),
    giveUp: (permissions) => givenUp.push(...permissions),
    givenUp,
    heedSignals() {},
    ...rest,
    get written() {
      return said.out;
    },
    get told() {
      return said.err;
    },
  };
}
