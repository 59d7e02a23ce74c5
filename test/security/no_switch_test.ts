import assert from "node:assert/strict";
import { allSettings } from "../../lib/config/mod.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** What turns the verification of a server off, in the libraries and the runtime that we use. */
const SWITCHES =
  /rejectUnauthorized:(?! true)|checkServerIdentity|unsafely-ignore-certificate|TLS_REJECT_UNAUTHORIZED(?!=0 in the environment would)/;

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
    if (isDirectory) yield* sources(`${folder}/${name}`);
    else if (/\.(ts|sh)$/.test(name)) yield `${folder}/${name}`;
  }
}

Deno.test("no setting turns the verification of a server off", () => {
  for (const { key, env, summary } of allSettings) {
    assert.doesNotMatch(
      `${key} ${env} ${summary}`,
      /insecure|unsafe|verif|skip|trust_all|self.?signed|ignore|check_host|allow_invalid/i,
    );
  }
});

Deno.test("nothing in the program or its builds turns it off", async () => {
  for (const folder of ["lib", "commands", "scripts"]) {
    for await (const path of sources(folder)) {
      const text = await Deno.readTextFile(ROOT + path);
      assert.doesNotMatch(text, SWITCHES, path);
    }
  }
});
