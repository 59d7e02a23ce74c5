import type { DeviceIdentity } from "../core/mod.ts";
import { printable } from "../printable.ts";
import { wireValue } from "./decode.ts";
import type { ModelImage } from "./decode.ts";
import type { Layout } from "./layout.ts";

/** Where a device was found; `child` counts the further common models of a chain from 0. */
export interface Place {
  /** In its one spelling. */
  readonly endpoint: string;
  /** Behind that endpoint. */
  readonly unitId: number;
  /** Id of the device it sits behind. */
  readonly parent: string | null;
  /** Which of that device's children it is. */
  readonly child: number | undefined;
}

/** Reads who a device is from its common model; without one, only where it is. */
export function identityOf(
  common: { readonly layout: Layout; readonly image: ModelImage } | undefined,
  place: Place,
): DeviceIdentity {
  const text = (name: string) => {
    const leaf = common?.layout.leaves.find((leaf) => leaf.name === name);
    const value = leaf && common ? wireValue(leaf, common.image) : null;
    // It becomes a name: in logs, labels and configuration files.
    return printable(String(value ?? ""), "").trim();
  };
  const manufacturer = text("Mn");
  const model = text("Md");
  const serialNumber = text("SN");
  const { endpoint, unitId, parent } = place;
  return {
    id: deviceId(manufacturer, model, serialNumber, place),
    manufacturer,
    model,
    options: text("Opt"),
    version: text("Vr"),
    serialNumber,
    endpoint,
    unitId,
    parent,
  };
}

const NAMES = ["manufacturer", "model", "serialNumber"] as const;

/** Whether it does not say all that makes its id. */
export function isNameless(identity: DeviceIdentity): boolean {
  return NAMES.some((name) => identity[name] === "");
}

/** Whether one that answers now is not the one that is known; what is blank now says nothing. */
export function isAnother(known: DeviceIdentity, now: DeviceIdentity): boolean {
  return NAMES.some((name) => now[name] !== "" && now[name] !== known[name]);
}

function deviceId(manufacturer: string, model: string, serialNumber: string, place: Place): string {
  const name = [manufacturer, model].filter((part) => part !== "").join("-") || "unknown";
  const where = `${place.endpoint}/${place.unitId}`;
  const suffix = place.child === undefined ? where : `${where}.${place.child + 1}`;
  const id = serialNumber === "" ? `${name}@${suffix}` : `${name}-${serialNumber}`;
  return id.replace(/\s+/g, "_");
}
