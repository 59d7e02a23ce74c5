import type { Figures } from "./measurement.ts";

/** The value below which so many percent of sorted values lie; null of none. */
export function percentile(sorted: readonly number[], percent: number): number | null {
  const index = Math.ceil(sorted.length * percent / 100) - 1;
  return sorted[Math.max(index, 0)] ?? null;
}

/** The middle one; of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

/** The median of each figure over some rounds; null where no round had it. */
export function medians(rounds: readonly Figures[]): Figures {
  const keys = new Set(rounds.flatMap((figures) => Object.keys(figures)));
  return Object.fromEntries([...keys].map((key) => {
    const values = rounds.map((figures) => figures[key] ?? null);
    return [key, median(values.filter((value) => value !== null))];
  }));
}

/** How steep the straight line is that fits points best, by least squares; null of fewer than two. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number | null {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const spread = mean(([x]) => (x - meanX) ** 2);
  return spread > 0 ? mean(([x, y]) => (x - meanX) * (y - meanY)) / spread : null;
}
