/** What one check of the surroundings found. */
export interface Finding {
  /** What was looked at: `buffer`, `device 192.0.2.7:502/1`, `kafka`. */
  readonly subject: string;
  /** `fault` keeps something from working, `warning` will or may. */
  readonly state: "ok" | "warning" | "fault";
  /** What is so. */
  readonly text: string;
  /** What to do about it; undefined when nothing is to be done. */
  readonly advice: string | undefined;
}
