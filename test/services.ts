import { findTools, type ToolName, type Tools } from "../scripts/services.ts";

/** The path of each tool that a test asked for. */
export type ToolPaths<Name extends ToolName> = Readonly<Record<Name, string>>;

const tools = await findTools();

/**
 * Registers a test that needs tools. Where one is missing, the test is skipped and its name says
 * why and what would enable it; with `CI=true` in the environment it fails with the same words.
 */
export function serviceTest<Name extends ToolName>(
  name: string,
  needs: readonly Name[],
  body: (paths: ToolPaths<Name>, t: Deno.TestContext) => Promise<void>,
): void {
  const found = { tools, isCI: Deno.env.get("CI") === "true" };
  Deno.test(testDefinition({ name, needs, body }, found));
}

/** What is asked of a test that needs tools. */
export interface ServiceTest<Name extends ToolName> {
  readonly name: string;
  readonly needs: readonly Name[];
  readonly body: (paths: ToolPaths<Name>, t: Deno.TestContext) => Promise<void>;
}

/** Where it is to be registered. */
export interface Surroundings {
  readonly tools: Tools;
  /** Whether a missing tool fails the test instead of skipping it. */
  readonly isCI: boolean;
}

/** The test as Deno is to know it. */
export function testDefinition<Name extends ToolName>(
  { name, needs, body }: ServiceTest<Name>,
  { tools, isCI }: Surroundings,
): Deno.TestDefinition {
  const paths = pathsOf(needs, tools);
  if (isWhole(paths, needs)) return { name, fn: (t) => body(paths, t) };
  const reason = faultsOf(needs, tools).join("; ");
  const fn = () => Promise.reject(new Error(`Cannot test "${name}": ${reason}`));
  return isCI ? { name, fn } : { name: `${name} (${reason})`, ignore: true, fn };
}

function pathsOf<Name extends ToolName>(
  needs: readonly Name[],
  tools: Tools,
): Partial<Record<Name, string>> {
  const paths: Partial<Record<Name, string>> = {};
  for (const name of needs) {
    const tool = tools[name];
    if ("path" in tool) paths[name] = tool.path;
  }
  return paths;
}

function isWhole<Name extends ToolName>(
  paths: Partial<Record<Name, string>>,
  needs: readonly Name[],
): paths is Record<Name, string> {
  return needs.every((name) => paths[name] !== undefined);
}

function faultsOf(needs: readonly ToolName[], tools: Tools): string[] {
  return needs.map((name) => tools[name])
    .flatMap((tool) => "missing" in tool ? [`${tool.missing}, try ${tool.enable}`] : []);
}
