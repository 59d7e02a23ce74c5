/**
 * Makes one self-extracting executable for this machine: Deno and the bundled program, unpacked
 * once into the user's cache. It needs no download but what npm gave.
 *
 *     deno task package
 */
// deno-lint-ignore-file no-console
import { gzipSync } from "node:zlib";
import { VERSION } from "../lib/version.ts";
import { bundle, DIST, requireOurs } from "./build/bundle.ts";

/** Unpacks beside the final place and renames, so that a second start at the same moment is safe. */
function launcher(id: string, denoLength: number): string {
  return `#!/bin/sh
# sunspool ${VERSION}: unpacks itself once, then runs in place.
set -eu
cache="\${XDG_CACHE_HOME:-\${HOME:-/var/cache}/.cache}/sunspool"
home="$cache/${id}"
if [ ! -f "$home/sunspool.js" ]; then
  umask 077
  mkdir -p "$cache"
  new=$(mktemp -d "$cache/new-XXXXXX")
  trap 'rm -rf "$new"' EXIT
  line=$(awk '/^__PAYLOAD__$/ { print NR + 1; exit }' "$0")
  tail -n +"$line" "$0" | head -c ${denoLength} | gzip -dc > "$new/deno"
  tail -n +"$line" "$0" | tail -c +${denoLength + 1} | gzip -dc > "$new/sunspool.js"
  chmod 700 "$new/deno"
  mv "$new" "$home" 2>/dev/null || [ -f "$home/sunspool.js" ]
  rm -rf "$new"
  trap - EXIT
fi
exec "$home/deno" run --allow-all --no-prompt --unstable-net --no-config --no-lock --quiet "$home/sunspool.js" "$@"
__PAYLOAD__
`;
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const program = await Deno.readFile(await bundle());
const runtime = await Deno.readFile(Deno.execPath());
const [denoZip, programZip] = [runtime, program].map((bytes) =>
  new Uint8Array(gzipSync(bytes, { level: 9 }))
);
if (!denoZip || !programZip) throw new Error("Nothing was packed");
const head = launcher(`${VERSION}-${await digest(program)}`, denoZip.length);
const output = `${DIST}/sunspool-${Deno.build.os}-${
  Deno.build.arch === "aarch64" ? "arm64" : "x64"
}`;
await Deno.writeFile(output, new Blob([head, denoZip, programZip]).stream(), { mode: 0o755 });
await requireOurs(output);
const { size } = await Deno.stat(output);
console.log(`${output}: ${(size / 1e6).toFixed(1)} MB, runs and says it is ours`);
