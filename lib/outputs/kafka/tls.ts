import { ConfigError, messageOf } from "../../core/mod.ts";
import { readPrivateFile } from "../../secret.ts";

/** Whom to trust and who we are, as PEM texts. */
export interface Tls {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
}

/** The files of the same. */
export interface TlsFiles {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/**
 * Reads what the files hold.
 *
 * @throws {ConfigError} when one cannot be read, or others may read the private key
 */
export function readTls(files: TlsFiles): Tls {
  const [ca, cert] = [read(files.ca), read(files.cert)];
  const key = files.key === undefined ? undefined : readPrivateFile(files.key);
  return {
    ...(ca === undefined ? {} : { ca: [ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function read(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    throw new ConfigError(`Cannot read "${file}": ${messageOf(cause)}`, { cause });
  }
}
