import { type Answer, type Fault, type FaultType, numberIn } from "./fault.ts";

/** Faults of answers: what a device refuses. */
export const answerFaults: readonly FaultType[] = [
  {
    name: "cap",
    takes: "REGISTERS[:2|:3|:silence] (50:3)",
    summary: "More registers in one read are refused with exception 2 or 3, or not answered",
    make: (text) => {
      const [, registers, how = "3"] = /^(\d+)(?::(2|3|silence))?$/.exec(text || "50:3") ?? [];
      if (registers === undefined) return undefined;
      const refusal: Answer = how === "silence" ? undefined : Number(how);
      return only((read) => read.quantity > Number(registers), refusal);
    },
  },
  {
    name: "exception",
    takes: "CODE (6)",
    summary: "Reads are refused with this exception: 4 failure, 5 and 6 busy, 10 and 11 gateway",
    make: (text) => {
      const code = numberIn(text, { fallback: 6, min: 1, max: 255 });
      return code === undefined ? undefined : only(() => true, code);
    },
  },
  {
    name: "only-fc",
    takes: "3 | 4",
    summary: "Only holding registers (3) or only input registers (4) are served",
    make: (text) => {
      const served = numberIn(text, { fallback: 3, min: 3, max: 4 });
      return served === undefined
        ? undefined
        : only((read) => read.functionCode !== served, ILLEGAL_FUNCTION);
    },
  },
];

const ILLEGAL_FUNCTION = 1;

function only(
  isHit: (read: Parameters<NonNullable<Fault["answer"]>>[0]) => boolean,
  refusal: Answer,
): Fault {
  return { answer: (read, ask) => isHit(read) ? refusal : ask() };
}
