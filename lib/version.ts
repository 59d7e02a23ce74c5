import manifest from "../deno.json" with { type: "json" };

/** The version of sunspool; the one place it stands in is deno.json. */
export const VERSION: string = manifest.version;

/** The year this version was made in: a clock that shows an earlier one is wrong. */
export const RELEASE_YEAR = 2026;
