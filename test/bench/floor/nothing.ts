/** What Deno itself takes. */
export {};
