import type { Device, DeviceIdentity } from "../core/mod.ts";

/** Unit ids that hardly anybody uses. */
const UNLIKELY_UNIT_IDS: readonly number[] = [233, 219, 187, 163];

/**
 * Whether two unit ids lead to one device because it answers at any: some ignore whom they are
 * asked for. Twins with one serial number are told from it by asking where nobody is.
 *
 * @param ids unit ids that were given: none of them is asked
 * @param open finds out what device is behind a unit id
 */
export async function isAnyUnit(
  first: DeviceIdentity,
  second: DeviceIdentity,
  ids: readonly number[],
  open: (unitId: number) => Promise<Device | undefined>,
): Promise<boolean> {
  const unlikely = UNLIKELY_UNIT_IDS.find((id) => !ids.includes(id));
  if (!isSame(first, second) || unlikely === undefined) return false;
  try {
    const third = await open(unlikely);
    return third !== undefined && isSame(first, third.identity);
  } catch {
    return false;
  }
}

function isSame(a: DeviceIdentity, b: DeviceIdentity): boolean {
  return a.manufacturer === b.manufacturer && a.model === b.model &&
    a.serialNumber === b.serialNumber && a.version === b.version;
}
