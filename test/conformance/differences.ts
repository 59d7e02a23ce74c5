import type { Json } from "../../lib/core/mod.ts";
import type { Exact } from "./reference.ts";

/** A point on which we and the reference implementation may disagree. */
export interface Disagreement {
  /** As the definition names its type. */
  readonly typeName: string;
  /** Its registers, hexadecimal; empty = the model is too short for it. */
  readonly registers: string;
  /** The power of ten its scale factor point says; null = not implemented; undefined = it has none. */
  readonly factor: Json | undefined;
  /** What the reference says. */
  readonly raw: Json;
  /** What the reference says, scaled. */
  readonly exact: Exact;
}

/** What is right, where the reference is not. */
export interface Right {
  readonly raw: Json;
  readonly exact: Exact;
}

/** A case in which we differ from the reference on purpose. */
export interface Difference {
  /** What the reference does, and what we do. */
  readonly what: string;
  /** Of the SunSpec Device Information Model Specification V1.1, or another source. */
  readonly section: string;
  /** What is right; undefined = this is not such a case. */
  right(point: Disagreement): Right | undefined;
}

const NOT_IMPLEMENTED: Right = { raw: null, exact: null };
const windows1252 = new TextDecoder("windows-1252");

/** Every case in which the reference implementation, pysunspec2 1.3.7, is the one in error. */
export const DIFFERENCES: readonly Difference[] = [
  {
    what: "a float32 of 2143289344 is taken for not implemented; only NaN is",
    section: "4.2, float32",
    right({ typeName, registers }) {
      if (typeName !== "float32" || registers !== "4eff8000") return undefined;
      return { raw: 2_143_289_344, exact: { number: "2143289344" } };
    },
  },
  {
    what: "an infinite float32 is a value; it is no quantity and JSON has none: null",
    section: "4.2, float32; RFC 8259, section 6",
    right: ({ raw }) => raw === "inf" || raw === "-inf" ? NOT_IMPLEMENTED : undefined,
  },
  {
    what: "a scale factor that is not implemented counts as 10^0; its values are null",
    section: "4.2, sunssf",
    right: ({ factor, raw }) => factor === null ? { raw, exact: null } : undefined,
  },
  {
    what: "any scale factor counts; beyond ±10 its values are null, with a warning",
    section: "4.2, sunssf",
    right({ factor, raw }) {
      return typeof factor === "number" && Math.abs(factor) > 10 ? { raw, exact: null } : undefined;
    },
  },
  {
    what:
      "a string that is not UTF-8 is lost; without --raw it is read as windows-1252, unless it is 0xFF throughout",
    section: "4.2, string",
    right({ typeName, registers, raw }) {
      const bytes = Uint8Array.fromHex(registers);
      if (typeName !== "string" || raw !== null || !bytes[0]) return undefined;
      if (bytes.every((byte) => byte === 0xff)) return NOT_IMPLEMENTED;
      return { raw, exact: { text: windows1252.decode(bytes).replace(/[\0\s]+$/, "") } };
    },
  },
];
