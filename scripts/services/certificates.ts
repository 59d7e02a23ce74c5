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
[elsewhere]
basicConstraints = CA:FALSE
subjectAltName = DNS:elsewhere.invalid
extendedKeyUsage = serverAuth
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
`;

/** What a certificate is for: a server on localhost, one elsewhere, or a client. */
export type CertificateUse = "server" | "elsewhere" | "client";

/** A CA that nobody knows but those who are told. */
export interface Authority {
  /** Its own certificate. */
  readonly caFile: string;
  /**
   * Makes a certificate.
   *
   * @param name of its files
   * @param days how long it is valid; -1 = it has expired
   */
  issue(name: string, use: CertificateUse, days?: number): Promise<IssuedFiles>;
}

/** A certificate and its key, as PEM files. */
export interface IssuedFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

const NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/** Makes a new CA, whose files and certificates lie in the folder. */
export async function makeAuthority(folder: string): Promise<Authority> {
  const at = (name: string) => `${folder}/${name}`;
  const openssl = (words: string, ...rest: readonly string[]) =>
    runOrThrow("openssl", [...words.split(" "), ...rest]);
  const config = at("openssl.cnf");
  await Deno.writeTextFile(config, CONFIG);
  const ca = ["-config", config, "-keyout", at("ca.key"), "-out", at("ca.pem")];
  await openssl(
    `req -x509 -days 30 ${NEW_KEY} -extensions ca -subj`,
    "/CN=sunspool test CA",
    ...ca,
  );
  return {
    caFile: at("ca.pem"),
    async issue(name, use, days = 30) {
      const [keyFile, certFile] = [at(`${name}.key`), at(`${name}.crt`)];
      const request = ["-config", config, "-keyout", keyFile, "-out", at(`${name}.csr`)];
      await openssl(`req ${NEW_KEY} -subj /CN=localhost`, ...request);
      const issuer = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-extfile", config];
      const files = ["-in", at(`${name}.csr`), "-out", certFile];
      await openssl(
        `x509 -req -days ${days} -CAcreateserial -extensions ${use}`,
        ...issuer,
        ...files,
      );
      return { certFile, keyFile };
    },
  };
}

/** Makes a new CA and a certificate of it for localhost and 127.0.0.1, valid for a month. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const authority = await makeAuthority(folder);
  const { certFile, keyFile } = await authority.issue("server", "server");
  const parts = await Promise.all(
    [keyFile, certFile, authority.caFile].map((file) => Deno.readTextFile(file)),
  );
  const keystoreFile = `${folder}/server.pem`;
  await Deno.writeTextFile(keystoreFile, parts.join(""));
  return { caFile: authority.caFile, keystoreFile };
}
