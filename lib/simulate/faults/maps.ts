import { type Fault, type FaultType, numberIn } from "./fault.ts";

const MARKER_BYTES = 4;
const END_BYTES = 4;

/** A model in a map. */
interface Place {
  readonly id: number;
  /** Where its ID register stands, in bytes. */
  readonly start: number;
  /** Where the next model begins. */
  readonly end: number;
}

/** Faults of the map: where models stand and how the chain ends. */
export const mapFaults: readonly FaultType[] = [
  {
    name: "end",
    takes: "zero | exception | silence",
    summary: "The chain ends in a single 0x0000, in exception 2, or in silence",
    make: (text) => END_FAULTS[text || "zero"],
  },
  {
    name: "length",
    takes: "ID:L",
    summary: "A model says a length that is not its own, as 714:93, 803:6 or 1:13",
    make: (text) => {
      const [, id, length] = /^(\d+):(\d+)$/.exec(text) ?? [];
      return id === undefined ? undefined : lengthFault(Number(id), Number(length));
    },
  },
  {
    name: "firmware",
    takes: "STATES (20)",
    summary: "The last model leaves the chain and comes back, every so many states",
    make: (text) => {
      const every = numberIn(text, { fallback: 20, min: 1, max: 1e6 });
      if (every === undefined) return undefined;
      return {
        map: (map, n) => Math.floor(n / every) % 2 === 1 ? withoutLast(map) : map,
      };
    },
  },
];

const END_FAULTS: Readonly<Record<string, Fault>> = {
  zero: {
    map: (map) => Uint8Array.of(...map.subarray(0, map.length - END_BYTES), 0, 0),
  },
  exception: { map: withoutEnd },
  silence: {
    map: withoutEnd,
    // Whoever asks beyond the map waits in vain.
    answer: (_read, ask) => {
      const answer = ask();
      return answer === 2 ? undefined : answer;
    },
  },
};

function withoutEnd(map: Uint8Array): Uint8Array {
  return map.subarray(0, map.length - END_BYTES);
}

function lengthFault(id: number, length: number): Fault {
  return {
    map(map) {
      const changed = map.slice();
      const view = new DataView(changed.buffer);
      for (const place of placesIn(map)) {
        if (place.id === id) view.setUint16(place.start + 2, length);
      }
      return changed;
    },
  };
}

function withoutLast(map: Uint8Array): Uint8Array {
  const last = placesIn(map).at(-1);
  if (!last) return map;
  return Uint8Array.of(...map.subarray(0, last.start), ...map.subarray(last.end));
}

function placesIn(map: Uint8Array): Place[] {
  const view = new DataView(map.buffer, map.byteOffset, map.byteLength);
  const places: Place[] = [];
  for (let start = MARKER_BYTES; start + END_BYTES <= map.length;) {
    const id = view.getUint16(start);
    if (id === 0xffff) break;
    const end = start + 4 + view.getUint16(start + 2) * 2;
    places.push({ id, start, end });
    start = end;
  }
  return places;
}
