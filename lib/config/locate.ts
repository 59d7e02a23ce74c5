/** Line (from 1) on which a key of a TOML text stands, or the nearest key around it; 0 = unknown. */
export function locateToml(text: string, path: readonly string[]): number {
  const lines = new Map<string, number>();
  const arrays = new Map<string, number>();
  let table: readonly string[] = [];
  let depth = 0;
  let quote: string | undefined;
  for (const [i, line] of text.split("\n").entries()) {
    const isContinued = depth > 0 || quote !== undefined;
    if (!isContinued) {
      const [, array, name] = /^\s*\[(\[)?\s*([^\]]+?)\s*\]/.exec(line) ?? [];
      const [, key] = /^\s*((?:"[^"]*"|'[^']*'|[\w.-]|\s*\.\s*)+?)\s*=/.exec(line) ?? [];
      if (name !== undefined) {
        table = splitKey(name);
        if (array) table = [...table, String(nextIndex(arrays, table.join(".")))];
        remember(lines, table, i + 1);
      } else if (key !== undefined) {
        remember(lines, [...table, ...splitKey(key)], i + 1);
      }
    }
    ({ depth, quote } = continuation(line, depth, quote));
  }
  return nearest(lines, path);
}

function nextIndex(arrays: Map<string, number>, name: string): number {
  const index = arrays.get(name) ?? 0;
  arrays.set(name, index + 1);
  return index;
}

function splitKey(key: string): string[] {
  return (key.match(/"[^"]*"|'[^']*'|[\w-]+/g) ?? []).map((part) =>
    part.replace(/^["']|["']$/g, "")
  );
}

/** Whether the next line still belongs to a value that began before. */
function continuation(line: string, depth: number, quote: string | undefined) {
  let rest = line;
  while (rest !== "") {
    if (quote !== undefined) {
      const end = endOfText(rest, quote);
      if (end < 0) return { depth, quote: quote.length === 3 ? quote : undefined };
      rest = rest.slice(end);
      quote = undefined;
      continue;
    }
    const [mark] = /"""|'''|"|'|#|[[\]{}]/.exec(rest) ?? [];
    if (mark === undefined || mark === "#") break;
    rest = rest.slice(rest.indexOf(mark) + mark.length);
    if (mark === "[" || mark === "{") depth++;
    else if (mark === "]" || mark === "}") depth = Math.max(depth - 1, 0);
    else quote = mark;
  }
  return { depth, quote };
}

/** Where a text ends that is closed by `quote`; below 0 = not in this line. */
function endOfText(rest: string, quote: string): number {
  // Between double quotes a backslash takes away the meaning of the next character.
  const plain = quote.startsWith('"') ? rest.replaceAll(/\\./g, "  ") : rest;
  const end = plain.indexOf(quote);
  if (end < 0) return end;
  // Up to two more quotes before the closing three belong to the text.
  const more = quote.length === 3 ? /^["']{0,2}/.exec(plain.slice(end + 3))?.[0].length ?? 0 : 0;
  return end + quote.length + more;
}

/** The same for a JSON text. */
export function locateJson(text: string, path: readonly string[]): number {
  const lines = new Map<string, number>();
  const stack: { readonly isArray: boolean; index: number; key: string }[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:\n]/g;
  let line = 1;
  let last = "";
  for (const [part] of text.matchAll(token)) {
    const open = stack.at(-1);
    if (part === "\n") line++;
    else if (part === "{" || part === "[") {
      if (open?.isArray) remember(lines, keysOf(stack), line);
      stack.push({ isArray: part === "[", index: 0, key: "" });
    } else if (part === "}" || part === "]") stack.pop();
    else if (part === "," && open) open.index++;
    else if (part === ":" && open && !open.isArray) {
      open.key = unquote(last);
      remember(lines, keysOf(stack), line);
    } else last = part;
  }
  return nearest(lines, path);
}

function keysOf(stack: readonly { isArray: boolean; index: number; key: string }[]): string[] {
  return stack.map(({ isArray, index, key }) => isArray ? String(index) : key).filter(Boolean);
}

function unquote(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}

/** Notes where a path is first seen, and with it the tables around it. */
function remember(lines: Map<string, number>, path: readonly string[], line: number): void {
  for (let length = path.length; length > 0; length--) {
    const name = JSON.stringify(path.slice(0, length));
    if (!lines.has(name)) lines.set(name, line);
  }
}

function nearest(lines: ReadonlyMap<string, number>, path: readonly string[]): number {
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(JSON.stringify(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return 0;
}
