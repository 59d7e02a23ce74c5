/**
 * V8 lets its old generation become several times what lives in it before it collects it, and its
 * young one 64 MB: with hundreds of devices that is most of the memory. What outlived a few
 * collections it makes old from the start: objects of a poll that did so by chance take many with
 * them that would not. docs/performance.md has what other values give and cost.
 */
export const V8_FLAGS =
  "--v8-flags=--heap-growing-percent=100,--max-semi-space-size=16,--no-allocation-site-pretenuring";

/** How Deno is called to run the bundle: its words before the bundle's file. */
export const LAUNCH_WORDS: readonly string[] = [
  "run",
  "--allow-all",
  "--no-prompt",
  "--unstable-net",
  "--no-config",
  "--no-lock",
  "--no-remote",
  "--cached-only",
  "--quiet",
  V8_FLAGS,
];
