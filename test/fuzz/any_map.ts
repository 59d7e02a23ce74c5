import type { ModelDefinition } from "../../lib/sunspec/mod.ts";
import { anyImage } from "../conformance/images.ts";
import type { Chance } from "../modbus/chance.ts";

const MARKER = [0x5375, 0x6e53];
const END_MODEL = [0xffff, 0];
const ADDRESS_SPACE = 0x1_0000;

/** The registers of a device as firmware, gateways and attackers may serve them. */
export function anyMap(models: readonly ModelDefinition[], chance: Chance): Uint16Array {
  if (chance.next() < 0.005) return chance.of(...MONSTERS)(chance);
  let words = soundMap(models, chance);
  for (let times = chance.below(3); times > 0; times--) {
    words = chance.of(...MUTATIONS)(words, chance);
  }
  return words;
}

/** A common model and a few others, with values of every kind. */
function soundMap(models: readonly ModelDefinition[], chance: Chance): Uint16Array {
  const common = models.find(({ id }) => id === 1);
  const others = Array.from({ length: chance.below(5) }, () => models[chance.below(models.length)]);
  const images = [common, ...others].flatMap((model) => model ? [anyImage(model, chance)] : []);
  return Uint16Array.from([MARKER, ...images.map(({ bytes }) => wordsOf(bytes)), END_MODEL].flat());
}

function wordsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(i * 2));
}

type Mutation = (words: Uint16Array, chance: Chance) => Uint16Array;

/** Words that mean something, somewhere. */
const WORDS = [0, 1, 2, 3, 7, 65, 66, 103, 160, 705] as const;
/** Large as a length, and marks: as lengths they cost a hundred times the time of others. */
const LARGE = [0x7fff, 0x8000, 0xfffe, 0xffff] as const;

/** One of them, seldom a large one. */
export function anyWord(chance: Chance): number {
  return chance.next() < 0.05 ? chance.of(...LARGE) : chance.of(...WORDS);
}

/** What would clear a screen, end a line or reach a shell. */
const HOSTILE_TEXT = "\x1b[2J\x1b]0;x\x07\r\n\0\x9b31m'\"<b>$(x)`\t\x7f";

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  (words, chance) => changed(words, 1 + chance.below(5), chance, () => anyWord(chance)),
  (words, chance) => changed(words, 1 + chance.below(9), chance, () => chance.below(0x1_0000)),
  (words, chance) => changed(words, words.length / 4, chance, () => anyWord(chance)),
  (words, chance) => words.slice(0, 2 + chance.below(words.length)),
  (words, chance) => spliced(words, chance.below(words.length), 1 + chance.below(3), 0),
  (words, chance) => spliced(words, chance.below(words.length), 0, 1 + chance.below(3)),
  (words, chance) => {
    const copy = words.slice();
    const text = wordsOf(new TextEncoder().encode(`${HOSTILE_TEXT} `.repeat(2)));
    const at = 4 + chance.below(copy.length);
    copy.set(text.slice(0, Math.max(0, copy.length - at)), Math.min(at, copy.length));
    return copy;
  },
];

/** Changes words anywhere but in the marker: without it there is no map to speak of. */
function changed(words: Uint16Array, times: number, chance: Chance, next: () => number) {
  const copy = words.slice();
  for (let i = 0; i < times; i++) copy[2 + chance.below(copy.length - 2)] = next();
  return copy;
}

function spliced(words: Uint16Array, at: number, removed: number, added: number): Uint16Array {
  const start = Math.max(2, at);
  const copy = new Uint16Array(Math.max(start, words.length - removed) + added);
  copy.set(words.subarray(0, start));
  copy.set(words.subarray(start + removed), start + added);
  return copy;
}

/** Maps that are large, or never seem to end. */
const MONSTERS: readonly [(chance: Chance) => Uint16Array, ...((c: Chance) => Uint16Array)[]] = [
  // One id a thousand times, of length 0 and more.
  (chance) => repeated([chance.of(1, 103, 160, 705, 64_999), 0], 1000),
  (chance) => repeated([chance.of(1, 103, 705, 64_999), 3, 1, 2, 3], 1000),
  // Every register of the address space.
  (chance) =>
    new Uint16Array(ADDRESS_SPACE).fill(chance.of(...WORDS, ...LARGE)).fill(0x5375, 0, 1)
      .fill(0x6e53, 1, 2),
  (chance) =>
    Uint16Array.from({ length: ADDRESS_SPACE }, (_, i) => MARKER[i] ?? chance.below(0x1_0000)),
  // Lengths that reach the end of the address space, and beyond it.
  (chance) => large([chance.of(1, 12, 103, 160, 705, 803, 64_999), 0xffff - chance.below(8)]),
  (chance) => large([1, 66, ...new Array<number>(66).fill(0x4141), 160, 0xffff - chance.below(99)]),
  // Rubbish behind a good beginning.
  (chance) => Uint16Array.from({ length: 2000 }, (_, i) => MARKER[i] ?? chance.below(0x1_0000)),
];

function repeated(words: readonly number[], times: number): Uint16Array {
  return Uint16Array.from([...MARKER, ...Array.from({ length: times }, () => words).flat()]);
}

function large(words: readonly number[]): Uint16Array {
  const all = new Uint16Array(ADDRESS_SPACE);
  all.set([...MARKER, ...words]);
  return all;
}
