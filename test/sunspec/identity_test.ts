import assert from "node:assert/strict";
import {
  compileLayout,
  encodeModel,
  identityOf,
  type Place,
  type WireValue,
} from "../../lib/sunspec/mod.ts";
import { published } from "./published.ts";

const PLACE: Place = { endpoint: "192.0.2.7:502", unitId: 3, parent: null, child: undefined };

async function identity(strings: { readonly [point: string]: WireValue }, place = PLACE) {
  const layout = compileLayout(await published(1), 66, () => undefined);
  const bytes = encodeModel(layout, (name) => strings[name] ?? null);
  return identityOf({ layout, image: new DataView(bytes.buffer) }, place);
}

Deno.test("identityOf() reads the common model", async () => {
  assert.deepEqual(
    await identity({ Mn: "Helio", Md: "H-10", Opt: "B", Vr: "1.2", SN: "SN0001", DA: 3 }),
    {
      id: "Helio-H-10-SN0001",
      manufacturer: "Helio",
      model: "H-10",
      options: "B",
      version: "1.2",
      serialNumber: "SN0001",
      endpoint: "192.0.2.7:502",
      unitId: 3,
      parent: null,
    },
  );
});

Deno.test("an id is what the device says, or where it is", async () => {
  const child = { ...PLACE, parent: "Helio-H-10-SN0001", child: 0 };
  for (
    const [strings, place, want] of [
      [{ Mn: "Solar Edge ", Md: "SE 10K  x", SN: " 7F 01" }, PLACE, "Solar_Edge-SE_10K_x-7F_01"],
      [{ Mn: "Helio", Md: "H-10" }, PLACE, "Helio-H-10@192.0.2.7:502/3"],
      [{ Mn: "Helio", Md: "H-10", SN: "   " }, PLACE, "Helio-H-10@192.0.2.7:502/3"],
      [{ Mn: "Helio", SN: "1" }, PLACE, "Helio-1"],
      [{ Md: "H-10", SN: "1" }, PLACE, "H-10-1"],
      [{ SN: "1" }, PLACE, "unknown-1"],
      [{}, PLACE, "unknown@192.0.2.7:502/3"],
      [{ Mn: "Meter", Md: "M", SN: "9" }, child, "Meter-M-9"],
      [{ Mn: "Meter", Md: "M" }, child, "Meter-M@192.0.2.7:502/3.1"],
      [{ Mn: "Meter", Md: "M" }, { ...child, child: 1 }, "Meter-M@192.0.2.7:502/3.2"],
      [
        { Mn: "\u001b[31mRed", Md: "A\nB\tC", SN: "1\u0000\u0007\u007f\u009b2" },
        PLACE,
        "[31mRed-ABC-12",
      ],
      [{ Mn: "\u0007", Md: "\r\n", SN: "\u001b" }, PLACE, "unknown@192.0.2.7:502/3"],
      [{ Mn: "Müller", Md: "é", SN: "1" }, PLACE, "Müller-é-1"],
    ] as const
  ) {
    const { id } = await identity(strings, place);
    assert.equal(id, want);
  }
});

Deno.test("control characters and blanks around are no part of a name", async () => {
  const { manufacturer, model, options, version, serialNumber, parent } = await identity({
    Mn: " He\u0000lio\u001b ",
    Md: "\tH-10\r\n",
    Opt: "\u0085",
    Vr: "1 . 2",
    SN: "\u007f",
  }, { ...PLACE, parent: "the-parent", child: 0 });
  assert.deepEqual(
    [manufacturer, model, options, version, serialNumber, parent],
    ["Helio", "H-10", "", "1 . 2", "", "the-parent"],
  );
});

Deno.test("a device without a common model, or with a short one, is where it is", async () => {
  const nobody = identityOf(undefined, PLACE);
  assert.equal(nobody.id, "unknown@192.0.2.7:502/3");
  assert.deepEqual([nobody.manufacturer, nobody.serialNumber], ["", ""]);
  const layout = compileLayout(await published(1), 15, () => undefined);
  const image = new DataView(new ArrayBuffer(34));
  assert.equal(identityOf({ layout, image }, PLACE).id, "unknown@192.0.2.7:502/3");
});
