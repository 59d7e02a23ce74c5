import assert from "node:assert/strict";
import { makeAuthority } from "../../scripts/services/certificates.ts";
import { ConfigError, TransportError } from "../../lib/core/mod.ts";
import { readCertificates, serveModbus, Sessions, type TlsFiles } from "../../lib/modbus/mod.ts";
import { freePort, temporaryFolder } from "../program.ts";
import { serviceTest } from "../services.ts";
import { forever, OPTIONS, REQUEST } from "./loopback_sessions.ts";
import { fromHex } from "./hex.ts";

const HOST = "127.0.0.1";
const RETRIES = 2;
/** Enough to connect in, on a busy machine. */
const SILENT_MS = 250;
const handler = () => fromHex("000B 000C");

/** What one read over TLS gives: the registers in hex, or fault and message. */
async function read(files: Partial<TlsFiles>, port: number, host = HOST): Promise<string> {
  const tls = readCertificates({ ca: undefined, cert: undefined, key: undefined, ...files });
  using sessions = new Sessions({ ...OPTIONS, tls });
  const seen: string[] = [];
  const session = sessions.get({ scheme: "tls", host, port });
  const transport = session.unit(1, {
    retryCount: RETRIES,
    observe: (result) => seen.push(result),
  });
  try {
    return (await transport.readRegisters(REQUEST, forever)).toHex();
  } catch (error) {
    assert.ok(error instanceof TransportError, String(error));
    // Trying again does not make a certificate better.
    if (error.fault === "denied") assert.equal(seen.indexOf("denied"), seen.length - 1);
    return `${error.fault}: ${error.message.replaceAll(`:${port}`, "")}`;
  }
}

serviceTest("a server is verified before anything is read from it", ["openssl"], async () => {
  using folder = temporaryFolder();
  const authority = await makeAuthority(folder.path);
  const ca = authority.caFile;
  const connecting = `denied: Cannot connect to "tls://${HOST}": the server's certificate`;
  for (
    const [use, days, trusted, want] of [
      ["server", 30, ca, "000b000c"],
      [
        "server",
        30,
        undefined,
        `denied: Cannot connect to "tls://${HOST}": no CA that we trust has signed the server's ` +
        "certificate; set modbus.tls.ca_file",
      ],
      ["server", -1, ca, `${connecting} has expired`],
      ["elsewhere", 30, ca, `${connecting} is not for "${HOST}"; use a name that it is for`],
    ] as const
  ) {
    const { certFile, keyFile } = await authority.issue("server", use, days);
    const certificate = {
      cert: await Deno.readTextFile(certFile),
      key: await Deno.readTextFile(keyFile),
    };
    await using server = serveModbus(
      { hostname: HOST, port: 0, scheme: "tls", certificate },
      handler,
    );
    assert.equal(await read({ ca: trusted }, server.port), want);
  }
});

serviceTest("a name of the certificate is as good as its address", ["openssl"], async () => {
  using folder = temporaryFolder();
  const authority = await makeAuthority(folder.path);
  const { certFile, keyFile } = await authority.issue("server", "server");
  const certificate = {
    cert: await Deno.readTextFile(certFile),
    key: await Deno.readTextFile(keyFile),
  };
  const place = { hostname: HOST, port: 0, scheme: "tls", certificate } as const;
  await using server = serveModbus(place, handler);
  assert.equal(await read({ ca: authority.caFile }, server.port, "localhost"), "000b000c");
});

serviceTest(
  "servers that want to know who we are, over both versions of TLS, by OpenSSL",
  ["openssl", "socat"],
  async ({ socat }, t) => {
    using folder = temporaryFolder();
    const authority = await makeAuthority(folder.path);
    const ca = authority.caFile;
    const server = await authority.issue("server", "server");
    const client = await authority.issue("client", "client");
    await Deno.mkdir(`${folder.path}/other`);
    const other = await (await makeAuthority(`${folder.path}/other`)).issue("client", "client");
    await using modbus = serveModbus({ hostname: HOST, port: 0 }, handler);
    const me = { ca, cert: client.certFile, key: client.keyFile };
    const stranger = { ca, cert: other.certFile, key: other.keyFile };
    const wants = "the server wants to know who we are; set modbus.tls.cert_file and " +
      "modbus.tls.key_file";
    const refused = "the server refused our certificate; look at modbus.tls.cert_file";
    // With TLS 1.3 the refusal comes after the handshake.
    const [connect, read13] = ["connect to", "read from"].map((doing) =>
      `denied: Cannot ${doing} "tls://${HOST}":`
    );
    for (
      const [version, files, want] of [
        ["TLS1.2", me, "000b000c"],
        ["TLS1.3", me, "000b000c"],
        ["TLS1.2", { ca }, `${connect} ${wants} (HandshakeFailure)`],
        ["TLS1.3", { ca }, `${read13} ${wants} (CertificateRequired)`],
        ["TLS1.2", stranger, `${connect} ${refused} (UnknownCA)`],
        ["TLS1.3", stranger, `${read13} ${refused} (UnknownCA)`],
      ] as const
    ) {
      await t.step(`${version}: ${want}`, async () => {
        const port = freePort(HOST);
        const listen = [
          `OPENSSL-LISTEN:${port}`,
          `bind=${HOST},fork,reuseaddr,verify=1`,
          `cert=${server.certFile},key=${server.keyFile},cafile=${ca}`,
          `openssl-min-proto-version=${version},openssl-max-proto-version=${version}`,
        ].join(",");
        await using _gateway = await startSocat(socat, listen, `TCP:${HOST}:${modbus.port}`);
        let said = await read(files, port);
        // A server may be gone before our last words reach it, and its own go unheard.
        for (let i = 0; i < 5 && GONE.test(said); i++) said = await read(files, port);
        assert.equal(said, want);
      });
    }
  },
);

const GONE = /broken pipe|connection reset/i;

/** Socat that forwards; given once it listens. */
async function startSocat(socat: string, listen: string, target: string) {
  const child = new Deno.Command(socat, {
    args: ["-d", "-d", listen, target],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  const said = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      if (text.includes("listening on")) resolve();
    }
    resolve();
  })();
  await listening;
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await Promise.all([child.status, said]);
    },
  };
}

Deno.test("a server that never answers a handshake is given up, and asked rarely at last", async () => {
  using silent = Deno.listen({ hostname: HOST, port: 0 });
  const { port } = silent.addr;
  using sessions = new Sessions({ ...OPTIONS, connectTimeoutMs: SILENT_MS });
  const endpoint = { scheme: "tls", host: HOST, port } as const;
  const failed = `Cannot connect to "tls://${HOST}:${port}":`;
  for (let i = 0; i < 8; i++) {
    await assert.rejects(sessions.get(endpoint).unit(1).readRegisters(REQUEST, forever), {
      message: `${failed} no answer within ${SILENT_MS} ms`,
    });
    sessions.drop(endpoint);
    (await silent.accept()).close();
  }
  await assert.rejects(sessions.get(endpoint).unit(1).readRegisters(REQUEST, forever), {
    message: `${failed} 8 handshakes in a row were left unanswered`,
  });
});

Deno.test("a server that speaks no TLS is told apart", async () => {
  using plain = Deno.listen({ hostname: HOST, port: 0 });
  const answering = (async () => {
    for (let i = 0; i <= RETRIES; i++) {
      using connection = await plain.accept();
      await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
      await connection.read(new Uint8Array(1024));
    }
  })();
  assert.equal(
    await read({}, plain.addr.port),
    `malformed: Cannot connect to "tls://${HOST}": it does not speak TLS there`,
  );
  await answering;
});

serviceTest("certificates that cannot be used are told at once", ["openssl"], async () => {
  using folder = temporaryFolder();
  const authority = await makeAuthority(folder.path);
  const { certFile: cert, keyFile: key } = await authority.issue("client", "client");
  const { keyFile: otherKey } = await authority.issue("other", "client");
  await Deno.writeTextFile(`${folder.path}/junk`, "no PEM\n", { mode: 0o600 });
  await Deno.writeTextFile(`${folder.path}/open.key`, await Deno.readTextFile(key), {
    mode: 0o640,
  });
  for (
    const [files, message] of [
      [{ ca: `${folder.path}/nowhere` }, /Cannot use certificate file ".*": No such file/],
      [{ ca: `${folder.path}/junk` }, /Cannot use certificate file ".*": it holds no certificate/],
      [{ cert }, /cert_file and modbus.tls.key_file go together/],
      [{ key }, /cert_file and modbus.tls.key_file go together/],
      [{ cert, key: otherKey }, /other.key": it is not the key of the certificate in/],
      [{ cert, key: `${folder.path}/junk` }, /Cannot use key file ".*": it holds no private key/],
      [{ cert, key: `${folder.path}/open.key` }, /others may read it; do: chmod 600/],
    ] as const
  ) {
    assert.throws(
      () => readCertificates({ ca: undefined, cert: undefined, key: undefined, ...files }),
      (error) => error instanceof ConfigError && message.test(error.message),
      String(message),
    );
  }
  const { own } = readCertificates({ ca: undefined, cert, key });
  assert.match(own?.key ?? "", /PRIVATE KEY/);
});
