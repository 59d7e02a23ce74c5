import { ConfigError, messageOf } from "./core/mod.ts";

/** Where a secret may come from, in this order. */
export interface SecretSources {
  /** The value, when the environment holds it. */
  readonly value: string | undefined;
  /** A file that holds it. */
  readonly file: string | undefined;
  /** Its name among systemd's credentials. */
  readonly credential: string;
}

/**
 * Finds a secret; undefined when none of its sources has one.
 *
 * @throws {ConfigError} when its file cannot be read, is empty, or others can read it too
 */
export function readSecret({ value, file, credential }: SecretSources): string | undefined {
  if (value !== undefined) return value;
  if (file !== undefined) return readSecretFile(file);
  const folder = Deno.env.get("CREDENTIALS_DIRECTORY");
  if (folder === undefined) return undefined;
  try {
    return Deno.readTextFileSync(`${folder}/${credential}`).trimEnd();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function readSecretFile(file: string): string {
  const text = readPrivateFile(file).trimEnd();
  if (text !== "") return text;
  throw new ConfigError(`Cannot use secret file "${file}": it is empty`);
}

/**
 * Reads a file that only its owner may read: a password, a token, a private key.
 *
 * @throws {ConfigError} when it cannot be read, or others can read it too
 */
export function readPrivateFile(file: string): string {
  try {
    using handle = Deno.openSync(file);
    const { mode } = handle.statSync();
    if (mode !== null && (mode & 0o077) !== 0) {
      throw new ConfigError(
        `Cannot use secret file "${file}": others may read it; do: chmod 600 ${file}`,
      );
    }
    return readAll(handle);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`Cannot read secret file "${file}": ${messageOf(cause)}`, { cause });
  }
}

/** What was looked at is what is read, whatever the name stands for by now. */
function readAll(handle: Deno.FsFile): string {
  const decoder = new TextDecoder();
  const part = new Uint8Array(4096);
  let text = "";
  for (;;) {
    const length = handle.readSync(part);
    if (length === null) return text + decoder.decode();
    text += decoder.decode(part.subarray(0, length), { stream: true });
  }
}
