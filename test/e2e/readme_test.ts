import assert from "node:assert/strict";
import { run, temporaryFolder } from "../program.ts";

const ROOT = new URL("../../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));

Deno.test("the configuration file in the README can be used as it stands", async () => {
  using folder = temporaryFolder();
  const [, toml] = /```toml\n([^]*?)```/.exec(README) ?? [];
  assert.ok(toml, "the README has a TOML block");
  await Deno.writeTextFile(`${folder.path}/sunspool.toml`, toml);
  const { code, err } = await run(["config", "check", "--config", "sunspool.toml"], {
    cwd: folder.path,
  });
  assert.equal(code, 0, err);
});

Deno.test("every file and heading that the documents link to is there", async () => {
  const pages = ["README.md", ...await Array.fromAsync(markdownIn("docs"))];
  assert.ok(pages.length > 20);
  for (const page of pages) {
    const from = new URL(page, ROOT);
    const text = await Deno.readTextFile(from);
    for (const [, link = ""] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const target = new URL(link, from);
      const heading = decodeURIComponent(target.hash.slice(1));
      target.hash = "";
      const { isFile } = await Deno.stat(target).catch(() => assert.fail(`${page}: ${link}`));
      if (heading === "") continue;
      assert.ok(isFile && headingsOf(await Deno.readTextFile(target)).includes(heading), link);
    }
  }
});

async function* markdownIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) yield* markdownIn(`${folder}/${name}`);
    else if (name.endsWith(".md")) yield `${folder}/${name}`;
  }
}

/** As they are linked to: small letters, hyphens for blanks, nothing else but letters and digits. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) =>
    text.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}
