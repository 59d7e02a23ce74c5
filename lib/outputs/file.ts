import { encodeBlock, encodeHeader, newSync } from "../avro/container.ts";
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
import { type FileName, formatName, parseName } from "./file/file_name.ts";
import { INCARNATION, incarnationOf, readLeftOver, type Span } from "./file/left_over.ts";
import { judge, keptSpans, type Written } from "./file/recovery.ts";

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

/** Avro object container files in a folder. */
export const file: OutputType = {
  name: "file",
  summary: "Avro object container files in a folder",
  settings: [directory, rollBytes, rollS],
  isDefault: () => true,
  check: () => [],
  warnings: () => [],
  examine: async function* (get) {
    const { examineFolder } = await import("./file/examine.ts");
    yield* examineFolder(get(directory));
  },
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
  #incarnation = "";
  #isAnnounced = false;

  constructor(options: FileOptions, context: OutputContext) {
    this.#options = options;
    this.#context = context;
  }

  async recover(local: LocalPosition): Promise<Recovery> {
    this.#abandon();
    this.#done = [];
    this.#incarnation = local.incarnation;
    const files = await this.#guard(() => this.#ownFiles(local));
    const { position, foreign } = judge(local, files);
    this.#settled = position;
    for (const file of files.filter(({ name }) => name.last === undefined)) {
      const kept = keptSpans(local, file, position);
      await this.#guard(() => this.#settleLeftOver(file.name, kept));
    }
    const newEpoch = foreign === undefined
      ? undefined
      : `another buffer file delivered positions up to ${foreign} of this collector: this one was ` +
        "replaced, restored or cloned; its positions count as new from here, nothing is dropped";
    return { position, newEpoch, event: undefined };
  }

  async deliver(batch: Batch): Promise<readonly Rejection[]> {
    await this.#announce();
    try {
      await this.#guard(async () => {
        for (const group of groupEntries(batch, this.#context.batchSize)) {
          await this.#append(batch, group);
        }
        await this.#sync();
      });
      return [];
    } catch (error) {
      // It may end in half a block, which recovery cuts off.
      this.#abandon();
      throw error;
    }
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
    try {
      await this.#nameDone();
    } catch (error) {
      this.#context.log("warn", `a file is named at the next start: ${messageOf(error)}`);
    }
  }

  /** Files are about to name our incarnation: the buffer must not forget it. */
  async #announce(): Promise<void> {
    if (this.#isAnnounced) return;
    await this.#context.note("files name this incarnation");
    this.#isAnnounced = true;
  }

  async #append(batch: Batch, group: EntryGroup): Promise<void> {
    const { epoch } = batch;
    const first = group.entries[0]?.position ?? 0;
    if (this.#open && (this.#open.epoch !== epoch || this.#open.schema !== group.schema)) {
      await this.#sync();
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
    const path = this.#pathOf(formatName(collector, { epoch, first, last: undefined }));
    using stack = new DisposableStack();
    const handle = stack.use(
      await Deno.open(path, { write: true, createNew: true, mode: 0o640 }),
    );
    const sync = newSync();
    const more = { [INCARNATION]: this.#incarnation };
    const header = encodeHeader(group.schemaText, CODEC, sync, more);
    await writeAll(handle, header);
    await handle.syncData();
    await syncFolder(this.#options.directory);
    stack.move();
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

  /** Puts what was written on disk. */
  async #sync(): Promise<void> {
    const open = this.#open;
    await open?.handle.syncData();
    // Whoever removes the folder takes the open file along; what is written to it then is lost.
    if (open?.handle.statSync().nlink === 0) throw new Error(`"${open?.path}" was removed`);
  }

  #abandon(): void {
    this.#open?.handle.close();
    this.#open = undefined;
  }

  #pathOf(name: string): string {
    return `${this.#options.directory}/${name}`;
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
    const target = this.#pathOf(formatName(this.#context.collector, { epoch, first, last }));
    await Deno.rename(path, target);
    await syncFolder(this.#options.directory);
    this.#context.log("debug", `file finished: ${target}`);
  }

  /** This collector's files that may tell something; the folder is made when it is missing. */
  async #ownFiles(local: LocalPosition): Promise<Written[]> {
    const { directory } = this.#options;
    await Deno.mkdir(directory, { recursive: true, mode: 0o750 });
    const files: Written[] = [];
    for await (const entry of Deno.readDir(directory)) {
      // Ours are files: a link leads to somebody else's.
      const name = entry.isFile ? parseName(entry.name, this.#context.collector) : undefined;
      if (!name) continue;
      const path = this.#pathOf(entry.name);
      if (name.last === undefined) files.push({ name, ...await readLeftOver(path, name.epoch) });
      // The buffer knows of all others; there may be very many.
      else if (name.epoch === local.epoch && name.last > local.position) {
        files.push({ name, incarnation: await incarnationOf(path), spans: [] });
      }
    }
    return files;
  }

  /** What a killed process left: cut off behind what is kept, and named. */
  async #settleLeftOver(name: FileName, kept: readonly Span[]): Promise<void> {
    const path = this.#pathOf(formatName(this.#context.collector, name));
    const last = kept.at(-1);
    if (!last) return await Deno.remove(path);
    {
      using handle = await Deno.open(path, { write: true });
      await handle.truncate(last.end);
      await handle.sync();
    }
    await this.#rename({ path, epoch: name.epoch, first: name.first, last: last.last });
    this.#context.log("info", `file left by an earlier run finished at position ${last.last}`);
  }

  async #guard<T>(job: () => Promise<T>): Promise<T> {
    try {
      return await job();
    } catch (cause) {
      const message = `Cannot write to folder "${this.#options.directory}": ${messageOf(cause)}`;
      if (isRefusal(cause)) throw new RefusedError(message, { cause });
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

function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable ||
    error instanceof Error && "code" in error && error.code === "EROFS";
}
