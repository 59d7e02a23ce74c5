import { type Config, settings } from "../config/mod.ts";
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
