/**
 * What devices in the field do wrong, for tests and for trying.
 *
 * @module
 */
import { UsageError } from "../../core/mod.ts";
import { answerFaults } from "./answers.ts";
import type { Fault, FaultType } from "./fault.ts";
import { mapFaults } from "./maps.ts";
import { valueFaults } from "./values.ts";
import { wireFaults } from "./wires.ts";

export type { Answer, AskedRead, Client, Fault, FaultType, Outgoing, Step } from "./fault.ts";

/** Every kind of fault, in the order in which they are told. */
export const faultTypes: readonly FaultType[] = [
  ...wireFaults,
  ...answerFaults,
  ...mapFaults,
  ...valueFaults,
];

/** How many of 100 answers are hit when nobody says. */
const DEFAULT_SHARE = 100;

/**
 * Understands `NAME[=VALUE][%SHARE]`: `late=1500%10` makes one answer in ten late by 1.5 s.
 *
 * @param random 0 ≤ random() < 1: which answers are hit
 * @throws {UsageError} on anything else
 */
export function parseFault(text: string, random: () => number): Fault {
  const [, name = "", value = "", share] = /^([a-z-]+)(?:=([^%]*))?(?:%(\d{1,3}))?$/.exec(text) ??
    [];
  const type = faultTypes.find((candidate) => candidate.name === name);
  if (!type) {
    const names = faultTypes.map(({ name }) => name).join(", ");
    throw new UsageError(`Cannot simulate fault "${text}": there are ${names}`);
  }
  const fault = type.make(value);
  const percent = Number(share ?? DEFAULT_SHARE);
  if (!fault || percent < 1 || percent > 100) {
    const form = type.takes === "" ? type.name : `${type.name}=${type.takes}`;
    throw new UsageError(`Cannot simulate fault "${text}": write it as ${form}, %SHARE as %10`);
  }
  return percent === 100 ? fault : occasional(fault, () => random() * 100 < percent);
}

/** A fault that hits only some answers; what it does to maps and clients it always does. */
function occasional(fault: Fault, isHit: () => boolean): Fault {
  const { answer, deliver } = fault;
  return {
    ...fault,
    ...(answer
      ? { answer: (read, ask, n) => isHit() ? answer.call(fault, read, ask, n) : ask() }
      : {}),
    ...(deliver
      ? { deliver: (outgoing) => isHit() ? deliver.call(fault, outgoing) : undefined }
      : {}),
  };
}
