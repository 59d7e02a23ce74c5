import {
  compileLayout,
  type Leaf,
  lengthOf,
  type ModelDefinition,
  parseDefinition,
} from "../../lib/sunspec/mod.ts";
import { smdxToJson } from "../../lib/sunspec/smdx.ts";

/** Enough to see where a second group lies. */
const GROUPS = 2;

/** What a point is, in words that two publications may disagree on. */
const FACTS: Readonly<Record<string, (leaf: Leaf) => unknown>> = {
  name: ({ name }) => withoutGroup(name),
  offset: ({ offset }) => offset,
  type: ({ definition }) => definition.typeName,
  size: ({ definition }) => definition.size,
  "scale factor": ({ scale }) => typeof scale === "object" ? withoutGroup(scale.name) : scale,
  units: ({ definition }) => definition.units,
  access: ({ definition }) => definition.isWritable ? "RW" : "R",
  mandatory: ({ definition }) => definition.isMandatory,
  symbols: ({ definition }) =>
    [...definition.symbols].map(([value, name]) => `${value} ${name}`).join(", "),
};

/** The XML form has no names for most groups: `module[1].DCW` is `[1].DCW`. */
function withoutGroup(name: string): string {
  return name.replace(/^\w+(?=\[)/, "");
}

/**
 * Where the XML and the JSON publication of a model differ, one line each; a group's points once.
 *
 * @param xml the text of an SMDX file
 * @throws {ConfigError} when our parser cannot use it
 */
export function publicationDifferences(xml: string, source: string, json: ModelDefinition) {
  const older = parseDefinition(smdxToJson(xml, source), source);
  const differences: string[] = [];
  const differ = (what: string, inXml: unknown, inJson: unknown) => {
    if (inXml === inJson) return;
    const [old, now] = [inXml, inJson].map((value) => value === undefined ? "none" : `"${value}"`);
    differences.push(`${json.id} ${what}: ${old} in the XML form, ${now} in the JSON form`);
  };
  differ("model name", older.name, json.name);
  const [theirs, ours] = [leavesOf(older), leavesOf(json)];
  differ("points", theirs.length, ours.length);
  for (const [i, leaf] of ours.entries()) {
    const twin = theirs[i];
    if (!twin || /\[[1-9]/.test(leaf.name)) continue;
    for (const [fact, of] of Object.entries(FACTS)) {
      differ(`${leaf.name} ${fact}`, of(twin), of(leaf));
    }
  }
  return differences;
}

function leavesOf(model: ModelDefinition): readonly Leaf[] {
  return compileLayout(model, lengthOf(model, GROUPS), () => GROUPS).leaves;
}
