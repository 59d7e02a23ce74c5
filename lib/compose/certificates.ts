import { allSettings, type Config, settings } from "../config/mod.ts";
import { readCertificates, type TlsCertificates } from "../modbus/mod.ts";

const known = new WeakMap<Config, TlsCertificates>();

/**
 * The certificates for `tls://` devices, by the configuration; read once, while files may be read.
 *
 * @throws {ConfigError} when one cannot be used
 */
export function certificatesOf(config: Config): TlsCertificates {
  const { tlsCaFile, tlsCertFile, tlsKeyFile } = settings.modbus;
  const certificates = known.get(config) ?? readCertificates({
    ca: config.get(tlsCaFile),
    cert: config.get(tlsCertFile),
    key: config.get(tlsKeyFile),
  });
  known.set(config, certificates);
  return certificates;
}

/** When our own certificates end, in Unix seconds, by the key that names the file of each. */
export function certificateEnds(config: Config): Readonly<Record<string, number>> {
  const ends: Record<string, number> = {};
  for (const setting of allSettings) {
    const path = setting.key.endsWith("tls.cert_file") ? config.get(setting) : undefined;
    const end = typeof path === "string" ? endOf(path) : undefined;
    if (end !== undefined) ends[setting.key] = end;
  }
  return ends;
}

/** That of the first in the file: ours, before those that vouch for it. */
function endOf(path: string): number | undefined {
  try {
    const { X509Certificate } = globalThis.process.getBuiltinModule("node:crypto");
    return Date.parse(new X509Certificate(Deno.readTextFileSync(path)).validTo) / 1000;
  } catch {
    // Whoever uses it says what is wrong with it.
    return undefined;
  }
}
