import {
  type Block,
  type ContainerHeader,
  decodeBlock,
  decodeHeader,
  encodeBlock,
  encodeHeader,
  newSync,
} from "../avro/container.ts";
import { type EntryGroup, groupEntries, joinRecords } from "../avro/join.ts";
import {
  type Batch,
  type LocalPosition,
  type Lookup,
  messageOf,
  type Output,
  type OutputContext,
  type OutputType,
  type Recovery,
  RefusedError,
  type Rejection,
  TryLaterError,
} from "../core/mod.ts";
import { bytes, integer, text } from "../setting.ts";

const directory = text(
  { key: "file.directory", summary: "Folder for the container files" },
  "./readings",
);
const rollBytes = bytes(
  { key: "file.roll_bytes", summary: "Size at which a file is finished" },
  "16 MiB",
  1024,
);
const rollS = integer(
  { key: "file.roll_s", summary: "Age at which a file is finished, in seconds" },
  60,
  { min: 1, max: 86_400 },
);

/** Every Avro reader knows deflate; files stay small on flash. */
const CODEC = "deflate";
const PARTIAL = ".partial";

/** Avro object container files in a folder. */
export const file: OutputType = {
  name: "file",
  summary: "Avro object container files in a folder",
  settings: [directory, rollBytes, rollS],
  isDefault: () => true,
  check: () => [],
  create: (get: Lookup, context: OutputContext) =>
    new FileOutput({
      directory: get(directory),
      rollBytes: get(rollBytes),
      rollMs: get(rollS) * 1000,
    }, context),
};

interface FileOptions {
  readonly directory: string;
  readonly rollBytes: number;
  readonly rollMs: number;
}

/** A file that is being written. */
interface OpenFile {
  readonly path: string;
  readonly handle: Deno.FsFile;
  readonly epoch: number;
  readonly schema: string;
  readonly sync: Uint8Array;
  readonly openedAt: number;
  readonly first: number;
  last: number;
  size: number;
}

/** A file that takes no more, and gets its name once its last position is committed. */
interface DoneFile {
  readonly path: string;
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Appends whole blocks to a `.partial` file. It gets its final name, `collector-epoch-first-last`,
 * only when all of it is committed in the buffer: what has a final name is never written again.
 */
class FileOutput implements Output {
  readonly name = file.name;
  readonly #options: FileOptions;
  readonly #context: OutputContext;
  #open: OpenFile | undefined;
  #done: DoneFile[] = [];
  #settled = 0;

  constructor(options: FileOptions, context: OutputContext) {
    this.#options = options;
    this.#context = context;
  }

  async recover(local: LocalPosition): Promise<Recovery> {
    this.#open?.handle.close();
    this.#open = undefined;
    this.#done = [];
    this.#settled = local.position;
    const { directory } = this.#options;
    await this.#guard(() => Deno.mkdir(directory, { recursive: true, mode: 0o750 }));
    for await (const { name } of Deno.readDir(directory)) {
      if (name.startsWith(`${local.collector}-`) && name.endsWith(PARTIAL)) {
        await this.#guard(() => this.#settleLeftOver(`${directory}/${name}`, local));
      }
    }
    return { position: local.position, newEpoch: undefined, event: undefined };
  }

  async deliver(batch: Batch): Promise<readonly Rejection[]> {
    for (const group of groupEntries(batch, this.#context.batchSize)) {
      await this.#guard(() => this.#append(batch, group));
    }
    await this.#guard(() => this.#open?.handle.syncData() ?? Promise.resolve());
    return [];
  }

  async settle(position: number): Promise<void> {
    this.#settled = Math.max(this.#settled, position);
    const open = this.#open;
    if (open) {
      const isDue = open.size >= this.#options.rollBytes ||
        performance.now() - open.openedAt >= this.#options.rollMs;
      if (isDue && open.last <= this.#settled) this.#finish(open);
    }
    await this.#guard(() => this.#nameDone());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#open) this.#finish(this.#open);
    await this.#nameDone();
  }

  async #append(batch: Batch, group: EntryGroup): Promise<void> {
    const { epoch } = batch;
    const first = group.entries[0]?.position ?? 0;
    if (this.#open && (this.#open.epoch !== epoch || this.#open.schema !== group.schema)) {
      await this.#open.handle.syncData();
      this.#finish(this.#open);
    }
    const open = this.#open ??= await this.#begin(batch, group, first);
    const block = encodeBlock(
      group.entries.length,
      joinRecords(batch, group.entries),
      CODEC,
      open.sync,
    );
    await writeAll(open.handle, block);
    open.size += block.length;
    open.last = group.entries.at(-1)?.position ?? open.last;
  }

  async #begin({ collector, epoch }: Batch, group: EntryGroup, first: number): Promise<OpenFile> {
    const path = `${this.#options.directory}/${collector}-${epoch}-${first}.avro${PARTIAL}`;
    const handle = await Deno.open(path, { write: true, createNew: true, mode: 0o640 });
    const sync = newSync();
    const header = encodeHeader(group.schemaText, CODEC, sync);
    await writeAll(handle, header);
    await handle.syncData();
    await syncFolder(this.#options.directory);
    return {
      path,
      handle,
      epoch,
      schema: group.schema,
      sync,
      openedAt: performance.now(),
      first,
      last: first - 1,
      size: header.length,
    };
  }

  #finish(open: OpenFile): void {
    open.handle.close();
    this.#open = undefined;
    this.#done.push({ path: open.path, epoch: open.epoch, first: open.first, last: open.last });
  }

  /** Gives finished files their names, as far as they are committed. */
  async #nameDone(): Promise<void> {
    const ready = this.#done.filter(({ last }) => last <= this.#settled);
    this.#done = this.#done.filter(({ last }) => last > this.#settled);
    for (const done of ready) await this.#rename(done);
  }

  async #rename({ path, epoch, first, last }: DoneFile): Promise<void> {
    const { directory } = this.#options;
    const target = `${directory}/${this.#context.collector}-${epoch}-${first}-${last}.avro`;
    await Deno.rename(path, target);
    await syncFolder(directory);
    this.#context.log("debug", `file finished: ${target}`);
  }

  /**
   * What a killed process left: blocks that the buffer has not committed are cut off, since they
   * will be delivered again. Blocks of another epoch are of another buffer file: all kept.
   */
  async #settleLeftOver(path: string, local: LocalPosition): Promise<void> {
    const bytes = await Deno.readFile(path);
    const { end, found } = await wholeBlocks(
      bytes,
      ({ epoch, last }) => epoch !== local.epoch || last <= local.position,
    );
    if (!found) return await Deno.remove(path);
    using handle = await Deno.open(path, { write: true });
    await handle.truncate(end);
    await handle.sync();
    await this.#rename({ path, ...found });
    this.#context.log("info", `file left by an earlier run finished at position ${found.last}`);
  }

  async #guard<T>(job: () => Promise<T>): Promise<T> {
    try {
      return await job();
    } catch (cause) {
      const message = `Cannot write to folder "${this.#options.directory}": ${messageOf(cause)}`;
      if (
        cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable
      ) {
        throw new RefusedError(message, { cause });
      }
      throw new TryLaterError(message, { cause });
    }
  }
}

async function writeAll(handle: Deno.FsFile, data: Uint8Array): Promise<void> {
  for (let sent = 0; sent < data.length;) sent += await handle.write(data.subarray(sent));
}

/** A new or renamed file survives a power cut only when its folder is on disk too. */
async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path);
  await folder.sync();
}

/** The positions in a block. */
interface Span {
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
}

/** The leading blocks that are whole and wanted: where they end, and what they hold. */
async function wholeBlocks(bytes: Uint8Array, isWanted: (span: Span) => boolean) {
  let found: Span | undefined;
  let end = 0;
  for await (const { span, block } of blocksOf(bytes)) {
    if (!isWanted(span)) break;
    found = { ...span, first: found?.first ?? span.first };
    end = block.end;
  }
  return { end, found };
}

async function* blocksOf(bytes: Uint8Array): AsyncGenerator<{ span: Span; block: Block }> {
  // Loaded only after a crash: decoding takes the Avro library, delivering does not.
  const { records } = await import("../avro/decode.ts");
  let header: ContainerHeader | undefined;
  try {
    header = decodeHeader(bytes);
    if (!header) return;
    for (let at = header.end;;) {
      const block = decodeBlock(bytes, at, header);
      if (!block) return;
      const all = [...records(header.schemaText, block.data, block.count)];
      const first = Number(all[0]?.position);
      const last = Number(all.at(-1)?.position);
      yield { span: { epoch: Number(all[0]?.epoch), first, last }, block };
      at = block.end;
    }
  } catch {
    // The end of a file that a power cut tore: everything before it was given already.
  }
}
