import { named } from "../collect/mod.ts";
import type { Device, Json, Snapshot } from "../core/mod.ts";

/** A device that somebody else opened, and closes. */
export type KnownDevice = Pick<
  Device,
  "identity" | "children" | "sources" | "maxRegisters" | "read" | "snapshot"
>;

/**
 * A device that goes by the ids it is known by.
 *
 * @param ids its own, then its children's
 */
export function knownAs(device: Device, ids: readonly string[]): KnownDevice {
  const [id = device.identity.id, ...children] = ids;
  return {
    identity: { ...device.identity, id },
    children: device.children.map((child, i) => ({
      ...child,
      id: children[i] ?? child.id,
      parent: id,
    })),
    sources: device.sources,
    get maxRegisters() {
      return device.maxRegisters;
    },
    read: async (options, signal) =>
      (await device.read(options, signal)).map((reading) => named(reading, device, ids)),
    snapshot: async (options, signal) =>
      renamed(await device.snapshot(options, signal), id, children),
  };
}

function renamed(
  { document, rows }: Snapshot,
  id: string,
  ids: readonly string[],
): Snapshot {
  const { device = {}, children } = document;
  const own = { ...document, device: withId(device, id) };
  if (!Array.isArray(children)) return { document: own, rows };
  const theirs = children.map((child: Json, i) => withId(child, ids[i]));
  return { document: { ...own, children: theirs }, rows };
}

function withId(part: Json, id: string | undefined): Json {
  return id === undefined ? part : Object.assign({}, part, { id });
}
