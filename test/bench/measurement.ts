import type { Kafka, ToolName } from "../../scripts/services.ts";
import type { Plan } from "./plans.ts";

/** What was measured, by the keys of columns; null = it does not apply, or cannot be had here. */
export type Figures = Readonly<Record<string, number | null>>;

/** A figure as a report shows it. */
export interface Column {
  /** Its name in the figures, with the unit: `cpu_ms_per_poll`. */
  readonly key: string;
  /** What stands above it. */
  readonly title: string;
  /** Decimal places. */
  readonly digits: number;
}

/** Figures that belong together: a table of the report. */
export interface Part {
  /** What they are, for the report: where they come from, what is in them. */
  readonly about: string;
  readonly columns: readonly Column[];
}

/** What a trial may use. */
export interface Bench {
  readonly plan: Plan;
  /** For what several trials share; removed at the end. */
  readonly folder: string;
  /** Programs that other projects bring. */
  readonly tools: Readonly<Partial<Record<ToolName, string>>>;
  /** A broker of its own, started by the first who asks. */
  kafka(): Promise<Kafka>;
  /** Aborts when the bench is to end. */
  readonly signal: AbortSignal;
}

/** One thing that is measured once a round. */
export interface Trial {
  /** What it is put to: `500 devices`. */
  readonly row: string;
  /** What does it: `sunspool to Kafka`, `floor`, a peer. */
  readonly subject: string;
  /** The subject of the same row that its ratio is formed with. */
  readonly against?: string;
  /** Without one of these it is left out, and the report says so. */
  readonly needs?: readonly ToolName[];
  run(bench: Bench): Promise<Figures>;
}

/** A question, and all that is tried to answer it. */
export interface Measurement {
  /** As in `--only`. */
  readonly name: string;
  readonly title: string;
  readonly parts: readonly Part[];
  /** The column of the first part whose ratio is shown. */
  readonly ratio: string;
  /** Takes so long that it is run only when it is named. */
  readonly isOnDemand?: boolean;
  /** In the order of the report: rows together. */
  trials(plan: Plan): readonly Trial[];
}
