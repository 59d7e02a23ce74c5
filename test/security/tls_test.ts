import assert from "node:assert/strict";
import { serviceTest } from "../services.ts";
import { run, simulate, temporaryFolder } from "../program.ts";
import { type Certificate, makeCertificates } from "./certificates.ts";

/** A broker that says nothing but its certificate, and counts the bytes that clients trust it with. */
function broker({ cert, key }: Certificate) {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const heard = { bytes: 0 };
  const serving = (async () => {
    for await (const connection of connections(listener)) {
      try {
        heard.bytes += await connection.read(new Uint8Array(1024)) ?? 0;
      } catch {
        // The client refused us.
      } finally {
        connection.close();
      }
    }
  })();
  return {
    heard,
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

async function* connections(listener: Deno.TlsListener): AsyncGenerator<Deno.TlsConn> {
  for (;;) {
    try {
      yield await listener.accept();
    } catch {
      return;
    }
  }
}

serviceTest(
  "a broker that cannot prove who it is hears nothing from us, whatever the environment says",
  ["openssl"],
  async (_tools, t) => {
    using folder = temporaryFolder();
    const { path: cwd } = folder;
    const { caFile, ...servers } = await makeCertificates(cwd);
    await using devices = await simulate(["--models", "1,103"], { cwd });
    const stored = await run(["poll", devices.endpoints[0], "--buffer", "--count", "1"], { cwd });
    assert.equal(stored.code, 0, stored.err);
    const password = `${cwd}/password`;
    await Deno.writeTextFile(password, "canary-password\n", { mode: 0o600 });
    for (const [name, certificate] of Object.entries(servers)) {
      await t.step(name, async () => {
        await using server = broker(certificate);
        const toml = [
          "[kafka]",
          `brokers = ["localhost:${server.port}"]`,
          `tls.ca_file = "${caFile}"`,
          'sasl.mechanism = "plain"',
          'sasl.username = "roof-7"',
          `sasl.password_file = "${password}"`,
        ].join("\n");
        await Deno.writeTextFile(`${cwd}/drain.toml`, toml);
        const ended = await run(["drain", "--config", "drain.toml", "--give-up", "100ms"], {
          cwd,
          env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
        });
        assert.ok([4, 75].includes(ended.code), ended.err);
        assert.equal(server.heard.bytes > 0, name === "good", `${name}: ${ended.err}`);
      });
    }
  },
);
