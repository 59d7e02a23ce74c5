import { runOrThrow } from "./run.ts";

/** PEM files of a broker that nobody but its clients knows. */
export interface Certificates {
  /** What a client trusts. */
  readonly caFile: string;
  /** The server's key and chain, as Kafka reads them from a `PEM` key store. */
  readonly keystoreFile: string;
}

/** An own file, so that the system's defaults (which differ) play no part. */
const CONFIG = `
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1
keyUsage = digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`;

/** Makes a new CA and a certificate of it for localhost and 127.0.0.1, valid for a month. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const at = (name: string) => `${folder}/${name}`;
  const openssl = (words: string, ...rest: readonly string[]) =>
    runOrThrow("openssl", [...words.split(" "), ...rest]);
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

  const config = at("openssl.cnf");
  await Deno.writeTextFile(config, CONFIG);
  const ca = ["-config", config, "-keyout", at("ca.key"), "-out", at("ca.pem")];
  await openssl(`req -x509 -days 30 ${newKey} -extensions ca -subj`, "/CN=sunspool test CA", ...ca);
  const request = ["-config", config, "-keyout", at("server.key"), "-out", at("server.csr")];
  await openssl(`req ${newKey} -subj /CN=localhost`, ...request);
  const issuer = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-extfile", config];
  const server = ["-in", at("server.csr"), "-out", at("server.crt")];
  await openssl("x509 -req -days 30 -CAcreateserial -extensions server", ...issuer, ...server);

  const parts = await Promise.all(
    ["server.key", "server.crt", "ca.pem"].map((name) => Deno.readTextFile(at(name))),
  );
  await Deno.writeTextFile(at("server.pem"), parts.join(""));
  return { caFile: at("ca.pem"), keystoreFile: at("server.pem") };
}
