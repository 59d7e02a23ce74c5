import manifest from "../deno.json" with { type: "json" };

/** The version of sunspool; the one place it stands in is deno.json. */
export const VERSION: string = manifest.version;
