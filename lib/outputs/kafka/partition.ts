import { delay } from "../../backoff.ts";

/** Records of one partition, from an offset up to another, which is left out. */
export interface Span {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** A record as it stands in a partition. */
export interface StoredRecord {
  readonly offset: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
}

/** What one fetch gave. */
export interface Page {
  /** The committed records among it. */
  readonly records: readonly StoredRecord[];
  /** Everything before this offset has been seen; it stays where it is when nothing came. */
  readonly next: number;
}

/** The part of kafkajs that it keeps to itself: a connection to each broker. */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { partitionId: number; leader: number }[];
  findBroker(which: { nodeId: number }): Promise<{ fetch(request: object): Promise<Fetched> }>;
  /** The first offsets, or those that are next to be written, whatever transactions are open. */
  fetchTopicsOffset(topics: readonly TopicBounds[]): Promise<readonly TopicOffsets[]>;
}

interface TopicBounds {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number }[];
  readonly fromBeginning?: boolean;
  readonly fromTimestamp?: number;
}

interface TopicOffsets {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
}

interface Fetched {
  readonly responses: readonly {
    readonly partitions: readonly {
      readonly messages: readonly RawMessage[];
      readonly abortedTransactions: readonly AbortedTransaction[] | null;
    }[];
  }[];
}

/** A record as kafkajs decodes it. */
export interface RawMessage {
  readonly offset: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly isControlRecord: boolean;
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean };
}

/** Whose transaction was undone, and where it began. */
export interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: string;
}

/** Isolation levels, as requests carry them. */
export const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;
// Compressed: what is held in memory is many times that.
const FETCH_BYTES = 1024 * 1024;
const FETCH_WAIT_MS = 500;
/** Leaders move and connections break: so many failures in a row are borne. */
const TRIES = 6;
const RETRY_MS = 200;

/**
 * Reads the committed records of a span, one fetch after the other, for as long as it takes: where
 * a transaction is open, pages come with nothing in them.
 */
export async function* readSpan(
  cluster: Cluster,
  span: Span,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  for (let next = span.from, failures = 0; next < span.to;) {
    signal.throwIfAborted();
    try {
      const { messages, abortedTransactions } = await fetch(cluster, span, next);
      const first = next;
      next = Math.max(next, Number(messages.at(-1)?.offset ?? -1) + 1);
      const records = committed(messages, abortedTransactions ?? [])
        .filter(({ offset }) => offset >= first && offset < span.to);
      failures = 0;
      yield { records, next };
    } catch (error) {
      if (!isPassing(error) || ++failures === TRIES) throw error;
      await delay(RETRY_MS * failures, signal);
      await cluster.refreshMetadata();
    }
  }
}

async function fetch(cluster: Cluster, { topic, partition }: Span, offset: number) {
  const metadata = cluster.findTopicPartitionMetadata(topic);
  const nodeId = metadata.find(({ partitionId }) => partitionId === partition)?.leader ?? -1;
  const broker = await cluster.findBroker({ nodeId });
  const { responses } = await broker.fetch({
    replicaId: -1,
    isolationLevel: READ_COMMITTED,
    maxWaitTime: FETCH_WAIT_MS,
    maxBytes: FETCH_BYTES,
    topics: [{
      topic,
      partitions: [{ partition, fetchOffset: String(offset), maxBytes: FETCH_BYTES }],
    }],
  });
  return responses[0]?.partitions[0] ?? { messages: [], abortedTransactions: [] };
}

/**
 * First offset and end of each partition; behind an open transaction the end cannot be read yet.
 *
 * @param since Unix milliseconds of the first record that counts
 */
export async function boundsOf(
  cluster: Cluster,
  topic: string,
  since?: number,
): Promise<Map<number, { readonly low: number; readonly to: number }>> {
  const partitions = cluster.findTopicPartitionMetadata(topic)
    .map(({ partitionId }) => ({ partition: partitionId }));
  const offsets = async (which: { fromBeginning?: boolean; fromTimestamp?: number }) => {
    const [found] = await cluster.fetchTopicsOffset([{ topic, partitions, ...which }]);
    return new Map(
      found?.partitions.map(({ partition, offset }) => [partition, Number(offset)] as const),
    );
  };
  const lows = await offsets(
    since === undefined ? { fromBeginning: true } : { fromTimestamp: since },
  );
  const ends = await offsets({ fromBeginning: false });
  return new Map([...ends].map(([partition, to]) => {
    const low = lows.get(partition) ?? 0;
    // Nothing is so late.
    return [partition, { low: low < 0 ? to : low, to }] as const;
  }));
}

/**
 * Leaves out control records and what was undone, as the Java client does. kafkajs's own filter
 * looks at one aborted transaction a record: where a fetch begins in the middle of several,
 * records of the others pass it.
 */
export function committed(
  messages: readonly RawMessage[],
  aborted: readonly AbortedTransaction[],
): StoredRecord[] {
  const ahead = [...aborted].sort((a, b) => Number(a.firstOffset) - Number(b.firstOffset));
  const undone = new Set<string>();
  const records: StoredRecord[] = [];
  for (const message of messages) {
    const offset = Number(message.offset);
    while (ahead[0] && Number(ahead[0].firstOffset) <= offset) {
      undone.add(ahead.shift()?.producerId ?? "");
    }
    const { producerId = "", inTransaction = false } = message.batchContext ?? {};
    if (message.isControlRecord) undone.delete(producerId);
    else if (!(inTransaction && undone.has(producerId))) records.push(stored(message, offset));
  }
  return records;
}

function stored({ headers, value }: RawMessage, offset: number): StoredRecord {
  return {
    offset,
    headers: Object.fromEntries(Object.entries(headers).map(([key, text]) => [key, String(text)])),
    value: value ?? new Uint8Array(),
  };
}

/** kafkajs says of its errors whether trying again may help. */
function isPassing(error: unknown): boolean {
  return error instanceof Error && "retriable" in error && error.retriable === true;
}
