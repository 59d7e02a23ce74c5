import { VERSION } from "../../lib/version.ts";
import type { LockedPackage } from "./packages.ts";

/** CycloneDX's words for what a package is used for. */
const SCOPES = { program: "required", optional: "optional", development: "excluded" } as const;

/**
 * The software bill of materials, CycloneDX 1.6. The same lock file gives the same text: it has
 * neither a time nor a random serial number.
 */
export function billOfMaterials(packages: readonly LockedPackage[], runtime: string): object {
  const program = `pkg:generic/sunspool@${VERSION}`;
  const deno = `pkg:generic/deno@${runtime}`;
  const required = packages.filter(({ use }) => use === "program");
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        ...{ type: "application", "bom-ref": program, name: "sunspool", version: VERSION },
        ...{ licenses: [{ license: { id: "MIT" } }], purl: program },
      },
    },
    components: [
      {
        ...{ type: "platform", "bom-ref": deno, name: "deno", version: runtime },
        ...{ scope: "required", licenses: [{ license: { id: "MIT" } }], purl: deno },
      },
      ...packages.map(component),
    ],
    dependencies: [
      { ref: program, dependsOn: [deno, ...required.map(purl)].sort() },
      { ref: deno, dependsOn: [] },
      ...packages.map((one) => ({
        ref: purl(one),
        dependsOn: packages.filter(({ name, version }) =>
          one.dependencies.some((id) => id === `${name}@${version}`)
        ).map(purl),
      })),
    ],
  };
}

function component(one: LockedPackage): object {
  const { name, version, sha512, licence, use } = one;
  return {
    ...{ type: "library", "bom-ref": purl(one), name, version, scope: SCOPES[use] },
    hashes: [{ alg: "SHA-512", content: sha512 }],
    licenses: [{ license: { id: licence } }],
    purl: purl(one),
  };
}

function purl({ name, version }: LockedPackage): string {
  return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
}
