import { get } from "node:http";
import { type Config, settings } from "../config/mod.ts";

/** Shorter than a container's health check may take (30 s by default). */
export const ANSWER_MS = 5000;
/** The message of an error that says that there was no answer in time. */
export const LATE = "late";

/** Addresses that mean all of this machine's, and the one to ask there. */
const ANY_ADDRESS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** Where a page of the collector is that runs here by this configuration; undefined = nobody knows. */
export function pageAddress(config: Config, path: string): string | undefined {
  const port = config.get(settings.metrics.port);
  if (port === 0) return undefined;
  const address = config.get(settings.metrics.address);
  const host = ANY_ADDRESS[address] ?? address;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
}

/** Without what `fetch` does besides: no proxy is asked for this machine, no redirection followed. */
export function askPage(
  url: string,
  token: string | undefined,
): Promise<{ readonly status: number; readonly text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const timer = setTimeout(() => request.destroy(new Error(LATE)), ANSWER_MS);
  const request = get(url, { headers }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part) => text += part);
    response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    response.on("error", reject);
  });
  request.on("error", reject);
  return promise.finally(() => clearTimeout(timer));
}
