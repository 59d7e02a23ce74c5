import type { Config } from "../config/mod.ts";
import { messageOf } from "../core/mod.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { ReloadSignals } from "../signals.ts";
import type { Notifier } from "../systemd.ts";
import { certificateEnds } from "./certificates.ts";

/** Where another configuration comes from. */
export interface ReloadSource {
  /** The wish for one. */
  readonly signals: ReloadSignals;
  /**
   * Reads it, in the same way as at the start.
   *
   * @throws {ConfigError}
   */
  load(): Config;
  /** Told once it is in use. */
  adopted(config: Config): void;
}

/** Who takes it, and who is told. */
export interface ReloadPorts {
  /**
   * Uses it from now on; gives what has changed, for the log.
   *
   * @throws {ConfigError} it cannot be used: nothing has changed
   */
  adopt(config: Config): Promise<Readonly<Record<string, unknown>>>;
  readonly metrics: Metrics;
  readonly notifier: Notifier;
  readonly log: Log;
}

/** Reads the configuration anew whenever somebody wants it, until the signal aborts. */
export async function reloadAgainAndAgain(
  source: ReloadSource,
  ports: ReloadPorts,
  signal: AbortSignal,
): Promise<void> {
  const { adopt, metrics, notifier, log } = ports;
  while (await source.signals.next(signal)) {
    // Without MONOTONIC_USEC, which a Type=notify service need not send: Deno has no such clock.
    notifier.notify("RELOADING=1");
    try {
      const config = source.load();
      const changes = await adopt(config);
      source.adopted(config);
      metrics.configRead(true);
      metrics.certificates(certificateEnds(config));
      log("info", "the configuration is read anew", { config: config.file ?? "none", ...changes });
    } catch (error) {
      if (signal.aborted) return;
      metrics.configRead(false);
      log("error", `the configuration is refused, the one before stays: ${messageOf(error)}`, {
        event: "reload_refused",
      });
    }
    if (!signal.aborted) notifier.notify("READY=1");
  }
}
