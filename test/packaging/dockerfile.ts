/**
 * Carries a Dockerfile out by hand, in a root folder, where there is no container engine. It knows
 * the instructions and flags of ours, and fails on any other: it must not pass over what it does not
 * do.
 *
 * @module
 */
import { runOrThrow } from "../../scripts/services.ts";

/** What a Dockerfile makes, its files aside. */
export interface Image {
  readonly env: Readonly<Record<string, string>>;
  readonly workingFolder: string;
  readonly volumes: readonly string[];
  /** User and group, as numbers. */
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
}

/** Where a Dockerfile is carried out. */
export interface Site {
  /** What `FROM` is to be. */
  readonly base: string;
  /** The folder that holds the files of `base`, and then those of the image. */
  readonly root: string;
  /** The folder that a builder is given. */
  readonly context: string;
  /** What a builder tells by itself, such as `TARGETARCH`. */
  readonly told: Readonly<Record<string, string>>;
}

type Draft = { -readonly [Key in keyof Image]: Image[Key] } & { args: Record<string, string> };
type Words = Readonly<Record<string, string>>;

/** Each instruction: what it does with its flags and its words. */
const INSTRUCTIONS: Readonly<
  Record<string, (draft: Draft, rest: string, flags: Words, site: Site) => Promise<void> | void>
> = {
  FROM(_, rest, flags, { base }) {
    if (rest !== base || Object.keys(flags).length > 0) throw new Error(`it is not "${base}"`);
  },
  ARG(draft, name, _flags, { told }) {
    const value = told[name];
    if (value === undefined) throw new Error("no builder tells it");
    draft.args[name] = value;
  },
  ENV(draft, rest) {
    const [, name = "", value = ""] = /^(\w+)=([\w./-]+)$/.exec(rest) ?? [];
    if (name === "") throw new Error("write it as NAME=value");
    draft.env = { ...draft.env, [name]: value };
  },
  async RUN({ args, env }, rest, { mount, ...flags }, { root, context }) {
    refuse(flags);
    const [, target] = /^type=bind,target=(\/\w+)$/.exec(mount ?? "") ?? [];
    if (mount !== undefined && target === undefined) throw new Error(`the mount "${mount}"`);
    if (target !== undefined) await runOrThrow("mkdir", [root + target]);
    // In a name space of its own nothing stays mounted.
    const script = [
      ...target === undefined ? [] : ['mount --bind -o ro "$CONTEXT" "$ROOT$TARGET"'],
      'exec chroot "$ROOT" env -i "$@"',
    ].join(" && ");
    await runOrThrow("env", [
      ...[`ROOT=${root}`, `CONTEXT=${context}`, `TARGET=${target}`],
      ...["unshare", "--mount", "sh", "-c", script, "sh"],
      ...assignments({ PATH, ...args, ...env }),
      ...["sh", "-c", rest],
    ]);
    if (target !== undefined) await Deno.remove(root + target);
  },
  async WORKDIR(draft, rest, _flags, { root }) {
    await runOrThrow("mkdir", ["-p", root + rest]);
    draft.workingFolder = rest;
  },
  VOLUME(draft, rest) {
    draft.volumes = [...draft.volumes, rest];
  },
  USER(draft, rest) {
    // Kubernetes' runAsNonRoot believes numbers only.
    if (!/^\d+:\d+$/.test(rest)) throw new Error("user and group must be numbers");
    draft.user = rest;
  },
  HEALTHCHECK(draft, rest, { "start-period": _, ...flags }) {
    refuse(flags);
    const [, words] = /^CMD (.*)$/.exec(rest) ?? [];
    draft.healthCheck = wordsOf(words);
  },
  ENTRYPOINT: (draft, rest) => void (draft.entrypoint = wordsOf(rest)),
  CMD: (draft, rest) => void (draft.command = wordsOf(rest)),
};

/** The PATH of the base image. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Carries out each instruction in turn. Needs root. */
export async function carryOut(text: string, site: Site): Promise<Image> {
  const draft: Draft = {
    ...{ env: { PATH }, args: {}, workingFolder: "/", volumes: [], user: "0:0" },
    ...{ entrypoint: [], command: [], healthCheck: [] },
  };
  for (const line of linesOf(text)) {
    const [, name = "", flagText = "", rest = ""] =
      /^([A-Z]+)\s+((?:--\S+\s+)*)([^]*)$/.exec(line) ?? [];
    const instruction = INSTRUCTIONS[name];
    try {
      if (instruction === undefined) throw new Error("nobody does this instruction here");
      await instruction(draft, rest, flagsOf(flagText), site);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`Cannot carry out "${line}": ${why}`, { cause });
    }
  }
  const { args: _, ...image } = draft;
  return image;
}

/** Variables as `env` takes them. */
export function assignments(env: Words): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

/** Instructions without comments, each one line: a backslash at the end of a line goes on. */
function linesOf(text: string): string[] {
  return text.replaceAll(/^\s*#.*\n/gm, "").replaceAll(/\\\n\s*/g, "").split("\n").filter(Boolean);
}

function flagsOf(text: string): Words {
  return Object.fromEntries(
    [...text.matchAll(/--([\w-]+)=(\S+)/g)].map(([, name = "", value = ""]) => [name, value]),
  );
}

function refuse(flags: Words): void {
  const [name] = Object.keys(flags);
  if (name !== undefined) throw new Error(`nobody does the flag "${name}" here`);
}

/** The form without a shell: a JSON array of words. */
function wordsOf(text = ""): readonly string[] {
  const words: unknown = JSON.parse(text);
  if (Array.isArray(words) && words.every((word) => typeof word === "string")) return words;
  throw new Error("write it as an array of words");
}
