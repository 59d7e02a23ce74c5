import assert from "node:assert/strict";
import kafkajs from "kafkajs";
import { FencedError, RefusedError, TransportError, TryLaterError } from "../../../lib/core/mod.ts";
import {
  brokerError,
  explain,
  isTooLarge,
  TRANSACTION_TIMEOUT_MS,
  withLostCause,
} from "../../../lib/outputs/kafka/errors.ts";

Deno.test.sanitizer({ ops: true, resources: true });

type ErrorName = Extract<keyof typeof kafkajs, `KafkaJS${string}`>;

/** An error of the client's; its types say less about its constructors than is true. */
function client(name: ErrorName, about: Error | string, more: object = {}): Error {
  return Reflect.construct(kafkajs[name], [about, more]);
}

/** What the broker says, as the client tells it. */
function broker(type: string, message = type): Error {
  return client("KafkaJSProtocolError", Object.assign(new Error(message), { type }));
}

/** As the client wraps what it gave up on. */
function givenUp(cause: Error): Error {
  return client("KafkaJSNumberOfRetriesExceeded", cause, { retryCount: 9, retryTime: 400 });
}

function wrapped(cause: Error): Error {
  return client("KafkaJSNonRetriableError", cause, { cause });
}

const TARGET = { brokers: "kafka:9092", topic: "readings" };

const notLetIn = client("KafkaJSSASLAuthenticationError", "bad password");
const noAnswer = client("KafkaJSRequestTimeoutError", "Request timed out");
const noBroker = client("KafkaJSConnectionError", "ECONNREFUSED");

Deno.test("each error is told by what is to be done about it", () => {
  for (
    const [error, kind, why] of [
      [broker("TOPIC_AUTHORIZATION_FAILED"), RefusedError, /may not write to the topic/],
      [broker("GROUP_AUTHORIZATION_FAILED"), RefusedError, /may not read its group/],
      [broker("TRANSACTIONAL_ID_AUTHORIZATION_FAILED"), RefusedError, /its transactional id/],
      [broker("CLUSTER_AUTHORIZATION_FAILED"), RefusedError, /may not write idempotently/],
      [broker("UNSUPPORTED_SASL_MECHANISM"), RefusedError, /does not offer/],
      [notLetIn, RefusedError, /was not let in/],
      [givenUp(notLetIn), RefusedError, /was not let in/],
      [broker("INVALID_PRODUCER_EPOCH"), FencedError, /another live collector/],
      [givenUp(wrapped(broker("PRODUCER_FENCED"))), FencedError, /another live collector/],
      [broker("UNKNOWN_TOPIC_OR_PARTITION"), TransportError, /no such topic/],
      [new Error("invalid peer certificate: UnknownIssuer"), RefusedError, /is not trusted/],
      [new Error("self-signed certificate in chain"), RefusedError, /is not trusted/],
      [wrapped(new Error("self signed certificate")), RefusedError, /is not trusted: self signed/],
      [noAnswer, TransportError, /: Request timed out/],
      [givenUp(noBroker), TransportError, /: ECONNREFUSED/],
      [broker("NOT_COORDINATOR_FOR_GROUP", "Wrong one"), TransportError, /: Wrong one/],
      ["a text", TransportError, /: a text/],
    ] as const
  ) {
    const told = explain(error, TARGET);
    assert.equal(told.constructor, kind, String(error));
    assert.match(told.message, why);
    assert.match(told.message, /^Cannot deliver to Kafka at "kafka:9092" topic "readings": /);
    assert.equal(told.cause, error);
  }
});

Deno.test("what is in our terms already stays as it is", () => {
  for (
    const error of [new RefusedError("no"), new TryLaterError("later"), new FencedError("two")]
  ) {
    assert.equal(explain(error, TARGET), error);
  }
});

Deno.test("the broker's word is found however deep it is wrapped, and circles end", () => {
  const deep = givenUp(wrapped(broker("MESSAGE_TOO_LARGE")));
  assert.equal(brokerError(deep), "MESSAGE_TOO_LARGE");
  const [first, second] = [new Error("first"), new Error("second")];
  first.cause = second;
  second.cause = first;
  assert.equal(brokerError(first), undefined);
  assert.match(explain(first, TARGET).message, /: second$/);
});

Deno.test("too large is a word of the broker's for a record or for all of them", () => {
  for (
    const [error, want] of [
      [broker("MESSAGE_TOO_LARGE"), true],
      [givenUp(broker("RECORD_LIST_TOO_LARGE")), true],
      [broker("INVALID_RECORD"), false],
      [new Error("MESSAGE_TOO_LARGE"), false],
      [undefined, false],
    ] as const
  ) {
    assert.equal(isTooLarge(error), want);
  }
});

Deno.test("why no broker names a coordinator is told from what stands in the log", () => {
  for (
    const [lost, kind, why] of [
      ["Transactional Id authorization failed", RefusedError, /may not use its transactional id/],
      ["Group authorization failed", RefusedError, /may not read its group/],
      [
        "Connection timeout",
        TransportError,
        /: Connection timeout$/,
      ],
      [undefined, TransportError, /: Failed to find group coordinator$/],
    ] as const
  ) {
    const error = client("KafkaJSGroupCoordinatorNotFound", "Failed to find group coordinator");
    const told = explain(withLostCause(error, lost), TARGET);
    assert.equal(told.constructor, kind, lost);
    assert.match(told.message, why);
  }
});

Deno.test("a transaction that took too long is not taken for one of another collector", () => {
  for (
    const [elapsedMs, kind, why] of [
      [0, FencedError, /another live collector/],
      [TRANSACTION_TIMEOUT_MS / 2 - 1, FencedError, /another live collector/],
      [TRANSACTION_TIMEOUT_MS, TransportError, /the broker gave the transaction up.* taken 60 s$/],
    ] as const
  ) {
    const told = explain(givenUp(broker("INVALID_PRODUCER_EPOCH")), TARGET, elapsedMs);
    assert.equal(told.constructor, kind, String(elapsedMs));
    assert.match(told.message, why);
  }
});
