import { type Fault, type FaultType, numberIn } from "./fault.ts";

/** Faults of values: what single points say. */
export const valueFaults: readonly FaultType[] = [
  {
    name: "scale",
    takes: "",
    summary: "Scale factors move from one state to the next, the values with them",
    make: () => ({
      value(leaf, value, n) {
        if (n % 2 === 0 || typeof value !== "number") return value;
        if (leaf.definition.type.kind === "scale_factor") return value - 1;
        if (typeof leaf.scale !== "object") return value;
        const shifted = value * 10;
        // What no longer fits is not told; a cut number would be another value.
        return Math.abs(shifted) < 2 ** (leaf.definition.size * 16 - 1) ? shifted : null;
      },
    }),
  },
  {
    name: "sentinels",
    takes: "",
    summary: "In every third state no point but those of model 1 is implemented",
    make: () => ({
      value: (leaf, value, n) => n % 3 === 2 && isMeasured(leaf.name) ? null : value,
    }),
  },
  {
    name: "counter",
    takes: "STATES (10)",
    summary: "Every so many states the counters of energy read 0 for two of them",
    make: (text) => {
      const every = numberIn(text, { fallback: 10, min: 3, max: 1e6 });
      return every === undefined ? undefined : counterFault(every);
    },
  },
];

function counterFault(every: number): Fault {
  return {
    value(leaf, value, n) {
      const isCounter = /^acc/.test(leaf.definition.typeName) || leaf.definition.name === "WH";
      return isCounter && n % every < 2 && n >= every ? 0 : value;
    },
  };
}

/** Who a device is, and how it is laid out, it always says. */
function isMeasured(name: string): boolean {
  return !/^(ID|L|Mn|Md|Opt|Vr|SN|DA|N)$/.test(name);
}
