import assert from "node:assert/strict";
import { ConfigError } from "../../lib/core/mod.ts";
import { readTls } from "../../lib/outputs/kafka/tls.ts";
import { readSecret } from "../../lib/secret.ts";
import { temporaryFolder } from "../program.ts";

const nowhere = { value: undefined, file: undefined, credential: "metrics_token" };

/** A file that only its owner may read. */
function secretFile(path: string, text: string, mode = 0o600): string {
  Deno.writeTextFileSync(path, text, { mode });
  Deno.chmodSync(path, mode);
  return path;
}

function withCredentials<T>(folder: string, job: () => T): T {
  const before = Deno.env.get("CREDENTIALS_DIRECTORY");
  Deno.env.set("CREDENTIALS_DIRECTORY", folder);
  try {
    return job();
  } finally {
    if (before === undefined) Deno.env.delete("CREDENTIALS_DIRECTORY");
    else Deno.env.set("CREDENTIALS_DIRECTORY", before);
  }
}

Deno.test("a secret comes from the environment, else its file, else systemd's credentials", () => {
  using folder = temporaryFolder();
  const file = secretFile(`${folder.path}/token`, "from the file\n");
  secretFile(`${folder.path}/metrics_token`, "from systemd\n", 0o400);
  withCredentials(folder.path, () => {
    assert.equal(readSecret({ ...nowhere, value: "from here", file }), "from here");
    assert.equal(readSecret({ ...nowhere, file }), "from the file");
    assert.equal(readSecret(nowhere), "from systemd");
    assert.equal(readSecret({ ...nowhere, credential: "another" }), undefined);
  });
});

Deno.test("without any source there is no secret", () => {
  assert.equal(readSecret(nowhere), undefined);
});

Deno.test("a secret file that others may read is refused, with what to do", () => {
  using folder = temporaryFolder();
  for (const mode of [0o644, 0o640, 0o604, 0o660]) {
    const file = secretFile(`${folder.path}/token-${mode.toString(8)}`, "hunter2", mode);
    assert.throws(() => readSecret({ ...nowhere, file }), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(
        error.message,
        `Cannot use secret file "${file}": others may read it; do: chmod 600 ${file}`,
      );
      return true;
    });
  }
});

Deno.test("a secret file that is missing, a folder or empty is refused by its name", () => {
  using folder = temporaryFolder();
  const closed = `${folder.path}/folder`;
  Deno.mkdirSync(closed, { mode: 0o700 });
  for (
    const [file, why] of [
      [`${folder.path}/missing`, /No such file/],
      [closed, /directory/],
      [secretFile(`${folder.path}/empty`, "\n"), /it is empty/],
    ] as const
  ) {
    assert.throws(() => readSecret({ ...nowhere, file }), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.ok(error.message.includes(`"${file}"`), error.message);
      assert.match(error.message, why);
      return true;
    });
  }
});

Deno.test("a private key that others may read is refused as a password is", () => {
  using folder = temporaryFolder();
  const closed = secretFile(`${folder.path}/closed.pem`, "KEY\n");
  const open = secretFile(`${folder.path}/open.pem`, "KEY\n", 0o644);
  assert.deepEqual(readTls({ ca: undefined, cert: undefined, key: closed }), { key: "KEY\n" });
  assert.throws(() => readTls({ ca: undefined, cert: undefined, key: open }), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /open\.pem": others may read it; do: chmod 600 /);
    return true;
  });
});
