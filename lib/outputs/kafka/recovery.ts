import type { LocalPosition, Rejection } from "../../core/mod.ts";
import { isOurs } from "../../incarnation.ts";

/** A position that the consumer group keeps for us: the offset of partition 0 of a topic. */
export interface GroupOffset {
  readonly topic: string;
  /** Everything up to here was delivered … */
  readonly position: number;
  /** … by this incarnation of a buffer file. */
  readonly incarnation: string;
}

/** What the group's offsets say about our buffer file. */
export type Verdict =
  /** Delivered up to here, provably. */
  | { readonly kind: "delivered"; readonly position: number }
  /** Another buffer file delivered last: ours is a replacement, an older backup or a clone. */
  | { readonly kind: "foreign"; readonly offset: GroupOffset }
  /** The group says nothing. */
  | { readonly kind: "unknown" };

/**
 * Holds the group's offsets against the buffer file's own history.
 *
 * @param topic the topic in use; offsets of earlier topics prove deliveries, but contradict nothing
 */
export function judge(
  local: LocalPosition,
  offsets: readonly GroupOffset[],
  topic: string,
): Verdict {
  const foreign = offsets.find((offset) => offset.topic === topic && !isOurs(local, offset));
  if (foreign) return { kind: "foreign", offset: foreign };
  const ours = offsets.filter((offset) => isOurs(local, offset));
  if (ours.length === 0) return { kind: "unknown" };
  return { kind: "delivered", position: Math.max(...ours.map(({ position }) => position)) };
}

/** What is noted in the buffer before each transaction. */
export interface InFlight {
  readonly topic: string;
  readonly partition: number;
  readonly epoch: number;
  /** Everything up to this position had been delivered before it … */
  readonly after: number;
  /** … and this is the position that it ends at. */
  readonly last: number;
  /** Our records of it can only stand at or after this offset. */
  readonly from: number;
  /** What it left out, for the buffer has not been told; left out itself when there is nothing. */
  readonly rejections?: readonly Rejection[];
}

/** Reads a note; undefined when there is none that we understand. */
export function parseInFlight(note: string | null): InFlight | undefined {
  if (note === null) return undefined;
  try {
    const { topic, partition, epoch, after, last, from, rejections } = JSON.parse(note);
    const numbers: readonly unknown[] = [partition, epoch, after, last, from];
    if (typeof topic !== "string" || !numbers.every(Number.isSafeInteger)) return undefined;
    const told = Array.isArray(rejections) ? rejections.filter(isRejection) : [];
    return {
      ...{ topic, partition, epoch, after, last, from },
      ...(told.length === 0 ? {} : { rejections: told }),
    };
  } catch {
    return undefined;
  }
}

function isRejection(value: unknown): value is Rejection {
  const { position, reason } = Object(value);
  return Number.isSafeInteger(position) && typeof reason === "string";
}
