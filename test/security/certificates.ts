import { runOrThrow } from "../../scripts/services/run.ts";

/** A server's certificate, as it should be but for one thing. */
export interface Certificate {
  /** PEM text of the chain. */
  readonly cert: string;
  /** PEM text of the private key. */
  readonly key: string;
}

/** What a server may show, and what a client should trust. */
export interface Certificates {
  /** Path of the authority that clients are told of. */
  readonly caFile: string;
  readonly good: Certificate;
  readonly expired: Certificate;
  readonly otherHost: Certificate;
  readonly selfSigned: Certificate;
  readonly otherAuthority: Certificate;
}

const NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
const LOCAL = "subjectAltName=DNS:localhost,IP:127.0.0.1";

/** Makes them all in a folder. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const at = (name: string) => `${folder}/${name}`;
  const openssl = (words: string, ...rest: readonly string[]) =>
    runOrThrow("openssl", [...words.split(" "), ...rest]);
  const authority = (name: string, extension: string) =>
    openssl(
      `req -x509 -days 30 ${NEW_KEY} -addext ${extension} -subj /CN=${name}`,
      ...["-keyout", at(`${name}.key`), "-out", at(`${name}.pem`)],
    );
  const read = async (name: string): Promise<Certificate> => ({
    cert: await Deno.readTextFile(at(`${name}.pem`)),
    key: await Deno.readTextFile(at(`${name}.key`)),
  });
  const issue = async (name: string, ca: string, names: string, days: string) => {
    const request = ["-keyout", at(`${name}.key`), "-out", at(`${name}.csr`)];
    await openssl(`req ${NEW_KEY} -subj /CN=${name}`, ...request);
    await Deno.writeTextFile(at(`${name}.ext`), `${names}\nextendedKeyUsage=serverAuth\n`);
    const files = ["-in", at(`${name}.csr`), "-out", at(`${name}.pem`)];
    const issuer = ["-CA", at(`${ca}.pem`), "-CAkey", at(`${ca}.key`), "-CAcreateserial"];
    await openssl(`x509 -req ${days}`, ...issuer, ...files, "-extfile", at(`${name}.ext`));
    return await read(name);
  };
  await authority("authority", "keyUsage=critical,keyCertSign");
  await authority("stranger", "keyUsage=critical,keyCertSign");
  await authority("alone", LOCAL);
  return {
    caFile: at("authority.pem"),
    good: await issue("good", "authority", LOCAL, "-days 30"),
    expired: await issue("expired", "authority", LOCAL, "-days -1"),
    otherHost: await issue("elsewhere", "authority", "subjectAltName=DNS:a.example", "-days 30"),
    selfSigned: await read("alone"),
    otherAuthority: await issue("foreign", "stranger", LOCAL, "-days 30"),
  };
}
