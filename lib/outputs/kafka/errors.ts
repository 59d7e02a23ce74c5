import {
  FencedError,
  messageOf,
  RefusedError,
  TransportError,
  TryLaterError,
} from "../../core/mod.ts";

/** Names of the broker's errors that ask for a person: kafkajs carries them as `type`. */
const DENIED: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED: "may not write to the topic",
  GROUP_AUTHORIZATION_FAILED: "may not read its group",
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "may not use its transactional id",
  CLUSTER_AUTHORIZATION_FAILED: "may not write idempotently",
  SASL_AUTHENTICATION_FAILED: "was not let in",
  UNSUPPORTED_SASL_MECHANISM: "uses a SASL mechanism that the broker does not offer",
};

/** The same where kafkajs has no more than their text. */
const DENIED_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/Transactional Id authorization failed/, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"],
  [/Group authorization failed/, "GROUP_AUTHORIZATION_FAILED"],
];

const FENCED: readonly string[] = ["INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"];
const TOO_LARGE: readonly string[] = ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"];

/** An error and all that caused it. */
function chain(error: unknown): readonly object[] {
  const links: object[] = [];
  for (let next = error; typeof next === "object" && next !== null;) {
    if (links.includes(next)) break;
    links.push(next);
    next = "cause" in next && next.cause !== undefined
      ? next.cause
      : "originalError" in next
      ? next.originalError
      : undefined;
  }
  return links;
}

/** The broker's name for an error, if it was the broker's. */
export function brokerError(error: unknown): string | undefined {
  for (const link of chain(error)) {
    if ("type" in link && typeof link.type === "string") return link.type;
  }
  return undefined;
}

/**
 * Puts back what kafkajs forgot: why no broker names a coordinator stands in its log only.
 *
 * @param lastFailure the text of the last failure that it logged
 */
export function withLostCause(error: unknown, lastFailure: string | undefined): unknown {
  const isLost = error instanceof Error && error.name === "KafkaJSGroupCoordinatorNotFound";
  if (!isLost || lastFailure === undefined) return error;
  const type = DENIED_TEXTS.find(([text]) => text.test(lastFailure))?.[1];
  error.cause = Object.assign(new Error(lastFailure), type === undefined ? {} : { type });
  return error;
}

/** Whether the broker says that we may not. */
export function isDenied(error: unknown): boolean {
  return Object.hasOwn(DENIED, brokerError(error) ?? "");
}

/** Whether the broker finds a message too large. */
export function isTooLarge(error: unknown): boolean {
  return TOO_LARGE.includes(brokerError(error) ?? "");
}

/** Where a delivery went. */
export interface Target {
  readonly brokers: string;
  readonly topic: string;
}

/** How long the broker waits for the end of a transaction before it aborts it. */
export const TRANSACTION_TIMEOUT_MS = 60_000;

function failedAt({ brokers, topic }: Target): string {
  return `Cannot deliver to Kafka at "${brokers}" topic "${topic}"`;
}

/** Another collector took over. */
export function explainFenced(target: Target, cause?: unknown): FencedError {
  return new FencedError(
    `${failedAt(target)}: another live collector uses the same collector.id; this one waits for ` +
      "minutes, stop one of them or give it another id",
    { cause },
  );
}

/**
 * Says an error in our terms, so that the delivery knows how long to wait.
 *
 * @param elapsedMs how long the attempt took
 */
export function explain(error: unknown, target: Target, elapsedMs = 0): Error {
  if (error instanceof RefusedError || error instanceof TryLaterError) return error;
  const failed = failedAt(target);
  const type = brokerError(error);
  const denied = type === undefined ? undefined : DENIED[type];
  const isUnauthenticated = chain(error).some((link) =>
    "name" in link && link.name === "KafkaJSSASLAuthenticationError"
  );
  if (denied !== undefined || isUnauthenticated) {
    const why = denied ?? DENIED.SASL_AUTHENTICATION_FAILED;
    return new RefusedError(`${failed}: this collector ${why} (${root(error)})`, {
      cause: error,
    });
  }
  if (FENCED.includes(type ?? "")) {
    // A transaction that took too long is aborted by the broker in the same words.
    if (elapsedMs < TRANSACTION_TIMEOUT_MS / 2) return explainFenced(target, error);
    const seconds = Math.round(elapsedMs / 1000);
    return new TransportError(
      `${failed}: the broker gave the transaction up, it had taken ${seconds} s`,
      "timeout",
      { cause: error },
    );
  }
  if (type === "UNKNOWN_TOPIC_OR_PARTITION") {
    return new TransportError(
      `${failed}: there is no such topic and the broker does not make it; create it`,
      "unreachable",
      { cause: error },
    );
  }
  if (isCertificateFault(error)) {
    return new RefusedError(`${failed}: the broker's certificate is not trusted: ${root(error)}`, {
      cause: error,
    });
  }
  return new TransportError(`${failed}: ${root(error)}`, "unreachable", { cause: error });
}

function isCertificateFault(error: unknown): boolean {
  return /certificate|self.signed|UNABLE_TO_VERIFY|ERR_TLS|altname/i.test(root(error));
}

/** The first cause says most. */
function root(error: unknown): string {
  const texts = chain(error).map((link) => link instanceof Error ? link.message : "").filter(
    Boolean,
  );
  return texts.at(-1) ?? messageOf(error);
}
