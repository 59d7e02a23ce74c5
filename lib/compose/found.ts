import type { Printable } from "../cli/mod.ts";
import { formatEndpoint, type Json } from "../core/mod.ts";
import type { Found, SweepCounts } from "../scan/mod.ts";

/** What a scan found, by address, for printing. */
export async function foundPrintable(found: readonly Found[]): Promise<Printable> {
  const sorted = found.toSorted((a, b) =>
    formatEndpoint(a.endpoint).localeCompare(formatEndpoint(b.endpoint), "en", { numeric: true }) ||
    a.unitId - b.unitId
  );
  const rows = sorted.map(({ endpoint, unitId, device, isBusy, responseMs }) => [
    formatEndpoint(endpoint),
    String(unitId),
    device ? "yes" : isBusy ? "busy" : "no",
    device ? [device.identity, ...device.children].map(({ id }) => id).join(" + ") : "",
    device?.sources.map(({ modelId }) => modelId).join(" ") ?? "",
    String(responseMs),
  ]);
  return {
    documents: await Promise.all(sorted.map(describe)),
    table: { columns: ["endpoint", "unit", "sunspec", "device", "models", "ms"], rows },
    isSingle: false,
  };
}

async function describe({ endpoint, unitId, device, isBusy, responseMs }: Found): Promise<Json> {
  const head = { endpoint: formatEndpoint(endpoint), unit_id: unitId, modbus: true };
  if (!device) {
    return { ...head, sunspec: false, ...(isBusy ? { busy: true } : {}), response_ms: responseMs };
  }
  const { document } = await device.snapshot(
    { select: [], raw: false, valueless: true },
    new AbortController().signal,
  );
  const { id, manufacturer, model, options, version, serialNumber } = device.identity;
  return {
    ...head,
    sunspec: true,
    base_address: document.base_address ?? null,
    id,
    manufacturer,
    model,
    options,
    version,
    serial_number: serialNumber,
    models: device.sources.map(({ modelId }) => modelId),
    ...(document.children === undefined ? {} : { children: document.children }),
    response_ms: responseMs,
  };
}

/** What became of all the addresses, in one line. */
export function foundSummary(counts: SweepCounts, found: readonly Found[]): string {
  const devices = found.filter(({ device }) => device).length;
  const busy = found.filter(({ isBusy }) => isBusy).length;
  const others = [
    [found.length - devices - busy, "answer Modbus without SunSpec"],
    [busy, "busy: try again later"],
    [counts.foreign, "speak something else"],
    [counts.refused, "refused"],
    [counts.silent, "silent"],
    [counts.unreachable, "unreachable"],
  ] as const;
  const rest = others.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
  return `${counts.done} tried: ${devices} SunSpec devices${rest.join("")}`;
}
