/** Registers that must come in one request. */
export interface Atom {
  /** Of its first register. */
  readonly address: number;
  /** Registers. */
  readonly quantity: number;
  /** Index of the atom whose value this one is read with (its scale factor), if any. */
  readonly partner: number | undefined;
}

/** What a request may hold. */
export interface PlanLimits {
  /** 1–125. An atom larger than this gets a request of its own, in parts. */
  readonly maxRegisters: number;
  /** Addresses that no request may run across: it may begin or end there. */
  readonly barriers: ReadonlySet<number>;
}

/** One planned request. */
export interface PlannedRead {
  /** Of its first register. */
  readonly address: number;
  /** Registers. */
  readonly quantity: number;
}

interface Choice {
  /** Values that come without their partner, then requests; fewer is better. */
  readonly splits: number;
  readonly requests: number;
  /** Where the last request begins. */
  readonly from: number;
}

/**
 * Groups registers into requests: first as few values as possible apart from their partners, then
 * as few requests as possible. A request may run over registers between two atoms that nobody
 * wants.
 *
 * @param atoms by ascending address, not overlapping
 */
export function planReads(atoms: readonly Atom[], limits: PlanLimits): PlannedRead[] {
  const best: Choice[] = [{ splits: 0, requests: 0, from: 0 }];
  for (let end = 1; end <= atoms.length; end++) {
    best[end] = { splits: Number.POSITIVE_INFINITY, requests: 0, from: end - 1 };
  }
  const barriers = [...limits.barriers].sort((a, b) => a - b);
  for (let from = 0; from < atoms.length; from++) extend(atoms, from, limits, barriers, best);
  return collect(atoms, best, limits.maxRegisters);
}

/** Tries every request that begins with atom `from`. */
function extend(
  atoms: readonly Atom[],
  from: number,
  { maxRegisters }: PlanLimits,
  barriers: readonly number[],
  best: Choice[],
): void {
  const before = best[from];
  const first = atoms[from];
  if (!before || !first) return;
  const barrier = barriers.find((address) => address > first.address) ?? Number.POSITIVE_INFINITY;
  const waiting = new Map<number, number>();
  let apart = 0;
  for (let last = from; last < atoms.length; last++) {
    const atom = atoms[last];
    if (!atom) return;
    const end = atom.address + atom.quantity;
    const fits = end - first.address <= maxRegisters && end <= barrier;
    if (!fits && last > from) return;
    apart -= waiting.get(last) ?? 0;
    if (atom.partner !== undefined && (atom.partner < from || atom.partner > last)) {
      apart++;
      waiting.set(atom.partner, (waiting.get(atom.partner) ?? 0) + 1);
    }
    const choice = { splits: before.splits + apart, requests: before.requests + 1, from };
    const known = best[last + 1];
    if (!known || isBetter(choice, known)) best[last + 1] = choice;
  }
}

function isBetter(a: Choice, b: Choice): boolean {
  return a.splits < b.splits || (a.splits === b.splits && a.requests < b.requests);
}

function collect(
  atoms: readonly Atom[],
  best: readonly Choice[],
  maxRegisters: number,
): PlannedRead[] {
  const reads: PlannedRead[] = [];
  let end = atoms.length;
  while (end > 0) {
    const { from } = best[end] ?? { from: end - 1 };
    const first = atoms[from];
    const last = atoms[end - 1];
    if (first && last) {
      reads.unshift(...inParts(first.address, last.address + last.quantity, maxRegisters));
    }
    end = from;
  }
  return reads;
}

/** Only a single atom (a long string) can be larger than a request. */
function inParts(start: number, end: number, maxRegisters: number): PlannedRead[] {
  const parts: PlannedRead[] = [];
  for (let address = start; address < end; address += maxRegisters) {
    parts.push({ address, quantity: Math.min(maxRegisters, end - address) });
  }
  return parts;
}
