import { type Lookup, NotFoundError, RefusedError, TryLaterError } from "../../core/mod.ts";
import { KafkaClient } from "./client.ts";
import { brokerError, explain, type Target } from "./errors.ts";
import { boundsOf, type Page, readSpan, type Span } from "./partition.ts";
import { optionsOf } from "./settings.ts";

/** Which records of a topic are to be read. */
export interface TopicOptions {
  /** Its name. */
  readonly topic: string;
  /** Unix milliseconds of the first record; undefined = all there are. */
  readonly since: number | undefined;
}

/** A topic as it was when it was opened: what is written later is not read. */
export interface TopicReader extends AsyncDisposable {
  /** What is read, partition by partition. */
  readonly spans: readonly Span[];
  /** Offsets at the ends that cannot be read, for a transaction is open before them. */
  readonly hidden: number;
  /** The committed records. */
  pages(signal: AbortSignal): AsyncGenerator<Page & { readonly partition: number }>;
}

/**
 * Opens a topic for reading.
 *
 * @throws {NotFoundError} there is none of this name
 * @throws {RefusedError} it may not be read
 * @throws {TryLaterError} the brokers cannot be reached
 */
export async function openTopic(
  get: Lookup,
  { topic, since }: TopicOptions,
): Promise<TopicReader> {
  const { client: options } = optionsOf(get);
  const target = { brokers: options.brokers.join(","), topic };
  const client = await KafkaClient.create(options, () => {});
  const told = (error: unknown) => explainReading(client.complete(error), target);
  try {
    await using stack = new AsyncDisposableStack();
    const cluster = stack.use(await client.cluster(topic));
    const bounds = [...await boundsOf(cluster, topic, since)];
    const readable = await client.committedEnds(topic);
    const spans = bounds.map(([partition, { low, to }]) => ({
      ...{ topic, partition, from: low },
      to: Math.min(to, readable.get(partition) ?? to),
    }));
    const open = stack.move();
    return {
      spans,
      hidden: bounds.reduce((sum, [, { to }], i) => sum + to - (spans[i]?.to ?? to), 0),
      async *pages(signal) {
        try {
          for (const span of spans) {
            for await (const page of readSpan(cluster, span, signal)) {
              yield { ...page, partition: span.partition };
            }
          }
        } catch (error) {
          signal.throwIfAborted();
          throw told(error);
        }
      },
      [Symbol.asyncDispose]: () => open.disposeAsync(),
    };
  } catch (error) {
    throw told(error);
  }
}

/** What a reader is told: whoever may not read is refused, whatever else fails may pass. */
function explainReading(error: unknown, { brokers, topic }: Target): Error {
  const failed = `Cannot read topic "${topic}" at "${brokers}"`;
  const type = brokerError(error);
  if (type === "UNKNOWN_TOPIC_OR_PARTITION") {
    return new NotFoundError(`${failed}: there is no such topic`, { cause: error });
  }
  if (type === "TOPIC_AUTHORIZATION_FAILED") {
    return new RefusedError(`${failed}: grant READ and DESCRIBE on it`, { cause: error });
  }
  if (type === "OFFSET_OUT_OF_RANGE") {
    return new TryLaterError(`${failed}: records expired while they were read, try again`, {
      cause: error,
    });
  }
  const told = explain(error, { brokers, topic });
  const why = told.message.replace(/^Cannot .*? topic "[^"]*": /, "");
  return told instanceof RefusedError
    ? new RefusedError(`${failed}: ${why}`, { cause: error })
    : new TryLaterError(`${failed}: ${why}`, { cause: error });
}
