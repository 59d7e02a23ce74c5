import {
  type Client,
  type Fault,
  type FaultType,
  numberIn,
  type Outgoing,
  type Step,
} from "./fault.ts";

const MS = { min: 1, max: 600_000 };

/** Faults of the wire: how clients are treated, and what becomes of answers on their way. */
export const wireFaults: readonly FaultType[] = [
  {
    name: "slots",
    takes: "N[:refuse|:ignore] (1:refuse)",
    summary: "So many clients at a time; a further one is refused, or let in and never answered",
    make: (text) => {
      const [, count, others = "refuse"] = /^(\d+)(?::(refuse|ignore))?$/.exec(text || "1") ?? [];
      if (count === undefined || (others !== "refuse" && others !== "ignore")) return undefined;
      return { slots: { count: Number(count), others } };
    },
  },
  timed("idle", 4000, "Closes a connection that is idle for so many milliseconds", (idleMs) => ({
    idleMs,
  })),
  timed("pause", 300, "Hears nothing for so many milliseconds after each answer", (ms) => ({
    hears: (client, now) => client.answeredAt === client.openedAt || now - client.answeredAt >= ms,
  })),
  timed("connect-pause", 1000, "Hears nothing for so many milliseconds after connecting", (ms) => ({
    hears: (client, now) => now - client.openedAt >= ms,
  })),
  {
    name: "night",
    takes: "FROM-TO",
    summary: "Silent in these states; then only a new connection is answered",
    make: (text) => {
      const [, from, to] = /^(\d+)-(\d+)$/.exec(text) ?? [];
      if (from === undefined) return undefined;
      return { hears: (client, _now, n) => isAwake(client, n, Number(from), Number(to)) };
    },
  },
  timed("late", 1500, "Answers so many milliseconds late", (waitMs) => ({
    deliver: (outgoing) => [{ waitMs }, plain(outgoing)],
  })),
  sending("twice", "Answers twice", (outgoing) => [plain(outgoing), plain(outgoing)]),
  sending("fin", "Closes the connection in the middle of an answer", (outgoing) => [
    half(outgoing),
    { end: "fin" },
  ]),
  sending("rst", "Resets the connection in the middle of an answer", (outgoing) => [
    half(outgoing),
    { end: "rst" },
  ]),
  sending("stale-id", "Answers with the transaction id of the request before", (outgoing) => [
    framed(outgoing, { transactionId: (outgoing.transactionId + 0xffff) & 0xffff }),
  ]),
  sending("previous", "Answers with the data of the request before", (outgoing) => [
    framed(outgoing, { pdu: outgoing.previous ?? outgoing.pdu }),
  ]),
  sending("long", "A byte too many in an answer", (outgoing) => [
    framed(outgoing, { pdu: Uint8Array.of(...outgoing.pdu, 0) }),
  ]),
  sending("short", "A byte too few in an answer", (outgoing) => [
    framed(outgoing, { pdu: outgoing.pdu.subarray(0, -1) }),
  ]),
  sending("wrong-unit", "Answers as another unit id", (outgoing) => [
    framed(outgoing, { unitId: (outgoing.unitId + 1) & 0xff }),
  ]),
  sending("wrong-function", "Answers with another function code", (outgoing) => [
    framed(outgoing, { pdu: withByte(outgoing.pdu, 0, (outgoing.pdu[0] ?? 0) ^ 7) }),
  ]),
  sending("wrong-count", "Counts two bytes too many", (outgoing) => [
    framed(outgoing, { pdu: withByte(outgoing.pdu, 1, (outgoing.pdu[1] ?? 0) + 2) }),
  ]),
  {
    name: "reorder",
    takes: "",
    summary: "Keeps an answer back, and sends it behind the next one",
    make: () => {
      let kept: Step | undefined;
      return {
        deliver(outgoing) {
          if (!kept) {
            kept = plain(outgoing);
            return [];
          }
          const late = kept;
          kept = undefined;
          return [plain(outgoing), late];
        },
      };
    },
  },
];

function timed(
  name: string,
  fallback: number,
  summary: string,
  make: (ms: number) => Fault,
): FaultType {
  return {
    name,
    takes: `MS (${fallback})`,
    summary,
    make: (text) => {
      const ms = numberIn(text, { fallback, ...MS });
      return ms === undefined ? undefined : make(ms);
    },
  };
}

function sending(
  name: string,
  summary: string,
  deliver: (outgoing: Outgoing) => readonly Step[],
): FaultType {
  return { name, takes: "", summary, make: (text) => text === "" ? { deliver } : undefined };
}

function isAwake({ openedIn }: Client, n: number, from: number, to: number): boolean {
  if (n >= from && n < to) return false;
  return n < from || openedIn >= to;
}

function plain(outgoing: Outgoing): Step {
  return framed(outgoing, {});
}

function framed(
  outgoing: Outgoing,
  changed: Partial<Pick<Outgoing, "transactionId" | "unitId" | "pdu">>,
): Step {
  const { transactionId, unitId, pdu } = outgoing;
  return { send: outgoing.encode({ transactionId, unitId, pdu, ...changed }) };
}

function half(outgoing: Outgoing): Step {
  const whole = outgoing.encode(outgoing);
  return { send: whole.subarray(0, Math.ceil(whole.length / 2)) };
}

function withByte(bytes: Uint8Array, index: number, value: number): Uint8Array {
  const changed = bytes.slice();
  changed[index] = value;
  return changed;
}
