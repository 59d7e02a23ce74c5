import assert from "node:assert/strict";
import fc from "fast-check";
import { type Atom, type PlannedRead, planReads } from "../../lib/modbus/mod.ts";

/** `address+quantity`, with `>n` for the index of the partner: `0+1 1+1>0`; `|` begins a block. */
function atomsOf(text: string): Atom[] {
  let block = 0;
  return text.split(" ").filter((part) => part !== "").flatMap((part) => {
    if (part === "|") block++;
    if (part === "|") return [];
    const [, address, quantity, partner] = /^(\d+)\+(\d+)(?:>(\d+))?$/.exec(part) ?? [];
    return {
      address: Number(address),
      quantity: Number(quantity),
      partner: partner === undefined ? undefined : Number(partner),
      block,
    };
  });
}

function plan(atoms: readonly Atom[], maxRegisters: number, barriers: readonly number[]): string {
  return planReads(atoms, { maxRegisters, barriers: new Set(barriers) })
    .map(({ address, quantity }) => `${address}+${quantity}`)
    .join(" ");
}

Deno.test("planReads() makes as few requests as limits, barriers and partners allow", () => {
  for (
    const [name, atoms, maxRegisters, barriers, want] of [
      ["nothing", "", 125, [], ""],
      ["one atom", "7+2", 125, [], "7+2"],
      ["neighbours", "0+1 1+1 2+2", 125, [], "0+4"],
      ["a gap inside a request is read along", "0+1 9+1", 125, [], "0+10"],
      ["a gap larger than a request is not", "0+1 125+1", 125, [], "0+1 125+1"],
      ["as many registers as allowed", "0+1 124+1", 125, [], "0+125"],
      ["one more than allowed", "0+100 100+26", 125, [], "0+100 100+26"],
      ["no atom is cut to fill a request", "0+3 3+3 6+3", 5, [], "0+3 3+3 6+3"],
      ["an atom as large as the limit", "0+5 5+5", 5, [], "0+5 5+5"],
      ["an atom larger than the limit comes in parts", "0+12", 5, [], "0+5 5+5 10+2"],
      ["and alone", "0+1 1+12 13+1", 5, [], "0+1 1+5 6+5 11+2 13+1"],
      ["a limit of one register", "0+1 1+1 2+2", 1, [], "0+1 1+1 2+1 3+1"],
      ["a barrier between two atoms", "0+2 2+2", 125, [2], "0+2 2+2"],
      ["a barrier in a gap", "0+2 9+2", 125, [5], "0+2 9+2"],
      ["barriers at both ends", "3+2 5+2", 125, [3, 7], "3+4"],
      ["barriers in no order", "0+1 1+1 2+1", 125, [2, 1], "0+1 1+1 2+1"],
      ["a factor behind its value", "0+2>2 2+2 4+1", 4, [], "0+2 2+3"],
      ["a value behind its factor", "0+1 1+3 4+1>5 5+3 8+1 9+1>4", 6, [], "0+4 4+6"],
      ["a pair decides where a request ends", "0+3 3+1>2 4+1", 4, [], "0+3 3+2"],
      ["a pair in one window", "0+2 2+2>3 4+2 6+1", 5, [], "0+2 2+5"],
      ["a pair too far apart", "0+1 9+1>0", 5, [], "0+1 9+1"],
      ["a pair on two sides of a barrier", "0+1 1+1>0", 125, [1], "0+1 1+1"],
      ["two blocks, each in one request", "0+2 2+2 4+1 | 5+3 8+3", 8, [], "0+5 5+6"],
      ["rather than in fewer", "0+2 2+2 | 4+2 6+2 | 8+2 10+2", 6, [], "0+4 4+4 8+4"],
      ["a pair goes before a block", "0+2 2+2>2 | 4+2 6+2", 5, [], "0+2 2+4 6+2"],
      ["a block that no request holds", "0+3 3+3 | 6+2", 5, [], "0+3 3+5"],
      ["two values, one factor", "0+2>1 2+1 3+2>1 5+2", 5, [], "0+5 5+2"],
    ] as const
  ) {
    assert.equal(plan(atomsOf(atoms), maxRegisters, barriers), want, name);
  }
});

interface Case {
  readonly atoms: readonly Atom[];
  readonly maxRegisters: number;
  readonly barriers: readonly number[];
}

/** Atoms with gaps, some of them with partners; barriers anywhere but inside an atom. */
function cases(maxLength: number, quantity: fc.Arbitrary<number>): fc.Arbitrary<Case> {
  const atom = fc.record({
    gap: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(6)),
    quantity,
    partner: fc.option(fc.nat(), { nil: undefined, freq: 2 }),
    barrier: fc.option(fc.nat(), { nil: undefined, freq: 8 }),
    block: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.constant(1)),
  });
  return fc.record({
    drafts: fc.array(atom, { maxLength }),
    maxRegisters: fc.integer({ min: 1, max: 20 }),
  }).map(({ drafts, maxRegisters }) => {
    let end = 0;
    let last = 0;
    const barriers: number[] = [];
    const atoms = drafts.map(({ gap, quantity, partner, barrier, block }, i) => {
      const address = end + gap;
      if (barrier !== undefined) barriers.push(end + barrier % (gap + 1));
      end = address + quantity;
      const index = partner === undefined ? i : partner % drafts.length;
      last += block;
      return { address, quantity, partner: index === i ? undefined : index, block: last };
    });
    return { atoms, maxRegisters, barriers };
  });
}

const quantity = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.nat(40))
  .map((quantity) => Math.max(1, quantity));

Deno.test("each atom is in exactly one request, none cut, none too large, none over a barrier", () => {
  fc.assert(
    fc.property(cases(60, quantity), ({ atoms, maxRegisters, barriers }) => {
      const reads = planReads(atoms, { maxRegisters, barriers: new Set(barriers) });
      let end = 0;
      for (const read of reads) {
        assert.ok(read.quantity >= 1 && read.quantity <= maxRegisters, "too large");
        assert.ok(read.address >= end, "overlapping or out of order");
        end = read.address + read.quantity;
        const crossed = barriers.some((barrier) => read.address < barrier && barrier < end);
        assert.ok(!crossed, "over a barrier");
      }
      for (const atom of atoms) {
        const touching = reads.filter((read) => overlap(read, atom) > 0);
        const covered = touching.reduce((sum, read) => sum + overlap(read, atom), 0);
        assert.equal(covered, atom.quantity, "not covered");
        const parts = Math.max(1, Math.ceil(atom.quantity / maxRegisters));
        assert.equal(touching.length, parts, "cut");
        if (parts > 1) {
          assert.equal(touching.reduce((sum, read) => sum + read.quantity, 0), covered);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

function overlap(read: PlannedRead, atom: Atom): number {
  const end = Math.min(read.address + read.quantity, atom.address + atom.quantity);
  return Math.max(0, end - Math.max(read.address, atom.address));
}

/** What a grouping costs: values apart from their partners, cuts in a block, requests. */
type Cost = readonly [splits: number, cuts: number, requests: number];

function costOf({ atoms, barriers }: Case, groupOf: readonly number[]): Cost {
  const splits = atoms.filter(({ partner }, i) =>
    partner !== undefined && groupOf[partner] !== groupOf[i]
  );
  // A barrier between two atoms is nobody's choice.
  const cuts = atoms.filter((atom, i) => {
    const before = atoms[i - 1];
    const isBarred = barriers.some((barrier) =>
      before && barrier > before.address && barrier <= atom.address
    );
    return before?.block === atom.block && groupOf[i - 1] !== groupOf[i] && !isBarred;
  });
  return [splits.length, cuts.length, new Set(groupOf).size];
}

/** The best of all ways to cut the atoms into contiguous groups that limit and barriers allow. */
function bestCost(given: Case): Cost {
  const { atoms, maxRegisters, barriers } = given;
  let best: Cost = [Number.POSITIVE_INFINITY, 0, 0];
  for (let cuts = 0; cuts < 2 ** Math.max(0, atoms.length - 1); cuts++) {
    let group = 0;
    const groupOf = atoms.map((_, i) => i > 0 && (cuts >> (i - 1)) & 1 ? ++group : group);
    const isAllowed = atoms.every((atom, i) => {
      const first = atoms[groupOf.indexOf(groupOf[i] ?? 0)] ?? atom;
      if (first === atom) return true;
      const end = atom.address + atom.quantity;
      return end - first.address <= maxRegisters &&
        !barriers.some((barrier) => first.address < barrier && barrier < end);
    });
    if (!isAllowed) continue;
    const cost = costOf(given, groupOf);
    if ((cost[0] - best[0] || cost[1] - best[1] || cost[2] - best[2]) < 0) best = cost;
  }
  return atoms.length === 0 ? [0, 0, 0] : best;
}

Deno.test("no way of cutting keeps more together, or needs fewer requests", () => {
  fc.assert(
    fc.property(cases(9, quantity), (given) => {
      const { atoms, maxRegisters, barriers } = given;
      const reads = planReads(atoms, { maxRegisters, barriers: new Set(barriers) });
      const groupOf = atoms.map((atom) => reads.findIndex((read) => overlap(read, atom) > 0));
      assert.deepEqual(costOf(given, groupOf), bestCost(given));
    }),
    { numRuns: 1500 },
  );
});

Deno.test("a value and its partner share a request whenever one request can hold both", () => {
  const pair = fc.tuple(cases(40, fc.integer({ min: 1, max: 4 })), fc.nat(), fc.nat());
  fc.assert(
    fc.property(pair, ([{ atoms: bare, maxRegisters, barriers }, a, b]) => {
      const [value, partner] = [a % (bare.length || 1), b % (bare.length || 1)];
      fc.pre(value !== partner);
      const atoms = bare.map((atom, i) => ({
        ...atom,
        partner: i === value ? partner : undefined,
      }));
      const [first, last] = [bare[Math.min(value, partner)], bare[Math.max(value, partner)]];
      assert.ok(first && last);
      const end = last.address + last.quantity;
      const canShare = end - first.address <= maxRegisters &&
        !barriers.some((barrier) => first.address < barrier && barrier < end);
      const reads = planReads(atoms, { maxRegisters, barriers: new Set(barriers) });
      const shared = reads.some((read) =>
        overlap(read, first) === first.quantity && overlap(read, last) === last.quantity
      );
      assert.equal(shared, canShare);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("ten thousand atoms are planned in one go", () => {
  const atoms = Array.from({ length: 10_000 }, (_, i) => ({
    address: i * 2,
    quantity: 1,
    partner: i === 0 ? undefined : i - 1,
    block: 0,
  }));
  const reads = planReads(atoms, { maxRegisters: 125, barriers: new Set() });
  assert.equal(reads.length, Math.ceil(10_000 / 63));
});
