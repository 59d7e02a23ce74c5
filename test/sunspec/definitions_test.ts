import assert from "node:assert/strict";
import { publishedModels } from "../../models/sunspec/mod.ts";
import { ConfigError } from "../../lib/core/mod.ts";
import { Definitions, loadDefinitions, parseDefinition } from "../../lib/sunspec/mod.ts";

Deno.test.sanitizer({ ops: true, resources: true });

function model(id: number, point: string) {
  const points = [{ name: "ID", type: "uint16" }, { name: "L", type: "uint16" }];
  return { id, group: { name: `own_${id}`, points: [...points, { name: point, type: "int16" }] } };
}

const XML = `<sunSpecModels><model id="64210" name="own_64210">
  <block><point id="A" type="int16"/></block></model></sunSpecModels>`;

Deno.test("definitions are loaded once, when they are asked for, the user's own first", async () => {
  let loads = 0;
  const published = new Map([[64_200, {
    name: "published",
    load() {
      loads++;
      return Promise.resolve({ default: model(64_200, "A") });
    },
  }], [64_201, {
    name: "broken",
    load: () => Promise.resolve({ default: { id: 64_201 } }),
  }]]);
  const bare = new Definitions(published);
  assert.equal(loads, 0);
  const [one, two] = await Promise.all([bare.get(64_200), bare.get(64_200)]);
  assert.ok(one && one === two);
  assert.equal(loads, 1);
  assert.equal(await bare.get(7), undefined);
  await assert.rejects(bare.get(64_201), ConfigError);
  const own = parseDefinition(model(64_200, "B"), "own.json");
  const both = new Definitions(published, [own]);
  assert.equal(await both.get(64_200), own);
  assert.equal(loads, 1);
  assert.deepEqual(both.list(), [
    { id: 64_200, name: "own_64200", own: true },
    { id: 64_201, name: "broken", own: false },
  ]);
});

/** Writes files into a folder that is gone with the scope. */
async function folderOf(files: { readonly [name: string]: string }) {
  const path = await Deno.makeTempDir({ prefix: "sunspool-models-" });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${path}/${name}`, text);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("a folder's JSON and SMDX files win over the published models", async () => {
  await using folder = await folderOf({
    "model_103.json": `\ufeff${JSON.stringify(model(103, "Own"))}\r\n`,
    "smdx_64210.xml": XML,
    "other.xml": "not a definition",
    "README.md": "nor this",
  });
  const definitions = await loadDefinitions(publishedModels, folder.path);
  const names = async (id: number) =>
    (await definitions.get(id))?.group.points.map(({ name }) => name);
  assert.deepEqual(await names(103), ["ID", "L", "Own"]);
  assert.deepEqual(await names(64_210), ["ID", "L", "A"]);
  assert.equal((await definitions.get(1))?.name, "common");
  assert.deepEqual(definitions.list().filter(({ own }) => own).map(({ id }) => id), [103, 64_210]);
  assert.equal(definitions.list().length, publishedModels.size + 1);
});

Deno.test("a folder that cannot be used is one clear configuration error", async (t) => {
  for (
    const [files, fault] of [
      [{ "a.json": "{" }, 'Cannot use model definition "FOLDER/a.json": not JSON'],
      [{ "a.json": "{}" }, 'Cannot use model definition "FOLDER/a.json": id: must be'],
      [{ "smdx_1.xml": "<a" }, 'Cannot use model definition "FOLDER/smdx_1.xml": not XML'],
      [
        { "a.json": JSON.stringify(model(64_210, "A")), "smdx_64210.xml": XML },
        'Cannot use model definition "FOLDER/smdx_64210.xml": "FOLDER/a.json" defines model 64210 too',
      ],
    ] as const
  ) {
    await t.step(fault, async () => {
      await using folder = await folderOf(files);
      await assert.rejects(
        loadDefinitions(publishedModels, folder.path),
        (error) =>
          error instanceof ConfigError &&
          error.message.replaceAll(folder.path, "FOLDER").startsWith(fault),
      );
    });
  }
  await t.step("no such folder", async () => {
    await assert.rejects(loadDefinitions(publishedModels, "/no/such/folder"), {
      name: "ConfigError",
      message: /^Cannot read models folder "\/no\/such\/folder": /,
    });
  });
  await t.step("a folder in the place of a file", async () => {
    await using folder = await folderOf({});
    await Deno.mkdir(`${folder.path}/a.json`);
    await assert.rejects(loadDefinitions(publishedModels, folder.path), ConfigError);
  });
});
