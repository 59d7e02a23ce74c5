/** Registers that must come in one request. */
export interface Atom {
  /** Of its first register. */
  readonly address: number;
  /** Registers. */
  readonly quantity: number;
  /** Index of the atom whose value this one is read with (its scale factor), if any. */
  readonly partner: number | undefined;
  /** What it is part of (its model): atoms of one block are better read at one moment. */
  readonly block: number;
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
  /** Values that come without their partner, blocks cut, then requests; fewer is better. */
  readonly splits: number;
  readonly cuts: number;
  readonly requests: number;
  /** Where the last request begins. */
  readonly from: number;
}

/**
 * Groups registers into requests: first as few values as possible apart from their partners, then
 * as few cuts within a block as possible, then as few requests as possible. A request may run over
 * registers between two atoms that nobody wants.
 *
 * @param atoms by ascending address, not overlapping
 */
export function planReads(atoms: readonly Atom[], limits: PlanLimits): PlannedRead[] {
  const { maxRegisters } = limits;
  const barriers = [...limits.barriers].sort((a, b) => a - b);
  const reads: PlannedRead[] = [];
  let next = 0;
  for (const barrier of [...barriers, Number.POSITIVE_INFINITY]) {
    const first = next;
    while ((atoms[next]?.address ?? Number.POSITIVE_INFINITY) < barrier) next++;
    const between = { atoms: atoms.slice(first, next), first, maxRegisters, barrier };
    const isFree = between.atoms.every(({ partner, block }) =>
      partner === undefined && block === between.atoms[0]?.block
    );
    const starts = isFree ? startsInOrder(between) : startsByChoice(between);
    for (const [i, start] of starts.entries()) {
      reads.push(...inParts(between.atoms.slice(start, starts[i + 1]), maxRegisters));
    }
  }
  return reads;
}

/** Atoms that no barrier parts. */
interface Between {
  readonly atoms: readonly Atom[];
  /** Index of the first of them among all atoms: partners are counted so. */
  readonly first: number;
  readonly maxRegisters: number;
  /** The address behind them that no request may run across. */
  readonly barrier: number;
}

/** Where requests begin when all atoms are free: from the end, as much in each as it holds. */
function startsInOrder({ atoms, maxRegisters, barrier }: Between): number[] {
  const starts: number[] = [];
  let end = 0;
  for (let i = atoms.length - 1; i >= 0; i--) {
    const { address, quantity } = atoms[i] ?? { address: 0, quantity: 0 };
    const fits = end - address <= maxRegisters && end <= barrier;
    if (starts.length > 0 && fits) starts[starts.length - 1] = i;
    else {
      starts.push(i);
      end = address + quantity;
    }
  }
  return starts.reverse();
}

/** Where requests begin when each choice of one is weighed by what it takes apart. */
function startsByChoice(between: Between): number[] {
  const { length } = between.atoms;
  const best: Choice[] = [{ splits: 0, cuts: 0, requests: 0, from: 0 }];
  for (let from = 0; from < length; from++) extend(between, from, best);
  const starts: number[] = [];
  for (let end = length; end > 0; end = starts.at(-1) ?? 0) starts.push(best[end]?.from ?? end - 1);
  return starts.reverse();
}

/** Tries every request that begins with atom `from`. */
function extend({ atoms, first, maxRegisters, barrier }: Between, from: number, best: Choice[]) {
  const before = best[from];
  const begin = atoms[from]?.address;
  if (!before || begin === undefined) return;
  const requests = before.requests + 1;
  const cuts = before.cuts + Number(atoms[from - 1]?.block === atoms[from]?.block);
  const waiting = new Map<number, number>();
  let apart = 0;
  for (let last = from; last < atoms.length; last++) {
    const { address, quantity, partner } = atoms[last] ?? { address: 0, quantity: 0 };
    const end = address + quantity;
    if (last > from && (end - begin > maxRegisters || end > barrier)) return;
    apart -= waiting.get(first + last) ?? 0;
    if (partner !== undefined && (partner < first + from || partner > first + last)) {
      apart++;
      waiting.set(partner, (waiting.get(partner) ?? 0) + 1);
    }
    const choice = { splits: before.splits + apart, cuts, requests, from };
    if (isBetter(choice, best[last + 1])) best[last + 1] = choice;
  }
}

function isBetter(choice: Choice, known: Choice | undefined): boolean {
  if (!known) return true;
  const difference = choice.splits - known.splits || choice.cuts - known.cuts ||
    choice.requests - known.requests;
  return difference < 0;
}

/** Only a single atom (a long string) can be larger than a request. */
function inParts(atoms: readonly Atom[], maxRegisters: number): PlannedRead[] {
  const start = atoms[0]?.address ?? 0;
  const last = atoms.at(-1);
  const end = last ? last.address + last.quantity : start;
  const parts: PlannedRead[] = [];
  for (let address = start; address < end; address += maxRegisters) {
    parts.push({ address, quantity: Math.min(maxRegisters, end - address) });
  }
  return parts;
}
