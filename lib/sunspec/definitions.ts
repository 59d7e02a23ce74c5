import { withoutByteOrderMark } from "../byte_order_mark.ts";
import { ConfigError, messageOf } from "../core/mod.ts";
import { definitionError, type ModelDefinition, parseDefinition } from "./definition.ts";

/** A published model: its name, and its definition in the SunSpec JSON form, loaded on demand. */
export interface PublishedModel {
  /** The name of its outermost group. */
  readonly name: string;
  /** Loads the definition in the SunSpec JSON form. */
  load(): Promise<{ readonly default: unknown }>;
}

/** Published models by id. */
export type PublishedModels = ReadonlyMap<number, PublishedModel>;

/** Model definitions by id: the user's own first, then the published ones, loaded when asked for. */
export class Definitions {
  readonly #published: PublishedModels;
  readonly #own: ReadonlyMap<number, ModelDefinition>;
  readonly #loaded = new Map<number, Promise<ModelDefinition | undefined>>();

  /** Takes the published models and the user's own; see {@linkcode loadDefinitions}. */
  constructor(published: PublishedModels, own: readonly ModelDefinition[] = []) {
    this.#published = published;
    this.#own = new Map(own.map((definition) => [definition.id, definition]));
  }

  /** The definition of a model, or undefined when nobody has published one. */
  get(id: number): Promise<ModelDefinition | undefined> {
    let loading = this.#loaded.get(id);
    if (!loading) {
      loading = this.#load(id);
      this.#loaded.set(id, loading);
    }
    return loading;
  }

  /** Id, name and origin of every model there is, by id. */
  list(): { readonly id: number; readonly name: string; readonly own: boolean }[] {
    const all = new Map<number, { id: number; name: string; own: boolean }>();
    for (const [id, { name }] of this.#published) all.set(id, { id, name, own: false });
    for (const [id, { name }] of this.#own) all.set(id, { id, name, own: true });
    return [...all.values()].sort((a, b) => a.id - b.id);
  }

  async #load(id: number): Promise<ModelDefinition | undefined> {
    const own = this.#own.get(id);
    if (own) return own;
    const published = this.#published.get(id);
    if (!published) return undefined;
    const { default: json } = await published.load();
    return parseDefinition(json, `model ${id}`);
  }
}

/**
 * Reads the user's own definitions from a folder: `*.json` in the SunSpec JSON form, `smdx_*.xml`.
 *
 * @throws {ConfigError} when the folder or a definition in it cannot be used
 */
export async function loadDefinitions(
  published: PublishedModels,
  folder: string | undefined,
): Promise<Definitions> {
  if (folder === undefined) return new Definitions(published);
  const own = new Map<number, { source: string; definition: ModelDefinition }>();
  for (const name of await fileNames(folder)) {
    const isXml = /^smdx_.*\.xml$/i.test(name);
    if (!isXml && !/\.json$/i.test(name)) continue;
    const source = `${folder}/${name}`;
    const text = await readText(source);
    const json = isXml ? await parseXml(text, source) : parseJson(text, source);
    const definition = parseDefinition(json, source);
    const twin = own.get(definition.id);
    if (twin) {
      throw new ConfigError(
        `Cannot use model definition "${source}": "${twin.source}" defines model ${definition.id} too`,
      );
    }
    own.set(definition.id, { source, definition });
  }
  return new Definitions(published, [...own.values()].map(({ definition }) => definition));
}

async function fileNames(folder: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for await (const entry of Deno.readDir(folder)) names.push(entry.name);
    return names.sort();
  } catch (cause) {
    throw new ConfigError(`Cannot read models folder "${folder}": ${messageOf(cause)}`, { cause });
  }
}

/** The largest published definition has 42 kB. */
const LARGEST_FILE = 4 * 1024 * 1024;

async function readText(path: string): Promise<string> {
  const fail = (why: string, cause?: unknown) => {
    throw new ConfigError(`Cannot read model definition "${path}": ${why}`, { cause });
  };
  try {
    const { isFile, size } = await Deno.stat(path);
    // Reading a pipe would wait for ever.
    if (!isFile) fail("it is no file");
    if (size > LARGEST_FILE) fail(`it has ${size} bytes, at most ${LARGEST_FILE} are read`);
    return withoutByteOrderMark(await Deno.readTextFile(path));
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    return fail(messageOf(cause), cause);
  }
}

/** The XML library is loaded only where somebody has definitions in XML. */
async function parseXml(text: string, source: string): Promise<unknown> {
  const { smdxToJson } = await import("./smdx.ts");
  return smdxToJson(text, source);
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw definitionError(source, `not JSON: ${messageOf(cause)}`, cause);
  }
}
