import type { Io } from "../cli/mod.ts";
import type { Device } from "../core/mod.ts";
import type { Log } from "../log.ts";
import { printable } from "../printable.ts";

/** What a device calls itself and what is behind it. */
export type NamedDevice = Pick<Device, "identity" | "children">;

/** Who keeps names, and who is told of twins. */
export interface DeviceNamesPorts {
  /** The id a device keeps for ever. */
  deviceId(identity: string, place: string, isTaken: boolean): Promise<string>;
  readonly log: Log;
}

/** The ids under which the devices of a fleet are known. */
export class DeviceNames {
  readonly #ports: DeviceNamesPorts;
  readonly #isLive: (place: string) => boolean;
  /** The ids that the device at each place, and its children, were given last. */
  readonly #ids = new Map<string, readonly string[]>();
  #naming: Promise<unknown> = Promise.resolve();

  /** @param isLive whether the device at a place is polled and answers */
  constructor(ports: DeviceNamesPorts, isLive: (place: string) => boolean) {
    this.#ports = ports;
    this.#isLive = isLive;
  }

  /**
   * Ids of a device and its children; a live twin elsewhere keeps the plain one. One after the
   * other: of twins that are found at once, one is the first.
   */
  name(device: NamedDevice, place: string): Promise<readonly string[]> {
    const named = this.#naming.then(() => this.#nameAll(device, place));
    this.#naming = named.catch(() => {});
    return named;
  }

  /**
   * Nobody is at a place any more; gives the ids that were, the place itself before there were any,
   * but for those of a device that has moved.
   */
  forget(place: string): readonly string[] {
    const ids = this.#ids.get(place) ?? [place];
    this.#ids.delete(place);
    const elsewhere = [...this.#ids.values()].flat();
    return ids.filter((id) => !elsewhere.includes(id));
  }

  async #nameAll(device: NamedDevice, place: string): Promise<readonly string[]> {
    const ids: string[] = [];
    for (const { id: identity } of [device.identity, ...device.children]) {
      const id = await this.#ports.deviceId(identity, place, this.#isTaken(identity, place));
      ids.push(id);
      if (id === identity) continue;
      this.#ports.log("warn", "two devices call themselves the same; this one gets another id", {
        identity,
        device: id,
        place,
      });
    }
    this.#ids.set(place, ids);
    return ids;
  }

  /** Whether a device other than the one at `place`, or a child of one, is live under this id. */
  #isTaken(id: string, place: string): boolean {
    return [...this.#ids].some(([other, taken]) =>
      taken.includes(id) && other !== place && this.#isLive(other)
    );
  }
}

/** Names for one run of a command, which keeps none. */
export function passingNames(io: Io): DeviceNames {
  return new DeviceNames({
    deviceId: (identity, place, isTaken) =>
      Promise.resolve(isTaken ? `${identity}@${place}` : identity),
    log: (_level, message, fields) => {
      io.err(printable(`warning: ${message}: "${fields?.device}"`) + "\n");
    },
  }, () => true);
}

/** The place of an open device, as collectors call it. */
export function placeOfDevice({ identity: { endpoint, unitId } }: NamedDevice): string {
  return `${endpoint}/${unitId}`;
}
